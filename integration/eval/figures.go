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
	Hits    int `json:"hits"`            // medium or above
	Weak    int `json:"weak"`            // some finding, below medium
	Words   int `json:"words,omitempty"` // medium or above, by words alone
	Peer    int `json:"libinjection"`
}

// figures is the file that a run is compared with.
type figures struct {
	// First holds the first run of each set that was written by hand, before
	// anything was changed for it. It is written once, never again.
	First map[string]figure `json:"first"`
	// Last holds the run that was kept last.
	Last map[string]figure `json:"last"`
	// Learning holds the lessons that were kept last.
	Learning map[string]lessonFigure `json:"learning"`
}

// lessonFigure is what is kept of a lesson.
type lessonFigure struct {
	Learned  int         `json:"learned"`
	Ordinary countFigure `json:"ordinary"`
	Attacks  countFigure `json:"attacks"`
	Evasions countFigure `json:"evasions"`
	Alike    countFigure `json:"lookalikes"`
}

type countFigure struct {
	Counted int `json:"counted"`
	New     int `json:"new"`
	With    int `json:"with"`    // alerts with the baseline
	Without int `json:"without"` // and without
}

func (c counts) figure() countFigure { return countFigure{c.all, c.novel, c.with, c.bare} }

func (l *lesson) figure() lessonFigure {
	return lessonFigure{l.learned, l.ordinary.figure(), l.attacks.figure(), l.evasions.figure(), l.alike.figure()}
}

func readFigures(path string) (figures, error) {
	f := figures{First: map[string]figure{}, Last: map[string]figure{}, Learning: map[string]lessonFigure{}}
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
func (f figures) keep(path string, rs []*result, ls []*lesson) error {
	for _, l := range ls {
		f.Learning[l.name] = l.figure()
	}
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
func (f figures) compare(out io.Writer, rs []*result, ls []*lesson) {
	for _, l := range ls {
		f.compareLesson(out, l)
	}
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
		if ok && last.Counted == now.Counted && last.Words != now.Words {
			word := "better"
			if now.Words < last.Words == r.c.attack {
				word = "WORSE"
			}
			fmt.Fprintf(out, "%s: %s: %d of %d by words alone, kept: %d\n", r.c.name, word, now.Words, now.Counted, last.Words)
		}
	}
	if gone := slices.DeleteFunc(slices.Sorted(maps.Keys(f.Last)), func(n string) bool {
		return slices.ContainsFunc(rs, func(r *result) bool { return r.c.name == n })
	}); len(gone) > 0 {
		fmt.Fprintf(out, "not run this time: %s\n", strings.Join(gone, ", "))
	}
}

func (f figures) compareLesson(out io.Writer, l *lesson) {
	last, ok := f.Learning[l.name]
	if !ok {
		fmt.Fprintf(out, "%s: not in the kept figures (--keep puts it there)\n", l.name)
		return
	}
	now := l.figure()
	for _, x := range [...]struct {
		what      string
		attack    bool
		now, last countFigure
	}{
		{"ordinary statements", false, now.Ordinary, last.Ordinary},
		{"attacks", true, now.Attacks, last.Attacks},
		{"evasions", true, now.Evasions, last.Evasions},
		{"look-alikes", false, now.Alike, last.Alike},
	} {
		if x.now == x.last {
			continue
		}
		word := "changed"
		if x.now.Counted == x.last.Counted && x.now.With != x.last.With {
			word = "better"
			if x.now.With < x.last.With == x.attack {
				word = "WORSE"
			}
		}
		fmt.Fprintf(out, "%s: %s: %s: %d new and %d alerts (%d without learning) of %d, kept: %d, %d (%d) of %d\n", l.name, word, x.what,
			x.now.New, x.now.With, x.now.Without, x.now.Counted, x.last.New, x.last.With, x.last.Without, x.last.Counted)
	}
	for _, p := range l.passed {
		fmt.Fprintf(out, "%s: WORSE: an attack passes as known: %s\n", l.name, p)
	}
}

func (r *result) figure() figure {
	t := &r.total
	return figure{Counted: t.effective, Hits: t.hits, Weak: t.weak, Words: t.words, Peer: t.peer}
}
