package seeder

import (
	"fmt"
	"slices"
	"strings"
)

// role is the name that the statements give to the seeding role.
const role = "honeyrow_seeder"

// grants lists the statements that give a role of its own exactly what
// applying and verifying the plan needs.
func grants(cat *Catalog, p *Plan) []string {
	if p.backticks() {
		return accountGrants(cat, p)
	}
	out := []string{"CREATE ROLE " + role + " LOGIN"}
	schemas := map[string]bool{}
	for _, tp := range p.Tables {
		t, err := cat.Table(tp.String())
		if err != nil {
			continue
		}
		if !schemas[t.Schema] {
			schemas[t.Schema] = true
			out = append(out, fmt.Sprintf("GRANT USAGE ON SCHEMA %s TO %s", p.quote(t.Schema), role))
		}
		var sel, ins []string
		for _, c := range tp.Columns {
			sel = append(sel, p.quote(c.Name))
			if c.Source != Computed && c.Source != Default {
				ins = append(ins, p.quote(c.Name))
			}
			if col := t.Column(c.Name); col != nil {
				out = append(out, numbering(col, c.Source)...)
			}
		}
		out = append(out, fmt.Sprintf("GRANT SELECT (%s) ON %s TO %s", strings.Join(sel, ", "), p.qualified(t.Schema, t.Name), role),
			fmt.Sprintf("GRANT INSERT (%s) ON %s TO %s", strings.Join(ins, ", "), p.qualified(t.Schema, t.Name), role))
		out = append(out, p.restoring(tp, p.qualified(t.Schema, t.Name))...)
		for _, fk := range t.ForeignKeys {
			var refs []string
			for _, c := range fk.RefColumns {
				refs = append(refs, p.quote(c))
			}
			if word := cat.explains(t, fk); word != "" { // what the status stands for
				refs = append(refs, p.quote(word))
			}
			out = append(out, fmt.Sprintf("GRANT SELECT (%s) ON %s TO %s", strings.Join(refs, ", "), p.qualified(fk.RefSchema, fk.RefTable), role))
		}
		out = append(out, p.acting(cat, t, tp)...)
		out = append(out, p.rotating(tp, p.qualified(t.Schema, t.Name))...)
		out = append(out, fmt.Sprintf("-- only while rows are removed: GRANT DELETE ON %s TO %s", p.qualified(t.Schema, t.Name), role))
		out = append(out, p.pointers(cat, t)...)
	}
	return out
}

// acting is what the triggers of a table need that act with the role's rights.
func (p *Plan) acting(cat *Catalog, t *Table, tp *TablePlan) (out []string) {
	for _, on := range []struct {
		when string
		on   func(Trigger) bool
	}{{"when a row is inserted", func(g Trigger) bool { return g.OnInsert }}, {"only while rows are removed, when a row is deleted", func(g Trigger) bool { return g.OnDelete }}} {
		for _, e := range cat.effects(t, on.on) {
			if e.table == nil || e.definer {
				continue
			}
			name, cols := p.qualified(e.table.Schema, e.table.Name), ""
			rights := map[string]string{"adds rows to": "INSERT", "deletes rows of": "SELECT, DELETE", "changes": "SELECT, UPDATE"}[e.verb]
			if e.verb == "changes" && len(e.columns) > 0 {
				for i, c := range e.columns {
					e.columns[i] = p.quote(c)
				}
				rights, cols = "SELECT ON %[1]s TO %[2]s; GRANT UPDATE", " ("+strings.Join(e.columns, ", ")+")"
			}
			line := fmt.Sprintf("-- its triggers act with the role's rights %s: GRANT USAGE ON SCHEMA %s TO %s; GRANT ", on.when, p.quote(e.table.Schema), role)
			line += strings.NewReplacer("%[1]s", name, "%[2]s", role).Replace(rights) + cols + fmt.Sprintf(" ON %s TO %s", name, role)
			for _, c := range e.table.Columns {
				if e.verb == "adds rows to" && c.Sequence != "" && c.Identity == "" {
					line += fmt.Sprintf("; GRANT USAGE ON SEQUENCE %s TO %s", c.Sequence, role)
				}
			}
			out = append(out, line)
		}
	}
	for _, s := range tp.Stirs {
		if strings.HasPrefix(s, "not analysed") {
			out = append(out, "-- and whatever the trigger needs: "+s)
		}
	}
	return out
}

// numbering is what the role needs of a key's sequence. An identity column gives
// its number to whoever may insert; to ask the sequence itself is a right of its own.
func numbering(c *Column, from Source) []string {
	switch {
	case c.Sequence == "":
		return nil
	case from == Gap:
		return []string{fmt.Sprintf("-- only while rows are planned, to see which numbers are free: GRANT SELECT ON SEQUENCE %s TO %s", c.Sequence, role)}
	case from == Drawn && c.Identity != "":
		return []string{fmt.Sprintf("-- without it rows are planted too, but their trial uses up numbers, and that gap shows: GRANT USAGE ON SEQUENCE %s TO %s", c.Sequence, role)}
	case from == Drawn:
		return []string{fmt.Sprintf("GRANT USAGE ON SEQUENCE %s TO %s", c.Sequence, role)}
	}
	return nil
}

// restoring is the right to set dates that a trigger overwrites.
func (p *Plan) restoring(tp *TablePlan, table string) []string {
	if len(tp.Restore) == 0 {
		return nil
	}
	var cols []string
	for _, c := range tp.Restore {
		cols = append(cols, p.quote(c))
	}
	return []string{fmt.Sprintf("GRANT UPDATE (%s) ON %s TO %s", strings.Join(cols, ", "), table, role)}
}

// rotating is the right to give rows of a table new values in place: those that
// change in the life of ordinary rows, logins that may be the same as an address,
// and what says when the row was changed.
func (p *Plan) rotating(tp *TablePlan, table string) []string {
	var cols []string
	any := false
	for _, c := range tp.Columns {
		switch {
		case c.Source != Made:
			continue
		case c.Watch && slices.Contains(mutable, c.Kind):
			any = true
		case c.Kind != "username" && !touches(c.Name, c.Kind):
			continue
		}
		cols = append(cols, p.quote(c.Name))
	}
	if !any || tp.Decoy != nil {
		return nil
	}
	return []string{fmt.Sprintf("-- only while values are rotated in place: GRANT UPDATE (%s) ON %s TO %s", strings.Join(cols, ", "), table, role)}
}

// pointers lists, for PostgreSQL, what the role must see of the tables that are
// not planned and whose rows may point at rows of t: such a row is not removed.
func (p *Plan) pointers(cat *Catalog, t *Table) (out []string) {
	planned := func(child *Table) bool {
		return slices.ContainsFunc(p.Tables, func(tp *TablePlan) bool { return tp.String() == child.String() })
	}
	for _, child := range cat.Tables {
		for _, fk := range child.ForeignKeys {
			if fk.RefSchema != t.Schema || fk.RefTable != t.Name || len(fk.Columns) == 0 || planned(child) {
				continue
			}
			var cols []string
			for _, c := range fk.Columns {
				cols = append(cols, p.quote(c))
			}
			out = append(out, fmt.Sprintf("-- and so that rows that point there are seen: GRANT USAGE ON SCHEMA %[1]s TO %[2]s; GRANT SELECT (%[3]s) ON %[4]s TO %[2]s",
				p.quote(child.Schema), role, strings.Join(cols, ", "), p.qualified(child.Schema, child.Name)))
		}
	}
	return out
}

// accountGrants is grants for MySQL and MariaDB. They show a table's
// constraints only to who may read the whole of it.
func accountGrants(cat *Catalog, p *Plan) []string {
	out := []string{"CREATE USER " + role + " IDENTIFIED BY 'choose a password'"}
	database := func(t *Table) string {
		if t.Schema == "" {
			return p.quote(p.Database) + "." + p.quote(t.Name)
		}
		return p.qualified(t.Schema, t.Name)
	}
	planned := map[*Table]bool{}
	for _, tp := range p.Tables {
		if t, err := cat.Table(tp.String()); err == nil {
			planned[t] = true
		}
	}
	unsafe := false
	for _, tp := range p.Tables {
		t, err := cat.Table(tp.String())
		if err != nil {
			continue
		}
		rights := "SELECT, INSERT"
		if len(t.Triggers) > 0 || cat.HidesTriggers {
			rights += ", TRIGGER" // else they are not shown, or not even that there are none
		}
		out = append(out, fmt.Sprintf("GRANT %s ON %s TO %s", rights, database(t), role))
		out = append(out, p.restoring(tp, database(t))...)
		for _, c := range t.Columns {
			if strings.HasPrefix(c.Sequence, "`") { // MariaDB's sequences are tables of a kind
				out = append(out, fmt.Sprintf("GRANT SELECT, INSERT ON %s TO %s", c.Sequence, role))
			}
		}
		for _, fk := range t.ForeignKeys {
			ref := &Table{Schema: fk.RefSchema, Name: fk.RefTable}
			if r, err := cat.Table(ref.String()); err == nil && planned[r] {
				continue
			}
			var refs []string
			for _, c := range fk.RefColumns {
				refs = append(refs, p.quote(c))
			}
			if word := cat.explains(t, fk); word != "" { // what the status stands for
				refs = append(refs, p.quote(word))
			}
			out = append(out, fmt.Sprintf("GRANT SELECT (%s) ON %s TO %s", strings.Join(refs, ", "), database(ref), role))
		}
		unsafe = unsafe || t.Unsafe != ""
		out = append(out, p.rotating(tp, database(t))...)
		out = append(out, fmt.Sprintf("-- only while rows are removed: GRANT DELETE ON %s TO %s", database(t), role))
		for _, child := range cat.Tables {
			for _, fk := range child.ForeignKeys {
				if fk.RefSchema == t.Schema && fk.RefTable == t.Name && !planned[child] {
					out = append(out, fmt.Sprintf("-- and so that rows that point there are seen: GRANT SELECT ON %s TO %s", database(child), role))
				}
			}
		}
	}
	if unsafe {
		out = append(out, fmt.Sprintf("GRANT CREATE TEMPORARY TABLES ON %s.* TO %s", p.quote(p.Database), role))
	}
	return out
}

// backticks reports whether the product is MySQL or MariaDB.
func (p *Plan) backticks() bool { return p.Product == "mysql" || p.Product == "mariadb" }

// quote writes an identifier as the product's SQL does.
func (p *Plan) quote(name string) string {
	q := `"`
	if p.backticks() {
		q = "`"
	}
	return q + strings.ReplaceAll(name, q, q+q) + q
}

// qualified writes a table's name with its schema.
func (p *Plan) qualified(schema, table string) string {
	if schema == "" {
		return p.quote(table)
	}
	return p.quote(schema) + "." + p.quote(table)
}
