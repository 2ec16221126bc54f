package seeder

import (
	"fmt"
	"slices"
)

// asked is what an option must say for rows whose triggers leave something.
const asked = "; `--lasting` asks for it nevertheless"

// outlastsInsert says what of an insert is not undone with its transaction, "" if
// all of it is.
func (t *Table) outlastsInsert() string {
	return t.outlasts(t.Lasting, func(g Trigger) bool { return g.OnInsert })
}

// outlastsUpdate is outlastsInsert of an update.
func (t *Table) outlastsUpdate() string {
	return t.outlasts(t.LastingUpdate, func(g Trigger) bool { return g.OnUpdate })
}

// outlastsDelete is outlastsInsert of a delete.
func (t *Table) outlastsDelete() string {
	return t.outlasts(t.LastingDelete, func(g Trigger) bool { return g.OnDelete })
}

func (t *Table) outlasts(why string, on func(Trigger) bool) string {
	if why != "" {
		return why
	}
	for _, g := range slices.Concat(t.Triggers, t.Updating) {
		if on(g) && g.Enabled != "no" && g.Enabled != "replica" && !contained(g.Language) {
			return fmt.Sprintf("trigger %s is written in %s and may act outside of the database", g.Name, g.Language)
		}
	}
	return ""
}

// later says what a planter has to know of the end of a table's honey rows, and of
// their next values.
func (t *Table) later() (out []string) {
	if why := t.outlastsDelete(); why != "" && why != t.Lasting {
		out = append(out, "when a row is deleted, "+why+": `seed remove` leaves honey rows of the table where they are unless it is told --lasting")
	}
	if why := t.outlastsUpdate(); why != "" && why != t.Lasting {
		out = append(out, "when a row is updated, "+why+": `seed rotate` does not change honey rows of the table in place unless it is told --lasting")
	}
	return out
}
