package seeder

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"unicode"

	"honeyrow/seeder/generate"
)

// maxName is the length of a table's name that every product takes.
const maxName = 63

// christen names a decoy table: as the owner says, or in the style of the
// schema's own names.
func (d *draft) christen(r *rand.Rand, p *Plan, tp *TablePlan, cat *Catalog) error {
	used := map[string]bool{}
	for _, t := range cat.Tables {
		if t.Schema == tp.Schema {
			used[strings.ToLower(t.Name)] = true
		}
	}
	for _, other := range p.decoys() {
		if other != tp && other.Schema == tp.Schema {
			used[strings.ToLower(other.Table)] = true
		}
	}
	if name := d.o.DecoyName; name != "" {
		name = strings.TrimPrefix(name, tp.Schema+".")
		switch {
		case used[strings.ToLower(name)]:
			return fmt.Errorf("decoy table %s: there is a table of that name: choose another, or have it watched with `honeyrow tokens decoy add`", name)
		case len(name) > maxName || strings.ContainsAny(name, ".\x00"):
			return fmt.Errorf("decoy table %s: give a name of up to %d bytes, its schema is the model's", name, maxName)
		}
		tp.Table = name
		return nil
	}
	for _, name := range copies(r, tp.Table, d.vintage(tp), styleOf(tp.Table, cat)) {
		if !used[strings.ToLower(name)] && len(name) <= maxName {
			tp.Table = name
			return nil
		}
	}
	return fmt.Errorf("no name for a copy of %s is free: name it (--decoy-name)", tp)
}

// vintage is the year that the newest date of the rows is in: a copy is not
// older than its rows.
func (d *draft) vintage(tp *TablePlan) int {
	year := 0
	for _, row := range tp.Rows {
		for _, c := range row.Cells {
			if cp := tp.column(c.Column); c.Value == nil || cp == nil || !strings.Contains(cp.Type, "date") && !strings.Contains(cp.Type, "time") {
				continue
			}
			if at, _, ok := generate.ParseTime(*c.Value); ok && !at.After(d.now) {
				year = max(year, at.Year())
			}
		}
	}
	if year == 0 {
		return d.now.Year() - 1
	}
	return year
}

// style is how a schema writes names of several words.
type style int

const (
	snake   style = iota // customer_orders
	camel                // customerOrders
	pascal               // CustomerOrders
	shouted              // CUSTOMER_ORDERS
)

// styleOf is the style of a name; of one that is a single word, that of most
// other names.
func styleOf(name string, cat *Catalog) style {
	if s, ok := ownStyle(name); ok {
		return s
	}
	count := map[style]int{}
	for _, t := range cat.Tables {
		if s, ok := ownStyle(t.Name); ok {
			count[s]++
		}
	}
	best := snake
	for _, s := range []style{camel, pascal, shouted} {
		if count[s] > count[best] {
			best = s
		}
	}
	upper := unicode.IsUpper([]rune(name)[0])
	switch {
	case upper && strings.ToUpper(name) == name:
		return shouted
	case upper && best == camel:
		return pascal
	case !upper && best == pascal:
		return camel
	case !upper && best == shouted:
		return snake
	}
	return best
}

func ownStyle(name string) (style, bool) {
	low, up := strings.ToLower(name) == name, strings.ToUpper(name) == name
	switch {
	case strings.Contains(name, "_") && up:
		return shouted, true
	case strings.Contains(name, "_"):
		return snake, true
	case low || up:
		return snake, false
	case unicode.IsUpper([]rune(name)[0]) && strings.ToLower(name[1:]) == name[1:]:
		return pascal, false // Customers: a single word
	case unicode.IsUpper([]rune(name)[0]):
		return pascal, true
	}
	return camel, true
}

// copies lists names that a copy of a table may have, the first the best.
func copies(r *rand.Rand, model string, year int, s style) (out []string) {
	y := strconv.Itoa(year)
	words := [][]string{{"backup"}, {"backup", y}, {"old"}, {"archive"}, {y}, {"export"}, {"bak"}, {"copy"}, {"export", y}, {"archive", y}}
	for _, i := range r.Perm(len(words) - 4) {
		out = append(out, join(model, words[i], s))
	}
	for _, w := range words[len(words)-4:] {
		out = append(out, join(model, w, s))
	}
	for n := 2; n < 10; n++ {
		out = append(out, join(model, []string{"backup", strconv.Itoa(n)}, s))
	}
	return out
}

func join(model string, words []string, s style) string {
	name := model
	for _, w := range words {
		switch s {
		case camel, pascal:
			name += strings.ToUpper(w[:1]) + w[1:]
		case shouted:
			name += "_" + strings.ToUpper(w)
		default:
			name += "_" + w
		}
	}
	return name
}
