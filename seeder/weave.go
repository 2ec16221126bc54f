package seeder

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"honeyrow/seeder/generate"
)

// weave is what the sampled rows of a table hold, in numbers, and what goes with what:
// by it a honey row's contents are drawn.
type weave struct {
	st      *study
	rows    [][]*string
	place   []int // of each row in the order of keys
	keys    []int64
	threads []*thread
	loose   []int                    // threads whose values a honey row has from other rows, the coarsest first
	pairs   map[[2]int][][]bool      // of two threads: which class of the one may stand beside one of the other
	streets map[int]map[[2]int32]int // by thread: how many rows of a town are in a street
	part    float64                  // of the table's rows
	goals   []likeness               // of real rows to those most like them
	whole   []float64                // the same, sorted
	near    []float64
}

// thread is one column of a weave.
type thread struct {
	f      *field
	loose  bool
	exact  []int32   // by row: what the row shows to whoever compares, 0 for NULL
	code   []int32   // by row: the same in few classes, to go by
	held   []float64 // by exact: in how many rows it stands
	weight []float64 // by exact: how much it says that two rows agree in it, in bits
	size   float64   // bits that a row's value says
	with   int       // the thread of its town; -1
	bound  []int     // threads that have to agree where they are drawn already
	paired []int     // threads with which each class has to be seen together
	goes   []int     // threads that go with it, the closest first
	age    float64   // how much of it the order of keys says
	donors []int     // rows whose value may be taken over
	spread bool      // a value is another row's unless many have it
	once   int       // values that stand in one row
	single bool      // most do
	rank   *rank     // how rows stand to what they point at by it; may be nil
}

// coarseBits is up to how many bits a column's values are no more than a class of rows.
const coarseBits = 1.6

func (t *thread) coarse() bool { return t.size < coarseBits && !t.spread }

// fresh reports whether a row may give its value in the place of the template's: a street
// is another than the template's unless many are in it.
func (t *thread) fresh(donor, template int) bool {
	return !t.spread || t.exact[donor] != t.exact[template] || t.weight[t.exact[template]] < sharedBits
}

// sharedBits is what a value says at most that many rows share: one in thirty.
const sharedBits = 5

// woven is the table's weave, nil if it has too few rows for one.
func (st *study) woven(kin []*study) *weave {
	if st.weave != nil || st.unwoven {
		return st.weave
	}
	st.unwoven = true
	if len(st.sample.Rows) < leastSample || st.kin != nil && !st.kin.parent {
		return nil
	}
	w := &weave{st: st, rows: st.sample.Rows, pairs: map[[2]int][][]bool{}, streets: map[int]map[[2]int32]int{}}
	w.part = float64(len(w.rows)) / float64(max(st.table.Rows, int64(len(w.rows)), 1))
	w.order(st)
	for _, f := range st.columns {
		if t := st.thread(f, w); t != nil {
			w.threads = append(w.threads, t)
		}
	}
	for _, k := range kin {
		w.threads = append(w.threads, k.lines(st, w.rows)...)
	}
	w.tie(st)
	for i, t := range w.threads {
		if t.loose {
			w.loose = append(w.loose, i)
		}
	}
	if len(w.loose) == 0 {
		return nil
	}
	sort.SliceStable(w.loose, func(a, b int) bool {
		x, y := w.threads[w.loose[a]], w.threads[w.loose[b]]
		if p, q := w.depth(w.loose[a]), w.depth(w.loose[b]); p != q {
			return p < q
		}
		return x.size < y.size
	})
	w.measure(st)
	st.weave = w
	return w
}

// depth is how late a column is drawn: what is part of a place after the place.
func (w *weave) depth(i int) int {
	switch w.threads[i].f.plan.Kind {
	case "postcode":
		return 1
	case "street":
		return 2
	}
	return 0
}

// order gives each row its place in the order of keys.
func (w *weave) order(st *study) {
	w.place = make([]int, len(w.rows))
	key := st.drawn()
	if key == nil {
		for i := range w.place {
			w.place[i] = i
		}
		return
	}
	type keyed struct {
		row int
		key int64
	}
	var all []keyed
	for i, row := range w.rows {
		k := int64(0)
		if v := row[key.sample]; v != nil {
			k, _ = strconv.ParseInt(*v, 10, 64)
		}
		all = append(all, keyed{i, k})
	}
	sort.SliceStable(all, func(a, b int) bool { return all[a].key < all[b].key })
	for n, k := range all {
		w.place[k.row] = n
		w.keys = append(w.keys, k.key)
	}
}

// places are the rows' in the order of keys, in ten classes.
func (w *weave) places() []int32 {
	out := make([]int32, len(w.rows))
	for i, p := range w.place {
		out[i] = int32(p * 10 / len(w.rows))
	}
	return out
}

// thread reads a column; nil if all rows hold the same, or nothing that is compared.
func (st *study) thread(f *field, w *weave) *thread {
	if f.sample < 0 || f.Computed || f.plan.Kind == "key" || st.guardedBy(f) {
		return nil
	}
	t := &thread{f: f, with: -1}
	exact, code := st.reading(f)
	values := make([]string, len(w.rows))
	count := map[string]int{}
	for i, row := range w.rows {
		if v := row[f.sample]; v != nil {
			values[i] = code(*v)
			count[values[i]]++
		}
	}
	for i, v := range values {
		if v != "" && count[v] < max(3, len(w.rows)/200) {
			values[i] = "other"
		}
	}
	t.code = lettered(values)
	for i, row := range w.rows {
		if values[i] = ""; row[f.sample] != nil {
			values[i] = "=" + exact(*row[f.sample])
		}
	}
	t.exact = lettered(values)
	t.weigh()
	if t.size < 0.01 && slices.Max(t.code) == slices.Min(t.code) { // dates are all there, and say something of the rest
		return nil
	}
	t.loose = st.loosened(f)
	t.spread = f.plan.Kind == "street"
	t.single = 2*t.once > len(f.seen.Values)
	if t.loose {
		t.donors = st.givers(f, w)
		if i := slices.IndexFunc(st.ranks(), func(k *rank) bool { return k.f == f }); i >= 0 {
			t.rank = st.ranks()[i]
		}
	}
	return t
}

// lettered numbers texts, from 1; an empty one is 0.
func lettered(values []string) (out []int32) {
	ids := map[string]int32{"": 0}
	for _, v := range values {
		id, known := ids[v]
		if !known {
			id = int32(len(ids))
			ids[v] = id
		}
		out = append(out, id)
	}
	return out
}

// weigh finds how much each value says.
func (t *thread) weigh() {
	var n []float64
	for _, c := range t.exact {
		for int(c) >= len(n) {
			n = append(n, 0)
		}
		n[c]++
	}
	all := float64(len(t.exact))
	t.held = n
	for v, k := range n {
		b := 0.0
		if k > 0 {
			b = -math.Log2(k / all)
			t.size += k / all * b
		}
		if k == 1 && v > 0 {
			t.once++
		}
		t.weight = append(t.weight, b)
	}
}

// guardedBy reports whether a column points at rows of which each has one of its own.
func (st *study) guardedBy(f *field) bool {
	return f.fk != nil && (f.seen.Unique || !repeats(f))
}

// repeats reports whether a column's values stand in some rows each.
func repeats(f *field) bool {
	return len(f.counts())*leastRepeats <= len(f.seen.Values)
}

// leastRepeats is in how many rows a value stands, the mean, for it to be drawn from
// another row as a class of rows is.
const leastRepeats = 5

// loosened reports whether a honey row has a column's value from another row than its
// template. Places as large as a country stay: telephones, postcodes and names go with
// them. So do what is at rest, rights, and what somebody wants to be the template's.
func (st *study) loosened(f *field) bool {
	switch {
	case slices.ContainsFunc(st.yearSpans(), func(s yearSpan) bool { return s.of == f }):
		return false
	case f.entitles(), f.load, strings.HasPrefix(f.plan.Why, "set by you"):
		return false
	case f.plan.Source == Parent:
		return !f.seen.Unique && len(f.fk.Columns) == 1 && repeats(f)
	case f.plan.Source == Copied:
		return true
	case f.plan.Source != Made || f.seen.Unique || f.named != nil:
		return false
	}
	switch f.plan.Kind {
	case "city", "street", "postcode", "title", "number", "salary", "balance", "flag":
		return true
	}
	return false
}

// givers are the rows at rest whose value in a column may be taken over, in the order of
// keys: of towns and titles such as stand in other rows too.
func (st *study) givers(f *field, w *weave) (out []int) {
	for i, row := range st.sample.Rows {
		v := row[f.sample]
		if v == nil || st.quiet != nil && !st.quiet[i] {
			continue
		}
		if f.keeps() && f.counts()[*v] < 2 && !f.often[*v] {
			continue
		}
		out = append(out, i)
	}
	slices.SortStableFunc(out, func(a, b int) int { return cmp.Compare(w.place[a], w.place[b]) })
	return out
}

// reading says what of a column's values is compared, and in which classes they are gone
// by.
func (st *study) reading(f *field) (exact, code func(string) string) {
	all := func(v string) string { return v }
	there := func(string) string { return "there" }
	switch f.plan.Kind {
	case "timestamp", "date_of_birth":
		return there, classes(f, 12, func(v string) (float64, bool) {
			at, _, ok := generate.ParseTime(v)
			return float64(at.Unix()), ok && !generate.Sentinel(at)
		})
	case "number", "salary", "balance":
		number := func(v string) (float64, bool) {
			x, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimPrefix(v, "$"), ",", ""), 64)
			return x, err == nil && !math.IsNaN(x)
		}
		if len(f.counts()) <= 12 {
			return all, all
		}
		if repeats(f) {
			return all, classes(f, 8, number)
		}
		return classes(f, 30, number), classes(f, 8, number)
	case "street":
		return func(v string) string { return strings.ToLower(streetOnly(v)) }, there
	case "postcode":
		return func(v string) string { return v[:max(len(v)-2, 0)] }, there
	case "email":
		domain := func(v string) string { return strings.ToLower(v[strings.LastIndexByte(v, '@')+1:]) }
		return domain, domain
	case "city":
		return all, all
	}
	if f.plan.Source != Made && f.plan.Source != Copied && f.plan.Source != Parent || !generate.Repeats(f.seen.Values) ||
		f.gen != nil && f.gen.Trait().Person || f.plan.Watch {
		return there, there
	}
	return all, all
}

// classes puts numbers into n classes of as many rows each; a number that many share is
// one of its own.
func classes(f *field, n int, number func(string) (float64, bool)) func(string) string {
	var all []float64
	for _, v := range f.seen.Values {
		if x, ok := number(v); ok {
			all = append(all, x)
		}
	}
	slices.Sort(all)
	return func(v string) string {
		x, ok := number(v)
		if !ok || len(all) == 0 {
			return v
		}
		if 10*f.counts()[v] > len(all) {
			return v
		}
		i, _ := slices.BinarySearch(all, x)
		return "class " + strconv.Itoa(i*n/len(all))
	}
}

// streetOnly is a street without its house number.
func streetOnly(v string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, v)
}
