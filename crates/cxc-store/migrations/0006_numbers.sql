-- National and customer lists of numbers, and what is known of single numbers.

-- register: the name by which legal rules know it; active: the version that is asked, 0 before the first
CREATE TABLE number_list (
    number       {BIGINT} PRIMARY KEY,
    tenant       {BIGINT} NOT NULL,
    id           {UUID} NOT NULL UNIQUE,
    kind         TEXT NOT NULL,
    register     TEXT NOT NULL,
    jurisdiction TEXT,
    channels     {SMALLINT} NOT NULL,
    max_age_days {BIGINT},
    active       {BIGINT} NOT NULL DEFAULT 0
);
CREATE INDEX number_list_of_tenant ON number_list (tenant);

-- state: loading, ready, active, retired, rejected. blob names its chunks, which never change;
-- lines = taken + duplicate + rejected + blank; numbers is what the version holds
CREATE TABLE number_list_version (
    list         {BIGINT} NOT NULL,
    version      {BIGINT} NOT NULL,
    tenant       {BIGINT} NOT NULL,
    blob         {BIGINT} NOT NULL,
    state        TEXT NOT NULL,
    mode         TEXT NOT NULL,
    job          {UUID} NOT NULL,
    file_name    TEXT NOT NULL,
    as_of        {BIGINT} NOT NULL,
    numbers      {BIGINT} NOT NULL DEFAULT 0,
    bytes        {BIGINT} NOT NULL DEFAULT 0,
    sha256       TEXT NOT NULL DEFAULT '',
    lines        {BIGINT} NOT NULL DEFAULT 0,
    taken        {BIGINT} NOT NULL DEFAULT 0,
    duplicate    {BIGINT} NOT NULL DEFAULT 0,
    rejected     {BIGINT} NOT NULL DEFAULT 0,
    blank        {BIGINT} NOT NULL DEFAULT 0,
    detail       TEXT,
    rejects_file TEXT,
    created_by   TEXT NOT NULL,
    created_at   {BIGINT} NOT NULL,
    activated_at {BIGINT},
    PRIMARY KEY (list, version)
) {WITHOUT_ROWID};
CREATE INDEX number_list_version_of_job ON number_list_version (job);

-- the bytes of a version, 1 MiB a row
CREATE TABLE number_list_chunk (
    blob {BIGINT} NOT NULL,
    seq  {BIGINT} NOT NULL,
    body {BYTES} NOT NULL,
    PRIMARY KEY (blob, seq)
);
-- they are compressed already
{POSTGRES}ALTER TABLE number_list_chunk ALTER COLUMN body SET STORAGE EXTERNAL;

-- blobs whose chunks leave the disk in the background
CREATE TABLE number_list_garbage (
    blob {BIGINT} PRIMARY KEY
);

-- what a source said of a number. answer: yes, no, no_data (is it reassigned since the date asked about)
CREATE TABLE number_answer (
    tenant      {BIGINT} NOT NULL,
    device_hash {BIGINT} NOT NULL,
    number      TEXT NOT NULL,
    queried_at  {BIGINT} NOT NULL,
    consent_at  {BIGINT},
    answer      TEXT NOT NULL,
    line_type   TEXT,
    ported_at   {BIGINT},
    source      TEXT NOT NULL,
    PRIMARY KEY (tenant, device_hash, number)
) {WITHOUT_ROWID};
