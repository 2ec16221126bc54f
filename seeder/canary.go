package seeder

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"honeyrow/seeder/generate"
)

// Canary is a live decoy key of a service that tells its owner when somebody uses
// it. It is planted as it is, in one honey row.
type Canary struct {
	Value string
	// Secret goes with Value, as an AWS secret key with its key id; may be empty.
	Secret string
	// Column, as table.column or schema.table.column, is where it belongs; empty: in
	// a column with keys of the same vendor.
	Column string
	// Note is told with the value, such as who is alerted by its use.
	Note string
	line int
}

// What a canary file may hold.
const (
	maxCanaries = 10_000
	maxCanary   = 8 << 10 // bytes of a value
)

// ReadCanaries reads canaries from CSV whose first line names its columns: value,
// and if wanted secret, column and note. An error names the line and quotes no
// value.
func ReadCanaries(r io.Reader) ([]Canary, error) {
	in := csv.NewReader(r)
	in.TrimLeadingSpace, in.Comment = true, '#'
	head, err := in.Read()
	if err != nil && !errors.Is(err, csv.ErrFieldCount) {
		return nil, errors.New("the first line must name the columns: value, and if wanted secret, column, note")
	}
	at := map[string]int{}
	for i, name := range head {
		name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))
		switch name {
		case "value", "secret", "column", "note":
			at[name] = i
		default:
			return nil, fmt.Errorf("line 1: column %d has an unknown name: known are value, secret, column, note", i+1)
		}
	}
	if _, ok := at["value"]; !ok {
		return nil, errors.New("line 1 names no column value: the first line must name the columns: value, and if wanted secret, column, note")
	}
	var out []Canary
	seen := map[string]int{}
	for {
		row, err := in.Read()
		if err == io.EOF {
			return out, nil
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			return nil, fmt.Errorf("line %d: %w", bad.Line, bad.Err)
		} else if err != nil {
			return nil, err
		}
		line, _ := in.FieldPos(0)
		get := func(name string) string {
			if i, ok := at[name]; ok {
				return strings.TrimSpace(row[i])
			}
			return ""
		}
		c := Canary{Value: get("value"), Secret: get("secret"), Column: get("column"), Note: get("note"), line: line}
		switch {
		case len(c.Value) < 12:
			return nil, fmt.Errorf("line %d: the value has %d characters: a key that is recognised anywhere has 12 or more", line, len(c.Value))
		case len(c.Value) > maxCanary || len(c.Secret) > maxCanary:
			return nil, fmt.Errorf("line %d: a value is longer than %d bytes", line, maxCanary)
		case seen[c.Value] > 0:
			return nil, fmt.Errorf("line %d: the value of line %d stands here again: each is planted once, so that its use names one row", line, seen[c.Value])
		case c.Column != "" && strings.Count(c.Column, ".") < 1:
			return nil, fmt.Errorf("line %d: the column must be table.column or schema.table.column", line)
		case c.Column == "" && !generate.VendorKey(c.Value):
			return nil, fmt.Errorf("line %d: the value is in no known vendor's format: name the column where it belongs (column: table.column)", line)
		case len(out) == maxCanaries:
			return nil, fmt.Errorf("line %d: there are more than %d canaries", line, maxCanaries)
		}
		seen[c.Value] = line
		out = append(out, c)
	}
}

// canaries reads the file that the options name.
func (o *Options) canaries() ([]Canary, error) {
	if o.CanaryFile == "" {
		return nil, nil
	}
	f, err := os.Open(o.CanaryFile)
	if err != nil {
		return nil, fmt.Errorf("read canaries: %w", err)
	}
	defer f.Close()
	cs, err := ReadCanaries(f)
	if err != nil {
		return nil, fmt.Errorf("canary file %s: %w", o.CanaryFile, err)
	}
	return cs, nil
}

// perch puts canaries into honey rows of a table instead of made keys: each into
// one, none that is planted already.
func (d *draft) perch(st *study, rows []*RowPlan) {
	if st.kin != nil {
		return
	}
	for _, row := range rows {
		for _, c := range row.Cells {
			f := st.column(c.Column)
			if f == nil || c.Source != Made || c.Value == nil {
				continue
			}
			i := slices.IndexFunc(d.perches, func(k Canary) bool {
				return !d.taken[k.Value] && k.suits(st.table, f, c) && f.holds(k.Value)
			})
			if i < 0 {
				continue
			}
			k := d.perches[i]
			d.perches = slices.Delete(d.perches, i, i+1)
			c.sit(f, k.Value, k.Note)
			if beside := st.secretBeside(row, c); k.Secret != "" && beside != nil && st.column(beside.Column).holds(k.Secret) {
				beside.sit(st.column(beside.Column), k.Secret, k.Note)
			}
		}
	}
}

// suits reports whether the canary belongs into a cell of f.
func (k *Canary) suits(t *Table, f *field, c *Cell) bool {
	if k.Column != "" {
		return k.Column == t.Schema+"."+t.Name+"."+f.Name || k.Column == t.Name+"."+f.Name || k.Column == t.String()+"."+f.Name
	}
	v := generate.Vendor(k.Value)
	return v != "" && c.Kind == "api_key" && generate.Vendor(*c.Value) == v
}

// sit gives a cell a canary's value.
func (c *Cell) sit(f *field, v, note string) {
	c.Value, c.Watch, c.Note = &v, true, note
	if c.Note == "" {
		c.Note = "canary"
	}
	c.Strength = max(c.Strength, strengthOf(f, v))
}

// secretBeside returns the cell of a row that holds the secret of the key in c, nil
// if there is none.
func (st *study) secretBeside(row *RowPlan, c *Cell) *Cell {
	for _, other := range row.Cells {
		if other != c && other.Source == Made && other.Value != nil && generate.HasPhrase(other.Column, "secret") {
			return other
		}
	}
	return nil
}

// column returns what is known of a column by its name, nil if it is not there.
func (st *study) column(name string) *field {
	for _, f := range st.columns {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// unperched says which canaries stand in no honey row, and why.
func (d *draft) unperched(p *Plan) {
	in := map[string]bool{}
	for _, t := range p.Tables {
		for _, row := range t.Rows {
			for _, c := range row.Cells {
				if c.Note != "" && c.Value != nil {
					in[*c.Value] = true
				}
			}
		}
	}
	var planted, nowhere []string
	for _, k := range d.canaries {
		switch {
		case in[k.Value]:
		case d.taken[k.Value]:
			planted = append(planted, fmt.Sprint(k.line))
		default:
			nowhere = append(nowhere, fmt.Sprint(k.line))
		}
	}
	if len(planted) > 0 {
		p.Warnings = append(p.Warnings, fmt.Sprintf("canaries of line %s are planted already: each stands in one row (honeyrow tokens where tells which)", strings.Join(planted, ", ")))
	}
	if len(nowhere) > 0 {
		p.Warnings = append(p.Warnings, fmt.Sprintf("canaries of line %s stand in no honey row: no column of the plan has keys like them, or there are fewer rows; name their column in the file (column: table.column), or ask for more rows", strings.Join(nowhere, ", ")))
	}
}
