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

-- Contacts by key and devices by address. Keys are random, and a random index costs SQLite, which writes
-- each touched page anew with every commit, more than the rows themselves: there the two are tables of
-- their own, which an import fills in sorted runs. A row may outlive its contact: confirm on the contact.
{POSTGRES}CREATE INDEX contact_by_key ON contact (generation, key_hash);
{POSTGRES}CREATE INDEX device_by_address ON device (generation, address_hash);
{POSTGRES}CREATE VIEW contact_key AS SELECT generation, key_hash, id FROM contact;
{POSTGRES}CREATE VIEW device_address AS SELECT generation, address_hash, contact, position FROM device;
{SQLITE}CREATE TABLE contact_key (generation INTEGER NOT NULL, key_hash INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (generation, key_hash, id)) WITHOUT ROWID;
{SQLITE}CREATE TABLE device_address (generation INTEGER NOT NULL, address_hash INTEGER NOT NULL, contact INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (generation, address_hash, contact, position)) WITHOUT ROWID;

-- state: running, published, undoing, undone, cancelled, failed; the counts always add up to lines.
-- kind: contacts, suppression; list: the number of a list of that kind
CREATE TABLE list_import (
    number            {BIGINT} PRIMARY KEY,
    tenant            {BIGINT} NOT NULL,
    kind              TEXT NOT NULL,
    list              {BIGINT} NOT NULL,
    job               {UUID} NOT NULL,
    mode              TEXT NOT NULL,
    state             TEXT NOT NULL,
    file_name         TEXT NOT NULL,
    generation        {BIGINT} NOT NULL,
    generation_before {BIGINT} NOT NULL,
    visible_before    {BIGINT} NOT NULL,
    visible_after     {BIGINT} NOT NULL DEFAULT 0,
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
    -- whether contact_before has images of this import
    images            {BOOL} NOT NULL DEFAULT FALSE,
    started_at        {BIGINT} NOT NULL,
    finished_at       {BIGINT}
);
CREATE INDEX list_import_of_list ON list_import (kind, list, number);
CREATE INDEX list_import_of_job ON list_import (job);
CREATE INDEX list_import_images ON list_import (number) WHERE images;

-- how a contact was before an update, so that an import can be undone. For suppression: an entry by its hash
CREATE TABLE contact_before (
    import  {BIGINT} NOT NULL,
    contact {BIGINT} NOT NULL,
    image   TEXT NOT NULL,
    PRIMARY KEY (import, contact)
) {WITHOUT_ROWID};

-- contents that are gone for users and wait to be taken from the disk. list: the list that may want
-- them back until not_before, else 0
CREATE TABLE contact_garbage (
    generation {BIGINT} PRIMARY KEY,
    list       {BIGINT} NOT NULL,
    not_before {BIGINT} NOT NULL
);

-- kind: device, client_id; channels: voice 1, SMS 2, email 4; generation names its entries (a replace
-- swaps it); role: opt_out_sms and its like, one of each a tenant; changes grows with every change of the
-- entries or of this row, for those who hold a copy
CREATE TABLE suppression_list (
    number     {BIGINT} PRIMARY KEY,
    tenant     {BIGINT} NOT NULL,
    id         {UUID} NOT NULL UNIQUE,
    kind       TEXT NOT NULL,
    channels   {SMALLINT} NOT NULL,
    required   {BOOL} NOT NULL,
    expires_at {BIGINT},
    role       TEXT,
    generation {BIGINT} NOT NULL,
    size       {BIGINT} NOT NULL DEFAULT 0,
    changes    {BIGINT} NOT NULL DEFAULT 0
);
CREATE INDEX suppression_list_of_tenant ON suppression_list (tenant);
CREATE UNIQUE INDEX suppression_list_role ON suppression_list (tenant, role) WHERE role IS NOT NULL;

-- key is empty once the person was erased: the keyed hash still suppresses. import: 0 if added by hand
CREATE TABLE suppression_entry (
    generation {BIGINT} NOT NULL,
    key_hash   {BIGINT} NOT NULL,
    key        TEXT NOT NULL,
    from_at    {BIGINT},
    until_at   {BIGINT},
    reason     TEXT,
    source     TEXT NOT NULL,
    import     {BIGINT} NOT NULL DEFAULT 0,
    added_at   {BIGINT} NOT NULL,
    PRIMARY KEY (generation, key_hash, key)
) {WITHOUT_ROWID};
CREATE INDEX suppression_entry_until ON suppression_entry (until_at) WHERE until_at IS NOT NULL;

-- entries that wait to be taken from the disk
CREATE TABLE suppression_garbage (
    generation {BIGINT} PRIMARY KEY,
    list       {BIGINT} NOT NULL,
    not_before {BIGINT} NOT NULL
);
