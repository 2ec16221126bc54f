package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"honeyrow/alert/alerttest"
	"honeyrow/event"
	"honeyrow/token"
	"honeyrow/token/tokentest"
)

func TestFileDoesNotTellWhichRowsAreBait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "honeyrow.db")
	s, err := Open(t.Context(), Options{Path: path, Key: testKey})
	if err != nil {
		t.Fatal(err)
	}
	tok := tokentest.Tokens(1)[0]
	tok.Value, tok.Binary, tok.Place.Key, tok.Note = "SENTINELvalue", []byte("SENTINELbinary"), "SENTINELkey", "SENTINELnote"
	d := alerttest.Detection(1)
	d.Statement.Text, d.Summary, d.Client.User, d.Hits[0].Place.Key = "SENTINELstatement", "SENTINELsummary", "SENTINELuser", "SENTINELhit"
	if err := errors.Join(s.Add(t.Context(), []token.Token{tok}), s.Put(t.Context(), []event.Detection{d}, []string{"file"})); err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		t.Helper()
		files, err := filepath.Glob(path + "*")
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		planted := 0
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(b, []byte("SENTINEL")) {
				t.Errorf("%s: %s holds a secret in the clear", when, filepath.Base(f))
			}
			planted += bytes.Count(b, []byte(tok.ID))
		}
		if planted == 0 {
			t.Errorf("%s: the token's id is in no file: the test looks in the wrong place", when)
		}
	}
	check("open")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	check("closed")
}

func TestWrongKeySaysSo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "honeyrow.db")
	openAt(t, path, nil)
	_, err := Open(t.Context(), Options{Path: path, Key: NewKey()})
	if !errors.Is(err, ErrWrongKey) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "key file") {
		t.Errorf("got %v, want ErrWrongKey with the file and what to do", err)
	}
}

// alter runs statements on the file behind the store's back.
func alter(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, st := range statements {
		if _, err := db.Exec(st); err != nil {
			t.Fatalf("%s: %v", st, err)
		}
	}
}

func TestSealedValuesCannotBeSwappedBetweenRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "honeyrow.db")
	s := openAt(t, path, nil)
	ts := tokentest.Tokens(2)
	d1, d2 := alerttest.Detection(1), alerttest.Detection(2)
	if err := errors.Join(s.Add(t.Context(), ts), s.Put(t.Context(), []event.Detection{d1, d2}, []string{"file"})); err != nil {
		t.Fatal(err)
	}
	swap := func(table, column string) string {
		return fmt.Sprintf("UPDATE %s SET %s = (SELECT %s FROM %s o WHERE o.id <> %s.id)", table, column, column, table, table)
	}
	alter(t, path, swap("token", "sealed"), swap("detection", "body"))
	if _, err := s.Snapshot(t.Context()); !errors.Is(err, errSealed) || !strings.Contains(err.Error(), string(ts[0].ID)) || strings.Contains(err.Error(), ts[0].Value) {
		t.Errorf("snapshot: got %v, want an error that names the token by its id", err)
	}
	due, err := s.Due(t.Context(), "file", s.now(), 10)
	if err != nil || len(due) != 2 {
		t.Fatalf("due: %d, %v", len(due), err)
	}
	// SQLite swaps one row after the other: the second has its own body again.
	if d := due[0]; !errors.Is(d.Broken, errSealed) || d.Detection.Summary != "" || due[1].Broken != nil {
		t.Errorf("due: got %+v, then %v; want an error and nothing of what it holds, and the other", d, due[1].Broken)
	}
	alter(t, path, "UPDATE detection SET revision = revision + 1") // an old body as a new revision
	if _, err := s.Detections(t.Context(), alertAll); !errors.Is(err, errSealed) {
		t.Errorf("list: got %v, want an error", err)
	}
}

func TestKeyFileLifeCycle(t *testing.T) {
	dir := t.TempDir()
	path, db := filepath.Join(dir, "keys", "honeyrow.key"), filepath.Join(dir, "honeyrow.db")
	if _, _, err := LoadKey(path); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("missing key: got %v", err)
	}
	first, warning, err := KeyFor(db, path)
	if err != nil || warning != "" {
		t.Fatal(warning, err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v, want 0600", st.Mode(), err)
	}
	if again, _, err := KeyFor(db, path); err != nil || again != first {
		t.Errorf("second start: %v, another key: %v", err, again != first)
	}
	if _, err := CreateKey(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("overwriting a key: got %v, want a refusal", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, warning, err := LoadKey(path); err != nil || !strings.Contains(warning, "0644") {
		t.Errorf("open key file: got warning %q, %v", warning, err)
	}
	if st, _ := os.Stat(path); st.Mode().Perm() != 0o600 {
		t.Errorf("open key file is %04o afterwards, want 0600", st.Mode().Perm())
	}
	if err := errors.Join(os.Remove(path), os.WriteFile(db, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := KeyFor(db, path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("lost key of an existing database: got %v, want a refusal to make a new one", err)
	}
	t.Setenv(KeyEnv, strings.Repeat("ab", 32))
	if k, _, err := KeyFor(db, path); err != nil || k.b[31] != 0xab {
		t.Errorf("key from the environment: %v", err)
	}
	t.Setenv(KeyEnv, "short")
	if _, _, err := KeyFor(db, path); err == nil || !strings.Contains(err.Error(), KeyEnv) {
		t.Errorf("bad key in the environment: got %v", err)
	}
}

func TestKeyNeverShows(t *testing.T) {
	text := strings.Repeat("0123456789abcdef", 4)
	k, err := ParseKey(" " + text + "\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if got := fmt.Sprintf(format, k); strings.Contains(got, "0123") || strings.Contains(got, "0x1") {
			t.Errorf("%s shows the key: %s", format, got)
		}
	}
	for _, bad := range []string{"", text[1:], text + "00", "g" + text[1:]} {
		if _, err := ParseKey(bad); err == nil || bad != "" && strings.Contains(err.Error(), bad[:4]) {
			t.Errorf("got %v, want a refusal that does not show the text", err)
		}
	}
}

func FuzzUnpackSecret(f *testing.F) {
	t := tokentest.Tokens(2)[1]
	f.Add(packSecret(nil, &t))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, b []byte) {
		var tok token.Token
		if unpackSecret(b, &tok) != nil {
			return
		}
		var again token.Token
		if err := unpackSecret(packSecret(nil, &tok), &again); err != nil || again.Value != tok.Value || !bytes.Equal(again.Binary, tok.Binary) ||
			again.Note != tok.Note || again.Place.Key != tok.Place.Key {
			t.Errorf("%+v became %+v, %v", tok, again, err)
		}
	})
}

func TestHistoryTellsWhoDidWhatAndCannotBeRewritten(t *testing.T) {
	clock := tokentest.NewClock()
	path := filepath.Join(t.TempDir(), "honeyrow.db")
	s := openAt(t, path, clock.Now)
	tok := tokentest.Tokens(1)
	if err := s.Add(t.Context(), tok); err != nil {
		t.Fatal(err)
	}
	clock.Advance(1)
	for _, to := range []token.State{token.Live, token.Live, token.Retired, token.Removed} {
		if err := s.SetState(t.Context(), to, tok[0].ID); err != nil {
			t.Fatal(err)
		}
	}
	cs, err := s.History(t.Context(), tok[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range cs {
		got = append(got, fmt.Sprintf("%s>%s by %s", c.From, c.To, c.Actor))
	}
	if want := "[>planned by tester planned>live by tester live>retired by tester retired>removed by tester]"; fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
	for _, st := range []string{"DELETE FROM history", "UPDATE history SET actor = 'nobody'"} {
		_, err := s.full.ExecContext(context.Background(), st)
		if err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: got %v", st, err)
		}
	}
}
