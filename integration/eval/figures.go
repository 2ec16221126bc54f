package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// figure is what is kept of one corpus.
type figure struct {
	Counted int `json:"counted"`
	Hits    int `json:"hits"` // medium or above
	Weak    int `json:"weak"` // some finding, below medium
	Peer    int `json:"libinjection"`
}

// figures is the file that a run is compared with.
type figures struct {
	// First holds the first run of each set that was written by hand, before
	// anything was changed for it. It is written once, never again.
	First map[string]figure `json:"first"`
	// Last holds the run that was kept last.
	Last map[string]figure `json:"last"`
}

func readFigures(path string) (figures, error) {
	f := figures{First: map[string]figure{}, Last: map[string]figure{}}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return f, fmt.Errorf("%s: %w: restore it from the repository", path, err)
	}
	return f, nil
}

// keep puts this run into the file; the first figures of a set stay.
func (f figures) keep(path string, rs []*result) error {
	for _, r := range rs {
		now := r.figure()
		f.Last[r.c.name] = now
		if _, old := f.First[r.c.name]; !old && r.c.hard {
			f.First[r.c.name] = now
		}
	}
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// compare prints what changed against the kept figures, corpus by corpus.
func (f figures) compare(out io.Writer, rs []*result) {
	for _, r := range rs {
		now := r.figure()
		last, ok := f.Last[r.c.name]
		switch {
		case !ok:
			fmt.Fprintf(out, "%s: not in the kept figures (--keep puts it there)\n", r.c.name)
		case last.Counted != now.Counted:
			fmt.Fprintf(out, "%s: %d of %d, kept: %d of %d (another corpus)\n", r.c.name, now.Hits, now.Counted, last.Hits, last.Counted)
		case last.Hits != now.Hits:
			word := "better"
			if now.Hits < last.Hits == r.c.attack {
				word = "WORSE"
			}
			fmt.Fprintf(out, "%s: %s: %d of %d at medium or above, kept: %d\n", r.c.name, word, now.Hits, now.Counted, last.Hits)
		}
	}
	if gone := slices.DeleteFunc(slices.Sorted(maps.Keys(f.Last)), func(n string) bool {
		return slices.ContainsFunc(rs, func(r *result) bool { return r.c.name == n })
	}); len(gone) > 0 {
		fmt.Fprintf(out, "not run this time: %s\n", strings.Join(gone, ", "))
	}
}

func (r *result) figure() figure {
	t := &r.total
	return figure{Counted: t.effective, Hits: t.hits, Weak: t.weak, Peer: t.peer}
}
