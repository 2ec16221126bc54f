-- Who is shut out for a time, and who was: names and reasons are sealed, key is a
-- keyed hash of the subject.
CREATE TABLE quarantine (
  id      TEXT PRIMARY KEY,
  key     BLOB NOT NULL,
  until   INTEGER NOT NULL,
  ended   INTEGER NOT NULL DEFAULT 0, -- lifted then
  refused INTEGER NOT NULL DEFAULT 0, -- sessions
  body    BLOB NOT NULL -- sealed JSON
) STRICT, WITHOUT ROWID;
CREATE INDEX quarantine_key ON quarantine (key) WHERE ended = 0;
CREATE INDEX quarantine_until ON quarantine (until);

-- Counts the changes, for processes that follow them.
CREATE TABLE quarantine_version (n INTEGER NOT NULL) STRICT;
INSERT INTO quarantine_version VALUES (0);
