package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"sort"
	"strconv"
	"strings"
)

// migrations holds NNNN_what.sql, numbered from 0001 without gaps. A file that
// was released is never changed.
//
//go:embed migrations/*.sql
var migrations embed.FS

// applicationID marks the file as honeyrow's ("HnRw"), for file(1) and us.
const applicationID = 0x486e5277

// sightingsSince is the migration from which detections are filed by honey row.
const sightingsSince = 3

// checkText is sealed in meta to prove the key.
const checkText = "honeyrow database key check"

// migrate brings the file to this release's schema in one transaction and
// proves the key.
func (s *Store) migrate(ctx context.Context) error {
	steps, err := listMigrations(migrations)
	if err != nil {
		return err
	}
	tx, err := s.full.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var have, app, tables int
	if err := errors.Join(
		tx.QueryRow("PRAGMA user_version").Scan(&have),
		tx.QueryRow("PRAGMA application_id").Scan(&app),
		tx.QueryRow("SELECT count(*) FROM sqlite_schema").Scan(&tables)); err != nil {
		return err
	}
	switch {
	case app != applicationID && tables > 0:
		return errors.New("it is a SQLite database of another program: choose another path")
	case have > len(steps):
		return fmt.Errorf("%w: schema %d, this release knows %d: use the newer release", ErrNewer, have, len(steps))
	}
	for n := have; n < len(steps); n++ {
		if _, err := tx.Exec(steps[n]); err != nil {
			return fmt.Errorf("migration %d: %w", n+1, err)
		}
	}
	if have < len(steps) {
		if _, err := tx.Exec(fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d", len(steps), applicationID)); err != nil {
			return err
		}
	}
	if err := s.proveKey(tx); err != nil {
		return err
	}
	if err := s.beginChain(tx); err != nil {
		return fmt.Errorf("begin the audit: %w", err)
	}
	if err := s.beginLog(tx, have < len(steps)); err != nil {
		return fmt.Errorf("begin the log: %w", err)
	}
	if have > 0 && have < sightingsSince {
		if err := s.sightAll(ctx, tx); err != nil {
			return fmt.Errorf("migration %d: %w", sightingsSince, err)
		}
	}
	return tx.Commit()
}

// proveKey opens the check record, or writes it into a new file.
func (s *Store) proveKey(tx *sql.Tx) error {
	var sealed []byte
	err := tx.QueryRow("SELECT value FROM meta WHERE name = 'check'").Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = tx.Exec("INSERT INTO meta VALUES ('check', ?)", s.box.seal("check", []byte(checkText)))
		return err
	}
	if err != nil {
		return err
	}
	if plain, err := s.box.open(nil, "check", sealed); err != nil || string(plain) != checkText {
		return fmt.Errorf("%w: the file was made with another one: use the key file (or %s) that belongs to it", ErrWrongKey, KeyEnv)
	}
	return nil
}

// listMigrations returns the texts of the numbered files in order.
func listMigrations(fsys fs.FS) ([]string, error) {
	names, err := fs.Glob(fsys, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	sort.Strings(names)
	var texts []string
	for i, name := range names {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		if n, err := strconv.Atoi(number); err != nil || n != i+1 {
			return nil, fmt.Errorf("migration %s stands where number %04d belongs", name, i+1)
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		texts = append(texts, string(text))
	}
	return texts, nil
}

// Check reads the whole file and returns an error that wraps ErrCorrupt if
// SQLite finds it damaged. It takes time in proportion to the file.
func (s *Store) Check(ctx context.Context) error {
	var verdict string
	if err := s.read.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return s.explain("check database "+s.path, err)
	}
	if verdict != "ok" {
		return fmt.Errorf("check database: %w: %s: %s: restore a backup or try `sqlite3 %s .recover`", ErrCorrupt, s.path, verdict, s.path)
	}
	return nil
}
