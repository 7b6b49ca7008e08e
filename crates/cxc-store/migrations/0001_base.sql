-- What every part stands on: settings of the installation, ids, leases, jobs, the outbox.
CREATE TABLE installation (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE id_block (
    name TEXT PRIMARY KEY,
    next {BIGINT} NOT NULL
);

CREATE TABLE lease (
    name       TEXT PRIMARY KEY,
    holder     TEXT NOT NULL,
    token      {BIGINT} NOT NULL,
    expires_at {BIGINT} NOT NULL
);

-- state: queued, running, succeeded, failed, cancelled
CREATE TABLE job (
    id          {UUID} PRIMARY KEY,
    tenant      {BIGINT} NOT NULL,
    kind        TEXT NOT NULL,
    subject     {UUID},
    payload     {JSON} NOT NULL,
    state       TEXT NOT NULL,
    done        {BIGINT} NOT NULL DEFAULT 0,
    total       {BIGINT} NOT NULL DEFAULT 0,
    result      {JSON},
    error       {JSON},
    cancel      {BOOL} NOT NULL DEFAULT FALSE,
    tries       {BIGINT} NOT NULL DEFAULT 0,
    run_at      {BIGINT} NOT NULL,
    lease_until {BIGINT} NOT NULL DEFAULT 0,
    lease_token {BIGINT} NOT NULL DEFAULT 0,
    created_by  TEXT NOT NULL,
    created_at  {BIGINT} NOT NULL,
    updated_at  {BIGINT} NOT NULL,
    finished_at {BIGINT}
);
CREATE INDEX job_open ON job (run_at) WHERE state IN ('queued', 'running');
CREATE INDEX job_of_tenant ON job (tenant, created_at);
CREATE INDEX job_of_subject ON job (tenant, subject, kind, created_at);

-- the outbox: seq is stamped after commit by one leased dispatcher, so it is commit order
CREATE TABLE event (
    id      {BIGINT} PRIMARY KEY,
    tenant  {BIGINT} NOT NULL,
    topic   TEXT NOT NULL,
    kind    TEXT NOT NULL,
    subject TEXT NOT NULL,
    body    {JSON} NOT NULL,
    at      {BIGINT} NOT NULL,
    seq     {BIGINT}
);
CREATE INDEX event_unstamped ON event (id) WHERE seq IS NULL;
CREATE UNIQUE INDEX event_seq ON event (seq) WHERE seq IS NOT NULL;
