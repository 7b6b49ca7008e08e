-- who talked with the person, and what the agent wrote about it
ALTER TABLE attempt ADD COLUMN agent TEXT;
ALTER TABLE attempt ADD COLUMN note TEXT;
DROP VIEW attempt_known;
CREATE VIEW attempt_known AS
    SELECT tenant, month, id, grp, record, list, contact, account, channel, position, device_hash, client_hash, state,
        result, disposition, provider_id, detail, rule_set, started_at, finished_at, agent, note
    FROM attempt
    UNION ALL
    SELECT tenant, month, attempt, grp, record, list, contact, account, channel, position,
        coalesce(device_hash, answers_to), client_hash, CAST(1 AS {SMALLINT}), CAST(NULL AS {SMALLINT}),
        CAST(NULL AS TEXT), CAST(NULL AS TEXT), CAST(NULL AS TEXT), rule_set, started_at, CAST(NULL AS {BIGINT}),
        CAST(NULL AS TEXT), CAST(NULL AS TEXT)
    FROM in_flight WHERE account <> 0;
