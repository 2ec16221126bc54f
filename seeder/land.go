package seeder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"honeyrow/event"
	"honeyrow/token"
)

// landing is a set of rows inserted in a transaction that is still open.
type landing struct {
	tx   Tx
	j    *job
	rows []*landed
	memo []token.Token
	made []*TablePlan // decoy tables
}

// landed is one row as the server holds it.
type landed struct {
	plan    *TablePlan
	table   *Table
	row     *RowPlan
	key     string // the primary key in words
	columns []string
	rec     Record
	values  map[string]string // by column, those read back
}

// insert inserts all rows that are to be planted, and reads back what the
// server made of them. On an error the transaction is rolled back already.
func (j *job) insert(ctx context.Context) (*landing, error) {
	return j.insertLot(ctx, j.todo(), nil)
}

// insertLot is insert for some rows, behind others that only have to be there.
func (j *job) insertLot(ctx context.Context, lot, before []spot) (*landing, error) {
	tx, err := j.s.Database.Begin(ctx, j.limits())
	if err != nil {
		return nil, fmt.Errorf("start the transaction: %w", err)
	}
	if one, ok := tx.(Single); ok && j.only != nil {
		one.Single()
	}
	l := &landing{tx: tx, j: j}
	if err := j.erect(ctx, l); err != nil {
		return nil, errors.Join(err, tx.End(ctx, false))
	}
	at := map[event.ID]*landed{}
	for k, in := range slices.Concat(before, lot) {
		tp, t := j.p.Tables[in[0]], j.tables[in[0]]
		if len(lot) > 1 {
			j.o.progress("insert", tp.String(), k, len(lot))
		}
		row, err := j.one(ctx, tx, tp, t, tp.Rows[in[1]], at)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("row %d of %s: %w", in[1]+1, tp, explain(err)), tx.End(ctx, false))
		}
		at[row.row.ID] = row
		if k >= len(before) {
			l.rows = append(l.rows, row)
		}
	}
	for _, row := range l.rows { // only now: a later row's trigger may change an earlier row
		if err := row.restore(ctx, tx); err != nil {
			return nil, errors.Join(fmt.Errorf("set the dates of a row of %s that a trigger overwrites: %w", row.table, err), tx.End(ctx, false))
		}
		if err := row.read(ctx, tx); err != nil {
			return nil, errors.Join(fmt.Errorf("read back a row of %s: %w", row.table, err), tx.End(ctx, false))
		}
	}
	return l, nil
}

// explain adds what to do to a constraint's refusal.
func explain(err error) error {
	var v *Violation
	if errors.As(err, &v) && v.data() {
		return fmt.Errorf("%w; nothing was planted: make a new plan", err)
	}
	return err
}

// one inserts one row.
func (j *job) one(ctx context.Context, tx Tx, tp *TablePlan, t *Table, row *RowPlan, at map[event.ID]*landed) (*landed, error) {
	l := &landed{plan: tp, table: t, row: row, values: map[string]string{}}
	var vals []Value
	for _, c := range row.Cells {
		v, given, err := j.value(c, at)
		if err != nil {
			return nil, err
		}
		if given {
			vals = append(vals, Value{c.Column, v})
			if v != nil {
				l.values[c.Column] = *v
			}
		}
	}
	key, _, err := tx.Insert(ctx, t, vals)
	if err != nil {
		return nil, err
	}
	for _, k := range key {
		if k.Text != nil {
			l.values[k.Column] = *k.Text
		}
	}
	return l, nil
}

// value resolves a cell; given is false if the server fills it.
func (j *job) value(c *Cell, at map[event.ID]*landed) (v *string, given bool, err error) {
	switch c.Source {
	case Made, Copied, Next, Gap, Parent, Null:
		return c.Value, true, nil
	case Drawn:
		if k, ok := j.drawn[c]; ok {
			return &k, true, nil
		}
	case Honey:
		parent := j.p.Tables[c.Ref.Table].Rows[c.Ref.Row]
		if l := at[parent.ID]; l != nil {
			if k, ok := l.values[c.Ref.Column]; ok {
				return &k, true, nil
			}
		}
		if k, ok := j.have[parent.ID][c.Ref.Column]; ok {
			return &k, true, nil
		}
		return nil, false, fmt.Errorf("the key of its parent, row %s, is not known: the role needs SELECT on %s.%s", parent.ID, j.p.Tables[c.Ref.Table], c.Ref.Column)
	}
	return nil, false, nil
}

// wanted lists the columns to read back: the key's, and those watched.
func (l *landed) wanted() (out []string) {
	seen := map[string]bool{}
	add := func(name string) {
		if c := l.table.Column(name); c != nil && c.CanSelect && !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	for _, k := range l.table.Primary() {
		add(k)
	}
	for _, c := range l.row.Cells {
		if c.Watch {
			add(c.Column)
		}
	}
	return out
}

// errUntold is what becomes of a row that nobody would find again.
var errUntold = errors.New("it can't be told from others, or a trigger changed the values by which it is found: nothing was planted; exclude the table")

// read reads the row back through its key, or through its strongest value.
func (l *landed) read(ctx context.Context, tx Tx) error {
	l.columns = l.wanted()
	recs, err := tx.Read(ctx, l.table, l.where(), l.columns)
	if err != nil {
		return err
	}
	if len(recs) != 1 {
		return errUntold
	}
	l.rec = recs[0]
	for i, c := range l.columns {
		if t := l.rec.Text[i]; t != nil {
			l.values[c] = *t
		}
	}
	l.key = keyText(l.table, l.values)
	return nil
}

func (l *landed) where() []Value {
	var out []Value
	for _, k := range l.table.Primary() {
		v, ok := l.values[k]
		if !ok {
			out = nil
			break
		}
		out = append(out, Value{k, &v})
	}
	if len(out) > 0 {
		return out
	}
	var best *Cell
	for _, c := range l.row.Cells {
		if c.Watch && c.Value != nil && (best == nil || c.Strength > best.Strength) {
			best = c
		}
	}
	if best == nil {
		return nil
	}
	return []Value{{best.Column, best.Value}}
}

// keyText writes a primary key for people: "42", or "order_id=5, line=2".
func keyText(t *Table, values map[string]string) string {
	cols := t.Primary()
	var parts []string
	for _, c := range cols {
		v, ok := values[c]
		if !ok {
			return ""
		}
		if len(cols) == 1 {
			return v
		}
		parts = append(parts, c+"="+v)
	}
	return strings.Join(parts, ", ")
}

// tokens returns the tokens of all rows, with fresh ids. Its result is the
// same at each call.
func (l *landing) tokens() []token.Token {
	if l.memo != nil {
		return l.memo
	}
	for _, row := range l.rows {
		l.memo = append(l.memo, row.tokens(l.j)...)
	}
	for _, tp := range l.made {
		l.memo = append(l.memo, tp.token(l.j))
	}
	return l.memo
}

func (l *landed) tokens(j *job) (out []token.Token) {
	primary, tie := l.table.Primary(), l.tie(j.p)
	for i, name := range l.columns {
		text := l.rec.Text[i]
		if text == nil || *text == "" {
			continue
		}
		cell := l.row.cell(name)
		watch := cell != nil && cell.Watch
		key := len(primary) == 1 && primary[0] == name || tie == name
		if !watch && !key {
			continue
		}
		t := token.Token{
			ID: event.NewID(), Row: l.row.ID, Value: *text, Binary: l.rec.Binary[i], State: token.Planned,
			Place:    event.Place{Server: j.p.Server, Database: j.p.Database, Schema: l.table.Schema, Table: l.table.Name, Column: name, Key: l.key},
			TableOID: l.table.OID, Attr: l.table.Column(name).Attr,
			Copy: j.p.Copy, Deployment: j.p.Deployment, PlantedBy: j.p.PlantedBy, PlantedAt: j.now, ChangedAt: j.now, Note: j.p.Note,
		}
		switch {
		case watch:
			t.Kind, t.Strength, t.Among = cell.Kind, cell.Strength, max(l.table.Rows, 0)
			if cell.Note != "" {
				t.Note = strings.TrimSuffix(cell.Note+"; "+j.p.Note, "; ")
			}
		default:
			t.Kind, t.Strength = "key", token.Weak
		}
		t.Key = key && t.Strength == token.Weak
		out = append(out, t)
	}
	return out
}

// tie is the column that stands for a relative's key of several columns: the one
// by which it points at its honey row, at which no other row points. "" if there
// is none.
func (l *landed) tie(p *Plan) string {
	for _, c := range l.row.Cells {
		if l.plan.For != "" && c.Source == Honey && p.Tables[c.Ref.Table].String() == l.plan.For && tieIn(l.table, c.Column) {
			return c.Column
		}
	}
	return ""
}

// differ compares the tokens registered with those that the rows now need: it
// returns the ones to add, and the ids that hold no longer.
func differ(had, need []token.Token) (fresh []token.Token, stale []event.ID) {
	type at struct {
		row    event.ID
		column string
	}
	old := map[at]*token.Token{}
	for i := range had {
		old[at{had[i].Row, had[i].Place.Column}] = &had[i]
	}
	for i := range need {
		k := at{need[i].Row, need[i].Place.Column}
		o := old[k]
		if o != nil && o.Value == need[i].Value && bytes.Equal(o.Binary, need[i].Binary) && o.Place == need[i].Place {
			delete(old, k)
			continue
		}
		fresh = append(fresh, need[i])
	}
	for _, o := range old {
		stale = append(stale, o.ID)
	}
	return fresh, stale
}
