// Package program runs a program for each detection, with the detection as one
// line of JSON on its standard input.
//
// There is no shell. The program's environment holds PATH and the variables
// below, its folder is the root, and its output goes nowhere. It and whatever it
// started are killed when its time is up. Exit code 0 means taken, 65 (EX_DATAERR)
// refused for good; anything else is tried again as any sink's failure.
//
//	HONEYROW_DETECTION=<id>  HONEYROW_REVISION=<n>
//	HONEYROW_RULE=<id>       HONEYROW_SEVERITY=<severity>
package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"honeyrow/alert"
	"honeyrow/event"
)

var _ alert.Sink = (*Sink)(nil)

const (
	// DefaultTimeout bounds one run.
	DefaultTimeout = 10 * time.Second
	// refused is the exit code of a program that will never take the detection
	// (sysexits.h: EX_DATAERR).
	refused = 65
	// grace is how long a killed program's pipes are waited for.
	grace = time.Second
	// maxOnce is how many detections are remembered that the program has run for.
	maxOnce = 4096
	path    = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// running bounds the programs of all sinks that run at the same time.
var running = make(chan struct{}, 4)

// Config says what to run.
type Config struct {
	// Argv is the program, as an absolute path, and its arguments.
	Argv []string `yaml:"argv"`
	// RunTimeout bounds one run; 0: DefaultTimeout.
	RunTimeout time.Duration `yaml:"run_timeout"`
	// Once runs the program for the first revision of a detection alone. A restart
	// of the proxy may run it again.
	Once bool `yaml:"once"`
}

// Validate reports what cannot work. It does not look at the program.
func (c Config) Validate() error {
	switch {
	case len(c.Argv) == 0:
		return errors.New("argv: missing: name the program and its arguments, such as [/usr/local/bin/page, oncall]")
	case !filepath.IsAbs(c.Argv[0]):
		return fmt.Errorf("argv: %q is no absolute path: name the program as /usr/local/bin/page", c.Argv[0])
	case c.RunTimeout < 0 || c.RunTimeout > time.Hour:
		return fmt.Errorf("run_timeout: %s is out of range: use up to 1h", c.RunTimeout)
	}
	return nil
}

// Check reports why the program can't be run now, without running it.
func (c Config) Check(context.Context) error {
	st, err := os.Stat(c.Argv[0])
	switch {
	case err != nil:
		return err
	case !st.Mode().IsRegular() || st.Mode()&0o111 == 0:
		return fmt.Errorf("%s is no program: make it executable", c.Argv[0])
	case st.Mode()&0o002 != 0:
		return fmt.Errorf("%s can be changed by everybody: chmod o-w it", c.Argv[0])
	}
	return nil
}

// Sink runs one program. It is safe for concurrent use.
type Sink struct {
	name string
	cfg  Config

	mu   sync.Mutex
	done map[event.ID]struct{} // Once: taken already
	line []event.ID            // the same, oldest first
}

// New makes a sink; it runs nothing.
func New(name string, c Config) (*Sink, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.RunTimeout == 0 {
		c.RunTimeout = DefaultTimeout
	}
	return &Sink{name: name, cfg: c, done: map[event.ID]struct{}{}}, nil
}

// Name implements alert.Sink.
func (s *Sink) Name() string { return s.name }

// ran reports whether the program has run for the detection.
func (s *Sink) ran(id event.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.done[id]
	return ok
}

// Deliver implements alert.Sink: it runs the program and waits for its end. Its
// errors tell how it ended, never what it wrote: that may repeat the detection.
func (s *Sink) Deliver(ctx context.Context, d *event.Detection) error {
	if s.ran(d.ID) {
		return nil
	}
	body, err := alert.Line(d)
	if err != nil {
		return err
	}
	select {
	case running <- struct{}{}:
		defer func() { <-running }()
	case <-ctx.Done():
		return fmt.Errorf("run %s: other programs are running: %w", s.cfg.Argv[0], ctx.Err())
	}
	if err := s.run(ctx, d, body); err != nil {
		return err
	}
	if s.cfg.Once {
		s.remember(d.ID)
	}
	return nil
}

func (s *Sink) run(ctx context.Context, d *event.Detection, body []byte) error {
	bounded, cancel := context.WithTimeout(ctx, s.cfg.RunTimeout)
	defer cancel()
	cmd := exec.CommandContext(bounded, s.cfg.Argv[0], s.cfg.Argv[1:]...)
	cmd.Stdin = bytes.NewReader(body)
	cmd.Dir = "/"
	cmd.Env = []string{
		path, "HONEYROW_DETECTION=" + string(d.ID), "HONEYROW_REVISION=" + strconv.Itoa(d.Revision),
		"HONEYROW_RULE=" + d.Rule, "HONEYROW_SEVERITY=" + d.Severity.String(),
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // what it started too
	cmd.WaitDelay = grace
	err := cmd.Run()
	exit, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return nil
	case bounded.Err() != nil:
		return fmt.Errorf("run %s: killed after %s: %w: give it more run_timeout, or let it hand the work on", s.cfg.Argv[0], s.cfg.RunTimeout, bounded.Err())
	case exited && exit.ExitCode() == refused:
		return alert.Permanent(fmt.Errorf("run %s: it refused the detection for good (exit code %d)", s.cfg.Argv[0], refused))
	case errors.Is(err, syscall.EPIPE):
		return nil // it ended well without reading all
	}
	return fmt.Errorf("run %s: %w", s.cfg.Argv[0], err)
}

func (s *Sink) remember(id event.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.done[id]; ok {
		return
	}
	if len(s.line) >= maxOnce {
		delete(s.done, s.line[0])
		s.line = s.line[1:]
	}
	s.done[id] = struct{}{}
	s.line = append(s.line, id)
}

// Close implements alert.Sink. A program that runs goes on until its time is up.
func (s *Sink) Close() error { return nil }
