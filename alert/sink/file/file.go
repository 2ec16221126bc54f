// Package file writes detections to a file, one line each.
package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"honeyrow/alert"
	"honeyrow/alert/format"
	"honeyrow/event"
)

var _ alert.Sink = (*Sink)(nil)

// Config says where to write.
type Config struct {
	Path string `yaml:"path"`
	// MaxSize is the size in bytes beyond which the file does not grow: it is
	// rotated. 0 means 100 MiB, -1 leaves rotation to others (logrotate).
	MaxSize int64 `yaml:"max_size"`
	// Keep is how many rotated files (path.1 is the newest) are kept; 0 means 10.
	Keep int `yaml:"keep"`
	// Format is json (default), ecs, ocsf, cef or leef: see package format.
	Format string `yaml:"format"`
}

// Validate reports what cannot work.
func (c Config) Validate() error {
	if c.Path == "" {
		return errors.New("path: set the file to write to, such as /var/log/honeyrow/alerts.jsonl")
	}
	if c.Keep < 0 {
		return fmt.Errorf("keep: %d is no number of files: set 1 or more", c.Keep)
	}
	return format.Any(c.Format)
}

// Check reports why the file can't be written, without writing to it.
func (c Config) Check(context.Context) error {
	f, err := os.OpenFile(c.Path, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir := filepath.Dir(c.Path)
	for { // New makes missing folders
		if _, err := os.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	probe, err := os.CreateTemp(dir, ".honeyrow-doctor-*")
	if p, ok := errors.AsType[*fs.PathError](err); ok { // not the name that nobody knows
		return fmt.Errorf("the folder %s can't be written: %w: let the user who runs honeyrow write there", dir, p.Err)
	}
	if err != nil {
		return err
	}
	probe.Close()
	return os.Remove(probe.Name())
}

// Sink is an open file. It is safe for concurrent use.
type Sink struct {
	name string
	path string
	form string
	max  int64 // bytes; 0: no rotation
	keep int

	mu   sync.Mutex
	f    *os.File
	size int64
	torn bool // the last line may lack its end
}

// New opens the file, creating it (0600) and its folder (0700) as needed. If a
// crash left half a line at its end, the line is closed.
func New(name string, c Config) (*Sink, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Sink{name: name, path: c.Path, form: c.Format, max: max(c.MaxSize, 0), keep: c.Keep}
	if c.MaxSize == 0 {
		s.max = 100 << 20
	}
	if s.keep == 0 {
		s.keep = 10
	}
	if err := s.open(); err != nil {
		return nil, err
	}
	return s, nil
}

// Name implements alert.Sink.
func (s *Sink) Name() string { return s.name }

func (s *Sink) open() error {
	dir := filepath.Dir(s.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make folder for alert file: %w: choose another path or make it by hand", err)
	}
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open alert file: %w: let the user who runs honeyrow write it", err)
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", s.path)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("open alert file: %w", err)
	}
	s.f, s.size, s.torn = f, st.Size(), false
	if s.size > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, s.size-1); err == nil && last[0] != '\n' {
			s.torn = true
		}
	}
	return nil
}

// Deliver implements alert.Sink: one write for the line, and an fsync before
// it succeeds.
func (s *Sink) Deliver(_ context.Context, d *event.Detection) error {
	line, err := format.Encode(s.form, d)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(int64(len(line))); err != nil {
		return err
	}
	if s.torn {
		line = append([]byte{'\n'}, line...)
	}
	n, err := s.f.Write(line)
	s.size += int64(n)
	if err != nil {
		s.torn = s.torn || n > 0
		return fmt.Errorf("write alert file: %w: free space or let honeyrow write it", err)
	}
	s.torn = false
	if err := s.f.Sync(); err != nil {
		// After a failed fsync the kernel may have dropped the page: start
		// over with a new descriptor and write the line again.
		s.close()
		return fmt.Errorf("sync alert file: %w: check the disk", err)
	}
	return nil
}

// ready opens the file again if it was moved away, and rotates it if the next
// line does not fit.
func (s *Sink) ready(more int64) error {
	if s.f != nil {
		mine, err := s.f.Stat()
		if err != nil {
			return fmt.Errorf("look at alert file: %w", err)
		}
		there, err := os.Stat(s.path)
		switch {
		case errors.Is(err, fs.ErrNotExist), err == nil && !os.SameFile(mine, there):
			s.close()
		case err != nil:
			return fmt.Errorf("look at alert file: %w", err)
		default:
			s.size = mine.Size() // copytruncate, other writers
		}
	}
	if s.f == nil {
		if err := s.open(); err != nil {
			return err
		}
	}
	if s.max == 0 || s.size == 0 || s.size+more <= s.max {
		return nil
	}
	if err := s.rotate(); err != nil {
		return err
	}
	return s.open()
}

// rotate moves path to path.1, path.1 to path.2 and so on; the oldest goes.
func (s *Sink) rotate() error {
	s.close()
	numbered := func(n int) string { return fmt.Sprintf("%s.%d", s.path, n) }
	if err := os.Remove(numbered(s.keep)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("rotate alert file: %w", err)
	}
	for n := s.keep - 1; n >= 1; n-- {
		if err := os.Rename(numbered(n), numbered(n+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rotate alert file: %w", err)
		}
	}
	if err := os.Rename(s.path, numbered(1)); err != nil {
		return fmt.Errorf("rotate alert file: %w", err)
	}
	return nil
}

func (s *Sink) close() {
	if s.f != nil {
		s.f.Close()
		s.f = nil
	}
}

// Close implements alert.Sink.
func (s *Sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f == nil {
		return nil
	}
	err := s.f.Close()
	s.f = nil
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	_ = d.Sync() // not every file system can; the file itself is synced
	return nil
}
