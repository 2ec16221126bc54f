// Package render writes detections for people: a few lines that answer what
// was touched, where it lives, who placed it, who touched it and from where,
// with which statement, and what was done about it.
package render

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"honeyrow/event"
)

// Options say how to write.
type Options struct {
	// Color adds ANSI colours; only for a terminal.
	Color bool
	// Zone is where times are shown; nil means UTC.
	Zone *time.Location
	// Hits is how many different tokens are shown; 0 means 5.
	Hits int
	// Statement is how many bytes of the statement are shown; 0 means 600.
	Statement int
}

// Text returns d as lines for a person, ending in a line feed. Everything that
// a client or a database chose is escaped: no control character, no other
// character that moves or hides text, reaches the terminal.
func Text(d *event.Detection, o Options) string {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Hits <= 0 {
		o.Hits = 5
	}
	if o.Statement <= 0 {
		o.Statement = 600
	}
	w := writer{o: o}
	w.head(d)
	w.touched(d)
	if d.Client.User != "" || d.Client.Address != "" { // else honeyrow speaks of itself
		w.line("who", who(&d.Client))
		w.line("claims", claims(&d.Client))
		w.line("from", from(&d.Client))
	}
	w.line("statement", w.statement(&d.Statement))
	if len(d.Statement.Parameters) > 0 {
		w.line("parameters", parameters(d))
	}
	if len(d.Statement.Tags) > 0 {
		w.line("tags", pairs(d.Statement.Tags))
	}
	w.suspected(d)
	for _, o := range d.Origins {
		w.line("copied", copied(&w, &o))
	}
	w.line("result", result(d))
	w.line("chance", chance(d))
	w.line("done", done(d))
	w.line("ids", fmt.Sprintf("alert %s revision %d, rule %s, session %s", Clean(string(d.ID)), d.Revision, Clean(d.Rule), Clean(string(d.Client.Session))))
	return w.b.String()
}

type writer struct {
	o Options
	b strings.Builder
}

// colors by severity: ANSI SGR parameters (ECMA-48).
var colors = map[event.Severity]string{event.Critical: "1;37;41", event.High: "1;31", event.Medium: "1;33", event.Low: "36", event.Info: "2"}

func (w *writer) head(d *event.Detection) {
	word := strings.ToUpper(d.Severity.String())
	if w.o.Color {
		word = "\x1b[" + colors[d.Severity] + "m" + word + "\x1b[0m"
	}
	if d.Drill {
		word += " (drill)"
	}
	fmt.Fprintf(&w.b, "%s %s %s\n", word, d.Time.In(w.o.Zone).Format("2006-01-02 15:04:05 MST"), Clean(d.Summary))
}

// line writes a label and an already clean text.
func (w *writer) line(label, text string) {
	if text == "" {
		return
	}
	if w.o.Color {
		fmt.Fprintf(&w.b, "  \x1b[2m%-10s\x1b[0m %s\n", label, text)
		return
	}
	fmt.Fprintf(&w.b, "  %-10s %s\n", label, text)
}

func (w *writer) touched(d *event.Detection) {
	said := "" // rows of one seeding run have one story
	for i, h := range d.Hits {
		if i == w.o.Hits {
			what := "values"
			if len(d.Hits)-i == 1 {
				what = "value"
			}
			w.line("", fmt.Sprintf("and %d more %s, see the JSON form", len(d.Hits)-i, what))
			break
		}
		label := "touched"
		if i > 0 {
			label = ""
		}
		w.line(label, hit(&h))
		if i == 0 || h.Row != d.Hits[i-1].Row {
			if s := story(&h, w.o.Zone); s != said {
				w.line("", s)
				said = s
			}
		}
	}
}

// hit says what was touched and how it was seen.
func hit(h *event.Hit) string {
	p := h.Place
	parts := []string{}
	for _, s := range []string{p.Server, p.Database, p.Schema, p.Table, p.Column} {
		if s != "" {
			parts = append(parts, Clean(s))
		}
	}
	text := fmt.Sprintf("%s in %s", Clean(h.Kind), strings.Join(parts, "."))
	if p.Key != "" {
		text += ", row " + Clean(p.Key)
	}
	way := "seen in " + Clean(string(h.Channel))
	if h.Channel.Inbound() {
		way = "presented by the client in " + Clean(string(h.Channel))
	}
	if h.Column != "" {
		way += " " + strconv.Quote(Clean(h.Column))
	}
	if h.Means != "" {
		way += ", known by " + Clean(h.Means)
	}
	if h.Count > 1 {
		way += fmt.Sprintf(", %d times", h.Count)
	}
	return text + " (" + way + ")"
}

// story says who placed it.
func story(h *event.Hit, zone *time.Location) string {
	text := Clean(h.Story)
	if text == "" {
		text = fmt.Sprintf("planted by %s on %s", Clean(h.PlantedBy), h.PlantedAt.In(zone).Format("2006-01-02"))
	}
	if h.Note != "" {
		text += "; note: " + Clean(h.Note)
	}
	return text
}

func who(c *event.Client) string {
	text := fmt.Sprintf("user %s, database %s on %s", name(c.User), name(c.Database), name(c.Server))
	if c.Database == "" { // MySQL's clients need none
		text = fmt.Sprintf("user %s on %s", name(c.User), name(c.Server))
	}
	if c.Application != "" {
		text += ", application " + name(c.Application)
	}
	if c.Replication != "" {
		text += ", replication " + name(c.Replication)
	}
	return text
}

// claimed are the connection attributes that are told in words or not at all:
// the application stands in its own place, the rest says nothing of the client.
// The names are MySQL's (manual, "Performance Schema Connection Attribute
// Tables") and its connectors'.
var claimed = []string{
	"program_name", "_client_name", "_client_version", "_os", "_platform", "_pid", "_thread",
	"_server_host", "_client_license", "_client_role",
}

// maxClaims is how many other attributes are shown.
const maxClaims = 6

// claims says in a line what the client sent about itself besides its name for
// the application. Nobody has checked it.
func claims(c *event.Client) string {
	a := c.Attributes
	var parts []string
	words := func(before string, keys ...string) {
		for _, k := range keys {
			if a[k] != "" {
				before += " " + name(a[k])
			}
		}
		if strings.Contains(before, " ") {
			parts = append(parts, strings.TrimSpace(before))
		}
	}
	words("", "_client_name", "_client_version")
	words("on", "_os", "_platform")
	if len(parts) == 2 {
		parts = []string{strings.Join(parts, " ")}
	}
	words("process", "_pid")
	if a["program_name"] != c.Application {
		words("application", "program_name")
	}
	others := maps.Clone(a)
	for _, k := range claimed {
		delete(others, k)
	}
	more := len(others) - maxClaims
	for _, k := range slices.Sorted(maps.Keys(others))[:min(len(others), maxClaims)] {
		parts = append(parts, name(k)+"="+name(others[k]))
	}
	if more > 0 {
		parts = append(parts, fmt.Sprintf("%d more in the JSON form", more))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + " (the client's own words)"
}

func from(c *event.Client) string {
	text := Clean(c.Address)
	if c.Balancer != "" {
		text += " through " + Clean(c.Balancer)
	}
	if c.Peer != nil {
		text += fmt.Sprintf(", process %d of uid %d", c.Peer.PID, c.Peer.UID)
	}
	switch {
	case c.TLS == nil:
		text += ", no TLS"
	case c.TLS.Subject != "":
		text += ", " + Clean(c.TLS.Version) + " as " + name(c.TLS.Subject)
	default:
		text += ", " + Clean(c.TLS.Version)
	}
	switch {
	case c.BackendPID == 0:
	case c.Protocol == "mysql":
		text += fmt.Sprintf(", server connection %d", c.BackendPID)
	default:
		text += fmt.Sprintf(", server process %d", c.BackendPID)
	}
	return text
}

func (w *writer) statement(s *event.Statement) string {
	text, cut := s.Text, s.Truncated
	if len(text) > w.o.Statement {
		end := w.o.Statement
		for end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		text, cut = text[:end], true
	}
	text = Clean(oneLine(text))
	if cut {
		text += " ..."
	}
	if s.Redacted {
		text += " (literals redacted)"
	}
	return text
}

// oneLine turns runs of white space into one space: statements are often laid
// out over many lines.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\n' || r == '\r' || r == '\t' }), " ")
}

func parameters(d *event.Detection) string {
	sign := "$"
	if d.Client.Protocol == "mysql" { // as in hits, see event.Hit.Column
		sign = "?"
	}
	parts := make([]string, len(d.Statement.Parameters))
	for i, p := range d.Statement.Parameters {
		parts[i] = fmt.Sprintf("%s%d = %s", sign, i+1, name(p))
	}
	return strings.Join(parts, ", ")
}

func pairs(m map[string]string) string {
	parts := make([]string, 0, len(m))
	for k, v := range m {
		parts = append(parts, Clean(k)+"="+name(v))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// maxSuspicions is how many findings are told; the JSON form has them all.
const maxSuspicions = 4

// suspected says what gave the client's statements away.
func (w *writer) suspected(d *event.Detection) {
	for i, f := range d.Findings {
		label := ""
		if i == 0 {
			label = "suspicion"
		}
		if i == maxSuspicions {
			w.line(label, fmt.Sprintf("and %d more, see the JSON form", len(d.Findings)-i))
			break
		}
		text := Clean(f.Title)
		if !f.First.IsZero() {
			text = f.First.In(w.o.Zone).Format("15:04:05") + " " + text
		}
		if f.Detail != "" {
			text += ": " + Clean(f.Detail)
		}
		if f.Count > 1 {
			text += fmt.Sprintf(" (in %d statements)", f.Count)
		}
		w.line(label, text)
	}
	if len(d.Reach) > 0 {
		tables := make([]string, len(d.Reach))
		for i, t := range d.Reach {
			tables[i] = Clean(t)
		}
		w.line("reaches", strings.Join(tables, ", ")+", where honey rows are planted")
	}
}

// result says what came back. A suspicion is about statements, not about one
// run: it tells how many there were. What honeyrow says of itself is about none.
func result(d *event.Detection) string {
	if len(d.Hits)+len(d.Findings) == 0 && !d.Run.Done {
		return ""
	}
	if len(d.Hits) == 0 && len(d.Findings) > 0 && !d.Run.Done {
		return plural(uint64(max(d.HitCount, 0)), "suspicious statement") + " so far"
	}
	text := plural(d.Run.Rows, "row") + " returned"
	if !d.Run.Done {
		text += " so far"
	}
	if d.Run.Code != "" {
		text += " (" + Clean(d.Run.Code) + ")"
	}
	return text + fmt.Sprintf(", %s, %s", plural(uint64(max(d.HoneyRows, 0)), "honey row"), plural(uint64(max(d.HitCount, 0)), "hit"))
}

// copied says who copied the value to where it was read now.
func copied(w *writer, o *event.Origin) string {
	s := event.Statement{Text: o.Text}
	return fmt.Sprintf("earlier, at %s by %s from %s with %s", o.Time.In(w.o.Zone).Format("2006-01-02 15:04:05"), name(o.User), Clean(o.Address), w.statement(&s))
}

// worthSaying is the chance from which a reader should know it: below it nobody
// would think of a coincidence.
const worthSaying = 1e-6

// chance says how probable a coincidence is, where that matters.
func chance(d *event.Detection) string {
	if d.Chance < worthSaying {
		return ""
	}
	text := "that this is a coincidence: 1 in " + oneIn(d.Chance)
	for _, h := range d.Hits {
		if h.Evidence.Among > 0 {
			return text + fmt.Sprintf(" (none of %s held %s when it was planted)", plural(uint64(h.Evidence.Among), "row"), Clean(h.Kind))
		}
	}
	return text
}

// oneIn is the inverse of p: a round number, a power of ten beyond a million.
func oneIn(p float64) string {
	n := 1 / p
	if n >= 1e7 {
		return fmt.Sprintf("10^%d", int(math.Floor(math.Log10(n)+1e-9)))
	}
	if n < 10 {
		return strconv.FormatFloat(math.Floor(n*10)/10, 'f', -1, 64)
	}
	scale := math.Pow(10, math.Floor(math.Log10(n))-1)
	return strconv.FormatFloat(math.Floor(n/scale)*scale, 'f', 0, 64)
}

func plural(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func done(d *event.Detection) string {
	switch {
	case d.Drill:
		return "nothing: this is a test"
	case d.Action == event.Block:
		return "blocked"
	case d.Action == event.Alert:
		return "alerted, let through"
	}
	return d.Action.String()
}

// name quotes what a client chose, so that spaces and commas in it do not look
// like ours.
func name(s string) string {
	plain := s != ""
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-.@/:+", r) {
			plain = false
			break
		}
	}
	if plain {
		return Clean(s)
	}
	return `"` + strings.ReplaceAll(Clean(s), `"`, `\"`) + `"`
}

// Clean returns s with everything escaped that could steer a terminal or
// deceive a reader: control characters (C0, DEL, C1), format characters such
// as bidirectional overrides and zero-width letters, line and paragraph
// separators, private use, and bytes that are not UTF-8. The form is that of Go
// string literals: \x1b, \u202e.
func Clean(s string) string {
	clean := true
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if !harmless(r, size) {
			clean = false
			break
		}
		i += size
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case harmless(r, size):
			b.WriteString(s[i : i+size])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case size == 1: // C0, DEL, or no UTF-8
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += size
	}
	return b.String()
}

func harmless(r rune, size int) bool {
	if r == utf8.RuneError && size == 1 {
		return false
	}
	return r == ' ' || unicode.IsPrint(r) // letters, marks, numbers, punctuation, symbols
}
