-- Plans whose rows are planted one by one over a time.
CREATE TABLE drip (
  n          INTEGER PRIMARY KEY,
  deployment TEXT NOT NULL UNIQUE,
  server     TEXT NOT NULL,
  db         TEXT NOT NULL,
  digest     TEXT NOT NULL, -- the plan's SHA-256
  begun      INTEGER NOT NULL,
  over       INTEGER NOT NULL, -- microseconds
  plan       BLOB NOT NULL     -- sealed JSON; empty once no row waits
) STRICT;

CREATE TABLE drip_row (
  deployment TEXT NOT NULL REFERENCES drip (deployment),
  honey_row  TEXT NOT NULL,
  tbl        TEXT NOT NULL,
  due        INTEGER NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('waiting', 'planted', 'foregone', 'cancelled')),
  why        TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (deployment, honey_row)
) STRICT, WITHOUT ROWID;
