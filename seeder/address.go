package seeder

import (
	"slices"
	"strings"

	"honeyrow/seeder/generate"
)

// address is a column of few values which first names tell: whether somebody is a man or a
// woman, how he is addressed. A woman's name beside "Mr" would be a honey row's.
type address struct {
	*field
	held map[string]map[string]int // by first name and value, rows
	rows int
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
		a := &address{field: f, held: map[string]map[string]int{}}
		count := map[string]int{}
		for _, row := range st.callers() {
			if v := row[f.sample]; v != nil && row[st.first.sample] != nil {
				name := strings.ToLower(*row[st.first.sample])
				if a.held[name] == nil {
					a.held[name] = map[string]int{}
				}
				a.held[name][*v]++
				count[*v]++
				a.rows++
			}
		}
		if a.told(count) {
			st.tells = append(st.tells, a)
		}
	}
	slices.SortStableFunc(st.tells, func(a, b *address) int { return b.rows - a.rows })
}

// told reports whether others of a first name tell the value of nearly all rows, far
// oftener than the commonest value is right.
func (a *address) told(count map[string]int) bool {
	asked, right := 0, 0
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
				right += n
			}
		}
	}
	most := 0
	for _, n := range count {
		most = max(most, n)
	}
	return asked >= leastAsked && float64(right) >= leastAgree*float64(asked) &&
		float64(asked-right)/float64(asked) <= mostWrong*(1-float64(most)/float64(a.rows))
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
		by := a.held[strings.ToLower(first)]
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
