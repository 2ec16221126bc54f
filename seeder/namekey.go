package seeder

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"honeyrow/seeder/generate"
	"honeyrow/token"
)

// nameKey is how a column's codes are made of the row's person: some letters
// of the last name, some of the first, and a number that tells those of one
// stem apart ("smithjo01").
type nameKey struct {
	last, first int  // letters
	before      bool // the first name's stand before the last name's
	between     string
	spell       func(string) string
	width       int // of the number, filled up with zeros; 0: none
	least       int64
	top         map[string]int64          // the highest number of a stem, as far as is known
	usual       map[int64]bool            // numbers that many codes have
	known       map[string]map[int64]bool // the numbers of a stem that rows have, as far as is known
	gaps        bool                      // numbers below them are missing
}

// nameKeyForms are the ways to join letters of a name.
var nameKeyForms = func() (out []nameKey) {
	for last := 0; last <= 12; last++ {
		for first := 0; first <= 6; first++ {
			if last+first < 3 {
				continue
			}
			for _, between := range []string{"", "-", "_", "."} {
				out = append(out, nameKey{last: last, first: first, between: between}, nameKey{last: last, first: first, between: between, before: true})
			}
		}
	}
	return out
}()

// stem is what stands before the number.
func (k *nameKey) stem(first, last string) string { return k.join(k.spell(first), k.spell(last)) }

func (k *nameKey) join(f, l string) string {
	f, l = f[:min(len(f), k.first)], l[:min(len(l), k.last)]
	if f == "" && l == "" {
		return ""
	}
	if k.before {
		return f + k.between + l
	}
	return l + k.between + f
}

// value is the next code of a stem that is not given yet. The first of a stem has the
// least number, or that of the template's hundred if many have it (of one era 001, of
// another 101).
func (k *nameKey) value(r *rand.Rand, stem, was string, given func(code string) bool) string {
	if k.width == 0 {
		return stem
	}
	if code, ok := k.instead(r, stem, given); ok {
		return code
	}
	at := k.least
	if i, err := strconv.ParseInt(was[len(strings.TrimRight(was, "0123456789")):], 10, 64); err == nil && k.usual[i-i%100+k.least] {
		at = i - i%100 + k.least
	}
	if top, ok := k.top[stem]; ok {
		at = top + 1
	}
	for ; ; at++ { // none is left out: a number without those below it would be a honey row's alone
		if v := fmt.Sprintf("%s%0*d", stem, k.width, at); !given(v) {
			return v
		}
	}
}

// below is the code before one of the same stem; ok is false if it is the first, of all
// or of its hundred.
func (k *nameKey) below(code string) (before string, ok bool) {
	stem := strings.TrimRight(code, "0123456789")
	n, err := strconv.ParseInt(code[len(stem):], 10, 64)
	if err != nil || n <= k.least || k.usual[n] && n%100 == k.least%100 {
		return "", false
	}
	return fmt.Sprintf("%s%0*d", stem, k.width, n-1), true
}

// learn notes a code that some row of the table has.
func (k *nameKey) learn(code string) {
	stem := strings.TrimRight(code, "0123456789")
	n, err := strconv.ParseInt(code[len(stem):], 10, 64)
	if err != nil {
		return
	}
	stem = strings.ToLower(stem)
	k.top[stem] = max(k.top[stem], n)
	k.note(stem, n)
}

// skipping are the rows whose code made of a name has a number without the one below it,
// neither in the table nor among the honey rows: another was drawn again and gave it up.
func (d *draft) skipping(ctx context.Context, st *study, tp *TablePlan, others []*RowPlan) (out []clash, err error) {
	for _, f := range st.columns {
		if f.named == nil || f.named.width == 0 || !f.CanSelect {
			continue
		}
		ours := map[string]bool{}
		for _, row := range slices.Concat(others, tp.Rows) {
			if c := row.cell(f.Name); c.Value != nil {
				ours[*c.Value] = true
			}
		}
		var rows []int
		var below [][]string
		for i, row := range tp.Rows {
			if c := row.cell(f.Name); c.Value != nil && c.Source == Made {
				if v, ok := f.named.below(*c.Value); ok && !ours[v] {
					rows, below = append(rows, i), append(below, []string{v})
				}
			}
		}
		there, err := d.s.Database.Taken(ctx, st.table, []string{f.Name}, below)
		if err != nil {
			return nil, err
		}
		for k, is := range there {
			if !is {
				out = append(out, clash{rows[k], f.Name})
			}
		}
	}
	return out, nil
}

// leastNameKey is the share of rows, in percent, whose code a rule has to
// make.
const leastNameKey = 85

// nameKeyOf finds out how a column's codes are made of the persons of their
// rows; nil if they are not.
func (st *study) nameKeyOf(f *field) *nameKey {
	if f.Class != generate.Text || f.sample < 0 || len(f.seen.Values) < 20 || st.first == nil && st.last == nil && st.full == nil {
		return nil
	}
	type code struct{ stem, number, first, last string }
	var codes []code
	for i, row := range st.sample.Rows {
		if i == 400 {
			break
		}
		if row[f.sample] == nil {
			continue
		}
		v := strings.ToLower(*row[f.sample])
		c := code{stem: strings.TrimRight(v, "0123456789")}
		c.number = v[len(c.stem):]
		if c.first, c.last = st.person(row); c.first != "" && c.last != "" {
			codes = append(codes, c)
		}
	}
	if len(codes) < 20 || 10*len(codes) < 9*min(len(st.sample.Rows), 400) {
		return nil
	}
	var best *nameKey
	most := 0
	for _, spell := range generate.Spellings {
		firsts, lasts := make([]string, len(codes)), make([]string, len(codes))
		alike := 0
		for i, c := range codes {
			firsts[i], lasts[i] = spell(c.first), spell(c.last)
			if strings.Contains(c.stem, lasts[i][:min(len(lasts[i]), 2)]) || strings.Contains(c.stem, firsts[i][:min(len(firsts[i]), 2)]) {
				alike++
			}
		}
		if 2*alike < len(codes) {
			continue
		}
		for _, k := range nameKeyForms {
			k.spell = spell
			n := 0
			for i, c := range codes {
				if k.join(firsts[i], lasts[i]) == c.stem {
					n++
				}
				if i >= 30 && 2*n < i {
					break
				}
			}
			if n > most {
				best, most = &k, n
			}
		}
	}
	if best == nil || 100*most < leastNameKey*len(codes) {
		return nil
	}
	best.count(f)
	return best
}

// count learns the numbers behind the stems.
func (k *nameKey) count(f *field) {
	k.top, k.known, k.least, k.usual = map[string]int64{}, nil, -1, map[int64]bool{}
	widths, count := map[int]int{}, map[int64]int{}
	for _, v := range f.seen.Values {
		stem := strings.TrimRight(v, "0123456789")
		number := v[len(stem):]
		widths[len(number)]++
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			continue
		}
		count[n]++
		stem = strings.ToLower(stem)
		k.note(stem, n)
		if top, ok := k.top[stem]; !ok || n > top {
			k.top[stem] = n
		}
		if k.least < 0 || n < k.least {
			k.least = n
		}
	}
	for v, n := range count {
		if 20*n >= len(f.seen.Values) {
			k.usual[v] = true
		}
	}
	for w, n := range widths {
		if n > widths[k.width] || n == widths[k.width] && w < k.width {
			k.width = w
		}
	}
	k.least = max(k.least, 0)
}

// nameKeys finds the columns whose codes are made of names, and has them made
// so, also where they were not understood before.
func (st *study) nameKeys(cant map[*field]error) {
	for _, f := range st.columns {
		switch {
		case f.fk != nil, f.plan.Source != Made && cant[f] == nil && !f.unclear(), strings.HasPrefix(f.plan.Why, "set by you"), slices.Contains(ofPerson, f.plan.Kind):
			continue
		case f.plan.Source == Made && f.plan.Kind != "code" && f.plan.Kind != "account_number":
			continue
		}
		k := st.nameKeyOf(f)
		if k == nil || k.width == 0 && f.seen.Unique {
			continue
		}
		g, err := generate.ByKind("code")
		if err != nil {
			continue
		}
		f.named = k
		f.describe(g, 90, "made of the row's name: letters of the last and of the first, and a number")
		f.plan.Watch, f.plan.Strength = false, token.Weak
		delete(cant, f)
	}
}

// unclear reports whether a column stays empty since nothing is known about its
// values.
func (f *field) unclear() bool {
	return f.plan.Source == Null && strings.HasPrefix(f.plan.Why, notUnderstood)
}

// ofName writes a code that is made of the honey row's person, "" if the column
// holds none.
func (h *hand) ofName(r *rand.Rand, run []*hand, f *field) string {
	if f.named == nil || h.g.First == "" && h.g.Last == "" {
		return ""
	}
	stem := f.named.stem(h.g.First, h.g.Last)
	if stem == "" {
		return ""
	}
	v := generate.Casing(f.named.value(r, stem, h.g.Was, func(code string) bool { return h.given(run, f, code) }), h.g.Was)
	if f.MaxLen > 0 && len(v) > f.MaxLen {
		return ""
	}
	return v
}

// given reports whether another honey row of the run has a code already.
func (h *hand) given(run []*hand, f *field, code string) bool {
	for i, o := range run {
		if o == nil || o == h || i == h.g.Number || len(o.row.Cells) == 0 {
			continue
		}
		if c := o.row.cell(f.Name); c != nil && c.Value != nil && strings.EqualFold(*c.Value, code) {
			return true
		}
	}
	return false
}

// spelling finds out how logins and addresses write the letters of names beyond
// a to z: the place of it in generate.Spellings.
func (st *study) spelling() int {
	best, most := 0, 0
	for i, spell := range generate.Spellings {
		n := 0
		for _, f := range st.columns {
			if f.sample < 0 || f.plan.Kind != "email" && f.plan.Kind != "username" {
				continue
			}
			for _, row := range st.sample.Rows {
				if row[f.sample] == nil {
					continue
				}
				if first, last := st.person(row); (foreign(first) || foreign(last)) && generate.MadeOf(*row[f.sample], first, last, spell) {
					n++
				}
			}
		}
		if n > most {
			best, most = i, n
		}
	}
	return best
}

// foreign reports whether a name has letters that logins write otherwise.
func foreign(name string) bool {
	return strings.ContainsFunc(strings.ToLower(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
}

// mostNumbered is how many rows of one login are looked at for the next number.
const mostNumbered = 5

// numbering finds out in which columns of logins and addresses a single digit counts
// those who would have the same one (smithj, smithj2): the table is asked for the
// first of each. A number without its first would be a honey row's alone.
func (d *draft) numbering(ctx context.Context, st *study) error {
	for _, f := range st.columns {
		if f.plan.Source != Made || f.plan.Kind != "email" && f.plan.Kind != "username" || f.counted {
			continue
		}
		f.counted = true
		var firsts [][]string
		for _, v := range f.seen.Values {
			if first, ok := generate.Unnumbered(v); ok && len(firsts) < askedNumbered {
				firsts = append(firsts, []string{first})
			}
		}
		if len(firsts) < leastNumbered {
			continue
		}
		taken, err := d.s.Database.Taken(ctx, st.table, []string{f.Name}, firsts)
		if err != nil {
			return err
		}
		n := 0
		for _, is := range taken {
			if is {
				n++
			}
		}
		f.numbered = 100*n >= 80*len(firsts)
	}
	return nil
}

// Of so many logins with a number the first is asked for, and so many have to be
// there for the table to be one that counts.
const (
	askedNumbered = 200
	leastNumbered = 5
)
