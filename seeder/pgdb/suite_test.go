package pgdb_test

import (
	"fmt"
	"testing"

	"honeyrow/seeder"
	"honeyrow/seeder/seedertest"
)

// The suite's helpers, as this package's own tests call them.
var (
	must    = seedertest.Must
	options = seedertest.Options
	wide    = seedertest.Wide
	plan    = seedertest.Plan
)

func TestTheSeedersPromisesAreKept(t *testing.T) {
	seedertest.Run(t, seedertest.Ground{
		Database: database,
		Store:    func(t *testing.T) seeder.Store { return store(t) },
		Open:     func(t *testing.T, db string, st seeder.Store) *seeder.Seeder { return open(t, "postgres", db, st) },
		Granted: func(t *testing.T, db string, grants []string, st seeder.Store) *seeder.Seeder {
			t.Helper()
			const create = "CREATE ROLE honeyrow_seeder LOGIN"
			for _, g := range seedertest.Statements(grants) {
				if g == create {
					g = "DO $$ BEGIN " + create + "; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
				}
				must(t, server.Exec(t.Context(), db, g))
			}
			return open(t, "honeyrow_seeder", db, st)
		},
		DSN: func(db string) string { return server.DSN("postgres", db) },
		Exec: func(t *testing.T, db, sql string) {
			t.Helper()
			must(t, server.Exec(t.Context(), db, sql))
		},
		Query: query, Content: content, Counters: sequences,
		Customers: customers, Torture: tortureSQL(t), Inventing: inventing, Shifting: shifting, Failing: failing, Stamping: stamping, Touching: touching, Letter: "%s::text",
		Number: "bigint", Numbered: "bigint GENERATED ALWAYS AS IDENTITY",
	})
}

const (
	inventing = `CREATE EXTENSION pgcrypto; CREATE TABLE people (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text NOT NULL UNIQUE, api_key text NOT NULL, pay numeric(8,1) NOT NULL);
		INSERT INTO people (email, api_key, pay) SELECT 'p' || i || '@corp.example', 'key_' || left(encode(sha256(i::text::bytea), 'hex'), 24), 1000 + i FROM generate_series(1, 50) i;
		CREATE FUNCTION up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.email := upper(NEW.email); NEW.id := gen_random_uuid(); NEW.api_key := NEW.api_key || substr(md5(random()::text), 1, 4); RETURN NEW; END $$;
		CREATE TRIGGER up BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION up();`
	shifting = `CREATE TABLE people (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE, api_key text NOT NULL);
		INSERT INTO people (email, api_key) SELECT 'p' || i || '@corp.example', 'key_' || left(encode(sha256(i::text::bytea), 'hex'), 24) FROM generate_series(1, 50) i;
		CREATE FUNCTION up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id := NEW.id + (random() * 100000)::int; NEW.api_key := NEW.api_key || substr(md5(random()::text), 1, 4); RETURN NEW; END $$;
		CREATE TRIGGER up BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION up();`
)

const (
	stamping = `CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.created_at := now(); RETURN NEW; END $$;
		CREATE TRIGGER stamp BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION stamp()`
	touching = `CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
		CREATE TRIGGER touch BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION touch()`
)

func failing(rows int) string {
	return `CREATE SEQUENCE calls; CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF nextval('calls') > ` + fmt.Sprint(rows) + ` THEN RAISE 'no %', NEW.email; END IF; RETURN NEW; END $$;
		CREATE TRIGGER stop BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION stop()`
}

// sequences is where every sequence stands.
func sequences(t *testing.T, db string) string {
	return query(t, db, "SELECT string_agg(sequencename || ' ' || coalesce(last_value, 0), ',' ORDER BY sequencename) FROM pg_sequences")
}
