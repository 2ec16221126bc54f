package seeder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"honeyrow/seeder/generate"
	"honeyrow/token"
)

// Finder is a Database that looks for values in many columns of a table with
// one scan. Of a Database that is none, each column is asked for by itself
// (Taken).
type Finder interface {
	// Find returns where in the columns a row holds one of the values as a whole
	// field, in text form; each column and value once. It reads every row, or an
	// index that has every row: a sample proves no absence. It ends after limit
	// with a *Violation.
	Find(ctx context.Context, t *Table, columns []string, values *Sought, limit time.Duration) ([]Spot, error)
}

// Sought is a set of values that one table after another is searched for.
type Sought struct {
	Values   []string
	shortest int
	longest  int
	number   bool            // some are written with digits alone
	set      map[string]bool // made when it is first asked
}

// Seek makes a set of values. It keeps the slice.
func Seek(values []string) *Sought {
	s := &Sought{Values: values}
	for i, v := range values {
		if i == 0 || len(v) < s.shortest {
			s.shortest = len(v)
		}
		s.longest = max(s.longest, len(v))
		s.number = s.number || strings.Trim(v, "0123456789.-") == ""
	}
	return s
}

// Longest returns the length of the longest value in bytes.
func (s *Sought) Longest() int { return s.longest }

// Has reports whether v is one of the values.
func (s *Sought) Has(v []byte) bool {
	if s.set == nil {
		s.set = make(map[string]bool, len(s.Values))
		for _, v := range s.Values {
			s.set[v] = true
		}
	}
	return s.set[string(v)] // without a copy
}

// Sift reports whether a table of about rows rows had better be read whole and
// looked through here: with very many values, sending them for each of many
// tables takes longer.
func (s *Sought) Sift(rows int64) bool {
	return len(s.Values) >= manySought && rows >= 0 && rows <= int64(len(s.Values))
}

// manySought is from how many values on a table may be read whole.
const manySought = 2000

// Counter is a Database that knows the last of numbers in texts.
type Counter interface {
	// Last returns the value of a text column with the greatest number behind
	// stem, "" if there is none. Values that are not stem and digits don't count.
	Last(ctx context.Context, t *Table, column, stem string) (string, error)
}

// Spot is a column that holds a value.
type Spot struct{ Column, Value string }

// search looks for values that count in any column in the whole database: one
// that stands elsewhere too would raise a false alarm there.
type search struct {
	db       Database
	cat      *Catalog
	limit    time.Duration // of one statement
	until    time.Time
	progress func(step, table string, done, total int)
	// outside says for which places a value is not looked for.
	outside func(t *Table, column, value string) bool
	kinds   map[string]*Sought // by kind
	sets    map[string]*Sought // by kinds that may stand in the same columns
}

// found is what a search came to know.
type found struct {
	at map[string][]string // by value: the columns that hold it
	// doubt says per kind of value why it may stand somewhere nevertheless;
	// that of kind "" holds for all.
	doubt map[string]string
}

// unproven says why the absence of a kind's values is not known, "" if it is.
func (f *found) unproven(kind string) string {
	if why := f.doubt[""]; why != "" {
		return why
	}
	return f.doubt[kind]
}

// find looks for values, given per kind.
func (s *search) find(ctx context.Context, kinds map[string][]string) (*found, error) {
	out := &found{at: map[string][]string{}, doubt: map[string]string{}}
	if len(kinds) == 0 {
		return out, nil
	}
	s.kinds, s.sets = map[string]*Sought{}, map[string]*Sought{}
	for kind, values := range kinds {
		s.kinds[kind] = Seek(values)
	}
	for i, t := range s.cat.Tables {
		if t.Piece || t.Kind == "view" || t.Kind == "materialized view" || t.Kind == "foreign table" {
			continue // its rows are other tables', or another server's
		}
		s.progress("search", t.String(), i, len(s.cat.Tables))
		if err := s.table(ctx, t, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *search) table(ctx context.Context, t *Table, out *found) error {
	if t.Hidden && out.doubt[""] == "" {
		out.doubt[""] = fmt.Sprintf("row security hides rows of %s from the role", t)
	}
	ask := map[string][]string{} // columns by the kinds that may stand in them
	for _, c := range t.Columns {
		var may []string
		for kind, values := range s.kinds {
			switch {
			case !holds(c, kind, values):
			case c.CanSelect:
				may = append(may, kind)
			case named(t, c, kind) && out.doubt[kind] == "":
				out.doubt[kind] = fmt.Sprintf("the role may not read %s.%s, which seems to hold such values", t, c.Name)
			}
		}
		if len(may) > 0 {
			slices.Sort(may)
			key := strings.Join(may, " ")
			ask[key] = append(ask[key], c.Name)
		}
	}
	for key, columns := range ask {
		if err := s.columns(ctx, t, columns, s.of(key), out); err != nil {
			return err
		}
	}
	return nil
}

// of puts the values of some kinds, named with blanks between, together.
func (s *search) of(key string) *Sought {
	if one := s.kinds[key]; one != nil {
		return one
	}
	if s.sets[key] == nil {
		var values []string
		for _, kind := range strings.Fields(key) {
			values = append(values, s.kinds[kind].Values...)
		}
		s.sets[key] = Seek(values)
	}
	return s.sets[key]
}

func (s *search) columns(ctx context.Context, t *Table, columns []string, values *Sought, out *found) error {
	left := min(s.limit, time.Until(s.until))
	if left <= 0 {
		if out.doubt[""] == "" {
			out.doubt[""] = "the database is too large to be searched in time (search_timeout)"
		}
		return nil
	}
	spots, err := s.spots(ctx, t, columns, values, left)
	var v *Violation
	switch {
	case errors.As(err, &v) && ctx.Err() == nil:
		if out.doubt[""] == "" {
			out.doubt[""] = fmt.Sprintf("%s could not be searched: %s", t, v.Why)
		}
		return nil
	case err != nil:
		return fmt.Errorf("search %s: %w", t, err)
	}
	for _, sp := range spots {
		if s.outside == nil || !s.outside(t, sp.Column, sp.Value) {
			out.at[sp.Value] = appendOnce(out.at[sp.Value], t.String()+"."+sp.Column)
		}
	}
	return nil
}

func (s *search) spots(ctx context.Context, t *Table, columns []string, values *Sought, limit time.Duration) (out []Spot, err error) {
	if f, ok := s.db.(Finder); ok {
		return f.Find(ctx, t, columns, values, limit)
	}
	tuples := make([][]string, len(values.Values))
	for i, v := range values.Values {
		tuples[i] = []string{v}
	}
	for _, c := range columns {
		if col := t.Column(c); col == nil || col.Class != generate.Text {
			continue
		}
		taken, err := s.db.Taken(ctx, t, []string{c}, tuples)
		if err != nil {
			return nil, err
		}
		for i, yes := range taken {
			if yes {
				out = append(out, Spot{c, values.Values[i]})
			}
		}
	}
	return out, nil
}

// holds reports whether a value of the kind could stand in a column. A decoy
// address is looked for where addresses are kept: at a domain of its own it
// stands nowhere, and a longer search would not pay.
func holds(c *Column, kind string, values *Sought) bool {
	switch c.Class {
	case generate.Text, generate.Other:
		return (c.MaxLen == 0 || c.MaxLen >= values.shortest) && (kind != "email" || generate.HasPhrase(c.Name, "mail", "email", "e mail", "emailaddress", "mailaddress", "login", "username", "user name", "smtp"))
	case generate.Integer, generate.Decimal:
		return values.number && kind != "email"
	}
	return false
}

// named reports whether a column that can't be read is named like the kind.
func named(t *Table, c *Column, kind string) bool {
	g, err := generate.ByKind(kind)
	if err != nil {
		return false
	}
	score, _ := g.Fit(&generate.Column{Table: t.Name, Name: c.Name, Class: c.Class, MaxLen: c.MaxLen, Scale: c.Scale})
	return score >= generate.MinFit
}

// sought reports whether a value has to be absent from the whole database:
// those that count as a whole field in any column. Longer ones are random and
// need no search, but for addresses, which are made of names.
func sought(kind string, s token.Strength) bool {
	return s == token.Firm || s == token.Strong && kind == "email"
}

// demoted says what a weak value still proves.
const demoted = "it counts by its own table and column, or together with other values of its row"

// absent makes sure that no watched value that counts in any column stands
// anywhere in the database: with redraw, a value that does is drawn again. One
// whose absence can't be proven is watched as a weak one. A *refusal is of the
// table of the index returned.
func (d *draft) absent(ctx context.Context, redraw bool) (int, error) {
	s := &search{db: d.s.Database, cat: d.cat, limit: d.o.StatementTimeout, until: time.Now().Add(d.o.SearchTimeout), progress: d.o.progress}
	for round := 0; ; round++ {
		kinds := d.unsearched()
		out, err := s.find(ctx, kinds)
		if err != nil {
			return 0, err
		}
		for _, values := range kinds {
			for _, v := range values {
				d.searched[v] = true
			}
		}
		for v, at := range out.at {
			d.elsewhere[v] = at[0]
		}
		d.doubt(out)
		if len(out.at) == 0 {
			return 0, nil
		}
		for i, st := range d.studies {
			if redraw && round < 3 {
				r := generate.New(d.o.Seed, fmt.Sprint(st.table, "elsewhere", round))
				if err := d.distinct(ctx, st, d.tables[i], d.hands[st], r); err != nil {
					return i, err
				}
				continue
			}
			d.weaken(st, d.tables[i], func(c *Cell) string { return d.elsewhere[*c.Value] }, "column %s: values that stand in %s too: %s")
		}
	}
}

// unsearched lists the drawn values that have to be searched for, by kind.
func (d *draft) unsearched() map[string][]string {
	out := map[string][]string{}
	for _, tp := range d.tables {
		for _, row := range tp.Rows {
			for _, c := range row.Cells {
				if c.Watch && c.Value != nil && sought(c.Kind, c.Strength) && !d.searched[*c.Value] {
					out[c.Kind] = append(out[c.Kind], *c.Value)
				}
			}
		}
	}
	return out
}

// doubt weakens what a search could not prove to be absent.
func (d *draft) doubt(out *found) {
	for i, st := range d.studies {
		d.weaken(st, d.tables[i], func(c *Cell) string {
			if c.Strength == token.Strong {
				return ""
			}
			return out.unproven(c.Kind)
		}, "column %s: that no other column holds its values is not proven: %s: %s")
	}
}

// weaken makes weak the sought cells for which why gives a reason, and notes it.
func (d *draft) weaken(st *study, tp *TablePlan, why func(*Cell) string, note string) {
	for _, row := range tp.Rows {
		for _, c := range row.Cells {
			if !c.Watch || c.Value == nil || !sought(c.Kind, c.Strength) {
				continue
			}
			if w := why(c); w != "" {
				c.Strength = token.Weak
				st.note(note, c.Column, w, demoted)
				tp.Warnings = appendOnce(tp.Warnings, fmt.Sprintf(note, c.Column, w, demoted))
			}
		}
	}
}

// proven lowers the strength of tokens about to be registered whose values
// stand elsewhere by now, or are not proven to stand nowhere. The rows are not
// in the database at that time.
func (j *job) proven(ctx context.Context, ts []token.Token) error {
	kinds := map[string][]string{}
	for i := range ts {
		if sought(ts[i].Kind, ts[i].Strength) {
			kinds[ts[i].Kind] = append(kinds[ts[i].Kind], strings.TrimRight(ts[i].Value, " "))
		}
	}
	s := &search{db: j.s.Database, cat: j.cat, limit: j.o.StatementTimeout, until: time.Now().Add(j.o.SearchTimeout), progress: j.o.progress}
	out, err := s.find(ctx, kinds)
	if err != nil {
		return err
	}
	for i := range ts {
		t := &ts[i]
		if !sought(t.Kind, t.Strength) {
			continue
		}
		why := ""
		if at := out.at[strings.TrimRight(t.Value, " ")]; len(at) > 0 {
			why = "a value of it stands in " + at[0] + " too"
		} else if t.Strength == token.Firm {
			why = out.unproven(t.Kind)
		}
		if why != "" {
			t.Strength = token.Weak
			j.done.Warnings = appendOnce(j.done.Warnings, fmt.Sprintf("%s.%s: %s: %s", t.Place.Table, t.Place.Column, why, demoted))
		}
	}
	return nil
}
