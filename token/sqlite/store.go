package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"honeyrow/alert"
	"honeyrow/alert/incident"
	"honeyrow/token"
)

var (
	_ token.Registry  = (*Store)(nil)
	_ token.Shelf     = (*Store)(nil)
	_ token.Atlas     = (*Store)(nil)
	_ token.Watch     = (*Store)(nil)
	_ token.Chronicle = (*Store)(nil)
	_ alert.Outbox    = (*Store)(nil)
	_ alert.Auditor   = (*Store)(nil)
)

// busyTimeout is how long a connection waits for another process's lock.
const busyTimeout = 10 * time.Second

// Options say which file to open, and how.
type Options struct {
	Path string
	Key  Key
	// Actor is written into the history of states; empty means user@host.
	Actor string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Busy is how long another process's lock is waited for; 0 means ten seconds.
	Busy time.Duration
}

// Store is one open database file. It is safe for concurrent use.
type Store struct {
	path     string
	actor    string
	now      func() time.Time
	busy     time.Duration
	box      *box
	inode    os.FileInfo
	warnings []string
	policy   atomic.Pointer[incident.Policy]

	full *sql.DB // one connection, commits survive the loss of power
	lax  *sql.DB // one connection, commits survive kill -9; for what may be repeated
	read *sql.DB // a few connections, cannot write

	// turn is held by this process's writer, so that goroutines queue here
	// and not in SQLite's lock, which polls.
	turn chan struct{}
	// closing ends Wait.
	closing   chan struct{}
	closeOnce sync.Once
}

// Open opens the database, and creates and migrates it where needed. The file
// gets mode 0600, a new folder 0700; Warnings tells what was put right.
func Open(ctx context.Context, o Options) (*Store, error) {
	path, err := filepath.Abs(o.Path)
	if o.Path == "" || err != nil {
		return nil, fmt.Errorf("open database: no usable path %q: set it to a file in a folder of honeyrow's own", o.Path)
	}
	s := &Store{path: path, actor: o.Actor, now: o.Now, busy: o.Busy, turn: make(chan struct{}, 1), closing: make(chan struct{})}
	if s.now == nil {
		s.now = time.Now
	}
	if s.busy == 0 {
		s.busy = busyTimeout
	}
	if s.actor == "" {
		s.actor = whoami()
	}
	s.SetPolicy(incident.Policy{Config: incident.DefaultConfig()})
	if s.box, err = newBox(o.Key); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := s.prepareFile(); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := s.connect(ctx); err != nil {
		s.closePools()
		return nil, err
	}
	return s, nil
}

// Path is the absolute path of the database file.
func (s *Store) Path() string { return s.path }

// Warnings are sentences for the operator about what Open found and put right.
func (s *Store) Warnings() []string { return s.warnings }

// Close ends all use of the file. Running Waits return.
func (s *Store) Close() error {
	s.closeOnce.Do(func() { close(s.closing) })
	return s.explain("close database", s.closePools())
}

func (s *Store) closePools() error {
	var errs []error
	for _, db := range []*sql.DB{s.read, s.lax, s.full} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// prepareFile makes the file exist with the right mode before SQLite sees it:
// SQLite gives -wal and -shm the database's own mode.
func (s *Store) prepareFile() error {
	dir := filepath.Dir(s.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make folder: %w: choose another place or make it by hand", err)
	}
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case err == nil:
		if err := errors.Join(f.Close(), syncDir(dir)); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrExist):
		return fmt.Errorf("create file: %w: let the user who runs honeyrow write the folder", err)
	}
	for _, p := range []string{s.path, s.path + "-wal", s.path + "-shm"} {
		if !exists(p) {
			continue
		}
		warning, err := tighten(p, "database file")
		if err != nil {
			return err
		}
		if warning != "" {
			s.warnings = append(s.warnings, warning)
		}
	}
	if st, err := os.Stat(dir); err == nil && st.Mode().Perm()&0o022 != 0 && st.Mode()&os.ModeSticky == 0 {
		s.warnings = append(s.warnings, fmt.Sprintf(
			"folder %s can be written by other users (mode %04o), who can delete the database: run chmod go-w %s", dir, st.Mode().Perm(), dir))
	}
	s.inode, err = os.Stat(s.path)
	return err
}

// connect opens the pools, migrates, and proves the key.
func (s *Store) connect(ctx context.Context) error {
	var err error
	if s.full, err = s.pool(1, "immediate", "journal_mode(WAL)", "synchronous(FULL)"); err != nil {
		return err
	}
	if s.lax, err = s.pool(1, "immediate", "synchronous(NORMAL)"); err != nil {
		return err
	}
	if s.read, err = s.pool(4, "deferred", "query_only(1)"); err != nil {
		return err
	}
	// Two processes that switch a new file to WAL at once make SQLite answer
	// BUSY without waiting, so wait here.
	deadline := time.Now().Add(s.busy)
	for {
		err = s.migrate(ctx)
		if primary(err) != sqlite3.SQLITE_BUSY || time.Now().After(deadline) || ctx.Err() != nil {
			return s.explain("open database "+s.path, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// pool makes a connection pool whose transactions begin with the given lock and
// whose connections run pragmas when they open.
func (s *Store) pool(size int, lock string, pragmas ...string) (*sql.DB, error) {
	q := url.Values{"_txlock": {lock}}
	q.Add("_pragma", fmt.Sprintf("busy_timeout(%d)", s.busy.Milliseconds()))
	for _, p := range append(pragmas, "foreign_keys(1)", "trusted_schema(0)") {
		q.Add("_pragma", p)
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: s.path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", s.path, err)
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// update runs fn in a write transaction on db, one at a time in this process.
func (s *Store) update(ctx context.Context, db *sql.DB, doing string, fn func(tx *sql.Tx) error) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return fmt.Errorf("%s: wait for an earlier write: %w", doing, ctx.Err())
	}
	if err := s.inPlace(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return s.explain(doing, err)
	}
	defer tx.Rollback()
	if err := fn(tx); err != nil {
		return s.explain(doing, err)
	}
	return s.explain(doing, tx.Commit())
}

// view runs fn in a read transaction: one state of the whole file.
func (s *Store) view(ctx context.Context, doing string, fn func(tx *sql.Tx) error) error {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return s.explain(doing, err)
	}
	defer tx.Rollback()
	return s.explain(doing, fn(tx))
}

// inPlace notices that the path leads to another file by now: commits would go
// to a file that nobody will ever open again.
func (s *Store) inPlace() error {
	st, err := os.Stat(s.path)
	if err != nil || !os.SameFile(st, s.inode) {
		return fmt.Errorf("%w: %s: restart honeyrow so that it opens the file that is there now", ErrMoved, s.path)
	}
	return nil
}

func whoami() string {
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, _ := os.Hostname()
	return strings.TrimSuffix(name+"@"+host, "@")
}

func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(n int64) time.Time { return time.UnixMicro(n).UTC() }

// untilMicros and untilTime keep the zero time as 0.
func untilMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return micros(t)
}

func untilTime(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return fromMicros(n)
}
