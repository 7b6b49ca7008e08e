-- What a dialer has learned of the people that a group calls: answers, ring and handle times, as JSON. Written each minute
ALTER TABLE campaign_group ADD COLUMN learned TEXT;
