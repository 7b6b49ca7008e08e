-- The ledger of consents and opt-outs. Rows are added and never changed, but for two things: an erasure takes the key
-- and the words (the keyed hash stays), and the undo of an import voids its rows.
-- key_kind: 1 a device's address, 2 a client id; channels: voice 1, SMS 2, email 4; scope_kind: 0 all, 1 brand, 2 topic.
-- said_at: when the person said so; received_at: when we learned of it; effective_at: since when it holds here;
-- deadline: by when the law wants a revocation to hold; import: 0 if none
CREATE TABLE consent (
    tenant       {BIGINT} NOT NULL,
    key_kind     {SMALLINT} NOT NULL,
    key_hash     {BIGINT} NOT NULL,
    id           {BIGINT} NOT NULL,
    key          TEXT NOT NULL,
    kind         TEXT NOT NULL,
    revoked      {SMALLINT} NOT NULL,
    channels     {SMALLINT} NOT NULL,
    scope_kind   {SMALLINT} NOT NULL,
    scope        TEXT NOT NULL,
    said_at      {BIGINT} NOT NULL,
    received_at  {BIGINT} NOT NULL,
    effective_at {BIGINT} NOT NULL,
    deadline     {BIGINT},
    expires_at   {BIGINT},
    source       TEXT NOT NULL,
    words        TEXT,
    evidence     TEXT,
    import       {BIGINT} NOT NULL DEFAULT 0,
    voided_at    {BIGINT},
    PRIMARY KEY (tenant, key_kind, key_hash, id)
) {WITHOUT_ROWID};
CREATE INDEX consent_of_import ON consent (import) WHERE import <> 0;
-- revocations that held later than the law wants
CREATE INDEX consent_late ON consent (tenant, received_at) WHERE effective_at > deadline;

-- messages that may have been an opt-out: suppressed, and waiting for somebody to look.
-- state: open, confirmed, released; rule: the line of the wording rules
CREATE TABLE opt_out_review (
    tenant      {BIGINT} NOT NULL,
    id          {BIGINT} NOT NULL,
    state       TEXT NOT NULL,
    channel     {SMALLINT} NOT NULL,
    key_hash    {BIGINT} NOT NULL,
    key         TEXT NOT NULL,
    words       TEXT NOT NULL,
    language    TEXT NOT NULL,
    rule        {BIGINT} NOT NULL,
    received_at {BIGINT} NOT NULL,
    decided_at  {BIGINT},
    decided_by  TEXT,
    reason      TEXT,
    PRIMARY KEY (tenant, id)
) {WITHOUT_ROWID};
CREATE INDEX opt_out_review_open ON opt_out_review (tenant, state, id);
CREATE INDEX opt_out_review_of_key ON opt_out_review (tenant, key_hash);
