package seeder

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
)

// Table renders the plan for a person's review: what is planted where, and
// why. It shows the honey values.
func (p *Plan) Table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Plan %s for database %s on server %s (%s %s)\n", p.Deployment, p.Database, p.Server, p.Product, p.ServerVersion)
	if p.Copy != "" {
		fmt.Fprintf(&b, "For copy %s: its values shall stand in no other copy\n", p.Copy)
	}
	fmt.Fprintf(&b, "%s in %s, planted by %s", many(p.Rows(), "honey row"), many(len(p.Tables), "table"), p.PlantedBy)
	if p.Note != "" {
		fmt.Fprintf(&b, " (%s)", p.Note)
	}
	b.WriteString("\n")
	if p.Probed && len(p.decoys()) > 0 {
		b.WriteString("Tried: the table was made with all its rows, and taken back.\n")
	} else if untried := p.untried(); p.Probed && untried != "" {
		fmt.Fprintf(&b, "Tried: all rows but those of %s were inserted in a transaction that was rolled back; every constraint and trigger agreed.\n", untried)
	} else if p.Probed {
		b.WriteString("Tried: all rows were inserted in a transaction that was rolled back; every constraint and trigger agreed.\n")
	} else if len(p.Tables) > 0 {
		b.WriteString("Not tried: constraints will have their say when the plan is applied.\n")
	}
	for _, w := range p.Warnings {
		fmt.Fprintf(&b, "! %s\n", w)
	}
	for i, t := range p.Tables {
		p.table(&b, i, t)
	}
	b.WriteString(CamouflageTable(p.Camouflage, p.Product))
	reasons(&b, "Can't be seeded", p.Refused)
	reasons(&b, "Not chosen", p.Skipped)
	return b.String()
}

// untried names the tables of which there was no trial.
func (p *Plan) untried() string {
	var names []string
	for _, t := range p.Tables {
		if t.Untried {
			names = append(names, t.String())
		}
	}
	return strings.Join(names, ", ")
}

// many writes a number with what is counted.
func many(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func reasons(b *strings.Builder, head string, rs []Reason) {
	if len(rs) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n", head)
	same := map[string][]string{}
	for _, r := range rs {
		same[r.Why] = append(same[r.Why], r.Table)
	}
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, r := range rs {
		if len(same[r.Why]) <= mostApart {
			fmt.Fprintf(w, "  %s\t%s\n", r.Table, r.Why)
		}
	}
	w.Flush()
	for _, r := range rs { // once for all that it holds for
		if names := same[r.Why]; len(names) > mostApart {
			delete(same, r.Why)
			fmt.Fprintf(b, "  %s:\n    %s\n", r.Why, wrapped(names, 100, "    "))
		}
	}
}

// mostApart is of how many tables a common reason is told for each.
const mostApart = 3

// wrapped lists names in lines of about so many characters.
func wrapped(names []string, width int, indent string) string {
	var b strings.Builder
	line := 0
	for i, n := range names {
		if i > 0 {
			b.WriteString(",")
			if line += len(n) + 2; line > width {
				b.WriteString("\n" + indent)
				line = len(n)
			} else {
				b.WriteString(" ")
			}
		} else {
			line = len(n)
		}
		b.WriteString(n)
	}
	return b.String()
}

func (p *Plan) table(b *strings.Builder, i int, t *TablePlan) {
	about := ""
	if t.Estimate >= 0 {
		about = fmt.Sprintf(" among about %d", t.Estimate)
	}
	fmt.Fprintf(b, "\n%d. %s: %s%s\n   %s\n", i+1, t, many(len(t.Rows), "honey row"), about, t.Why)
	for _, w := range t.Warnings {
		fmt.Fprintf(b, "   ! %s\n", w)
	}
	for _, g := range t.Triggers {
		fmt.Fprintf(b, "   ! trigger %s\n", g)
	}
	for _, s := range t.Stirs {
		fmt.Fprintf(b, "   ! %s\n", s)
	}
	p.decoy(b, t)
	if t.Decoy == nil {
		fmt.Fprintf(b, "   moves %s\n", t.moves())
	}
	p.readers(b, t)
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "   column\ttaken for\tfrom\twatched\twhy\n")
	for _, c := range t.Columns {
		watch := ""
		if c.Watch {
			watch = c.Strength.String()
		} else if len(t.Key) == 1 && t.Key[0] == c.Name {
			watch = "key"
		}
		kind := c.Kind
		if c.Confidence > 0 {
			kind = fmt.Sprintf("%s %d %%", c.Kind, c.Confidence)
		}
		fmt.Fprintf(w, "   %s\t%s\t%s\t%s\t%s\n", c.Name, kind, c.Source, watch, c.Why)
	}
	w.Flush()
	b.WriteString("\n")
	w = tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, c := range t.Columns {
		if c.Source != Computed && c.Source != Default {
			fmt.Fprintf(w, "   %s\t", c.Name)
		}
	}
	fmt.Fprintln(w)
	for _, r := range t.Rows {
		for _, c := range r.Cells {
			if cp := t.column(c.Column); cp == nil || cp.Source != Computed && cp.Source != Default {
				fmt.Fprintf(w, "   %s\t", p.show(c))
			}
		}
		fmt.Fprintln(w)
	}
	w.Flush()
}

// decoy says how a decoy table is made, with which rights, and who will read it.
func (p *Plan) decoy(b *strings.Builder, t *TablePlan) {
	if t.Decoy == nil {
		return
	}
	b.WriteString("   Made with its rows; the seeding role needs:\n")
	for _, s := range p.Grants {
		fmt.Fprintf(b, "     %s;\n", s)
	}
	b.WriteString("   Made so:\n")
	for _, s := range t.Decoy.SQL {
		fmt.Fprintf(b, "     %s;\n", s)
	}
	b.WriteString("   Every statement that names it is an alert. These will, and are no thieves:\n")
	for _, s := range t.Decoy.Readers {
		fmt.Fprintf(b, "     - %s\n", s)
	}
	fmt.Fprintf(b, "   If they go through the proxy, write one for each into the configuration:\n     %s\n", t.Decoy.Allowance)
}

// show writes a cell for a person.
func (p *Plan) show(c *Cell) string {
	switch {
	case c.Source == Drawn:
		return "(next key)"
	case c.Source == Default:
		return "(default)"
	case c.Source == Computed:
		return "(computed)"
	case c.Source == Honey:
		t := p.Tables[c.Ref.Table]
		return fmt.Sprintf("(%s row %d)", t.Table, c.Ref.Row+1)
	case c.Value == nil:
		return "NULL"
	}
	v := strings.NewReplacer("\n", " ", "\t", " ", "\r", " ").Replace(*c.Value)
	if rs := []rune(v); len(rs) > 60 {
		v = string(rs[:57]) + "..."
	}
	return v
}

// SQL renders the plan as statements for a DBA's review. Apply does the same,
// but with bound parameters, and registers the values before it commits.
func (p *Plan) SQL() string {
	var b strings.Builder
	fmt.Fprintf(&b, "-- honeyrow plan %s, server %s, database %s, by %s\n", p.Deployment, p.Server, comment(p.Database), comment(p.PlantedBy))
	b.WriteString("-- For review only: rows inserted by hand are watched by nobody. Use seed apply.\n\n-- Rights of a seeding role:\n")
	for _, g := range p.Grants {
		fmt.Fprintf(&b, "-- %s;\n", strings.ReplaceAll(strings.TrimPrefix(g, "-- "), "\n", " "))
	}
	if p.backticks() { // what the literals below are written for, and as strict as apply
		b.WriteString("\nSET NAMES utf8mb4;\nSET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION';\n")
	}
	b.WriteString("\nBEGIN;\n")
	keyed := p.keyed()
	for i, t := range p.Tables {
		fmt.Fprintf(&b, "\n-- %s: %s\n", comment(t.String()), comment(t.Why))
		for _, w := range slices.Concat(t.Warnings, t.Triggers, t.Stirs) {
			fmt.Fprintf(&b, "-- note: %s\n", comment(w))
		}
		for _, r := range t.Readers {
			fmt.Fprintf(&b, "-- will see it: %s\n", comment(r.What))
		}
		for _, c := range t.Columns {
			fmt.Fprintf(&b, "--   %s: %s\n", comment(c.Name), comment(c.Why))
		}
		if t.Decoy != nil {
			for _, r := range t.Decoy.Readers {
				fmt.Fprintf(&b, "-- will read it: %s\n", comment(r))
			}
			fmt.Fprintf(&b, "-- and is allowed to with: %s\n", comment(t.Decoy.Allowance))
			for _, s := range t.Decoy.SQL {
				fmt.Fprintf(&b, "%s;\n", s)
			}
		}
		for n, r := range t.Rows {
			var cols, vals []string
			for _, c := range r.Cells {
				if v, ok := p.literal(t, c); ok {
					cols, vals = append(cols, p.quote(c.Column)), append(vals, v)
				}
			}
			fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES (%s); -- table %d, row %d\n", p.qualified(t.Schema, t.Table), strings.Join(cols, ", "), strings.Join(vals, ", "), i+1, n+1)
			if keyed[spot{i, n}] {
				fmt.Fprintf(&b, "SET %s = LAST_INSERT_ID();\n", keyVariable(i, n))
			}
		}
	}
	b.WriteString("\nCOMMIT;\n")
	return b.String()
}

// bytesType is a type of MySQL whose values a plan holds in hexadecimal digits,
// bitType one whose values it holds as a number.
var (
	bytesType = regexp.MustCompile(`^((var)?binary|(tiny|medium|long)?blob)\b`)
	bitType   = regexp.MustCompile(`^bit\b`)
)

// keyVariable keeps the number that AUTO_INCREMENT gave a row, for the rows
// that point at it.
func keyVariable(table, row int) string { return fmt.Sprintf("@honeyrow_%d_%d", table+1, row+1) }

// keyed are the rows that others point at by what AUTO_INCREMENT gives them.
func (p *Plan) keyed() map[spot]bool {
	out := map[spot]bool{}
	for _, t := range p.Tables {
		for _, r := range t.Rows {
			for _, c := range r.Cells {
				if c.Source == Honey && p.counted(c.Ref) {
					out[spot{c.Ref.Table, c.Ref.Row}] = true
				}
			}
		}
	}
	return out
}

// counted reports whether a reference is to a column that AUTO_INCREMENT fills.
func (p *Plan) counted(r *Ref) bool {
	cp := p.Tables[r.Table].column(r.Column)
	return cp != nil && cp.Source == Drawn && cp.Counter
}

// literal writes a cell as SQL; false leaves the column out.
func (p *Plan) literal(t *TablePlan, c *Cell) (string, bool) {
	switch {
	case c.Source == Computed || c.Source == Default || c.Source == Drawn:
		return "", false
	case c.Source == Honey:
		pc := p.Tables[c.Ref.Table].Rows[c.Ref.Row].cell(c.Ref.Column)
		if pc != nil && pc.Source != Drawn {
			return p.literal(p.Tables[c.Ref.Table], pc)
		}
		if p.counted(c.Ref) {
			return keyVariable(c.Ref.Table, c.Ref.Row), true
		}
		return fmt.Sprintf("NULL /* %s of row %d of %s */", comment(c.Ref.Column), c.Ref.Row+1, comment(p.Tables[c.Ref.Table].String())), true
	case c.Value == nil:
		return "NULL", true
	}
	v := "'" + strings.ReplaceAll(*c.Value, "'", "''") + "'"
	switch col := t.column(c.Column); {
	case p.backticks() && col != nil && bitType.MatchString(col.Type):
		v = *c.Value
	case p.backticks() && col != nil && bytesType.MatchString(col.Type):
		v = "X'" + strings.NewReplacer(`\x`, "", "-", "").Replace(*c.Value) + "'"
	case p.backticks():
		v = strings.ReplaceAll(v, `\`, `\\`)
	case strings.Contains(v, `\`):
		v = "E" + strings.ReplaceAll(v, `\`, `\\`)
	}
	return v, true
}

// comment keeps a text inside a comment of one line.
func comment(s string) string {
	return strings.NewReplacer("\n", " ", "\r", " ", "*/", "* /").Replace(s)
}
