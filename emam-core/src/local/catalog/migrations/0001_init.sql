-- The first schema.
--
-- Of each noun `doc` is the truth: the record as JSON. Every other column is there to find it and
-- is written with it. `seq` counts records in the order they came in: newest first is seq
-- descending, and a query in that order can stop early. Instants are microseconds since 1970.

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    topic TEXT NOT NULL,
    subject BLOB NOT NULL,
    revision INTEGER,
    data TEXT NOT NULL
) STRICT;

CREATE TABLE asset (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    revision INTEGER NOT NULL,
    doc TEXT NOT NULL
) STRICT;

CREATE TABLE version (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    revision INTEGER,
    asset_seq INTEGER NOT NULL REFERENCES asset (seq) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    doc TEXT NOT NULL
) STRICT;
CREATE INDEX version_by_asset ON version (asset_seq, number);

CREATE TABLE rendition (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    revision INTEGER,
    asset_seq INTEGER NOT NULL REFERENCES asset (seq) ON DELETE CASCADE,
    version_seq INTEGER NOT NULL REFERENCES version (seq) ON DELETE CASCADE,
    role INTEGER NOT NULL,
    doc TEXT NOT NULL
) STRICT;
CREATE INDEX rendition_by_asset ON rendition (asset_seq, role);
CREATE INDEX rendition_by_version ON rendition (version_seq);

-- Where an instance is: the instance itself is in its rendition's doc. `size` and `md5` only of
-- readable originals, `expires_at` only of restored copies.
CREATE TABLE instance (
    id BLOB PRIMARY KEY,
    rendition_seq INTEGER NOT NULL REFERENCES rendition (seq) ON DELETE CASCADE,
    size INTEGER,
    md5 TEXT,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX instance_by_rendition ON instance (rendition_seq);
CREATE INDEX instance_by_content ON instance (size, md5) WHERE size IS NOT NULL;
CREATE INDEX instance_by_expiry ON instance (expires_at) WHERE expires_at IS NOT NULL;

-- Which asset owns a content that several ingests may bring at once.
CREATE TABLE content (
    size INTEGER NOT NULL,
    md5 TEXT NOT NULL,
    asset_seq INTEGER NOT NULL REFERENCES asset (seq) ON DELETE CASCADE,
    version BLOB NOT NULL,
    rendition BLOB NOT NULL,
    PRIMARY KEY (size, md5)
) STRICT, WITHOUT ROWID;
CREATE INDEX content_by_asset ON content (asset_seq);

-- `seq` is the asset's seq times 2^24 plus a number within the asset. So the text index below
-- tells the asset of a match without looking it up, and finds matches in one asset at once.
-- `start_key` sorts exact start times of any rate as bytes; empty is "about all of the asset".
CREATE TABLE annotation (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    revision INTEGER NOT NULL,
    asset_seq INTEGER NOT NULL REFERENCES asset (seq) ON DELETE CASCADE,
    start_key BLOB NOT NULL,
    kind INTEGER NOT NULL,
    doc TEXT NOT NULL
) STRICT;
CREATE INDEX annotation_by_time ON annotation (asset_seq, start_key, id);

CREATE TABLE category (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    revision INTEGER NOT NULL,
    parent_seq INTEGER REFERENCES category (seq),
    name TEXT NOT NULL,
    doc TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX category_by_name ON category (coalesce(parent_seq, 0), name);
CREATE INDEX category_by_parent ON category (parent_seq);

CREATE TABLE project (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    revision INTEGER NOT NULL,
    doc TEXT NOT NULL
) STRICT;

CREATE TABLE bin (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    revision INTEGER NOT NULL,
    project_seq INTEGER NOT NULL REFERENCES project (seq),
    parent_seq INTEGER REFERENCES bin (seq),
    position INTEGER NOT NULL,
    doc TEXT NOT NULL
) STRICT;
CREATE INDEX bin_by_project ON bin (project_seq, position);
CREATE INDEX bin_by_parent ON bin (parent_seq);

CREATE TABLE sequence (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    revision INTEGER NOT NULL,
    project_seq INTEGER NOT NULL REFERENCES project (seq),
    doc TEXT NOT NULL
) STRICT;
CREATE INDEX sequence_by_project ON sequence (project_seq);

-- `doc` without steps and progress, which change oftener.
CREATE TABLE run (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    kind INTEGER NOT NULL,
    state INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    asset BLOB,
    idempotency_key TEXT UNIQUE,
    due_at INTEGER,
    epoch INTEGER NOT NULL DEFAULT 0,
    worker TEXT,
    progress TEXT,
    doc TEXT NOT NULL
) STRICT;
-- Runs that are not final have a time they are due, however many others there are.
CREATE INDEX run_by_priority ON run (priority DESC, seq) WHERE due_at IS NOT NULL;
CREATE INDEX run_by_due ON run (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX run_by_asset ON run (asset) WHERE asset IS NOT NULL;

CREATE TABLE run_step (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    run_seq INTEGER NOT NULL REFERENCES run (seq) ON DELETE CASCADE,
    name TEXT NOT NULL,
    doc TEXT NOT NULL,
    UNIQUE (run_seq, name)
) STRICT;

-- What searches read. Derived from asset.doc and written with it, so without foreign keys.

CREATE TABLE word (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

-- Narrow, so that filters and facets read little. Unknown size, duration and rating are -1, -1
-- and 0; an unknown word is 0.
CREATE TABLE asset_facts (
    seq INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    lifecycle INTEGER NOT NULL,
    rating INTEGER NOT NULL,
    codec INTEGER NOT NULL,
    container INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    size INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX asset_facts_by_size ON asset_facts (size);
CREATE INDEX asset_facts_by_duration ON asset_facts (duration_ms);

-- How many assets share each group of facts: totals and facets of a search without text.
CREATE TABLE asset_count (
    kind INTEGER NOT NULL,
    lifecycle INTEGER NOT NULL,
    rating INTEGER NOT NULL,
    codec INTEGER NOT NULL,
    container INTEGER NOT NULL,
    assets INTEGER NOT NULL,
    PRIMARY KEY (kind, lifecycle, rating, codec, container)
) STRICT, WITHOUT ROWID;

CREATE TABLE asset_title (
    seq INTEGER PRIMARY KEY,
    title TEXT NOT NULL
) STRICT;
CREATE INDEX asset_title_by_title ON asset_title (title, seq DESC);

CREATE TABLE asset_md5 (
    md5 TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (md5, seq)
) STRICT, WITHOUT ROWID;

-- `key` is the tag with case and accents aside, `name` as it was first written.
CREATE TABLE tag (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL
) STRICT;

CREATE TABLE asset_tag (
    seq INTEGER NOT NULL,
    tag INTEGER NOT NULL,
    PRIMARY KEY (seq, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX asset_tag_by_tag ON asset_tag (tag, seq);

CREATE TABLE asset_category (
    seq INTEGER NOT NULL,
    category_seq INTEGER NOT NULL,
    PRIMARY KEY (seq, category_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX asset_category_by_category ON asset_category (category_seq, seq);

-- Contentless: the text is in asset.doc and is not kept twice.
CREATE VIRTUAL TABLE asset_text USING fts5 (
    title, description, file_name, tags,
    content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
);

-- The markers of snippets are taken out here and where the index is written, so that no text can
-- forge them.
CREATE VIEW annotation_words (seq, name, text) AS
    SELECT seq,
        replace(replace(doc ->> 'name', char(57344), ''), char(57345), ''),
        replace(replace(doc ->> 'text', char(57344), ''), char(57345), '')
    FROM annotation;

CREATE VIRTUAL TABLE annotation_text USING fts5 (
    name, text,
    content = 'annotation_words', content_rowid = 'seq',
    tokenize = 'unicode61 remove_diacritics 2'
);
