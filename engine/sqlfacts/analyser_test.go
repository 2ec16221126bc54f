package sqlfacts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// fake is a dialect that does what its func says.
type fake func(ctx context.Context, surrogate string) ([]*Node, error)

func (f fake) Parse(ctx context.Context, surrogate []byte, _ Env) ([]*Node, error) {
	return f(ctx, string(surrogate))
}

func dialect(f fake) map[Flavour]Dialect { return map[Flavour]Dialect{MariaDB: f} }

func TestAShapeIsParsedOnce(t *testing.T) {
	gate := make(chan struct{})
	calls := 0
	a := NewAnalyser(Config{Timeout: time.Minute}, dialect(func(context.Context, string) ([]*Node, error) {
		calls++
		<-gate
		return []*Node{newNode(Select, "")}, nil
	}))
	var wg sync.WaitGroup
	got := make([]*Facts, 20)
	for i := range got {
		wg.Go(func() { got[i] = a.Analyse(t.Context(), lexed(maria, fmt.Sprintf("select %d", i))) })
	}
	close(gate)
	wg.Wait()
	for _, f := range got {
		if f != got[0] {
			t.Fatal("two facts for one shape")
		}
	}
	if s := a.Stats(); calls != 1 || s.Parsed != 1 || s.Hits+s.Misses != 20 || s.Shapes != 1 {
		t.Errorf("%d calls, stats %+v", calls, s)
	}
}

func TestEnvironmentsDoNotShareFacts(t *testing.T) {
	a := NewAnalyser(Config{}, nil)
	f := a.Analyse(t.Context(), lexed(maria, "select 1"))
	env := maria
	for _, change := range []func(){
		func() { env.Version++ }, func() { env.ANSIQuotes = true }, func() { env.NoBackslash = true }, func() { env.PipesConcat = true },
		func() { env.Charset = "gbk" }, func() { env.Flavour = MySQL },
	} {
		change()
		if g, ok := a.Facts(lexed(env, "select 1")); ok || g == f {
			t.Errorf("%+v has the facts of %+v", env, maria)
		}
	}
}

func TestWhatTheParserRefusesIsScanned(t *testing.T) {
	for name, parse := range map[string]fake{
		"error": func(context.Context, string) ([]*Node, error) { return nil, errors.New("near x") },
		"panic": func(context.Context, string) ([]*Node, error) { panic("index out of range") },
	} {
		a := NewAnalyser(Config{Timeout: time.Minute}, dialect(parse))
		f := a.Analyse(t.Context(), lexed(maria, "select pw from users"))
		if f.Source != Scanned || f.Why == "" || len(f.Tables) != 1 || f.Tables[0].Name != "users" {
			t.Errorf("%s: %+v", name, f)
		}
		if _, ok := a.Facts(lexed(maria, "select pw from users")); !ok || a.Stats().Failed != 1 {
			t.Errorf("%s: not kept, stats %+v", name, a.Stats())
		}
	}
	a := NewAnalyser(Config{Timeout: time.Minute}, dialect(func(context.Context, string) ([]*Node, error) {
		return []*Node{newNode(Select, "")}, fmt.Errorf("%w: NCHAR", ErrMended)
	}))
	if f := a.Analyse(t.Context(), lexed(maria, "select 1")); f.Source != Mended {
		t.Errorf("mended: %+v", f)
	}
}

func TestParsersSeeNothingBeyondTheirLimits(t *testing.T) {
	a := NewAnalyser(Config{Timeout: time.Minute}, dialect(func(_ context.Context, s string) ([]*Node, error) {
		t.Errorf("the parser got %.40q", s)
		return nil, nil
	}))
	for _, text := range []string{
		strings.Repeat("(", 300), "select " + strings.Repeat("1+", 3000) + "1", "select '" + strings.Repeat("x", 2*TextLimit) + "'",
		strings.Repeat("a ", 9000), "select " + strings.Repeat("a", 40_000), "select " + strings.Repeat("not ", 3000),
	} {
		if f := a.Analyse(t.Context(), lexed(maria, text)); f.Source != Scanned || f.Why == "" {
			t.Errorf("%.20q: %+v", text, f.Source)
		}
	}
	if s := a.Stats(); s.Refused != 6 {
		t.Errorf("stats %+v", s)
	}
}

func TestFactsThatOnlyTheClockSpoiltAreNotKept(t *testing.T) {
	a := NewAnalyser(Config{Timeout: time.Minute}, dialect(func(ctx context.Context, _ string) ([]*Node, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	x := lexed(maria, "select 1")
	if f := a.Analyse(ctx, x); f.Source != Scanned {
		t.Errorf("%+v", f)
	}
	if _, ok := a.Facts(x); ok {
		t.Error("kept")
	}
}

func TestTheCacheIsBoundedAndKeepsWhatIsUsed(t *testing.T) {
	a := NewAnalyser(Config{Shapes: 256, Memory: 1 << 20}, nil)
	used := lexed(maria, "select used from t")
	a.Analyse(t.Context(), used)
	kept := 0
	for i := range 20_000 {
		a.Analyse(t.Context(), lexed(maria, fmt.Sprintf("select c%d from t where %s", i, strings.Repeat("a = 1 and ", i%40))))
		if _, ok := a.Facts(used); ok {
			kept++
		} else {
			a.Analyse(t.Context(), used)
		}
	}
	if s := a.Stats(); s.Shapes > 256 || s.Weight > 1<<20 || s.Shapes < 20 {
		t.Errorf("stats %+v", s)
	}
	if kept < 19_000 {
		t.Errorf("a shape in steady use was there %d of 20000 times", kept)
	}
}

func TestTablesAndFunctionsOfATree(t *testing.T) {
	x := lexed(maria, "with a as (select f(1) from b), d as (select * from a) insert into c select G(x) from a join d join e.a")
	f := NewFacts(x, Scan(x), Scanned, "")
	if got, want := fmt.Sprint(f.Tables, f.Functions), "[{ b false} { c true} {e a false}] [f g]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
