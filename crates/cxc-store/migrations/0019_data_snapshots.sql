-- time zones and holidays that decisions were made with, kept when first used, so that the decisions can be made again
-- after an update. sha256: of the names and bytes of the files, as decisions name it. body: the files, zlib.
CREATE TABLE data_snapshot (
    kind    TEXT NOT NULL,
    sha256  TEXT NOT NULL,
    version TEXT NOT NULL,
    body    {BYTES} NOT NULL,
    at      {BIGINT} NOT NULL,
    PRIMARY KEY (kind, sha256)
);
