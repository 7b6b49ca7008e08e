-- Campaign groups at work: their records, attempts, counters.

CREATE TABLE channel_account (
    number {BIGINT} PRIMARY KEY,
    tenant {BIGINT} NOT NULL,
    id     {UUID} NOT NULL UNIQUE
);

-- state: not_loaded, pre_loading, active, running, waiting_unload, unload_in_progress
CREATE TABLE campaign_group (
    number     {BIGINT} PRIMARY KEY,
    tenant     {BIGINT} NOT NULL,
    id         {UUID} NOT NULL UNIQUE,
    channel    {SMALLINT} NOT NULL,
    account    {BIGINT} NOT NULL DEFAULT 0,
    state      TEXT NOT NULL,
    target     TEXT,
    last_error TEXT,
    -- why a running group does not move, and since when; written by its sender
    limited_by TEXT,
    job        {UUID},
    loads      {BIGINT} NOT NULL DEFAULT 0,
    changed_at {BIGINT} NOT NULL
);
CREATE INDEX campaign_group_of_tenant ON campaign_group (tenant);
CREATE INDEX campaign_group_at_work ON campaign_group (account) WHERE state <> 'not_loaded';

-- loaded_to: contacts up to this id have a record; loaded_generation: of these contents
CREATE TABLE campaign_group_list (
    grp               {BIGINT} NOT NULL,
    list              {BIGINT} NOT NULL,
    weight            {BIGINT} NOT NULL,
    position          {BIGINT} NOT NULL,
    selection_rule    {UUID},
    loaded_to         {BIGINT} NOT NULL DEFAULT 0,
    loaded_generation {BIGINT} NOT NULL DEFAULT 0,
    loaded_changes    {BIGINT} NOT NULL DEFAULT -1,
    PRIMARY KEY (grp, list)
);
CREATE INDEX campaign_group_list_use ON campaign_group_list (list);

-- one contact's chain in one group; id is the contact's. status and reason: see cxc-core/src/record.rs.
-- due: not before, microseconds; epoch: the lease under which it is in progress
CREATE TABLE record (
    grp          {BIGINT} NOT NULL,
    id           {BIGINT} NOT NULL,
    list         {BIGINT} NOT NULL,
    status       {SMALLINT} NOT NULL,
    reason       {SMALLINT} NOT NULL,
    priority     {SMALLINT} NOT NULL,
    due          {BIGINT} NOT NULL,
    not_after    {BIGINT},
    device       {SMALLINT} NOT NULL,
    attempts     {SMALLINT} NOT NULL,
    retries      {SMALLINT} NOT NULL,
    last_result  {SMALLINT},
    last_attempt {BIGINT},
    epoch        {BIGINT} NOT NULL,
    dedupe_hash  {BIGINT},
    cause        TEXT,
    changed_at   {BIGINT} NOT NULL,
    PRIMARY KEY (grp, id)
) {HOT};
CREATE INDEX record_ready ON record (grp, list, priority, due, id) WHERE status = 1;
CREATE INDEX record_in_doubt ON record (grp, id) WHERE status = 5;

-- which records stand for a device: a table of its own, because an index of record would be written with each
-- change of a record
CREATE TABLE record_dedupe (
    grp         {BIGINT} NOT NULL,
    dedupe_hash {BIGINT} NOT NULL,
    id          {BIGINT} NOT NULL,
    PRIMARY KEY (grp, dedupe_hash, id)
) {WITHOUT_ROWID};

-- how many records stand where: summed over shards, one shard a writer.
-- code: the reason of a waiting or excluded record, the result of a finished one;
-- due_minute: for waiting records the minute (since 1970) after which they are ready
CREATE TABLE record_counter (
    grp        {BIGINT} NOT NULL,
    shard      {BIGINT} NOT NULL,
    status     {SMALLINT} NOT NULL,
    code       {SMALLINT} NOT NULL,
    due_minute {BIGINT} NOT NULL,
    n          {BIGINT} NOT NULL,
    PRIMARY KEY (grp, shard, status, code, due_minute)
) {HOT};

-- state: see cxc-core/src/attempt.rs; epoch: the sender's lease token; month: year * 100 + month
CREATE TABLE attempt (
    tenant       {BIGINT} NOT NULL,
    month        {BIGINT} NOT NULL,
    id           {BIGINT} NOT NULL,
    guid         {UUID},
    grp          {BIGINT} NOT NULL,
    record       {BIGINT} NOT NULL,
    list         {BIGINT} NOT NULL,
    contact      {BIGINT} NOT NULL,
    account      {BIGINT} NOT NULL,
    epoch        {BIGINT} NOT NULL,
    channel      {SMALLINT} NOT NULL,
    position     {SMALLINT} NOT NULL,
    device_hash  {BIGINT} NOT NULL,
    client_hash  {BIGINT},
    location     {BIGINT} NOT NULL DEFAULT 0,
    state        {SMALLINT} NOT NULL,
    result       {SMALLINT},
    disposition  TEXT,
    provider_id  TEXT,
    detail       TEXT,
    rule_set     {BIGINT} NOT NULL,
    data_version TEXT,
    started_at   {BIGINT} NOT NULL,
    finished_at  {BIGINT},
    PRIMARY KEY (tenant, month, id)
) {BY_MONTH};
{DEFAULT_MONTH}
CREATE INDEX attempt_device ON attempt (tenant, device_hash, started_at);
CREATE INDEX attempt_client ON attempt (tenant, client_hash, started_at) WHERE client_hash IS NOT NULL;
CREATE INDEX attempt_open ON attempt (account, state, started_at) WHERE state IN (1, 2, 4);
CREATE INDEX attempt_provider ON attempt (account, provider_id) WHERE provider_id IS NOT NULL;

-- who is being contacted now: a conflict means another group or batch is at it
CREATE TABLE in_flight (
    tenant   {BIGINT} NOT NULL,
    kind     {SMALLINT} NOT NULL,
    key_hash {BIGINT} NOT NULL,
    attempt  {BIGINT} NOT NULL,
    PRIMARY KEY (tenant, kind, key_hash)
) {WITHOUT_ROWID};

-- what a channel account received and has been dealt with: a carrier may deliver twice
CREATE TABLE inbound_message (
    account     {BIGINT} NOT NULL,
    provider_id TEXT NOT NULL,
    tenant      {BIGINT} NOT NULL,
    channel     {SMALLINT} NOT NULL,
    address_hash {BIGINT} NOT NULL,
    kind        TEXT NOT NULL,
    at          {BIGINT} NOT NULL,
    PRIMARY KEY (account, provider_id)
);

-- the version of a tenant's compliance rules moves with every edit; stopped: why nobody may be contacted
CREATE TABLE rule_set (
    tenant  {BIGINT} PRIMARY KEY,
    version {BIGINT} NOT NULL,
    stopped TEXT,
    policy  {JSON}
);
