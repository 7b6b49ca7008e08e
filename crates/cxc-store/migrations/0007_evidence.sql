-- Why each attempt was allowed or not, attempts that are reserved or reported from outside, and what attempts are about.

-- one block: up to 100 decisions as zlib JSON lines. chain: a writer's own; seq: from 1 each day; hash: SHA-256 over
-- the block and the hash before it. grp: the group of all its decisions. Never updated.
CREATE TABLE evidence (
    tenant    {BIGINT} NOT NULL,
    day       {BIGINT} NOT NULL,
    chain     {BIGINT} NOT NULL,
    seq       {BIGINT} NOT NULL,
    at        {BIGINT} NOT NULL,
    grp       {BIGINT} NOT NULL,
    decisions {BIGINT} NOT NULL,
    body      {BYTES} NOT NULL,
    previous  {BYTES} NOT NULL,
    hash      {BYTES} NOT NULL,
    PRIMARY KEY (tenant, day, chain, seq)
);
CREATE INDEX evidence_of_group ON evidence (tenant, grp, at);
CREATE INDEX evidence_of_time ON evidence (tenant, at);

-- which decisions are about a device or a client id, by its keyed hash
CREATE TABLE evidence_subject (
    tenant   {BIGINT} NOT NULL,
    key_hash {BIGINT} NOT NULL,
    at       {BIGINT} NOT NULL,
    day      {BIGINT} NOT NULL,
    chain    {BIGINT} NOT NULL,
    seq      {BIGINT} NOT NULL,
    item     {BIGINT} NOT NULL,
    PRIMARY KEY (tenant, key_hash, at, chain, seq, item)
) {WITHOUT_ROWID};

-- the devices behind the hashes, sealed with the installation's key. Erasure deletes here and leaves the chain whole.
CREATE TABLE evidence_device (
    tenant      {BIGINT} NOT NULL,
    device_hash {BIGINT} NOT NULL,
    original    {BYTES} NOT NULL,
    PRIMARY KEY (tenant, device_hash)
) {WITHOUT_ROWID};

-- the rule documents of a version, zlib JSON, kept when first used. A program update may change what a version means,
-- so the content's hash is part of the key.
CREATE TABLE rule_snapshot (
    tenant  {BIGINT} NOT NULL,
    version {BIGINT} NOT NULL,
    sha256  {BYTES} NOT NULL,
    body    {BYTES} NOT NULL,
    at      {BIGINT} NOT NULL,
    PRIMARY KEY (tenant, version, sha256)
);

-- what an attempt is about besides its device and client id. kind: 3 person, 4 account, 5 debt
CREATE TABLE attempt_subject (
    tenant     {BIGINT} NOT NULL,
    kind       {SMALLINT} NOT NULL,
    key_hash   {BIGINT} NOT NULL,
    started_at {BIGINT} NOT NULL,
    month      {BIGINT} NOT NULL,
    attempt    {BIGINT} NOT NULL,
    PRIMARY KEY (tenant, kind, key_hash, started_at, attempt)
) {WITHOUT_ROWID};
CREATE INDEX attempt_subject_of ON attempt_subject (tenant, attempt);

-- attempts that dialers and gateways report, by their own id. sequence: -1 reserved, 0 begun, 1 final;
-- open_until: when it hardens into an attempt in doubt; report: the last one, with the fields that nobody knows
CREATE TABLE attempt_report (
    tenant     {BIGINT} NOT NULL,
    guid       TEXT NOT NULL,
    month      {BIGINT} NOT NULL,
    attempt    {BIGINT} NOT NULL,
    sequence   {SMALLINT} NOT NULL,
    open_until {BIGINT},
    report     {JSON},
    PRIMARY KEY (tenant, guid)
);
CREATE INDEX attempt_report_open ON attempt_report (open_until) WHERE open_until IS NOT NULL;
CREATE INDEX attempt_report_of ON attempt_report (tenant, attempt);

-- grp: -1 where it was reported for no group of ours. direction: 1 in, else out; purpose: see cxc-core/src/compliance;
-- collector: a keyed hash; regions: where the person may have been
ALTER TABLE attempt ADD COLUMN direction {SMALLINT};
ALTER TABLE attempt ADD COLUMN purpose TEXT;
ALTER TABLE attempt ADD COLUMN connected {BOOL};
ALTER TABLE attempt ADD COLUMN conversation {BOOL};
ALTER TABLE attempt ADD COLUMN refused {BOOL};
ALTER TABLE attempt ADD COLUMN consented {BOOL};
ALTER TABLE attempt ADD COLUMN collector {BIGINT};
ALTER TABLE attempt ADD COLUMN topic TEXT;
ALTER TABLE attempt ADD COLUMN regions TEXT;
