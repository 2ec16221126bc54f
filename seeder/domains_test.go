package seeder

import (
	"encoding/json"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"

	"honeyrow/seeder/generate"
)

func TestADomainIsOneWordOrAList(t *testing.T) {
	for text, want := range map[string]Domains{
		"domain: a.example":              {"a.example"},
		"domain: [a.example, b.example]": {"a.example", "b.example"},
		"domain: \"\"":                   nil,
	} {
		var c Config
		if err := yaml.Unmarshal([]byte(text), &c); err != nil || !slices.Equal(c.Domain, want) {
			t.Errorf("%s: got %q (%v), want %q", text, c.Domain, err, want)
		}
	}
	for text, want := range map[string]Domains{`{"domain":"a.example"}`: {"a.example"}, `{"domain":["a.example","b.example"]}`: {"a.example", "b.example"}} {
		var p struct {
			Domain Domains `json:"domain,omitempty"`
		}
		if err := json.Unmarshal([]byte(text), &p); err != nil || !slices.Equal(p.Domain, want) {
			t.Errorf("%s: got %q (%v), want %q", text, p.Domain, err, want)
		}
		if b, err := json.Marshal(p); err != nil || string(b) != text {
			t.Errorf("%s (%v), want it as it was: %s", b, err, text)
		}
	}
}

func TestOfSeveralDecoyDomainsEachRowTakesTheTemplatesOrOneInTheSharesOfTheTable(t *testing.T) {
	table := &Table{Name: "customers", Columns: []*Column{{Name: "email", Type: "text", Class: generate.Text, CanSelect: true, CanInsert: true}}}
	s := &Sample{Columns: []string{"email"}}
	add := func(n int, domain string) {
		for range n {
			v := "j" + string(rune('a'+len(s.Rows)%26)) + string(rune('a'+len(s.Rows)/26)) + "@" + domain
			s.Rows = append(s.Rows, []*string{&v})
		}
	}
	add(60, "big.example")
	add(20, "small.example")
	add(120, "stranger.example")
	st, err := learn(table, s, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	st.domains = Domains{"small.example", "big.example", "unused.example"}
	r := generate.New(1, "domains")
	if got := st.mailDomain(r, s.Rows[65]); got != "small.example" {
		t.Errorf("of a row at small.example: %s", got)
	}
	count := map[string]int{}
	for range 400 {
		count[st.mailDomain(r, s.Rows[150])]++
	}
	if count["big.example"] < 260 || count["small.example"] < 60 || count["big.example"]+count["small.example"] != 400 {
		t.Errorf("of rows at other domains: %v, want three quarters at big.example and none at a domain that no row is at", count)
	}
	at := st.atDomain()
	if !at(s.Rows[0]) || !at(s.Rows[70]) || at(s.Rows[150]) {
		t.Error("which rows are at a decoy domain is not told")
	}
	st.domains = Domains{"unused.example", "other.example"}
	clear(count)
	for range 100 {
		count[st.mailDomain(r, s.Rows[0])]++
	}
	if count["unused.example"] < 30 || count["other.example"] < 30 {
		t.Errorf("where no row is at any: %v, want each alike", count)
	}
}
