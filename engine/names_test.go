package engine

import (
	"testing"

	"honeyrow/inspect"
	"honeyrow/rules"
	"honeyrow/token"
)

// inMySQL is the two honey rows as the seeder places them in MySQL: in a
// database, without a schema and without numbers.
func inMySQL() *token.Snapshot {
	snap := twoRows()
	for i := range snap.Tokens {
		t := &snap.Tokens[i]
		t.Place.Database, t.Place.Schema, t.TableOID, t.Attr = "shop", "", 0, 0
	}
	return snap
}

// named describes columns of a table as MySQL does, each with another label.
func named(schema, table string, columns ...string) []inspect.Column {
	var out []inspect.Column
	for _, c := range columns {
		out = append(out, inspect.Column{Name: c + "_label", OrgSchema: schema, OrgTable: table, OrgName: c, Type: 253})
	}
	return out
}

func TestShortValuesAndKeysAreRecognisedByTheNamesOfTheirColumn(t *testing.T) {
	for _, c := range []struct {
		name    string
		columns []inspect.Column
		row     []string
		means   string // "": no hit
	}{
		{"a key", named("shop", "customers", "id"), []string{"90001"}, "column"},
		{"a weak value", named("shop", "customers", "salary"), []string{"913447"}, "column"},
		{"a key beside its row", named("shop", "customers", "id", "first_name"), []string{"90001", "Ottilie"}, "column"},
		{"a key of another table", named("shop", "orders", "id"), []string{"90001"}, ""},
		{"a key of another database", named("crm", "customers", "id"), []string{"90001"}, ""},
		{"a key in another column", named("shop", "customers", "salary"), []string{"90001"}, ""},
		{"a key in a view", named("shop", "v_customers", "id"), []string{"90001"}, ""},
		{"a key in an expression", named("", "", ""), []string{"90001"}, ""},
		{"another row's weak value", named("shop", "customers", "id", "salary"), []string{"7", "913447"}, ""},
		{"a strong value in a view", named("shop", "v_customers", "email"), []string{"ottilie.vandersloot@corp-mail.example"}, "field"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newRig(t, DefaultConfig(), rules.Config{})
			g.e.Swap(inMySQL())
			who := alice()
			who.Protocol, who.Database = "mysql", "" // no USE yet
			g.s, _ = g.e.Open(who)
			g.query("SELECT 1", c.columns, c.row)
			if c.means == "" {
				g.silent()
				return
			}
			d := g.one()
			for id, means := range tokens(d) {
				if means != c.means {
					t.Errorf("%s is recognised by %q, want %q", id, means, c.means)
				}
			}
		})
	}
}

func TestNamesOfAnotherServerMeanNothing(t *testing.T) {
	g := newRig(t, DefaultConfig(), rules.Config{})
	g.e.Swap(inMySQL())
	who := alice()
	who.Server = "replica"
	g.s, _ = g.e.Open(who)
	g.query("SELECT id FROM customers", named("shop", "customers", "id"), []string{"90001"})
	g.silent()
}

func TestParametersAreNamedAsTheStatementShowsThem(t *testing.T) {
	for protocol, want := range map[string]string{"postgres": "$2", "mysql": "?2"} {
		g := newRig(t, DefaultConfig(), rules.Config{})
		who := alice()
		who.Protocol = protocol
		g.s, _ = g.e.Open(who)
		st, _ := g.s.Prepare([]byte("SELECT "), 7)
		buf := []byte(rowA[6].value)
		r, _ := st.Run(buf, []inspect.Param{{Len: -1}, {Len: int32(len(buf))}})
		r.Done(0, "")
		if got := g.one().Hits[0].Column; got != want {
			t.Errorf("%s: %q, want %q", protocol, got, want)
		}
	}
}

// Dynamic SQL can put a value wherever a statement names something.
func TestAValueAmongTheNamesOfADefinitionIsSeenOnce(t *testing.T) {
	const value = "ottilie.vandersloot@corp-mail.example"
	ordinary := inspect.Column{Name: "note", OrgName: "note", Table: "o", OrgTable: "orders", OrgSchema: "shop", Type: 253}
	for name, put := range map[string]func(c *inspect.Column){
		"label":           func(c *inspect.Column) { c.Name = value },
		"column":          func(c *inspect.Column) { c.OrgName = value },
		"label, column":   func(c *inspect.Column) { c.Name, c.OrgName = value, value },
		"alias":           func(c *inspect.Column) { c.Table = value },
		"table":           func(c *inspect.Column) { c.OrgTable = value },
		"alias and table": func(c *inspect.Column) { c.Table, c.OrgTable = value, value },
		"database":        func(c *inspect.Column) { c.OrgSchema = value },
	} {
		g := newRig(t, DefaultConfig(), rules.Config{})
		g.e.Swap(inMySQL())
		who := alice()
		who.Protocol = "mysql"
		g.s, _ = g.e.Open(who)
		a, b := ordinary, ordinary
		if put(&a); name != "label" && name != "column" && name != "label, column" {
			put(&b) // the table is that of both columns
		}
		g.query("SELECT 1", []inspect.Column{a, b}, []string{"x", "y"})
		d := g.one()
		if len(d.Hits) != 1 || d.Hits[0].Channel != "label" || d.Hits[0].Count != 1 {
			t.Errorf("%s: hits %+v", name, d.Hits)
		}
	}
}

// MySQL tells a text's size by four types of its own.
func TestTextsOfAllOfMySQLsTypesMayHoldSeveralValues(t *testing.T) {
	for _, typ := range []uint32{15, 245, 249, 250, 251, 252, 253, 254} {
		g := newRig(t, DefaultConfig(), rules.Config{})
		g.e.Swap(inMySQL())
		who := alice()
		who.Protocol = "mysql"
		g.s, _ = g.e.Open(who)
		g.query("SELECT 1", []inspect.Column{{Name: "x", Type: typ}}, []string{"Bob 1.00;Ottilie 913447"})
		if d := g.one(); len(d.Hits) == 0 {
			t.Errorf("type %d: no hit", typ)
		}
	}
}
