-- Where an original is, as `storage:key`, so that an event of its storage finds it.
ALTER TABLE instance ADD COLUMN place TEXT;
UPDATE instance SET place = (
    SELECT json_extract(i.value, '$.storage') || ':' || json_extract(i.value, '$.key')
    FROM rendition AS r, json_each(r.doc, '$.instances') AS i
    WHERE r.seq = instance.rendition_seq
      AND json_extract(r.doc, '$.role') = 'original'
      AND replace(json_extract(i.value, '$.id'), '-', '') = lower(hex(instance.id))
);
CREATE INDEX instance_by_place ON instance (place) WHERE place IS NOT NULL;

-- Who is in a lane, and until when at most.
CREATE TABLE lane_entry (
    lane TEXT NOT NULL,
    holder TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (lane, holder)
) STRICT, WITHOUT ROWID;

-- How far each reader of the event log has read.
CREATE TABLE event_reader (
    name TEXT PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
