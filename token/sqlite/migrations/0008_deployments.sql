-- Deployments by number, in the order in which they began: a slow drip has as many
-- plantings as rows, and who looks a value up should not count them.
CREATE TABLE deployment (
  number INTEGER PRIMARY KEY,
  name   TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO deployment (name) SELECT deployment FROM planting GROUP BY deployment ORDER BY min(id);
