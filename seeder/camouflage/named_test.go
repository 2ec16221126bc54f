package camouflage

import (
	"slices"
	"strings"
	"testing"

	"honeyrow/seeder/generate"
)

func TestANameThatIsNoneIsTold(t *testing.T) {
	var rows []Row
	for _, v := range strings.Fields("Kennedy Kennedy Kennedy Peters Peters Murphy Murphy Mason Wilson Kenne Petersohl Murpson") {
		rows = append(rows, Row{Values: []*string{&v}})
	}
	d := newDeck(&Table{Columns: []Column{{Name: "name", Class: generate.Text, Kind: "last_name", Role: Content}}, Real: rows}, nil)
	f := &features{}
	d.named(f)
	alone := strings.Fields("Mason Wilson Kenne Petersohl Murpson")
	for name, want := range map[string]string{
		"rows whose name it is without some letters":         "Kenne",
		"rows from whose name it goes on":                    "Petersohl",
		"what it begins and ends with in common with others": "Kenne Murpson",
		"nobody else's, and in no list of names":             "Kenne Petersohl Murpson",
	} {
		col := f.cols[slices.Index(f.names, "name: "+name)]
		var most []string
		for i := range rows {
			if v := d.cells[0].text[i]; slices.Contains(alone, v) && col[i] == slices.Max(col[7:]) {
				most = append(most, v)
			}
		}
		if got := strings.Join(most, " "); got != want {
			t.Errorf("%s: %q stand out, want %s", name, got, want)
		}
	}
}
