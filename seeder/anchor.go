package seeder

import (
	"fmt"
	"strings"
	"unicode"

	"honeyrow/event"
	"honeyrow/token"
)

// anchor notes where a row that another one replaces points at honey rows: the other
// one has to hang there too, and not on a stranger's row. It says why it can't.
func (t *turn) anchor(row *honeyRow, c *change) string {
	honey := map[string]bool{}
	for i := range t.d.snap.Tokens {
		tk := &t.d.snap.Tokens[i]
		if tk.State == token.Live && tk.Place.Server == t.o.Server && tk.Place.Database == t.cat.Database && tk.Place.Key != "" {
			honey[(&Table{Schema: tk.Place.Schema, Name: tk.Place.Table}).String()+"\x00"+tk.Place.Key] = true
		}
	}
	at := map[string]string{}
	for _, fk := range c.table.ForeignKeys {
		ref, err := t.cat.Table((&Table{Schema: fk.RefSchema, Name: fk.RefTable}).String())
		if err != nil {
			continue
		}
		key := map[string]string{}
		for i, column := range fk.Columns {
			if v := c.was[column]; v != nil {
				key[fk.RefColumns[i]] = *v
			}
		}
		if text := keyText(ref, key); text == "" || !honey[ref.String()+"\x00"+text] {
			continue
		}
		if single(c.table, fk, true) {
			return fmt.Sprintf("it hangs on a honey row of %s on which no second row may hang (%s)", ref, fk.Name)
		}
		for i, column := range fk.Columns {
			at[column] = key[fk.RefColumns[i]]
		}
	}
	if t.anchors == nil {
		t.anchors = map[event.ID]map[string]string{}
	}
	t.anchors[row.id] = at
	return ""
}

// hang points a row at what it has to hang on.
func (r *RowPlan) hang(at map[string]string) {
	for column, v := range at {
		if c := r.cell(column); c != nil {
			c.Source, c.Value, c.Ref = Parent, &v, nil
		}
	}
}

// shared are the columns of a row whose value another honey row of the database holds:
// an account that all payments of a person go to, an address that stands in each of his
// orders. A relative must not come to have one of its own.
func (t *turn) shared(row *honeyRow) (columns []string) {
	if t.holders == nil {
		t.holders = map[string]map[event.ID]bool{}
		for i := range t.d.snap.Tokens {
			tk := &t.d.snap.Tokens[i]
			if tk.State == token.Live && tk.Place.Server == t.o.Server && tk.Place.Database == t.cat.Database && tk.Kind != token.DecoyTable && !tk.Expired() {
				if t.holders[tk.Value] == nil {
					t.holders[tk.Value] = map[event.ID]bool{}
				}
				t.holders[tk.Value][tk.Row] = true
			}
		}
	}
	for i := range row.tokens {
		// Of weak values only words: amounts are the same by chance.
		if tk := &row.tokens[i]; !tk.Key && len(t.holders[tk.Value]) > 1 && (tk.Strength >= token.Firm || strings.ContainsFunc(tk.Value, unicode.IsLetter)) {
			columns = appendOnce(columns, tk.Place.Column)
		}
	}
	return columns
}
