package detect

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// A condition on one or two columns is tried with values that tell things apart.
// If none makes it false, it excludes nothing. Whatever is not understood makes
// it a condition like any other.

// Bounds of what is tried.
const (
	maxTried   = 40 // nodes
	maxColumns = 2
)

// val is a number (float64), a text, a truth value, or nil for NULL. The package
// has another any.
type val interface{}

// opaque is what a function or an operator makes that is not reckoned with here:
// the same of the same, and nothing else is known of it.
type opaque string

// made is the value of an expression that is not understood.
func made(name string, args ...val) opaque {
	var b strings.Builder
	b.WriteString(name)
	for _, a := range args {
		fmt.Fprintf(&b, "\x00%T %v", a, a)
	}
	return opaque(b.String())
}

// erratic reports whether a function gives something else each time, or does
// something.
func erratic(name string) bool {
	switch name {
	case "rand", "random", "uuid", "uuid_short", "gen_random_uuid", "clock_timestamp", "timeofday", "sysdate", "nextval", "setval", "sleep", "pg_sleep", "benchmark", "get_lock", "last_insert_id", "found_rows", "row_count", "nullif":
		return true
	}
	return false
}

// always returns whether a condition is fulfilled by all rows, nil if it is not
// of a kind that is tried: columns compared with literals as they are, for
// example, are judged by their ranges.
func always(n *node, mysql bool) func(Values) bool {
	var columns []*node
	nodes, bad := 0, false
	each(n, func(m *node) bool {
		nodes++
		switch m.Kind {
		case sqlfacts.Query, sqlfacts.Param, sqlfacts.Variable, sqlfacts.Star:
			bad = true
		case sqlfacts.Column:
			for _, c := range columns {
				if same(c, m) {
					return true
				}
			}
			columns = append(columns, m)
		}
		return !bad
	})
	if bad || nodes > maxTried || len(columns) == 0 || len(columns) > maxColumns || plain(n) {
		return nil
	}
	lits := literals(n)
	return func(v Values) bool {
		domains := [][]val{numbers, texts}
		if !slices.ContainsFunc(columns, func(c *node) bool { return !isKey(c) && !isOwner(c) }) {
			domains[0] = keyNumbers
		}
		own := !slices.ContainsFunc(columns, func(c *node) bool { return !isKey(c) })
		for _, domain := range domains {
			tried := widen(domain, lits, v)
			if own { // rows are numbered from 1
				tried = slices.DeleteFunc(tried, func(x val) bool { f, ok := x.(float64); return ok && f < 1 })
			}
			if t := (&trial{v: v, columns: columns, mysql: mysql}); t.all(n, tried) {
				return true
			}
		}
		return false
	}
}

// plain is column op literal, or a column or function by itself.
func plain(n *node) bool {
	switch {
	case n.Kind == sqlfacts.Column:
		return true
	case n.Kind == sqlfacts.Unary && isName(n, "not", "!"):
		return len(n.Args) == 1 && plain(n.Args[0])
	case n.Kind == sqlfacts.Binary && len(n.Args) > 1 && n.Args[0].Kind == sqlfacts.Column:
		for _, a := range n.Args[1:] {
			if !isLiteral(a) {
				return false
			}
		}
		return true
	}
	return false
}

var (
	numbers = []val{-70001.5, -7.0, -1.0, 0.0, 1.0, 2.0, 50.0, 123456789.0}
	// What keys are.
	keyNumbers = []val{1.0, 2.0, 7.0, 50.0, 123456789.0}
	texts      = []val{"", "a", "Zq 9", "0", "-5", " b ", "\u00e9t\u00e9", "1234567890", "what takes up as much as a line"}
)

// widen adds the literals of a condition to what is tried: a value is excluded
// by its name, or from it on.
func widen(domain []val, lits []*node, v Values) []val {
	out := append([]val(nil), domain...)
	_, isText := domain[0].(string)
	for _, l := range lits {
		s, ok := value(l, v)
		if !ok || len(out) > 16 {
			continue
		}
		if isText {
			out = append(out, s, s+"x")
		} else if f, err := strconv.ParseFloat(s, 64); err == nil {
			out = append(out, f, f-1, f+1)
		}
	}
	return out
}

// trial is one condition with values for its columns.
type trial struct {
	v       Values
	columns []*node
	given   [maxColumns]val
	mysql   bool
}

// all tries every combination of values.
func (t *trial) all(n *node, domain []val) bool {
	for _, a := range domain {
		t.given[0] = a
		if len(t.columns) == 1 {
			if r, ok := t.eval(n); !ok || !truth(r) {
				return false
			}
			continue
		}
		for _, b := range domain {
			t.given[1] = b
			if r, ok := t.eval(n); !ok || !truth(r) {
				return false
			}
		}
	}
	return true
}

func truth(x val) bool {
	switch x := x.(type) {
	case bool:
		return x
	case float64:
		return x != 0
	}
	return false
}

// eval gives a value: nil is NULL. False: not understood.
func (t *trial) eval(n *node) (val, bool) {
	switch n.Kind {
	case sqlfacts.Column:
		for i, c := range t.columns {
			if same(c, n) {
				return t.given[i], true
			}
		}
		return nil, false
	case sqlfacts.Null:
		return nil, true
	case sqlfacts.Bool:
		return n.Name == "true", true
	case sqlfacts.Number:
		f, ok := number(n, t.v)
		return f, ok
	case sqlfacts.String:
		return value(n, t.v)
	case sqlfacts.Cast:
		return t.cast(n)
	case sqlfacts.Unary:
		return t.unary(n)
	case sqlfacts.Binary:
		return t.binary(n)
	case sqlfacts.Func:
		return t.call(n)
	case sqlfacts.Case:
		return t.choice(n)
	}
	return nil, false
}

func (t *trial) cast(n *node) (val, bool) {
	if len(n.Args) != 1 {
		return nil, false
	}
	x, ok := t.eval(n.Args[0])
	f, isNumber := x.(float64)
	if ok && isNumber && (n.Name == "text" || strings.HasPrefix(n.Name, "char") || strings.HasPrefix(n.Name, "varchar")) {
		return strconv.FormatFloat(f, 'f', -1, 64), true
	}
	return x, ok
}

func (t *trial) unary(n *node) (val, bool) {
	if len(n.Args) != 1 {
		return nil, false
	}
	x, ok := t.eval(n.Args[0])
	if !ok {
		return nil, false
	}
	f, isNumber := x.(float64)
	switch {
	case isName(n, "not", "!"):
		if x == nil {
			return nil, true
		}
		if isOpaque(x) {
			return nil, false
		}
		return !truth(x), true
	case n.Name == "-" && isNumber:
		return -f, true
	case n.Name == "+" && isNumber:
		return f, true
	case n.Name == "~" && isNumber:
		return -f - 1, true
	}
	return nil, false
}

func (t *trial) binary(n *node) (val, bool) {
	switch n.Name {
	case "and", "or", "&&":
		return t.logic(n)
	case "<", "<=", ">", ">=", "=", "<>", "!=", "<=>":
		if len(n.Args) == 2 && n.Args[0].Kind == sqlfacts.Row && n.Args[1].Kind == sqlfacts.Row {
			return t.rows(n.Name, n.Args[0].Args, n.Args[1].Args)
		}
	}
	switch n.Name {
	case "in":
		l, ok := t.eval(n.Args[0])
		for _, a := range n.Args[1:] {
			if a.Slot >= 0 { // lists share one slot
				return nil, false
			}
			r, ok2 := t.eval(a)
			if !ok || !ok2 {
				return nil, false
			}
			c, comparable := compare(l, r)
			if comparable && c == 0 {
				return true, true
			}
			if !comparable && (isOpaque(l) || isOpaque(r)) {
				return nil, false
			}
		}
		return false, ok
	case "between":
		if len(n.Args) != 3 {
			return nil, false
		}
		x, ok1 := t.eval(n.Args[0])
		lo, ok2 := t.eval(n.Args[1])
		hi, ok3 := t.eval(n.Args[2])
		a, ok4 := compare(x, lo)
		b, ok5 := compare(x, hi)
		return a >= 0 && b <= 0, ok1 && ok2 && ok3 && ok4 && ok5
	}
	if len(n.Args) != 2 {
		return nil, false
	}
	l, ok1 := t.eval(n.Args[0])
	r, ok2 := t.eval(n.Args[1])
	if !ok1 || !ok2 {
		return nil, false
	}
	switch n.Name {
	case "is":
		if isOpaque(l) || isOpaque(r) {
			return nil, false
		}
		if r == nil {
			return l == nil, true
		}
		return l == r, true
	case "is distinct from":
		c, ok := compare(l, r)
		return c != 0, ok
	case "=", "<=>", "<>", "!=", "<", ">", "<=", ">=":
		c, ok := compare(l, r)
		return ordered(n.Name, c), ok
	case "like", "ilike", "~~", "~~*":
		if l == r && isOpaque(l) {
			return true, true
		}
		p, ok := r.(string)
		_, isText := l.(string)
		if p == "%%" { // a search for nothing in particular
			return nil, false
		}
		all := ok && strings.Trim(p, "%") == "" && p != ""
		return all, ok && isText || all && isOpaque(l)
	case "~", "~*", "rlike", "regexp":
		return matches(l, r)
	case "||":
		if t.mysql {
			return nil, false
		}
		return joined(l, r)
	}
	return calculate(n.Name, l, r)
}

func (t *trial) logic(n *node) (val, bool) {
	all := true
	for _, a := range n.Args {
		x, ok := t.eval(a)
		if !ok || isOpaque(x) {
			return nil, false
		}
		if n.Name == "or" && truth(x) {
			return true, true
		}
		all = all && truth(x)
	}
	return n.Name != "or" && all, true
}

func matches(l, r val) (val, bool) {
	s, ok1 := l.(string)
	p, ok2 := r.(string)
	if !ok1 || !ok2 || len(p) > 64 {
		return nil, false
	}
	re, err := regexp.Compile(p)
	if err != nil {
		return nil, false
	}
	return re.MatchString(s), true
}

func isOpaque(x val) bool {
	_, ok := x.(opaque)
	return ok
}

// joined puts texts together; what is empty leaves the others as they are.
func joined(parts ...val) (val, bool) {
	var rest []val
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			if p == "" {
				continue
			}
			if n := len(rest); n > 0 {
				if before, ok := rest[n-1].(string); ok {
					rest[n-1] = before + p
					continue
				}
			}
		case float64:
			return nil, false
		case nil:
			return nil, false
		}
		rest = append(rest, p)
	}
	switch len(rest) {
	case 0:
		return "", true
	case 1:
		return rest[0], true
	}
	return made("||", rest...), true
}

func calculate(op string, l, r val) (val, bool) {
	a, ok1 := l.(float64)
	b, ok2 := r.(float64)
	if (isOpaque(l) || isOpaque(r)) && l != nil && r != nil {
		return made(op, l, r), true
	}
	if !ok1 || !ok2 {
		return nil, false
	}
	switch op {
	case "+":
		return a + b, true
	case "-":
		return a - b, true
	case "*":
		return a * b, true
	case "/":
		return a / b, b != 0
	case "%", "mod":
		return math.Mod(math.Trunc(a), b), b != 0
	case "|":
		return float64(int64(a) | int64(b)), true
	case "&":
		return float64(int64(a) & int64(b)), true
	}
	return made(op, l, r), true
}
