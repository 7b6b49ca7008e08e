-- the jobs of a tenant that moved since somebody looked: listeners to events ask for them
CREATE INDEX job_changed ON job (tenant, updated_at);
