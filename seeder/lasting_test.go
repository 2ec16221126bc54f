package seeder

import (
	"strings"
	"testing"
)

func TestATriggerInALanguageThatActsOutsideLastsWhenItFires(t *testing.T) {
	table := &Table{
		Name: "customers",
		Triggers: []Trigger{
			{Name: "quiet", Language: "plpgsql", Enabled: "yes", OnInsert: true, OnDelete: true, OnUpdate: true},
			{Name: "off", Language: "plpython3u", Enabled: "no", OnInsert: true, OnDelete: true, OnUpdate: true},
			{Name: "mail", Language: "plperlu", Enabled: "yes", OnDelete: true},
		},
		Updating: []Trigger{{Name: "post", Language: "pltclu", Enabled: "always", OnUpdate: true}},
	}
	for event, c := range map[string]struct{ got, want string }{
		"insert": {table.outlastsInsert(), ""},
		"delete": {table.outlastsDelete(), "trigger mail is written in plperlu and may act outside of the database"},
		"update": {table.outlastsUpdate(), "trigger post is written in pltclu and may act outside of the database"},
	} {
		if c.got != c.want {
			t.Errorf("of an %s %q stays, want %q", event, c.got, c.want)
		}
	}
	later := strings.Join(table.later(), "\n")
	for _, want := range []string{"when a row is deleted, trigger mail", "`seed remove`", "when a row is updated, trigger post", "`seed rotate`"} {
		if !strings.Contains(later, want) {
			t.Errorf("a plan says %q, want %q in it", later, want)
		}
	}
	table.LastingDelete = "its trigger note names table log (MyISAM)"
	if got := table.outlastsDelete(); got != table.LastingDelete {
		t.Errorf("of a delete %q stays, want what the product says", got)
	}
}
