package seeder

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"honeyrow/event"
	"honeyrow/seeder/generate"
)

// hand is one honey row while it is drawn.
type hand struct {
	row      *RowPlan
	template int   // its row in the sample
	slot     *slot // its place among the keys; may be nil
	g        generate.Row
	was      []*string          // the template row, with contents of others
	borrowed bool               // part of it is another row's, whose relatives its own hold
	lender   int                // of a relative: which sampled row that is, -1 if none
	era      *era               // about when it begins, where its key does not tell; may be nil
	tries    map[string]int     // draws of each column's value
	names    int                // draws of the person
	bound    bool               // the person is the parent's
	born     time.Time          // its first date
	above    *hand              // the honey row whose relative it is; may be nil
	owner    int                // which it is
	house    *house             // the relatives of that one, of which it is one; may be nil
	kids     map[*study][]slot  // the numbers of its relatives, by their table
	houses   map[*study]*house  // its relatives, by their table
	when     moments            // its dates, where they are chosen before they are written
	meant    moments            // the same before a number moved them
	after    time.Time          // when the row that it hangs on began; zero if there is none
	broods   map[*study]kindred // its relatives' dates by their table and template
	haven    *haven             // where its relatives' dates shall fall; may be nil
	spans    map[*field]int     // years between its dates and the years that go with them
}

func rowsOf(hands []*hand) []*RowPlan {
	out := make([]*RowPlan, len(hands))
	for i, h := range hands {
		out[i] = h.row
	}
	return out
}

// ofPerson are the kinds made of the person's name: they change together.
var ofPerson = []string{"first_name", "last_name", "person_name", "email", "username"}

// deal draws the nth of total honey rows from a template row.
func (d *draft) deal(st *study, r *rand.Rand, template, n, total int, l *links, next map[string][]string, before *hand) (*hand, error) {
	h := &hand{row: &RowPlan{ID: event.NewID()}, template: template, lender: -1, tries: map[string]int{}}
	if n < len(d.slots[st]) {
		h.slot = &d.slots[st][n]
	}
	h.era = d.era(st, r, template, h.slot)
	h.was = d.blend(st, r, template, h.era, h.slot, total <= fewRows)
	h.g = generate.Row{Now: d.now, Domain: st.mailDomain(r, h.was), CardPrefix: d.o.CardPrefix, PhoneRanges: d.o.PhoneRanges, Number: n, Spell: st.spell}
	h.shift(st, r, n, total)
	h.g.First, h.g.Last = st.somebody(r, st.entered(h), 0)
	if owner, ok := l.owner(n); ok {
		d.inherit(st, r, h, owner, l.others[l.kin])
		h.join(st, n)
		h.borrow(st, r)
		h.row.of, h.owner = h.above, owner
	}
	if h.slot != nil {
		st.settle(r, h)
	}
	h.peer(d, st, n, total, r)
	if p, others := d.parent(st, l, h.was, n); p != nil && p.g.First != "" && st.kin == nil {
		if !others { // a card bears its owner's name
			h.g.First, h.g.Last, h.bound = p.g.First, p.g.Last, true
		}
		st.after(r, &h.g, h.was, p.born)
		h.after = p.born
	}
	if h.above == nil {
		h.place(st, r)
	}
	if st.kin == nil {
		st.obey(r, h, n, total)
		d.gather(st, r, h, n)
		h.thread(st, r)
		d.nest(st, r, h, n, total)
	}
	h.born, _ = h.past(st)
	h.g.WasFirst, h.g.WasLast = st.person(h.was)
	for _, f := range st.columns {
		c := &Cell{Column: f.Name, Source: f.plan.Source, Kind: f.plan.Kind, Watch: f.plan.Watch, Strength: f.plan.Strength}
		h.row.Cells = append(h.row.Cells, c)
		var err error
		switch f.plan.Source {
		case Made, Copied:
			err = h.fill(d, st, r, f, c)
		case Next, Gap:
			c.Value = &next[f.Name][n]
			if v, ok := h.beside(f); ok {
				c.Value = &v
			}
		case Parent:
			if err = l.fill(c, f, n, h.was, st); err == nil {
				d.within(h, f, c)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	st.mix(r, h.row)
	st.keepOrder(r, h)
	h.span(st, r)
	h.reckon(st)
	return h, nil
}

// somebody draws a person whose name finds room in the columns for it, if one
// can be had.
func (st *study) somebody(r *rand.Rand, was []*string, attempt int) (first, last string) {
	words := st.vocabularyOf(was)
	for range 50 {
		if first, last = words.Person(r, attempt); st.first.holds(first) && st.last.holds(last) && st.full.holds(first+" "+last) && st.suits(first, was) {
			break
		}
	}
	return first, last
}

// holds reports whether a text finds room in a column; in no column everything
// does.
func (f *field) holds(v string) bool {
	return f == nil || f.MaxLen == 0 || utf8.RuneCountInString(v) <= f.MaxLen
}

// parent returns the honey row that the nth row hangs on, if its table names
// persons and this one's template points there, and whether these are others than
// those of this table.
func (d *draft) parent(st *study, l *links, was []*string, n int) (h *hand, others bool) {
	for _, fk := range st.table.ForeignKeys {
		if h, ok := l.honey[fk]; ok && !st.pointsNowhere(fk, was) {
			for _, other := range d.studies {
				if at, ok := d.position[other.table]; ok && at == h.index && other != st && (other.first != nil || other.full != nil) && d.hands[other] != nil {
					return d.hands[other][l.at(n, h.rows)], l.others[fk]
				}
			}
		}
	}
	return nil, false
}

// fill makes the value of one cell.
func (h *hand) fill(d *draft, st *study, r *rand.Rand, f *field, c *Cell) error {
	c.Note = "" // a canary's that stood here
	h.g.Was, h.g.Attempt, h.g.Numbered, h.g.At = "", h.tries[f.Name], f.numbered, h.when[f]
	null := f.sample >= 0 && h.was[f.sample] == nil
	if null && !f.NotNull {
		c.void()
		return nil
	}
	if f.sample >= 0 && !null {
		h.g.Was = *h.was[f.sample]
	}
	if f.load {
		v := h.g.Was
		if at := st.sample.Rows[st.loadedBeside(h)][f.sample]; at != nil {
			v = *at
		}
		c.Value = &v
		return nil
	}
	if st.stays(f, h.was) {
		v := h.g.Was
		c.Value = &v
		return nil
	}
	if h.house != nil && f.measures() && st.priced(f) {
		v := h.g.Was
		c.Value = &v
		return nil
	}
	if like := h.family(st, f); like != nil {
		c.like(like)
		return nil
	}
	if f.plan.Source == Copied {
		v := h.g.Was
		if !f.entitles() {
			v = shared(r, f.seen.Values, v, f.plan.Why)
		}
		c.Value = &v
		return nil
	}
	v, err := "", error(nil)
	if code, ok := h.beside(f); ok {
		v = code
	} else if code := st.ofKey(h, f); code != "" {
		v = code
	} else if twin := h.twin(st, f); twin != nil && twin.Value != nil {
		v = generate.Casing(*twin.Value, h.g.Was) // a login that is the address, an address once more in capitals
	} else if code := h.ofName(r, d.run, f); code != "" {
		v = code
	} else if number, ok := h.inSeries(st, r, f); ok {
		v = number
	} else if number, ok := h.lentNumber(st, f); ok {
		v = number
	} else {
		h.g.Given, h.g.Local = st.given(r, h, f), st.local(f, h.was)
		if other := st.town(r, h.was, f); other != "" {
			h.g.Was = other
		}
		v, err = generate.Make(f.gen, r, f.seen, &h.g)
		for try := 0; h.borrowed && err == nil && v == h.g.Was && f.measures() && !f.few() && try < 8; try++ { // not the lender's over again
			v, err = generate.Make(f.gen, r, f.seen, &h.g)
		}
		for try := 0; f.plan.Kind == "date_of_birth" && h.g.At.IsZero() && err == nil && (!f.takes(r, v) || f.beyond(v)) && try < placings; try++ {
			v, err = generate.Make(f.gen, r, f.seen, &h.g)
		}
	}
	if err != nil {
		return d.without(st, f, c, err)
	}
	c.Source, c.Watch = f.plan.Source, f.plan.Watch
	c.Value, c.Strength = &v, strengthOf(f, v)
	return nil
}

// stays reports whether a relative's time is one that many of its table share: it
// goes neither with its row's dates nor by its key.
func (st *study) stays(f *field, was []*string) bool {
	return st.kin != nil && !st.kin.parent && f != nil && f.sample >= 0 && was[f.sample] != nil && f.loaded(*was[f.sample])
}

// loadedBeside returns the sampled row beside whose key a honey row takes a number
// that was free: they were loaded together, as far as anybody can tell. Where the
// number is a new one it is the template.
func (st *study) loadedBeside(h *hand) int {
	key := st.drawn()
	if h.slot == nil || key == nil {
		return h.template
	}
	best, least := h.template, int64(1)<<62
	for i, row := range st.sample.Rows {
		if v := row[key.sample]; v != nil {
			if k, err := strconv.ParseInt(*v, 10, 64); err == nil && max(k-h.slot.key, h.slot.key-k) < least {
				best, least = i, max(k-h.slot.key, h.slot.key-k)
			}
		}
	}
	return best
}

// beside is what a counter in step with the key holds where the row's key
// stands.
func (h *hand) beside(f *field) (string, bool) {
	if h.slot == nil {
		return "", false
	}
	v, ok := h.slot.beside[f.Name]
	return v, ok
}

// twin returns the cell of an earlier column of the same kind that holds the
// same as f in the template row, but for capitals; nil if there is none.
func (h *hand) twin(st *study, f *field) *Cell {
	if f.sample < 0 || h.was[f.sample] == nil || len(*h.was[f.sample]) < 3 || !f.plan.Watch && f.named == nil {
		return nil
	}
	for _, other := range st.columns {
		if other == f {
			return nil
		}
		if other.plan.Source == Made && other.plan.Kind == f.plan.Kind && other.sample >= 0 && h.was[other.sample] != nil &&
			strings.EqualFold(*h.was[other.sample], *h.was[f.sample]) {
			return h.row.cell(other.Name)
		}
	}
	return nil
}

// redo draws the value of a column again; with one that is made of the
// person's name, all that are.
func (h *hand) redo(d *draft, st *study, r *rand.Rand, column string) error {
	again := []string{column}
	h.tries[column]++
	f := st.field(column)
	counts := f != nil && f.numbered && h.tries[column] < mostNumbered // the next of those with the same login
	stuck := f != nil && f.named != nil && h.tries[column] > mostCodes // as where the code's twin has numbers of its own
	if c := h.row.cell(column); (slices.Contains(ofPerson, c.Kind) || stuck) && !h.bound && !counts {
		h.names++
		h.g.First, h.g.Last = st.somebody(r, st.entered(h), h.names)
		again = nil
		for _, c := range h.row.Cells {
			f := st.field(c.Column)
			if slices.Contains(ofPerson, c.Kind) || f != nil && f.named != nil {
				again = append(again, c.Column)
			}
			if f != nil && f.numbered {
				h.tries[c.Column] = 0
			}
		}
	}
	for _, f := range st.columns { // twins change together
		if twin := h.twin(st, f); twin != nil && (f.Name == column || slices.Contains(again, twin.Column)) {
			again = append(again, f.Name, twin.Column)
		}
	}
	for _, f := range st.columns {
		if f.plan.Source == Made && slices.Contains(again, f.Name) {
			if err := h.fill(d, st, r, f, h.row.cell(f.Name)); err != nil {
				return err
			}
		}
	}
	st.keepOrder(r, h)
	h.reckon(st)
	h.renew(st, again)
	return nil
}

// mostCodes is how many codes made of one name are tried before another name is.
const mostCodes = 5

// last asks for the greatest code of columns that count.
func (d *draft) last(ctx context.Context, st *study) error {
	for _, f := range st.columns {
		if f.plan.Kind != "code" && f.plan.Kind != "account_number" || f.plan.Source != Made || f.seen.Last != "" {
			continue
		}
		var v string
		var err error
		if c, ok := d.s.Database.(Counter); ok && generate.Counts(f.seen) {
			v, err = c.Last(ctx, st.table, f.Name, generate.Stem(f.seen))
		} else {
			v, err = d.s.Database.Highest(ctx, st.table, f.Name)
		}
		if err != nil {
			return err
		}
		f.seen.Last = v
		if slots := d.slots[st]; generate.Counts(f.seen) && f.seen.Unique && (len(slots) == 0 || slots[0].beside[f.Name] == "") {
			st.counted(f)
		}
	}
	return nil
}

// mix changes one category of a row whose categories together must be unique
// and are all the template's: vendor, label and environment of a key. Columns
// that others are coherent with stay.
func (st *study) mix(r *rand.Rand, row *RowPlan) {
	for _, u := range st.table.Uniques {
		if len(u.Columns) < 2 || !st.copies(row, u) {
			continue
		}
		taken := st.combinations(u)
		if !taken[combination(row, u)] {
			continue
		}
		for range 200 {
			name := u.Columns[r.IntN(len(u.Columns))]
			f, c := st.field(name), row.cell(name)
			if f == nil || c.Source != Copied || len(f.seen.Values) == 0 || f.entitles() ||
				generate.HasPhrase(name, "vendor", "provider", "service", "type", "brand", "issuer", "kind", "network", "country", "currency") {
				continue
			}
			old := c.Value
			v := f.seen.Values[r.IntN(len(f.seen.Values))]
			c.Value = &v
			if !taken[combination(row, u)] {
				break
			}
			if r.IntN(3) > 0 { // else go on from here
				c.Value = old
			}
		}
	}
}

func (st *study) field(name string) *field {
	for _, f := range st.columns {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// copies reports whether all of a unique constraint's columns hold what the
// template row holds.
func (st *study) copies(row *RowPlan, u *Unique) bool {
	for _, name := range u.Columns {
		c := row.cell(name)
		if c == nil || c.Source != Copied && c.Source != Parent && c.Kind != "title" && c.Kind != "region" && c.Kind != "status" && c.Kind != "city" {
			return false
		}
	}
	return true
}

func combination(row *RowPlan, u *Unique) string {
	key := ""
	for _, name := range u.Columns {
		if v := row.cell(name).Value; v != nil {
			key += *v
		}
		key += "\x00"
	}
	return key
}

// combinations collects what the sampled rows hold in a constraint's columns.
func (st *study) combinations(u *Unique) map[string]bool {
	out := map[string]bool{}
	for _, row := range st.sample.Rows {
		key := ""
		for _, name := range u.Columns {
			if i := st.sample.index(name); i >= 0 && row[i] != nil {
				key += *row[i]
			}
			key += "\x00"
		}
		out[key] = true
	}
	return out
}
