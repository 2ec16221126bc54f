package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/seeder"
	"honeyrow/token"
)

// decoys makes a decoy table with a role of its own, has it read through the
// proxy, and drops it.
func (w *town) decoys(t *testing.T) {
	ctx := context.Background()
	exec := func(sql string) {
		t.Helper()
		if err := w.pg.Exec(ctx, "postgres", sql); err != nil {
			t.Fatal(err)
		}
	}
	plan := filepath.Join(w.dir, "decoy.json")
	r := honeyrow(t, w.dir, "seed", "plan", "--decoy-name", "staff_backup_2019", "--rows", "12", "--out", plan)
	if _, err := os.Stat(plan); r.code != 1 || err == nil || !strings.Contains(r.stderr, "has no CREATE on schema public; grant it: GRANT USAGE, CREATE ON SCHEMA") {
		t.Fatalf("without the right: exit code %d\n%s%s", r.code, r.out, r.stderr)
	}
	exec("grant create on schema public to planter; grant select on all tables in schema public to planter")
	out := must(t, w.dir, "seed", "plan", "--decoy-name", "staff_backup_2019", "--rows", "12", "--out", plan)
	for _, want := range []string{"CREATE TABLE", "staff_backup_2019", `GRANT SELECT ON "public"."staff_backup_2019" TO app`, "will belong to planter", "pg_dump", "allow: [{server: crm, user: THE_BACKUP_ROLE"} {
		if !strings.Contains(out, want) {
			t.Errorf("the plan does not say %q:\n%s", want, out)
		}
	}
	if r := honeyrow(t, w.dir, "seed", "apply", plan, "--drip", "7d", "--yes"); r.code != 1 || !strings.Contains(r.stderr, "comes with all its rows") {
		t.Errorf("a drip: %+v", r)
	}
	w.proxy(t)
	if out := must(t, w.dir, "seed", "apply", plan, "--yes"); !strings.Contains(out, "12 rows planted") || !strings.Contains(out, "1 proxy watches them") {
		t.Errorf("apply: %s", out)
	}
	if out := must(t, w.dir, "tokens", "decoy", "list"); !strings.Contains(out, "staff_backup_2019") {
		t.Errorf("decoy list: %s", out)
	}
	p, err := seeder.ReadPlan(plan)
	if err != nil {
		t.Fatal(err)
	}
	c := w.connect(t)
	for _, sql := range []string{"select id from staff_backup_2019 where false", "select email from staff_backup_2019"} {
		if _, err := c.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	var empty, whole event.Detection
	within(t, 10*time.Second, "an alert of the read that returned nothing, and of the one that returned all", func() bool {
		for _, d := range lines[event.Detection](t, must(t, w.dir, "--json", "alerts", "list")) {
			switch {
			case len(d.Hits) > 0 && d.Hits[0].Means == "table" && d.Run.Rows == 0 && strings.Contains(d.Statement.Text, "where false"):
				empty = d
			case d.HoneyRows >= 12:
				whole = d
			}
		}
		return empty.ID != "" && whole.ID != ""
	})
	if h := empty.Hits[0]; !strings.Contains(h.Story, "public.staff_backup_2019 of postgres on crm by "+p.PlantedBy) || !strings.Contains(empty.Summary, "Decoy table") {
		t.Errorf("summary %q, story %q", empty.Summary, h.Story)
	}
	if r := honeyrow(t, w.dir, "tokens", "decoy", "remove", "crm=public.staff_backup_2019", "--database", "postgres"); r.code != 1 || !strings.Contains(r.stderr, "seed remove --table staff_backup_2019") {
		t.Errorf("ending the watch alone: %+v", r)
	}
	if out := must(t, w.dir, "seed", "verify"); !strings.Contains(out, "exactly its 12 honey rows") {
		t.Errorf("verify: %s", out)
	}
	if out := must(t, w.dir, "seed", "remove", "--table", "staff_backup_2019", "--dry-run"); !strings.Contains(out, "1 decoy table would be dropped") {
		t.Errorf("a dry removal: %s", out)
	}
	exec("create view peek as select id from staff_backup_2019")
	if r := honeyrow(t, w.dir, "seed", "remove", "--table", "staff_backup_2019", "--yes"); r.code != 1 || !strings.Contains(r.out, "something depends on the table: view peek") {
		t.Errorf("with a view on it: %+v", r)
	}
	exec("drop view peek")
	if out := must(t, w.dir, "seed", "remove", "--table", "staff_backup_2019", "--yes"); !strings.Contains(out, "1 decoy table dropped") || !strings.Contains(out, "12 rows removed, 0 kept") {
		t.Errorf("remove: %s", out)
	}
	var deeds []string
	for _, d := range lines[token.Deed](t, must(t, w.dir, "--json", "tokens", "log")) {
		if len(d.Tables) == 1 && strings.HasSuffix(d.Tables[0], "staff_backup_2019") {
			deeds = append(deeds, d.Action)
		}
	}
	if got, want := strings.Join(deeds, ", "), "plant, planted, remove, failed, remove, removed"; got != want {
		t.Errorf("the log tells %q, want %q", got, want)
	}
	must(t, w.dir, "tokens", "log", "--verify")
}
