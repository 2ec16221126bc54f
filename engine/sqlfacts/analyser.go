package sqlfacts

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Limits are what a dialect's parser may be given.
type Limits struct {
	Size  int // bytes of the surrogate
	Kept  int // lexemes of it
	Chain int // Text.Chain
	Depth int // nesting of brackets
}

// Limited is a Dialect that says what its parser bears. For others
// DefaultLimits hold.
type Limited interface{ Limits() Limits }

// DefaultLimits suit a parser of which nothing is known.
var DefaultLimits = Limits{Size: 32 << 10, Kept: 8000, Chain: 2000, Depth: 200}

// Check says why t is beyond the limits: nil if it is not. size is its
// surrogate's.
func (l Limits) Check(t *Text, size int) error {
	for _, x := range []struct {
		what      string
		got, most int
	}{
		{"bytes", size, l.Size},
		{"lexemes", t.Kept, l.Kept},
		{"chained operators", t.Chain, l.Chain},
		{"nested brackets", t.Depth, l.Depth},
	} {
		if x.got > x.most {
			return fmt.Errorf("%d %s, more than the parser is given (%d)", x.got, x.what, x.most)
		}
	}
	if t.Marks&Oversize != 0 {
		return errors.New("longer than the limit: only the beginning was looked at")
	}
	return nil
}

// ErrMended is wrapped by errors that a Dialect returns together with trees: a
// known gap of its parser was worked round.
var ErrMended = errors.New("mended")

// Config shapes an Analyser.
type Config struct {
	// Shapes is how many shapes' facts are kept; 0: 16384.
	Shapes int
	// Memory is about how many bytes they may take; 0: 64 MiB.
	Memory int64
	// Timeout is how long a parse may take; 0: 250 ms.
	Timeout time.Duration
	// Note, which may be nil, makes Facts.Note, once for each shape.
	Note func(f *Facts, env Env) any
}

// Stats count what an Analyser did since it was made.
type Stats struct {
	Hits, Misses uint64
	// Parsed, Mended and Scanned tell how the misses were met; Refused how many
	// of the scanned were beyond the limits, Failed how many the parser refused.
	Parsed, Mended, Scanned, Refused, Failed uint64
	// Killers counts the texts that harmed a parser, those included that were not
	// tried again.
	Killers uint64
	// Shapes and Weight are what the cache holds now.
	Shapes, Weight int64
}

// Analyser turns texts into facts and keeps them by shape. It is safe for
// concurrent use; each Text is its user's.
type Analyser struct {
	dialects map[Flavour]Dialect
	timeout  time.Duration
	note     func(*Facts, Env) any
	cache    *cache

	mu    sync.Mutex
	calls map[uint64]*call

	hits, misses, parsed, mended, scanned, refused, failed, killers atomic.Uint64
}

// call is an analysis under way.
type call struct {
	done  chan struct{}
	facts *Facts
}

// NewAnalyser makes an Analyser. A flavour without a dialect gets facts from
// the lexer alone.
func NewAnalyser(c Config, dialects map[Flavour]Dialect) *Analyser {
	if c.Shapes <= 0 {
		c.Shapes = 16384
	}
	if c.Memory <= 0 {
		c.Memory = 64 << 20
	}
	if c.Timeout <= 0 {
		c.Timeout = 250 * time.Millisecond
	}
	return &Analyser{
		dialects: dialects, timeout: c.Timeout, note: c.Note,
		cache: newCache(c.Shapes, c.Memory), calls: map[uint64]*call{},
	}
}

// Facts returns what is known of a text's shape without any work; ok is false
// if nothing is. It allocates nothing.
func (a *Analyser) Facts(t *Text) (f *Facts, ok bool) {
	f = a.cache.get(t.Key())
	if f == nil {
		return nil, false
	}
	a.hits.Add(1)
	return f, true
}

// Known is Facts for a text that was lexed before: key is its Key.
func (a *Analyser) Known(key uint64) (f *Facts, ok bool) {
	f = a.cache.get(key)
	return f, f != nil
}

// Analyse returns the facts of a text; they are never nil. Texts of one shape
// that come at the same time are parsed once. When ctx ends while another's
// analysis is waited for, the lexer's facts are returned.
func (a *Analyser) Analyse(ctx context.Context, t *Text) *Facts {
	if f, ok := a.Facts(t); ok {
		return f
	}
	key := t.Key()
	a.mu.Lock()
	if f := a.cache.get(key); f != nil { // another was faster
		a.mu.Unlock()
		a.hits.Add(1)
		return f
	}
	a.misses.Add(1)
	if c, ok := a.calls[key]; ok {
		a.mu.Unlock()
		select {
		case <-c.done:
			return c.facts
		case <-ctx.Done():
			a.scanned.Add(1)
			return a.facts(t, Scan(t), Scanned, "the analysis took too long", false)
		}
	}
	c := &call{done: make(chan struct{})}
	a.calls[key] = c
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		delete(a.calls, key)
		a.mu.Unlock()
		close(c.done)
	}()
	f, keep := a.analyse(ctx, t)
	c.facts = f
	if keep {
		a.cache.put(key, f)
	}
	return f
}

// analyse makes the facts; keep says whether they are worth keeping: those that
// came about only because the time was up are not.
func (a *Analyser) analyse(ctx context.Context, t *Text) (f *Facts, keep bool) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	trees, source, err := a.parse(ctx, t)
	switch source {
	case Parsed:
		a.parsed.Add(1)
	case Mended:
		a.mended.Add(1)
	default:
		a.scanned.Add(1)
		trees = Scan(t)
	}
	why := ""
	if err != nil {
		why = clip(err.Error(), 200)
	}
	f = a.facts(t, trees, source, why, errors.Is(err, ErrKiller))
	return f, f.Killer || source != Scanned || ctx.Err() == nil && !errors.Is(err, ErrUnavailable)
}

// Scan returns the facts that the lexer alone gives, at once, and keeps nothing.
func (a *Analyser) Scan(t *Text) *Facts {
	a.scanned.Add(1)
	return a.facts(t, Scan(t), Scanned, "not parsed", false)
}

func (a *Analyser) facts(t *Text, trees []*Node, source Source, why string, killer bool) *Facts {
	f := NewFacts(t, trees, source, why)
	if f.Killer = killer; killer {
		a.killers.Add(1)
	}
	if a.note != nil {
		f.Note = a.note(f, t.Env)
	}
	return f
}

func (a *Analyser) parse(ctx context.Context, t *Text) (trees []*Node, source Source, err error) {
	d := a.dialects[t.Env.Flavour]
	if d == nil {
		return nil, Scanned, errors.New("no parser for this dialect")
	}
	limits := DefaultLimits
	if l, ok := d.(Limited); ok {
		limits = l.Limits()
	}
	if t.Marks&Oversize != 0 || t.Kept > limits.Kept || t.Chain > limits.Chain || t.Depth > limits.Depth {
		a.refused.Add(1)
		return nil, Scanned, limits.Check(t, 0)
	}
	surrogate := t.Surrogate(make([]byte, 0, min(len(t.Raw), limits.Size)+64))
	if err := limits.Check(t, len(surrogate)); err != nil {
		a.refused.Add(1)
		return nil, Scanned, err
	}
	trees, err = guard(ctx, d, surrogate, t.Env)
	switch {
	case err == nil:
		return trees, Parsed, nil
	case errors.Is(err, ErrMended) && trees != nil:
		return trees, Mended, err
	}
	a.failed.Add(1)
	return nil, Scanned, err
}

// guard calls a parser, whose panic is an error like any other.
func guard(ctx context.Context, d Dialect, surrogate []byte, env Env) (trees []*Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			where := string(debug.Stack())
			if i := strings.Index(where, "panic("); i >= 0 {
				where = where[i:]
			}
			trees, err = nil, fmt.Errorf("%w: it panicked: %v: %s", ErrKiller, p, clip(where, 160))
		}
	}()
	return d.Parse(ctx, surrogate, env)
}

// Stats returns the counters.
func (a *Analyser) Stats() Stats {
	return Stats{
		Hits: a.hits.Load(), Misses: a.misses.Load(),
		Parsed: a.parsed.Load(), Mended: a.mended.Load(), Scanned: a.scanned.Load(),
		Refused: a.refused.Load(), Failed: a.failed.Load(), Killers: a.killers.Load(),
		Shapes: a.cache.count.Load(), Weight: a.cache.weight.Load(),
	}
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
