-- Contact lists, their contents and imports; suppression.

-- number names the list in other large tables; generation names its contents (a replace swaps it);
-- contacts with an id above visible_to belong to an import that has not been published
CREATE TABLE contact_list (
    number      {BIGINT} PRIMARY KEY,
    tenant      {BIGINT} NOT NULL,
    id          {UUID} NOT NULL UNIQUE,
    generation  {BIGINT} NOT NULL,
    visible_to  {BIGINT} NOT NULL DEFAULT 0,
    contacts    {BIGINT} NOT NULL DEFAULT 0,
    devices     {BIGINT} NOT NULL DEFAULT 0,
    rejects     {BIGINT} NOT NULL DEFAULT 0,
    -- grows with every published change of the contents; groups refresh by it
    changes     {BIGINT} NOT NULL DEFAULT 0
);
CREATE INDEX contact_list_of_tenant ON contact_list (tenant);

-- interned places: the zones and regions of a contact, postal code or phone prefix, by their canonical text
CREATE TABLE location (
    number {BIGINT} PRIMARY KEY,
    key    TEXT NOT NULL UNIQUE
);

-- key_hash: keyed hash of the client id, else of the first device
CREATE TABLE contact (
    generation {BIGINT} NOT NULL,
    id         {BIGINT} NOT NULL,
    key_hash   {BIGINT} NOT NULL,
    client_id  TEXT,
    first_name TEXT,
    last_name  TEXT,
    company    TEXT,
    country    TEXT,
    region     TEXT,
    postal     TEXT,
    zone       TEXT,
    location   {BIGINT} NOT NULL DEFAULT 0,
    custom     TEXT,
    original   TEXT,
    PRIMARY KEY (generation, id)
) {WITHOUT_ROWID};
CREATE INDEX contact_key ON contact (generation, key_hash);

CREATE TABLE device (
    generation   {BIGINT} NOT NULL,
    contact      {BIGINT} NOT NULL,
    position     {SMALLINT} NOT NULL,
    kind         {SMALLINT} NOT NULL,
    address      TEXT NOT NULL,
    address_hash {BIGINT} NOT NULL,
    type         {SMALLINT} NOT NULL DEFAULT 0,
    line_type    {SMALLINT} NOT NULL DEFAULT 0,
    extension    TEXT,
    country      TEXT,
    area_code    TEXT,
    location     {BIGINT} NOT NULL DEFAULT 0,
    PRIMARY KEY (generation, contact, position)
) {WITHOUT_ROWID};
CREATE INDEX device_address ON device (address_hash);

-- state: running, published, undone, cancelled, failed; the counts always add up to lines
CREATE TABLE list_import (
    number            {BIGINT} PRIMARY KEY,
    tenant            {BIGINT} NOT NULL,
    list              {BIGINT} NOT NULL,
    job               {UUID} NOT NULL,
    mode              TEXT NOT NULL,
    state             TEXT NOT NULL,
    file_name         TEXT NOT NULL,
    generation        {BIGINT} NOT NULL,
    generation_before {BIGINT} NOT NULL,
    visible_before    {BIGINT} NOT NULL,
    visible_after     {BIGINT} NOT NULL,
    contacts_before   {BIGINT} NOT NULL,
    devices_before    {BIGINT} NOT NULL,
    lines             {BIGINT} NOT NULL DEFAULT 0,
    imported          {BIGINT} NOT NULL DEFAULT 0,
    updated           {BIGINT} NOT NULL DEFAULT 0,
    duplicate         {BIGINT} NOT NULL DEFAULT 0,
    rejected          {BIGINT} NOT NULL DEFAULT 0,
    filtered          {BIGINT} NOT NULL DEFAULT 0,
    blank             {BIGINT} NOT NULL DEFAULT 0,
    devices           {BIGINT} NOT NULL DEFAULT 0,
    detail            {JSON} NOT NULL,
    started_at        {BIGINT} NOT NULL,
    finished_at       {BIGINT}
);
CREATE INDEX list_import_of_list ON list_import (list, number);
CREATE INDEX list_import_of_job ON list_import (job);

-- how a contact was before an update, so that an import can be undone
CREATE TABLE contact_before (
    import  {BIGINT} NOT NULL,
    contact {BIGINT} NOT NULL,
    image   TEXT NOT NULL,
    PRIMARY KEY (import, contact)
) {WITHOUT_ROWID};

-- contents that are gone for users and wait to be taken from the disk
CREATE TABLE contact_garbage (
    generation {BIGINT} PRIMARY KEY,
    not_before {BIGINT} NOT NULL
);

-- kind: device, client_id; channels: voice 1, SMS 2, email 4
CREATE TABLE suppression_list (
    number   {BIGINT} PRIMARY KEY,
    tenant   {BIGINT} NOT NULL,
    id       {UUID} NOT NULL UNIQUE,
    kind     TEXT NOT NULL,
    channels {SMALLINT} NOT NULL,
    required {BOOL} NOT NULL,
    expires_at {BIGINT},
    size     {BIGINT} NOT NULL DEFAULT 0
);
CREATE INDEX suppression_list_of_tenant ON suppression_list (tenant);

-- key is empty once the person was erased: the keyed hash still suppresses
CREATE TABLE suppression_entry (
    list     {BIGINT} NOT NULL,
    key_hash {BIGINT} NOT NULL,
    key      TEXT NOT NULL,
    from_at  {BIGINT},
    until_at {BIGINT},
    reason   TEXT,
    source   TEXT NOT NULL,
    added_at {BIGINT} NOT NULL,
    PRIMARY KEY (list, key_hash, key)
) {WITHOUT_ROWID};
