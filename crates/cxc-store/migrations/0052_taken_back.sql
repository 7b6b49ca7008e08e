-- own: a command began the job for itself. Once that command is gone the job is taken back, and never run again: what it would
-- read and where it would write may be another by then
ALTER TABLE job ADD COLUMN own {BOOL} NOT NULL DEFAULT {NO};
-- when the last attempt began, microseconds: its number says nothing of the time. Of attempts from before this column: when
-- their record last changed
ALTER TABLE record ADD COLUMN attempted_at {BIGINT};
UPDATE record SET attempted_at = changed_at WHERE last_attempt IS NOT NULL;
-- contacts that a person wrote by hand since the latest import of their list: an undo of it would throw that away
CREATE TABLE contact_edit (
    list    {BIGINT} NOT NULL,
    contact {BIGINT} NOT NULL,
    at      {BIGINT} NOT NULL,
    PRIMARY KEY (list, contact)
) {WITHOUT_ROWID};
