package render

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"honeyrow/event"
)

// Incident returns inc as lines for a person: the summary, who and where, what
// was touched, its history, and what to do. changes is its whole history, or
// nil for what inc holds; ds are its detections, oldest first, as many as are to
// be shown.
func Incident(inc *event.Incident, changes []event.IncidentChange, ds []event.Detection, o Options) string {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	w := writer{o: o}
	fmt.Fprintf(&w.b, "%s %s\n", w.paint("1", fmt.Sprintf("Incident %d", inc.Number)), w.state(inc.State))
	w.b.WriteString(w.severe(inc.Severity, Clean(inc.Summary)) + "\n\n")
	p := &inc.Principal
	who := fmt.Sprintf("user %s on %s", name(p.User), name(p.Server))
	if p.Application != "" {
		who += ", application " + name(p.Application)
	}
	w.line("who", who)
	from := Clean(p.Address)
	if p.Certificate != "" {
		from += " as " + name(p.Certificate)
	}
	w.line("from", from+", "+plural(uint64(inc.SessionCount), "session"))
	for i, t := range inc.Tables {
		label := ""
		if i == 0 {
			label = "tables"
		}
		parts := []string{}
		for _, s := range []string{t.Database, t.Schema, t.Table} {
			if s != "" {
				parts = append(parts, Clean(s))
			}
		}
		w.line(label, strings.Join(parts, ".")+", "+plural(uint64(t.HoneyRows), "honey row")+" seen")
	}
	w.line("rules", Clean(strings.Join(inc.Rules, ", ")))
	if len(inc.Raised) > 0 {
		w.line("graver for", Clean(strings.Join(inc.Raised, "; ")))
	}
	count := plural(uint64(inc.Detections), "alert") + fmt.Sprintf(", %d of them repeats", inc.Repeats)
	if inc.Held > 0 {
		count += fmt.Sprintf(", %d deliveries held back by a throttle", inc.Held)
	}
	w.line("alerts", count)
	if inc.Previous > 0 {
		w.line("before it", fmt.Sprintf("incident %d of the same client, closed shortly before", inc.Previous))
	}
	w.line("id", Clean(string(inc.ID)))
	w.timeline(inc, changes, ds)
	w.todo(inc)
	return w.b.String()
}

// timeline tells findings, detections and changes in the order of their times:
// what was committed later may have happened before.
func (w *writer) timeline(inc *event.Incident, changes []event.IncidentChange, ds []event.Detection) {
	if changes == nil {
		changes = inc.Changes
	}
	zone, _ := inc.Opened.In(w.o.Zone).Zone()
	w.b.WriteString("\n" + w.paint("1", "Timeline") + ", times in " + zone + "\n")
	if more := inc.Detections - len(ds); more > 0 {
		fmt.Fprintf(&w.b, "  %s\n", w.paint("2", fmt.Sprintf("%d earlier alerts are not shown", more)))
	}
	type moment struct {
		at   time.Time
		text string
	}
	var all []moment
	for _, f := range inc.Findings {
		text := "seen: " + Clean(f.Title)
		if f.Last.Sub(f.First) >= time.Second {
			text += ", up to " + f.Last.In(w.o.Zone).Format("15:04:05")
		}
		all = append(all, moment{f.First, w.paint("2", text)})
	}
	for i := range ds {
		all = append(all, moment{ds[i].Time, w.severe(ds[i].Severity, strings.ToUpper(ds[i].Severity.String())) + " " + Clean(ds[i].Summary) + w.paint("2", " (alert "+shortID(ds[i].ID)+")")})
	}
	for i := range changes {
		all = append(all, moment{changes[i].At, w.change(&changes[i])})
	}
	slices.SortStableFunc(all, func(a, b moment) int { return a.at.Compare(b.at) })
	for _, m := range all {
		w.happening(m.at, m.text)
	}
}

func (w *writer) happening(at time.Time, text string) {
	fmt.Fprintf(&w.b, "  %s  %s\n", w.paint("2", at.In(w.o.Zone).Format("2006-01-02 15:04:05")), text)
}

// change says a change in words.
func (w *writer) change(x *event.IncidentChange) string {
	text := fmt.Sprintf("%s by %s", w.state(x.To), name(x.By))
	if x.From == x.To {
		text = name(x.By) + ":"
	}
	if x.Note != "" {
		text += " " + w.paint("3", Clean(x.Note))
	}
	return text
}

// todo tells playbooks and commands.
func (w *writer) todo(inc *event.Incident) {
	if len(inc.Playbooks)+len(inc.Containment) == 0 {
		return
	}
	w.b.WriteString("\n" + w.paint("1", "What to do") + "\n")
	for _, p := range inc.Playbooks {
		w.line("playbook", Clean(p))
	}
	if len(inc.Containment) == 0 {
		return
	}
	w.b.WriteString("  To contain it, paste what fits into a client of " + name(inc.Principal.Server) + " (nothing of it has been run):\n")
	for _, c := range inc.Containment {
		title := c.Title
		if c.Database != "" {
			title += " (in database " + name(c.Database) + ")"
		}
		if c.Note != "" {
			title += ": " + Clean(c.Note)
		}
		fmt.Fprintf(&w.b, "\n    %s\n    %s\n", w.paint("2", "-- "+title), Clean(c.SQL))
	}
}

// paint wraps text in an ANSI SGR sequence where colours are wanted.
func (w *writer) paint(sgr, text string) string {
	if !w.o.Color {
		return text
	}
	return "\x1b[" + sgr + "m" + text + "\x1b[0m"
}

// severe paints the first word of a text by its severity.
func (w *writer) severe(s event.Severity, text string) string {
	first, rest, _ := strings.Cut(text, " ")
	if rest != "" {
		rest = " " + rest
	}
	return w.paint(colors[s], first) + rest
}

var stateColors = map[event.IncidentState]string{event.Open: "1;31", event.Acknowledged: "1;33", event.Resolved: "32", event.Allowed: "36"}

func (w *writer) state(s event.IncidentState) string { return w.paint(stateColors[s], string(s)) }

// Tail writes detections and changes of incidents as they come, under a heading
// for each incident, in lines of a given width. Make one with NewTail.
type Tail struct {
	w     writer
	width int
	last  int // number of the incident of the last entry; 0: none yet
	past  memory
}

// NewTail makes a Tail; width is in columns, 0 for no bound.
func NewTail(o Options, width int) *Tail {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	return &Tail{w: writer{o: o}, width: width}
}

// Detection returns the lines for a detection: of one that was told already
// what has changed since.
func (t *Tail) Detection(d *event.Detection) string {
	old, grown := t.past.of(d.ID)
	if grown && d.Revision <= old.revision {
		return ""
	}
	t.past.keep(d)
	head := ""
	number, mark := 0, ""
	if d.Incident != nil {
		number = d.Incident.Number
		mark = fmt.Sprintf("#%d", d.Incident.Entry)
		head = t.heading(number, d.Incident.Severity, d.Client.User+"@"+d.Client.Server)
	}
	if d.Revision > 1 {
		mark += fmt.Sprintf("r%d", d.Revision)
	}
	if d.Drill {
		mark += " drill"
	}
	body := Clean(d.Summary)
	if grown {
		body = news(&old, d)
	}
	if d.Incident != nil && d.Incident.Held > 0 {
		body += fmt.Sprintf(" (and %d held back)", d.Incident.Held)
	}
	return head + t.entry(d.Time, d.Severity, strings.TrimSpace(mark), body)
}

// Change returns the lines for a change of an incident.
func (t *Tail) Change(number int, x *event.IncidentChange) string {
	head := t.heading(number, x.Severity, "")
	text := fmt.Sprintf("%s by %s", x.To, name(x.By))
	if x.From == x.To {
		text = name(x.By)
	}
	if x.Note != "" {
		text += ": " + Clean(x.Note)
	}
	stamp := x.At.In(t.w.o.Zone).Format("15:04:05")
	return head + t.wrap("  "+t.w.paint("2", stamp)+"  "+t.w.paint(stateColors[x.To], "*")+" ", 14, text)
}

// heading is written when another incident comes to word.
func (t *Tail) heading(number int, s event.Severity, who string) string {
	if number == t.last {
		return ""
	}
	gap := "\n"
	if t.last == 0 {
		gap = ""
	}
	t.last = number
	text := fmt.Sprintf("incident %d", number)
	if who != "" {
		text += "  " + Clean(who)
	}
	rule := ""
	if n := t.width - utf8.RuneCountInString(text) - len(s.String()) - 7; n > 0 && t.width > 0 {
		rule = " " + strings.Repeat("─", n)
	}
	return gap + "── " + t.w.paint(colors[s], strings.ToUpper(s.String())) + " " + t.w.paint("1", text) + t.w.paint("2", rule) + "\n"
}

// severityWidth is that of the longest name.
const severityWidth = 8

func (t *Tail) entry(at time.Time, s event.Severity, mark, body string) string {
	stamp := at.In(t.w.o.Zone).Format("15:04:05")
	word := strings.ToUpper(s.String())
	lead := "  " + t.w.paint("2", stamp) + "  " + t.w.paint(colors[s], word) + strings.Repeat(" ", severityWidth-len(word)) + "  "
	if mark != "" {
		body = mark + "  " + body
	}
	return t.wrap(lead, 2+len(stamp)+2+severityWidth+2, body)
}

// minText is the narrowest column of text that is wrapped.
const minText = 20

// wrap returns lead, which is indent columns wide, and text in lines that fit the
// width.
func (t *Tail) wrap(lead string, indent int, text string) string {
	return lead + Wrap{t.width, indent}.Text(text) + "\n"
}

// Wrap breaks texts between words for lines of Width columns of which the first
// Indent belong to others.
type Wrap struct {
	Width  int // 0: no bound
	Indent int
}

// Text returns text with line feeds, and Indent spaces behind each. Where there is
// hardly any room it returns text as it is.
func (w Wrap) Text(text string) string {
	room, indent := w.Width-w.Indent, w.Indent
	if w.Width == 0 || room < minText {
		return text
	}
	var b strings.Builder
	col := 0
	for word := range strings.SplitSeq(text, " ") {
		n := columns(word)
		if col > 0 && col+1+n > room {
			b.WriteString("\n" + strings.Repeat(" ", indent))
			col = 0
		}
		if col > 0 {
			b.WriteByte(' ')
			col++
		}
		for n > room { // longer than a line: cut it
			head, tail := split(word, room)
			b.WriteString(head + "\n" + strings.Repeat(" ", indent))
			word, n = tail, columns(tail)
		}
		b.WriteString(word)
		col += n
	}
	return b.String()
}

// columns is how wide a text is on a terminal: East Asian wide letters count
// two, marks that combine none.
func columns(s string) (n int) {
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	switch {
	case r >= 0x300 && r <= 0x36f || r >= 0x20d0 && r <= 0x20ff || r >= 0xfe00 && r <= 0xfe0f:
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff,
		r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6, r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

// split cuts s after at most n columns, at least one rune.
func split(s string, n int) (head, tail string) {
	col := 0
	for i, r := range s {
		if col += runeColumns(r); col > n && i > 0 {
			return s[:i], s[i:]
		}
	}
	return s, ""
}
