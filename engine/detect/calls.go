package detect

import (
	"math"
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// call knows the functions of which conditions that always hold are made.
func (t *trial) call(n *node) (val, bool) {
	args := make([]val, len(n.Args))
	for i, a := range n.Args {
		x, ok := t.eval(a)
		if !ok {
			return nil, false
		}
		args[i] = x
	}
	switch n.Name {
	case "coalesce", "ifnull", "nvl", "isnull":
		if n.Name == "isnull" {
			return len(args) == 1 && args[0] == nil, len(args) == 1
		}
		for _, a := range args {
			if a != nil {
				return a, true
			}
		}
		return nil, true
	case "greatest", "least":
		return extreme(args, n.Name == "greatest")
	case "if":
		if len(args) != 3 || isOpaque(args[0]) {
			return nil, false
		}
		if truth(args[0]) {
			return args[1], true
		}
		return args[2], true
	case "concat":
		return joined(args...)
	}
	if x, ok := ofText(n.Name, args); ok {
		return x, true
	}
	if x, ok := ofOne(n.Name, args); ok {
		return x, true
	}
	if len(args) == 0 || erratic(n.Name) || slices.Contains(args, nil) {
		return nil, false
	}
	return made(n.Name, args...), true
}

// ofText knows functions of texts that can leave one as it is.
func ofText(name string, args []val) (val, bool) {
	if len(args) == 0 {
		return nil, false
	}
	s, ok := args[0].(string)
	if !ok {
		return nil, false
	}
	switch {
	case isPosition(name) && len(args) == 2 && (args[0] == "" || args[1] == ""):
		return 1.0, true
	case name == "concat_ws" && len(args) > 1 && s == "":
		return joined(args[1:]...)
	case len(args) == 1 && name == "lower":
		return strings.ToLower(s), true
	case len(args) == 1 && name == "upper":
		return strings.ToUpper(s), true
	case len(args) == 1 && (name == "trim" || name == "btrim"):
		return strings.Trim(s, " "), true
	case len(args) == 1 && name == "reverse":
		r := []rune(s)
		slices.Reverse(r)
		return string(r), true
	case len(args) == 3 && name == "replace":
		from, ok1 := args[1].(string)
		to, ok2 := args[2].(string)
		if from == "" {
			return s, ok1 && ok2
		}
		return strings.ReplaceAll(s, from, to), ok1 && ok2
	case len(args) == 2 && (name == "left" || name == "right" || name == "substr" || name == "substring" || name == "mid"):
		n, ok := args[1].(float64)
		r := []rune(s)
		k := int(max(0, min(n, float64(len(r)))))
		switch {
		case name == "left":
			return string(r[:k]), ok && n >= 0
		case name == "right":
			return string(r[len(r)-k:]), ok && n >= 0
		}
		return string(r[max(0, k-1):]), ok && n >= 1 && (n <= float64(len(r)) || n == 1)
	}
	return nil, false
}

// isPosition reports whether a function tells where a text begins in another: an
// empty one begins every text.
func isPosition(name string) bool {
	return name == "position" || name == "locate" || name == "strpos" || name == "instr"
}

// ofOne knows functions of one argument.
func ofOne(name string, args []val) (val, bool) {
	if len(args) != 1 {
		return nil, false
	}
	switch x := args[0].(type) {
	case float64:
		switch name {
		case "abs":
			return math.Abs(x), true
		case "floor", "ceil", "round":
			return math.Floor(x), true
		case "sign":
			return math.Copysign(min(math.Abs(x), 1), x), true
		}
	case string:
		switch name {
		case "length", "char_length", "character_length", "octet_length", "bit_length":
			return float64(len(x)), true
		case "ascii", "ord": // an empty text is not what is asked about
			if x == "" {
				x = "a"
			}
			return float64(x[0]), true
		}
	}
	return nil, false
}

func extreme(args []val, most bool) (val, bool) {
	if len(args) == 0 {
		return nil, false
	}
	best := args[0]
	for _, a := range args[1:] {
		c, ok := compare(a, best)
		if !ok && (isOpaque(a) || isOpaque(best)) {
			return made("extreme", args...), true
		}
		if !ok {
			return nil, false
		}
		if c > 0 == most && c != 0 {
			best = a
		}
	}
	return best, true
}

func (t *trial) choice(n *node) (val, bool) {
	if len(n.Args) == 0 || n.Args[0].Kind != sqlfacts.Missing {
		return nil, false
	}
	for _, w := range n.Args[1:] {
		if w.Kind != sqlfacts.When {
			return t.eval(w)
		}
		if len(w.Args) != 2 {
			return nil, false
		}
		c, ok := t.eval(w.Args[0])
		if !ok || isOpaque(c) {
			return nil, false
		}
		if truth(c) {
			return t.eval(w.Args[1])
		}
	}
	return nil, true
}
