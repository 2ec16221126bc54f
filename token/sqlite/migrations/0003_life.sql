-- One line for each honey row: its number in its deployment, and what the last
-- verification found.
CREATE TABLE honey_row (
  id         TEXT PRIMARY KEY,
  deployment TEXT NOT NULL,
  no         INTEGER NOT NULL, -- in the order of registration, from 1
  verified   INTEGER NOT NULL DEFAULT 0,
  found      TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX honey_row_no ON honey_row (deployment, no);
INSERT INTO honey_row (id, deployment, no)
  SELECT honey_row, deployment, row_number() OVER (PARTITION BY deployment ORDER BY first)
  FROM (SELECT t.honey_row, p.deployment, min(t.n) AS first FROM token t JOIN planting p ON p.id = t.planting GROUP BY t.honey_row);

-- Until when a retired value is watched; 0: as long as its row may be there.
ALTER TABLE token ADD COLUMN until INTEGER NOT NULL DEFAULT 0;
CREATE INDEX token_until ON token (until) WHERE until > 0;

-- Which detection saw which honey row. What is pruned adds up under the empty id.
CREATE TABLE sighting (
  honey_row TEXT NOT NULL,
  detection TEXT NOT NULL,
  first     INTEGER NOT NULL,
  last      INTEGER NOT NULL,
  reads     INTEGER NOT NULL, -- detections that saw it come back
  uses      INTEGER NOT NULL, -- detections that saw it in a statement
  PRIMARY KEY (honey_row, detection)
) STRICT, WITHOUT ROWID;
CREATE INDEX sighting_detection ON sighting (detection);

-- What was done to honey rows: JSON, and the sum that links it to all before.
CREATE TABLE log (
  n    INTEGER PRIMARY KEY,
  body TEXT NOT NULL,
  sum  BLOB NOT NULL
) STRICT;
CREATE TRIGGER log_keeps_rows BEFORE DELETE ON log
  BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER log_keeps_values BEFORE UPDATE ON log
  BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
