package seeder

import (
	"context"

	"honeyrow/event"
)

// Founder is a Database in which decoy tables can be made. Its transactions are
// Masons.
type Founder interface {
	// Foundation says how a decoy table t is made beside its model: as a copy
	// that a DBA has made for himself, without foreign keys, sequences or
	// triggers, and read by those who read the model.
	Foundation(ctx context.Context, model, t *Table) (*Foundation, error)
}

// Foundation is how a decoy table is made.
type Foundation struct {
	SQL     []string // in their order
	Grants  []string // what the seeding role needs for it
	Lacking string   // why the role can't do it now, empty if it can
	Notes   []string // what a reviewer has to know
}

// Mason is a Tx that makes tables and drops them.
type Mason interface {
	// Found makes t by a foundation's statements and fills in the numbers that
	// the server gives it. On trial the table is gone with the transaction, which
	// takes rows for it meanwhile. Otherwise it may become visible at once, empty
	// (MySQL and MariaDB), or with the commit.
	Found(ctx context.Context, t *Table, sql []string, trial bool) error
	// Count counts the rows of a table.
	Count(ctx context.Context, t *Table) (int64, error)
	// Shut keeps everybody else from a table until the end of the transaction.
	Shut(ctx context.Context, t *Table) error
	// Raze drops a table that is shut, on trial only as far as that can be taken
	// back. If something of the database depends on it, it fails with a
	// *Violation of code 2BP01.
	Raze(ctx context.Context, t *Table, trial bool) error
}

// Decoy is what is special about the plan of a table that does not exist yet.
type Decoy struct {
	ID    event.ID `json:"id"`    // of the table, as a token's Row
	Model string   `json:"model"` // the table that it is a copy of
	SQL   []string `json:"sql"`
	// Readers are those who read it without being thieves.
	Readers []string `json:"readers"`
	// Allowance is for the configuration: complete it, one for each reader.
	Allowance string `json:"allowance"`
}

// table returns the decoy table as it will be, from its model.
func (t *TablePlan) table(model *Table) *Table {
	out := &Table{Schema: t.Schema, Name: t.Table, Kind: "table", WholeSelect: true}
	key := 0
	for _, cp := range t.Columns {
		c := model.Column(cp.Name)
		if c == nil {
			continue
		}
		own := *c
		own.Attr, own.Default, own.Identity, own.Sequence, own.Computed = uint16(len(out.Columns)+1), "", "", "", false
		own.CanSelect, own.CanInsert, own.CanDraw, own.NotNull = true, true, true, false
		for _, k := range model.Primary() {
			if k == c.Name {
				own.NotNull = true
				key++
			}
		}
		out.Columns = append(out.Columns, &own)
	}
	if pk := model.Primary(); len(pk) > 0 && key == len(pk) {
		out.Uniques = []*Unique{{Name: "PRIMARY", Columns: pk, Primary: true}}
	}
	return out
}

// decoys lists the plan's decoy tables.
func (p *Plan) decoys() (out []*TablePlan) {
	for _, t := range p.Tables {
		if t.Decoy != nil {
			out = append(out, t)
		}
	}
	return out
}
