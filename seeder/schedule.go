package seeder

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

// Share is an estimate of how much of a table will have come after a drip began.
type Share struct {
	Table string `json:"table"`
	// Newer is the share of rows that will be newer than the drip's start when it
	// ends, if rows come as they did; 0 if that can't be told.
	Newer float64 `json:"newer"`
	// Hours says whether the hours at which rows come are known.
	Hours bool `json:"hours_known"`
}

// AUC is what a thief gets by the newest keys alone, as far as Newer says.
func (s *Share) AUC() float64 { return 1 - s.Newer/2 }

// rhythms reads when rows of the plan's tables come. A table that tells no hour
// takes those of the others.
func (d *draft) rhythms(ctx context.Context, p *Plan, over time.Duration) (map[*TablePlan]*rhythm, []Share, error) {
	out := map[*TablePlan]*rhythm{}
	var shares []Share
	var all []time.Time
	for _, tp := range p.Tables {
		t, err := d.cat.Table(tp.String())
		if err != nil {
			return nil, nil, err
		}
		st, err := d.look(ctx, t, tp)
		if err != nil {
			return nil, nil, err
		}
		h, err := d.rhythm(ctx, st, st.born())
		if err != nil {
			return nil, nil, fmt.Errorf("read when rows of %s come: %w", t, err)
		}
		out[tp], all = &h, append(all, h.moments...)
		shares = append(shares, Share{Table: tp.String(), Newer: h.newer(st, d.now, over), Hours: len(h.moments) > 0})
	}
	for _, h := range out {
		if len(h.moments) == 0 {
			h.moments = all
		}
	}
	return out, shares, nil
}

// look samples a table and takes its columns for what the plan took them for.
func (d *draft) look(ctx context.Context, t *Table, tp *TablePlan) (*study, error) {
	sample, err := d.s.Database.Sample(ctx, t, d.o.SampleRows, d.o.Seed)
	if err != nil {
		return nil, fmt.Errorf("read rows of %s: %w", t, err)
	}
	withoutHoney(sample, d.snap, d.o.Server, d.cat.Database, t)
	return learn(t, sample, func(column string) string {
		if cp := tp.column(column); cp != nil && cp.Source == Made {
			return cp.Kind
		}
		return ""
	})
}

// schedule says when each of the plan's rows in waiting is planted: between from
// and to, in the rhythm of its table, after the honey rows at which it points,
// a row of its own that it points at just before it.
func (p *Plan) schedule(r *rand.Rand, beat map[*TablePlan]*rhythm, waiting map[event.ID]bool, from, to time.Time) (out []token.DripRow) {
	owner := p.owners()
	due := map[event.ID]time.Time{}
	for _, tp := range p.Tables {
		var taken []time.Time
		near := to.Sub(from) / time.Duration(20*max(len(tp.Rows), 1))
		for _, row := range tp.Rows {
			if !waiting[row.ID] || owner[row.ID] != "" {
				continue
			}
			low := from
			for _, c := range row.Cells {
				if c.Source == Honey {
					if at, ok := due[p.Tables[c.Ref.Table].Rows[c.Ref.Row].ID]; ok && !at.Before(low) {
						low = at.Add(time.Minute + time.Duration(r.Int64N(int64(10*time.Minute))))
					}
				}
			}
			t := beat[tp].draw(r, low, to)
			for try := 0; try < 8 && crowded(taken, t, near); try++ {
				t = beat[tp].draw(r, low, to)
			}
			taken = append(taken, t)
			due[row.ID] = t
		}
	}
	for _, tp := range p.Tables {
		for _, row := range tp.Rows {
			if !waiting[row.ID] {
				continue
			}
			at, ok := due[row.ID]
			if !ok { // with the row that points at it
				if at, ok = due[owner[row.ID]]; !ok {
					at = from
				}
				at = at.Add(-time.Second - time.Duration(r.Int64N(int64(10*time.Second))))
			}
			out = append(out, token.DripRow{Row: row.ID, Table: tp.String(), Due: at.UTC(), State: token.Waiting})
		}
	}
	return out
}

func crowded(taken []time.Time, t time.Time, near time.Duration) bool {
	for _, at := range taken {
		if at.Sub(t).Abs() < near {
			return true
		}
	}
	return false
}

// owners maps rows that are one other row's own (a member's address) to that row.
func (p *Plan) owners() map[event.ID]event.ID {
	out := map[event.ID]event.ID{}
	for _, tp := range p.Tables {
		for _, row := range tp.Rows {
			for _, c := range row.Cells {
				if c.Source != Honey {
					continue
				}
				if kin := p.Tables[c.Ref.Table]; kin.For != "" && kin.For == tp.String() {
					out[kin.Rows[c.Ref.Row].ID] = row.ID
				}
			}
		}
	}
	return out
}

// DripStatus says in words how far a drip has come.
func DripStatus(d *token.Drip, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d rows are in", d.In(), len(d.Rows))
	for _, s := range []token.DripState{token.Foregone, token.Cancelled} {
		n := 0
		for i := range d.Rows {
			if d.Rows[i].State == s {
				n++
			}
		}
		if n > 0 {
			fmt.Fprintf(&b, ", %d %s", n, s)
		}
	}
	next := d.Next()
	switch {
	case next == nil:
		return b.String() + ", none waits"
	case now.Sub(next.Due) > late:
		return b.String() + fmt.Sprintf(", the next was due on %s: nothing plants it; go on with `honeyrow seed drip`", next.Due.Format("2006-01-02 15:04 UTC"))
	}
	last := next.Due
	for i := range d.Rows {
		if d.Rows[i].State == token.Waiting {
			last = d.Rows[i].Due
		}
	}
	return b.String() + fmt.Sprintf(", the next is due on %s, the last on %s", next.Due.Format("2006-01-02 15:04 UTC"), last.Format("2006-01-02 15:04 UTC"))
}
