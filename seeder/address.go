package seeder

import (
	"slices"
	"strings"

	"honeyrow/seeder/generate"
)

// address is a column of few values which first names tell: whether somebody is a man or a
// woman, how he is addressed, or when each was entered, women first. A woman's name beside
// "Mr" would be a honey row's.
type address struct {
	*field
	class func(first string) string // in what names are alike
	held  map[string]map[string]int // by class of first names and value, rows
	rows  int
}

// itself is a first name's class where others have it too, woman where it has to be asked
// of the lists whether it is a woman's or a man's; "" if it is both or neither.
func itself(first string) string { return strings.ToLower(first) }

func woman(first string) string {
	switch generate.Sexes(first) {
	case [2]bool{true, false}:
		return "a woman's"
	case [2]bool{false, true}:
		return "a man's"
	}
	return ""
}

const (
	mostAddresses = 4
	leastAsked    = 60   // rows whose first name others have too
	leastAgree    = 0.9  // of them, by what most others of the name say
	mostWrong     = 0.35 // as many as this of those who are not as most are
)

// learnAddresses finds the columns that first names tell, those with fewer NULLs first.
func (st *study) learnAddresses() {
	st.tells = nil
	if st.first == nil || st.first.sample < 0 {
		return
	}
	for _, f := range st.columns {
		if f == st.first || f == st.last || f == st.full || f == st.homeland() || f.sample < 0 || !few(f, mostAddresses) {
			continue
		}
		for _, class := range []func(string) string{itself, woman} {
			a := &address{field: f, class: class, held: map[string]map[string]int{}}
			asked, right := a.told(st.tally(a))
			if right {
				st.tells = append(st.tells, a)
			}
			if asked >= leastAsked { // else names are hardly anybody else's, and say nothing by themselves
				break
			}
		}
	}
	slices.SortStableFunc(st.tells, func(a, b *address) int { return b.rows - a.rows })
}

// tally counts the rows by their first name's class and value, and returns how many have
// each value.
func (st *study) tally(a *address) map[string]int {
	count := map[string]int{}
	for _, row := range st.callers() {
		v, first := row[a.sample], row[st.first.sample]
		if v == nil || first == nil || a.class(*first) == "" {
			continue
		}
		name := a.class(*first)
		if a.held[name] == nil {
			a.held[name] = map[string]int{}
		}
		a.held[name][*v]++
		count[*v]++
		a.rows++
	}
	return count
}

// told reports how many rows others of the first name's class could tell the value of, and
// whether they do of nearly all, far oftener than the commonest value is right.
func (a *address) told(count map[string]int) (asked int, right bool) {
	hit := 0
	for _, by := range a.held {
		rows := 0
		for _, n := range by {
			rows += n
		}
		if rows < 2 {
			continue
		}
		asked += rows
		for v, n := range by { // each row by the others
			most := n > 1
			for other, k := range by {
				most = most && (other == v || k < n-1)
			}
			if most {
				hit += n
			}
		}
	}
	most := 0
	for _, n := range count {
		most = max(most, n)
	}
	return asked, asked >= leastAsked && float64(hit) >= leastAgree*float64(asked) &&
		float64(asked-hit)/float64(asked) <= mostWrong*(1-float64(most)/float64(a.rows))
}

// few reports whether a column has several values, but no more than most.
func few(f *field, most int) bool {
	seen := map[string]bool{}
	for _, v := range f.seen.Values {
		if seen[v] = true; len(seen) > most {
			return false
		}
	}
	return len(seen) > 1
}

// suits reports whether somebody of that first name is known in such a row, or nobody is
// at all.
func (st *study) suits(first string, row []*string) bool {
	for _, a := range st.tells {
		by := a.held[a.class(first)]
		if row[a.sample] == nil || by == nil {
			continue
		}
		rows := 0
		for _, n := range by {
			rows += n
		}
		if 3*by[*row[a.sample]] <= rows { // a row here and there is wrong
			return false
		}
	}
	return true
}

// learnSexes collects the names by what they tell and by the country; new ones are of the
// lists of men's or of women's that way.
func (st *study) learnSexes() {
	st.learnAddresses()
	st.sexes = nil
	if len(st.tells) == 0 {
		return
	}
	by := st.tells[0]
	of := func(row []*string) string {
		v := row[by.sample]
		if v == nil {
			return ""
		}
		if st.groups == nil {
			return *v
		}
		if country := st.groups.of(row); country != "" {
			return country + "\x00" + *v
		}
		return ""
	}
	st.sexes = st.grouped(false, of)
	for by, names := range st.sexes.names {
		whole := st.names
		if st.groups != nil {
			country, _, _ := strings.Cut(by, "\x00")
			if whole = st.groups.names[country]; whole == nil {
				continue
			}
		}
		names.Meet, names.Elsewhere[1] = whole.Meet, whole.Elsewhere[1]
	}
	if st.groups == nil && len(st.names.Persons[0]) > 0 {
		for _, row := range st.callers() {
			if f, l := st.person(row); f != "" && l != "" && st.sexes.names[of(row)] != nil {
				p := &st.sexes.names[of(row)].Persons
				p[0], p[1] = append(p[0], f), append(p[1], l)
			}
		}
	}
}

// vocabularyOf returns the names among which a row's person has its own.
func (st *study) vocabularyOf(was []*string) *generate.Names {
	for _, g := range []*groups{st.sexes, st.groups} {
		if g != nil {
			if n := g.names[g.of(was)]; n != nil {
				return n
			}
		}
	}
	return st.names
}

// entered is what a honey row holds where its template's row is asked how somebody is
// addressed: what was loaded with the rows beside it is theirs.
func (st *study) entered(h *hand) []*string {
	was, beside := h.was, []*string(nil)
	for _, a := range st.tells {
		if !a.load || was[a.sample] == nil {
			continue
		}
		if beside == nil {
			was, beside = slices.Clone(was), st.sample.Rows[st.loadedBeside(h)]
		}
		if v := beside[a.sample]; v != nil {
			was[a.sample] = v
		}
	}
	return was
}
