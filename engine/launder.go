package engine

import (
	"slices"
	"strings"
	"sync"
	"time"

	"honeyrow/engine/match"
	"honeyrow/engine/sqlfacts"
	"honeyrow/event"
)

// A value that was copied out of its table is read later under another name, by
// a client that may have nothing to do with it. What copied it is remembered: a
// statement that reads a table with honey rows and keeps what it read.

// Bounds of what is remembered of copies.
const (
	maxCopies  = 256
	maxOrigins = 3       // in one detection
	copyText   = 4 << 10 // bytes of a copying statement
	shortName  = 2       // tables of shorter names are not looked for in texts
	copyAge    = time.Hour * 24 * 30
)

// keepers are functions that keep or send what they are given.
var keepers = []string{"set_config", "pg_notify", "lo_from_bytea", "lo_put", "lowrite", "lo_create"}

// copying is what a shape copies.
type copying struct {
	reads  []sqlfacts.Relation // lower case
	writes []string            // names of tables, lower case; none: the session keeps it
}

// findCopying returns what a shape copies, nil for nothing.
func findCopying(f *sqlfacts.Facts) *copying {
	c := &copying{}
	for _, t := range f.Tables {
		r := sqlfacts.Relation{Schema: strings.ToLower(t.Schema), Name: strings.ToLower(t.Name)}
		if t.Write {
			c.writes = append(c.writes, r.Name)
		} else {
			c.reads = append(c.reads, r)
		}
	}
	if len(c.reads) == 0 {
		return nil
	}
	keeps := len(c.writes) > 0
	for _, s := range f.Statements {
		keeps = keeps || s.Kind == sqlfacts.Set || c.into(s)
	}
	for _, k := range keepers {
		keeps = keeps || slices.Contains(f.Functions, k)
	}
	if !keeps {
		return nil
	}
	return c
}

// into reports whether a statement selects into a table or variables.
func (c *copying) into(n *sqlfacts.Node) bool {
	if n == nil {
		return false
	}
	if n.Kind == sqlfacts.Into && n.Name != "outfile" && n.Name != "dumpfile" {
		for _, a := range n.Args {
			if a != nil && a.Kind == sqlfacts.Table {
				c.writes = append(c.writes, strings.ToLower(a.Name))
			}
		}
		return true
	}
	return slices.ContainsFunc(n.Args, c.into)
}

// copies remembers the copying statements, the latest of each text and client.
type copies struct {
	mu  sync.Mutex
	all []copied
}

type copied struct {
	by     principal
	reach  []string // labels of tables with honey rows
	writes []string
	origin event.Origin
}

// copied notes a statement that copies out of tables with honey rows.
func (s *session) copied(n *note, sql []byte, total int) {
	if n.copying == nil {
		return
	}
	kr, db := s.e.keys.Load(), s.database()
	var reach []string
	for _, r := range n.copying.reads {
		name := match.TableName{Server: s.scope.Server, Database: db, Table: r.Name}
		if s.mysql && r.Schema != "" {
			name.Database = r.Schema
		}
		if k := kr.tables[name]; k != nil && !slices.Contains(reach, k.label) {
			reach = append(reach, k.label)
		}
	}
	if len(reach) == 0 {
		return
	}
	who, e := s.who(), s.e
	text := s.describe(sql[:min(len(sql), copyText)], total, e.policy.Load().RedactLiterals, nil)
	now := e.now()
	c := copied{by: s.principal(), reach: reach, writes: n.copying.writes, origin: event.Origin{
		Time: now, Session: who.Session, User: who.User, Address: who.Address, Application: who.Application, Text: text.Text,
	}}
	m := &e.copies
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = slices.DeleteFunc(m.all, func(o copied) bool {
		return now.Sub(o.origin.Time) > copyAge || o.by == c.by && o.origin.Text == c.origin.Text && slices.Equal(o.writes, c.writes)
	})
	if len(m.all) >= maxCopies {
		m.all = slices.Delete(m.all, 0, 1)
	}
	m.all = append(m.all, c)
}

// origins returns the statements by which what a detection saw may have come to
// where it was seen: those that wrote a table that its statement names, and
// those of the same session that wrote none, or of any if nobody asked.
func (e *Engine) origins(s *session, st *statement, d *event.Detection) []event.Origin {
	elsewhere := slices.ContainsFunc(d.Hits, func(h event.Hit) bool { return !h.Channel.Inbound() && h.Means != meansColumn })
	if !elsewhere {
		return nil
	}
	var text string
	if st != nil {
		text = strings.ToLower(string(st.text[:min(len(st.text), 64<<10)]))
	}
	m := &e.copies
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []event.Origin
	for i := len(m.all) - 1; i >= 0 && len(out) < maxOrigins; i-- {
		c := &m.all[i]
		if c.by.server != s.client.Server || !slices.ContainsFunc(d.Hits, func(h event.Hit) bool { return slices.Contains(c.reach, label(h.Place)) }) {
			continue
		}
		named := slices.ContainsFunc(c.writes, func(w string) bool { return len(w) >= shortName && names(text, w) })
		if named && !strings.EqualFold(c.origin.Text, d.Statement.Text) || len(c.writes) == 0 && (st == nil || c.origin.Session == s.client.Session) {
			out = append(out, c.origin)
		}
	}
	slices.Reverse(out)
	return out
}

// label is how reach names a place's table.
func label(p event.Place) string {
	return strings.ToLower(p.Database) + "." + strings.ToLower(p.Table)
}

// names reports whether a text has the name as a word of its own.
func names(text, name string) bool {
	for at := 0; ; {
		i := strings.Index(text[at:], name)
		if i < 0 {
			return false
		}
		at += i
		end := at + len(name)
		if (at == 0 || !alnum(text[at-1]) && text[at-1] != '_') && (end == len(text) || !alnum(text[end]) && text[end] != '_') {
			return true
		}
		at++
	}
}
