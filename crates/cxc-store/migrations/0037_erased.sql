-- attempts of people who were erased (contact -1): they count by their keyed hashes for as long as a rule looks back
CREATE INDEX attempt_erased ON attempt (tenant, started_at) WHERE contact = -1;
