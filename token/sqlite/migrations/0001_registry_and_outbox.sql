-- What is secret (values, keys of rows, notes, detections) is sealed by the
-- store before it comes here; see crypt.go. Times are microseconds since 1970.

-- Facts about the file itself: 'check' proves the key.
CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- One row: counts changes of what proxies watch.
CREATE TABLE version (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  n  INTEGER NOT NULL
) STRICT;
INSERT INTO version VALUES (1, 1);

-- Columns in which tokens stand, with PostgreSQL's numbers as last resolved.
CREATE TABLE place (
  id        INTEGER PRIMARY KEY,
  server    TEXT NOT NULL,
  db        TEXT NOT NULL,
  schema    TEXT NOT NULL,
  tbl       TEXT NOT NULL,
  col       TEXT NOT NULL,
  table_oid INTEGER NOT NULL DEFAULT 0,
  attr      INTEGER NOT NULL DEFAULT 0,
  UNIQUE (server, db, schema, tbl, col)
) STRICT;

-- All numbers by which a column may be reported: its table's, its parents'.
CREATE TABLE location (
  place     INTEGER NOT NULL REFERENCES place (id),
  ord       INTEGER NOT NULL,
  table_oid INTEGER NOT NULL,
  attr      INTEGER NOT NULL,
  PRIMARY KEY (place, ord)
) STRICT, WITHOUT ROWID;

-- Who planted what when: shared by the tokens of one seeding run.
CREATE TABLE planting (
  id         INTEGER PRIMARY KEY,
  deployment TEXT NOT NULL,
  planted_by TEXT NOT NULL,
  planted_at INTEGER NOT NULL,
  UNIQUE (deployment, planted_by, planted_at)
) STRICT;

CREATE TABLE token (
  n          INTEGER PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  honey_row  TEXT NOT NULL,
  kind       TEXT NOT NULL,
  sealed     BLOB NOT NULL, -- value, binary form, row key, note
  digest     BLOB NOT NULL, -- keyed hash of the value, for look-ups
  strength   INTEGER NOT NULL,
  is_key     INTEGER NOT NULL,
  place      INTEGER NOT NULL REFERENCES place (id),
  planting   INTEGER NOT NULL REFERENCES planting (id),
  state      TEXT NOT NULL CHECK (state IN ('planned', 'live', 'retired', 'removed')),
  changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX token_digest ON token (digest);
CREATE INDEX token_honey_row ON token (honey_row);
CREATE INDEX token_place ON token (place);

-- Every state a token has ever had. Append-only.
CREATE TABLE history (
  n          INTEGER PRIMARY KEY,
  token      TEXT NOT NULL,
  from_state TEXT NOT NULL, -- empty: registered
  to_state   TEXT NOT NULL,
  actor      TEXT NOT NULL,
  at         INTEGER NOT NULL
) STRICT;
CREATE INDEX history_token ON history (token);
CREATE TRIGGER history_keeps_rows BEFORE DELETE ON history
  BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;
CREATE TRIGGER history_keeps_values BEFORE UPDATE ON history
  BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;

CREATE TABLE watcher (
  id      TEXT PRIMARY KEY,
  host    TEXT NOT NULL,
  pid     INTEGER NOT NULL,
  servers TEXT NOT NULL, -- JSON array of names
  version INTEGER NOT NULL,
  seen    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- seq rises with every commit, also when a later revision replaces the body.
CREATE TABLE detection (
  seq       INTEGER PRIMARY KEY AUTOINCREMENT,
  id        TEXT NOT NULL UNIQUE,
  revision  INTEGER NOT NULL,
  at        INTEGER NOT NULL,
  severity  INTEGER NOT NULL,
  drill     INTEGER NOT NULL,
  committed INTEGER NOT NULL,
  body      BLOB NOT NULL -- sealed JSON
) STRICT;
CREATE INDEX detection_committed ON detection (committed);

CREATE TABLE delivery (
  sink      TEXT NOT NULL,
  detection TEXT NOT NULL REFERENCES detection (id),
  revision  INTEGER NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('pending', 'done', 'dead')),
  tries     INTEGER NOT NULL,
  created   INTEGER NOT NULL,
  due       INTEGER NOT NULL,
  error     TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (detection, sink)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_pending ON delivery (sink, due) WHERE state = 'pending';
CREATE INDEX delivery_dead ON delivery (sink) WHERE state = 'dead';
