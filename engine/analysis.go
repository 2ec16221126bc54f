package engine

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"honeyrow/engine/sqlfacts"
	"honeyrow/event"
)

// Bounds of the work that is done for statements.
const (
	maxKept  = sqlfacts.TextLimit // bytes of a statement that are kept for a parser
	patience = 250 * time.Millisecond
	// Statements of a client that harmed the parser are judged by their words
	// alone for a time: nobody may take the parser from others twice.
	maxHarm  = 3
	harmTime = time.Minute
	maxHarms = 1024 // clients remembered
	// parsers is how many statements are parsed ahead of their being sent at the
	// same time, each of another client.
	parsers = 3
)

// Analysis is how statements are understood. It is shared by all sessions.
type Analysis struct {
	by       *sqlfacts.Analyser
	patience time.Duration
	behind   *turns  // beside the traffic: one at a time
	ahead    *turns  // before a statement is sent
	budget   *budget // of behind
	stop     context.CancelFunc
	done     sync.WaitGroup
	harms    harms
}

// AnalysisOptions bound an Analysis. The zero value is of use.
type AnalysisOptions struct {
	// Time is how long a dialect's parser may take for one statement; 0: 5 s. It is
	// there for parsers without a limit of their own.
	Time time.Duration
	// Patience is how long a session in protect mode waits for a statement of an
	// unknown shape to be understood, before it is judged by its words; 0: 250 ms.
	Patience time.Duration
}

// question is a statement of a shape that is not known yet. Its text is a copy.
type question struct {
	lane   lane
	s      *session
	text   []byte
	asked  time.Time
	total  int
	env    sqlfacts.Env
	values []boundValue // of a run, instead of the text
	late   *late        // shared with the run
	words  *words       // in protect mode: what is told if the parse comes too late
	// answer is where a session in protect mode waits; nil: nobody does. settled
	// is set by whoever comes first: the answer, or the one who waits no longer.
	answer  chan *sqlfacts.Facts
	settled atomic.Bool
}

// NewAnalysis understands statements with the dialects' parsers, which stay the
// caller's. Close ends it.
func NewAnalysis(dialects map[sqlfacts.Flavour]sqlfacts.Dialect, o AnalysisOptions) *Analysis {
	if o.Time <= 0 {
		o.Time = 5 * time.Second
	}
	if o.Patience <= 0 {
		o.Patience = patience
	}
	ctx, stop := context.WithCancel(context.Background())
	a := &Analysis{
		by:       sqlfacts.NewAnalyser(sqlfacts.Config{Timeout: o.Time, Note: annotate}, dialects),
		patience: o.Patience, behind: newTurns(), ahead: newTurns(), budget: newBudget(), stop: stop,
	}
	a.done.Go(func() { a.work(ctx, a.behind) })
	for range parsers {
		a.done.Go(func() { a.work(ctx, a.ahead) })
	}
	return a
}

// Drain waits until all statements that were sent have been judged, for as long
// as ctx lasts; its error is ctx's, and says that some have not been.
func (a *Analysis) Drain(ctx context.Context) error {
	if a == nil {
		return nil
	}
	for _, t := range []*turns{a.ahead, a.behind} {
		select {
		case <-t.drained():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Close ends the work. What still waits is not looked at: Drain first.
func (a *Analysis) Close() {
	if a == nil {
		return
	}
	a.stop()
	a.behind.close()
	a.ahead.close()
	a.done.Wait()
}

// load returns how many statements wait to be understood, and for how long the
// oldest has.
func (a *Analysis) load(now time.Time) (waiting int, lag time.Duration) {
	if a == nil {
		return 0, 0
	}
	for _, t := range []*turns{a.behind, a.ahead} {
		n, asked := t.oldest()
		waiting += n
		if !asked.IsZero() {
			lag = max(lag, now.Sub(asked))
		}
	}
	return waiting, lag
}

// work answers questions one after the other.
func (a *Analysis) work(ctx context.Context, from *turns) {
	var t sqlfacts.Text
	for {
		q := from.pop()
		if q == nil {
			return
		}
		began := time.Now()
		a.reply(ctx, &t, q)
		from.done(q)
		if from == a.behind {
			a.budget.spend(&q.lane, time.Since(began))
		}
	}
}

// reply parses a statement, and judges it unless somebody waits to do so. A
// panic costs this statement's facts.
func (a *Analysis) reply(ctx context.Context, t *sqlfacts.Text, q *question) {
	defer func() {
		if recover() != nil {
			q.s.e.stats.unparsed.Add(1)
			if q.answer != nil {
				close(q.answer)
			}
		}
	}()
	t.LexPart(q.text, q.total, q.env)
	f := a.by.Analyse(ctx, t)
	if f.Killer {
		a.harms.note(q.lane, q.s.e.now())
	}
	switch {
	case q.answer != nil && q.settled.CompareAndSwap(false, true):
		q.answer <- f
	case q.values != nil:
		q.s.lateBound(t, f, q)
	default:
		q.s.lateText(t, f, q)
	}
}

// understand looks at a statement, cut as t, before it is sent. A shape that is known is
// judged at once. Another one is parsed first in protect mode, if that takes no
// longer than it may, and left to the analysis otherwise; if there is too much
// to do, it is judged by its words here and now: never left out.
func (s *session) understand(st *statement, t *sqlfacts.Text, sql []byte, total int) event.Verdict {
	a := s.e.analysis
	if a == nil {
		return event.Verdict{}
	}
	f, known := a.by.Facts(t)
	var w *words
	if !known {
		if f, w = a.unknown(st, t, sql, total); w != nil {
			defer close(w.judged)
		}
	}
	return s.judge(st, t, f, w, sql, total)
}

// unknown returns the facts of a shape that has not been parsed yet; nil: it is
// judged later. With words it is judged again when its parse comes: the caller
// closes words.judged when it has judged it by these facts.
func (a *Analysis) unknown(st *statement, t *sqlfacts.Text, sql []byte, total int) (*sqlfacts.Facts, *words) {
	s := st.s
	who := s.lane()
	if !s.client.Protect && !a.budget.grants(&who, t.Key()) {
		s.e.stats.inline.Add(1)
		return a.by.Scan(t), nil
	}
	q := &question{lane: who, s: s, asked: s.e.now(), text: append([]byte(nil), sql[:min(len(sql), maxKept)]...), total: total, env: t.Env, late: new(late)}
	queue := a.behind
	if !s.client.Protect {
		st.late = q.late
	} else {
		q.answer = make(chan *sqlfacts.Facts, 1)
		q.words = &words{judged: make(chan struct{})}
		queue = a.ahead
	}
	if a.harms.barred(q.lane, s.e.now()) || !queue.push(q) {
		s.e.stats.inline.Add(1)
		return a.by.Scan(t), nil
	}
	if q.answer == nil {
		return nil, nil
	}
	timer := time.NewTimer(a.patience)
	defer timer.Stop()
	select {
	case f := <-q.answer:
		if f != nil {
			return f, nil
		}
	case <-timer.C:
		if q.settled.CompareAndSwap(false, true) {
			st.late = q.late
			s.e.stats.inline.Add(1)
			return a.by.Scan(t), q.words
		}
		if f := <-q.answer; f != nil {
			return f, nil
		}
	}
	s.e.stats.inline.Add(1)
	return a.by.Scan(t), nil
}

func (s *session) lane() lane {
	host := s.client.Address
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return lane{s.client.Server, s.client.User, host}
}

// harms remembers the clients whose statements harmed the parser.
type harms struct {
	mu sync.Mutex
	by map[lane]*harm
}

type harm struct {
	count int
	last  time.Time
}

func (h *harms) note(who lane, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.by == nil {
		h.by = map[lane]*harm{}
	}
	if len(h.by) >= maxHarms {
		for k, v := range h.by {
			if now.Sub(v.last) > harmTime {
				delete(h.by, k)
			}
		}
		if len(h.by) >= maxHarms {
			return
		}
	}
	x := h.by[who]
	if x == nil {
		x = &harm{}
		h.by[who] = x
	}
	x.count++
	x.last = now
}

// barred reports whether a client's statements are kept from the parser now.
func (h *harms) barred(who lane, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	x := h.by[who]
	switch {
	case x == nil || x.count < maxHarm:
		return false
	case now.Sub(x.last) > harmTime:
		delete(h.by, who)
		return false
	}
	return true
}

// environment is what the session's texts mean. The client's goroutine asks;
// the server's changes it with Set.
func (s *session) environment() *sqlfacts.Env {
	if env := s.env.Load(); env != nil {
		return env
	}
	env := firstEnv(&s.client)
	s.env.CompareAndSwap(nil, env)
	return s.env.Load()
}

// firstEnv is what is known at login.
func firstEnv(c *event.Client) *sqlfacts.Env {
	env := &sqlfacts.Env{Flavour: sqlfacts.PostgreSQL, ANSIQuotes: true, NoBackslash: true, PipesConcat: true}
	version := c.ServerVersion
	if c.Protocol == "mysql" {
		*env = sqlfacts.Env{Flavour: sqlfacts.MySQL}
		if strings.Contains(strings.ToLower(version), "mariadb") {
			env.Flavour = sqlfacts.MariaDB
			version = strings.TrimPrefix(version, "5.5.5-") // MariaDB's greeting to old replicas
		}
	}
	env.Version = number(version)
	return env
}

// number reads "8.4.1-log" as 80401 and "15.18" as 150018: as versioned
// comments and PostgreSQL's server_version_num count.
func number(version string) int {
	var parts [3]int
	n := 0
	for i, digits := 0, 0; i <= len(version) && n < 3; i++ {
		if i < len(version) && version[i] >= '0' && version[i] <= '9' && digits < 3 {
			parts[n] = parts[n]*10 + int(version[i]-'0')
			digits++
			continue
		}
		n, digits = n+1, 0
		if i < len(version) && version[i] != '.' {
			break
		}
	}
	if n == 2 {
		return parts[0]*10000 + parts[1]
	}
	return parts[0]*10000 + parts[1]*100 + parts[2]
}

// setEnv follows what the server reports of the session's settings.
func (s *session) setEnv(name, value string) {
	old := s.environment()
	env := *old
	switch strings.ToLower(name) {
	case "standard_conforming_strings":
		env.NoBackslash = value == "on"
	case "client_encoding", "character_set_client":
		env.Charset = strings.ToLower(strings.Clone(value))
	case "no_backslash_escapes":
		env.NoBackslash = value == "on"
	case "ansi_quotes":
		env.ANSIQuotes = value == "on"
	case "sql_mode":
		mode := "," + strings.ToUpper(value) + ","
		has := func(m string) bool { return strings.Contains(mode, ","+m+",") }
		env.ANSIQuotes = has("ANSI_QUOTES") || has("ANSI")
		env.NoBackslash = has("NO_BACKSLASH_ESCAPES")
		env.PipesConcat = has("PIPES_AS_CONCAT") || has("ANSI")
	}
	if env != *old {
		s.env.Store(&env)
	}
}
