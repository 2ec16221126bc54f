package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honeyrow/digests"
	"honeyrow/event"
	"honeyrow/token"
)

// program runs honeyrow as a process of its own, with text on standard input.
func program(t *testing.T, dir, stdin string, args ...string) result {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, append([]string{"--config", filepath.Join(dir, "honeyrow.yaml")}, args...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	var out, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), stderr.String()}
}

// planted seeds staff and returns the honey rows' tokens.
func (w *town) planted(t *testing.T, rows string) []token.Token {
	t.Helper()
	must(t, w.dir, "seed", "apply", "--tables", "staff", "--rows", rows, "--no-measure", "--yes")
	return lines[token.Token](t, must(t, w.dir, "--json", "tokens", "list", "--values", "--state", "live"))
}

func ofKind(t *testing.T, ts []token.Token, kind string) token.Token {
	t.Helper()
	for _, tk := range ts {
		if tk.Kind == kind {
			return tk
		}
	}
	t.Fatalf("no token of kind %s", kind)
	return token.Token{}
}

func TestAValueOfManyRowsIsToldOnceFewAndCounted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "names.digests")
	key := digests.NewKey()
	var b bytes.Buffer
	d, err := digests.NewWriter(&b, key, digests.Header{})
	if err != nil {
		t.Fatal(err)
	}
	for range 30 {
		if err := d.Add(&token.Life{Token: token.Token{ID: event.NewID(), Value: "Maria", Kind: "person_name"}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{file: b.String(), file + ".key": key.Reveal()} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for limit, want := range map[string]int{"20": 20, "7": 7, "0": 30} {
		r := program(t, t.TempDir(), "Maria\n", "--json", "tokens", "where", "--digests", file, "--limit", limit, "-")
		if got := strings.Count(r.out, "\n"); r.code != 0 || got != want || strings.Contains(r.stderr, "of 30 places") != (want < 30) {
			t.Errorf("--limit %s: %d stories, want %d; %s", limit, got, want, r.stderr)
		}
	}
	if r := program(t, t.TempDir(), "Maria\n", "tokens", "where", "--digests", file, "--limit=-1", "-"); r.code != 2 || !strings.Contains(r.stderr, "0 or more") {
		t.Errorf("--limit -1: %+v", r)
	}
}

func TestAValueFoundOutsideTellsItsStoryWithAndWithoutTheRegistry(t *testing.T) {
	w := newTown(t)
	w.proxy(t)
	mail := ofKind(t, w.planted(t, "3"), "email")
	c := w.connect(t)
	for range 2 {
		if _, err := c.Exec(context.Background(), "select * from staff where email = $1", mail.Value); err != nil {
			t.Fatal(err)
		}
	}
	must(t, w.dir, "seed", "verify", "--no-measure")
	within(t, 10*time.Second, "the reads are in the story", func() bool {
		ls := lines[where](t, must(t, w.dir, "--json", "tokens", "where", mail.Value))
		return len(ls) == 1 && ls[0].Reads == 2
	})
	l := lines[where](t, must(t, w.dir, "--json", "tokens", "where", mail.Value))[0]
	if l.ID != mail.ID || l.Value != "" || l.RowNumber < 1 || l.RowNumber > 3 || l.DeploymentNumber != 1 || l.Found != "intact" || l.Verified.IsZero() ||
		!strings.Contains(l.Story, "postgres.public.staff.email on server crm, planted by ") || !strings.Contains(l.Story, "last verified today (intact), read twice since") {
		t.Errorf("got %+v", l)
	}
	for _, found := range []string{mail.Value + "\n", "\n  \"" + strings.ToUpper(mail.Value) + "\",\r\n"} {
		r := program(t, w.dir, found, "tokens", "where", "-")
		if r.code != 0 || !strings.Contains(r.out, string(mail.ID)) || strings.Contains(r.out+r.stderr, mail.Value) {
			t.Errorf("%q on standard input: %+v", found, r)
		}
	}
	if r := honeyrow(t, w.dir, "tokens", "where", "user17@corp.test"); r.code != 1 || !strings.Contains(r.stderr, "no planted value") {
		t.Errorf("an ordinary value: %+v", r)
	}

	file := filepath.Join(t.TempDir(), "responder.digests")
	must(t, w.dir, "tokens", "digests", file)
	if st, err := os.Stat(file + ".key"); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode: %v, %v", st.Mode(), err)
	}
	text, err := os.ReadFile(file)
	if err != nil || bytes.Contains(text, []byte(mail.Value)) || bytes.Contains(text, []byte("staff")) {
		t.Errorf("the digest file holds what it must not (%v)", err)
	}
	away := t.TempDir() // no configuration, no registry
	ls := lines[where](t, must(t, away, "--json", "tokens", "where", "--digests", file, mail.Value))
	if len(ls) != 1 || ls[0].Story != l.Story {
		t.Errorf("offline: got %+v, want the story %q", ls, l.Story)
	}
	if r := honeyrow(t, away, "tokens", "where", "--digests", file, "user17@corp.test"); r.code != 1 {
		t.Errorf("an ordinary value offline: %+v", r)
	}
	if r := honeyrow(t, w.dir, "tokens", "digests", file); r.code != 1 || !strings.Contains(r.stderr, "--force") {
		t.Errorf("over a file that is there: %+v", r)
	}
	w.logTellsIt(t)

	// A dump of the table holds every honey row.
	dump, err := w.pg.Query(context.Background(), "postgres", "select s::text from staff s")
	if err != nil {
		t.Fatal(err)
	}
	r := program(t, w.dir, dump, "--json", "tokens", "scan", "-")
	rows := map[event.ID]bool{}
	for _, f := range lines[found](t, r.out) {
		rows[f.Row] = true
		if f.Story != "" && (f.Place.Table != "staff" || f.Line == 0) {
			t.Errorf("finding %+v", f)
		}
	}
	if delete(rows, ""); r.code != 3 || len(rows) != 3 || strings.Contains(r.out+r.stderr, mail.Value) {
		t.Errorf("scanning a dump: exit code %d, %d rows\n%s", r.code, len(rows), r.out)
	}
	if r := program(t, w.dir, "nothing of ours", "tokens", "scan", "-"); r.code != 0 {
		t.Errorf("scanning something else: %+v", r)
	}
	if r := program(t, w.dir, "PGDMP\x01\x0e and packed rows", "tokens", "scan", "-"); r.code != 1 || !strings.Contains(r.stderr, "could not be looked into") {
		t.Errorf("scanning what can't be looked into: %+v", r)
	}

	// Somebody who can write to the registry takes out that it was planted.
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.dir, "honeyrow.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec("DROP TRIGGER log_keeps_rows; DELETE FROM log WHERE n = 2")
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if v := honeyrow(t, w.dir, "seed", "verify", "--no-measure"); !strings.Contains(v.stderr, "warning: the log was altered: entry 2 is missing") {
		t.Errorf("verify says nothing of a log that was altered: %+v", v)
	}
}

// logTellsIt looks for the planting and the verification in the log.
func (w *town) logTellsIt(t *testing.T) {
	t.Helper()
	ds := lines[token.Deed](t, must(t, w.dir, "--json", "tokens", "log"))
	var actions []string
	for _, d := range ds {
		if actions = append(actions, d.Action); d.Actor == "" || d.Version == "" || d.Sum == "" {
			t.Errorf("entry %+v lacks who, what or how", d)
		}
	}
	if got, want := strings.Join(actions, " "), "plant planted verified digests"; got != want {
		t.Errorf("the log tells %q, want %q", got, want)
	}
	if d := ds[1]; d.Rows != 3 || d.Role != "planter" || len(d.Tables) != 1 || d.Tables[0] != "public.staff" || len(d.Plan) != 64 || d.Server != "crm" {
		t.Errorf("the planting is told as %+v", d)
	}
	out := must(t, w.dir, "tokens", "log", "--verify")
	_, head, _ := strings.Cut(out, "head ")
	if !strings.Contains(out, "the log is whole: 4 entries") {
		t.Errorf("verify: %s", out)
	}
	must(t, w.dir, "tokens", "log", "--verify", "--head", strings.TrimSpace(head))
	if r := honeyrow(t, w.dir, "tokens", "log", "--verify", "--head", "9"+strings.TrimSpace(head)); r.code != 1 || !strings.Contains(r.stderr, "cut off") {
		t.Errorf("with a head that it does not hold: %+v", r)
	}
}
