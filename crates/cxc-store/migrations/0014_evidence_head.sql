-- the last block of each chain of evidence: what a chain is compared with, so that a removed end shows
CREATE TABLE evidence_head (
    tenant {BIGINT} NOT NULL,
    day    {BIGINT} NOT NULL,
    chain  {BIGINT} NOT NULL,
    seq    {BIGINT} NOT NULL,
    hash   {BYTES} NOT NULL,
    PRIMARY KEY (tenant, day, chain)
) {HOT};

INSERT INTO evidence_head (tenant, day, chain, seq, hash)
SELECT e.tenant, e.day, e.chain, e.seq, e.hash FROM evidence e
WHERE NOT EXISTS (SELECT 1 FROM evidence n WHERE n.tenant = e.tenant AND n.day = e.day AND n.chain = e.chain AND n.seq > e.seq);
