package generate

import (
	"strings"
	"testing"
)

func TestGivenNamesGoWithTheNameInUse(t *testing.T) {
	c := &Column{Class: Text, Values: []string{"David Allan", "Henry Louis", "John Michael", "George", "Robert Lee"}}
	for _, x := range []struct {
		name string
		row  Row
		want func(string) bool
	}{
		{"with another middle name", Row{First: "Carl", Was: "David Allan", WasFirst: "David"}, func(v string) bool { return strings.HasPrefix(v, "Carl ") && v != "Carl Allan" }},
		{"alone", Row{First: "Carl", Was: "George", WasFirst: "George"}, func(v string) bool { return v == "Carl" }},
		{"of a nickname, another row's", Row{First: "Duke", Was: "Henry Louis", WasFirst: "Hank"}, func(v string) bool { return len(strings.Fields(v)) == 2 && !strings.Contains(v, "Duke") }},
		{"of somebody who is called so", Row{First: "Dave", Given: "David Allan", Was: "George", WasFirst: "George"}, func(v string) bool { return strings.HasPrefix(v, "David ") && v != "David Allan" }},
	} {
		v, err := firstName{}.Value(New(1, "names"), c, &x.row)
		if err != nil || !x.want(v) {
			t.Errorf("%s: got %q, %v", x.name, v, err)
		}
	}
}

func TestFirmsAreNamedAsTheTemplateIs(t *testing.T) {
	c := &Column{Class: Text, Values: []string{"Kraft Interiors", "Vogel Gardens", "Lang & Sons Ltd"}}
	for _, x := range []struct {
		row  Row
		want string
	}{
		{Row{First: "Jo", Last: "Weber", Was: "Kraft Interiors", WasFirst: "Al", WasLast: "Kraft"}, "Weber Interiors"},
		{Row{First: "Jo", Last: "Weber", Was: "LANG & Sons Ltd", WasLast: "Lang"}, "WEBER & Sons Ltd"},
	} {
		if v, err := (company{}).Value(New(1, "firms"), c, &x.row); err != nil || v != x.want {
			t.Errorf("got %q, %v, want %q", v, err, x.want)
		}
	}
	if v, err := (company{}).Value(New(1, "firms"), c, &Row{Last: "Weber", Was: "Vogel Gardens", WasLast: "Smith"}); err != nil || !strings.HasSuffix(v, " Gardens") || v == "Vogel Gardens" {
		t.Errorf("got %q, %v: want another firm's beginning and the template's rest", v, err)
	}
}

func TestNoFirstNameIsPutTogetherThatGoesOnFromAKnownOne(t *testing.T) {
	x := newLexicon([]string{"Jonathan", "Hannah", "Anna", "Leonard"}, []string{"Jonathan", "Hannah", "Anna", "Leonard"}, []string{"Margaret"})
	x.strict = true
	for v, want := range map[string]bool{"Jonathanna": true, "Jonath": true, "Annabel": true, "Margar": true, "Margaretha": true, "Jon": false, "Leora": false, "Jonathan": false} {
		if got := x.leans(v); got != want {
			t.Errorf("%s leans on a known name: %t, want %t", v, got, want)
		}
	}
}
