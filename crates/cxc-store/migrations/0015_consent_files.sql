-- Consents and opt-outs from files, opt-out lists of a tenant's own, and the times that people declared.

-- lifts: whether a consent may lift an opt-out that it is later than; one from a file may only where the tenant says so
ALTER TABLE consent ADD COLUMN lifts {SMALLINT} NOT NULL DEFAULT 1;
-- what is voided leaves the index, so that an undo finds what is left
DROP INDEX consent_of_import;
CREATE INDEX consent_of_import ON consent (import) WHERE import <> 0 AND voided_at IS NULL;

-- opt_outs: its entries are what people asked for, and stand in the ledger too
ALTER TABLE suppression_list ADD COLUMN opt_outs {BOOL} NOT NULL DEFAULT FALSE;
UPDATE suppression_list SET opt_outs = TRUE WHERE role IS NOT NULL;
{POSTGRES}UPDATE object SET body = jsonb_set(body, ARRAY['optOuts'], 'true') WHERE kind = 'suppression_list' AND id IN (SELECT id FROM suppression_list WHERE role IS NOT NULL);
{SQLITE}UPDATE object SET body = json_set(body, '$.optOuts', json('true')) WHERE kind = 'suppression_list' AND id IN (SELECT id FROM suppression_list WHERE role IS NOT NULL);

-- When people said that contacts are convenient. key_kind: 1 a device's address, 2 a client id; hours: by weekday;
-- an erasure takes the key and the note, the keyed hash stays
CREATE TABLE declared_time (
    tenant     {BIGINT} NOT NULL,
    key_kind   {SMALLINT} NOT NULL,
    key_hash   {BIGINT} NOT NULL,
    id         {BIGINT} NOT NULL,
    key        TEXT NOT NULL,
    hours      {JSON} NOT NULL,
    note       TEXT,
    said_at    {BIGINT} NOT NULL,
    added_at   {BIGINT} NOT NULL,
    added_by   TEXT NOT NULL,
    ended_at   {BIGINT},
    ended_by   TEXT,
    end_reason TEXT,
    PRIMARY KEY (tenant, key_kind, key_hash, id)
) {WITHOUT_ROWID};
