-- What the limits of abandoned calls look back on, and results as they come. Messages are in neither.
CREATE INDEX attempt_voice ON attempt (grp, started_at) WHERE channel = 1;
CREATE INDEX attempt_voice_ended ON attempt (finished_at) WHERE channel = 1;
