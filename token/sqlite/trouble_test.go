package sqlite

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/event"
	"honeyrow/token/tokentest"
)

var alertAll = alert.Query{}

func TestFileOpenToOthersIsClosedWithAWarning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "honeyrow.db")
	openAt(t, path, nil)
	if err := errors.Join(os.Chmod(path, 0o644), os.Chmod(filepath.Dir(path), 0o777)); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, path, nil)
	all := strings.Join(s.Warnings(), "\n")
	if !strings.Contains(all, "0644") || !strings.Contains(all, "chmod go-w "+filepath.Dir(path)) {
		t.Errorf("warnings: %q", all)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("file has mode %v, %v, want 0600", st.Mode(), err)
	}
}

func TestDamagedFileIsNamedWithWhatToDo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "honeyrow.db")
	s := openAt(t, path, nil)
	if err := s.Add(t.Context(), tokentest.Tokens(2000)); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("healthy file: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	use := func() error {
		s, err := Open(t.Context(), Options{Path: path, Key: testKey})
		if err != nil {
			return err
		}
		defer s.Close()
		_, err = s.Snapshot(t.Context())
		return errors.Join(err, s.Check(t.Context()))
	}
	holes := bytes.Clone(whole)
	for i := 8192; i+4096 < len(holes); i += 16384 {
		copy(holes[i:], make([]byte, 4096))
	}
	for name, b := range map[string][]byte{
		"not a database": []byte(strings.Repeat("these are not the bytes\n", 1000)),
		"holes":          holes,
		"cut short":      whole[:len(whole)/2],
	} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		err := use()
		if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), ".recover") {
			t.Errorf("%s: got %v, want ErrCorrupt with the file and what to do", name, err)
		} else if strings.Count(err.Error(), path) > 2 { // where it is, and in the command
			t.Errorf("%s: %v names the file too often", name, err)
		}
	}
}

func TestForeignOrNewerFileIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign.db")
	alter(t, foreign, "CREATE TABLE theirs (x)")
	if _, err := Open(t.Context(), Options{Path: foreign, Key: testKey}); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("foreign file: got %v", err)
	}
	newer := filepath.Join(dir, "newer.db")
	s := openAt(t, newer, nil)
	alter(t, newer, "PRAGMA user_version = 999")
	if _, err := Open(t.Context(), Options{Path: newer, Key: testKey}); !errors.Is(err, ErrNewer) {
		t.Errorf("newer file: got %v, want ErrNewer", err)
	}
	_ = s
	if _, err := Open(t.Context(), Options{Key: testKey}); err == nil {
		t.Error("an empty path was accepted")
	}
	if _, err := Open(t.Context(), Options{Path: dir, Key: testKey}); err == nil {
		t.Error("a folder was accepted")
	}
}

func TestReplacedFileIsNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "honeyrow.db")
	s := openAt(t, path, nil)
	v, err := s.Version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() { waited <- s.Wait(t.Context(), v) }()
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"wait": <-waited,
		"put":  s.Put(t.Context(), []event.Detection{alerttest.Detection(1)}, nil),
		"add":  s.Add(t.Context(), tokentest.Tokens(1)),
	} {
		if !errors.Is(err, ErrMoved) || !strings.Contains(err.Error(), "restart") {
			t.Errorf("%s: got %v, want ErrMoved with what to do", name, err)
		}
	}
}

func TestCloseEndsWait(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "honeyrow.db"), nil)
	v, err := s.Version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() { waited <- s.Wait(t.Context(), v) }()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err == nil {
		t.Error("Wait reported a change")
	}
}

func TestLockOfAnotherProcessIsWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "honeyrow.db")
	s := openAt(t, path, nil)
	db, err := sql.Open("sqlite", path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	put := make(chan error, 1)
	go func() { put <- s.Put(t.Context(), []event.Detection{alerttest.Detection(1)}, []string{"file"}) }()
	if _, err := s.Snapshot(t.Context()); err != nil {
		t.Errorf("reading beside a writer: %v", err)
	}
	select {
	case err := <-put:
		t.Errorf("committed beside another writer: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-put; err != nil {
		t.Errorf("after the lock was gone: %v", err)
	}
}

func TestFullDiskIsNamedAndNothingIsHalfDone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "honeyrow.db")
	s := openAt(t, path, nil)
	var pages int
	if err := s.full.QueryRow("PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	if _, err := s.full.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages+2)); err != nil {
		t.Fatal(err)
	}
	var ds []event.Detection
	for i := range 200 {
		ds = append(ds, alerttest.Detection(i))
	}
	err := s.Put(t.Context(), ds, []string{"file"})
	if err == nil || !strings.Contains(err.Error(), "free space") || !strings.Contains(err.Error(), path) || alert.IsPermanent(err) {
		t.Errorf("got %v, want a failure worth another try that says what to do", err)
	}
	if es, err := s.Detections(t.Context(), alertAll); err != nil || len(es) != 0 {
		t.Errorf("%d detections half done, %v", len(es), err)
	}
	if _, err := s.full.Exec("PRAGMA max_page_count = 1000000"); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), ds, []string{"file"}); err != nil {
		t.Errorf("with space again: %v", err)
	}
}

func TestMigrationsAreNumberedWithoutGaps(t *testing.T) {
	if got, err := listMigrations(migrations); err != nil || len(got) == 0 {
		t.Errorf("embedded: %d, %v", len(got), err)
	}
	gap := fstest.MapFS{"migrations/0001_a.sql": {Data: []byte("A")}, "migrations/0003_b.sql": {Data: []byte("B")}}
	if _, err := listMigrations(gap); err == nil {
		t.Error("a gap is accepted")
	}
}
