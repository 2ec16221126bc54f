package seeder

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"

	"honeyrow/token"
)

// Ranked is one table as a place for honey rows.
type Ranked struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"` // the server's estimate; -1: none
	// Tempting is how much a thief would like it, in the points that plans have;
	// from 8 on a table is planted in unasked. Columns are what makes it so.
	Tempting int    `json:"tempting"`
	Columns  string `json:"columns,omitempty"`
	// Safe is 100 for a table in which nothing can happen because of a honey
	// row, less for each reason against it, 0 if it can't be seeded.
	Safe int `json:"safe"`
	// Strength is of the best value that a honey row would hold: "strong" ones
	// are recognised anywhere, "" if there would be none.
	Strength string `json:"strength,omitempty"`
	// Advice is "plant" (a plan takes it unasked), "name it" (only if asked for
	// by name), "leave" or "refused".
	Advice  string   `json:"advice"`
	Reasons []string `json:"reasons,omitempty"`
	Honey   int      `json:"honey_rows,omitempty"` // that are there already
}

// Score is by what tables are ranked: tempting, less so where it is not safe.
func (r *Ranked) Score() int { return r.Tempting * r.Safe / 100 }

// Scan ranks the tables of the database, the best places for honey rows first.
// It reads the catalogue and a sample of each table, and changes nothing.
func (s *Seeder) Scan(ctx context.Context, o Options) ([]Ranked, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Seed == 0 {
		o.Seed = rand.Uint64() | 1
	}
	d, err := s.draft(ctx, &o)
	if err != nil {
		return nil, err
	}
	tables, _, err := d.candidates()
	if err != nil {
		return nil, err
	}
	var out []Ranked
	for i, t := range tables {
		o.progress("read", t.String(), i, len(tables))
		r, err := d.appraise(ctx, t)
		if err != nil {
			return nil, fmt.Errorf("study %s: %w", t, err)
		}
		r.Honey = planted(d.snap, &Plan{Server: o.Server, Database: d.cat.Database}, t)
		out = append(out, r)
	}
	sort.SliceStable(out, func(a, b int) bool {
		if x, y := out[a].Score(), out[b].Score(); x != y {
			return x > y
		}
		return out[a].Tempting > out[b].Tempting
	})
	return out, nil
}

// appraise looks at one table.
func (d *draft) appraise(ctx context.Context, t *Table) (Ranked, error) {
	r := Ranked{Table: t.String(), Rows: t.Rows, Safe: 100, Advice: "plant"}
	less := func(points int, format string, args ...any) {
		r.Safe, r.Reasons = max(r.Safe-points, 1), append(r.Reasons, fmt.Sprintf(format, args...))
	}
	st, err := d.study(ctx, t, false)
	var no *refusal
	if errors.As(err, &no) && t.Refusal == "" { // what would it be if it were asked for by name?
		if st, err = d.study(ctx, t, true); err == nil {
			less(60, "%s", strings.TrimSuffix(no.why, "; name the table to seed it nevertheless"))
			r.Advice = "name it"
		}
	}
	if errors.As(err, &no) {
		r.Safe, r.Advice, r.Reasons = 0, "refused", append(r.Reasons, no.why)
		return r, nil
	}
	if err != nil {
		return r, err
	}
	r.Tempting, r.Columns = st.tempting()
	best, any := st.strongest()
	if any {
		r.Strength = best.String()
	}
	for _, tr := range t.Triggers {
		switch {
		case !tr.OnInsert || tr.Enabled == "no":
		case !contained(tr.Language):
			less(40, "trigger %s is written in %s and may act outside of the database", tr.Name, tr.Language)
		default:
			less(10, "trigger %s runs when a row is inserted", tr.Name)
		}
	}
	if t.Lasting != "" {
		less(15, "%s", t.Lasting)
	}
	for _, w := range slices.Concat(t.Warnings, t.later()) {
		less(5, "%s", w)
	}
	switch {
	case st.cant != nil && r.Tempting >= 8:
		r.Safe, r.Advice = 0, "refused"
		r.Reasons = append(r.Reasons, strings.ReplaceAll(st.cant.Error(), "\n", "; "))
	case !any || r.Tempting < 8:
		r.Advice, r.Reasons = "leave", append(r.Reasons, "holds little that tempts a thief")
	case best < token.Strong && r.Advice == "plant":
		r.Advice, r.Reasons = "name it", append(r.Reasons, "no column can hold a value that is recognised anywhere")
	}
	return r, nil
}
