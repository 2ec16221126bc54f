// Command eval measures what the detectors see and what they mistake, on
// corpora of attacks and of ordinary statements. It prints a table, per corpus
// and class, and compares it with the figures that are kept in the repository. It
// also measures what learning does: see lesson.
//
//	go run ./integration/eval                          # our own corpora
//	go run ./integration/eval --public DIR             # and others'
//	go run ./integration/eval --markdown docs/detection-figures.md
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"honeyrow/engine/detect"
	"honeyrow/engine/sqlfacts"
	"honeyrow/engine/sqlfacts/mysql"
	"honeyrow/engine/sqlfacts/pgsql"
	"honeyrow/event"
)

func main() {
	pgsql.ServeIfWorker()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "eval:", err)
		os.Exit(1)
	}
}

type options struct {
	own, hard, public, markdown, show, figures string
	keep, learning                             bool
	limit                                      int
	class                                      string
}

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	var o options
	fs := flag.NewFlagSet("eval", flag.ContinueOnError)
	fs.SetOutput(errs)
	fs.StringVar(&o.own, "corpora", "integration/eval/corpora", "folder of our own corpora")
	fs.StringVar(&o.hard, "hard", "integration/eval/hard", "folder of the hand-written sets")
	fs.StringVar(&o.public, "public", "", "folder of others' corpora (not in the repository)")
	fs.StringVar(&o.markdown, "markdown", "", "write the report to this file as Markdown")
	fs.StringVar(&o.figures, "figures", "integration/eval/figures.json", "figures to compare with")
	fs.BoolVar(&o.keep, "keep", false, "keep this run in --figures")
	fs.BoolVar(&o.learning, "learning", true, "also measure what learning does")
	fs.StringVar(&o.show, "show", "", "list what was missed or mistaken in this corpus, and what is judged otherwise by its words alone")
	fs.StringVar(&o.class, "class", "", "with --show: of this class only")
	fs.IntVar(&o.limit, "limit", 40, "with --show: how many")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if !o.learning && (o.keep || o.markdown != "") {
		return errors.New("--keep and --markdown are for whole runs: leave --learning=false out")
	}
	cs, err := load(o.own, false)
	if err != nil {
		return err
	}
	hard, err := loadHard(o.hard)
	if err != nil {
		return err
	}
	cs = append(cs, hard...)
	if o.public != "" {
		more, err := load(o.public, true)
		if err != nil {
			return err
		}
		cs = append(cs, more...)
	}
	j := newJudge()
	defer j.close()
	var rs []*result
	for _, c := range cs {
		began := time.Now()
		r, err := j.corpus(ctx, c, o)
		if err != nil {
			return err
		}
		fmt.Fprintf(errs, "%s: %d statements in %.1f s\n", c.name, len(c.entries), time.Since(began).Seconds())
		rs = append(rs, r)
		if c.name == o.show {
			r.list(out, o.limit)
		}
	}
	ls, ss, err := j.learning(ctx, cs, o, errs)
	if err != nil {
		return err
	}
	kept, err := readFigures(o.figures)
	if err != nil {
		return err
	}
	report(out, rs, ls, ss, kept, false)
	fmt.Fprintln(out)
	kept.compare(out, rs, ls)
	if o.keep {
		if err := kept.keep(o.figures, rs, ls); err != nil {
			return err
		}
	}
	if o.markdown == "" {
		return nil
	}
	var b strings.Builder
	report(&b, rs, ls, ss, kept, true)
	return os.WriteFile(o.markdown, []byte(b.String()), 0o644)
}

// learning measures what learning does, unless that is not asked for.
func (j *judge) learning(ctx context.Context, cs []*corpus, o options, errs io.Writer) ([]*lesson, []*shop, error) {
	if !o.learning {
		return nil, nil, nil
	}
	began := time.Now()
	ls, err := j.lessons(ctx, cs)
	if err != nil {
		return nil, nil, err
	}
	ss, err := j.shops(ctx, cs)
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprintf(errs, "learning: %d lessons in %.1f s\n", len(ls)+len(ss), time.Since(began).Seconds())
	return ls, ss, nil
}

// judge is the analysis without an engine around it.
type judge struct {
	parser *pgsql.Parser
	by     *sqlfacts.Analyser
	env    map[string]sqlfacts.Env
}

func newJudge() *judge {
	p := pgsql.New(pgsql.DefaultConfig(), nil)
	m := new(mysql.Parser)
	return &judge{
		parser: p,
		by: sqlfacts.NewAnalyser(sqlfacts.Config{
			Timeout: 5 * time.Second, Shapes: 1 << 20, Memory: 1 << 30,
			Note: func(f *sqlfacts.Facts, env sqlfacts.Env) any { return detect.Compile(f, env) },
		}, map[sqlfacts.Flavour]sqlfacts.Dialect{sqlfacts.PostgreSQL: p, sqlfacts.MySQL: m, sqlfacts.MariaDB: m}),
		env: map[string]sqlfacts.Env{
			"pg": {Flavour: sqlfacts.PostgreSQL, Version: 150018, ANSIQuotes: true, NoBackslash: true, PipesConcat: true},
			"my": {Flavour: sqlfacts.MariaDB, Version: 101119},
		},
	}
}

func (j *judge) close() { j.parser.Close() }

// verdict is what became of one statement.
type verdict struct {
	source   sqlfacts.Source
	why      string
	inert    bool // the attacker's part lies inside one literal, or a quote is open
	findings []event.Finding
	score    int
}

func (j *judge) statement(ctx context.Context, t *sqlfacts.Text, e *entry) verdict {
	t.Lex([]byte(e.SQL), j.env[e.Dialect])
	f, ok := j.by.Facts(t)
	if !ok {
		f = j.by.Analyse(ctx, t)
	}
	v := verdict{source: f.Source, why: f.Why, inert: inert(t, e)}
	if p, _ := f.Note.(*detect.Plan); p != nil {
		v.findings = p.Judge(t)
		v.score = detect.Score(v.findings)
	}
	return v
}

// words judges the statement that t was lexed from by its words alone, as the
// engine does where the parser has no time for it.
func (j *judge) words(t *sqlfacts.Text) verdict {
	f := j.by.Scan(t)
	v := verdict{source: f.Source, why: f.Why}
	if p, _ := f.Note.(*detect.Plan); p != nil {
		v.findings = p.Judge(t)
		v.score = detect.Score(v.findings)
	}
	return v
}

// inert reports whether the attacker's part of a statement stayed inside one of
// its literals: a corpus does not always say.
func inert(t *sqlfacts.Text, e *entry) bool {
	if t.Marks&sqlfacts.Unclosed != 0 {
		return true
	}
	at := strings.Index(e.SQL, e.Frag)
	if len(e.Frag) == 0 || at < 0 {
		return false
	}
	for _, l := range t.Literals {
		if int(l.From) < at && at+len(e.Frag) < int(l.To) {
			return true
		}
	}
	return false
}
