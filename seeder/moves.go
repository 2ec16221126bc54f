package seeder

import (
	"math/big"
	"strings"

	"honeyrow/seeder/generate"
)

// Sum is by how much the honey rows of a table move the sum over one of its columns.
type Sum struct {
	Column string `json:"column"`
	By     string `json:"by"` // a decimal number, as exact as the column
}

// sums adds up what the honey rows hold in columns of numbers that a report may sum:
// no keys, nothing that points elsewhere.
func (st *study) sums(rows []*RowPlan) (out []Sum) {
	for _, f := range st.columns {
		if f.Class != generate.Decimal && f.Class != generate.Integer || f.fk != nil || f.seen.Unique || f.plan != nil && f.plan.Kind == "status" || leveled(f.Name) { // a status is no amount
			continue
		}
		sum, places, n := new(big.Rat), 0, 0
		for _, row := range rows {
			c := row.cell(f.Name)
			if c == nil || c.Value == nil || c.Source != Made && c.Source != Copied {
				continue
			}
			v, ok := new(big.Rat).SetString(strings.ReplaceAll(strings.TrimPrefix(*c.Value, "$"), ",", ""))
			if !ok {
				continue
			}
			if _, frac, ok := strings.Cut(*c.Value, "."); ok {
				places = max(places, len(frac))
			}
			sum.Add(sum, v)
			n++
		}
		if n > 0 && sum.Sign() != 0 {
			out = append(out, Sum{f.Name, sum.FloatString(places)})
		}
	}
	return out
}

// moves says by how much counts and sums over the table move, for a reader.
func (t *TablePlan) moves() string {
	out := "its count by " + signed(many(len(t.Rows), "row"))
	for i, s := range t.Sums {
		if i == 0 {
			out += "; sums of "
		} else {
			out += ", "
		}
		out += s.Column + " by " + signed(s.By)
	}
	return out
}

func signed(v string) string {
	if strings.HasPrefix(v, "-") {
		return v
	}
	return "+" + v
}
