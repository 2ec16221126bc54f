package crm

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

//go:embed people.txt
var peopleText string

//go:embed trade.txt
var tradeText string

// country is one section of people.txt.
type country struct {
	code   string
	weight int
	first  []string // of women and men
	last   []string
	city   []place
	street []string
	phone  []string // patterns, "#" is a digit
	shy    []string // patterns of numbers kept for fiction, which some customers give instead of their own
}

// place is a town with the pattern of its postal codes: "#" a digit, "@" a capital.
type place struct{ name, postal string }

// words is what trade.txt holds: lists by their name.
type words map[string][]string

func parsePeople() ([]country, error) {
	var all []country
	for i, line := range strings.Split(peopleText, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		if code, ok := strings.CutPrefix(line, "["); ok {
			all = append(all, country{code: strings.TrimSuffix(code, "]")})
			continue
		}
		key, rest, _ := strings.Cut(line, " ")
		if len(all) == 0 {
			return nil, fmt.Errorf("people.txt:%d: no [country] before %q", i+1, key)
		}
		c := &all[len(all)-1]
		switch key {
		case "weight":
			n, err := strconv.Atoi(rest)
			if err != nil {
				return nil, fmt.Errorf("people.txt:%d: %w", i+1, err)
			}
			c.weight = n
		case "female", "male":
			c.first = append(c.first, strings.Fields(rest)...)
		case "last":
			c.last = strings.Fields(rest)
		case "street":
			c.street = bars(rest)
		case "phone":
			c.phone = bars(rest)
		case "shy":
			c.shy = bars(rest)
		case "city":
			for _, s := range bars(rest) {
				at := strings.IndexAny(s, "#@")
				if at < 0 {
					return nil, fmt.Errorf("people.txt:%d: %q has no postal pattern", i+1, s)
				}
				cut := strings.LastIndexByte(s[:at], ' ')
				if c.code == "IE" { // the routing key is a word of its own: "Cork T12 @@##"
					cut = strings.IndexByte(s, ' ')
				}
				c.city = append(c.city, place{s[:cut], s[cut+1:]})
			}
		default:
			return nil, fmt.Errorf("people.txt:%d: unknown key %q", i+1, key)
		}
	}
	return all, nil
}

func parseTrade() words {
	w := words{}
	for _, line := range strings.Split(tradeText, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		key, rest, _ := strings.Cut(line, " ")
		if key == "mail" {
			w[key] = strings.Fields(rest)
		} else {
			w[key] = bars(rest)
		}
	}
	return w
}

func bars(s string) []string {
	parts := strings.Split(s, "|")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}
