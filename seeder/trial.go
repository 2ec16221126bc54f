package seeder

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"honeyrow/event"
	"honeyrow/seeder/generate"
)

// probe inserts all rows in a transaction that is rolled back. A row that a
// constraint refuses is drawn again. It returns the index of a table that
// can't be seeded, with a *refusal.
func (d *draft) probe(ctx context.Context) (int, error) {
	tx, err := d.s.Database.Begin(ctx, Limits{d.o.LockTimeout, d.o.StatementTimeout})
	if err != nil {
		return 0, fmt.Errorf("try the plan: %w", err)
	}
	defer func() { _ = tx.End(ctx, false) }() // the last one
	keys := map[*Cell]string{}
	far := farKeys{}
	rows := map[int][]*landed{}
	apart := d.rows() > WholeUpTo // then no lock lasts longer than a row's trial
	for i, st := range d.studies {
		tp := d.tables[i]
		d.o.progress("try", tp.String(), i, len(d.studies))
		if !st.contained() {
			continue
		}
		draw, err := d.trialKeys(ctx, st, far)
		if err != nil {
			return i, err
		}
		for n := range tp.Rows {
			if apart {
				if err := tx.End(ctx, false); err != nil {
					return i, fmt.Errorf("try the plan: %w", err)
				}
				if tx, err = d.s.Database.Begin(ctx, Limits{d.o.LockTimeout, d.o.StatementTimeout}); err != nil {
					return i, fmt.Errorf("try the plan: %w", err)
				}
			}
			row, err := d.try(ctx, tx, st, tp, n, draw, keys, apart)
			if err != nil {
				return i, err
			}
			if !apart {
				rows[i] = append(rows[i], row)
			} else if err := row.readBack(ctx, tx, n); err != nil {
				return i, err
			}
		}
	}
	for i := range d.studies { // as when they are planted: a later row's trigger may change an earlier row
		for n, row := range rows[i] {
			if err := row.readBack(ctx, tx, n); err != nil {
				return i, err
			}
		}
	}
	return 0, nil
}

// readBack is read for a trial, of the nth row. Of the first it is told what a
// trigger made of it.
func (l *landed) readBack(ctx context.Context, tx Tx, n int) error {
	err := l.read(ctx, tx)
	if errors.Is(err, errUntold) {
		return refuse("its rows can't be told from others once they are there, or a trigger changes the values by which they would be found")
	}
	if err == nil && n == 0 {
		err = l.rewritten(ctx, tx)
	}
	if err != nil {
		return fmt.Errorf("read back a row of %s: %w", l.table, err)
	}
	return nil
}

// rewritten notes the columns that a trigger fills otherwise than planned.
func (l *landed) rewritten(ctx context.Context, tx Tx) error {
	if !slices.ContainsFunc(l.table.Triggers, func(t Trigger) bool { return t.OnInsert && t.Enabled != "no" && t.Enabled != "replica" }) {
		return nil
	}
	var columns []string
	for _, c := range l.row.Cells {
		if col := l.table.Column(c.Column); col != nil && col.CanSelect && c.Value != nil && (c.Source == Made || c.Source == Copied) &&
			(col.Class == generate.Text || col.Class == generate.Timestamp || col.Class == generate.Date) {
			columns = append(columns, c.Column)
		}
	}
	where := l.where()
	if len(columns) == 0 || len(where) == 0 {
		return nil
	}
	recs, err := tx.Read(ctx, l.table, where, columns)
	if err != nil || len(recs) != 1 {
		return err
	}
	set, left, err := l.restored(ctx, tx, columns, recs[0])
	if err != nil {
		return err
	}
	for i, name := range columns {
		planned, got := *l.row.cell(name).Value, recs[0].Text[i]
		if got != nil && sameText(planned, *got) || set && isDate(l.table.Column(name)) {
			continue
		}
		why := "a trigger writes column " + name + " when a row is inserted: honey rows hold what it makes of it, the camouflage below is of what is planned"
		if class := l.table.Column(name).Class; class == generate.Timestamp || class == generate.Date {
			why += "; if that is the hour of planting, they lie together there, and seed apply --drip lets them come as others do"
			if left != "" {
				why += "; " + left
			}
		}
		l.plan.Warnings = appendOnce(l.plan.Warnings, why)
	}
	return nil
}

// restored tries to set all dates to what is planned if a trigger wrote another
// one, and says whether that is what the plan does from now on, or why not.
func (l *landed) restored(ctx context.Context, tx Tx, columns []string, rec Record) (set bool, why string, err error) {
	var dates []string
	other := false
	for i, name := range columns {
		if isDate(l.table.Column(name)) {
			dates = append(dates, name)
			other = other || rec.Text[i] == nil || !sameText(*l.row.cell(name).Value, *rec.Text[i])
		}
	}
	if !other || !l.old() {
		return false, "", nil
	}
	why, err = l.tryRestore(ctx, tx, dates)
	switch {
	case errors.Is(err, errLeft):
		return false, "", nil
	case err != nil || why != "":
		return false, why, err
	}
	l.plan.Warnings = appendOnce(l.plan.Warnings, fmt.Sprintf("a trigger writes dates when a row is inserted: honey rows have old numbers, so that an update sets %s to what is planned, in the same transaction (UPDATE is needed for it; seed.keys: sequence leaves the trigger's)", strings.Join(dates, ", ")))
	return true, "", nil
}

// sameText compares a value with what the server shows of it: times may be
// written with more digits, texts padded.
func sameText(a, b string) bool {
	if at, _, ok := generate.ParseTime(a); ok {
		bt, _, ok := generate.ParseTime(b)
		return ok && at.Sub(bt).Abs() < time.Second
	}
	return strings.TrimRight(a, " ") == strings.TrimRight(b, " ")
}

func (d *draft) rows() (n int) {
	for _, tp := range d.tables {
		n += len(tp.Rows)
	}
	return n
}

// above inserts the honey rows that a row points at, over others too, which were
// tried before it, unless they are in.
func (d *draft) above(ctx context.Context, tx Tx, row *RowPlan, keys map[*Cell]string, in map[event.ID]bool) error {
	for _, c := range row.Cells {
		if c.Source != Honey {
			continue
		}
		st, up := d.studies[c.Ref.Table], d.tables[c.Ref.Table].Rows[c.Ref.Row]
		if in[up.ID] || !st.contained() {
			continue
		}
		in[up.ID] = true
		if err := d.above(ctx, tx, up, keys, in); err != nil {
			return err
		}
		vals := make([]Value, 0, len(up.Cells))
		for _, c := range up.Cells {
			if k, ok := keys[c]; ok && c.Source == Drawn {
				vals = append(vals, Value{c.Column, &k})
			} else if v, ok := d.resolve(c, nil, keys); ok {
				vals = append(vals, Value{c.Column, v})
			}
		}
		key, _, err := tx.Insert(ctx, st.table, vals)
		if err != nil {
			return fmt.Errorf("try the plan: a row of %s that another points at: %w", st.table, err)
		}
		for _, k := range key {
			if c := up.cell(k.Column); c != nil && k.Text != nil {
				keys[c] = *k.Text
			}
		}
	}
	return nil
}

// try inserts the nth row, drawing it again when a constraint refuses it. apart:
// no other row is in the transaction.
func (d *draft) try(ctx context.Context, tx Tx, st *study, tp *TablePlan, n int, draw map[string]*trialKey, keys map[*Cell]string, apart bool) (*landed, error) {
	r := generate.New(d.o.Seed, fmt.Sprint(st.table, n, "again"))
	in := map[event.ID]bool{tp.Rows[n].ID: true}
	var last error
	defer func() { st.whole = false }()
	for attempt := 0; attempt < maxDraws; attempt++ {
		row := tp.Rows[n]
		st.whole = attempt >= maxDraws/2 // what one row holds a constraint takes together
		if attempt > 0 {
			one := &TablePlan{Schema: tp.Schema, Table: tp.Table, Key: tp.Key, Columns: tp.Columns}
			fresh, err := d.again(ctx, st, one, r, n, tp.Rows)
			if err != nil {
				return nil, err
			}
			row = fresh
		}
		l := &landed{plan: tp, table: st.table, row: row, values: map[string]string{}}
		if apart {
			if err := d.above(ctx, tx, row, keys, in); err != nil {
				return nil, err
			}
		}
		vals := make([]Value, 0, len(row.Cells))
		for _, c := range row.Cells {
			if v, ok := d.resolve(c, draw, keys); ok {
				if vals = append(vals, Value{c.Column, v}); v != nil {
					l.values[c.Column] = *v
				}
			}
		}
		key, _, err := tx.Insert(ctx, st.table, vals)
		var bad *Violation
		switch {
		case errors.As(err, &bad):
			last = bad
			if !bad.data() {
				return nil, refuse("the database refuses its rows: %s", bad.Why)
			}
			if bad.Code == "23514" && nearer(draw) {
				attempt--
			}
			continue
		case err != nil:
			return nil, err
		}
		for _, k := range key {
			if k.Text == nil {
				continue
			}
			l.values[k.Column] = *k.Text
			if c := row.cell(k.Column); c != nil {
				keys[c] = *k.Text
			}
		}
		tp.Rows[n] = row
		return l, nil
	}
	return nil, d.fewer(st, n, "the database refuses each of %d rows drawn for it: %v", maxDraws, last)
}

// data reports whether another row might be taken: class 22 and 23.
func (v *Violation) data() bool {
	return len(v.Code) == 5 && (v.Code[:2] == "23" || v.Code[:2] == "22")
}

// resolve returns a cell's value for the trial; false leaves it to the server.
func (d *draft) resolve(c *Cell, draw map[string]*trialKey, keys map[*Cell]string) (*string, bool) {
	switch c.Source {
	case Made, Copied, Next, Gap, Parent, Null:
		return c.Value, true
	case Drawn:
		if k := draw[c.Column]; k != nil {
			v := k.next()
			keys[c] = v
			return &v, true
		}
	case Honey:
		pc := d.tables[c.Ref.Table].Rows[c.Ref.Row].cell(c.Ref.Column)
		if v, ok := keys[pc]; ok {
			return &v, true
		}
		if pc != nil {
			return d.resolve(pc, nil, keys)
		}
	}
	return nil, false
}

// again draws the nth row once more, from another template.
func (d *draft) again(ctx context.Context, st *study, one *TablePlan, r *rand.Rand, n int, rows []*RowPlan) (*RowPlan, error) {
	total, old := len(rows), rows[n]
	others := slices.Delete(slices.Clone(rows), n, n+1)
	for range 3 {
		m := total
		l, err := d.links(ctx, st, r, &m)
		if err != nil {
			return nil, err
		}
		next := map[string][]string{}
		for _, c := range old.Cells {
			if c.Source == Next || c.Source == Gap {
				next[c.Column] = slices.Repeat([]string{*c.Value}, total)
			}
		}
		was := d.hands[st][n]
		if was.above != nil { // it stays the relative of the same row
			l.owners = slices.Repeat([]int{was.owner}, total)
		}
		d.run = d.hands[st]
		template := st.pool[r.IntN(len(st.pool))]
		if st.kin != nil || d.followed(st) { // relatives are made of it
			template = was.template
		}
		h, err := d.deal(st, r, template, n, total, l, next, was)
		if err != nil {
			return nil, err
		}
		one.Rows = []*RowPlan{h.row}
		for try := range maxDraws {
			bad, err := d.clashes(ctx, st, one, others, try)
			if err != nil {
				return nil, err
			}
			if len(bad) == 0 {
				d.succeed(st, n, h)
				return h.row, nil
			}
			for _, c := range bad {
				if err := h.redo(d, st, r, c.column); err != nil {
					return nil, err
				}
			}
		}
	}
	return nil, d.fewer(st, total-1, "no row that satisfies its constraints and is unique was found")
}
