-- The devices behind a block's hashes, sealed: beside its decisions and not covered by their hash. Erasure takes one out
-- of its block and leaves the chain whole. One value a block in place of one row a device: senders decide by the thousand.
ALTER TABLE evidence ADD COLUMN devices {BYTES};
DROP TABLE evidence_device;
