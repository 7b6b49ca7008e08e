-- What forbids contacts with a person for some purposes: bankruptcy, dispute, a request to cease. Not a person's consent.
-- key_kind: 1 a device's address, 2 a client id; an erasure takes the key and the note, the keyed hash stays
CREATE TABLE person_flag (
    tenant   {BIGINT} NOT NULL,
    key_kind {SMALLINT} NOT NULL,
    key_hash {BIGINT} NOT NULL,
    flag     TEXT NOT NULL,
    key      TEXT NOT NULL,
    note     TEXT,
    added_at {BIGINT} NOT NULL,
    added_by TEXT NOT NULL,
    PRIMARY KEY (tenant, key_kind, key_hash, flag)
) {WITHOUT_ROWID};
