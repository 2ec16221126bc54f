-- Registries whose tokens were merged into this one.
CREATE TABLE source (
  id       INTEGER PRIMARY KEY CHECK (id > 0),
  registry TEXT NOT NULL UNIQUE, -- its address
  owner    TEXT NOT NULL UNIQUE, -- what it calls itself
  first    INTEGER NOT NULL,
  last     INTEGER NOT NULL,     -- merge
  made     INTEGER NOT NULL      -- when the newest manifest was
) STRICT;

-- Which copy of its database a token was made for, and whose it is: 0 for this
-- registry's own.
ALTER TABLE token ADD COLUMN copy TEXT NOT NULL DEFAULT '';
ALTER TABLE token ADD COLUMN source INTEGER NOT NULL DEFAULT 0;
