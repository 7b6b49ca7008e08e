-- caller ids that somebody on the way to the people blocks: nobody is called by them until the mark is old or cleared
CREATE TABLE caller_id_block (
    tenant     {BIGINT} NOT NULL,
    number     TEXT NOT NULL,
    blocked_at {BIGINT} NOT NULL,
    blocked    {BIGINT} NOT NULL,
    calls      {BIGINT} NOT NULL,
    PRIMARY KEY (tenant, number)
) {WITHOUT_ROWID};

-- what calls by a trunk cost today, in millionths of its own unit. account holds the lease; trunk is it or an alternate;
-- the token is that of the lease: a former holder writes nothing any more
CREATE TABLE trunk_spend (
    account {BIGINT} NOT NULL,
    trunk   {UUID} NOT NULL,
    day     {BIGINT} NOT NULL,
    spent   {BIGINT} NOT NULL,
    token   {BIGINT} NOT NULL,
    PRIMARY KEY (account, trunk)
) {WITHOUT_ROWID};
