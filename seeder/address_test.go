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
