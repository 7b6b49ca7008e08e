-- An attempt under way is a row of in_flight alone; attempt gets it once, with its answer.

-- device_hash, client_hash: whom nobody else may contact meanwhile; answers_to: the device that an answer to a person's
-- own message goes to, which keeps nobody from them. account: the channel account that sends it, 0 if it is a dialer's,
-- whose attempt is in attempt already and whose marks may be two rows
ALTER TABLE in_flight RENAME TO in_flight_before;
CREATE TABLE in_flight (
    tenant      {BIGINT} NOT NULL,
    month       {BIGINT} NOT NULL,
    attempt     {BIGINT} NOT NULL,
    grp         {BIGINT} NOT NULL DEFAULT -1,
    record      {BIGINT} NOT NULL DEFAULT 0,
    list        {BIGINT} NOT NULL DEFAULT 0,
    contact     {BIGINT} NOT NULL DEFAULT 0,
    account     {BIGINT} NOT NULL DEFAULT 0,
    epoch       {BIGINT} NOT NULL DEFAULT 0,
    channel     {SMALLINT} NOT NULL DEFAULT 0,
    position    {SMALLINT} NOT NULL DEFAULT 0,
    device_hash {BIGINT} UNIQUE,
    client_hash {BIGINT} UNIQUE,
    answers_to  {BIGINT},
    location    {BIGINT} NOT NULL DEFAULT 0,
    rule_set    {BIGINT} NOT NULL DEFAULT 0,
    regions     TEXT,
    started_at  {BIGINT} NOT NULL DEFAULT 0
) {SHORT_LIVED};
INSERT INTO in_flight (tenant, month, attempt, device_hash)
    SELECT tenant, month, attempt, key_hash FROM in_flight_before WHERE kind = 1 AND account = 0;
INSERT INTO in_flight (tenant, month, attempt, client_hash)
    SELECT tenant, month, attempt, key_hash FROM in_flight_before WHERE kind = 2 AND account = 0;
INSERT INTO in_flight (tenant, month, attempt, grp, record, list, contact, account, epoch, channel, position, device_hash,
        client_hash, answers_to, location, rule_set, started_at)
    SELECT tenant, month, id, grp, record, list, contact, account, epoch, channel, position,
        CASE WHEN grp = 0 THEN NULL ELSE device_hash END, client_hash, CASE WHEN grp = 0 THEN device_hash END,
        location, rule_set, started_at
    FROM attempt WHERE state = 1 AND account <> 0;
DELETE FROM attempt WHERE state = 1 AND account <> 0;
DROP TABLE in_flight_before;
-- its pages need no room for results any more
{POSTGRES}ALTER TABLE attempt_default RESET (fillfactor);

-- every attempt, also those under way
CREATE VIEW attempt_known AS
    SELECT tenant, month, id, grp, record, list, contact, account, channel, position, device_hash, client_hash, state,
        result, disposition, provider_id, detail, rule_set, started_at, finished_at
    FROM attempt
    UNION ALL
    SELECT tenant, month, attempt, grp, record, list, contact, account, channel, position,
        coalesce(device_hash, answers_to), client_hash, CAST(1 AS {SMALLINT}), CAST(NULL AS {SMALLINT}),
        CAST(NULL AS TEXT), CAST(NULL AS TEXT), CAST(NULL AS TEXT), rule_set, started_at, CAST(NULL AS {BIGINT})
    FROM in_flight WHERE account <> 0;

-- A record that goes from one status to another touches the indexes only when it begins or ceases to be ready or in
-- doubt: PostgreSQL writes an index also when a column of its condition changes
{POSTGRES}ALTER TABLE record ADD COLUMN open_status SMALLINT
{POSTGRES}    GENERATED ALWAYS AS (CASE WHEN status IN (1, 5) THEN status ELSE 0 END) STORED;
{POSTGRES}DROP INDEX record_ready;
{POSTGRES}DROP INDEX record_in_doubt;
{POSTGRES}CREATE INDEX record_ready ON record (grp, list, priority, due, id) WHERE open_status = 1;
{POSTGRES}CREATE INDEX record_in_doubt ON record (grp, id) WHERE open_status = 5;
