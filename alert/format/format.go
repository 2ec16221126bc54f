// Package format writes detections in the forms that log systems know:
// honeyrow's own JSON, Elastic Common Schema, OCSF Detection Finding, CEF and
// LEEF. All of them are one line of text. Every text that a client or a
// database chose is escaped as the form demands: it can change values, never
// keys, fields or lines.
package format

import (
	"fmt"
	"maps"
	"net"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"honeyrow/alert"
	"honeyrow/event"
)

// forms are the names of the forms; JSON's first.
var forms = []struct {
	name   string
	json   bool
	encode func(*event.Detection) ([]byte, error)
}{
	{"json", true, alert.Line},
	{"ecs", true, ECS},
	{"ocsf", true, OCSF},
	{"cef", false, CEF},
	{"leef", false, LEEF},
}

// Encode returns d in the form called name, with a line feed at the end; an
// empty name means json. The caller owns the slice.
func Encode(name string, d *event.Detection) ([]byte, error) {
	for _, f := range forms {
		if f.name == name || name == "" {
			return f.encode(d)
		}
	}
	return nil, alert.Permanent(Any(name))
}

// Short returns a copy of d, which belongs to others, without what can be long:
// its texts have text bytes at most, of its lists the first entries are left. What
// a client chooses (names, attributes, comments) is cut too, so that nobody can make
// an alert too large for a service.
func Short(d *event.Detection, text int) *event.Detection {
	const name, entries = 128, 16
	short := *d
	cut := func(max int, fields ...*string) {
		for _, f := range fields {
			*f = Cut(*f, max)
		}
	}
	c := &short.Client
	c.Attributes, short.Statement.Tags = few(c.Attributes, name, entries), few(d.Statement.Tags, name, entries)
	cut(name, &c.User, &c.Database, &c.Application, &c.Replication, &c.ServerVersion, &short.Run.Code)
	if c.TLS != nil {
		tls := *c.TLS
		cut(2*name, &tls.Subject, &tls.Issuer, &tls.ServerName)
		c.TLS = &tls
	}
	short.Summary, short.Origins, short.Reach, short.Quarantine = Cut(d.Summary, min(text, 1024)), nil, nil, nil
	short.Statement.Text, short.Statement.Parameters = Cut(d.Statement.Text, text), nil
	short.Statement.Truncated = d.Statement.Truncated || len(d.Statement.Text) > text
	short.Hits = slices.Clone(d.Hits[:min(len(d.Hits), entries, 1+text/512)])
	for i := range short.Hits {
		h := &short.Hits[i]
		cut(name, &h.Place.Key, &h.Column, &h.PlantedBy, &h.Copy, &h.Owner)
		cut(4*name, &h.Story, &h.Note)
	}
	short.Findings = slices.Clone(d.Findings[:min(len(d.Findings), entries)])
	for i := range short.Findings {
		cut(2*name, &short.Findings[i].Detail)
	}
	return &short
}

// few is m with up to entries keys, and values of up to max bytes.
func few(m map[string]string, max, entries int) map[string]string {
	var out map[string]string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if len(out) == entries {
			break
		}
		if out == nil {
			out = map[string]string{}
		}
		out[Cut(k, max)] = Cut(m[k], max)
	}
	return out
}

// EncodeWithin is Encode for a service that takes up to max bytes: what is longer
// is written without what can be long, and then with hardly any text. If that is
// still longer, it is returned all the same.
func EncodeWithin(name string, d *event.Detection, max int) ([]byte, error) {
	return Within(d, max, func(d *event.Detection) ([]byte, error) { return Encode(name, d) })
}

// Within is EncodeWithin for a form of the caller's.
func Within(d *event.Detection, max int, encode func(*event.Detection) ([]byte, error)) (b []byte, err error) {
	for _, text := range []int{0, 4096, 1536, 512} {
		given := d
		if text > 0 {
			given = Short(d, text)
		}
		if b, err = encode(given); err != nil || len(b) <= max {
			break
		}
	}
	return b, err
}

// Any reports whether name is a form, of those that more adds too.
func Any(name string, more ...string) error { return check(name, false, more) }

// JSON reports whether name is a form that is JSON.
func JSON(name string, more ...string) error { return check(name, true, more) }

func check(name string, json bool, more []string) error {
	names := slices.Clone(more)
	for _, f := range forms {
		if f.json || !json {
			names = append(names, f.name)
		}
	}
	if name == "" || slices.Contains(names, name) {
		return nil
	}
	return fmt.Errorf("format: %q is unknown: use %s", name, strings.Join(names, ", "))
}

// Vendor and product in every form.
const product = "honeyrow"

// version is the program's.
var version = sync.OnceValue(func() string {
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" && b.Main.Version != "(devel)" {
		return b.Main.Version
	}
	return "devel"
})

// address splits a client's address; the port is 0 and the host what stands
// there if it has no port ("unix").
func address(text string) (host string, ip net.IP, port int) {
	h, p, err := net.SplitHostPort(text)
	if err != nil {
		return text, net.ParseIP(text), 0
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil {
		n = 0
	}
	return h, net.ParseIP(h), int(n)
}

// Cut returns s shortened to max bytes between runes, and bytes that are not
// UTF-8 replaced by U+FFFD.
func Cut(s string, max int) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return s[:max]
}

// pairs writes a map of a client's as sorted texts: as keys they would be
// fields of the client's choice.
func pairs(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k, v := range m {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return out
}

// tags are the weaknesses and techniques that d names, each once.
func tags(d *event.Detection) []string {
	var out []string
	add := func(list []string) {
		for _, t := range list {
			if !slices.Contains(out, t) {
				out = append(out, t)
			}
		}
	}
	for _, r := range d.Rules {
		add(r.Tags)
	}
	for _, f := range d.Findings {
		add(f.Maps)
	}
	return out
}

// techniques are those of the tags that name one of MITRE ATT&CK's: T1190, T1059.001.
func techniques(d *event.Detection) []string {
	return slices.DeleteFunc(tags(d), func(t string) bool {
		return len(t) < 5 || t[0] != 'T' || strings.Trim(t[1:], "0123456789.") != ""
	})
}

// tables are the places of the hits' tables, each once.
func tables(d *event.Detection) []event.Place {
	var out []event.Place
	for i := range d.Hits {
		p := d.Hits[i].Place
		p.Column, p.Key = "", ""
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// full is a table's whole name.
func full(p event.Place) string {
	var parts []string
	for _, s := range []string{p.Server, p.Database, p.Schema, p.Table} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ".")
}

// title is the weightiest rule in words.
func title(d *event.Detection) string {
	for _, r := range d.Rules {
		if r.ID == d.Rule && r.Title != "" {
			return r.Title
		}
	}
	return d.Rule
}

// gravity is d's severity, or its incident's where that has risen above it.
func gravity(d *event.Detection) event.Severity {
	if d.Incident != nil {
		return max(d.Severity, d.Incident.Severity)
	}
	return d.Severity
}

// playbook is where the next steps are written down, of the first rule that has
// one.
func playbook(d *event.Detection) string {
	for _, r := range d.Rules {
		if r.Playbook != "" {
			return r.Playbook
		}
	}
	return ""
}
