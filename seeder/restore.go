package seeder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"honeyrow/seeder/generate"
)

// restorable says whether dates that a trigger wrote into a row may be set to what
// is planned: its number is an old one, so that the hour of planting would show
// for good, and nothing runs when it is updated.
func (l *landed) restorable() bool {
	return !l.table.onUpdate() && l.table.Lasting == "" && l.plan.Decoy == nil
}

// onUpdate reports whether anything runs, or may run, when a row is updated.
func (t *Table) onUpdate() bool {
	return t.LastingUpdate != "" || slices.ContainsFunc(slices.Concat(t.Triggers, t.Updating), func(g Trigger) bool { return g.OnUpdate && g.Enabled != "no" })
}

// old reports whether the row has a number from a gap, or belongs to one that may.
func (l *landed) old() bool {
	return slices.ContainsFunc(l.row.Cells, func(c *Cell) bool { return c.Source == Gap })
}

// restore sets the columns that the plan names to what is planned, all dates
// together: one that is set to the present by every update would be, too.
func (l *landed) restore(ctx context.Context, tx Tx) error {
	if len(l.plan.Restore) == 0 || !l.old() {
		return nil
	}
	where, set := l.where(), []Value{}
	for _, name := range l.plan.Restore {
		if c := l.row.cell(name); c != nil && c.Value != nil {
			set = append(set, Value{name, c.Value})
		}
	}
	if len(where) == 0 || len(set) == 0 {
		return nil
	}
	n, err := tx.Update(ctx, l.table, where, set)
	var no *Violation
	switch {
	case errors.As(err, &no) && no.Code == "42501":
		return fmt.Errorf("%w; grant UPDATE on %s as the plan says, or plan with seed.keys: sequence", err, l.table)
	case err == nil && n != 1:
		return errUntold
	}
	return err
}

// tryRestore tries, of a row that is rolled back, whether the dates that a trigger
// overwrote can be set to what is planned. It returns why not, "" if they can.
func (l *landed) tryRestore(ctx context.Context, tx Tx, dates []string) (string, error) {
	switch {
	case l.table.onUpdate():
		return "a trigger runs on updates too, so they are left", nil
	case !l.restorable():
		return "", errLeft
	}
	l.plan.Restore = dates
	err := l.restore(ctx, tx)
	var no *Violation
	if errors.As(err, &no) {
		l.plan.Restore = nil
		if no.Code == "42501" {
			return fmt.Sprintf("with GRANT UPDATE (%s) ON %s they would be set to what is planned", strings.Join(dates, ", "), l.table), nil
		}
		return "they can't be set to what is planned: " + no.Why, nil
	}
	if err != nil {
		l.plan.Restore = nil
		return "", err
	}
	recs, err := tx.Read(ctx, l.table, l.where(), dates)
	if err != nil || len(recs) != 1 {
		l.plan.Restore = nil
		return "", errors.Join(err, errLeft)
	}
	for i, name := range dates {
		if got := recs[0].Text[i]; got == nil || !sameText(*l.row.cell(name).Value, *got) {
			l.plan.Restore = nil
			return "an update does not keep what is planned", nil
		}
	}
	return "", nil
}

// errLeft says that dates are left as a trigger wrote them, and nothing more.
var errLeft = errors.New("left as it is")

// isDate reports whether a column holds dates or times.
func isDate(c *Column) bool {
	return c != nil && (c.Class == generate.Timestamp || c.Class == generate.Date)
}
