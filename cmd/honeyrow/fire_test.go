package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honeyrow/token"
)

func TestTheAlarmIsTriedFromEndToEndAndItsExitCodeTells(t *testing.T) {
	w := newTown(t)
	if r := honeyrow(t, w.dir, "seed", "verify"); r.code != 0 || !strings.Contains(r.out, "there is no honey row to look at: `honeyrow seed status`") {
		t.Errorf("of nothing: exit code %d\n%s%s", r.code, r.out, r.stderr)
	}
	if r := honeyrow(t, w.dir, "seed", "verify", "--as", "app"); r.code != 2 || !strings.Contains(r.stderr, "for --fire") {
		t.Errorf("flags without --fire: %+v", r)
	}
	w.planted(t, "3")
	if r := honeyrow(t, w.dir, "seed", "verify", "--no-measure", "--fire"); r.code != 1 || !strings.Contains(r.stderr, "no proxy stands in front of crm") {
		t.Errorf("without a proxy: %+v", r)
	}
	if r := honeyrow(t, w.dir, "seed", "verify", "--no-measure", "--fire", "--listener", "nowhere"); r.code != 1 || r.out != "" || !strings.Contains(r.stderr, "no listener nowhere") {
		t.Errorf("a listener that is not there is told after all else: %+v", r)
	}
	w.proxy(t)
	secret := filepath.Join(w.dir, "app.password")
	if err := os.WriteFile(secret, []byte("app-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := must(t, w.dir, "seed", "verify", "--no-measure", "--fire", "--as", "app", "--password-file", secret)
	for _, want := range []string{"all 3 honey rows are as planted", "read through listener", " as app\n", "\nanswered ", " 1 row\n", "\ncommitted ", "honey-row-read (", "\ndelivered "} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	t.Setenv("HONEYROW_FIRE_PASSWORD", "app-secret")
	rows := lines[token.Token](t, must(t, w.dir, "--json", "tokens", "list", "--state", "live"))
	var v verified
	if err := json.Unmarshal([]byte(must(t, w.dir, "--json", "seed", "verify", "--no-measure", "--fire", "--as", "app", "--row", string(rows[0].Row))), &v); err != nil {
		t.Fatal(err)
	}
	if v.Fired == nil || v.Fired.Row != rows[0].Row || v.Fired.Rows != 1 || len(v.Fired.Sinks) == 0 {
		t.Errorf("%+v", v.Fired)
	}
	if out := must(t, w.dir, "incidents", "list"); strings.Contains(out, "honey-row") {
		t.Errorf("a drill is among the incidents:\n%s", out)
	}
	if out := must(t, w.dir, "tokens", "log"); strings.Count(out, "drill") != 2 {
		t.Errorf("the log does not tell of two drills:\n%s", out)
	}
	t.Setenv("HONEYROW_FIRE_PASSWORD", "wrong")
	if r := honeyrow(t, w.dir, "seed", "verify", "--no-measure", "--fire", "--as", "app"); r.code != 1 || strings.Contains(r.stderr, "wrong") || !strings.Contains(r.stderr, "authentication failed") {
		t.Errorf("with a wrong password: %+v", r)
	}
	// A way around the proxy raises no alert.
	t.Setenv("HONEYROW_FIRE_PASSWORD", "app-secret")
	for timeout := 2 * time.Second; ; timeout *= 4 { // a busy machine may not get to the read in 2 s
		r := honeyrow(t, w.dir, "seed", "verify", "--no-measure", "--fire", "--as", "app", "--address", w.pg.Addr(), "--timeout", timeout.String())
		if r.code == exitNoAlert && strings.Contains(r.stderr, "no alert came of the read") {
			break
		}
		if timeout > time.Minute {
			t.Fatalf("around the proxy: %+v", r)
		}
	}
}
