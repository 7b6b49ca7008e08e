-- What changed in suppression and is not shown by the records of campaign groups yet. kind: 1 a device, 2 a client id
-- (key_hash: its keyed hash), 3 a whole suppression list, 4 a list of numbers (key_hash: the list's number).
-- due: from then on, microseconds, 0 for now; stamp: grows when it changes once more, so that nothing is missed that
-- changes while it is being looked at
CREATE TABLE suppression_change (
    tenant   {BIGINT} NOT NULL,
    kind     {SMALLINT} NOT NULL,
    key_hash {BIGINT} NOT NULL,
    due      {BIGINT} NOT NULL,
    stamp    {BIGINT} NOT NULL,
    PRIMARY KEY (tenant, kind, key_hash, due)
) {SHORT_LIVED};
CREATE INDEX suppression_change_due ON suppression_change (due);
