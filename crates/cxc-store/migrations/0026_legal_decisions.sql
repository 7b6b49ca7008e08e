-- every decision of a tenant on a legal rule, in its order: rows are added and never changed. body: the decision, or the
-- reason of a withdrawal
CREATE TABLE legal_decision (
    tenant     {BIGINT} NOT NULL,
    rule       TEXT NOT NULL,
    id         {UUID} NOT NULL,
    at         {BIGINT} NOT NULL,
    decided_by TEXT NOT NULL,
    withdrawn  {BOOL} NOT NULL,
    body       {JSON} NOT NULL,
    PRIMARY KEY (tenant, rule, id)
) {WITHOUT_ROWID};

-- what stands today was decided before there was a history
INSERT INTO legal_decision (tenant, rule, id, at, decided_by, withdrawn, body)
SELECT tenant, name, id, updated_at, updated_by, {NO}, body FROM object WHERE kind = 'legal_rule_setting';
