// Package console writes detections to a terminal or a pipe.
package console

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-isatty"

	"honeyrow/alert"
	"honeyrow/alert/format"
	"honeyrow/alert/render"
	"honeyrow/event"
)

var _ alert.Sink = (*Sink)(nil)

// Config says how to write.
type Config struct {
	// Format is text (default), json, ecs, ocsf, cef or leef: see package format.
	Format string `yaml:"format"`
	Color  string `yaml:"color"` // auto (default: on a terminal), always, never
}

// Validate reports what cannot work.
func (c Config) Validate() error {
	if err := format.Any(c.Format, "text"); err != nil {
		return err
	}
	switch c.Color {
	case "", "auto", "always", "never":
	default:
		return fmt.Errorf("color: %q is unknown: use auto, always or never", c.Color)
	}
	return nil
}

// Sink writes to one writer. It is safe for concurrent use. As text, an alert
// stands there whole once; its later revisions are lines of what has changed.
type Sink struct {
	name string
	form string // empty: text

	mu     sync.Mutex
	w      io.Writer
	teller *render.Teller
}

// New makes a sink that writes to w; it does not close w.
func New(name string, c Config, w io.Writer) (*Sink, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	color := c.Color == "always" || c.Color != "never" && IsTerminal(w) && os.Getenv("NO_COLOR") == ""
	return &Sink{name: name, form: strings.TrimPrefix(c.Format, "text"), w: w, teller: render.NewTeller(render.Options{Color: color, Zone: time.Local})}, nil
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// Name implements alert.Sink.
func (s *Sink) Name() string { return s.name }

// Deliver implements alert.Sink.
func (s *Sink) Deliver(_ context.Context, d *event.Detection) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.form == "" {
		if err := s.teller.Tell(s.w, d); err != nil {
			return fmt.Errorf("write to console: %w", err)
		}
		return nil
	}
	line, err := format.Encode(s.form, d)
	if err != nil {
		return err
	}
	if _, err := s.w.Write(line); err != nil {
		return fmt.Errorf("write to console: %w", err)
	}
	return nil
}

// Close implements alert.Sink; the writer stays open.
func (s *Sink) Close() error { return nil }
