-- Books that a provider has described: what the details route reads before it asks anybody.
-- up
CREATE TABLE books (
  isbn       TEXT   NOT NULL PRIMARY KEY, -- ISBN-13, digits alone
  title      TEXT   NOT NULL,
  author     TEXT   NOT NULL,             -- the authors, joined; empty when none is known
  data       TEXT   NOT NULL,             -- the book as JSON, as the API answers it
  provider   TEXT   NOT NULL,             -- the tag of the answer that it came with
  fetched_ms BIGINT NOT NULL              -- when a provider said so, Unix time
);
-- down
DROP TABLE books;
