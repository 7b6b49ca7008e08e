-- Callbacks that wait for one agent (reason 17, the cause names the user) are found when they are due. They are few. In
-- PostgreSQL by a column that stays empty for all others: a condition on the reason would have the index written with
-- each message whose receipt is awaited
{SQLITE}CREATE INDEX record_personal ON record (grp, due) WHERE status = 1 AND reason = 17;
{POSTGRES}ALTER TABLE record ADD COLUMN personal_due BIGINT
{POSTGRES}    GENERATED ALWAYS AS (CASE WHEN status = 1 AND reason = 17 THEN due END) STORED;
{POSTGRES}CREATE INDEX record_personal ON record (grp, personal_due) WHERE personal_due IS NOT NULL;
