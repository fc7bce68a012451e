-- Hits by tier, and indexes for what is looked for among a job's items and among the jobs of a library.
-- up
ALTER TABLE jobs ADD COLUMN hot BIGINT NOT NULL DEFAULT 0;  -- of the hits: from the hot tier
ALTER TABLE jobs ADD COLUMN cold BIGINT NOT NULL DEFAULT 0; -- from the cold tier or the database
CREATE INDEX jobs_by_source ON jobs (source);
CREATE INDEX jobs_done ON jobs (library, created_ms, id) WHERE state = 'done';
CREATE INDEX jobs_open ON jobs (library) WHERE state IN ('queued', 'running', 'paused');
CREATE INDEX job_items_claimed ON job_items (job, n) WHERE state = 'claimed';
CREATE INDEX job_items_failed ON job_items (job, n) WHERE state = 'failed';
-- down
DROP INDEX job_items_failed;
DROP INDEX job_items_claimed;
DROP INDEX jobs_open;
DROP INDEX jobs_done;
DROP INDEX jobs_by_source;
ALTER TABLE jobs DROP COLUMN cold;
ALTER TABLE jobs DROP COLUMN hot;
