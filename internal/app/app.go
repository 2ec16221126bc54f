// Package app puts the parts together: it is the only place that knows them
// all. New opens everything that a configuration names, Run works until its
// context ends and then drains, Reload swaps what can be swapped under running
// sessions.
//
//	config ─▶ store ─▶ snapshot ─▶ engine ◀─ inspect ─ pgwire, mywire ◀─ proxy ◀─ clients
//	             ▲                    │
//	             └── outbox ◀── desk ◀┘ ─▶ sinks
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/engine"
	"honeyrow/engine/drill"
	"honeyrow/engine/sqlfacts"
	mydialect "honeyrow/engine/sqlfacts/mysql"
	"honeyrow/engine/sqlfacts/pgsql"
	"honeyrow/event"
	"honeyrow/internal/admin"
	"honeyrow/internal/handover"
	"honeyrow/internal/tracing"
	"honeyrow/proxy"
	"honeyrow/token"
)

// Options are what an App needs beside its configuration.
type Options struct {
	Log zerolog.Logger
	// Stdout is where console sinks write; nil means the process's own.
	Stdout io.Writer
	// Load reads the configuration again, and Stop ends Run's context, when the
	// admin listener is asked to; nil: it can't.
	Load func() (*Config, error)
	Stop func()
	// Estate is what a predecessor has handed over to this process; nil: nothing.
	Estate *handover.Estate
	// Also are sockets of others in this process that a heir takes over, by name.
	Also map[string]*handover.Gate
	// Heir makes what a heir is started with; nil: handover.Self.
	Heir func() (handover.Program, error)
	// Succeeded is told the process number of a heir once it is certain that it goes
	// on; nil: nobody is.
	Succeeded func(pid int)
	// Bereft is told when that heir has died all the same: this process keeps its
	// sessions, but nobody accepts connections any more; nil: nobody is.
	Bereft func()
}

// App is one running proxy with everything behind it.
type App struct {
	log  zerolog.Logger
	out  io.Writer
	id   string // of this process, for the registry
	host string

	store  *Store
	engine *engine.Engine
	porter porter // before the engine
	press  press
	// allowed are the texts of the registry's allowances that are in force.
	allowed atomic.Pointer[[]string]
	ended   ended
	ward    ward
	// sessions are those of all listeners, whichever configuration opened them.
	sessions *proxy.Sessions

	analysis *engine.Analysis // nil: statements are not judged
	parser   *pgsql.Parser
	// parserDeaths is after how many deaths in a row there is an alert.
	parserDeaths int

	admin                   *admin.Server // nil: none
	started                 time.Time
	reloaded                atomic.Int64 // Unix nanoseconds: when cfg came into force
	reloads, reloadsRefused atomic.Uint64
	up, draining            atomic.Bool // clients are served; the end has begun
	outbox                  outboxState
	hand                    hand
	lost                    atomic.Bool // the registry can't be read
	// beatLogged is when a failing sign of life was logged, in nanoseconds since
	// started; 0: the last one was taken.
	beatLogged atomic.Int64

	// kick asks the catalogue refresher to look now; learned carries what the
	// engine found out about tables.
	kick    chan struct{}
	learned chan token.Location

	serving sync.WaitGroup // listeners' Serve and drains of removed ones

	mu        sync.Mutex
	school    school
	cfg       *Config
	listeners map[string]*listening // by name and address
	serve     context.Context       // set by Run: ends when sessions are cut
	cut       context.CancelFunc
}

// listening is one open listener with its protocol.
type listening struct {
	*proxy.Listener
	proto *protocol
	gate  *handover.Gate
}

// New opens the registry, takes over its tokens, builds the sinks and opens
// the listeners' sockets: whatever can fail at a start fails here. Nothing is
// served before Run. Close releases everything if Run is not called.
func New(ctx context.Context, c *Config, o Options) (*App, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("find this machine's name: %w", err)
	}
	a := &App{
		log: o.Log, out: o.Stdout, id: string(event.NewID()), host: host, cfg: c,
		sessions: proxy.NewSessions(nil), kick: make(chan struct{}, 1), learned: make(chan token.Location, 256), ward: ward{poke: make(chan struct{}, 1)}, listeners: map[string]*listening{},
		started: time.Now(),
	}
	a.reloaded.Store(a.started.UnixNano())
	a.hand.take(o)
	a.outbox.choose(c)
	if a.out == nil {
		a.out = os.Stdout
	}
	a.serve, a.cut = context.WithCancel(context.WithoutCancel(ctx))
	err = a.open(ctx, c)
	if err == nil {
		err = a.openAdmin(c, o)
	}
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *App) open(ctx context.Context, c *Config) error {
	if len(c.Listeners) == 0 {
		return c.file.Errorf("listeners", "no listener is configured: add one with name and address")
	}
	store, warnings, err := OpenStore(ctx, c)
	if err != nil {
		return err
	}
	a.store = store
	for _, w := range warnings {
		a.log.Warn().Msg(w)
	}
	set, err := a.ruleSet(ctx, c)
	if err != nil {
		return err
	}
	if c.Alerts.Statements {
		a.parserDeaths = c.Parser.Deaths
		a.parser = pgsql.New(c.Parser.Config, a.parserDied)
		my := new(mydialect.Parser)
		a.analysis = engine.NewAnalysis(map[sqlfacts.Flavour]sqlfacts.Dialect{
			sqlfacts.PostgreSQL: a.parser, sqlfacts.MySQL: my, sqlfacts.MariaDB: my,
		}, engine.AnalysisOptions{Time: 3*c.Parser.Timeout + time.Second, Patience: c.Parser.Patience})
	}
	a.engine, err = engine.New(c.Alerts.Config, engine.Options{Reporter: &a.press, Rules: set, Learn: a.learn, Enforce: a.sessions.Enforce, Shut: a.ward.shut, Analysis: a.analysis, Drills: drill.NewGate(store.DrillKey())})
	if err != nil {
		return err
	}
	if c.Traces.Enabled() {
		if a.press.trace, err = tracing.New(c.Traces, a.host, Build().Version, a.log); err != nil {
			return fmt.Errorf("traces: %w", err)
		}
	}
	a.porter.Inspector = a.engine
	a.outbox.bind(a.engine)
	if a.press.trace != nil {
		a.porter.Inspector = a.press.trace.Inspector(a.engine)
	}
	book, err := ReadBaseline(c)
	if err != nil {
		return err
	}
	a.compareWith(book)
	snap, err := store.Snapshot(ctx)
	if err != nil {
		return fmt.Errorf("read the registry: %w", err)
	}
	a.watch(snap)
	if err := a.syncQuarantine(ctx, false); err != nil { // before anybody is served
		return fmt.Errorf("read who is in quarantine: %w", err)
	}
	desk, err := a.buildDesk(c, set)
	if err != nil {
		return err
	}
	a.press.swap(desk)
	a.warnOfLeftovers(ctx, c, set)
	for i := range c.Listeners {
		l, err := a.listen(ctx, c, &c.Listeners[i])
		if err != nil {
			return err
		}
		a.listeners[socketKey(&c.Listeners[i])] = l
	}
	return nil
}

func socketKey(l *ListenerConfig) string { return l.Name + " " + l.Address }

func (a *App) listen(ctx context.Context, c *Config, l *ListenerConfig) (*listening, error) {
	p, err := a.protocol(c, l)
	if err != nil {
		return nil, err
	}
	gate, err := a.listenerGate(ctx, l)
	if err != nil {
		return nil, err
	}
	sock, err := proxy.Listen(ctx, l.Config, proxy.Deps{Protocol: p, Log: a.log, Sessions: a.sessions, Socket: gate})
	if err != nil {
		return nil, errors.Join(err, gate.Close())
	}
	return &listening{Listener: sock, proto: p, gate: gate}, nil
}

// Addrs returns where each listener listens, by its name.
func (a *App) Addrs() map[string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	m := map[string]string{}
	for i := range a.cfg.Listeners {
		c := &a.cfg.Listeners[i]
		if l := a.listeners[socketKey(c)]; l != nil {
			m[c.Name] = l.Addr().String()
		}
	}
	return m
}

// Engine is for statistics and tests.
func (a *App) Engine() *engine.Engine { return a.engine }

// Run serves until ctx ends, then drains: it stops accepting, lets sessions
// finish their transactions until the configured deadline, commits and
// delivers what is known, and closes everything. ready is called once clients
// are served; it may be nil.
func (a *App) Run(ctx context.Context, ready func()) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	a.serveAdmin()
	a.mu.Lock()
	first := a.cfg
	a.mu.Unlock()
	a.warmParser(ctx, first)
	a.press.start(background, a.flushTime(), a.log)
	var loops sync.WaitGroup
	// From its first sign of life on, seeders wait for this proxy: what was
	// registered before is taken over before anybody is served.
	a.beat(ctx)
	if err := a.catchUp(ctx); err != nil {
		a.log.Error().Err(err).Msg("the registry can't be read: the tokens known so far are watched")
	}
	if err := a.inherit(ctx); err != nil {
		a.log.Warn().Err(err).Msg("told to end before clients were served")
	}
	loops.Go(func() { a.beatLoop(background) })
	loops.Go(func() { a.tokenLoop(background) })
	loops.Go(func() { a.learnLoop(background) })
	loops.Go(func() { a.catalogLoop(background) })
	loops.Go(func() { a.patrol(background) })
	loops.Go(func() { a.letGoLoop(background) })
	loops.Go(func() { a.greet(background) })
	loops.Go(func() { a.keepQuarantine(background) })
	loops.Go(func() { a.learnStatements(background) })
	a.mu.Lock()
	for _, l := range a.listeners {
		a.startServing(l)
	}
	a.mu.Unlock()
	a.up.Store(true)
	a.hand.estate.Serving()
	a.announce()
	if ready != nil {
		ready()
	}
	a.reign(ctx)
	a.draining.Store(true)
	a.mu.Lock()
	served := a.listeners
	a.mu.Unlock()
	err := a.drain()
	a.waitForElders()
	stop()
	loops.Wait()
	a.leave()
	a.cut()
	a.endAnalysis()
	if err := a.syncQuarantine(context.WithoutCancel(ctx), true); err != nil {
		a.log.Error().Err(err).Msg("the last quarantines could not be kept: they end with this process")
	}
	a.press.stop()
	a.endTraces()
	a.closeAdmin()
	for _, l := range served {
		a.totalsOf(l)
	}
	a.Totals()
	return errors.Join(err, a.store.Close())
}

func (a *App) startServing(l *listening) {
	a.serving.Go(func() {
		if err := l.Serve(a.serve); err != nil {
			a.log.Error().Err(err).Msg("listener ended")
		}
	})
}

// drain ends all sessions in order, within the configured deadline.
func (a *App) drain() error {
	a.mu.Lock()
	deadline := a.cfg.Drain.Deadline
	ls := a.listeners
	a.listeners = map[string]*listening{}
	a.mu.Unlock()
	a.log.Info().Dur("deadline", deadline).Msg("draining: no new connections, transactions may finish")
	ctx, cancel := context.WithTimeout(a.serve, deadline)
	defer cancel()
	// A session that waits for its detection to be recorded waits no longer.
	lift := context.AfterFunc(ctx, a.press.release)
	defer lift()
	var mu sync.Mutex
	var errs []error
	var wg sync.WaitGroup
	for _, l := range ls {
		wg.Go(func() {
			err := l.Drain(ctx)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	wg.Wait()
	a.serving.Wait()
	return errors.Join(errs...)
}

// Cut ends all sessions now, also while Run drains.
func (a *App) Cut() { a.cut() }

// Close releases what New opened, if Run was not called.
func (a *App) Close() error {
	a.cut()
	for _, l := range a.listeners {
		l.Close()
	}
	a.closeAdmin()
	a.endAnalysis()
	a.endTraces()
	var err error
	if a.press.desk != nil {
		err = a.press.desk.Discard()
	}
	if a.store != nil {
		err = errors.Join(err, a.store.Close())
	}
	return err
}

// warmTime bounds how long a start, or a reload, waits for the parser's processes.
const warmTime = 5 * time.Second

// warmParser has the processes that parse PostgreSQL's statements there before one
// comes whose session waits for its verdict: the time to start one is not the
// statement's. Elsewhere the first statement starts them, and nobody waits.
func (a *App) warmParser(ctx context.Context, c *Config) {
	if a.parser == nil || !c.waitsForParser() {
		return
	}
	ctx, stop := context.WithTimeout(ctx, warmTime)
	defer stop()
	if err := a.parser.Warm(ctx); err != nil && ctx.Err() != nil {
		a.log.Warn().Err(err).Msg("the statements' parser is not ready yet: the first statements may be judged by their words alone")
	}
}

// parserDied is told when a process that parses statements ended before its
// time. Whatever it was at has been judged by its lexemes.
func (a *App) parserDied(d pgsql.Death) {
	if d.Row == a.parserDeaths { // once for each series of deaths
		a.engine.ParserFailing(d.Row, d.Reason)
	}
	e := a.log.Warn().Str("reason", d.Reason).Dur("pause", d.Pause).Bool("shape_left_out", d.Blamed)
	if d.Text != nil {
		e = e.Int("bytes", len(d.Text))
	}
	e.Msg("a statement's parser ended; statements go on being judged by their words alone until it is back")
}

// endAnalysis comes after all sessions and before the last alerts are flushed.
// What was sent in the last moments is judged first.
func (a *App) endAnalysis() {
	ctx, stop := context.WithTimeout(context.Background(), a.flushTime())
	defer stop()
	if a.analysis.Drain(ctx) != nil {
		a.log.Warn().Msg("drain.flush was over before all statements were judged: the last ones were not")
	}
	a.analysis.Close()
	if a.parser != nil {
		a.parser.Close()
	}
}

// endTraces exports the last spans; it comes after all sessions.
func (a *App) endTraces() {
	if a.press.trace == nil {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), a.flushTime())
	defer stop()
	if err := a.press.trace.Close(ctx); err != nil {
		a.log.Warn().Err(err).Msg("the last traces could not be exported")
	}
}

func (a *App) flushTime() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cfg.Drain.Flush
}

// patrolEvery is how often somebody looks whether expected runs took place.
const patrolEvery = 30 * time.Second

func (a *App) patrol(ctx context.Context) {
	tick := time.NewTicker(patrolEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if !a.hand.over.Load() { // else the new process does
				a.engine.Patrol()
				a.ended.tell(&a.log, time.Now())
			}
		}
	}
}

// announce says what listens where and what is watched.
func (a *App) announce() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.cfg.Listeners {
		c := &a.cfg.Listeners[i]
		s, _ := a.cfg.Server(c.Server)
		a.log.Info().Str("listener", c.Name).Stringer("address", a.listeners[socketKey(c)].Addr()).Str("server", s.Name).
			Str("server_address", s.Address).Str("client_tls", c.TLS.Mode).Str("server_tls", s.TLS.Mode).Msg("listening")
	}
	st := a.engine.Stats()
	a.log.Info().Int("tokens", st.Tokens).Uint64("registry_version", st.Version).Str("version", Version()).Msg("watching")
}

// Logger makes the program's logger as the configuration asks: JSON, or text
// for people. color asks for colours in text.
func Logger(c LogConfig, w io.Writer, terminal bool) zerolog.Logger {
	level, err := zerolog.ParseLevel(c.Level)
	if err != nil {
		level = zerolog.InfoLevel // validate has refused it already
	}
	if c.Format == "text" || c.Format == "auto" && terminal {
		w = zerolog.ConsoleWriter{Out: w, NoColor: !terminal, TimeFormat: time.RFC3339}
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger()
}
