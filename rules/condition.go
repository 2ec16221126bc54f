package rules

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"honeyrow/engine/detect"
)

// Bounds of a condition: rules are an administrator's, but a slip must not stop
// the proxy.
const (
	maxNodes  = 400     // of a condition's tree
	maxText   = 8 << 10 // bytes of it
	maxMemory = 100_000 // of expr's units in one evaluation
	maxNested = 2       // predicates inside predicates
)

// allowed are expr's functions that conditions may call: none reaches outside,
// none builds large values.
var allowed = []string{
	"all", "any", "none", "one", "count", "filter", "find", "map", "sum", "len", "first", "last", "keys", "values",
	"min", "max", "abs", "int", "float", "string", "lower", "upper", "trim", "hasPrefix", "hasSuffix", "indexOf",
}

// Phase is when a rule is judged.
type Phase uint8

// The phases, in the order of a session.
const (
	AtConnect   Phase = iota // once, after login
	AtStatement              // before it is sent in protect mode, else soon after
	AtHit                    // when a token was seen, and once more at the run's end
	AtDone                   // at the run's end
)

var phaseNames = [...]string{"connect", "statement", "row", "done"}

// String returns the word that listings use.
func (p Phase) String() string { return phaseNames[p] }

// Inputs is a set of what conditions ask for.
type Inputs uint16

// The inputs. Those up to Static are the same for all runs of one shape by one
// client.
const (
	OfClient   Inputs = 1 << iota // client.*
	OfShape                       // statement.* but for text, length and tags; reads, writes, calls
	OfText                        // statement.length
	OfTags                        // statement.tags
	OfFindings                    // findings, score, found
	OfReach                       // reach.*
	OfNovelty                     // novelty.*
	OfHits                        // hits
	OfRun                         // run.rows, run.honey_rows, run.hits
	OfEnd                         // run.ended, run.code, run.failed, run.seconds
	OfSession                     // session.*
	OfStory                       // session.findings, session.syntax_errors
	OfTime                        // time.*
	OfExpected                    // expected.*
	OfProxy                       // proxy.*
	Static     = OfClient | OfShape
)

var inputWords = []struct {
	in   Inputs
	word string
}{
	{OfClient, "the client"},
	{OfShape, "the statement's facts"},
	{OfText, "the statement's text"},
	{OfTags, "the statement's tags"},
	{OfFindings, "findings"},
	{OfReach, "reach"},
	{OfNovelty, "novelty"},
	{OfHits, "hits"},
	{OfRun, "the run's counts"},
	{OfEnd, "the run's end"},
	{OfSession, "the session's history"},
	{OfStory, "the client's story"},
	{OfTime, "the time"},
	{OfExpected, "an allowance's expectation"},
	{OfProxy, "the proxy's own state"},
}

// Words names the inputs for people.
func (in Inputs) Words() []string {
	var out []string
	for _, w := range inputWords {
		if in&w.in != 0 {
			out = append(out, w.word)
		}
	}
	return out
}

// condition is a compiled one.
type condition struct {
	uses Inputs
	// needs are those inputs without which it cannot hold.
	needs Inputs
	// static is the part over client and shape, dynamic the rest; both must hold.
	// nil: nothing of that.
	static, dynamic *vm.Program
}

// Error is one mistake in a rule file.
type conditionError struct {
	line int // in the file; 0: that of the key
	err  error
}

func (e *conditionError) Error() string { return e.err.Error() }
func (e *conditionError) Unwrap() error { return e.err }

// compileCondition checks and compiles c.
func compileCondition(c Condition) (*condition, error) {
	if len(c.Text) > maxText {
		return nil, fmt.Errorf("%d bytes long: say it in up to %d, or make two rules of it", len(c.Text), maxText)
	}
	p, err := expr.Compile(c.Text, options(false)...)
	if err != nil {
		return nil, c.located(err)
	}
	v := &visitor{}
	v.visit(p.Node(), 0)
	if v.err != nil {
		return nil, &conditionError{c.at(1 + strings.Count(c.Text[:min(max(v.from, 0), len(c.Text))], "\n")), v.err}
	}
	out := &condition{uses: v.uses}
	if out.uses == 0 {
		return nil, errors.New("it is the same always: ask for something of client, statement, findings, hits, run, session or time")
	}
	var static, dynamic []ast.Node
	for _, n := range conjuncts(p.Node(), nil) {
		if inputsOf(n) == 0 && without(n, 0) == no {
			return nil, fmt.Errorf("it can never hold: %s is always false", n)
		}
		if inputsOf(n)&^Static == 0 {
			static = append(static, n)
		} else {
			dynamic = append(dynamic, n)
		}
	}
	if out.static, err = join(static); err != nil {
		return nil, err
	}
	if out.dynamic, err = join(dynamic); err != nil {
		return nil, err
	}
	for _, in := range []Inputs{OfFindings, OfReach, OfNovelty, OfHits, OfShape, OfExpected, OfProxy} {
		if out.uses&in != 0 && without(p.Node(), in) == no {
			out.needs |= in
		}
	}
	return out, nil
}

// options are how conditions are compiled.
func options(optimize bool) []expr.Option {
	opts := []expr.Option{expr.Env(&Env{}), expr.AsBool(), expr.WarnOnAny(), expr.MaxNodes(maxNodes), expr.Optimize(optimize), expr.DisableAllBuiltins()}
	for _, name := range allowed {
		opts = append(opts, expr.EnableBuiltin(name))
	}
	return opts
}

// located turns expr's error into one with the file's line.
func (c Condition) located(err error) error {
	fe, ok := errors.AsType[*file.Error](err)
	if !ok {
		return err
	}
	msg := fe.Message
	if fe.Line > 0 && fe.Column >= 0 {
		msg = fmt.Sprintf("%s (column %d of the condition)", msg, fe.Column+1)
	}
	return &conditionError{c.at(fe.Line), errors.New(msg)}
}

// phase is the earliest at which all that the condition asks for is known.
func (c *condition) phase() Phase {
	switch {
	case c.uses&(OfEnd|OfExpected|OfProxy) != 0, c.uses&OfRun != 0 && c.needs&OfHits == 0:
		return AtDone
	case c.uses&(OfHits|OfRun) != 0:
		return AtHit
	case c.uses&^(OfClient|OfTime) != 0:
		return AtStatement
	}
	return AtConnect
}

// conjuncts are the operands of the ands at the top.
func conjuncts(n ast.Node, out []ast.Node) []ast.Node {
	if b, ok := n.(*ast.BinaryNode); ok && (b.Operator == "and" || b.Operator == "&&") {
		return conjuncts(b.Right, conjuncts(b.Left, out))
	}
	return append(out, n)
}

// join compiles nodes that must all hold.
func join(ns []ast.Node) (*vm.Program, error) {
	if len(ns) == 0 {
		return nil, nil
	}
	parts := make([]string, len(ns))
	for i, n := range ns {
		parts[i] = "(" + n.String() + ")"
	}
	return expr.Compile(strings.Join(parts, " and "), options(true)...)
}

// holds evaluates a program; one that fails (an index beyond a list) does not hold.
func holds(p *vm.Program, e *Env) (bool, error) {
	m := machines.Get().(*vm.VM)
	defer machines.Put(m)
	m.MemoryBudget = maxMemory
	out, err := m.Run(p, e)
	yes, _ := out.(bool)
	return yes, err
}

var machines = sync.Pool{New: func() any { return new(vm.VM) }}

// visitor gathers what a condition asks for and refuses what it must not do.
type visitor struct {
	uses Inputs
	err  error
	from int
}

func (v *visitor) refuse(n ast.Node, format string, args ...any) {
	if v.err == nil {
		v.err, v.from = fmt.Errorf(format, args...), n.Location().From
	}
}

// visit walks n; nested counts the predicates around it.
func (v *visitor) visit(n ast.Node, nested int) {
	if n == nil {
		return
	}
	if in, ok := field(n); ok {
		v.uses |= in
	}
	switch x := n.(type) {
	case *ast.IdentifierNode:
		if x.Value == "$env" {
			v.refuse(n, "$env is not for conditions: name the field itself")
		}
	case *ast.PredicateNode:
		if nested++; nested > maxNested {
			v.refuse(n, "predicates nested more than %d deep: make it simpler", maxNested)
		}
	case *ast.BinaryNode:
		switch x.Operator {
		case "..":
			v.refuse(n, "ranges of numbers are not for conditions: compare with <= and >=")
		case "**", "^":
			v.refuse(n, "powers are not for conditions")
		case "matches":
			if _, ok := x.Right.(*ast.StringNode); !ok {
				v.refuse(n, "a pattern must be written out: matches \"^pg_\"")
			}
		}
	case *ast.CallNode:
		v.call(x)
	}
	for _, c := range children(n) {
		v.visit(c, nested)
	}
}

// call checks the arguments of the functions of Env that have to be right.
func (v *visitor) call(x *ast.CallNode) {
	id, ok := x.Callee.(*ast.IdentifierNode)
	if !ok {
		return
	}
	for i, a := range x.Arguments {
		s, ok := a.(*ast.StringNode)
		if !ok {
			continue
		}
		switch id.Value {
		case "within":
			if _, err := parsePrefix(s.Value); i > 0 && err != nil {
				v.refuse(a, "%q is no address and no network: write 10.1.2.3 or 10.1.0.0/16", s.Value)
			}
		case "found":
			if !knownDetector(s.Value) {
				v.refuse(a, "there is no detector %q: use one of %s", s.Value, strings.Join(Detectors(), ", "))
			}
		}
	}
}

// Detectors are the names that found() knows, in the order of listings.
func Detectors() []string {
	var out []string
	for _, d := range detect.Detectors() {
		out = append(out, d.ID)
	}
	return append(out, "syntax-error-burst", AttemptDetector, "parser-killer", "hidden-values", "new-shape", "new-application", "new-user", "grown-statement") // the engine's own
}

// AttemptDetector finds SQL inside of values. It did no harm: its weight does not
// count in a statement's score.
const AttemptDetector = "injection-attempt"

func knownDetector(name string) bool {
	for _, d := range Detectors() {
		if d == name {
			return true
		}
	}
	return false
}

// inputsOf is what a part of a condition asks for.
func inputsOf(n ast.Node) Inputs {
	v := &visitor{}
	v.visit(n, -maxNodes)
	return v.uses
}

// fieldInputs sorts the names of Env; those of members go before those of the
// whole.
var fieldInputs = map[string]Inputs{
	"client": OfClient, "statement": OfShape | OfText | OfTags, "statement.length": OfText, "statement.tags": OfTags,
	"reads": OfShape, "writes": OfShape, "calls": OfShape, "within": 0,
	"findings": OfFindings, "score": OfFindings, "found": OfFindings,
	"reach": OfReach, "novelty": OfNovelty, "hits": OfHits,
	"run": OfRun | OfEnd, "run.rows": OfRun, "run.honey_rows": OfRun, "run.hits": OfRun, "run.chance": OfRun,
	"run.ended": OfEnd, "run.code": OfEnd, "run.failed": OfEnd, "run.seconds": OfEnd,
	"session": OfSession | OfStory, "session.seconds": OfSession, "session.statements": OfSession, "session.honey_rows": OfSession,
	"session.findings": OfSession, "session.syntax_errors": OfStory,
	"time": OfTime, "expected": OfExpected, "proxy": OfProxy,
}

// field says which inputs a node names; its children are left out then.
func field(n ast.Node) (Inputs, bool) {
	switch x := n.(type) {
	case *ast.IdentifierNode:
		in, ok := fieldInputs[x.Value]
		return in, ok
	case *ast.MemberNode:
		id, ok := x.Node.(*ast.IdentifierNode)
		prop, named := x.Property.(*ast.StringNode)
		if !ok || !named {
			return 0, false
		}
		if in, ok := fieldInputs[id.Value+"."+prop.Value]; ok {
			return in, true
		}
		if id.Value == "statement" {
			return OfShape, true
		}
		in, ok := fieldInputs[id.Value]
		return in, ok
	}
	return 0, false
}

// children are the nodes directly below n that still have to be looked at.
func children(n ast.Node) []ast.Node {
	if _, ok := field(n); ok {
		return nil
	}
	switch x := n.(type) {
	case *ast.UnaryNode:
		return []ast.Node{x.Node}
	case *ast.BinaryNode:
		return []ast.Node{x.Left, x.Right}
	case *ast.ChainNode:
		return []ast.Node{x.Node}
	case *ast.MemberNode:
		return []ast.Node{x.Node, x.Property}
	case *ast.SliceNode:
		return []ast.Node{x.Node, x.From, x.To}
	case *ast.CallNode:
		return append([]ast.Node{x.Callee}, x.Arguments...)
	case *ast.BuiltinNode:
		return x.Arguments
	case *ast.PredicateNode:
		return []ast.Node{x.Node}
	case *ast.VariableDeclaratorNode:
		return []ast.Node{x.Value, x.Expr}
	case *ast.SequenceNode:
		return x.Nodes
	case *ast.ConditionalNode:
		return []ast.Node{x.Cond, x.Exp1, x.Exp2}
	case *ast.ArrayNode:
		return x.Nodes
	case *ast.MapNode:
		return x.Pairs
	case *ast.PairNode:
		return []ast.Node{x.Key, x.Value}
	}
	return nil
}

// others are the inputs beside in on which a part depends while in is empty: a
// predicate over a list of nothing is never asked.
func others(n ast.Node, in Inputs) Inputs {
	if in0, ok := field(n); ok {
		return in0 &^ in
	}
	args := children(n)
	if b, ok := n.(*ast.BuiltinNode); ok && len(args) > 1 && overList[b.Name] {
		if list := inputsOf(args[0]); list != 0 && list&^in == 0 {
			args = args[:1]
		}
	}
	var out Inputs
	for _, c := range args {
		if c != nil {
			out |= others(c, in)
		}
	}
	return out
}

var overList = map[string]bool{"all": true, "any": true, "none": true, "one": true, "count": true, "filter": true, "find": true, "map": true, "sum": true}

// truth is what is known of a part of a condition.
type truth uint8

const (
	no truth = iota
	maybe
	yes
)

// without says what becomes of a condition if one of its inputs is empty,
// whatever the others are.
func without(n ast.Node, in Inputs) truth {
	switch x := n.(type) {
	case *ast.BinaryNode:
		switch x.Operator {
		case "and", "&&":
			return min(without(x.Left, in), without(x.Right, in))
		case "or", "||":
			return max(without(x.Left, in), without(x.Right, in))
		}
	case *ast.UnaryNode:
		if x.Operator == "not" || x.Operator == "!" {
			return yes - without(x.Node, in)
		}
	}
	if others(n, in) != 0 {
		return maybe
	}
	p, err := expr.Compile(n.String(), options(true)...)
	if err != nil {
		return maybe // a part of the language that is no condition by itself
	}
	if ok, _ := holds(p, NewEnv()); ok {
		return yes
	}
	return no
}
