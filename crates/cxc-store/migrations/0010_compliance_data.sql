-- Data that a provider published and that was believed: of every tenant, so no tenant stands here.

-- one row an activation; seq grows, the greatest is in use. manifest is the text as it was signed;
-- unusual_counts: a person said that its rows are right though their number jumped
CREATE TABLE compliance_generation (
    seq            {BIGINT} PRIMARY KEY,
    generation     TEXT NOT NULL,
    manifest       TEXT NOT NULL,
    unusual_counts {BOOL} NOT NULL,
    activated_at   {BIGINT} NOT NULL
);

-- the files of a generation, by the digest of their rows
CREATE TABLE compliance_generation_file (
    seq     {BIGINT} NOT NULL,
    kind    TEXT NOT NULL,
    country TEXT NOT NULL,
    sha256  TEXT NOT NULL,
    PRIMARY KEY (seq, kind, country)
) {WITHOUT_ROWID};

-- rows, compressed; several generations share what did not change
CREATE TABLE compliance_file (
    sha256 TEXT PRIMARY KEY,
    body   {BYTES} NOT NULL
);

-- where each file stands: embedded, downloaded, active, stale or rejected
CREATE TABLE compliance_file_state (
    kind       TEXT NOT NULL,
    country    TEXT NOT NULL,
    state      TEXT NOT NULL,
    version    TEXT NOT NULL,
    expires    {BIGINT},
    detail     TEXT,
    changed_at {BIGINT} NOT NULL,
    PRIMARY KEY (kind, country)
) {WITHOUT_ROWID};
