package seeder

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"honeyrow/event"
	"honeyrow/seeder/generate"
	"honeyrow/token"
)

// change is one honey row that gets new values in place.
type change struct {
	row   *honeyRow
	table *Table
	held  []event.ID         // tokens whose values it holds
	keep  []string           // columns that other honey rows share
	was   map[string]*string // what it holds, by column
	set   map[string]string  // the new values
	// strength is what the new values are worth.
	strength map[string]token.Strength
}

// mutable are the kinds of values that change in the life of an ordinary row:
// a password is reset, a key is rotated, somebody moves to another address.
// People keep their names, numbers and accounts.
var mutable = []string{"password_hash", "api_key", "token", "url", "email", "phone"}

// read reads all columns of the row that the role may read.
func (c *change) read(ctx context.Context, tx Tx, where []Value) (map[string]*string, error) {
	var cols []string
	for _, col := range c.table.Columns {
		if col.CanSelect {
			cols = append(cols, col.Name)
		}
	}
	recs, err := tx.Read(ctx, c.table, where, cols)
	if err != nil {
		return nil, err
	}
	if len(recs) != 1 {
		return nil, errors.New("it can't be told from other rows")
	}
	out := map[string]*string{}
	for i, name := range cols {
		out[name] = recs[0].Text[i]
	}
	return out, nil
}

// columns lists those whose values can be replaced: watched ones of a mutable
// kind, at least one of which proves something, and none that others point at.
func (c *change) columns(st *study, cat *Catalog) (out []*field) {
	strong := false
	for i := range c.row.tokens {
		tk := &c.row.tokens[i]
		f := st.field(tk.Place.Column)
		switch {
		case f == nil || tk.Key || slices.Contains(c.keep, f.Name) || !slices.Contains(mutable, tk.Kind) || f.Computed || !f.CanSelect || f.fk != nil || slices.Contains(c.table.Primary(), f.Name) || cat.pointedAt(c.table, f.Name):
			continue
		case f.gen == nil || f.gen.Kind() != tk.Kind:
			if g, err := generate.ByKind(tk.Kind); err == nil { // it was planted as such
				f.gen = g
			}
		}
		if v := c.was[f.Name]; v == nil || *v == "" || slices.Contains(out, f) {
			continue
		}
		out = append(out, f)
		strong = strong || tk.Strength == token.Strong
	}
	if !strong {
		return nil
	}
	return out
}

// pointedAt reports whether a foreign key leads to the column.
func (c *Catalog) pointedAt(t *Table, column string) bool {
	for _, other := range c.Tables {
		for _, fk := range other.ForeignKeys {
			if fk.RefSchema == t.Schema && fk.RefTable == t.Name && slices.Contains(fk.RefColumns, column) {
				return true
			}
		}
	}
	return false
}

// touched returns the column that says when a row was changed last, nil if
// there is none.
func (st *study) touched() *field {
	for _, f := range st.columns {
		if (f.Class == generate.Timestamp || f.Class == generate.Date) && f.sample >= 0 && !f.Computed && touches(f.Name, "timestamp") {
			return f
		}
	}
	return nil
}

// touches reports whether a column is called as one that says when its row was
// changed last.
func touches(column, kind string) bool {
	return kind == "timestamp" && generate.HasPhrase(column, "updated", "updated at", "modified", "modified at", "last modified", "changed", "changed at", "last updated", "last update", "update time", "mtime")
}

// compose draws the new values and makes sure that no other row holds them.
func (t *turn) compose(ctx context.Context, st *study, c *change) error {
	c.set, c.strength = map[string]string{}, map[string]token.Strength{}
	person := make([]*string, len(st.sample.Columns))
	for i, name := range st.sample.Columns {
		person[i] = c.was[name]
	}
	g := generate.Row{Now: t.d.now, Domain: st.mailDomain(t.r, person), CardPrefix: t.d.o.CardPrefix, PhoneRanges: t.d.o.PhoneRanges}
	g.First, g.Last = st.person(person)
	g.WasFirst, g.WasLast = g.First, g.Last
	for _, f := range c.columns(st, t.cat) {
		old := *c.was[f.Name]
		if _, done := c.set[f.Name]; done { // a twin
			continue
		}
		if f.gen.Kind() == "email" {
			if _, domain, ok := strings.Cut(old, "@"); ok {
				g.Domain = domain // where it was reviewed to be
			}
		}
		g.Was = old
		v, err := t.unused(ctx, st, f, &g, func() (string, error) { return generate.Make(f.gen, t.r, f.seen, &g) })
		if err != nil {
			return fmt.Errorf("column %s: %w", f.Name, err)
		}
		for _, other := range st.columns { // a login that is the address
			if o := c.was[other.Name]; o != nil && len(old) >= 6 && strings.EqualFold(*o, old) && !other.Computed && !slices.Contains(c.table.Primary(), other.Name) {
				c.set[other.Name], c.strength[other.Name] = generate.Casing(v, *o), c.worth(other.Name)
			}
		}
		c.set[f.Name], c.strength[f.Name] = v, c.worth(f.Name)
	}
	if f := st.touched(); f != nil && c.was[f.Name] != nil {
		fr := &fresh{st: st}
		if h, err := t.d.rhythm(ctx, st, f); err == nil {
			fr.beat = h
		}
		c.set[f.Name] = fr.write(f.Name, *c.was[f.Name], t.d.now)
	}
	return t.searched(ctx, c)
}

// worth is the strength of the old value.
func (c *change) worth(column string) token.Strength {
	for i := range c.row.tokens {
		if c.row.tokens[i].Place.Column == column {
			return c.row.tokens[i].Strength
		}
	}
	return token.Weak
}

// unused draws until no row of the table and no token holds the value.
func (t *turn) unused(ctx context.Context, st *study, f *field, g *generate.Row, draw func() (string, error)) (string, error) {
	for g.Attempt = 0; g.Attempt < 2*maxDraws; g.Attempt++ {
		v, err := draw()
		if err != nil {
			return "", err
		}
		if strings.EqualFold(v, g.Was) || t.d.taken[v] {
			continue
		}
		taken, err := t.s.Database.Taken(ctx, st.table, []string{f.Name}, [][]string{{v}})
		if err != nil {
			return "", err
		}
		known, err := t.s.Store.List(ctx, token.Filter{Value: v})
		if err != nil {
			return "", err
		}
		if !taken[0] && len(known) == 0 {
			t.d.taken[v] = true
			return v, nil
		}
	}
	return "", fmt.Errorf("no value that is unique was found in %d draws", 2*maxDraws)
}

// searched lowers the strength of new values that stand elsewhere.
func (t *turn) searched(ctx context.Context, c *change) error {
	var ts []token.Token
	for _, column := range slices.Sorted(maps.Keys(c.set)) {
		if kind := c.kind(column); kind != "" {
			ts = append(ts, token.Token{Kind: kind, Value: c.set[column], Strength: c.strength[column], Place: event.Place{Schema: c.table.Schema, Table: c.table.Name, Column: column}})
		}
	}
	j := &job{s: t.s, o: &t.o.ApplyOptions, cat: t.cat, done: &Applied{}}
	if err := j.proven(ctx, ts); err != nil {
		return err
	}
	for i := range ts {
		c.strength[ts[i].Place.Column] = ts[i].Strength
	}
	for _, w := range j.done.Warnings {
		t.out.Warnings = appendOnce(t.out.Warnings, w)
	}
	return nil
}

func (c *change) kind(column string) string {
	for i := range c.row.tokens {
		if c.row.tokens[i].Place.Column == column {
			return c.row.tokens[i].Kind
		}
	}
	return ""
}

// change updates one row: the new values are registered and watched before
// the commit, the old ones expire after it.
func (t *turn) change(ctx context.Context, c *change) error {
	if why := c.table.outlastsUpdate(); why != "" && t.o.DryRun {
		x := RotatedRow{ID: c.row.id, Table: c.table.String(), Key: c.row.place().Key, State: "updated", Why: "not tried: " + why}
		for _, column := range slices.Sorted(maps.Keys(c.set)) {
			if c.kind(column) != "" {
				x.Columns = append(x.Columns, column)
			}
		}
		t.out.Rows = append(t.out.Rows, x)
		return nil
	}
	tx, err := t.s.Database.Begin(ctx, Limits{t.o.LockTimeout, t.o.StatementTimeout})
	if err != nil {
		return fmt.Errorf("start the transaction: %w", err)
	}
	defer tx.End(ctx, false)
	var set []Value
	for _, column := range slices.Sorted(maps.Keys(c.set)) {
		v := c.set[column]
		set = append(set, Value{column, &v})
	}
	n, err := tx.Update(ctx, c.table, c.row.all(c.table, sight{held: c.held}), set)
	var no *Violation
	switch {
	case errors.As(err, &no) && no.Code == "42501":
		return fmt.Errorf("update %s: %w; rotating needs GRANT UPDATE on its columns %s", c.table, no, strings.Join(slices.Sorted(maps.Keys(c.set)), ", "))
	case errors.As(err, &no) && (no.data() || no.Code == "25000"):
		t.kept(c.row, "the database refuses the new values: %s", no.Why)
		return tx.End(ctx, false)
	case err != nil:
		return fmt.Errorf("update a row of %s: %w", c.table, err)
	case n == 0:
		t.kept(c.row, "a trigger or another transaction kept it")
		return tx.End(ctx, false)
	}
	fresh, old, err := t.differ(ctx, tx, c)
	if err != nil {
		return err
	}
	x := RotatedRow{ID: c.row.id, Table: c.table.String(), Key: c.row.place().Key, State: "updated"}
	for i := range fresh {
		x.Columns = append(x.Columns, fresh[i].Place.Column)
	}
	if t.o.DryRun {
		x.Why = "tried and rolled back"
		t.out.Rows = append(t.out.Rows, x)
		return tx.End(ctx, false)
	}
	if err := t.commit(ctx, tx, fresh, old); err != nil {
		return err
	}
	t.out.Rows = append(t.out.Rows, x)
	t.out.Tokens, t.out.Expired = t.out.Tokens+len(fresh), t.out.Expired+len(old)
	return nil
}

// differ reads back what the server made of the row: tokens for the values that
// are new, and the ids of those that it holds no more.
func (t *turn) differ(ctx context.Context, tx Tx, c *change) (fresh []token.Token, old []event.ID, err error) {
	var cols []string
	var where []Value
	for i := range c.row.tokens {
		tk := &c.row.tokens[i]
		if col := c.table.Column(tk.Place.Column); col == nil || !col.CanSelect {
			continue
		}
		cols = appendOnce(cols, tk.Place.Column)
	}
	for _, way := range c.row.all(c.table, sight{held: c.held}) { // what did not change still finds it
		if _, changed := c.set[way.Column]; !changed {
			where = append(where, way)
		} else {
			v := c.set[way.Column]
			where = append(where, Value{way.Column, &v})
		}
	}
	if key := c.primary(); key != nil { // a trigger may have changed the rest
		where = key
	}
	recs, err := tx.Read(ctx, c.table, where, cols)
	if err != nil {
		return nil, nil, fmt.Errorf("read back a row of %s: %w", c.table, err)
	}
	if len(recs) != 1 {
		return nil, nil, fmt.Errorf("a row of %s can't be told from others after the update, or a trigger changed its new values: nothing was changed", c.table)
	}
	for i := range c.row.tokens {
		tk := c.row.tokens[i]
		k := slices.Index(cols, tk.Place.Column)
		if k < 0 || recs[0].Text[k] != nil && *recs[0].Text[k] == tk.Value || !slices.Contains(c.held, tk.ID) {
			continue
		}
		old = append(old, tk.ID)
		if recs[0].Text[k] == nil || *recs[0].Text[k] == "" || slices.ContainsFunc(fresh, func(f token.Token) bool { return f.Place.Column == tk.Place.Column }) {
			continue
		}
		now := tk
		now.ID, now.Value, now.Binary = event.NewID(), *recs[0].Text[k], recs[0].Binary[k]
		now.State, now.PlantedAt, now.ChangedAt, now.Until = token.Planned, t.now, t.now, t.out.Until
		now.Among = max(c.table.Rows, 0)
		switch v, ok := c.set[tk.Place.Column]; {
		case ok && v == strings.TrimRight(now.Value, " "):
			now.Strength = c.strength[tk.Place.Column]
		case now.Strength == token.Firm: // made by the server: nobody has searched for it
			now.Strength = token.Weak
		}
		fresh = append(fresh, now)
	}
	if len(fresh) == 0 {
		return nil, nil, fmt.Errorf("a trigger of %s undid the update: nothing was changed", c.table)
	}
	return fresh, old, nil
}

// primary finds the row by its key, nil if the tokens don't hold it.
func (c *change) primary() []Value {
	key := c.table.Primary()
	if len(key) == 0 {
		return nil
	}
	return c.row.composite(key)
}

// commit makes the new values visible once they are watched.
func (t *turn) commit(ctx context.Context, tx Tx, fresh []token.Token, old []event.ID) error {
	j := &job{s: t.s, p: &Plan{Server: t.o.Server}, o: &t.o.ApplyOptions, cat: t.cat, done: &Applied{}}
	var ids []event.ID
	err := j.register(ctx, fresh, &ids)
	for _, w := range j.done.Warnings {
		t.out.Warnings = appendOnce(t.out.Warnings, w)
	}
	if err == nil {
		if err = tx.End(ctx, true); err == nil {
			if err = t.s.Store.Replace(context.WithoutCancel(ctx), t.out.Until, ids, old); err != nil {
				return fmt.Errorf("the row has its new values and they are watched, but the registry still calls them planned: run seed reconcile: %w", err)
			}
			return nil
		}
		var no *Violation
		if !errors.As(err, &no) {
			return fmt.Errorf("whether the row has its new values is not known: old and new ones stay watched; run seed reconcile: %w", err)
		}
	}
	return errors.Join(err, tx.End(ctx, false), t.s.Store.SetState(context.WithoutCancel(ctx), token.Removed, ids...))
}

// rotating reports whether an interrupted rotation left planned values beside
// those that they were to replace.
func (r *honeyRow) rotating() bool {
	return slices.ContainsFunc(r.tokens, func(t token.Token) bool { return t.State == token.Planned && !t.Until.IsZero() })
}

// whole adds the live tokens of a row whose rotation was interrupted.
func (s *Seeder) whole(ctx context.Context, row *honeyRow) error {
	if !row.rotating() {
		return nil
	}
	live, err := s.Store.List(ctx, token.Filter{Row: row.id, States: []token.State{token.Live}})
	if err != nil {
		return fmt.Errorf("read registry: %w", err)
	}
	row.tokens = append(live, row.tokens...)
	return nil
}

// settleRotation brings the tokens of a row whose rotation was interrupted to
// the truth: done is true if it holds the new values.
func (s *Seeder) settleRotation(ctx context.Context, row *honeyRow, st sight) (done bool, err error) {
	var fresh, old, undone []event.ID
	var until time.Time
	columns := map[string]bool{}
	for i := range row.tokens {
		tk := &row.tokens[i]
		switch {
		case tk.State != token.Planned:
		case st.condition != gone && slices.Contains(st.held, tk.ID):
			fresh, until, columns[tk.Place.Column] = append(fresh, tk.ID), tk.Until, true
		default:
			undone = append(undone, tk.ID)
		}
	}
	for i := range row.tokens {
		if tk := &row.tokens[i]; tk.State == token.Live && columns[tk.Place.Column] {
			old = append(old, tk.ID)
		}
	}
	if err := s.Store.SetState(ctx, token.Removed, undone...); err != nil || len(fresh) == 0 {
		return false, err
	}
	return true, s.Store.Replace(ctx, until, fresh, old)
}
