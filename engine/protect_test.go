package engine

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"honeyrow/engine/sqlfacts"
	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/rules"
)

// slowParser is a dialect that stands still on texts that say so, until it is
// let go, and that statements with "poison" kill.
type slowParser struct {
	mu      sync.Mutex
	entered chan string
	release chan struct{}
	parsed  int
}

func (p *slowParser) Parse(ctx context.Context, surrogate []byte, env sqlfacts.Env) ([]*sqlfacts.Node, error) {
	p.mu.Lock()
	p.parsed++
	p.mu.Unlock()
	if strings.Contains(string(surrogate), "poison") {
		return nil, fmt.Errorf("%w: test", sqlfacts.ErrKiller)
	}
	if strings.Contains(string(surrogate), "stall") {
		p.entered <- string(surrogate)
		select {
		case <-p.release:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	var t sqlfacts.Text
	t.Lex(surrogate, env)
	return sqlfacts.Scan(&t), nil
}

func (p *slowParser) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.parsed
}

// guarded is an engine with a slow parser and injections refused.
func guarded(t *testing.T, patience time.Duration) (*slowParser, *Engine, *desk, func(address string, protect bool) inspect.Session) {
	t.Helper()
	p := &slowParser{entered: make(chan string, 2*maxWaiting), release: make(chan struct{})}
	a := NewAnalysis(map[sqlfacts.Flavour]sqlfacts.Dialect{sqlfacts.MySQL: p}, AnalysisOptions{Patience: patience, Time: time.Minute})
	t.Cleanup(a.Close)
	block := event.Block
	set, err := rules.Compile(rules.Config{Override: map[string]rules.Override{rules.Injection: {Action: &block}, rules.RowSought: {Action: &block}}})
	if err != nil {
		t.Fatal(err)
	}
	l := &desk{in: make(chan event.Detection, 4096)}
	e, err := New(DefaultConfig(), Options{Reporter: l, Analysis: a, Rules: set})
	if err != nil {
		t.Fatal(err)
	}
	e.Swap(schemaless(manyRows(60)))
	return p, e, l, func(address string, protect bool) inspect.Session {
		s, _ := e.Open(event.Client{
			Session: event.NewID(), Protocol: "mysql", Server: "main", Database: "crm", User: "shop", Address: address,
			ServerVersion: "8.4.0", Protect: protect,
		})
		t.Cleanup(s.Close)
		return s
	}
}

func TestAnUnknownShapeIsJudgedBeforeItIsSentInProtectMode(t *testing.T) {
	_, _, _, open := guarded(t, time.Minute)
	sql := "SELECT id FROM products WHERE id = 1 UNION SELECT concat(0x71, email, 0x71) FROM customers-- x"
	if _, v := open("10.0.0.1:1", true).Prepare([]byte(sql), len(sql)); !v.Blocks() {
		t.Errorf("let through: %+v", v)
	}
	if _, v := open("10.0.0.1:2", true).Prepare([]byte("SELECT id FROM products WHERE id = 1"), 36); v.Action != event.Pass {
		t.Errorf("refused: %+v", v)
	}
}

func TestAStatementWhoseParserIsLateIsJudgedByItsWords(t *testing.T) {
	p, e, l, open := guarded(t, 20*time.Millisecond)
	s := open("10.0.0.1:1", true)
	sql := "SELECT id FROM stall WHERE id = 1 UNION SELECT concat(0x71, email, 0x71) FROM customers-- x"
	if _, v := s.Prepare([]byte(sql), len(sql)); !v.Blocks() {
		t.Errorf("let through: %+v", v)
	}
	if n := e.Stats().Inline; n != 1 {
		t.Errorf("%d judged by their words", n)
	}
	// The facts that come late are of use to the next one.
	<-p.entered
	p.release <- struct{}{}
	l.latest(t, "the statement", func(d *event.Detection) bool { return d.Rule == rules.Injection })
	for range 10_000 {
		if e.analysis.by.Stats().Parsed == 1 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("the late facts were thrown away")
}

// One client sends ever new shapes at which the parser stands still, over many
// sessions in both modes; another one's statement is parsed all the same.
func TestAFloodOfNewShapesOfOneClientDoesNotKeepTheParserFromAnother(t *testing.T) {
	p, e, _, open := guarded(t, time.Minute)
	defer close(p.release)
	beside := open("10.0.0.1:1", false)
	for i := range 2 * maxWaiting {
		sql := fmt.Sprintf("SELECT c%d FROM stall", i)
		beside.Prepare([]byte(sql), len(sql))
	}
	const sessions = 20
	for i := range sessions {
		s := open(fmt.Sprintf("10.0.0.1:%d", i+10), true)
		go func() {
			sql := fmt.Sprintf("SELECT d%d FROM stall", i)
			s.Prepare([]byte(sql), len(sql))
		}()
	}
	<-p.entered // one of each queue has the parser, and keeps it
	<-p.entered
	for range 10_000 {
		if e.analysis.ahead.waits() == sessions-1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	before := p.count()
	sql := "SELECT name FROM products WHERE id = 1 UNION SELECT concat(0x71, email, 0x71) FROM customers-- x"
	if _, v := open("10.0.0.2:1", true).Prepare([]byte(sql), len(sql)); !v.Blocks() {
		t.Errorf("let through: %+v", v)
	}
	if got := p.count() - before; got != 1 {
		t.Errorf("%d statements were parsed for it, want its own", got)
	}
	if n := e.analysis.behind.waits(); n > maxWaiting/laneShare {
		t.Errorf("one client has %d statements waiting", n)
	}
}

func TestClientsTakeTurns(t *testing.T) {
	q := newTurns()
	ask := func(host string, n int) bool {
		return q.push(&question{lane: lane{host: host}, text: []byte(fmt.Sprint(n))})
	}
	for i := range 3 {
		ask("a", i)
	}
	ask("b", 0)
	ask("c", 0)
	ask("b", 1)
	var got []string
	for range 6 {
		x := q.pop()
		got = append(got, x.lane.host+string(x.text))
		q.done(x)
	}
	if want := "a0 b0 c0 a1 b1 a2"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if len(q.lanes) != 0 || q.bytes != 0 {
		t.Errorf("left over: %d lanes, %d bytes", len(q.lanes), q.bytes)
	}
	n := 0
	for ask("a", n) {
		n++
	}
	if n != maxWaiting/laneShare || !ask("b", 0) {
		t.Errorf("one client may have %d waiting, another none", n)
	}
	q.close()
	if q.pop() != nil || ask("c", 1) {
		t.Error("closed, and goes on")
	}
}

func TestAStatementThatKillsTheParserIsAFindingOfItsOwn(t *testing.T) {
	p, _, l, open := guarded(t, time.Minute)
	s := open("10.0.0.1:1", true)
	for range 3 { // remembered by its shape, never as harmless
		sql := "SELECT 1 FROM poison"
		if _, v := s.Prepare([]byte(sql), len(sql)); !v.Blocks() {
			t.Fatalf("let through: %+v", v)
		}
	}
	if p.count() != 1 {
		t.Errorf("tried %d times", p.count())
	}
	d := l.latest(t, "the killer", func(d *event.Detection) bool { return d.Rule == rules.Injection })
	if len(d.Findings) != 1 || d.Findings[0].Detector != "parser-killer" {
		t.Errorf("findings %+v", d.Findings)
	}
	// Who does so again and again has the parser no more; others have.
	for i := range maxHarm {
		sql := fmt.Sprintf("SELECT %s FROM poison", strings.Repeat("a,", i)+"b")
		s.Prepare([]byte(sql), len(sql))
	}
	before := p.count()
	sql := "SELECT x FROM y WHERE z = 1 OR sleep(5)"
	if _, v := s.Prepare([]byte(sql), len(sql)); !v.Blocks() || p.count() != before {
		t.Errorf("%+v, parsed %d more", v, p.count()-before)
	}
	if open("10.0.0.9:1", true).Prepare([]byte("SELECT x FROM y"), 15); p.count() != before+1 {
		t.Error("another client's statement was not parsed")
	}
}

func TestDrainWaitsUntilWhatWasSentIsJudged(t *testing.T) {
	p, e, l, open := guarded(t, time.Minute)
	a := e.analysis
	if err := a.Drain(t.Context()); err != nil {
		t.Fatalf("with nothing to wait for: %v", err)
	}
	for i := range 3 {
		sql := "SELECT id FROM stall WHERE id = 1 UNION SELECT concat(0x71, email, 0x71) FROM customers-- x"
		open(fmt.Sprintf("10.0.0.%d:1", i+1), false).Prepare([]byte(sql), len(sql))
	}
	<-p.entered
	over, stop := context.WithCancel(t.Context())
	stop()
	if err := a.Drain(over); err == nil {
		t.Error("statements that wait are said to be judged")
	}
	close(p.release)
	if err := a.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	by := map[string]bool{}
	for _, d := range l.all() {
		by[d.Client.Address] = true
	}
	if len(by) != 3 {
		t.Errorf("detections of %v, want one of each of three clients", by)
	}
	a.Close()
	if err := a.Drain(t.Context()); err != nil {
		t.Errorf("after Close: %v", err)
	}
}
