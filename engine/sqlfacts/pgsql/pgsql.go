// Package pgsql is PostgreSQL's dialect: it parses statements with PostgreSQL's
// own parser (pg_query), in a process of its own.
//
//	Parser ──pool──▶ process ══pipe══▶ worker: admit ─▶ pg_query ─▶ convert ─▶ trees
//	   ◀── trees, decoded and checked ◀══pipe══
//
// The parser is C and recurses: a text can kill it, and Go cannot recover from
// that. So the program starts itself again as a worker (ServeIfWorker in main),
// limited in memory, time and files, and asks it through a pipe. A worker that
// dies is started again; the text that killed it is remembered by its shape and
// not tried again. To the caller that is an error like any other: it goes on
// with what its lexer knows.
//
// It is the only package with cgo.
package pgsql

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"honeyrow/engine/sqlfacts"
)

// Config is the parser's part of the configuration.
type Config struct {
	// Workers is how many processes parse at once.
	Workers int `yaml:"workers"`
	// Timeout is how long one statement may take before its worker is killed.
	Timeout time.Duration `yaml:"timeout"`
	// Memory is how many bytes of address space a worker may take beyond what it
	// has when it starts.
	Memory int64 `yaml:"memory"`
	// Pause is how long a worker that died stays down; it doubles with each death
	// in a row, up to LongestPause.
	Pause        time.Duration `yaml:"pause"`
	LongestPause time.Duration `yaml:"longest_pause"`
	// Deaths is how many deaths in a row, of one worker, make an alert: statements
	// are judged by their words alone meanwhile.
	Deaths int `yaml:"deaths"`
}

// DefaultConfig returns the values used where the configuration is silent.
func DefaultConfig() Config {
	return Config{Workers: 2, Timeout: time.Second, Memory: 512 << 20, Pause: 20 * time.Millisecond, LongestPause: 10 * time.Second, Deaths: 5}
}

// Validate returns every mistake, with what to do.
func (c Config) Validate() error {
	var errs []error
	if c.Workers < 1 || c.Workers > 64 {
		errs = append(errs, fmt.Errorf("workers is %d: use 1 to 64", c.Workers))
	}
	if c.Timeout < 10*time.Millisecond || c.Timeout > time.Minute {
		errs = append(errs, fmt.Errorf("timeout is %s: use 10ms to 1m", c.Timeout))
	}
	if c.Memory < 256<<20 || c.Memory > 1<<40 {
		errs = append(errs, fmt.Errorf("memory is %d: use 268435456 bytes (256 MiB) to 1 TiB", c.Memory))
	}
	if c.Pause < time.Millisecond || c.Pause > time.Minute {
		errs = append(errs, fmt.Errorf("pause is %s: use 1ms to 1m", c.Pause))
	}
	if c.LongestPause < c.Pause || c.LongestPause > time.Hour {
		errs = append(errs, fmt.Errorf("longest_pause is %s: use at least pause (%s) and at most 1h", c.LongestPause, c.Pause))
	}
	if c.Deaths < 1 || c.Deaths > 1000 {
		errs = append(errs, fmt.Errorf("deaths is %d: use 1 to 1000", c.Deaths))
	}
	return errors.Join(errs...)
}

// What Parse may return, beside ErrLimit, ErrEncoding, a *SyntaxError and the
// context's error.
var (
	// ErrKilled is returned to the statement in whose course a worker died.
	ErrKilled = fmt.Errorf("%w: it killed its process", sqlfacts.ErrKiller)
	// ErrKiller is returned for a text of a shape that has killed a worker. It was
	// not tried.
	ErrKiller = fmt.Errorf("%w: one of this shape has killed its process", sqlfacts.ErrKiller)
	// ErrUnavailable is returned while no worker can be had: none starts, all are
	// busy or being started again.
	ErrUnavailable = sqlfacts.ErrUnavailable
	// ErrClosed is returned after Close.
	ErrClosed = fmt.Errorf("%w: it is closed", ErrUnavailable)
)

// SyntaxError says that PostgreSQL's grammar does not know the text.
type SyntaxError struct {
	Message string // the parser's, at most 200 bytes; quotes the surrogate
	Place   int    // where, in characters from 1; 0: the parser did not say
}

// Error returns the parser's message.
func (e *SyntaxError) Error() string { return e.Message }

// Death tells of a worker that ended by itself, had to be killed or could not be
// started.
type Death struct {
	// Text is the surrogate that it was parsing; nil if it died before it could
	// be asked anything. The receiver may keep it.
	Text []byte
	// Reason for people: "took longer than 2s", "signal: killed".
	Reason string
	// Blamed: the text's shape will not be tried again.
	Blamed bool
	// Pause is how long this worker stays down before it is started again.
	Pause time.Duration
	// Row is how many times in a row it has come to this.
	Row int
}

// Stats counts since New.
type Stats struct {
	Parsed, Refused, Limited uint64 // trees, syntax errors, beyond limits or of a wrong encoding
	Deaths, Starts           uint64
	Blamed                   uint64 // statements not tried because of their shape
	Unavailable              uint64
}

// Parser is a sqlfacts.Dialect. It is safe for concurrent use.
type Parser struct {
	config   Config
	report   func(Death)
	env      []string      // of the workers, beside workerEnv; for tests
	path     string        // the program to start; "": this one
	patience time.Duration // how long a worker may take to start

	slots   chan struct{} // one for each worker that may be taken from idle
	closing chan struct{}
	wait    sync.WaitGroup
	spawner spawner
	killers *killers
	down    atomic.Int32 // workers that pause
	warm    atomic.Bool  // processes are there before they are asked

	mu     sync.Mutex
	idle   []*worker // the one used last is taken first, so that few are awake
	all    []*worker
	opened bool
	closed bool

	parsed, refused, limited, deaths, starts, blamed, unavailable atomic.Uint64
}

// New returns a parser. Nothing is started before the first statement comes, or
// Warm is called.
// Report, which may be nil, is called for each death, by the goroutine that
// would otherwise start the worker again: it should return soon. Config must be
// valid.
func New(config Config, report func(Death)) *Parser {
	if report == nil {
		report = func(Death) {}
	}
	return &Parser{
		config: config, report: report, patience: 10 * time.Second,
		slots: make(chan struct{}, config.Workers), closing: make(chan struct{}),
		killers: newKillers(),
	}
}

// Parse returns the trees of a surrogate's statements, none for an empty text.
// See ErrKilled and its neighbours for what else it returns. The text is not
// kept; it is read only until Parse returns.
func (p *Parser) Parse(ctx context.Context, surrogate []byte, _ sqlfacts.Env) ([]*sqlfacts.Node, error) {
	if err := admit(surrogate); err != nil {
		p.limited.Add(1)
		return nil, err
	}
	shape := p.killers.shape(surrogate)
	if p.killers.has(shape) {
		p.blamed.Add(1)
		return nil, ErrKiller
	}
	w, err := p.take(ctx)
	if err != nil {
		if errors.Is(err, ErrUnavailable) {
			p.unavailable.Add(1)
		}
		return nil, err
	}
	j := &job{text: append([]byte(nil), surrogate...), shape: shape, done: make(chan result, 1)}
	w.jobs <- j // never blocks: an idle worker has no job
	select {
	case r := <-j.done:
		return r.trees, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.closing:
		return nil, ErrClosed
	}
}

// Warm starts all processes, and from now on those that end are started again
// before they are needed, so that no statement's time is spent on that. It returns
// when they are there; where one can't be started, or ctx ends, with the reason:
// the parser goes on trying as it does without.
func (p *Parser) Warm(ctx context.Context) error {
	p.warm.Store(true)
	if err := errors.Join(ctx.Err(), p.open()); err != nil {
		return err
	}
	done := make(chan error, len(p.all))
	for _, w := range p.all { // does not change any more
		select {
		case w.wake <- done:
		case <-ctx.Done():
			return ctx.Err()
		case <-p.closing:
			return ErrClosed
		}
	}
	var errs []error
	for range p.all {
		select {
		case err := <-done:
			errs = append(errs, err)
		case <-ctx.Done():
			return errors.Join(append(errs, ctx.Err())...)
		case <-p.closing:
			return ErrClosed
		}
	}
	return errors.Join(errs...)
}

// take takes an idle worker, and waits for one no longer than one statement may
// take.
func (p *Parser) take(ctx context.Context) (*worker, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := p.open(); err != nil {
		return nil, err
	}
	select {
	case <-p.slots:
		return p.pop()
	default:
	}
	if int(p.down.Load()) >= p.config.Workers {
		return nil, fmt.Errorf("%w: it is being started again", ErrUnavailable)
	}
	patience := time.NewTimer(p.config.Timeout)
	defer patience.Stop()
	select {
	case <-p.slots:
		return p.pop()
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.closing:
		return nil, ErrClosed
	case <-patience.C:
		return nil, fmt.Errorf("%w: all are busy", ErrUnavailable)
	}
}

// open starts the goroutines, once.
func (p *Parser) open() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	if p.opened {
		return nil
	}
	p.opened = true
	p.spawner = newSpawner()
	go p.spawner.run()
	for range p.config.Workers {
		w := &worker{parser: p, jobs: make(chan *job, 1), wake: make(chan chan error)}
		p.all = append(p.all, w)
		p.idle = append(p.idle, w)
		p.slots <- struct{}{}
		p.wait.Add(1)
		go func() {
			defer p.wait.Done()
			w.run()
		}()
	}
	return nil
}

func (p *Parser) pop() (*worker, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		p.slots <- struct{}{}
		return nil, ErrClosed
	}
	w := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	return w, nil
}

func (p *Parser) push(w *worker) {
	p.mu.Lock()
	p.idle = append(p.idle, w)
	p.mu.Unlock()
	p.slots <- struct{}{}
}

// Close stops all workers and returns when they are gone. Statements that are
// being parsed get ErrClosed.
func (p *Parser) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		p.wait.Wait()
		return nil
	}
	p.closed = true
	close(p.closing)
	all := p.all
	p.mu.Unlock()
	for _, w := range all {
		w.interrupt()
	}
	p.wait.Wait()
	if p.opened { // the last, for the workers die with its thread
		close(p.spawner.asked)
		<-p.spawner.gone
	}
	return nil
}

// Limits are what the parser is given: an analyser that asks first spares itself
// the surrogate's way here. Parse checks by itself.
func (p *Parser) Limits() sqlfacts.Limits {
	return sqlfacts.Limits{Size: maxText, Kept: maxText, Chain: maxChain, Depth: 1000}
}

// Stats returns what has been counted.
func (p *Parser) Stats() Stats {
	return Stats{
		Parsed: p.parsed.Load(), Refused: p.refused.Load(), Limited: p.limited.Load(),
		Deaths: p.deaths.Load(), Starts: p.starts.Load(),
		Blamed: p.blamed.Load(), Unavailable: p.unavailable.Load(),
	}
}
