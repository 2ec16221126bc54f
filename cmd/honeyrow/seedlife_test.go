package main

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/seeder"
	"honeyrow/token"
)

// until is a writer that calls stop once it has seen a text.
type until struct {
	bytes.Buffer
	text string
	stop func()
}

func (u *until) Write(b []byte) (int, error) {
	n, err := u.Buffer.Write(b)
	if strings.Contains(u.String(), u.text) {
		u.stop()
	}
	return n, err
}

func TestRowsAreDrippedInAndValuesRotated(t *testing.T) {
	w := newTown(t)
	t.Run("a drip can be stopped, shown and ended", w.drips)
	t.Run("an alert on a replaced value says how old the leak is", w.rotates)
	t.Run("a plan says how well its rows hide, refuses above a limit, and verify says it again", w.hides)
	t.Run("a decoy table is made, its readers are told of, and it is dropped", w.decoys)
}

func (w *town) drips(t *testing.T) {
	plan := filepath.Join(w.dir, "plan.json")
	must(t, w.dir, "seed", "plan", "--tables", "staff", "--rows", "4", "--no-measure", "--out", plan)
	if out := must(t, w.dir, "seed", "apply", plan, "--drip", "7d", "--dry-run"); !strings.Contains(out, "4 rows would be planted over 7d") || strings.Contains(must(t, w.dir, "seed", "status"), "public.staff") {
		t.Errorf("a dry run: %s", out)
	}
	for _, args := range [][]string{{"seed", "apply", plan, "--drip", "7d", "--yes"}, {"seed", "apply", plan, "--yes"}, {"seed", "drip"}} {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		out := &until{text: "0 of 4 rows are in, the next is due on ", stop: cancel}
		var stderr bytes.Buffer
		code := run(ctx, func() {}, append([]string{"--config", filepath.Join(w.dir, "honeyrow.yaml")}, args...), out, &stderr)
		cancel()
		if code != 1 || !strings.Contains(stderr.String(), "go on with `honeyrow seed drip`") {
			t.Fatalf("%v: exit code %d\n%s%s", args, code, out.String(), stderr.String())
		}
	}
	if r := honeyrow(t, w.dir, "seed", "apply", plan, "--drip", "3d", "--yes"); r.code != 1 || !strings.Contains(r.stderr, "over 7d already") {
		t.Errorf("another time: %+v", r)
	}
	if r := honeyrow(t, w.dir, "seed", "apply", plan, "--drip", "5m", "--yes"); r.code != 2 {
		t.Errorf("too short a time: %+v", r)
	}
	ds := lines[deployed](t, must(t, w.dir, "--json", "seed", "status"))
	if len(ds) != 1 || ds[0].Drip == nil || len(ds[0].Drip.Rows) != 4 || ds[0].Rows != 0 || ds[0].Tables[0] != "public.staff" {
		t.Errorf("status: %+v", ds)
	}
	if out := must(t, w.dir, "seed", "verify", "--no-measure"); !strings.Contains(out, "0 of 4 rows are in") {
		t.Errorf("verify: %s", out)
	}
	if out := must(t, w.dir, "seed", "remove", "--table", "staff", "--dry-run"); !strings.Contains(out, "4 rows that were still to come would not be planted") {
		t.Errorf("a dry removal: %s", out)
	}
	if out := must(t, w.dir, "seed", "drip", "--stop", "--yes"); !strings.Contains(out, "4 rows are left out") {
		t.Errorf("stop: %s", out)
	}
	if r := honeyrow(t, w.dir, "seed", "drip"); r.code != 0 || !strings.Contains(r.stderr, "no row waits") {
		t.Errorf("after the end: %+v", r)
	}
	if n, err := w.pg.Query(t.Context(), "postgres", "select count(*) from staff"); err != nil || strings.TrimSpace(n) != "300" {
		t.Errorf("%s rows, %v: want 300", n, err)
	}
	var actions []string
	for _, d := range lines[token.Deed](t, must(t, w.dir, "--json", "tokens", "log")) {
		actions = append(actions, d.Action)
	}
	if got, want := strings.Join(actions, ", "), "drip, verified, drip stopped"; got != want {
		t.Errorf("the log tells %q, want %q", got, want)
	}
}

func (w *town) rotates(t *testing.T) {
	if err := w.pg.Exec(t.Context(), "postgres", "grant update on staff to planter"); err != nil {
		t.Fatal(err)
	}
	p := w.proxy(t)
	old := ofKind(t, w.planted(t, "2"), "email")
	if r := honeyrow(t, w.dir, "seed", "rotate", "--older-than", "90d", "--yes"); r.code != 0 || !strings.Contains(r.out, "no honey row is due") {
		t.Errorf("rows of today: %+v", r)
	}
	must(t, w.dir, "seed", "rotate", "--how", "update", "--dry-run")
	day := time.Now().UTC().Format(time.DateOnly)
	out := must(t, w.dir, "seed", "rotate", "--how", "update", "--yes")
	if next := time.Now().UTC().Format(time.DateOnly); strings.Contains(must(t, w.dir, "--json", "tokens", "list", "--state", "retired"), next+"T") {
		day = next // it may have become another one meanwhile
	}
	if !strings.Contains(out, "2 updated, 0 replaced by other rows, 0 kept") || strings.Contains(out, "@") {
		t.Errorf("rotate: %s", out)
	}
	var fresh token.Token
	for _, tk := range lines[token.Token](t, must(t, w.dir, "--json", "tokens", "list", "--values", "--state", "live", "--kind", "email")) {
		if tk.Row == old.Row {
			fresh = tk
		}
	}
	if fresh.Value == "" || fresh.Value == old.Value {
		t.Fatalf("the new address is %q", fresh.Value)
	}
	c := w.connect(t)
	for _, v := range []string{old.Value, fresh.Value} { // somebody asks for the old one, then the row is read
		if _, err := c.Exec(context.Background(), "select * from staff where email = '"+v+"'"); err != nil {
			t.Fatal(err)
		}
	}
	stories := map[event.ID]string{}
	within(t, 10*time.Second, "both values are told of", func() bool {
		for _, d := range lines[event.Detection](t, must(t, w.dir, "--json", "alerts", "list")) {
			for _, h := range d.Hits {
				stories[h.Token] = h.Story
			}
		}
		return stories[old.ID] != "" && stories[fresh.ID] != ""
	})
	if !strings.Contains(stories[old.ID], ", expired on "+day+", when another value came instead: the leak is older than that") || strings.Contains(stories[fresh.ID], "expired") {
		t.Errorf("old: %s\nnew: %s", stories[old.ID], stories[fresh.ID])
	}
	if out := must(t, w.dir, "tokens", "where", old.Value); !strings.Contains(out, "the leak is older than that day") {
		t.Errorf("where: %s", out)
	}
	if out := must(t, w.dir, "tokens", "list", "--state", "retired"); !strings.Contains(out, "expired") {
		t.Errorf("list: %s", out)
	}
	if out := must(t, w.dir, "seed", "status"); !strings.Contains(out, "replaced values are watched until ") {
		t.Errorf("status: %s", out)
	}
	must(t, w.dir, "seed", "verify", "--no-measure")
	// staff is never updated otherwise: other rows come instead.
	var done seeder.Rotated
	if rs := lines[seeder.Rotated](t, strings.ReplaceAll(must(t, w.dir, "--json", "seed", "rotate", "--how", "row", "--yes"), "\n", "")); len(rs) == 1 {
		done = rs[0]
	}
	if len(done.Rows) != 2 || done.Rows[0].State != "replaced" || done.Rows[0].By == "" {
		t.Errorf("rotate by rows: %+v", done)
	}
	must(t, w.dir, "seed", "verify", "--no-measure")
	// One that is killed counts as running for ten seconds, and a seeder waits for it.
	if err := errors.Join(c.Close(context.Background()), p.Process.Signal(syscall.SIGTERM), <-p.done); err != nil {
		t.Errorf("the proxy's end: %v\n%s", err, p.log.String())
	}
}
