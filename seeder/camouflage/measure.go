package camouflage

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
)

// maxReal is how many real rows are looked at.
const maxReal = 1200

// Measure plays the attackers. It needs honey rows of one run at least; with
// fewer than two the labelled attacker, who learns from other runs, has only
// half of the rows judged to learn from.
func Measure(t Table) *Report {
	r := rand.New(rand.NewPCG(t.Seed, 0xca30))
	t.some(r)
	rep := &Report{Table: t.Name, Real: len(t.Real), Runs: len(t.Runs)}
	if len(t.Runs) == 0 || len(t.Real) < 20 {
		return rep
	}
	rep.Honey = len(t.Runs[0])
	own := t.Runs[0]
	if len(t.Runs) == 1 {
		t.Runs, t.Dumps = [][]Row{own[:(len(own)+1)/2], own[len(own)/2:]}, nil
	}
	got := play(r, &t)
	null := decoys(r, &t)
	floor := play(r, &null)
	rep.Content, rep.Dump = got.score(false), got.score(true)
	for _, s := range []struct {
		s    *Score
		dump bool
	}{{&rep.Content, false}, {&rep.Dump, true}} {
		f := floor.score(s.dump)
		s.s.Floor, s.s.Spread = f.AUC, floor.spread(s.dump)
	}
	rep.Betrays = got.clues(&t)
	if rep.Dump.AUC > rep.Dump.Floor+0.1 {
		rep.Together = got.together()
	}
	t.Runs = [][]Row{own}
	rep.Habits = habits(&t)
	return rep
}

// Thief is an attacker who has learnt from honey rows of several runs, and ranks
// those of another by their content. It finds out what Measure finds out too, for a
// tenth of the work. He does not look at keys and relatives: of rows that are not
// planted yet these are known by guess, and he would rank by what is off in that.
type Thief struct {
	t      Table
	trees  *boosted
	sparse *sparse
}

// Learn trains an attacker on the runs of a table; nil if they tell too little.
func Learn(t Table) *Thief {
	r := rand.New(rand.NewPCG(t.Seed, 0xca31))
	t.some(r)
	if len(t.Runs) == 0 || len(t.Real) < 20 {
		return nil
	}
	var l lot
	for k, run := range t.Runs {
		l.add(t.dump(k), run, k+1, len(t.Runs)+1)
	}
	return &Thief{t: t, trees: fitBoosted(r, l.content, l.honey), sparse: fitSparse(r, l.pieces, l.honey)}
}

// Suspect returns, for each row of a run that he has not learnt from, the share of
// real rows that look less like a honey row.
func (a *Thief) Suspect(run []Row) []float64 {
	var l lot
	l.add(&a.t, run, 0, len(a.t.Runs)+1)
	return suspicion(&l, apply(l.content, a.trees.score), apply(l.pieces, a.sparse.score))
}

// add adds a run, and of the real rows the kth of so many parts.
func (l *lot) add(t *Table, run []Row, k, parts int) {
	d := newDeck(t, run)
	f := d.content()
	for i := range d.rows {
		if i < len(t.Real) && i%parts != k {
			continue
		}
		l.content, l.pieces, l.honey = append(l.content, take(f, i)), append(l.pieces, d.pieces(i)), append(l.honey, i >= len(t.Real))
		if i < len(t.Real) {
			l.n++
		}
	}
}

// some leaves the runs out that have no rows, and of the real rows all but maxReal,
// drawn at random, in their order. Real are the first run's then.
func (t *Table) some(r *rand.Rand) {
	var runs, dumps [][]Row
	for k, run := range t.Runs {
		if len(run) > 0 {
			runs = append(runs, run)
			if t.Dumps != nil {
				dumps = append(dumps, t.Dumps[k])
			}
		}
	}
	if t.Runs, t.Dumps = runs, dumps; dumps != nil {
		t.Real = dumps[0]
	}
	if len(t.Real) <= maxReal {
		return
	}
	pick := r.Perm(len(t.Real))[:maxReal]
	sort.Ints(pick)
	of := func(rows []Row) []Row {
		out := make([]Row, len(pick))
		for i, k := range pick {
			out[i] = rows[k]
		}
		return out
	}
	t.Real = of(t.Real)
	for k := range t.Dumps {
		t.Dumps[k] = of(t.Dumps[k])
	}
}

// dump is the table as the kth run's dump shows it.
func (t *Table) dump(k int) *Table {
	if t.Dumps == nil {
		return t
	}
	out := *t
	out.Real = t.Dumps[k]
	return &out
}

// ruledDraws is how often other real rows are drawn to be judged by the rules: which
// these are moves the figure by some hundredths.
const ruledDraws = 3

// Ruled plays the attackers that Measure plays, with real rows in the place of
// honey rows: for each run some of those that its honey rows can be like. It is
// what rows score that nothing tells but the rules, the mean over several draws. ok
// is false if a run has too few of them.
func Ruled(t Table) (content, dump Score, ok bool) {
	r := rand.New(rand.NewPCG(t.Seed, 0xca32))
	t.some(r)
	for range ruledDraws {
		drawn, ok := t.imitable(r)
		if !ok {
			return content, dump, false
		}
		got := play(r, &drawn)
		for _, one := range []struct {
			to   *Score
			dump bool
		}{{&content, false}, {&dump, true}} {
			s := got.score(one.dump)
			one.to.AUC += s.AUC / ruledDraws
			one.to.Own += s.Own / ruledDraws
			one.to.Labelled += s.Labelled / ruledDraws
			one.to.Unsupervised += s.Unsupervised / ruledDraws
		}
	}
	return content, dump, true
}

// imitable returns the table with real rows that honey rows can be like in the place
// of each run's.
func (t *Table) imitable(r *rand.Rand) (out Table, ok bool) {
	order := r.Perm(len(t.Real))
	runs := make([][]int, len(t.Runs))
	taken := map[int]bool{}
	for k, run := range t.Runs {
		for _, i := range order {
			if len(runs[k]) < len(run) && !taken[i] && t.dump(k).Real[i].Imitable {
				runs[k], taken[i] = append(runs[k], i), true
			}
		}
		if len(runs[k]) < len(run) {
			return out, false
		}
	}
	if len(runs) < 2 {
		return out, false
	}
	return t.instead(runs), true
}

// decoys takes as many real rows as there are honey rows, but no more than half, and
// calls them so.
func decoys(r *rand.Rand, t *Table) Table {
	order := r.Perm(len(t.Real))
	runs, at := make([][]int, len(t.Runs)), 0
	for k, run := range t.Runs {
		n := min(len(run), max(1, (len(order)/2-at)/max(1, len(t.Runs)-k)))
		runs[k], at = order[at:at+n], at+n
	}
	return t.instead(runs)
}

// instead returns the table with real rows in the place of each run's, and without
// these among the real ones.
func (t *Table) instead(runs [][]int) Table {
	out := *t
	out.Runs, out.Real, out.Dumps = nil, nil, nil
	taken := map[int]bool{}
	for _, of := range runs {
		var rows []Row
		for _, i := range of {
			rows = append(rows, t.Real[i])
			taken[i] = true
		}
		out.Runs = append(out.Runs, rows)
	}
	for i, row := range t.Real {
		if !taken[i] {
			out.Real = append(out.Real, row)
		}
	}
	return out
}

// outcome is what the attackers scored: AUCs by run, content and dump.
type outcome struct {
	trees, pieces, unlike [2][]float64
	content, order        []string // names of the features
	single                map[string][]float64
	gains                 map[string]float64 // of the trees on the dump
}

// lot is what one attacker sees of one run: honey rows, and a part of the real
// rows that no other run shows.
type lot struct {
	content, all [][]float64
	pieces       [][]uint32
	honey        []bool
	n            int // of real rows
}

// play has every attacker try every run, with the labels of the others.
func play(r *rand.Rand, t *Table) *outcome {
	out := &outcome{single: map[string][]float64{}, gains: map[string]float64{}}
	parts := len(t.Runs)
	order := r.Perm(len(t.Real))
	lots := make([]*lot, parts)
	for k, run := range t.Runs {
		d := newDeck(t.dump(k), run)
		cf, of := d.content(), d.order()
		out.content, out.order = cf.names, of.names
		l := &lot{}
		var rows []int
		for i := k; i < len(order); i += parts {
			rows = append(rows, order[i])
		}
		l.n = len(rows)
		for i := len(t.Real); i < d.width; i++ {
			rows = append(rows, i)
		}
		for _, i := range rows {
			c := take(cf, i)
			l.content = append(l.content, c)
			l.all = append(l.all, append(slices.Clone(c), take(of, i)...))
			l.pieces = append(l.pieces, d.pieces(i))
			l.honey = append(l.honey, i >= len(t.Real))
		}
		lots[k] = l
		out.alone(l, append(slices.Clone(cf.names), of.names...))
	}
	for k, l := range lots {
		var x, y [][]float64
		var z [][]uint32
		var honey []bool
		for j, other := range lots {
			if j != k {
				x, y, z, honey = append(x, other.content...), append(y, other.all...), append(z, other.pieces...), append(honey, other.honey...)
			}
		}
		trees, sparse := fitBoosted(r, x, honey), fitSparse(r, z, honey)
		deep := trees
		if len(out.order) > 0 {
			deep = fitBoosted(r, y, honey)
		}
		for f, name := range append(slices.Clone(out.content), out.order...) {
			if f < len(deep.gains) {
				out.gains[name] += deep.gains[f]
			}
		}
		a := apply(l.content, trees.score)
		b := apply(l.pieces, sparse.score)
		c := apply(l.all, deep.score)
		out.trees[0], out.trees[1] = append(out.trees[0], auc(a, l.honey)), append(out.trees[1], auc(c, l.honey))
		out.pieces[0] = append(out.pieces[0], auc(b, l.honey))
		for dump, x := range [][][]float64{l.content, l.all} {
			out.unlike[dump] = append(out.unlike[dump], auc(isolation(r, x), l.honey))
		}
	}
	return out
}

func take(f *features, i int) []float64 {
	out := make([]float64, len(f.cols))
	for k, c := range f.cols {
		out[k] = c[i]
	}
	return out
}

func apply[T any](x []T, score func(T) float64) []float64 {
	out := make([]float64, len(x))
	for i := range x {
		out[i] = score(x[i])
	}
	return out
}

// alone measures each feature by itself.
func (o *outcome) alone(l *lot, names []string) {
	col := make([]float64, len(l.all))
	for f, name := range names {
		for i := range l.all {
			col[i] = l.all[i][f]
		}
		o.single[name] = append(o.single[name], auc(col, l.honey))
	}
}

// suspicion is the share of real rows that the attackers are less sure of than of
// each honey row: each row counts by the attacker who is surest of it.
func suspicion(l *lot, scores ...[]float64) []float64 {
	worst := make([]float64, len(l.honey))
	for _, s := range scores {
		for i, q := range l.shares(s) {
			worst[i] = max(worst[i], q)
		}
	}
	return l.shares(worst)[l.n:]
}

// shares is, for each row, the share of the real rows that have a lower score,
// equal ones counted half.
func (l *lot) shares(score []float64) []float64 {
	real := slices.Sorted(slices.Values(score[:l.n]))
	out := make([]float64, len(score))
	for i, v := range score {
		lo := sort.SearchFloat64s(real, v)
		hi := sort.Search(len(real), func(k int) bool { return real[k] > v })
		out[i] = float64(lo+hi) / 2 / float64(max(len(real), 1))
	}
	return out
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, f := range v {
		sum += f
	}
	return sum / float64(max(len(v), 1))
}

// score sums up one kind of attack. Who sees the dump sees the content too.
func (o *outcome) score(dump bool) Score {
	k := 0
	if dump {
		k = 1
	}
	s := Score{Unsupervised: mean(o.unlike[k])}
	labelled := [][]float64{o.trees[k], o.pieces[0]}
	best := o.unlike[k]
	for _, v := range labelled {
		s.Labelled = max(s.Labelled, mean(v))
		if mean(v) > mean(best) {
			best = v
		}
	}
	s.AUC, s.Own = mean(best), best[0]
	s.Error = deviation(best) / math.Sqrt(float64(max(len(best), 1)))
	return s
}

// spread is the standard deviation of the labelled attacker's AUC of a run.
func (o *outcome) spread(dump bool) float64 {
	if dump {
		return deviation(o.trees[1])
	}
	return deviation(o.trees[0])
}

func deviation(v []float64) float64 {
	m, sum := mean(v), 0.0
	for _, f := range v {
		sum += (f - m) * (f - m)
	}
	return math.Sqrt(sum / float64(max(len(v)-1, 1)))
}

// together lists the features on which the trees lean most, if not by
// themselves then with others.
func (o *outcome) together() (out []Clue) {
	sum := 0.0
	for name, g := range o.gains {
		sum += g
		out = append(out, Clue{Feature: name, AUC: g})
	}
	sort.Slice(out, func(a, b int) bool {
		return out[a].AUC > out[b].AUC || out[a].AUC == out[b].AUC && out[a].Feature < out[b].Feature
	})
	out = out[:min(len(out), 6)]
	for i := range out {
		out[i].AUC /= max(sum, 1e-9)
	}
	return out
}

// clues lists the features that betray most by themselves, beyond what chance
// does.
func (o *outcome) clues(t *Table) []Clue {
	var out []Clue
	n := 0
	for _, run := range t.Runs {
		n += len(run)
	}
	// Three standard deviations of an AUC of n honey rows: 1/sqrt(12 n).
	least := max(0.6, 0.5+3.2/math.Sqrt(12*float64(max(n, 1))))
	for k, name := range append(slices.Clone(o.content), o.order...) {
		a := mean(o.single[name])
		if a = max(a, 1-a); a >= least {
			out = append(out, Clue{Feature: name, AUC: a, Dump: k >= len(o.content)})
		}
	}
	sort.SliceStable(out, func(a, b int) bool { return out[a].AUC > out[b].AUC })
	if len(out) > 8 {
		out = out[:8]
	}
	return out
}
