-- Detections are grouped into incidents, and what was committed and decided is
-- chained. Who and what is sealed as ever; keys and marks are keyed hashes or
-- random ids.

CREATE TABLE incident (
  number    INTEGER PRIMARY KEY AUTOINCREMENT,
  id        TEXT NOT NULL UNIQUE,
  revision  INTEGER NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('open', 'acknowledged', 'resolved', 'allowed')),
  severity  INTEGER NOT NULL,
  drill     INTEGER NOT NULL,
  opened    INTEGER NOT NULL, -- when the first detection was committed
  updated   INTEGER NOT NULL, -- when it changed last
  body      BLOB NOT NULL     -- sealed JSON
) STRICT;
CREATE INDEX incident_updated ON incident (updated);

-- By what the next detection finds its incident: its session, its principal.
CREATE TABLE incident_key (
  key       BLOB PRIMARY KEY,
  incident  INTEGER NOT NULL,
  last      INTEGER NOT NULL -- commit
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_key_last ON incident_key (last);

-- What an incident has seen: sessions, honey rows, statements.
CREATE TABLE incident_mark (
  incident  INTEGER NOT NULL,
  mark      TEXT NOT NULL,
  PRIMARY KEY (incident, mark)
) STRICT, WITHOUT ROWID;

-- Every change of an incident's state or severity. seq is of the same counter
-- as that of detections. Append-only but for pruning.
CREATE TABLE incident_change (
  seq       INTEGER PRIMARY KEY,
  incident  INTEGER NOT NULL,
  revision  INTEGER NOT NULL,
  committed INTEGER NOT NULL,
  body      BLOB NOT NULL -- sealed JSON
) STRICT;
CREATE INDEX incident_change_incident ON incident_change (incident);
CREATE TRIGGER incident_change_keeps_values BEFORE UPDATE ON incident_change
  BEGIN SELECT RAISE(ABORT, 'changes of incidents are append-only'); END;

-- Changes on their way to sinks: the incident as it is when its turn comes.
CREATE TABLE notice (
  sink      TEXT NOT NULL,
  incident  INTEGER NOT NULL,
  revision  INTEGER NOT NULL,
  seq       INTEGER NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('pending', 'done', 'dead')),
  tries     INTEGER NOT NULL,
  created   INTEGER NOT NULL,
  due       INTEGER NOT NULL,
  error     TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (incident, sink)
) STRICT, WITHOUT ROWID;
CREATE INDEX notice_pending ON notice (sink, due) WHERE state = 'pending';

-- Made of incidents that somebody has allowed.
CREATE TABLE allowance (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  incident  INTEGER NOT NULL,
  at        INTEGER NOT NULL,
  ended     INTEGER NOT NULL DEFAULT 0, -- taken back then
  body      BLOB NOT NULL -- sealed JSON
) STRICT;

-- Who has logged in, as far as a bounded table remembers.
CREATE TABLE identity (
  key       BLOB PRIMARY KEY,
  first     INTEGER NOT NULL,
  last      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_last ON identity (last);

-- One link for each committed revision of a detection, each change of an
-- incident, each allowance, each pruning: chain.go.
CREATE TABLE audit (
  n         INTEGER PRIMARY KEY,
  at        INTEGER NOT NULL,
  kind      TEXT NOT NULL,
  ref       TEXT NOT NULL,
  note      TEXT NOT NULL DEFAULT '',
  content   BLOB NOT NULL,
  hash      BLOB NOT NULL
) STRICT;

ALTER TABLE detection ADD COLUMN incident INTEGER; -- number; NULL: from before
ALTER TABLE detection ADD COLUMN entry INTEGER NOT NULL DEFAULT 0;
ALTER TABLE detection ADD COLUMN link INTEGER NOT NULL DEFAULT 0; -- audit.n; 0: from before
CREATE INDEX detection_incident ON detection (incident);

-- A throttle holds deliveries back: 'held' ones are never made; held counts
-- those that one stands for; throttled is one that waits for its time.
CREATE TABLE delivery2 (
  sink      TEXT NOT NULL,
  detection TEXT NOT NULL REFERENCES detection (id),
  revision  INTEGER NOT NULL,
  incident  INTEGER NOT NULL, -- number; 0: none
  seq       INTEGER NOT NULL,
  state     TEXT NOT NULL CHECK (state IN ('pending', 'done', 'dead', 'held')),
  held      INTEGER NOT NULL DEFAULT 0,
  throttled INTEGER NOT NULL DEFAULT 0,
  tries     INTEGER NOT NULL,
  created   INTEGER NOT NULL,
  due       INTEGER NOT NULL,
  error     TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (detection, sink)
) STRICT, WITHOUT ROWID;
INSERT INTO delivery2 (sink, detection, revision, incident, seq, state, tries, created, due, error)
  SELECT v.sink, v.detection, v.revision, 0, d.seq, v.state, v.tries, v.created, v.due, v.error
  FROM delivery v JOIN detection d ON d.id = v.detection;
DROP TABLE delivery;
ALTER TABLE delivery2 RENAME TO delivery;
CREATE INDEX delivery_pending ON delivery (sink, due) WHERE state = 'pending';
CREATE INDEX delivery_order ON delivery (sink, incident, seq) WHERE state = 'pending';
CREATE INDEX delivery_dead ON delivery (sink) WHERE state = 'dead';

CREATE TABLE throttle (
  incident  INTEGER NOT NULL,
  sink      TEXT NOT NULL,
  since     INTEGER NOT NULL,
  sent      INTEGER NOT NULL,
  PRIMARY KEY (incident, sink)
) STRICT, WITHOUT ROWID;

-- All that is on its way to sinks.
CREATE VIEW outgoing AS
  SELECT sink, seq, state, tries, created, due, error FROM delivery
  UNION ALL SELECT sink, seq, state, tries, created, due, error FROM notice;
