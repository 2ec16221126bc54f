package seeder

import (
	"context"
	"slices"
	"strings"
)

// acquaintance says what a row's person is to the person whose row it points at.
type acquaintance int

const (
	// theirs: the same, as on a card of a customer's; also where nothing is known.
	theirs acquaintance = iota
	// related: another, of whom few point at one: a member's child.
	related
	// serving: another, at whom many point: the customers' salesman.
	serving
)

// manyServed is from how many rows for each that is pointed at on, of those that
// were sampled, one is taken to serve them.
const manyServed = 8

// acquainted finds out whether a table's rows are about the persons that they point
// at through a foreign key, by the names in rows that are there: a honey row that
// bore the name of another's would be known by it, and so would customers if their
// salesmen were none but honey rows.
func (d *draft) acquainted(ctx context.Context, st *study, fk *ForeignKey, parent *Table) (acquaintance, error) {
	if who, ok := st.met[fk]; ok {
		return who, nil
	}
	at := slices.IndexFunc(d.studies, func(o *study) bool { return o.table == parent })
	db, can := d.s.Database.(Kinsman)
	if at < 0 || !can || len(fk.Columns) != 1 || !st.persons() || !d.studies[at].persons() {
		return theirs, nil
	}
	other, from := d.studies[at], st.sample.index(fk.Columns[0])
	if from < 0 || other == st {
		return theirs, nil
	}
	var values []string
	seen, rows := map[string]bool{}, 0
	for _, row := range st.sample.Rows {
		if v := row[from]; v != nil {
			if rows++; !seen[*v] {
				seen[*v], values = true, append(values, *v)
			}
		}
	}
	served := rows >= manyServed*len(values)
	values = values[:min(len(values), maxAcquainted)]
	found, err := db.Kin(ctx, parent, fk.RefColumns[0], values, len(values))
	if err != nil {
		return theirs, err
	}
	key := found.index(fk.RefColumns[0])
	if key < 0 || !slices.Equal(found.Columns, other.sample.Columns) {
		return theirs, nil
	}
	names := map[string][2]string{}
	for _, row := range found.Rows {
		if row[key] != nil {
			first, last := other.person(row)
			names[*row[key]] = [2]string{first, last}
		}
	}
	same, both := 0, 0
	for _, row := range st.sample.Rows {
		if row[from] == nil {
			continue
		}
		his, ok := names[*row[from]]
		first, last := st.person(row)
		if !ok || his[0]+his[1] == "" || first+last == "" {
			continue
		}
		if both++; strings.EqualFold(first, his[0]) && strings.EqualFold(last, his[1]) {
			same++
		}
	}
	who := theirs
	switch {
	case both < leastAcquainted || 2*same >= both:
	case served:
		who = serving
	default:
		who = related
	}
	if st.met == nil {
		st.met = map[*ForeignKey]acquaintance{}
	}
	st.met[fk] = who
	return who, nil
}

// How many persons that are pointed at are read, and how many rows at least have to
// tell whether they are the same.
const (
	maxAcquainted   = 200
	leastAcquainted = 5
)

// persons reports whether the table's rows name persons.
func (st *study) persons() bool { return st.first != nil || st.last != nil || st.full != nil }
