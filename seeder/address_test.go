package seeder

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"honeyrow/seeder/generate"
)

// Nobody is called Mr Karin, be it a name that the table has or a new one.
func TestAFirstNameGoesWithHowSomebodyIsAddressed(t *testing.T) {
	women := strings.Fields("Karin Sabine Petra Monika Claudia Ingrid Birgit Renate Ursula Heike")
	men := strings.Fields("Thomas Michael Andreas Stefan Markus Frank Jens Uwe Ralf Dieter")
	once := strings.Fields("Silke Gisela Ulrike Tanja Helga Anke Jutta Elke Klaus Bernd Holger Dirk Sven Otto Fritz Lothar")
	s := &Sample{Columns: []string{"form", "first_name", "last_name", "news"}}
	add := func(form, first string, n int) {
		last, news := []string{"Schmidt", "Meyer", "Weber", "Koch", "Bauer", "Wolf", "Schulz"}[n%7], []string{"y", "n"}[n%2]
		s.Rows = append(s.Rows, []*string{&form, &first, &last, &news})
	}
	for n := range 60 {
		add("Frau", women[n%10], n)
		add("Herr", men[n%10], n/2)
	}
	for n, v := range once {
		add([]string{"Frau", "Herr"}[n/8], v, n)
	}
	st := learned(t, s, []generate.Class{generate.Text, generate.Text, generate.Text, generate.Text})
	if len(st.tells) != 1 || st.tells[0].Name != "form" {
		t.Fatalf("first names tell %v, want the form of address", st.tells)
	}
	r, known := rand.New(rand.NewPCG(1, 2)), 0
	his, hers := slices.Concat(men, once[8:]), slices.Concat(women, once[:8])
	for n := range 400 {
		row := s.Rows[n%2]
		first, _ := st.somebody(r, row, 0)
		if slices.Contains(his, first) || slices.Contains(hers, first) {
			known++
		}
		if (*row[0] == "Frau" && slices.Contains(his, first)) || (*row[0] == "Herr" && slices.Contains(hers, first)) {
			t.Fatalf("%s %s", *row[0], first)
		}
		if bare := generate.Sexes(first); !bare[0] && *row[0] == "Frau" || !bare[1] && *row[0] == "Herr" {
			t.Errorf("%s %s, by the lists", *row[0], first)
		}
	}
	if known == 400 {
		t.Error("no name is new")
	}
}

// Where nobody's first name is another's too, the lists say who is a woman, and so of what
// column women and men are apart: of the second in which each was loaded, women first.
func TestFirstNamesThatNobodySharesGoWithWhenTheyWereLoaded(t *testing.T) {
	women := strings.Fields("Mary Patricia Linda Barbara Elizabeth Jennifer Susan Margaret Dorothy Lisa Nancy Karen Betty Helen Sandra Donna Carol Ruth Sharon Michelle Laura Sarah Kimberly Deborah Jessica Shirley Cynthia Angela Melissa Brenda Amy Anna Rebecca Virginia Kathleen Pamela Martha Debra Amanda Stephanie")
	men := strings.Fields("John Robert Michael William David Richard Charles Joseph Thomas Christopher Daniel Paul Mark Donald George Kenneth Steven Edward Brian Ronald Anthony Kevin Jason Matthew Gary Timothy Larry Jeffrey Frank Scott Eric Stephen Andrew Raymond Gregory Joshua Jerry Dennis Walter Patrick")
	s := &Sample{Columns: []string{"first_name", "last_name", "loaded"}}
	for n, first := range slices.Concat(women, men) {
		last, at := []string{"Smith", "Johnson", "Miller", "Baker", "Young"}[n%5], []string{"22:04:36", "22:04:37"}[n/len(women)]
		s.Rows = append(s.Rows, []*string{&first, &last, &at})
	}
	st := learned(t, s, []generate.Class{generate.Text, generate.Text, generate.Text})
	if len(st.tells) != 1 || st.tells[0].Name != "loaded" {
		t.Fatalf("first names tell %v, want when rows were loaded", st.tells)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		row := s.Rows[n%len(s.Rows)]
		first, _ := st.somebody(r, row, 0)
		if is := generate.Sexes(first); is[0] != is[1] && is[0] != (*row[2] == "22:04:36") {
			t.Errorf("%s was loaded at %s", first, *row[2])
		}
	}
}
