package engine

import (
	"strings"

	"honeyrow/engine/match"
	"honeyrow/inspect"
)

// layout is a described result. It belongs to one session's server goroutine
// and compiles its watch again when the tokens have changed.
type layout struct {
	s    *session
	cols []inspect.Column
	w    *watch
}

// watch is what to look for in one result set: one index, one column plan.
// It is immutable.
type watch struct {
	x      *match.Index
	names  []inspect.Column // as described; nil if the server did not
	cols   []columnWatch
	gate   uint64
	weak   uint64 // the gate for weak values inside fields
	labels []labelHit
}

type columnWatch struct {
	set    *match.Column // what is planted here, if the place is known
	wants  bool
	binary bool
	raw    bool // bytes in binary format: a digest may be shown
	warned bool // the texts of SHOW WARNINGS: what an error says, or a warning, which stays without one
	pieces bool // short texts that a function made: pieces of a value may be shown
	// compound says how several values may be in one field.
	compound shape
}

// labelHit is a token in a column's name, or in what else the server says of it.
type labelHit struct {
	tok          uint32
	label, means string
}

func newLayout(s *session, cols []inspect.Column) *layout {
	l := &layout{s: s, cols: make([]inspect.Column, len(cols))}
	for i, c := range cols {
		c.Name = strings.Clone(c.Name)
		c.OrgSchema, c.OrgTable, c.OrgName, c.Table = strings.Clone(c.OrgSchema), strings.Clone(c.OrgTable), strings.Clone(c.OrgName), strings.Clone(c.Table)
		l.cols[i] = c
	}
	return l
}

// is reports whether the layout describes just these columns.
func (l *layout) is(cols []inspect.Column) bool {
	if len(l.cols) != len(cols) {
		return false
	}
	for i := range cols {
		if l.cols[i] != cols[i] {
			return false
		}
	}
	return true
}

// watch returns the plan for the tokens of x.
func (l *layout) watch(x *match.Index) *watch {
	if l.w == nil || l.w.x != x {
		l.w = compileWatch(l.s, x, l.cols)
	}
	return l.w
}

// isWarnings reports whether a result is that of SHOW WARNINGS or SHOW ERRORS.
func isWarnings(cols []inspect.Column) bool {
	return len(cols) == 3 && cols[0].Name == "Level" && cols[1].Name == "Code" && cols[2].Name == "Message"
}

func compileWatch(s *session, x *match.Index, cols []inspect.Column) *watch {
	w := &watch{x: x, names: cols, cols: make([]columnWatch, len(cols))}
	binary := false
	w.weak = x.Gate(true, true) &^ 1
	for i, c := range cols {
		binary = binary || c.Binary
		set := s.provenance(x, &c)
		p := columnWatch{set: set, binary: c.Binary}
		if !x.Empty() && !x.Clear() {
			p.raw = !s.mysql && c.Binary && (c.Type == byteaOID || c.Type == uuidOID) || s.mysql && c.OrgTable == "" && s.textual(c.Type)
			p.warned = s.mysql && i == 2 && isWarnings(cols)
			p.pieces = len(cols) <= maxPieced && i < maxPieced && set == nil && c.TableOID == 0 && c.OrgTable == "" && s.textual(c.Type)
		}
		if set == nil && w.weak != 0 {
			p.compound = s.compoundShape(&c)
		}
		p.wants = set != nil && set.Wants() || p.raw || p.pieces || p.warned || p.compound != notCompound
		w.cols[i] = p
		w.label(s, c.Name)
		var before inspect.Column // most columns have their table in common
		if i > 0 {
			before = cols[i-1]
		}
		if c.OrgName != c.Name {
			w.label(s, c.OrgName)
		}
		if c.Table != before.Table {
			w.label(s, c.Table)
		}
		if c.OrgTable != before.OrgTable && c.OrgTable != c.Table {
			w.label(s, c.OrgTable)
		}
		if c.OrgSchema != before.OrgSchema {
			w.label(s, c.OrgSchema)
		}
	}
	// One weak value proves nothing without a second one beside it.
	w.gate = x.Gate(binary, len(cols) != 1)
	return w
}

// label looks for tokens in a name among the definitions.
func (w *watch) label(s *session, name string) {
	if name == "" {
		return
	}
	s.sightings(w.x, []byte(name), false, func(t uint32, means string) {
		w.labels = append(w.labels, labelHit{t, name, means})
	})
}

// Type numbers of PostgreSQL.
const (
	byteaOID = 17
	uuidOID  = 2950
)

// textual reports whether a column's type is a text of the dialect: what
// substr() returns.
func (s *session) textual(t uint32) bool {
	if s.mysql {
		return t == 15 || t >= 249 && t <= 254 // VARCHAR, BLOB and TEXT (MySQL tells four sizes), VAR_STRING, STRING
	}
	return isTextType(t) || t == 18 // "char"
}

// provenance returns what is planted in a result's column, nil if the protocol
// does not tell where the column is from. PostgreSQL tells numbers, MySQL names.
func (s *session) provenance(x *match.Index, c *inspect.Column) *match.Column {
	if c.OrgTable != "" {
		return x.Named(match.Name{Server: s.scope.Server, Database: c.OrgSchema, Table: c.OrgTable, Column: c.OrgName})
	}
	return x.Column(s.scope, c.TableOID, c.Attr)
}

// bareWatch is the plan for a result without a description.
func (s *session) bareWatch(x *match.Index) *watch {
	if s.bare == nil || s.bare.x != x {
		s.bare = compileWatch(s, x, nil)
	}
	return s.bare
}

// column returns the plan of column i, which may lie beyond the description.
func (w *watch) column(i int32) *columnWatch {
	if int(i) < len(w.cols) && i >= 0 {
		return &w.cols[i]
	}
	return &plain
}

// plain is a column of which nothing is known.
var plain columnWatch

// name returns the name of column i, or nothing.
func (w *watch) name(i int32) string {
	if int(i) < len(w.names) && i >= 0 {
		return w.names[i].Name
	}
	return ""
}
