-- Durable jobs (storage/jobs_repository): a job, the items of its work, the rows it refused, what it told its listeners.
-- up
CREATE TABLE jobs (
  id             TEXT   NOT NULL PRIMARY KEY, -- 128 random bits, in hex
  kind           TEXT   NOT NULL,
  library        TEXT   NOT NULL, -- of one library one job is under way
  source         TEXT   NOT NULL, -- the key of the upload in `objects`
  options        TEXT   NOT NULL, -- JSON
  state          TEXT   NOT NULL, -- queued, running, paused, done, failed, cancelled; gone: being purged
  phase          TEXT   NOT NULL,
  message        TEXT   NOT NULL, -- why it failed
  created_ms     BIGINT NOT NULL, -- Unix time, as all times here; 0: not yet
  started_ms     BIGINT NOT NULL,
  ended_ms       BIGINT NOT NULL,
  updated_ms     BIGINT NOT NULL,
  row_count      BIGINT NOT NULL, -- of the upload
  accepted       BIGINT NOT NULL,
  rejected       BIGINT NOT NULL,
  duplicates     BIGINT NOT NULL,
  items          BIGINT NOT NULL,
  claimed        BIGINT NOT NULL,
  done           BIGINT NOT NULL,
  failed         BIGINT NOT NULL,
  hits           BIGINT NOT NULL, -- of those done: without a provider
  events         BIGINT NOT NULL, -- the number of the last one
  claim_from     BIGINT NOT NULL, -- no item before it is queued
  lease_owner    TEXT   NOT NULL, -- who runs it; empty: nobody
  lease_until_ms BIGINT NOT NULL,
  mark           BIGINT NOT NULL  -- another at each write: what it was read by, and what its transaction depends on
);
CREATE UNIQUE INDEX jobs_under_way ON jobs (library) WHERE state IN ('running', 'paused');
CREATE INDEX jobs_waiting ON jobs (created_ms, id) WHERE state = 'queued';
CREATE INDEX jobs_by_age ON jobs (created_ms, id);
CREATE INDEX jobs_by_end ON jobs (ended_ms) WHERE ended_ms > 0;
-- What belongs to a job has no foreign key: it is written only together with its job's row, and checking each of
-- thousands of rows costs more than writing them does.
CREATE TABLE job_items (
  job     TEXT   NOT NULL,
  n       BIGINT NOT NULL,
  kind    TEXT   NOT NULL,
  subject TEXT   NOT NULL,
  state   TEXT   NOT NULL, -- queued, claimed, done, failed
  how     TEXT   NOT NULL, -- it was done
  code    TEXT   NOT NULL, -- why it failed
  message TEXT   NOT NULL,
  PRIMARY KEY (job, n)
);
CREATE TABLE job_rejections (
  job    TEXT   NOT NULL,
  line   BIGINT NOT NULL, -- from 1
  reason TEXT   NOT NULL,
  PRIMARY KEY (job, line)
);
CREATE TABLE job_events (
  job   TEXT   NOT NULL,
  seq   BIGINT NOT NULL, -- from 1, without gaps
  kind  TEXT   NOT NULL,
  at_ms BIGINT NOT NULL,
  data  TEXT   NOT NULL, -- JSON
  PRIMARY KEY (job, seq)
);
-- down
DROP TABLE job_events;
DROP TABLE job_rejections;
DROP TABLE job_items;
DROP TABLE jobs;
