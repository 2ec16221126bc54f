package pgdb_test

import (
	"slices"
	"strings"
	"testing"

	"honeyrow/seeder"
)

// selling has sales whose triggers act elsewhere: in a text, through a function, through
// another table's trigger, and in a way that is not to be read.
const selling = `CREATE SCHEMA stats; CREATE TABLE stats.counters (name text PRIMARY KEY, n int NOT NULL);
	CREATE TABLE journal (id bigserial PRIMARY KEY, what text); CREATE TABLE stock (id bigserial PRIMARY KEY, on_hand int NOT NULL, sold_at timestamptz);
	CREATE TABLE sales (id bigserial PRIMARY KEY, buyer_email text NOT NULL, amount numeric(10,2) NOT NULL, stock_id bigint NOT NULL REFERENCES stock);
	CREATE TABLE gifts (id bigserial PRIMARY KEY, buyer_email text NOT NULL, amount numeric(10,2) NOT NULL);
	INSERT INTO stock (on_hand) SELECT 1000 FROM generate_series(1, 20);
	INSERT INTO sales (buyer_email, amount, stock_id) SELECT 's' || i || '@corp.example', 10 + i, 1 + i % 20 FROM generate_series(1, 120) i;
	INSERT INTO gifts (buyer_email, amount) SELECT 'g' || i || '@corp.example', 10 + i FROM generate_series(1, 120) i;
	CREATE FUNCTION tell(what text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN INSERT INTO journal (what) VALUES (what); PERFORM pg_notify('sales', what); END $$;
	CREATE FUNCTION sold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		-- DELETE FROM gifts is not what this does, nor is 'UPDATE gifts SET amount = 0'
		IF TG_OP = 'UPDATE gifts SET amount = 0' THEN RETURN NULL; END IF;
		IF TG_OP = E'it\'s' THEN RETURN NULL; END IF;
		UPDATE ONLY public.stock AS s SET on_hand = s.on_hand - 1, sold_at = now() WHERE s.id = NEW.stock_id;
		IF TG_OP = 'no' THEN RETURN NULL; END IF;
		PERFORM 1 FROM stock FOR UPDATE;
		PERFORM tell(NEW.id::text); RETURN NEW; END $$;
	CREATE TRIGGER sold AFTER INSERT ON sales FOR EACH ROW EXECUTE FUNCTION sold();
	CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO stats.counters VALUES ('journal', 1) ON CONFLICT (name) DO UPDATE SET n = counters.n + 1; RETURN NEW; END $$;
	CREATE TRIGGER counted AFTER INSERT ON journal FOR EACH ROW EXECUTE FUNCTION counted();
	CREATE FUNCTION unsold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		UPDATE stock SET on_hand = on_hand + 1 WHERE id = OLD.stock_id; RETURN OLD; END $$;
	CREATE TRIGGER unsold AFTER DELETE ON sales FOR EACH ROW EXECUTE FUNCTION unsold();
	CREATE FUNCTION given() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('INSERT INTO %I (what) VALUES ($1)', 'journal') USING NEW.id; RETURN NEW; END $$;
	CREATE TRIGGER given AFTER INSERT ON gifts FOR EACH ROW EXECUTE FUNCTION given();`

func TestThePlanSaysWhatTriggersDoElsewhere(t *testing.T) {
	db := database(t, selling)
	s := open(t, "postgres", db, store(t))
	p := plan(t, s, wide())
	if !slices.ContainsFunc(p.Refused, func(r seeder.Reason) bool {
		return r.Table == "public.sales" && strings.Contains(r.Why, "change or delete rows of public.stock, stats.counters") && strings.Contains(r.Why, "name the table")
	}) {
		t.Errorf("sales, whose honey rows would change the stock, is not refused\n%s", p.Table())
	}
	o := options()
	o.Tables = []string{"sales", "gifts"}
	p = plan(t, s, o)
	for _, tp := range p.Tables {
		want := []string{
			"its triggers tell the listeners on channel sales (NOTIFY) of each honey row that is planted: what they do then is not known",
			"its triggers add rows to public.journal: that stays when the honey row is removed; its count moves",
			"its triggers add rows to stats.counters: that stays when the honey row is removed; its count moves",
			"its triggers change rows of stats.counters (n): that stays when the honey row is removed; sums over it move",
			"its triggers change rows of public.stock (on_hand, sold_at): its triggers write there when a row is deleted too; whether that takes it back is not known; sums over it move",
		}
		if tp.Table == "gifts" {
			want = []string{"not analysed: what is done by trigger given, which puts statements together when it runs"}
		}
		slices.Sort(want)
		got := slices.Clone(tp.Stirs)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s: the plan says of its triggers\n%s\nwant\n%s", tp, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for _, line := range want {
			if !strings.Contains(p.Table(), line) {
				t.Errorf("a reader of the plan is not told: %s", line)
			}
		}
	}
}
