-- where the people of a list are, counted, as of its `changes`: JSON rows of kind, line type, location and count.
-- It may be lost: whoever needs it counts again
CREATE TABLE list_places (
    list    {BIGINT} PRIMARY KEY,
    changes {BIGINT} NOT NULL,
    places  TEXT NOT NULL
);
