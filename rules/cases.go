package rules

import (
	"fmt"
	"strings"

	"honeyrow/engine/detect"
	"honeyrow/engine/sqlfacts"
)

// Result is the outcome of one case.
type Result struct {
	Rule   string `json:"rule"`
	Source string `json:"source"`
	Case   string `json:"case"`
	Want   bool   `json:"must_fire"`
	Fired  bool   `json:"fired"`
	Error  string `json:"error,omitempty"`
}

// Passed reports whether the rule did what the case says.
func (r Result) Passed() bool { return r.Error == "" && r.Fired == r.Want }

// Test runs all cases of a rule, whether it is enabled or not.
func (r *Compiled) Test() []Result {
	var out []Result
	run := func(cs []Case, want bool) {
		for i := range cs {
			out = append(out, r.test(&cs[i], want, i))
		}
	}
	run(r.Cases.MustFire, true)
	run(r.Cases.MustNotFire, false)
	return out
}

func (r *Compiled) test(c *Case, want bool, i int) Result {
	res := Result{Rule: r.ID, Source: r.Source, Case: c.Name, Want: want}
	if c.Name == "" {
		res.Case = fmt.Sprintf("%d", i+1)
	}
	e, err := c.env()
	if err != nil {
		res.Error = err.Error()
		return res
	}
	before := r.failed.Load()
	res.Fired = r.Holds(e)
	if r.failed.Load() != before {
		res.Error = "the condition failed: it asks for an element that is not there; ask for len() first"
	}
	return res
}

// env makes the environment of a case.
func (c *Case) env() (*Env, error) {
	e := NewEnv()
	e.Client.UID, e.Client.GID = -1, -1
	if c.SQL != "" {
		if err := e.ask(c.SQL, c.Dialect); err != nil {
			return nil, err
		}
	}
	score := e.Score
	if err := c.Given.Decode(e); err != nil {
		return nil, err
	}
	if e.Score == score && len(e.Findings) > 0 {
		e.Score = 0
		for _, f := range e.Findings {
			if f.Detector != AttemptDetector {
				e.Score += f.Weight
			}
		}
	}
	for i := range e.Hits {
		h := &e.Hits[i]
		if h.Count == 0 {
			h.Count = 1
		}
		switch h.Channel {
		case "statement", "bind", "copy-in", "login":
			h.Inbound = true
		}
	}
	if e.Run.Hits == 0 {
		for _, h := range e.Hits {
			e.Run.Hits += h.Count
		}
	}
	return e, nil
}

// ask fills in the facts and findings of a text.
func (e *Env) ask(sql, dialect string) error {
	i := 0
	switch strings.ToLower(dialect) {
	case "", "postgres":
	case "mysql":
		i = 1
	case "mariadb":
		i = 2
	default:
		return fmt.Errorf("unknown dialect %q: use postgres, mysql or mariadb", dialect)
	}
	var t sqlfacts.Text
	t.Lex([]byte(sql), dialectEnvs[i])
	f := sqlfacts.NewFacts(&t, sqlfacts.Scan(&t), sqlfacts.Scanned, "")
	e.Statement = Facts(f)
	e.Statement.Shape, e.Statement.Length = t.Name(), len(sql)
	e.AddFindings(detect.Compile(f, dialectEnvs[i]).Judge(&t))
	return nil
}

// Facts turns a shape's facts into what conditions see. Shape, Length and Tags
// are the caller's to fill in: they are the text's.
func Facts(f *sqlfacts.Facts) Statement {
	s := Statement{Known: true, Parsed: f.Source != sqlfacts.Scanned, Functions: f.Functions}
	for _, n := range f.Statements {
		s.Kinds = append(s.Kinds, kindOf(n))
	}
	if len(s.Kinds) > 0 {
		s.Kind = s.Kinds[0]
	}
	add := func(list []string, name string) []string {
		for _, x := range list {
			if x == name {
				return list
			}
		}
		return append(list, name)
	}
	for _, t := range f.Tables {
		name := strings.ToLower(t.Name)
		if t.Schema != "" {
			name = strings.ToLower(t.Schema) + "." + name
		}
		s.Tables = add(s.Tables, name)
		if t.Write {
			s.Written = add(s.Written, name)
		} else {
			s.Read = add(s.Read, name)
		}
	}
	for _, root := range f.Statements {
		sqlfacts.Walk(root, func(n *sqlfacts.Node, _ []*sqlfacts.Node) bool {
			switch n.Kind {
			case sqlfacts.Column:
				s.Columns = add(s.Columns, strings.ToLower(n.Name))
			case sqlfacts.Star:
				s.Columns = add(s.Columns, "*")
			}
			return len(s.Columns) < maxColumns
		})
	}
	return s
}

// maxColumns bounds Statement.Columns.
const maxColumns = 256

// kindWords name statements' kinds; what is not here is "other".
var kindWords = map[sqlfacts.Kind]string{
	sqlfacts.Select: "select", sqlfacts.Union: "select", sqlfacts.Insert: "insert", sqlfacts.Update: "update",
	sqlfacts.Delete: "delete", sqlfacts.Merge: "merge", sqlfacts.Copy: "copy", sqlfacts.Call: "call", sqlfacts.Set: "set",
	sqlfacts.Begin: "transaction", sqlfacts.Explain: "explain", sqlfacts.Define: "define", sqlfacts.Grant: "grant",
	sqlfacts.Show: "show", sqlfacts.Load: "load", sqlfacts.Prepare: "prepare", sqlfacts.Lock: "maintenance",
}

func kindOf(n *sqlfacts.Node) string {
	if n != nil {
		if w, ok := kindWords[n.Kind]; ok {
			return w
		}
	}
	return "other"
}
