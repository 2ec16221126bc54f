package sqlite

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/token/tokentest"
)

var testKey = NewKey()

// folders remembers the folder of each test, so that a test can open the same
// file several times.
var folders sync.Map

func dbPath(t *testing.T) string {
	dir, ok := folders.Load(t)
	if !ok {
		dir = t.TempDir()
		folders.Store(t, dir)
		t.Cleanup(func() { folders.Delete(t) })
	}
	return filepath.Join(dir.(string), "honeyrow.db")
}

func openAt(t testing.TB, path string, now func() time.Time) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{Path: path, Key: testKey, Actor: "tester", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStoreKeepsTokensAsEveryStoreMust(t *testing.T) {
	tokentest.Run(t, func(t *testing.T, now func() time.Time) tokentest.Store { return openAt(t, dbPath(t), now) })
}

func TestFilesAreForTheOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "deeper", "honeyrow.db")
	s := openAt(t, path, nil)
	if err := s.Add(t.Context(), tokentest.Tokens(2)); err != nil {
		t.Fatal(err)
	}
	if len(s.Warnings()) != 0 {
		t.Errorf("warnings for a new file: %v", s.Warnings())
	}
	for _, c := range []struct {
		path string
		want os.FileMode
	}{{path, 0o600}, {path + "-wal", 0o600}, {path + "-shm", 0o600}, {filepath.Dir(path), 0o700}} {
		st, err := os.Stat(c.path)
		if err != nil {
			t.Fatal(err)
		}
		if got := st.Mode().Perm(); got != c.want {
			t.Errorf("%s has mode %04o, want %04o", filepath.Base(c.path), got, c.want)
		}
	}
}

func TestStoreKeepsDetectionsAsEveryOutboxMust(t *testing.T) {
	alerttest.Run(t, func(t *testing.T, now func() time.Time) alert.Store { return openAt(t, dbPath(t), now) })
}
