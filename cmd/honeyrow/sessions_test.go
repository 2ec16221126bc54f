package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"honeyrow/event"
	"honeyrow/internal/admin"
)

// withAdmin gives the configuration an admin socket; its path must be short.
func (w *town) withAdmin(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "adm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	file := filepath.Join(w.dir, "honeyrow.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, "\nadmin: {address: \"unix:"+filepath.Join(dir, "s")+"\"}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (w *town) sessions(t *testing.T) []admin.Session {
	t.Helper()
	return lines[admin.Session](t, must(t, w.dir, "--json", "sessions", "list"))
}

func TestSessionsAreListedAndKilledAtBothEnds(t *testing.T) {
	w := newTown(t)
	w.withAdmin(t)
	if r := honeyrow(t, w.dir, "sessions", "list"); r.code != 1 || !strings.Contains(r.stderr, "is it running") {
		t.Errorf("without a proxy: %d %q", r.code, r.stderr)
	}
	p := w.proxy(t)
	if r := honeyrow(t, w.dir, "sessions", "list"); r.code != 0 || !strings.Contains(r.stderr, "no sessions") {
		t.Errorf("without clients: %+v", r)
	}
	ctx := context.Background()
	reader, sleeper := w.connect(t), w.connect(t)
	if _, err := reader.Exec(ctx, "set application_name = 'nightly\x1b[2J export'"); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Exec(ctx, "select * from staff"); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Exec(ctx, "begin"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { // ends with the session
		_, err := sleeper.Exec(ctx, "select pg_sleep(600)")
		ended <- err
	}()
	asleep := func() bool {
		out, err := w.pg.Query(ctx, "postgres", "select count(*) from pg_stat_activity where query like '%pg_sleep(600)%' and state = 'active' and pid <> pg_backend_pid()")
		return err == nil && strings.TrimSpace(out) == "1"
	}
	within(t, 10*time.Second, "the server is at work", asleep)
	ss := w.sessions(t)
	if len(ss) != 2 {
		t.Fatalf("%d sessions", len(ss))
	}
	if s := ss[0]; s.State != admin.Transaction || s.Statements != 3 || s.Rows != 300 || s.ToClient < 300 || s.Client.User != "app" || !strings.HasPrefix(s.Client.Application, "nightly") || s.Client.BackendPID != reader.PgConn().PID() {
		t.Errorf("the reader's: %+v", s)
	}
	if s := ss[1]; s.State != admin.Active || s.Statements != 1 || s.Rows != 0 {
		t.Errorf("the sleeper's: %+v", s)
	}
	table := must(t, w.dir, "sessions", "list")
	for _, want := range []string{"USER", "app", "postgres", "300", "in transaction", "active", "127.0.0.1:"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
	if strings.Contains(table, "\x1b") || strings.Count(table, "\n") != 3 {
		t.Errorf("the table: %q", table)
	}
	if out := must(t, w.dir, "sessions", "list", "--user", "nobody"); out != "" {
		t.Errorf("of nobody: %q", out)
	}

	// The client is told, and the server gives up what it was at.
	short := shortID(&ss[1])
	if r := honeyrow(t, w.dir, "sessions", "kill", short, "no-such-session"); r.code != 1 || !strings.Contains(r.stderr, "no session is called") || len(w.sessions(t)) != 2 {
		t.Errorf("one of two names means nobody: %+v", r)
	}
	if out := must(t, w.dir, "sessions", "kill", short); !strings.Contains(out, "killed "+short+": app from 127.0.0.1:") {
		t.Errorf("kill: %q", out)
	}
	var pe *pgconn.PgError
	if err := <-ended; !errors.As(err, &pe) || pe.Code != "57P01" {
		t.Errorf("the client has %v, want 57P01", err)
	}
	within(t, 10*time.Second, "the server has given up", func() bool { return !asleep() })
	if _, err := reader.Exec(ctx, "commit"); err != nil {
		t.Errorf("another session: %v", err)
	}
	within(t, 10*time.Second, "the log says who ended it", func() bool { return p.logged("ended by the operator") })
	within(t, 10*time.Second, "one session is left", func() bool { return len(w.sessions(t)) == 1 })
}

func TestSessionsAreFoundByIdEndOrPID(t *testing.T) {
	all := []admin.Session{
		{Client: event.Client{Session: "0199-aaaa-1111ffff", BackendPID: 41}},
		{Client: event.Client{Session: "0199-bbbb-2222ffff", BackendPID: 42}},
		{Client: event.Client{Session: "0199-cccc-33330041"}},
	}
	for name, want := range map[string]string{
		"0199-bbbb-2222ffff": "0199-bbbb-2222ffff", "2222ffff": "0199-bbbb-2222ffff", "41": "0199-aaaa-1111ffff", "0041": "0199-cccc-33330041",
		"ffff": "means 2 sessions", "fff": "no session", "0": "no session", "": "no session", "0199": "no session",
	} {
		s, err := findSession(all, name)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = string(s.Client.Session)
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}
