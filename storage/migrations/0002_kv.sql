-- The key-value store, and the database's part of every cache that must outlive the process.
-- up
CREATE TABLE kv (
  namespace  TEXT   NOT NULL,
  name       {blob} NOT NULL, -- the key: bytes, so that every database orders them alike
  value      {blob} NOT NULL, -- empty where `number` holds the value
  number     BIGINT,          -- a counter, which `add` changes in place
  metadata   TEXT   NOT NULL, -- JSON; empty: none
  expires_ms BIGINT NOT NULL, -- Unix time; 9223372036854775807: never
  version    BIGINT NOT NULL, -- another at each write, for compare-and-set
  PRIMARY KEY (namespace, name)
);
CREATE INDEX kv_by_expiry ON kv (expires_ms);
-- down
DROP TABLE kv;
