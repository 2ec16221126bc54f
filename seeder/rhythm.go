package seeder

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"honeyrow/seeder/generate"
)

// rhythm is when rows of a table come, as far as a date of them tells.
type rhythm struct {
	moments []time.Time // at which sampled rows were made; none if the hour is not known
	newest  time.Time   // of all dates that lie in the past; zero if there is none
	gap     time.Duration
	// zone is by how much times that are written without a zone are ahead of UTC.
	zone time.Duration
}

// born returns the date at which a row was made: the one that grows with the
// key, or else one that is named so; nil if there is none.
func (st *study) born() *field {
	if f := st.grows(); f != nil {
		return f
	}
	for _, f := range st.columns {
		if f.plan.Kind == "timestamp" && f.sample >= 0 && len(f.seen.Values) > 0 && generate.HasPhrase(f.Name, "created", "create time", "created at", "created on", "creation date",
			"inserted at", "added at", "date added", "registered", "registered at", "signup at", "signed up at", "joined at", "ordered at", "order date", "placed at", "opened at", "issued at", "recorded at", "occurred at", "logged at") {
			return f
		}
	}
	return nil
}

// rhythm reads the rhythm of a table from a date of its rows.
func (d *draft) rhythm(ctx context.Context, st *study, f *field) (rhythm, error) {
	var h rhythm
	if f == nil {
		return h, nil
	}
	var all []time.Time
	midnight, naive := 0, false
	for _, v := range f.seen.Values {
		t, layout, ok := generate.ParseTime(v)
		if !ok || generate.Sentinel(t) {
			continue
		}
		naive = !strings.Contains(layout, "07")
		if t.Equal(t.Truncate(24 * time.Hour)) {
			midnight++
		}
		all = append(all, t)
	}
	highest, err := d.s.Database.Highest(ctx, st.table, f.Name)
	if err != nil {
		return h, err
	}
	if t, _, ok := generate.ParseTime(highest); ok && !generate.Sentinel(t) && t.Before(d.now.Add(14*time.Hour)) {
		all = append(all, t)
	}
	if len(all) == 0 {
		return h, nil
	}
	slices.SortFunc(all, time.Time.Compare)
	h.gap = all[len(all)-1].Sub(all[0]) / time.Duration(max(st.table.Rows, int64(len(all))))
	if naive && f.Class != generate.Date {
		h.zone = ahead(all, d.now, h.gap)
	}
	for _, t := range all {
		if t = t.Add(-h.zone); !t.After(d.now) {
			h.newest = t
			h.moments = append(h.moments, t.UTC())
		}
	}
	if f.Class == generate.Date || 2*midnight > len(all) || len(h.moments) < 20 {
		h.moments = nil // they tell no hour
	}
	return h, nil
}

// ahead estimates by how much the times of a table, sorted, are ahead of UTC:
// the newest shows it if it lies ahead of now, or behind it by much more than
// what is usual between two rows. All zones are whole quarters of an hour.
func ahead(all []time.Time, now time.Time, gap time.Duration) time.Duration {
	const quarter = 15 * time.Minute
	i := len(all) - 1
	for i > 0 && all[i].Sub(now) > 14*time.Hour { // of something that is yet to come
		i--
	}
	lead := all[i].Sub(now)
	switch {
	case lead > 14*time.Hour:
		return 0
	case lead > 0:
		return (lead + quarter - 1).Truncate(quarter)
	case lead < -quarter && lead > -12*time.Hour && 8*gap < quarter:
		return lead.Truncate(quarter)
	}
	return 0
}

// alive reports whether rows go on to come: nothing comes on a long weekend.
func (h *rhythm) alive(now time.Time) bool {
	return !h.newest.IsZero() && now.Sub(h.newest) <= max(96*time.Hour, 10*h.gap)
}

// draw returns a time between two at an hour, of a day of the week, at which
// rows come; any time if that is not known. It is never a round one.
func (h *rhythm) draw(r *rand.Rand, from, to time.Time) time.Time {
	const day = 24 * time.Hour
	if !to.After(from) {
		return from
	}
	first := from.UTC().Truncate(day)
	days := int64(to.Sub(first)/day) + 1
	for range 400 {
		if len(h.moments) == 0 {
			break
		}
		m := h.moments[r.IntN(len(h.moments))]
		t := first.Add(time.Duration(r.Int64N(days))*day + m.Sub(m.Truncate(day)) + time.Duration(r.Int64N(int64(20*time.Minute))) - 10*time.Minute)
		if (days < 7 || t.Weekday() == m.Weekday()) && t.After(from) && t.Before(to) {
			return t
		}
	}
	return from.Add(time.Duration(r.Int64N(int64(to.Sub(from)))))
}

// newer estimates the share of a table that will be newer than now after some
// time, if rows come as they did.
func (h *rhythm) newer(st *study, now time.Time, over time.Duration) float64 {
	if h.gap <= 0 || !h.alive(now) {
		return 0
	}
	recent := 0
	for _, t := range h.moments {
		if now.Sub(t) <= over {
			recent++
		}
	}
	come := float64(recent) / float64(max(len(h.moments), 1)) * float64(max(st.table.Rows, int64(len(st.sample.Rows))))
	return come / (come + float64(max(st.table.Rows, int64(len(st.sample.Rows)))))
}
