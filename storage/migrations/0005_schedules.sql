-- Schedules (storage/schedules_repository): up to which moment each is taken care of, and how its runs ended.
-- up
CREATE TABLE schedules (
  name   TEXT   NOT NULL PRIMARY KEY,
  due_ms BIGINT NOT NULL, -- the last due moment that was run or skipped, Unix time
  runs   BIGINT NOT NULL, -- the number of the last one
  mark   BIGINT NOT NULL  -- another at each write, for compare-and-set
);
CREATE TABLE schedule_runs (
  name       TEXT   NOT NULL,
  n          BIGINT NOT NULL, -- from 1
  due_ms     BIGINT NOT NULL,
  started_ms BIGINT NOT NULL,
  ended_ms   BIGINT NOT NULL, -- 0: under way
  cause      TEXT   NOT NULL, -- cron, manual, catch_up
  outcome    TEXT   NOT NULL, -- running, ok, failed, skipped
  message    TEXT   NOT NULL,
  owner      TEXT   NOT NULL, -- who runs it
  until_ms   BIGINT NOT NULL, -- for how long its word is taken that it does
  PRIMARY KEY (name, n)
);
CREATE INDEX schedule_runs_open ON schedule_runs (owner) WHERE outcome = 'running';
-- down
DROP TABLE schedule_runs;
DROP TABLE schedules;
