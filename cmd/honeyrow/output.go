package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"honeyrow/alert/render"
)

// printJSON writes v indented, for a person who pipes it into a pager as much
// as for a script.
func (e *env) printJSON(v any) error {
	enc := json.NewEncoder(e.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// printLine writes v as one JSON line.
func (e *env) printLine(v any) error {
	enc := json.NewEncoder(e.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// terminal reports whether w is a terminal, so that colour and progress are
// welcome. NO_COLOR (no-color.org) and TERM=dumb say no.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != ""
}

// stamp writes a time for a person: the machine's, with its zone.
func stamp(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 MST") }

// table lays out rows in columns that are as wide as their contents. What is too
// wide for a terminal goes on under its own column, the last one, or if that has no
// room, with whatever else does not fit, on lines of its own.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(w io.Writer) { t.fit(w, width(w)) }

// leastRoom is the narrowest last column that is wrapped in its place.
const leastRoom = 30

// fit is write for lines of so many columns; 0: no bound.
func (t *table) fit(w io.Writer, columns int) {
	width := make([]int, len(t.head))
	for _, r := range append([][]string{t.head}, t.rows...) {
		for i, c := range r {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	lead := 0
	for _, n := range width[:len(width)-1] {
		lead += n + 2
	}
	wrap := render.Wrap{Width: columns, Indent: lead}
	last := len(width) - 1
	first := last // how many columns stand in a row's first line
	below := columns > 0 && columns-lead < leastRoom && lead+width[last] > columns
	if below {
		wrap.Indent, first = 4, 0
		for room := columns; first < last && room >= width[first]; first++ {
			room -= width[first] + 2
		}
	}
	for _, r := range append([][]string{t.head}, t.rows...) {
		line := ""
		for i, c := range r[:first] {
			line += c + strings.Repeat(" ", width[i]-utf8.RuneCountInString(c)+2)
		}
		rest := strings.Join(slices.DeleteFunc(slices.Clone(r[first:]), func(c string) bool { return c == "" }), "  ")
		if below && rest != "" {
			line = strings.TrimRight(line, " ") + "\n    "
		}
		fmt.Fprintln(w, strings.TrimRight(line+wrap.Text(rest), " "))
	}
}

// printable keeps what could steer a terminal or deceive a reader (control and
// format characters of foreign text) out of a table.
func printable(s string) string {
	return render.Clean(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		return r
	}, s))
}
