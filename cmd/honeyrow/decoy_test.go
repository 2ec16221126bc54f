package main

import (
	"encoding/json"
	"strings"
	"testing"

	"honeyrow/seeder"
	"honeyrow/token"
)

// A decoy table lives beside honey rows: every command that lists, verifies or
// removes those takes it as what it is.
func TestADecoyTableIsManagedBesideHoneyRows(t *testing.T) {
	t.Setenv("COLUMNS", "200")
	for _, cmd := range []string{"add", "list", "remove"} {
		if out := must(t, t.TempDir(), "tokens", "decoy", cmd, "--help"); !strings.Contains(out, "Example: honeyrow tokens decoy "+cmd) {
			t.Errorf("help of %s:\n%s", cmd, out)
		}
	}
	w := newTown(t)
	must(t, w.dir, "seed", "apply", "--tables", "staff", "--rows", "2", "--yes", "--force")
	if r := honeyrow(t, w.dir, "tokens", "decoy", "list"); r.code != 0 || !strings.Contains(r.stderr, "no decoy table") {
		t.Errorf("an empty list: %+v", r)
	}
	if out := must(t, w.dir, "tokens", "decoy", "add", "public.staff", "--note", "ask Ann"); !strings.Contains(out, "staff is a decoy table now") {
		t.Errorf("add: %s", out)
	}
	if r := honeyrow(t, w.dir, "tokens", "decoy", "add", "public.STAFF"); r.code != 1 || !strings.Contains(r.stderr, "already") {
		t.Errorf("the same again: %+v", r)
	}
	if r := honeyrow(t, w.dir, "tokens", "decoy", "add", "staff"); r.code != 2 || !strings.Contains(r.stderr, "SCHEMA.TABLE") {
		t.Errorf("a bare name: %+v", r)
	}
	ds := lines[token.Token](t, must(t, w.dir, "--json", "tokens", "decoy", "list"))
	if len(ds) != 1 || ds[0].Kind != token.DecoyTable || ds[0].Note != "ask Ann" || ds[0].State != token.Live {
		t.Fatalf("list: %+v", ds)
	}
	for _, args := range [][]string{{"tokens", "decoy", "list"}, {"tokens", "list"}, {"tokens", "show", string(ds[0].ID)}, {"tokens", "export"}} {
		if out := must(t, w.dir, args...); !strings.Contains(out, "staff") || strings.Contains(out, "staff.*") {
			t.Errorf("%v: %s", args, out)
		}
	}
	must(t, w.dir, "tokens", "decoy", "add", "public.nowhere")
	r := honeyrow(t, w.dir, "--json", "seed", "verify", "--no-measure")
	var v seeder.Verified
	if err := json.Unmarshal([]byte(r.out), &v); err != nil || r.code != 1 || len(v.Rows) != 4 {
		t.Fatalf("verify: %v, %+v", err, r)
	}
	for _, st := range v.Rows {
		want := "intact"
		if st.Table == "public.nowhere" || st.Table == "nowhere" {
			want = "gone"
		}
		if st.State != want {
			t.Errorf("verify: %+v, want %s", st, want)
		}
	}
	must(t, w.dir, "tokens", "decoy", "remove", "public.nowhere")
	must(t, w.dir, "seed", "verify", "--no-measure")
	must(t, w.dir, "seed", "remove", "--yes", "--force")
	if ds := lines[token.Token](t, must(t, w.dir, "--json", "tokens", "list", "--state", "live")); len(ds) != 1 || ds[0].Kind != token.DecoyTable {
		t.Errorf("after the honey rows' removal: %+v", ds)
	}
	must(t, w.dir, "seed", "verify")
	must(t, w.dir, "tokens", "decoy", "remove", "public.staff")
	if r := honeyrow(t, w.dir, "tokens", "decoy", "remove", "public.staff"); r.code != 1 || !strings.Contains(r.stderr, "no decoy table") {
		t.Errorf("removed twice: %+v", r)
	}
	if ds := lines[token.Token](t, must(t, w.dir, "--json", "tokens", "list", "--state", "live")); len(ds) != 0 {
		t.Errorf("at the end: %+v", ds)
	}
}
