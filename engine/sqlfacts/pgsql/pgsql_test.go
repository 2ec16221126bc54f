package pgsql

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	pg "github.com/pganalyze/pg_query_go/v6"

	"honeyrow/engine/sqlfacts"
	"honeyrow/internal/leaks"
)

// Environment variables that make this test binary misbehave as a worker, or
// play a program with a worker.
const (
	mischiefEnv = "HONEYROW_TEST_MISCHIEF"
	parentEnv   = "HONEYROW_TEST_PARENT"
)

func TestMain(m *testing.M) {
	if isWorker() {
		if kind := os.Getenv(mischiefEnv); kind != "" {
			misbehave(kind)
			os.Exit(0)
		}
	}
	ServeIfWorker()
	if os.Getenv(parentEnv) != "" {
		parent()
		os.Exit(0)
	}
	os.Exit(leaks.After(m.Run()))
}

// misbehave is a worker that does harm: before the first statement, by kind, or
// by the statement.
func misbehave(kind string) {
	switch kind {
	case "silent":
		time.Sleep(time.Hour)
	case "babble":
		fmt.Println("PASS\nok honeyrow/engine 0.1s, and more than a hello")
		return
	case "quit":
		os.Exit(7)
	}
	if err := confine(1 << 30); err != nil {
		panic(err)
	}
	out, err := divert(os.Stdout)
	if err != nil {
		panic(err)
	}
	stdout = out
	if err := serve(os.Stdin, out, mischief); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

var (
	kept   [][]byte
	stdout *os.File
)

func mischief(b, text []byte) []byte {
	switch string(text) {
	case "spin":
		for {
			b[0]++
		}
	case "sleep":
		time.Sleep(time.Hour)
	case "crash": // what the limits are there to prevent
		_, _ = pg.Parse("SELECT 1" + strings.Repeat("+1", 400_000))
	case "exhaust":
		for {
			kept = append(kept, make([]byte, 1<<20))
		}
	case "chatter": // C code writes to its standard output before it ends
		_, _ = os.Stdout.WriteString("Terminating process\n")
	case "exit":
		os.Exit(9)
	case "garbage":
		_, _ = stdout.WriteString("\xff\xff\xff\xffgarbage")
	case "wrong number":
		b[4]++
	case "no body":
		return b
	case "unknown status":
		return append(b, '?')
	case "broken trees":
		return append(b, replyTrees, codeVersion, 1, 1, 0xff, 0xff)
	case "write file":
		if err := os.WriteFile(os.TempDir()+"/honeyrow-worker-wrote", []byte("x"), 0o600); err == nil {
			return append(append(b, replyLimit), "could write a file"...)
		}
	}
	return answer(b, text)
}

// patient is how long a worker may take on a busy machine, to start or to use up
// its memory.
const patient = 2 * time.Minute

// start returns a parser and what it reported; it is closed with the test.
func start(t testing.TB, change func(p *Parser)) (*Parser, chan Death) {
	t.Helper()
	deaths := make(chan Death, 100)
	config := DefaultConfig()
	config.Workers = 1
	config.Timeout = patient
	p := New(config, func(d Death) { deaths <- d })
	p.patience = patient
	if change != nil {
		change(p)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p, deaths
}

func naughty(p *Parser) { p.env = []string{mischiefEnv + "=yes"} }

func ask(p *Parser, text string) (string, error) {
	trees, err := p.Parse(context.Background(), []byte(text), sqlfacts.Env{})
	return show(trees...), err
}

// pid is the process of the parser's worker, 0 for none.
func (p *Parser) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.all) == 0 {
		return 0
	}
	w := p.all[len(p.all)-1]
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.proc == nil {
		return 0
	}
	return w.proc.cmd.Process.Pid
}

func TestAStatementIsParsedByAProcessThatStartsWithTheFirst(t *testing.T) {
	p, deaths := start(t, nil)
	if p.Stats().Starts != 0 || p.opened {
		t.Error("something was started before the first statement")
	}
	for range 3 {
		got, err := ask(p, "SELECT id FROM users WHERE login = '?2000000000'")
		want := "(select (targets (column id)) (from (table users)) (where (binary = (column login) (string 0))))"
		if err != nil || got != want {
			t.Fatalf("got %s, %v\nwant %s", got, err, want)
		}
	}
	pid := p.pid()
	if pid == 0 || pid == os.Getpid() {
		t.Errorf("parsed by process %d", pid)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err == nil {
		t.Error("the worker is still there after Close")
	}
	if _, err := ask(p, "SELECT 1"); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if s := p.Stats(); s.Starts != 1 || s.Parsed != 3 || s.Deaths != 0 || len(deaths) != 0 {
		t.Errorf("counted %+v, %d deaths reported", s, len(deaths))
	}
}

func TestAParserThatWasNeverUsedStartsNothingAndCloses(t *testing.T) {
	p, _ := start(t, nil)
	for range 2 {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestASyntaxErrorSaysWhatAndWhere(t *testing.T) {
	p, _ := start(t, nil)
	_, err := ask(p, "SELECT 1 FRM users WHERE")
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || syntax.Place != 14 || !strings.Contains(syntax.Message, `"users"`) {
		t.Errorf("got %#v", err)
	}
	if got, err := ask(p, ""); got != "" || err != nil {
		t.Errorf("an empty text: %q, %v", got, err)
	}
	if s := p.Stats(); s.Refused != 1 || s.Parsed != 1 {
		t.Errorf("counted %+v", s)
	}
}

func TestSeveralStatementsAreSeveralTrees(t *testing.T) {
	p, _ := start(t, nil)
	got, err := ask(p, "SELECT a; DELETE FROM b; ; COMMIT")
	if want := "(select (targets (column a))) (delete (table b)) (begin commit)"; err != nil || got != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestManyCallersShareAFewProcesses(t *testing.T) {
	p, deaths := start(t, func(p *Parser) {
		p.config.Workers = 2
		p.slots = make(chan struct{}, 2)
	})
	errs := make(chan error, 16)
	for i := range cap(errs) {
		go func() {
			for j := range 50 {
				name := fmt.Sprintf("t%d_%d", i, j)
				got, err := ask(p, "SELECT * FROM "+name)
				if want := "(select (targets (star)) (from (table " + name + ")))"; err != nil || got != want {
					errs <- fmt.Errorf("%s: got %s, %w", name, got, err)
					return
				}
			}
			errs <- nil
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if s := p.Stats(); s.Parsed != 800 || s.Starts > 2 || len(deaths) > 0 {
		t.Errorf("counted %+v", s)
	}
}

// show writes trees as people read them: (kind name q=qualifier a=alias f=flag slot args).
func show(trees ...*sqlfacts.Node) string {
	var b strings.Builder
	for i, n := range trees {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteByte('(')
		b.WriteString(kindNames[n.Kind])
		if n.Name != "" {
			b.WriteString(" " + n.Name)
		}
		for _, s := range [][2]string{{"q", n.Qualifier}, {"a", n.Alias}, {"f", n.Flag}} {
			if s[1] != "" {
				b.WriteString(" " + s[0] + "=" + s[1])
			}
		}
		if n.Slot >= 0 {
			fmt.Fprintf(&b, " %d", n.Slot)
		}
		if len(n.Args) > 0 {
			b.WriteString(" " + show(n.Args...))
		}
		b.WriteByte(')')
	}
	return b.String()
}

var kindNames = strings.Fields(`other select union insert update delete merge copy call set begin explain define
	grant show load prepare lock with targets from where group having order limit values into locking return
	conflict window options table derived join column star number string null bool hex param variable func
	binary unary case when cast query row interval assign missing`)

func TestAllKindsHaveANameHere(t *testing.T) {
	if got, want := len(kindNames), int(lastKind)+1; got != want {
		t.Errorf("%d names for %d kinds", got, want)
	}
	if kindNames[sqlfacts.Missing] != "missing" || kindNames[sqlfacts.Column] != "column" || kindNames[sqlfacts.Where] != "where" {
		t.Error("the names are in another order than the kinds")
	}
}

func TestAWarmParserHasItsProcessesBeforeTheyAreAsked(t *testing.T) {
	p, deaths := start(t, func(p *Parser) { naughty(p); p.config.Workers = 2; p.slots = make(chan struct{}, 2) })
	if err := p.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := p.Stats(); s.Starts != 2 || s.Unavailable != 0 {
		t.Fatalf("counted %+v, want both started", s)
	}
	if err := p.Warm(t.Context()); err != nil || p.Stats().Starts != 2 {
		t.Errorf("again: %v, %+v", err, p.Stats())
	}
	if _, err := ask(p, "SELECT 1"); err != nil || p.Stats().Starts != 2 {
		t.Errorf("the first statement: %v, %+v", err, p.Stats())
	}
	// One that dies is there again before the next statement.
	if _, err := ask(p, "exit"); !errors.Is(err, ErrKilled) {
		t.Errorf("got %v", err)
	}
	<-deaths
	for p.Stats().Starts < 3 {
		runtime.Gosched()
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Warm(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestAParserThatCannotBeWarmedSaysWhyAndGoesOn(t *testing.T) {
	p, deaths := start(t, func(p *Parser) { p.path = "/nonexistent/honeyrow" })
	if err := p.Warm(t.Context()); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v", err)
	}
	if d := <-deaths; d.Text != nil || d.Row != 1 {
		t.Errorf("reported %+v", d)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := p.Warm(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("when its time is up: %v", err)
	}
}
