package generate

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/brianvoe/gofakeit/v7/data"
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

func lexiconOf(own, whole []string, strict bool, lists ...[]string) *lexicon {
	d := newDirectory(nil)
	for i, list := range lists {
		d.add(strconv.Itoa(i), list)
		d.any = list
	}
	return newLexicon(own, newVocabulary(whole, d, strict))
}

func TestNoNameIsPutTogetherThatGoesOnFromAKnownOneOrBreaksOffInIt(t *testing.T) {
	own := []string{"Jonathan", "Hannah", "Anna", "Leonard", "Malcolm", "Petersen", "Kennedy"}
	for _, c := range []struct {
		strict bool
		want   map[string]bool
	}{
		{true, map[string]bool{"Jonathanna": true, "Jonath": true, "Annabel": true, "Margar": true, "Margaretha": true, "Nathan": true, "Leora": false, "Jonathan": false}},
		{false, map[string]bool{"Kenne": true, "Nedy": true, "Hannahs": true, "Hannahsen": true, "Leora": false, "Kennersen": false}},
	} {
		x := lexiconOf(own, own, c.strict, []string{"Margaret"})
		for v, want := range c.want {
			if got := x.leans(v); got != want {
				t.Errorf("%s leans on a known name: %t, want %t", v, got, want)
			}
		}
	}
	var lists []string
	for _, v := range []string{"Peter", "Hans", "Jans", "Nils", "Olaf", "Sven", "Karl", "Erik", "Lars"} {
		lists = append(lists, v, v+"sen")
	}
	if x := lexiconOf(own, own, false, append(lists, "Dirk")); x.leans("Dirksen") || !x.leans("Dirkson") {
		t.Error("a last name is another with an ending that makes names of many, and with no other one")
	}
}

// A next row's name stands in as many others as a real row's does, and no name that
// many have comes much oftener or less often than there are rows of it: an attacker
// would know it.
func TestANameIsSharedWithAsManyRowsAsARealRowsIs(t *testing.T) {
	letters, kinds := "bdfgklmnprst", 0
	var own []string
	var popular []string
	for times, n := range map[int]int{1: 40, 2: 20, 3: 14, 4: 10, 5: 8, 6: 7, 8: 5, 20: 4} {
		for range n {
			name := "A" + string(letters[kinds%12]) + "o" + string(letters[kinds/12]) + "a"
			kinds++
			for range times {
				own = append(own, name)
			}
			if times == 20 {
				popular = append(popular, name)
			}
		}
	}
	x := lexiconOf(own, own, false, []string{"Elsewhere", "Abroad", "Nowhere"})
	r := New(1, "shared names")
	others, often := map[int]int{}, map[string]int{}
	const n = 4000
	for range n {
		v := x.draw(r, false)
		others[x.held[strings.ToLower(v)]]++
		often[v]++
	}
	for k, rows := range map[int]int{0: 40, 1: 40, 2: 42, 3: 40} {
		want, share := float64(rows)/float64(len(own)), float64(others[k])/n
		if share < want-0.02 || share > want+0.02 {
			t.Errorf("%.3f of the names stand in %d other rows, want %.3f", share, k, want)
		}
	}
	for _, v := range popular {
		if share := float64(often[v]) / n; share < 0.03 || share > 0.07 {
			t.Errorf("%.3f of the names are %s, as 0.055 of the rows", share, v)
		}
	}
}

func TestHouseNumbersAreNearOtherRows(t *testing.T) {
	c := &Column{Class: Text, Values: []string{"Am Markt 12", "Ringweg 14", "Lindenallee 13", "Ringweg 7", "Hafen 120"}}
	r := New(1, "streets")
	for range 50 {
		v, err := street{}.Value(r, c, &Row{Was: "Hafen 14"})
		if n, _ := strconv.Atoi(strings.TrimPrefix(v, "Hafen ")); err != nil || n < 10 || n > 18 || n == 14 {
			t.Fatalf("got %q, %v: want the street with another number of two digits, near one that a row has", v, err)
		}
	}
}

func TestANewNameOfACountryIsNoneOfAnothers(t *testing.T) {
	list := []string{"Todd", "Wilkinson", "Deckow", "Smith", "Baker", "Cooper", "Turner"}
	var swedish []string
	for _, a := range []string{"Anders", "Bengts", "Gustafs", "Peters", "Svens", "Karls", "Jakobs", "Olofs"} {
		swedish = append(swedish, a+"son")
	}
	for _, a := range []string{"Berg", "Lund", "Gran", "Malm", "Nor", "Sten", "Ek"} {
		for _, b := range []string{"lund", "gren", "strom", "berg"} {
			swedish = append(swedish, a+b)
		}
	}
	whole := slices.Concat(swedish, swedish[:12], list, list[:3])
	x := lexiconOf(slices.Concat(swedish, swedish[:12]), whole, false, list)
	english := lexiconOf(slices.Concat(list, list[:3]), whole, false, append([]string{"Fisher", "Mason"}, list...))
	r := New(1, "countries")
	novel, listed := 0, 0
	for range 2000 {
		v := x.draw(r, false)
		if slices.Contains(list, v) {
			t.Fatalf("%s is a name of Sweden", v)
		}
		if !slices.Contains(swedish, v) {
			novel++
		}
		if v := english.draw(r, false); v == "Fisher" || v == "Mason" {
			listed++
		}
	}
	if novel == 0 || listed == 0 {
		t.Errorf("%d new names in Sweden, %d of the list where it is at home", novel, listed)
	}
}

// A name that is nobody's anywhere comes no more often than the table's own that stand in
// no list.
func TestNamesAreCoinedWhereTheTablesOwnAreOfNoList(t *testing.T) {
	list := data.Person["last"]
	listed := map[string]bool{}
	for _, v := range list {
		listed[v] = true
	}
	for _, strange := range []int{0, 50} { // of 100
		var own []string
		for i, v := range list[:200] {
			if strange > 0 && i%2 == 0 {
				v = v[:len(v)/2] + "qu" + v[len(v)/2:]
			}
			own = append(own, v)
		}
		x, r := lexiconOf(own, own, false, list), New(1, "coined")
		coined := 0
		for range 200 {
			if v := x.novel(r, false, nil); !listed[v] {
				coined++
			}
		}
		if coined > 2*strange+30 || coined < 2*strange-30 {
			t.Errorf("%d of 200 new names are of no list, of the table's %d of 100", coined, strange)
		}
	}
}

// A name that is put together is as long as the table's that stand once: those that are
// short meet one that is there already oftener than long ones do (these syllables make so
// many of the short ones that a few letters remain).
func TestNamesThatAreCoinedAreNoLongerThanTheTables(t *testing.T) {
	r := New(1, "lengths")
	parts := strings.Fields("ba co du fe gi ho ka le mi no pu ra se ti vo wan zer lin mor tes kol bran al er in os un ey har den tri pel sam gul rod fin mar ces tob vil jor nap")
	held := map[string]bool{}
	var own []string
	long := 0
	for len(own) < 600 {
		v := ""
		for range 2 + r.IntN(3) {
			v += parts[r.IntN(len(parts))]
		}
		if v = strings.ToUpper(v[:1]) + v[1:]; !held[v] {
			held[v] = true
			own = append(own, v)
			long += len(v)
		}
	}
	x := lexiconOf(own, own, false, data.Person["last"])
	n, got := 0, 0
	for range 200 {
		if v := x.novel(r, false, nil); v != "" && !slices.Contains(data.Person["last"], v) {
			n++
			got += len(v)
		}
	}
	if have, want := float64(got)/float64(max(n, 1)), float64(long)/float64(len(own)); n < 100 || math.Abs(have-want) > 1 {
		t.Errorf("%d new names have %.2f letters on the average, the table's %.2f", n, have, want)
	}
}
