-- Sending writes less: the change of an attempt from sending to its result touches no index.

-- who is in flight also says which attempts are under way: no index of attempt has to tell them apart.
-- kind 3 marks an answer to a person's own message by the attempt itself: it keeps nobody from being contacted
ALTER TABLE in_flight ADD COLUMN account {BIGINT} NOT NULL DEFAULT 0;
ALTER TABLE in_flight ADD COLUMN month {BIGINT} NOT NULL DEFAULT 0;
UPDATE in_flight SET account = o.account, month = o.month
    FROM (SELECT tenant, id, account, month FROM attempt WHERE state = 1) AS o
    WHERE in_flight.tenant = o.tenant AND in_flight.attempt = o.id;
INSERT INTO in_flight (tenant, kind, key_hash, attempt, account, month)
    SELECT tenant, 3, id, id, account, month FROM attempt WHERE state = 1 AND grp = 0;

-- an attempt whose receipt is awaited: the id that the receipt will carry, and since when
ALTER TABLE attempt ADD COLUMN receipt_id TEXT;
ALTER TABLE attempt ADD COLUMN awaiting_since {BIGINT};
UPDATE attempt SET receipt_id = provider_id, awaiting_since = started_at WHERE state = 2;

-- the hashes hold their tenant, so the keys need not begin with it. That also keeps PostgreSQL from reading all
-- attempts of a tenant by the beginning of the wrong index while it takes a new month for empty
DROP INDEX attempt_open;
DROP INDEX attempt_provider;
DROP INDEX attempt_device;
DROP INDEX attempt_client;
CREATE INDEX attempt_device ON attempt (device_hash, started_at);
CREATE INDEX attempt_client ON attempt (client_hash, started_at) WHERE client_hash IS NOT NULL;
CREATE INDEX attempt_receipt ON attempt (account, receipt_id) WHERE receipt_id IS NOT NULL;
CREATE INDEX attempt_awaiting ON attempt (account, awaiting_since) WHERE awaiting_since IS NOT NULL;

-- a page keeps room for the results of its attempts, as in the months
{POSTGRES}ALTER TABLE attempt_default SET (fillfactor = 50);
