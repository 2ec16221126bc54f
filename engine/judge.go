package engine

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"honeyrow/engine/detect"
	"honeyrow/engine/formula"
	"honeyrow/engine/match"
	"honeyrow/engine/sqlfacts"
	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/token"
)

// note is what is kept beside a shape's facts: all that can be said of a text of
// the shape before its values are known.
type note struct {
	facts    *sqlfacts.Facts
	plan     *detect.Plan
	tables   []sqlfacts.Relation // lower case, each once
	seeks    []seek
	copying  *copying // nil: it copies nothing
	killer   bool
	needs    needs // what is to be looked for in its results
	formulas []*formula.Formula
	makes    bool   // what others read
	hides    string // a function that leaves nothing to recognise
	upkeep   bool   // nothing but maintenance: no row is read or written
	// grounds are what the tables mean for the sessions that asked last.
	grounds [4]atomic.Pointer[ground]
	// Of which clients (acquaintance.bit) the memory says nothing more, and of which
	// it says something; how many texts of the shape it was asked about.
	met, odd atomic.Uint64
	early    atomic.Uint32
}

// annotate makes a shape's note.
func annotate(f *sqlfacts.Facts, env sqlfacts.Env) any {
	n := &note{facts: f, plan: detect.Compile(f, env), killer: f.Killer, upkeep: len(f.Statements) > 0}
	for _, s := range f.Statements {
		switch s.Kind {
		case sqlfacts.Define, sqlfacts.Grant, sqlfacts.Lock, sqlfacts.Show, sqlfacts.Set, sqlfacts.Begin:
		default:
			n.upkeep = false
		}
	}
	n.tables, n.seeks = findSeeks(f)
	n.copying = findCopying(f)
	n.needs, n.makes = needsOf(f), makes(f)
	n.hides = formula.Hides(f.Statements, env.Flavour != sqlfacts.PostgreSQL)
	if n.formulas = formula.Find(f.Statements, env.Flavour != sqlfacts.PostgreSQL); len(n.formulas) > 0 {
		n.needs |= needsFormulas
	} else {
		n.needs &^= needsFormulas
	}
	for _, t := range f.Tables { // those of statements that have no conditions too
		r := sqlfacts.Relation{Schema: strings.ToLower(t.Schema), Name: strings.ToLower(t.Name)}
		if !slices.Contains(n.tables, r) {
			n.tables = append(n.tables, r)
		}
	}
	return n
}

// ground is what a shape's tables are at one place: which hold honey rows, and
// which of the shape's conditions can name one.
type ground struct {
	kr               *keyring
	server, database string
	reach            []string
	decoys           []uint32 // tokens of decoy tables
	decoyNames       []string
	seeks            []groundSeek
}

// groundSeek is a condition on a column of a table with honey rows.
type groundSeek struct {
	*seek
	table  *keyTable
	schema string // as written; empty: none was
}

// database is the one that names without another mean, in lower case.
func (s *session) database() string {
	db := s.scope.Database
	if s.mysql {
		if d := s.schema.Load(); d != nil {
			db = *d
		}
	}
	return strings.ToLower(db)
}

// ground returns what a shape's tables are for the session.
func (s *session) ground(n *note) *ground {
	kr, db := s.e.keys.Load(), s.database()
	at := &n.grounds[0]
	if len(db) > 0 {
		at = &n.grounds[(len(db)+int(db[len(db)-1]))%len(n.grounds)]
	}
	if g := at.Load(); g != nil && g.kr == kr && g.database == db && g.server == s.scope.Server {
		return g
	}
	g := s.survey(n, kr, db)
	at.Store(g)
	return g
}

func (s *session) survey(n *note, kr *keyring, db string) *ground {
	g := &ground{kr: kr, server: s.scope.Server, database: db}
	found := make([]*keyTable, len(n.tables))
	for i, t := range n.tables {
		name := match.TableName{Server: s.scope.Server, Database: db, Table: t.Name}
		if s.mysql && t.Schema != "" {
			name.Database = t.Schema
		}
		k := kr.tables[name]
		if k == nil {
			continue
		}
		found[i] = k
		if !slices.Contains(g.reach, k.label) {
			g.reach = append(g.reach, k.label)
		}
		if k.decoy >= 0 && !n.upkeep && s.sameSchema(t.Schema, kr.x.Token(uint32(k.decoy))) {
			g.decoys = append(g.decoys, uint32(k.decoy))
			g.decoyNames = append(g.decoyNames, k.label)
		}
	}
	for i := range n.seeks {
		for _, t := range n.seeks[i].tables {
			if k := found[t]; k != nil && slices.Contains(k.columns, n.seeks[i].column) {
				g.seeks = append(g.seeks, groundSeek{&n.seeks[i], k, n.tables[t].Schema})
			}
		}
	}
	return g
}

// sameSchema says whether a table's schema as written may be the token's.
func (s *session) sameSchema(schema string, t *token.Token) bool {
	return s.mysql || schema == "" || t.Place.Schema == "" || strings.EqualFold(schema, t.Place.Schema)
}

// sought collects the honey rows that one text or run asks for.
type soughtRows struct {
	s     *session
	g     *ground
	parts [maxParts]part // of keys of several columns
	n     int
	found []foundRow
}

// foundRow is a honey row that is asked for: by the bound value of that number,
// or, -1, in the text.
type foundRow struct {
	tok   uint32
	bound int
}

// maxFound bounds what one text or run is told to ask for.
const maxFound = 64

func (f *soughtRows) add(tok uint32, bound int) {
	if len(f.found) < maxFound {
		f.found = append(f.found, foundRow{tok, bound})
	}
}

// maxParts bounds the parts of keys that are weighed in one statement.
const maxParts = 16

type part struct {
	table  *keyTable
	row    int32
	column string
	group  int
}

// value looks one value up that a condition names.
func (f *soughtRows) value(k *groundSeek, v []byte, place int) {
	tok, ok, rows := k.table.find(f.g.kr, k.column, v)
	if ok {
		t := f.g.kr.x.Token(tok)
		if strings.EqualFold(t.Place.Column, k.column) && f.s.sameSchema(k.schema, t) {
			f.add(tok, place)
		}
	}
	for _, row := range rows {
		if f.n < maxParts {
			f.parts[f.n] = part{k.table, row, k.column, k.group}
			f.n++
		}
	}
	f.whole(place)
}

// whole looks for keys of several columns of which all parts are there.
func (f *soughtRows) whole(place int) {
	if f.n == 0 {
		return
	}
	last := f.parts[f.n-1]
	columns := 0
	for i := range f.n {
		p := &f.parts[i]
		if p.table != last.table || p.row != last.row || p.group != last.group && p.group != 0 && last.group != 0 {
			continue
		}
		if !slices.ContainsFunc(f.parts[:i], func(o part) bool { return o.table == p.table && o.row == p.row && o.column == p.column }) {
			columns++
		}
	}
	if r := &last.table.rows[last.row]; columns == r.columns {
		f.add(r.tok, place)
		f.n = 0
	}
}

// inText looks at the literals of a text.
func (f *soughtRows) inText(t *sqlfacts.Text) {
	var buf, other [maxKey]byte
	for i := range f.g.seeks {
		k := &f.g.seeks[i]
		if k.slot < 0 || k.lastPlace >= 0 {
			continue
		}
		for j := range t.Literals {
			l := &t.Literals[j]
			if int(l.Slot) != k.slot || l.Joined || l.To-l.From > maxKey {
				continue
			}
			v := t.Decode(j, buf[:0])
			if k.last >= 0 && string(v) != string(t.Value(k.last, other[:0])) {
				continue
			}
			if l.Kind == sqlfacts.StringLiteral && len(v) > 2 && v[0] == '{' {
				f.members(k, append([]byte(nil), v...))
				continue
			}
			f.value(k, v, -1)
		}
	}
}

// members looks up the members of an array in a text's literal.
func (f *soughtRows) members(k *groundSeek, array []byte) {
	r := readKeys(array, 0, false)
	for key := r.next(); key != nil; key = r.next() {
		f.value(k, key, -1)
	}
}

// inValues looks at a run's bound values: marks are the text's places for them.
func (f *soughtRows) inValues(marks []sqlfacts.Mark, of *boundValues) {
	for i := range f.g.seeks {
		k := &f.g.seeks[i]
		if k.place < 0 || k.last >= 0 {
			continue
		}
		for _, m := range marks {
			if int(m.Place) != k.place {
				continue
			}
			v, ok := of.at(int(m.Bound))
			if !ok || k.lastPlace >= 0 && !same(v, marks, k.lastPlace, of) {
				continue
			}
			r := readKeys(v.data, v.typ, v.binary)
			for key := r.next(); key != nil; key = r.next() {
				f.value(k, key, int(m.Bound))
			}
		}
	}
}

// same reports whether the value at a place is v too.
func same(v boundValue, marks []sqlfacts.Mark, place int, of *boundValues) bool {
	for _, m := range marks {
		if int(m.Place) == place {
			o, ok := of.at(int(m.Bound))
			return ok && string(o.data) == string(v.data)
		}
	}
	return false
}

// boundValue is one of a run's bound values.
type boundValue struct {
	data   []byte
	typ    uint32
	binary bool
	null   bool
}

// boundValues are a run's, where they lie or as they were kept.
type boundValues struct {
	buf    []byte
	params []inspect.Param
	kept   []boundValue
}

func (b *boundValues) at(i int) (v boundValue, ok bool) {
	switch {
	case i >= 0 && i < len(b.kept):
		return b.kept[i], !b.kept[i].null
	case i < 0 || i >= len(b.params) || b.params[i].Len < 0:
		return boundValue{}, false
	}
	p := &b.params[i]
	return boundValue{data: b.buf[p.Off : p.Off+p.Len], typ: p.Type, binary: p.Binary}, true
}

// killer is the finding on a text that harmed its parser.
var killer = event.Finding{
	Detector: "parser-killer", Title: "A statement that kills the parser", Weight: detect.Medium,
	Detail: "the process that parses statements died of it, or had to be stopped", Maps: []string{"CWE-674", "CWE-400", "T1499.004"},
}

// hidden is the finding on a text that returns values of a table with honey rows
// in a form in which nothing can be recognised.
var hidden = event.Finding{
	Detector: "hidden-values", Title: "Values made unreadable", Weight: detect.Medium, Maps: []string{"T1213.006", "T1027"},
}

// judge looks at a text before it is sent: st is its statement. f is nil if the
// shape is not known yet. w is for what it tells, if it is judged by its words and
// a parse is still to come; else nil.
func (s *session) judge(st *statement, t *sqlfacts.Text, f *sqlfacts.Facts, w *words, sql []byte, total int) event.Verdict {
	st.expect(t, f)
	if f == nil {
		return event.Verdict{} // all of it later
	}
	n := f.Note.(*note)
	g := s.ground(n)
	if len(g.seeks)+len(g.decoys) > 0 {
		for _, tok := range g.decoys {
			st.sightKey(g.kr.x, tok, meansTable)
			w.sought(g.kr.x, tok)
		}
		f := soughtRows{s: s, g: g}
		f.inText(t)
		for _, r := range f.found {
			st.sightKey(g.kr.x, r.tok, meansPredicate)
			w.sought(g.kr.x, r.tok)
		}
	}
	return s.weigh(t, n, g, w, sql, total)
}

// weigh lets the rules judge a text by what the detectors find in it: all of it the
// first time, what is new if w says that it was told before. w is nil for a text
// that is judged once.
func (s *session) weigh(t *sqlfacts.Text, n *note, g *ground, w *words, sql []byte, total int) event.Verdict {
	s.copied(n, sql, total)
	fs := n.findings(t)
	if n.hides != "" && len(g.reach) > 0 && len(g.seeks) == 0 { // a row named by its key is that row, and judged as such
		f := hidden
		f.Detail = n.hides
		fs = append(fs, f)
	}
	var novelty string
	var grafts []event.Finding
	if w.again() {
		novelty, grafts = w.novelty, w.grafts
	} else {
		novelty, grafts = s.unlike(t, n, fs)
		w.compared(novelty, grafts)
	}
	fs = append(fs, grafts...)
	usual := novelty == newShape && s.usual(fs)
	if novelty != "" {
		fs = s.multiply(fs, novelty, len(g.reach) > 0 && !n.upkeep)
	}
	reach := g.reach
	if len(fs) == 1 && fs[0].Detector == attemptID { // the application's own statement
		reach = nil
	}
	return s.e.suspect(asked{s: s, text: sql, total: total, findings: fs, reach: reach, decoys: g.decoyNames, facts: n.facts, lexed: t, novel: novelty == newShape || novelty == newApplication, usual: usual, words: w})
}

// unlike says how a text differs from what was learned, and what seems to be put
// into it.
func (s *session) unlike(t *sqlfacts.Text, n *note, fs []event.Finding) (novelty string, grafts []event.Finding) {
	var f event.Finding
	var ok bool
	if novelty = s.compare(t, fs); novelty == newShape {
		f, ok = s.graft(t)
	} else {
		f, ok = s.recall(t, n, fs)
	}
	if ok {
		grafts = []event.Finding{f}
	}
	return novelty, grafts
}

// findings are what the detectors see in a text of the shape; nil: nothing.
func (n *note) findings(t *sqlfacts.Text) []event.Finding {
	var fs []event.Finding
	if !n.plan.Empty() {
		fs = n.plan.Judge(t)
	}
	if n.killer {
		fs = append(fs, killer)
	}
	if f, ok := attempt(t); ok {
		fs = append(fs, f)
	}
	return fs
}

// lateText judges a text that has been sent already, or refused by its words.
func (s *session) lateText(t *sqlfacts.Text, f *sqlfacts.Facts, q *question) {
	if q.words != nil {
		<-q.words.judged
	}
	n := f.Note.(*note)
	g := s.ground(n)
	if len(g.seeks)+len(g.decoys) > 0 {
		var hs []lateHit
		for _, tok := range g.decoys {
			hs = append(hs, lateHit{g.kr.x, tok, event.ChannelStatement, meansTable, ""})
		}
		x := soughtRows{s: s, g: g}
		x.inText(t)
		for _, r := range x.found {
			hs = append(hs, lateHit{g.kr.x, r.tok, event.ChannelStatement, meansPredicate, ""})
		}
		s.tellLate(q, q.words.others(hs))
	}
	s.weigh(t, n, g, q.words, q.text, q.total)
}

// lateBound looks at the bound values of a run whose statement was not
// understood when it began.
func (s *session) lateBound(t *sqlfacts.Text, f *sqlfacts.Facts, q *question) {
	g := s.ground(f.Note.(*note))
	var hs []lateHit
	x := soughtRows{s: s, g: g}
	x.inValues(t.Params, &boundValues{kept: q.values})
	for _, r := range x.found {
		hs = append(hs, lateHit{g.kr.x, r.tok, event.ChannelBind, meansPredicate, s.parameterName(r.bound)})
	}
	s.tellLate(q, hs)
}

// lateRecord begins a record of its own for what was seen late.
func (s *session) lateRecord(c *record, q *question) *record {
	if c == nil {
		c = s.e.newRecord(s, nil, time.Time{})
		c.order(q.text)
		c.drawn = true
		c.det.Statement = s.describe(q.text[:min(len(q.text), c.policy.MaxStatement)], q.total, c.policy.RedactLiterals, nil)
		c.det.Statement.Shape = s.shapeName(q.text)
	}
	return c
}

// expect notes what the statement's runs need to know.
func (t *statement) expect(x *sqlfacts.Text, f *sqlfacts.Facts) {
	t.note = nil
	t.lexed, t.shape, t.facts = true, x.Shape, f
	t.places = append(t.places[:0], x.Params[:min(len(x.Params), maxPlaces)]...)
	t.key, t.env = x.Key(), x.Env
	if f != nil {
		t.note = f.Note.(*note)
	}
}

// maxPlaces bounds a statement's places for bound values that are kept.
const maxPlaces = 256

// Bounds of a run's bound values that wait for their statement's facts.
const (
	maxHeld    = 64
	maxHeldLen = 4 << 10
)

// seekBound looks whether a run's bound values name a honey row.
func (r *run) seekBound(buf []byte, params []inspect.Param) event.Verdict {
	s, st := r.s, r.st
	a := s.e.analysis
	if a == nil || len(st.places) == 0 || len(s.e.keys.Load().tables) == 0 {
		return event.Verdict{}
	}
	if st.note == nil {
		if f, ok := a.by.Known(st.key); ok {
			st.note = f.Note.(*note)
		} else {
			return r.seekLater(a, buf, params)
		}
	}
	return r.seekNow(st.note, st.places, buf, params)
}

func (r *run) seekNow(n *note, places []sqlfacts.Mark, buf []byte, params []inspect.Param) event.Verdict {
	g := r.s.ground(n)
	if len(g.seeks) == 0 {
		return event.Verdict{}
	}
	x := soughtRows{s: r.s, g: g}
	x.inValues(places, &boundValues{buf: buf, params: params})
	for _, f := range x.found {
		r.record().sight(g.kr.x, f.tok, event.ChannelBind, meansPredicate, r.s.parameterName(f.bound), tried(1))
	}
	return r.rec.settle()
}

// seekLater leaves the values to the analysis, behind their statement's text.
func (r *run) seekLater(a *Analysis, buf []byte, params []inspect.Param) event.Verdict {
	s, st := r.s, r.st
	q := &question{lane: s.lane(), s: s, text: append([]byte(nil), st.text...), total: st.total, env: st.env, late: new(late)}
	r.late = q.late
	of := boundValues{buf: buf, params: params}
	for i := range params[:min(len(params), maxHeld)] {
		v, ok := of.at(i)
		v.null = !ok
		v.data = append([]byte(nil), v.data[:min(len(v.data), maxHeldLen)]...)
		q.values = append(q.values, v)
	}
	if a.behind.push(q) {
		return event.Verdict{}
	}
	s.e.stats.inline.Add(1)
	var t sqlfacts.Text
	t.LexPart(q.text, q.total, q.env)
	return r.seekNow(a.by.Scan(&t).Note.(*note), t.Params, buf, params)
}
