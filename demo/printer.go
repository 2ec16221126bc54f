package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"honeyrow/alert/render"
	"honeyrow/event"
)

// printer writes for the person who watches.
type printer struct {
	w      io.Writer
	colour bool
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

func (p *printer) paint(code, s string) string {
	if !p.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p *printer) heading(s string) {
	fmt.Fprintf(p.w, "\n%s\n%s\n", p.paint("1", s), p.paint("1", strings.Repeat("=", len(s))))
}

func (p *printer) say(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }

func (p *printer) good(s string) { fmt.Fprintf(p.w, "%s %s\n", p.paint("32", "ok:"), s) }

func (p *printer) bad(s string) { fmt.Fprintf(p.w, "%s %s\n", p.paint("31;1", "WRONG:"), s) }

// command shows a command line and the first lines of what it printed.
func (p *printer) command(line string, out []byte, most int) {
	fmt.Fprintf(p.w, "\n%s\n", p.paint("36", "$ "+line))
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	for i, l := range lines {
		if i == most {
			if l != "" || len(lines) > most+1 {
				fmt.Fprintf(p.w, "  ... %d more lines\n", len(lines)-most)
			}
			return
		}
		if r := []rune(l); len(r) > 150 {
			l = string(r[:147]) + "..."
		}
		fmt.Fprintf(p.w, "  %s\n", l)
	}
}

// alert shows a detection in a few lines.
func (p *printer) alert(d *event.Detection) {
	text := render.Text(d, render.Options{Color: p.colour, Hits: 3, Statement: 300})
	fmt.Fprintf(p.w, "\n  %s\n", strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  "))
}

// summary says how the acts of one product went.
func (p *printer) summary(f performance) {
	title := f.title
	if title == "" {
		title = "act"
	}
	fmt.Fprintf(p.w, "%-44s %9s %5s   %s\n", title, "expected", "got", "ms from statement to alert file")
	for _, r := range f.results {
		var times []string
		for _, e := range r.got {
			times = append(times, fmt.Sprintf("%.0f", float64(e.first.Sub(e.d.Run.Started))/float64(time.Millisecond)))
		}
		mark := p.paint("32", "ok")
		if r.problem != "" || len(r.got) != len(r.want) {
			mark = p.paint("31;1", "WRONG: "+r.problem)
		}
		fmt.Fprintf(p.w, "%-44s %9d %5d   %-32s %s\n", r.act.title, len(r.want), len(r.got), strings.Join(times, ", "), mark)
	}
}

// late counts the alerts that belong to no act.
func (p *printer) late(late int) {
	if late > 0 {
		fmt.Fprintf(p.w, "%-44s %9d %5d   %-32s %s\n", "anything else", 0, late, "", p.paint("31;1", "WRONG"))
	}
}
