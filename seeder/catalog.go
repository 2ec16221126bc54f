package seeder

import (
	"fmt"
	"strings"

	"honeyrow/seeder/generate"
)

// Catalog is what a database says about itself, in words that all products
// share. It is read once per plan and not changed afterwards.
type Catalog struct {
	Product  string `json:"product"` // "postgres", "mysql", "mariadb"
	Version  string `json:"version"`
	Database string `json:"database"`
	User     string `json:"user"` // the role that is connected
	Tables   []*Table
	// HidesTriggers says that the product does not even name a table's triggers
	// to a role without the right TRIGGER on it.
	HidesTriggers bool `json:"-"`
	// Routines are what triggers may call, by name in lower case.
	Routines map[string]Routine `json:"-"`
	// Warnings are things that a planter has to know of the server, such as a
	// log that would hold the honey values.
	Warnings []string `json:"-"`
}

// Table is one relation.
type Table struct {
	OID    uint32 `json:"oid,omitempty"` // PostgreSQL
	Schema string `json:"schema,omitempty"`
	Name   string `json:"name"`
	// Kind is "table", "partitioned table", "view", "materialized view" or
	// "foreign table".
	Kind string `json:"kind"`
	// Rows is the server's estimate; -1 if it has none.
	Rows int64 `json:"-"`
	// Refusal says why the product cannot plant in the table, empty if it can.
	Refusal string `json:"-"`
	// Unsafe says what speaks against planting in the table unless the user
	// names it, such as an engine without transactions.
	Unsafe string `json:"-"`
	// Lasting says what of an insert is not undone with its transaction, so
	// that the table is not tried at plan time; empty: nothing.
	Lasting string `json:"-"`
	// LastingUpdate and LastingDelete say the same of an update and of a delete: such
	// rows are left alone unless the user asks.
	LastingUpdate, LastingDelete string `json:"-"`
	// Piece marks a partition: its rows are its root's.
	Piece bool `json:"-"`
	// Hidden says that row security hides rows of it from the role.
	Hidden bool `json:"-"`
	// Warnings are things that a planter has to know, such as row security.
	Warnings []string `json:"-"`

	Columns     []*Column     `json:"columns"`
	Uniques     []*Unique     `json:"uniques,omitempty"` // the primary key first
	ForeignKeys []*ForeignKey `json:"foreign_keys,omitempty"`
	// Checks are the definitions of CHECK and exclusion constraints.
	Checks   []Check   `json:"checks,omitempty"`
	Triggers []Trigger `json:"triggers,omitempty"`
	// Updating are the triggers that fire when a row is updated, but not when one is
	// inserted or deleted: a plan does not depend on them.
	Updating []Trigger `json:"-"`
	// Partition names the parent of a partition or an inheriting table.
	Partition string `json:"partition_of,omitempty"`
	// Parts are the table's own numbers and those of its partitions, children
	// and parents, as far as a query may report them.
	Parts []Part `json:"-"`
	// WholeSelect says that the role may read the whole table, so that a
	// row's partition can be asked for.
	WholeSelect bool `json:"-"`
}

// Part is a relation that shares a table's rows.
type Part struct {
	OID   uint32
	Attrs map[string]uint16 // by column name
	Leaf  bool              // a partition or child: only for rows that it holds
}

// Column is one column of a table.
type Column struct {
	Name     string         `json:"name"`
	Attr     uint16         `json:"attr,omitempty"`
	Type     string         `json:"type"` // as the product writes it
	Class    generate.Class `json:"class"`
	Domain   string         `json:"domain,omitempty"` // the domain type's name
	MaxLen   int            `json:"max_len,omitempty"`
	Scale    int            `json:"scale,omitempty"`
	NotNull  bool           `json:"not_null,omitempty"`
	Default  string         `json:"default,omitempty"`  // the expression
	Identity string         `json:"identity,omitempty"` // "always", "by default"
	// Sequence draws the column's values if Identity is set or Default is
	// nothing but its next value.
	Sequence string   `json:"sequence,omitempty"`
	Computed bool     `json:"computed,omitempty"` // generated always as (...)
	Enum     []string `json:"enum,omitempty"`
	Comment  string   `json:"-"` // what somebody wrote of it

	// MaxInt is the largest value of an integer type.
	MaxInt int64 `json:"-"`
	// Cast is the type's name for a cast that changes no value.
	Cast      string `json:"-"`
	CanSelect bool   `json:"-"`
	CanInsert bool   `json:"-"`
	CanDraw   bool   `json:"-"` // the role may use Sequence
}

// AutoIncrement stands for MySQL's own counter in Column.Sequence.
const AutoIncrement = "AUTO_INCREMENT"

// Drawn reports whether the server's own sequence gives the column its values.
func (c *Column) Drawn() bool { return c.Sequence != "" }

// Unique is a primary key, a unique constraint or a unique index.
type Unique struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"` // empty name: an expression
	Primary bool     `json:"primary,omitempty"`
	// Partial: only some rows are bound. Definition is the server's text.
	Partial    bool   `json:"partial,omitempty"`
	Definition string `json:"definition"`
}

// ForeignKey points from Columns to RefColumns of another table, or of the
// same.
type ForeignKey struct {
	Name       string   `json:"name"`
	Columns    []string `json:"columns"`
	RefSchema  string   `json:"ref_schema,omitempty"`
	RefTable   string   `json:"ref_table"`
	RefColumns []string `json:"ref_columns"`
	Definition string   `json:"definition"`
}

// Check is a constraint that only the server understands in full.
type Check struct {
	Name       string `json:"name"`
	Definition string `json:"definition"`
}

// Trigger fires when a row is inserted, updated or deleted.
type Trigger struct {
	Name     string `json:"name"`
	Function string `json:"function"`
	// Language is the function's: what is written in SQL and PL/pgSQL is undone
	// with the transaction, other languages can act outside of it.
	Language string `json:"language"`
	Enabled  string `json:"enabled"` // "yes", "no", "always", "replica"
	OnInsert bool   `json:"on_insert,omitempty"`
	OnDelete bool   `json:"on_delete,omitempty"`
	OnUpdate bool   `json:"-"` // no part of a plan's fingerprint
	Definer  bool   `json:"-"` // it has the rights of who made it
	// Body is what it runs, empty if that is not shown to the role.
	Body string `json:"-"`
}

// String is the table's name with its schema.
func (t *Table) String() string {
	if t.Schema == "" {
		return t.Name
	}
	return t.Schema + "." + t.Name
}

// Column returns the column of that name, or nil.
func (t *Table) Column(name string) *Column {
	for _, c := range t.Columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Primary returns the columns of the primary key, nil if there is none.
func (t *Table) Primary() []string {
	if len(t.Uniques) > 0 && t.Uniques[0].Primary {
		return t.Uniques[0].Columns
	}
	return nil
}

// Table returns the table that a user's name means: "schema.table" or "table"
// where only one schema has it.
func (c *Catalog) Table(name string) (*Table, error) {
	var found []*Table
	for _, t := range c.Tables {
		if t.String() == name || t.Name == name {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, fmt.Errorf("database %s has no table %s that %s can see: check its name and the rights on its schema", c.Database, name, c.User)
	}
	var names []string
	for _, t := range found {
		if t.String() == name {
			return t, nil
		}
		names = append(names, t.String())
	}
	return nil, fmt.Errorf("table %s is in several schemas: say which of %s", name, strings.Join(names, ", "))
}

// unique reports whether a unique constraint covers exactly this column.
func (t *Table) unique(column string) bool {
	for _, u := range t.Uniques {
		if len(u.Columns) == 1 && u.Columns[0] == column {
			return true
		}
	}
	return false
}

// foreign returns the foreign key that the column is part of, or nil.
func (t *Table) foreign(column string) *ForeignKey {
	for _, fk := range t.ForeignKeys {
		for _, c := range fk.Columns {
			if c == column {
				return fk
			}
		}
	}
	return nil
}
