package seeder

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"honeyrow/seeder/camouflage"
	"honeyrow/seeder/generate"
)

// What a measurement is made with: an attacker learns from so many other runs
// of so many rows each.
const (
	rehearsals     = 4
	rehearsed      = 20
	leastRehearsed = 6    // where there are few gaps
	leastSample    = 60   // real rows, for a figure to say something
	conspicuous    = 0.98 // of many rows, those that look more like honey rows than so many real ones are drawn again
	maxRedraws     = 5
	fewRows        = 60 // up to so many, each has several draws to choose from
)

// ErrSeen says that honey rows are too easy to tell from real ones.
var ErrSeen = errors.New("the honey rows are too easy to tell from real ones")

// Seen reports, as an ErrSeen, tables whose rows are easier to tell from real
// ones than allowed; 0 allows everything.
func (p *Plan) Seen(content, dump float64) error {
	for _, r := range p.Camouflage {
		for _, c := range []struct {
			what  string
			got   camouflage.Score
			limit float64
			key   string
		}{{"content", r.Content, content, "max_auc"}, {"dump", r.Dump, dump, "max_dump_auc"}} {
			if c.limit > 0 && c.got.Excess() > c.limit {
				return fmt.Errorf("%w: %s, AUC %.2f on the %s, %s allows %.2f; see what betrays in the plan, exclude the table or raise the limit", ErrSeen, r.Table, c.got.AUC, c.what, c.key, c.limit)
			}
		}
	}
	return nil
}

// rehearse makes the honey rows of other runs, which only an attacker uses who
// plays the generator himself. He does not know the owner's mail domain, so
// each run takes one of the table's.
func (d *draft) rehearse(ctx context.Context, st *study) ([][]*hand, error) {
	if got, ok := d.others[st]; ok {
		return got, nil
	}
	domains, slots := st.domains, d.slots[st]
	warn, pool := slices.Clone(st.warn), st.pool
	key, source := st.drawn(), Source("")
	if key != nil {
		source = key.plan.Source
	}
	defer func() {
		d.slots[st], st.warn, st.domains, st.pool = slots, warn, domains, pool
		if key != nil {
			key.plan.Source = source
		}
	}()
	var out [][]*hand
	for k := range rehearsals {
		r := generate.New(d.o.Seed, fmt.Sprint(st.table, " rehearsal ", k))
		if other := st.otherDomains(r, domains); !slices.Equal(other, st.domains) {
			st.domains = other
			st.rank(d.now)
		}
		if len(slots) > 0 {
			// The numbers of our own rows are taken when a thief plays.
			free, err := d.openings(ctx, st, r, leastRehearsed, rehearsed, slots)
			if err != nil {
				return nil, err
			}
			if d.slots[st] = free; len(free) == 0 {
				d.slots[st], key.plan.Source = slots, Gap
			}
		}
		n := rehearsed
		if len(d.slots[st]) > 0 {
			n = min(n, len(d.slots[st]))
		}
		l, err := d.links(ctx, st, r, &n)
		if err != nil {
			return nil, err
		}
		next, err := d.next(ctx, st, n)
		if err != nil {
			return nil, err
		}
		hands := make([]*hand, n)
		d.run = hands
		templates := st.near(r, d.slots[st], n)
		for _, i := range d.byNeed(st, templates) {
			h, err := d.deal(st, r, templates[i], i, n, l, next, nil)
			if err != nil {
				return nil, err
			}
			hands[i] = h
		}
		// A thief's runs have no value twice either: what ours never shows would
		// teach him nothing.
		var no *refusal
		if err := d.distinct(ctx, st, &TablePlan{Rows: rowsOf(hands)}, hands, r); err != nil && !errors.As(err, &no) {
			return nil, err
		}
		out = append(out, hands)
	}
	d.others[st] = out
	return out, nil
}

// disguise draws rows again, and keeps of two draws the one that real rows are more
// like: an attacker who has learnt from other runs says how much more often honey
// rows look so than real ones, and the less likely a draw is, the likelier it has
// to give way (Metropolis and Hastings). So rows do not only avoid what stands out
// by itself, but come as often as real ones do to what honey rows are at too
// often.
func (d *draft) disguise(ctx context.Context, st *study, tp *TablePlan, r *rand.Rand, l *links, next map[string][]string) error {
	if d.o.SkipRedraw || st.kin != nil || len(st.sample.Rows) < leastSample || len(d.tables) >= d.o.MeasureTables {
		return nil
	}
	hands := d.hands[st]
	s, err := d.staged(ctx, st, hands)
	if err != nil {
		return err
	}
	learn := s.Table
	learn.Runs = s.Runs[1:]
	thief := camouflage.Learn(learn)
	if thief == nil {
		return nil
	}
	now := thief.Suspect(s.Runs[0])
	seen := slices.Clone(now)
	for range maxRedraws {
		fresh, drawn, err := d.secondly(st, r, hands, now, l, next)
		if err != nil {
			return err
		}
		if len(drawn) == 0 {
			return nil
		}
		suspect := thief.Suspect(s.show(fresh))
		for _, i := range drawn {
			seen = append(seen, suspect[i])
		}
		odds := oddity(seen)
		for _, i := range drawn {
			if r.Float64() < math.Pow(now[i]/max(suspect[i], 1e-3), odds) && d.refit(st, fresh[i], hands, i) {
				hands[i], now[i] = fresh[i], suspect[i]
			}
		}
		tp.Rows = rowsOf(hands)
		if err := d.distinct(ctx, st, tp, hands, r); err != nil {
			return err
		}
	}
	return nil
}

// oddity is the power by which honey rows come more often the more suspect they
// are: if real rows lie evenly between 0 and 1, and honey rows as the power p of
// that, they have a mean of (p+1)/(p+2).
func oddity(suspect []float64) float64 {
	sum := 0.0
	for _, s := range suspect {
		sum += s
	}
	m := sum / float64(max(len(suspect), 1))
	return min(max(m/(1-min(m, 0.9))-1, 0), 4)
}

// secondly draws rows a second time: all of few, of many the conspicuous ones.
func (d *draft) secondly(st *study, r *rand.Rand, hands []*hand, now []float64, l *links, next map[string][]string) (fresh []*hand, drawn []int, err error) {
	fresh = slices.Clone(hands)
	d.run = hands
	kept := d.guarded(st) // a row of another table is made for it already
	for i, h := range hands {
		if len(hands) > fewRows && now[i] < conspicuous {
			continue
		}
		template := h.template
		for range maxTemplates {
			if kept {
				break
			}
			other := st.near(r, d.slots[st][min(i, len(d.slots[st])):], 1)[0]
			if d.asMany(st, other, h.template) && !slices.ContainsFunc(slices.Concat(hands, fresh[:i]), func(o *hand) bool { return o.template == other }) {
				template = other
				break
			}
		}
		if fresh[i], err = d.deal(st, r, template, i, len(hands), l, next, nil); err != nil {
			return nil, nil, err
		}
		fresh[i].row.ID = h.row.ID
		drawn = append(drawn, i)
	}
	return fresh, drawn, nil
}

// refit gives the relatives of a row that takes the ith one's place other numbers
// where those of another row have come to have theirs, and reports whether there are
// enough. Were the row turned down for each that lies a little off, those with many
// relatives would be; but it is where no real row's would lie.
func (d *draft) refit(st *study, h *hand, hands []*hand, i int) bool {
	others := slices.Concat(hands[:i], hands[i+1:])
	for _, p := range d.pens[st] {
		spent := p.spent(others)
		if !slices.ContainsFunc(h.kids[p.st], func(s slot) bool { _, taken := spent[s.key]; return taken || p.inTurn }) {
			continue
		}
		slots, cost, strict := p.again(st, h, spent)
		if slots == nil {
			return false
		}
		if strict && cost >= odd {
			if _, is, _ := p.again(st, hands[i], spent); is < cost {
				return false
			}
		}
		h.kids[p.st] = slots
	}
	return true
}

// again gives the relatives of a row whose dates are chosen numbers that others don't
// have, and says how far these are off. strict says that no real row's are.
func (p *pen) again(st *study, h *hand, spent map[int64]lot) (slots []slot, cost time.Duration, strict bool) {
	x := p.nest(st, h, spent)
	x.follow(h, h.broods[p.st])
	first, _ := h.past(st)
	slots, cost = x.lay(&h.g, first)
	return slots, cost, x.strict
}

// guarded reports whether a row of another table was planted for each of these
// rows already, made of its template.
func (d *draft) guarded(st *study) bool {
	return slices.ContainsFunc(d.studies, func(o *study) bool { return o.kin != nil && o.kin.to == st && o.kin.parent })
}

// stage is what attackers look at, and how any rows would look there.
type stage struct {
	camouflage.Table
	show func(run []*hand) []camouflage.Row
}

func (d *draft) staged(ctx context.Context, st *study, hands []*hand) (*stage, error) {
	t := st.view()
	others, err := d.rehearse(ctx, st)
	if err != nil {
		return nil, err
	}
	rows := st.sample.Rows
	st.sample.Rows = slices.Concat(st.templates(hands, others), shuffled(rows, d.o.Seed))
	broods, err := d.broods(ctx, st, &t)
	st.sample.Rows = rows
	if err != nil {
		return nil, err
	}
	points := &targets{}
	if d.deep { // beside planted rows, of which they are known
		if points, err = d.targets(ctx, st, rows); err != nil {
			return nil, err
		}
	}
	t.Pointed = points.names
	for _, row := range rows {
		if !broods.known(row) {
			continue
		}
		t.Real = append(t.Real, camouflage.Row{Values: st.values(row), Broods: broods.of(row, nil, true), Pointed: points.of(row), Place: -1})
	}
	high, err := d.highest(ctx, st)
	if err != nil {
		return nil, err
	}
	show := func(run []*hand) (rows []camouflage.Row) {
		for n, h := range run {
			rows = append(rows, camouflage.Row{Values: d.values(h, st, high, n), Broods: broods.of(h.was, h, d.o.Family), Pointed: points.ofHand(h, st), Place: -1})
		}
		return rows
	}
	for _, run := range append([][]*hand{hands}, others...) {
		t.Runs = append(t.Runs, show(run))
	}
	t.Seed = d.o.Seed
	return &stage{t, show}, nil
}

// templates are the rows of which those of all runs are made.
func (st *study) templates(hands []*hand, others [][]*hand) (out [][]*string) {
	for _, run := range append([][]*hand{hands}, others...) {
		for _, h := range run {
			out = append(out, h.was)
		}
	}
	return out
}

// judge measures the tables of a plan, as many at a time as there are processors.
func (d *draft) judge(ctx context.Context, p *Plan) error {
	var work sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	defer work.Wait()
	for i, st := range d.studies {
		if st.kin != nil {
			continue
		}
		if len(st.sample.Rows) < leastSample {
			p.Warnings = appendOnce(p.Warnings, fmt.Sprintf("%s: too few rows to say how well honey rows hide (%d)", st.table, len(st.sample.Rows)))
			continue
		}
		if n := d.o.MeasureTables; len(p.Camouflage) >= n {
			p.Warnings = append(p.Warnings, fmt.Sprintf("how well honey rows hide is measured for the first %d tables only, and only there conspicuous rows are drawn again (seed.measure_tables)", n))
			return nil
		}
		d.o.progress("measure", st.table.String(), i, len(d.studies))
		t, err := d.staged(ctx, st, d.hands[st])
		var no *refusal
		switch {
		case errors.As(err, &no):
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s: how well honey rows hide can't be measured: %s", st.table, no.why))
			continue
		case err != nil:
			return fmt.Errorf("measure %s: %w", st.table, err)
		}
		rep := new(camouflage.Report)
		p.Camouflage = append(p.Camouflage, rep)
		free <- struct{}{}
		work.Go(func() {
			*rep = *camouflage.Measure(t.Table)
			<-free
		})
	}
	return nil
}

// highest returns the greatest number of each column whose numbers are drawn
// when the plan is applied.
func (d *draft) highest(ctx context.Context, st *study) (map[string]int64, error) {
	out := map[string]int64{}
	for _, f := range st.columns {
		if f.plan.Source != Drawn {
			continue
		}
		v, err := d.s.Database.Highest(ctx, st.table, f.Name)
		if err != nil {
			return nil, err
		}
		out[f.Name], _ = strconv.ParseInt(v, 10, 64)
	}
	return out, nil
}

// view is the table as an attacker sees it, without rows.
func (st *study) view() camouflage.Table {
	t := camouflage.Table{Name: st.table.String()}
	for _, f := range st.columns {
		if f.sample < 0 {
			continue
		}
		c := camouflage.Column{Name: f.Name, Class: f.Class, Kind: f.plan.Kind, Role: camouflage.Content}
		c.Person = f.gen != nil && f.gen.Trait().Person
		switch {
		case f.plan.Source == Drawn && f.Class == generate.Integer, f.plan.Source == Next, f.plan.Source == Gap:
			c.Role = camouflage.Key
		case f.plan.Source == Parent:
			c.Role = camouflage.Reference
		case f.plan.Source == Default || f.plan.Source == Computed || f.plan.Source == Drawn:
			c.Role = camouflage.Ignored
		case (f.plan.Kind == "code" || f.plan.Kind == "account_number") && (generate.Counts(f.seen) || st.follows(f)):
			c.Role = camouflage.Key
		}
		t.Columns = append(t.Columns, c)
	}
	return t
}

// follows reports whether a code is made of the key.
func (st *study) follows(f *field) bool {
	key := st.drawn()
	if key == nil || f.sample < 0 {
		return false
	}
	_, ok := st.offset(key, f)
	return ok
}

// values picks the columns of a sampled row that view shows.
func (st *study) values(row []*string) []*string {
	var out []*string
	for _, f := range st.columns {
		if f.sample >= 0 {
			out = append(out, row[f.sample])
		}
	}
	return out
}

// values are a honey row's, with the numbers that it will probably get.
func (d *draft) values(h *hand, st *study, high map[string]int64, n int) []*string {
	var out []*string
	for _, f := range st.columns {
		if f.sample < 0 {
			continue
		}
		c := h.row.cell(f.Name)
		v := c.Value
		switch c.Source {
		case Drawn:
			s := strconv.FormatInt(high[f.Name]+int64(n)+1, 10)
			v = &s
		case Honey: // a row that points where its template does, as far as this table shows
			v = h.was[f.sample]
			if own := d.guardianKey(h, st, c); own != "" {
				v = &own
			}
		}
		out = append(out, v)
	}
	return out
}

// guardianKey is the key that the row will probably have that is planted for
// this one alone and that c points at; "" if there is none.
func (d *draft) guardianKey(h *hand, st *study, c *Cell) string {
	for _, g := range d.studies {
		if g.kin == nil || !g.kin.parent || g.kin.to != st || g.kin.fk.Columns[0] != c.Column {
			continue
		}
		at, ok := d.position[g.table]
		key := g.drawn()
		if !ok || key == nil {
			return ""
		}
		if key.plan.Source != Gap {
			top := int64(0)
			for _, v := range key.seen.Values {
				if k, err := strconv.ParseInt(v, 10, 64); err == nil {
					top = max(top, k)
				}
			}
			return strconv.FormatInt(top+1+int64(h.g.Number), 10)
		}
		if h.slot == nil || slices.ContainsFunc(d.slots[st], func(s slot) bool { return s.key == h.slot.key }) {
			if own := d.tables[at].Rows[c.Ref.Row].cell(c.Ref.Column); own != nil && own.Value != nil {
				return *own.Value
			}
			return ""
		}
		if near, ok := st.beside(g.kin.fk, h.slot); ok { // another run's
			return strconv.FormatInt(near.want, 10)
		}
	}
	return ""
}
