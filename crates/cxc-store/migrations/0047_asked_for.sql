-- The time for which a person asked to be called back, of consents of the kind callback. Microseconds; the end is exclusive.
-- Older ones have none: they open no hour that is closed.
ALTER TABLE consent ADD COLUMN asked_from BIGINT;
ALTER TABLE consent ADD COLUMN asked_till BIGINT;
