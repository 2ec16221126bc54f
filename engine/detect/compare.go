package detect

import (
	"strconv"
	"strings"
)

// rows compares by the first values that differ.
func (t *trial) rows(op string, left, right []*node) (val, bool) {
	if len(left) != len(right) || len(left) == 0 {
		return nil, false
	}
	c := 0
	for i := range left {
		l, ok1 := t.eval(left[i])
		r, ok2 := t.eval(right[i])
		d, ok3 := compare(l, r)
		if !ok1 || !ok2 || !ok3 {
			return nil, false
		}
		if c == 0 {
			c = d
		}
	}
	return ordered(op, c), true
}

func ordered(op string, c int) bool {
	switch op {
	case "=", "<=>":
		return c == 0
	case "<>", "!=":
		return c != 0
	case "<":
		return c < 0
	case ">":
		return c > 0
	case "<=":
		return c <= 0
	}
	return c >= 0
}

// compare works on two values of one kind.
func compare(a, b val) (int, bool) {
	switch a := a.(type) {
	case float64:
		if b, ok := b.(float64); ok {
			switch {
			case a < b:
				return -1, true
			case a > b:
				return 1, true
			}
			return 0, true
		}
		if s, ok := b.(string); ok { // a number in quotes is one, beside a number
			f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
			if err != nil {
				return 0, false
			}
			return compare(a, f)
		}
	case string:
		if b, ok := b.(string); ok {
			return strings.Compare(a, b), true
		}
		if _, ok := b.(float64); ok {
			c, ok := compare(b, a)
			return -c, ok
		}
	case bool:
		if b, ok := b.(bool); ok && a == b {
			return 0, true
		} else if ok {
			return 1, true
		}
	case opaque:
		return 0, a == b
	}
	return 0, false
}
