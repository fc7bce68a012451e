-- Objects whose bytes are in the database (storage/objects_sql): what there is, and the bytes in rows of 1 MiB.
-- {blob} is the database's word for bytes.
-- up
CREATE TABLE objects (
  bucket      TEXT   NOT NULL,
  key         {blob} NOT NULL, -- UTF-8; as bytes, so that every database orders it by them
  body        TEXT   NOT NULL, -- of object_bodies
  size        BIGINT NOT NULL,
  etag        TEXT   NOT NULL,
  sha256      TEXT   NOT NULL, -- lower-case hex
  modified_ms BIGINT NOT NULL, -- Unix time
  metadata    TEXT   NOT NULL, -- JSON: HTTP's and the caller's own
  checks      {blob} NOT NULL, -- XXH3 of each chunk, 8 bytes each
  PRIMARY KEY (bucket, key)
);
CREATE INDEX objects_body ON objects (body);
CREATE TABLE object_bodies (
  body        TEXT   NOT NULL PRIMARY KEY,
  made_ms     BIGINT NOT NULL, -- when its put began
  released_ms BIGINT           -- since when no object names it; null: one does, or its put is under way
);
CREATE INDEX object_bodies_made ON object_bodies (made_ms);
CREATE TABLE object_chunks (
  body  TEXT   NOT NULL,
  n     BIGINT NOT NULL, -- from 0
  bytes {blob} NOT NULL,
  PRIMARY KEY (body, n)
);
-- down
DROP TABLE object_chunks;
DROP TABLE object_bodies;
DROP TABLE objects;
