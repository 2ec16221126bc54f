package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

// team makes another registry, with a seeding connection to the town's server,
// which it calls by a name of its own.
func (w *town) team(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	must(t, dir, "init", "--name", "main", "--server-address", w.pg.Addr(), "--listen", "127.0.0.1:0", "--domain", "decoy.harborpost.test")
	dsn := fmt.Sprintf("postgres://planter:planter-secret@%s/postgres?sslmode=disable", w.pg.Addr())
	if err := os.WriteFile(filepath.Join(dir, "seed.dsn"), []byte(dsn), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// address is what `honeyrow tokens address` prints first.
func address(t *testing.T, dir string) string {
	t.Helper()
	a, _, _ := strings.Cut(must(t, dir, "tokens", "address"), "\n")
	return a
}

func TestATeamsManifestIsWatchedByAnotherOnesProxyAndALeakNamesOwnerAndCopy(t *testing.T) {
	w := newTown(t)
	w.proxy(t)
	crm := w.team(t)
	must(t, crm, "seed", "apply", "--tables", "staff", "--rows", "3", "--copy", "staging", "--no-measure", "--yes")
	theirs := lines[token.Token](t, must(t, crm, "--json", "tokens", "list", "--values"))
	mail := ofKind(t, theirs, "email")
	if out := must(t, crm, "tokens", "list"); !strings.Contains(out, "COPY") || !strings.Contains(out, "staging") || strings.Contains(out, "OWNER") {
		t.Errorf("tokens list:\n%s", out)
	}
	if out := must(t, crm, "tokens", "show", string(mail.ID)); !strings.Contains(out, "copy staging of postgres") {
		t.Errorf("tokens show:\n%s", out)
	}

	file := filepath.Join(t.TempDir(), "crm.manifest")
	must(t, crm, "tokens", "manifest", "--to", address(t, w.dir), "--as", "crm-team", "--out", file)
	text, err := os.ReadFile(file)
	if err != nil || bytes.Contains(text, []byte(mail.Value)) || bytes.Contains(text, []byte("staff")) {
		t.Fatalf("the manifest shows what it must not (%v)", err)
	}
	for what, r := range map[string]struct {
		result
		want string
	}{
		"not introduced": {honeyrow(t, w.dir, "tokens", "merge", file), address(t, crm)},
		"another's":      {honeyrow(t, w.team(t), "tokens", "merge", file), "sealed to another registry"},
		"its own":        {honeyrow(t, crm, "tokens", "merge", file), "from this very registry"},
		"to nobody":      {honeyrow(t, crm, "tokens", "manifest", "--to", address(t, w.dir)[1:], "--as", "x", "--out", file+"2"), "no address"},
	} {
		if r.code == 0 || !strings.Contains(r.stderr, r.want) {
			t.Errorf("%s: %+v, want a refusal with %q", what, r.result, r.want)
		}
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(file+".bad", text, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := honeyrow(t, w.dir, "tokens", "merge", "--from", address(t, crm), file+".bad"); r.code != 1 || !strings.Contains(r.stderr, "altered") {
		t.Errorf("an altered manifest: %+v", r)
	}

	var m token.Merged
	out := must(t, w.dir, "--json", "tokens", "merge", "--from", address(t, crm), "--server", "main=crm", file)
	if err := json.Unmarshal([]byte(out), &m); err != nil || m.Added != len(theirs) || m.Owner != "crm-team" {
		t.Fatalf("merged %s, want %d tokens (%v)", out, len(theirs), err)
	}
	if out := must(t, w.dir, "tokens", "merge", file); !strings.Contains(out, "0 new, 0 in a newer state") {
		t.Errorf("a second time: %s", out)
	}
	if out := must(t, w.dir, "tokens", "address"); !strings.Contains(out, "crm-team") || !strings.Contains(out, address(t, crm)) {
		t.Errorf("tokens address:\n%s", out)
	}
	w.alertNames(t, &mail)

	want := "copy staging of postgres, postgres.public.staff.email on server crm, planted by "
	l := lines[where](t, must(t, w.dir, "--json", "tokens", "where", mail.Value))
	if len(l) != 1 || l[0].Owner != "crm-team" || l[0].Copy != "staging" || !strings.Contains(l[0].Story, want) || !strings.Contains(l[0].Story, "registered by crm-team") {
		t.Errorf("where: %+v", l)
	}
	if r := program(t, w.dir, "x,"+mail.Value+",y\n", "tokens", "scan", "-"); r.code != 3 || !strings.Contains(r.out, "staging") || !strings.Contains(r.out, "crm-team") {
		t.Errorf("scan: %+v", r)
	}
	w.othersRowsStay(t, crm, file, mail.Value)
}

// alertNames reads a honey row through the desk's proxy until its alert, which
// must name copy and owner.
func (w *town) alertNames(t *testing.T, mail *token.Token) {
	t.Helper()
	c := w.connect(t)
	var hit event.Hit
	within(t, 10*time.Second, "the running proxy alerts on a merged token", func() bool {
		if _, err := c.Exec(t.Context(), "select * from staff where id = "+mail.Place.Key); err != nil {
			t.Fatal(err)
		}
		for _, d := range lines[event.Detection](t, must(t, w.dir, "--json", "alerts", "list")) {
			for _, h := range d.Hits {
				if h.Token == mail.ID && !h.Channel.Inbound() {
					hit = h
					return true
				}
			}
		}
		return false
	})
	if hit.Copy != "staging" || hit.Owner != "crm-team" || hit.Place.Server != "crm" || !strings.Contains(hit.Story, "copy staging of postgres") || !strings.Contains(hit.Story, "registered by crm-team") {
		t.Errorf("the alert's hit: %+v", hit)
	}
}

// othersRowsStay has the desk verify and remove all that is its own: nothing. Then
// the team removes its rows, and tells.
func (w *town) othersRowsStay(t *testing.T, crm, file, mail string) {
	t.Helper()
	if out := must(t, w.dir, "seed", "remove", "--yes"); !strings.Contains(out, "0 rows removed") && !strings.Contains(out, "0 removed") {
		t.Errorf("the desk removed what is not its own:\n%s", out)
	}
	digest := file + ".digests"
	must(t, crm, "tokens", "digests", digest)
	must(t, w.dir, "tokens", "digests", digest+"2")
	away := t.TempDir()
	if l := lines[where](t, must(t, away, "--json", "tokens", "where", "--digests", digest, "--digests", digest+"2", mail)); len(l) != 2 || l[0].Copy != "staging" || l[0].Owner != "" || l[1].Owner != "crm-team" {
		t.Errorf("two digest files tell %+v", l)
	}
	must(t, crm, "seed", "remove", "--yes")
	must(t, crm, "tokens", "manifest", "--to", address(t, w.dir), "--as", "crm-team", "--out", file, "--force")
	if out := must(t, w.dir, "tokens", "merge", file); !strings.Contains(out, "0 new") || strings.Contains(out, "0 in a newer state") {
		t.Errorf("after the removal: %s", out)
	}
	if l := lines[token.Token](t, must(t, w.dir, "--json", "tokens", "list", "--owner", "crm-team", "--state", "live")); len(l) != 0 {
		t.Errorf("%d removed tokens are still watched", len(l))
	}
	must(t, w.dir, "tokens", "log", "--verify")
	var actions []string
	for _, d := range lines[token.Deed](t, must(t, w.dir, "--json", "tokens", "log")) {
		if d.Action == "merged" {
			actions = append(actions, d.Detail)
		}
	}
	if len(actions) != 3 || !strings.Contains(actions[0], "from crm-team (hr1") {
		t.Errorf("the log tells of merges %q", actions)
	}
}

func TestAPlanOfOneCopyIsNotPlantedInAnother(t *testing.T) {
	w := newTown(t)
	w.configure(t, "protocol: postgres\n", "protocol: postgres\n    copy: production\n")
	plan := filepath.Join(w.dir, "plan.json")
	must(t, w.dir, "seed", "plan", "--tables", "staff", "--rows", "2", "--no-measure", "--out", plan, "--copy", "vendor-acme")
	if r := honeyrow(t, w.dir, "seed", "apply", plan, "--yes"); r.code != 1 || !strings.Contains(r.stderr, "vendor-acme") || !strings.Contains(r.stderr, "--copy") {
		t.Errorf("the vendor's plan in production: %+v", r)
	}
	must(t, w.dir, "seed", "apply", plan, "--yes", "--copy", "vendor-acme")
	must(t, w.dir, "seed", "apply", "--tables", "staff", "--rows", "2", "--no-measure", "--yes")
	for name, want := range map[string]int{"vendor-acme": 2, "production": 2} {
		rows := map[event.ID]bool{}
		for _, tk := range lines[token.Token](t, must(t, w.dir, "--json", "tokens", "list", "--copy", name)) {
			rows[tk.Row] = true
		}
		if len(rows) != want {
			t.Errorf("copy %s has %d rows, want %d", name, len(rows), want)
		}
	}
	if out := must(t, w.dir, "tokens", "log"); !strings.Contains(out, "(copy vendor-acme)") {
		t.Errorf("the log does not name the copy:\n%s", out)
	}
}
