-- the hash of an earlier block that a block names besides the one before it: a way from the end of a chain to each block
-- of it that is short. Covered by the block's hash; none in blocks of before, nor where it is the block before.
ALTER TABLE evidence ADD COLUMN skip {BYTES};

-- how many test messages a tenant sent on the last day on which it sent any. day: of UTC, as in evidence
CREATE TABLE test_send (
    tenant {BIGINT} NOT NULL,
    day    {BIGINT} NOT NULL,
    sent   {BIGINT} NOT NULL,
    PRIMARY KEY (tenant)
) {WITHOUT_ROWID};
