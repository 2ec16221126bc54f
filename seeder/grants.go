package seeder

import (
	"fmt"
	"strings"
)

// grants lists the statements that give a role of its own exactly what
// applying and verifying the plan needs.
func grants(cat *Catalog, p *Plan) []string {
	const role = "honeyrow_seeder"
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
			if col := t.Column(c.Name); c.Source == Drawn && col != nil {
				out = append(out, fmt.Sprintf("GRANT USAGE ON SEQUENCE %s TO %s", col.Sequence, role))
			}
		}
		out = append(out, fmt.Sprintf("GRANT SELECT (%s) ON %s TO %s", strings.Join(sel, ", "), p.qualified(t.Schema, t.Name), role),
			fmt.Sprintf("GRANT INSERT (%s) ON %s TO %s", strings.Join(ins, ", "), p.qualified(t.Schema, t.Name), role))
		for _, fk := range t.ForeignKeys {
			var refs []string
			for _, c := range fk.RefColumns {
				refs = append(refs, p.quote(c))
			}
			out = append(out, fmt.Sprintf("GRANT SELECT (%s) ON %s TO %s", strings.Join(refs, ", "), p.qualified(fk.RefSchema, fk.RefTable), role))
		}
		for _, g := range tp.Triggers {
			out = append(out, "-- and whatever the trigger needs: "+g)
		}
		out = append(out, fmt.Sprintf("-- only while rows are removed: GRANT DELETE ON %s TO %s", p.qualified(t.Schema, t.Name), role))
	}
	return out
}

// quote writes an identifier as the product's SQL does.
func (p *Plan) quote(name string) string {
	q := `"`
	if p.Product == "mysql" || p.Product == "mariadb" {
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
