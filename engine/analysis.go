package engine

import (
	"context"
	"strings"
	"sync"
	"time"

	"honeyrow/engine/detect"
	"honeyrow/engine/match"
	"honeyrow/engine/sqlfacts"
	"honeyrow/event"
)

// Bounds of the work that is done beside the traffic.
const (
	maxWaiting = 1024                   // statements that wait for a parser
	maxKept    = 32 << 10               // bytes of a statement that are kept for it
	parseTime  = 250 * time.Millisecond // for one statement
)

// Analysis is how statements are understood. It is shared by all sessions.
type Analysis struct {
	by      *sqlfacts.Analyser
	waiting chan *question
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// question is a statement of a shape that is not known yet. Its text is a copy.
type question struct {
	s     *session
	text  []byte
	total int
	env   sqlfacts.Env
}

// NewAnalysis understands statements with the dialects' parsers, which stay the
// caller's. Close ends it.
func NewAnalysis(dialects map[sqlfacts.Flavour]sqlfacts.Dialect) *Analysis {
	ctx, stop := context.WithCancel(context.Background())
	by := sqlfacts.NewAnalyser(sqlfacts.Config{Timeout: parseTime, Note: plan}, dialects)
	a := &Analysis{by: by, waiting: make(chan *question, maxWaiting), stop: stop}
	a.done.Go(func() { a.work(ctx) })
	return a
}

// plan is what is kept beside a shape's facts.
func plan(f *sqlfacts.Facts, env sqlfacts.Env) any { return detect.Compile(f, env) }

// Close ends the work. What still waits is not looked at.
func (a *Analysis) Close() {
	if a == nil {
		return
	}
	a.stop()
	a.done.Wait()
}

// work answers questions one after the other.
func (a *Analysis) work(ctx context.Context) {
	var t sqlfacts.Text
	for {
		select {
		case <-ctx.Done():
			return
		case q := <-a.waiting:
			a.answer(ctx, &t, q)
		}
	}
}

// answer parses a statement and judges it. A panic in a parser costs this
// statement's facts.
func (a *Analysis) answer(ctx context.Context, t *sqlfacts.Text, q *question) {
	defer func() {
		if recover() != nil {
			q.s.e.stats.unparsed.Add(1)
		}
	}()
	t.Lex(q.text, q.env)
	q.s.e.judge(q.s, t, a.by.Analyse(ctx, t), q.text, q.total)
}

// understand looks at a statement before it is sent. A shape that is known is
// judged at once; another one is left to the analysis, and if that has too much
// to do, judged by its lexemes here and now: never left out.
func (s *session) understand(sql []byte, total int) event.Verdict {
	a := s.e.analysis
	if a == nil {
		return event.Verdict{}
	}
	t, _ := s.e.texts.Get().(*sqlfacts.Text)
	if t == nil {
		t = new(sqlfacts.Text)
	}
	v := a.hear(s, t, sql, total)
	t.Raw = nil // the caller's buffer
	s.e.texts.Put(t)
	return v
}

func (a *Analysis) hear(s *session, t *sqlfacts.Text, sql []byte, total int) event.Verdict {
	env := s.environment()
	t.Lex(sql, *env)
	if f, ok := a.by.Facts(t); ok {
		return s.e.judge(s, t, f, sql, total)
	}
	q := &question{s: s, text: append([]byte(nil), sql[:min(len(sql), maxKept)]...), total: total, env: *env}
	select {
	case a.waiting <- q:
	default:
		s.e.stats.inline.Add(1)
		return s.e.judge(s, t, a.by.Scan(t), sql, total)
	}
	return event.Verdict{}
}

// judge lets the detectors' plan look at one text of a shape.
func (e *Engine) judge(s *session, t *sqlfacts.Text, f *sqlfacts.Facts, sql []byte, total int) event.Verdict {
	plan, _ := f.Note.(*detect.Plan)
	if plan == nil || plan.Empty() {
		return event.Verdict{}
	}
	fs := plan.Judge(t)
	if len(fs) == 0 {
		return event.Verdict{}
	}
	return e.suspect(asked{s, sql, total, fs, e.reach(s, f)})
}

// reach names the tables with honey rows that a statement names.
func (e *Engine) reach(s *session, f *sqlfacts.Facts) []string {
	x := e.index.Load()
	var out []string
	for _, t := range f.Tables {
		db := s.scope.Database
		if s.mysql {
			if d := s.schema.Load(); d != nil {
				db = *d
			}
			if t.Schema != "" {
				db = t.Schema
			}
		}
		n := match.TableName{Server: s.scope.Server, Database: strings.ToLower(db), Table: strings.ToLower(t.Name)}
		if x.Table(n) {
			out = append(out, n.Database+"."+n.Table)
		}
	}
	return out
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
