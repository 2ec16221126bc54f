package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"honeyrow/engine"
	"honeyrow/engine/baseline"
	"honeyrow/engine/sqlfacts"
	"honeyrow/engine/sqlfacts/mysql"
	"honeyrow/event"
)

// learnedShare of each application's statements teach; the others are judged.
const learnedShare = 0.7

// A lesson is what learning does for one dialect: an engine learns from the
// first part of what each application sent, and judges the rest and all attacks
// twice, with the baseline and without.
type lesson struct {
	name     string // "learning-pg-order"
	learned  int    // statements
	left     uint64 // of these left out, for a finding or for who sent them
	shapes   int
	ordinary counts // the rest of the applications' statements
	attacks  counts // captured ones
	evasions counts // written by hand
	alike    counts // look-alikes written by hand, which no application sent
	passed   []string
}

// counts are statements and what became of them.
type counts struct {
	all   int
	novel int // the baseline does not know the shape
	with  int // alerts of medium severity and more, with the baseline
	low   int // and of low severity
	bare  int // and without
	seen  int // and without, where the process has seen an hour of the application's traffic
}

// lessons are taught from our own corpora: by the order in which each
// application sent its statements, and shuffled.
func (j *judge) lessons(ctx context.Context, cs []*corpus) ([]*lesson, error) {
	var out []*lesson
	for _, dialect := range [...]string{"my", "pg"} {
		for _, shuffled := range [...]bool{false, true} {
			l, err := j.lesson(ctx, cs, dialect, shuffled)
			if err != nil {
				return nil, err
			}
			out = append(out, l)
		}
	}
	return out, nil
}

func (j *judge) lesson(ctx context.Context, cs []*corpus, dialect string, shuffled bool) (*lesson, error) {
	l := &lesson{name: "learning-" + dialect + "-order"}
	if shuffled {
		l.name = "learning-" + dialect + "-shuffled"
	}
	c, err := newClass(j, dialect)
	if err != nil {
		return nil, err
	}
	defer c.close()
	teach, rest := divide(cs, dialect, shuffled)
	if len(teach) == 0 {
		return nil, fmt.Errorf("%s: no ordinary statements to learn from", l.name)
	}
	if err := c.learn(l, teach); err != nil {
		return nil, err
	}
	for _, e := range rest {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c.judge(&l.ordinary, e, e.Source, c.knows(e, e.Source))
	}
	who := c.applications()
	var t sqlfacts.Text
	n := 0
	for _, k := range cs {
		for i := range k.entries {
			e := &k.entries[i]
			if e.Dialect != dialect || k.public || !k.attack && !k.hard {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if k.attack && !real(e, j.statement(ctx, &t, e)) {
				continue
			}
			// An attacker comes through any of the applications.
			known := slices.ContainsFunc(who, func(a string) bool { return c.knows(e, a) })
			to := &l.alike
			switch {
			case k.attack && k.hard:
				to = &l.evasions
			case k.attack:
				to = &l.attacks
			}
			c.judge(to, e, who[n%len(who)], known)
			if n++; known && k.attack {
				l.passed = append(l.passed, fmt.Sprintf("[%s %s] %s", k.name, e.Technique, oneLine(e.SQL)))
			}
		}
	}
	return l, nil
}

// divide cuts each application's ordinary statements in two.
func divide(cs []*corpus, dialect string, shuffled bool) (teach, rest []*entry) {
	of := map[string][]*entry{}
	var order []string
	for _, k := range cs {
		if k.attack || k.hard || k.public {
			continue
		}
		for i := range k.entries {
			e := &k.entries[i]
			if e.Dialect != dialect || e.Syntax == "bad" {
				continue
			}
			if of[e.Source] == nil {
				order = append(order, e.Source)
			}
			of[e.Source] = append(of[e.Source], e)
		}
	}
	draw := rand.New(rand.NewPCG(1, 2))
	for _, source := range order {
		es := of[source]
		if shuffled {
			draw.Shuffle(len(es), func(a, b int) { es[a], es[b] = es[b], es[a] })
		}
		n := int(learnedShare*float64(len(es)) + 0.5)
		teach, rest = append(teach, es[:n]...), append(rest, es[n:]...)
	}
	return teach, rest
}

// class is an engine in protect mode, so that a statement is judged when it is
// sent, with a baseline.
type class struct {
	j       *judge
	dialect string
	env     sqlfacts.Env
	e       *engine.Engine
	a       *engine.Analysis
	book    *baseline.Book
	text    sqlfacts.Text
	twin    *class // has seen what this one has learned, twice; nil: not yet

	mu    sync.Mutex
	now   time.Time
	worst event.Severity // reported since the last statement began
}

func newClass(j *judge, dialect string) (*class, error) {
	m := new(mysql.Parser)
	c := &class{j: j, dialect: dialect, env: j.env[dialect], now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	c.a = engine.NewAnalysis(map[sqlfacts.Flavour]sqlfacts.Dialect{
		sqlfacts.PostgreSQL: j.parser, sqlfacts.MySQL: m, sqlfacts.MariaDB: m,
	}, engine.AnalysisOptions{Time: 5 * time.Second, Patience: time.Minute})
	var err error
	c.e, err = engine.New(engine.DefaultConfig(), engine.Options{Reporter: c, Analysis: c.a, Now: c.clock})
	if err != nil {
		c.a.Close()
		return nil, err
	}
	return c, nil
}

func (c *class) close() {
	if c.twin != nil {
		c.twin.close()
	}
	c.a.Close()
}

// Report implements engine.Reporter.
func (c *class) Report(d event.Detection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.worst = max(c.worst, d.Severity)
}

func (c *class) clock() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// send has one statement judged, as an application's own session would send it,
// long after the one before: nobody's story goes on. It returns the severity of
// what was reported.
func (c *class) send(e *entry, application string) event.Severity {
	c.mu.Lock()
	c.now, c.worst = c.now.Add(time.Hour), event.Info
	c.mu.Unlock()
	who := event.Client{
		Session: event.NewID(), Protocol: "postgres", Server: "main", Database: "app", User: application, Application: application,
		Address: "10.0.0.1:1", ServerVersion: "15.18", Protect: true,
	}
	if c.dialect == "my" {
		who.Protocol, who.ServerVersion = "mysql", "5.5.5-10.11.19-MariaDB"
	}
	s, _ := c.e.Open(who)
	st, _ := s.Prepare([]byte(e.SQL), len(e.SQL))
	r, _ := st.Run(nil, nil)
	st.Release()
	r.Done(0, "OK")
	s.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.worst
}

// learn fills the baseline, and reads it back from its file.
func (c *class) learn(l *lesson, es []*entry) error {
	var err error
	if c.twin, err = newClass(c.j, c.dialect); err != nil {
		return err
	}
	for range 2 {
		for _, e := range es {
			c.twin.send(e, e.Source)
		}
	}
	dir, err := os.MkdirTemp("", "honeyrow-eval-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	teacher := baseline.NewLearner(nil, c.clock())
	c.e.SetLearner(teacher)
	for _, e := range es {
		c.send(e, e.Source)
	}
	c.e.SetLearner(nil)
	p := teacher.Progress()
	l.learned, l.left, l.shapes = len(es), p.Left, p.Shapes
	name := filepath.Join(dir, "baseline.yaml")
	if err := baseline.Write(name, teacher.Book()); err != nil {
		return err
	}
	c.book, err = baseline.Read(name)
	return err
}

// judge has a statement judged with the baseline and without.
func (c *class) judge(n *counts, e *entry, application string, known bool) {
	n.all++
	if !known {
		n.novel++
	}
	c.e.SetBaseline(c.book)
	switch worst := c.send(e, application); {
	case worst >= event.Medium:
		n.with++
	case worst == event.Low:
		n.low++
	}
	c.e.SetBaseline(nil)
	if c.send(e, application) >= event.Medium {
		n.bare++
	}
	if c.twin.send(e, application) >= event.Medium {
		n.seen++
	}
}

func (c *class) knows(e *entry, application string) bool {
	k := c.book.Of(baseline.Identity{Server: "main", User: application, Application: baseline.Fold(application)})
	if k == nil {
		return false
	}
	c.text.Lex([]byte(e.SQL), c.env)
	return k.Has(&c.text)
}

// applications are those that the baseline knows.
func (c *class) applications() []string {
	var out []string
	for _, id := range c.book.Identities() {
		out = append(out, id.User)
	}
	return out
}

// A shop is what learning does where the attacked application itself was
// learned: an engine learns what its honest users send, and judges the evasions
// that were put into those statements.
type shop struct {
	name    string // "shop-pg"
	learned int    // statements
	tuned   counts // evasions
	held    counts // those that nobody tuned on
	alike   counts // look-alikes: what a new release might ask
}

func (j *judge) shops(ctx context.Context, cs []*corpus) ([]*shop, error) {
	var out []*shop
	for _, dialect := range [...]string{"my", "pg"} {
		s, err := j.shop(ctx, cs, dialect)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func (j *judge) shop(ctx context.Context, cs []*corpus, dialect string) (*shop, error) {
	s := &shop{name: "shop-" + dialect}
	c, err := newClass(j, dialect)
	if err != nil {
		return nil, err
	}
	defer c.close()
	var honest []*entry
	seen := map[string]bool{}
	each := func(do func(k *corpus, e *entry)) {
		for _, k := range cs {
			for i := range k.entries {
				if e := &k.entries[i]; k.hard && e.Dialect == dialect {
					do(k, e)
				}
			}
		}
	}
	each(func(_ *corpus, e *entry) {
		if e.honest != "" && !seen[e.honest] {
			seen[e.honest] = true
			honest = append(honest, &entry{Dialect: dialect, SQL: e.honest, Source: "shop"})
		}
	})
	var l lesson
	if err := c.learn(&l, honest); err != nil {
		return nil, err
	}
	s.learned = l.learned - int(l.left)
	each(func(k *corpus, e *entry) {
		known := c.knows(e, "shop")
		switch {
		case ctx.Err() != nil:
		case !k.attack:
			c.judge(&s.alike, e, "shop", known)
		case e.honest == "":
		case strings.HasSuffix(k.name, "-held"):
			c.judge(&s.held, e, "shop", known)
		default:
			c.judge(&s.tuned, e, "shop", known)
		}
	})
	return s, ctx.Err()
}
