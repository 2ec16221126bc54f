-- A value that stands in hundreds of rows is looked up without reading them.
DROP INDEX token_digest;
CREATE INDEX token_digest ON token (digest, strength, is_key);
