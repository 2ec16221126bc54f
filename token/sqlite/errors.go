package sqlite

import (
	"errors"
	"fmt"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Errors that Open and the store's methods wrap.
var (
	// ErrWrongKey says that the file was written with another key.
	ErrWrongKey = errors.New("wrong key")
	// ErrCorrupt says that the file is damaged or is not a SQLite database.
	ErrCorrupt = errors.New("database is damaged")
	// ErrNewer says that a later release of honeyrow has changed the file.
	ErrNewer = errors.New("database was made by a newer honeyrow")
	// ErrMoved says that the file was moved, deleted or replaced while open.
	ErrMoved = errors.New("database file was moved or replaced")
)

// primary returns SQLite's primary result code of err, or 0.
// https://www.sqlite.org/rescode.html
func primary(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

// explain adds to a SQLite error the file and what to do about it.
func (s *Store) explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	of := ": database " + s.path
	if strings.HasSuffix(doing, s.path) { // it is named already
		of = ""
	}
	hint := ""
	switch primary(err) {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%s%s: %w: %w: stop honeyrow, keep a copy of the file with its -wal and -shm, then restore a backup or try `sqlite3 %s .recover`",
			doing, of, ErrCorrupt, err, s.path)
	case sqlite3.SQLITE_FULL:
		hint = "free space on its file system"
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		hint = "another process holds its lock; find it with `fuser` and let it finish"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		hint = "let the user who runs honeyrow write the file and its folder"
	case sqlite3.SQLITE_CANTOPEN:
		hint = "check that its folder exists and that the user who runs honeyrow may write there"
	case sqlite3.SQLITE_IOERR:
		hint = "check the disk and the system log"
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s%s: %w: %s", doing, of, err, hint)
}
