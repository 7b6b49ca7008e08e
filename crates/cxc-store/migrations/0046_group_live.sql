-- what goes on in a voice group, as the dialer that has its trunk last saw it: one row for each group, written once a second
-- at most and gone with the group's actor. calls: that are up, those included that agents gave to others; stopping: it places no
-- more; seen_at is by the database's clock; figures are JSON. account and token are those of the lease under which they were
-- written: a former holder writes nothing any more
CREATE TABLE group_live (
    grp      {BIGINT} NOT NULL PRIMARY KEY,
    account  {BIGINT} NOT NULL,
    token    {BIGINT} NOT NULL,
    seen_at  {BIGINT} NOT NULL,
    calls    {BIGINT} NOT NULL,
    stopping {BOOL} NOT NULL,
    figures  TEXT NOT NULL
) {HOT};
-- a group that is stopped at once may have its talks ended, too
ALTER TABLE campaign_group ADD COLUMN ends_talks {BOOL} NOT NULL DEFAULT {NO};
