-- Tenants, the objects that people edit, access, audit.
CREATE TABLE tenant (
    no            {BIGINT} PRIMARY KEY,
    id            {UUID} NOT NULL UNIQUE,
    short_name    TEXT NOT NULL UNIQUE,
    customer_name TEXT NOT NULL,
    domain        TEXT NOT NULL UNIQUE,
    ccid          TEXT NOT NULL UNIQUE,
    enabled       {BOOL} NOT NULL DEFAULT TRUE,
    version       {BIGINT} NOT NULL,
    created_at    {BIGINT} NOT NULL,
    created_by    TEXT NOT NULL,
    updated_at    {BIGINT} NOT NULL,
    updated_by    TEXT NOT NULL
);

-- everything that people edit; name_key is the name in lower case
CREATE TABLE object (
    tenant      {BIGINT} NOT NULL REFERENCES tenant (no),
    id          {UUID} NOT NULL,
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    name_key    TEXT NOT NULL,
    description TEXT NOT NULL,
    body        {JSON} NOT NULL,
    version     {BIGINT} NOT NULL,
    created_at  {BIGINT} NOT NULL,
    created_by  TEXT NOT NULL,
    updated_at  {BIGINT} NOT NULL,
    updated_by  TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX object_name ON object (tenant, kind, name_key);
CREATE INDEX object_created ON object (tenant, kind, created_at, id);

CREATE TABLE object_reference (
    tenant  {BIGINT} NOT NULL,
    from_id {UUID} NOT NULL,
    pointer TEXT NOT NULL,
    to_id   {UUID} NOT NULL,
    PRIMARY KEY (tenant, from_id, pointer),
    FOREIGN KEY (tenant, from_id) REFERENCES object (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, to_id) REFERENCES object (tenant, id)
);
CREATE INDEX object_reference_to ON object_reference (tenant, to_id);

CREATE TABLE user_password (
    tenant     {BIGINT} NOT NULL,
    user_id    {UUID} NOT NULL,
    hash       TEXT NOT NULL,
    changed_at {BIGINT} NOT NULL,
    PRIMARY KEY (tenant, user_id),
    FOREIGN KEY (tenant, user_id) REFERENCES object (tenant, id) ON DELETE CASCADE
);

-- bad passwords by keyed hash of the user name or of the address
CREATE TABLE login_failure (
    who          {BIGINT} PRIMARY KEY,
    failures     {BIGINT} NOT NULL,
    since        {BIGINT} NOT NULL,
    locked_until {BIGINT} NOT NULL
);

CREATE TABLE session (
    token_hash {BYTES} PRIMARY KEY,
    tenant     {BIGINT} NOT NULL,
    user_id    {UUID} NOT NULL,
    created_at {BIGINT} NOT NULL,
    seen_at    {BIGINT} NOT NULL,
    expires_at {BIGINT} NOT NULL,
    FOREIGN KEY (tenant, user_id) REFERENCES object (tenant, id) ON DELETE CASCADE
);
CREATE INDEX session_of_user ON session (tenant, user_id);
CREATE INDEX session_expires ON session (expires_at);

CREATE TABLE api_client_secret (
    client_id   {UUID} PRIMARY KEY,
    tenant      {BIGINT} NOT NULL,
    secret_hash {BYTES} NOT NULL,
    changed_at  {BIGINT} NOT NULL,
    FOREIGN KEY (tenant, client_id) REFERENCES object (tenant, id) ON DELETE CASCADE
);

CREATE TABLE access_token (
    token_hash {BYTES} PRIMARY KEY,
    tenant     {BIGINT} NOT NULL,
    client_id  {UUID} NOT NULL,
    scopes     TEXT NOT NULL,
    created_at {BIGINT} NOT NULL,
    expires_at {BIGINT} NOT NULL,
    FOREIGN KEY (tenant, client_id) REFERENCES object (tenant, id) ON DELETE CASCADE
);
CREATE INDEX access_token_of_client ON access_token (tenant, client_id);
CREATE INDEX access_token_expires ON access_token (expires_at);

-- append-only; actor_id and object_id are plain values, since both may be gone when it is read
CREATE TABLE audit_event (
    id          {UUID} PRIMARY KEY,
    tenant      {BIGINT} NOT NULL,
    at          {BIGINT} NOT NULL,
    actor_kind  TEXT NOT NULL,
    actor_id    {UUID},
    actor       TEXT NOT NULL,
    address     TEXT NOT NULL,
    request_id  TEXT NOT NULL,
    action      TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id   {UUID},
    object_name TEXT NOT NULL,
    before      {JSON},
    after       {JSON}
);
CREATE INDEX audit_event_at ON audit_event (tenant, at, id);
CREATE INDEX audit_event_of_object ON audit_event (tenant, object_id, at);

-- status 0: the first request is still running
CREATE TABLE idempotency_key (
    tenant      {BIGINT} NOT NULL,
    client      {UUID} NOT NULL,
    name        TEXT NOT NULL,
    fingerprint {BYTES} NOT NULL,
    status      {BIGINT} NOT NULL,
    headers     TEXT NOT NULL,
    body        {BYTES} NOT NULL,
    created_at  {BIGINT} NOT NULL,
    PRIMARY KEY (tenant, client, name)
);
CREATE INDEX idempotency_key_created ON idempotency_key (created_at);
