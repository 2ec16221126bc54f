package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"honeyrow/event"
	"honeyrow/internal/app"
	"honeyrow/sweep"
	"honeyrow/token"
)

// exitFound says that a scan found planted values.
const exitFound = 3

// errFound is not a failure: exit code 3 without a word.
var errFound = errors.New("planted values were found")

type tokensScanCmd struct {
	File string `arg:"" help:"The file, or - for standard input. Files of gzip, zstd and bzip2 are looked into."`
	Max  int64  `default:"0" placeholder:"N" help:"Stop after so many findings; 0: never."`
}

// Help is shown by --help.
func (tokensScanCmd) Help() string {
	return "Looks for every value that was ever planted, in the ways in which the proxy does: also in other letters, backwards, escaped, in hexadecimal digits, base64, as digest. " +
		"Needs as much memory as the proxy, however large the file is. Exit code 0: nothing found, 3: found, 1: could not look.\n\n" +
		"Example: honeyrow tokens scan dump.sql.gz"
}

// found is a finding with its story, as JSON tells it.
type found struct {
	sweep.Finding
	Kind  string      `json:"kind"`
	Row   event.ID    `json:"row"`
	Place event.Place `json:"place"`
	Story string      `json:"story"`
	Worth string      `json:"worth"`
}

// Run scans: one JSON line a finding with --json, then one with the sums.
func (c *tokensScanCmd) Run(e *env) error {
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	return e.withStore(func(st *app.Store) error {
		ts, err := st.List(e.ctx, token.Filter{})
		if err != nil {
			return err
		}
		known := len(ts)
		s := sweep.New(ts)
		ts = nil
		lives := map[event.ID]token.Life{}
		sums, err := s.Scan(e.ctx, in, func(f sweep.Finding) error {
			l, ok := lives[f.Token]
			if !ok {
				if l, err = st.Life(e.ctx, f.Token); err != nil {
					return err
				}
				if len(lives) < 10_000 {
					lives[f.Token] = l
				}
			}
			if err := e.printFound(f, &l); err != nil {
				return err
			}
			if c.Max--; c.Max == 0 {
				return errFound
			}
			return nil
		})
		if err != nil && !errors.Is(err, errFound) {
			return fmt.Errorf("scan %s: %w", c.File, err)
		}
		return errors.Join(err, e.printSums(sums, known))
	})
}

func (e *env) printFound(f sweep.Finding, l *token.Life) error {
	if e.json {
		return e.printLine(found{f, l.Kind, l.Row, l.Place, l.Tell(time.Now()), l.Worth()})
	}
	means := f.Means
	if f.Disguise != "" {
		means += " (" + f.Disguise + ")"
	}
	_, err := fmt.Fprintf(e.stdout, "line %d, offset %d: %s, %s: %s\n", f.Line, f.Offset, l.Kind, means, printable(l.Tell(time.Now())))
	return err
}

func (e *env) printSums(sums sweep.Stats, known int) error {
	if e.json {
		if err := e.printLine(map[string]any{"scanned": sums, "tokens": known}); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(e.stderr, "%s of %d tokens in %d bytes, %d lines\n", counted(int(sums.Findings), "finding", "findings"), known, sums.Bytes, sums.Lines)
	}
	if sums.Findings > 0 {
		if sums.Warning != "" {
			fmt.Fprintln(e.stderr, "honeyrow: warning:", sums.Warning)
		}
		return errFound
	}
	if sums.Warning != "" { // a script must not take it for a clean file
		return errors.New("nothing was found, and it could not be looked into: " + sums.Warning)
	}
	return nil
}
