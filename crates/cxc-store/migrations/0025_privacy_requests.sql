-- requests of people for their data or its erasure: each is a job with the same id and goes with it. key_hash and key: who,
-- gone when the person is erased. file: the export, zlib.
CREATE TABLE privacy_request (
    id       {UUID} PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    tenant   {BIGINT} NOT NULL,
    reason   TEXT NOT NULL,
    key_kind {SMALLINT} NOT NULL,
    key_hash {BIGINT} NOT NULL,
    key      TEXT NOT NULL,
    file     {BYTES}
);

CREATE INDEX privacy_request_key ON privacy_request (tenant, key_hash);
