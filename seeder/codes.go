package seeder

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"honeyrow/seeder/generate"
)

const (
	maxStatuses = 20 // a column with more different numbers is no status
	maxLookup   = 400
)

// phased reports whether a column is called as one that says how far the work on a
// row is, whatever its type.
func (f *field) phased() bool {
	return generate.HasPhrase(f.Name, "status", "statuses", "statusid", "state", "stage", "phase") ||
		f.fk != nil && len(f.fk.Columns) == 1 && generate.HasPhrase(f.fk.RefTable, "status", "statuses")
}

// coded reports whether a column is a status of which the numbers say nothing by
// themselves.
func (f *field) coded() bool {
	if f.opaque {
		return true
	}
	if f.sample < 0 || f.Computed || f.fk != nil || f.seen.Unique || !f.phased() || len(f.seen.Values) == 0 || len(f.counts()) > maxStatuses {
		return false
	}
	for v := range f.counts() {
		if _, err := strconv.ParseFloat(v, 64); err != nil {
			return false
		}
	}
	return true
}

// acts reports whether the value says whether something will be done with the row.
func (f *field) acts() bool {
	return f.sample >= 0 && (f.plan.Kind == "status" || f.words != nil || f.opaque)
}

// says is what a value of a status stands for, the value itself if it is a word.
func (f *field) says(v string) string {
	if w := f.words[v]; w != "" {
		return w
	}
	return v
}

// decode finds out what the numbers and codes of statuses stand for: from the table
// that they point at, else from one that is called like the column, else from the
// column's comment. Where that says nothing of rest, the column's old rows do.
func (d *draft) decode(ctx context.Context, st *study) error {
	for _, f := range st.columns {
		if f.sample < 0 || f.Computed || !f.phased() {
			continue
		}
		words, err := d.lookUp(ctx, st, f)
		if err != nil {
			return err
		}
		if words == nil && f.plan.Kind == "status" {
			words = inComment(f.Comment, f.counts())
		}
		// A state or a stage may be a country's or a theatre's.
		sure := generate.HasPhrase(f.Name, "status", "statuses", "statusid") || f.fk != nil && generate.HasPhrase(f.fk.RefTable, "status", "statuses")
		if sure || inertAmong(words) {
			f.words = words
		}
		f.opaque = sure && words == nil && f.fk != nil && len(f.seen.Values) > 0 && len(f.counts()) <= maxStatuses
		unknown := (f.Class == generate.Text || f.Class == generate.Enum) && len(f.counts()) <= maxStatuses // words of another language, say
		if (f.coded() || f.words != nil || unknown) && f.acts() && !slices.ContainsFunc(f.seen.Values, func(v string) bool { return st.atRest(f, v) }) {
			f.settled = st.settledIn(f)
		}
	}
	return nil
}

func inertAmong(words map[string]string) bool {
	for _, w := range words {
		if generate.Inert("status", w) {
			return true
		}
	}
	return false
}

// lookUp reads the words of a status from another table, nil if there is none.
func (d *draft) lookUp(ctx context.Context, st *study, f *field) (map[string]string, error) {
	t, key := d.lookup(st, f)
	if t == nil || t == st.table || t.Rows > maxLookup {
		return nil, nil
	}
	s, err := d.s.Database.Sample(ctx, t, maxLookup, d.o.Seed)
	if err != nil {
		var no *Violation
		if errors.As(err, &no) { // it is not for the role to read
			return nil, nil
		}
		return nil, err
	}
	k, name := s.index(key), label(t, s, key)
	if k < 0 || name < 0 {
		return nil, nil
	}
	words := map[string]string{}
	for _, row := range s.Rows {
		if row[k] == nil {
			continue
		}
		if words[*row[k]] = *row[k]; row[name] != nil {
			words[*row[k]] = *row[name]
		}
	}
	for v := range f.counts() {
		if words[v] == "" {
			return nil, nil
		}
	}
	return words, nil
}

// lookup is the table that tells what a status's codes stand for, and its key.
func (d *draft) lookup(st *study, f *field) (*Table, string) {
	if f.fk != nil {
		t, err := d.cat.Table((&Table{Schema: f.fk.RefSchema, Name: f.fk.RefTable}).String())
		if err != nil || len(f.fk.Columns) != 1 {
			return nil, ""
		}
		return t, f.fk.RefColumns[0]
	}
	own := singular(f.Name)
	for _, t := range d.cat.Tables {
		if pk := t.Primary(); t.Schema == st.table.Schema && len(pk) == 1 && t != st.table {
			if name := singular(t.Name); name == own || name == singular(st.table.Name)+" "+own {
				return t, pk[0]
			}
		}
	}
	return nil, ""
}

// singular is a name's words, each without the ending of a plural, and without that
// of a key.
func singular(name string) string {
	words := generate.Words(name)
	if n := len(words); n > 1 && (words[n-1] == "id" || words[n-1] == "code") {
		words = words[:n-1]
	}
	for i, w := range words {
		switch {
		case strings.HasSuffix(w, "ses"), strings.HasSuffix(w, "xes"):
			words[i] = w[:len(w)-2]
		case strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") && !strings.HasSuffix(w, "us"):
			words[i] = w[:len(w)-1]
		}
	}
	return strings.Join(words, " ")
}

// label is the column of a table of codes that says what each stands for, in the
// sample; -1 if there is none.
func label(t *Table, s *Sample, key string) int {
	best, rank := -1, 99
	for i, name := range s.Columns {
		if r := telling(t.Column(name), key); r < rank && !s.Cut[name] {
			best, rank = i, r
		}
	}
	return best
}

// telling ranks a column of a table of codes by how well it says what each stands for,
// 99: not at all.
func telling(c *Column, key string) int {
	if c == nil || c.Class != generate.Text && c.Class != generate.Enum {
		return 99
	}
	r := slices.IndexFunc([]string{"name", "label", "title", "status", "state", "slug", "description", "code"}, func(p string) bool { return generate.HasPhrase(c.Name, p) })
	switch {
	case c.Name == key:
		return 30 // the key is a word itself
	case r < 0:
		return 20
	}
	return r
}

// explains is the column of a table at which a status points that says what it stands
// for, which a role has to read; "" if there is none, or it is no status.
func (c *Catalog) explains(t *Table, fk *ForeignKey) string {
	ref, err := c.Table((&Table{Schema: fk.RefSchema, Name: fk.RefTable}).String())
	if err != nil || len(fk.Columns) != 1 || !(&field{Column: t.Column(fk.Columns[0]), fk: fk}).phased() {
		return ""
	}
	best, rank := "", 99
	for _, col := range ref.Columns {
		if r := telling(col, fk.RefColumns[0]); r < rank {
			best, rank = col.Name, r
		}
	}
	if best == fk.RefColumns[0] {
		return ""
	}
	return best
}

// explained is how comments explain numbers: "0=new, 1: paid, 2 - shipped".
var explained = regexp.MustCompile(`(-?\d+)\s*(?:=>|->|[=:→–-])\s*["'(]?([\pL][\pL _-]*)`)

// inComment reads what numbers stand for from a column's comment, nil unless it
// explains all that stand there.
func inComment(comment string, values map[string]int) map[string]string {
	words := map[string]string{}
	for _, m := range explained.FindAllStringSubmatch(comment, -1) {
		words[m[1]] = strings.TrimSpace(m[2])
	}
	for v := range values {
		if words[v] == "" {
			return nil
		}
	}
	return words
}

// settledIn are the values of a status in which rows stay: at least a fifth of the
// older half of the rows has them, and no greater share of the newest. What waits to
// be done is done to old rows. None if nothing tells which rows are old.
func (st *study) settledIn(f *field) map[string]bool {
	age := st.byAge()
	var rows [][]*string
	for _, row := range st.sample.Rows {
		if age != nil && row[age.sample] != nil && row[f.sample] != nil {
			rows = append(rows, row)
		}
	}
	if len(rows) < leastSettled {
		return nil
	}
	sort.SliceStable(rows, func(a, b int) bool { return older(*rows[a][age.sample], *rows[b][age.sample]) })
	share := func(rows [][]*string) map[string]float64 {
		out := map[string]float64{}
		for _, row := range rows {
			out[*row[f.sample]] += 1 / float64(len(rows))
		}
		return out
	}
	old, fresh := share(rows[:len(rows)/2]), share(rows[len(rows)-max(len(rows)/10, 10):])
	out := map[string]bool{}
	for v, s := range old {
		if s >= 0.2 && fresh[v] <= 1.5*s && !generate.Waiting(f.says(v)) {
			out[v] = true
		}
	}
	return out
}

const leastSettled = 30

// byAge is a column that orders rows by their age: the counted key, else the date at
// which rows were made.
func (st *study) byAge() *field {
	if key := st.drawn(); key != nil {
		return key
	}
	for _, f := range st.columns {
		if f.sample >= 0 && f.plan.Kind == "timestamp" && generate.HasPhrase(f.Name, "created", "created at", "inserted", "added", "placed", "order date", "ordered", "date") {
			return f
		}
	}
	return nil
}

// older compares two numbers, or two times.
func older(a, b string) bool {
	x, err1 := strconv.ParseInt(a, 10, 64)
	y, err2 := strconv.ParseInt(b, 10, 64)
	if err1 == nil && err2 == nil {
		return x < y
	}
	p, _, ok1 := generate.ParseTime(a)
	q, _, ok2 := generate.ParseTime(b)
	return ok1 && ok2 && p.Before(q)
}

// mute says why nothing is known of what a status of the table means, empty if
// something is: its numbers are explained nowhere, and its rows are no people's.
func (st *study) mute() string {
	if st.people() {
		return ""
	}
	for _, f := range st.columns {
		if f.opaque {
			return "what its status stands for can't be read (" + f.Name + " points at " + f.fk.RefTable + ", and the role may read no column of words there): a honey row might wait to be acted on"
		}
		if f.plan.Kind == "status" && f.words == nil && f.coded() && !f.flag() {
			return "what the numbers of its status stand for is said nowhere (" + f.Name + ": no table that it points at or is called like it, no comment): a honey row might wait to be acted on"
		}
	}
	return ""
}

// unsettled is mute where old rows don't tell either: relatives are not asked for by
// name.
func (st *study) unsettled() string {
	if slices.ContainsFunc(st.columns, func(f *field) bool { return f.coded() && f.acts() && f.words == nil && len(f.settled) == 0 }) {
		return st.mute()
	}
	return ""
}

// flag reports whether a column that may be a status holds yes or no and is not
// called one.
func (f *field) flag() bool {
	return len(f.counts()) <= 2 && !generate.HasPhrase(f.Name, "status", "statusid")
}

// onward reports whether a status that ends an invoice's life does not end this
// table's: of an order that is paid somebody has yet to send the goods.
func (f *field) onward(v string) bool {
	if !generate.HasPhrase(v, "paid", "settled") || generate.HasPhrase(f.Name, "payment", "billing", "invoice", "paid") {
		return false
	}
	words := slices.AppendSeq(slices.Clone(f.Enum), maps.Keys(f.counts()))
	for _, w := range f.words {
		words = append(words, w)
	}
	return slices.ContainsFunc(words, func(w string) bool {
		return generate.HasPhrase(w, "shipped", "to ship", "shipping", "dispatched", "delivered", "fulfilled", "packed", "picked")
	})
}
