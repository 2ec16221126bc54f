// Package formula computes what a statement makes of a value. A digest of the
// server's, a cipher whose key stands in the text, other letters for letters:
// none of them can be undone, but with the text at hand all can be done again.
//
//	trees ──Find──▶ Formula ──Bind(literals)──▶ Bound ──Apply(value)──▶ what leaves
//
// A Formula belongs to a shape and is found once; Bind reads the constants of
// one text.
package formula

import (
	"crypto/sha256"
	"crypto/sha512"
	"slices"
	"strconv"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// Bounds of what is taken from one shape.
const (
	maxFormulas = 4
	maxDepth    = 24
	maxOutput   = 4 << 10
	// leastText is the length of the shortest text that counts, leastSum that of
	// digests and ciphers.
	leastText, leastSum = 12, 8
	leastLetters        = 8 // different ones
)

// Formula is a function that a statement applies to one value, which is any
// column or expression that has no name here.
type Formula struct {
	root  *sqlfacts.Node
	my    bool
	coded bool // it stands inside a function that writes a code
}

// Values are a text's literals; *sqlfacts.Text has them.
type Values interface {
	// Value appends the literal in a slot to buf.
	Value(slot int, buf []byte) []byte
}

// Find returns the formulas of a statement's trees, four at most; my says that
// their functions are MySQL's. Conditions are left out: nothing of them leaves.
func Find(trees []*sqlfacts.Node, my bool) []*Formula {
	var out []*Formula
	for _, t := range trees {
		sqlfacts.Walk(t, func(n *sqlfacts.Node, above []*sqlfacts.Node) bool {
			switch n.Kind {
			case sqlfacts.Where, sqlfacts.Having, sqlfacts.Values, sqlfacts.Group, sqlfacts.Order, sqlfacts.Limit, sqlfacts.Assign, sqlfacts.Conflict:
				return false
			case sqlfacts.Func:
			default:
				return true
			}
			if len(out) >= maxFormulas || len(above) > 64 || !made[n.Name] && !recodes(n) || !depends(n, 0) {
				return true
			}
			coded := slices.ContainsFunc(above, func(a *sqlfacts.Node) bool { return a.Kind == sqlfacts.Func && codes[a.Name] })
			out = append(out, &Formula{n, my, coded})
			return false
		})
	}
	return out
}

// made are the functions at which a formula may end.
var made = names(`md5 sha sha1 sha224 sha256 sha384 sha512 sha2 digest hmac password aes_encrypt encrypt encrypt_iv
	translate replace to_hex hex conv`)

// codes are functions that write bytes in a code.
var codes = names("encode to_base64")

// recodes reports whether a function changes what one writes that writes a code,
// so that the code can't be undone any more.
func recodes(n *sqlfacts.Node) bool {
	if len(n.Args) != 1 || n.Args[0] == nil || n.Args[0].Kind != sqlfacts.Func {
		return false
	}
	inner := n.Args[0].Name
	switch n.Name {
	case "reverse":
		return codes[inner] || inner == "hex"
	case "lower", "upper", "lcase", "ucase":
		return codes[inner]
	}
	return false
}

// same are those that give back their first argument, as far as values go.
var same = names(`coalesce ifnull nvl convert_to convert_from convert trim btrim ltrim rtrim any_value max min nullif cast`)

func names(s string) map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields(s) {
		m[n] = true
	}
	return m
}

// depends reports whether there is anything but constants below n.
func depends(n *sqlfacts.Node, depth int) bool {
	if n == nil || depth > maxDepth {
		return false
	}
	switch n.Kind {
	case sqlfacts.String, sqlfacts.Number, sqlfacts.Hex, sqlfacts.Null, sqlfacts.Bool, sqlfacts.Missing:
		return false
	case sqlfacts.Column, sqlfacts.Query, sqlfacts.Param, sqlfacts.Variable:
		return true
	}
	for _, a := range n.Args {
		if depends(a, depth+1) {
			return true
		}
	}
	return false
}

// Bound is a formula with its constants. It may be used by any number of
// goroutines.
type Bound struct {
	// Key is the same for equal formulas with equal constants. It holds the
	// constants: it must not be logged.
	Key string
	// Number says that the formula writes a number in another base.
	Number bool
	// Plain says that there are no constants: a digest of the value.
	Plain bool
	f     apply
	hex   bool
	text  bool
}

// apply computes one step; nil: there is no such value.
type apply func(v []byte) []byte

// part is a compiled expression: a constant, or a function of the value.
type part struct {
	ok    bool
	c     []byte // if f is nil
	f     apply
	plain bool // f changes nothing
	hex   bool // f writes hexadecimal digits
	text  bool // f writes other letters
	num   bool // f writes a number
	known bool // a digest of the value itself
	key   string
}

// Bind reads the formula's constants from a text of its shape. There may be
// several readings, where settings of the session matter; none if the value is
// lost, hidden twice, or known already (plain MD5, SHA-1 and SHA-256 of a value that
// are in no code).
func (f *Formula) Bind(v Values) []*Bound {
	var out []*Bound
	for wide := range 2 {
		c := compiler{values: v, my: f.my, wide: wide == 1}
		p := c.compile(f.root, 0)
		if p.ok && p.f != nil && !p.plain && (!p.known || f.coded) {
			out = append(out, &Bound{Key: p.key, Number: p.num, Plain: p.known, f: p.f, hex: p.hex, text: p.text})
		}
		if !c.forked {
			break
		}
	}
	return out
}

// SHA2 are the digests of a value itself that are not looked for otherwise:
// SHA-224, SHA-384 and SHA-512.
var SHA2 = []*Bound{
	{Key: "sha224(v)", Plain: true, f: func(v []byte) []byte { s := sha256.Sum224(v); return s[:] }},
	{Key: "sha384(v)", Plain: true, f: func(v []byte) []byte { s := sha512.Sum384(v); return s[:] }},
	{Key: "sha512(v)", Plain: true, f: func(v []byte) []byte { s := sha512.Sum512(v); return s[:] }},
}

// Apply returns what the formula makes of a value, as bytes: hexadecimal digits
// are undone. It returns nil if the formula is not defined for it, or if the
// outcome could as well be another value's. The bytes may be v's.
func (b *Bound) Apply(v []byte) []byte {
	out := b.f(v)
	if b.hex {
		out = unhex(out)
	}
	switch {
	case len(out) < leastSum || len(out) > maxOutput:
		return nil
	case b.text && !tells(v, out):
		return nil
	}
	return out
}

// tells reports whether a text keeps apart what its original does: a masked one
// is that of many.
func tells(v, out []byte) bool {
	n := distinct(out)
	return len(out) >= leastText && 4*len(out) >= 3*len(v) && string(out) != string(v) && n >= leastLetters && 2*n >= distinct(v)
}

func distinct(b []byte) (n int) {
	var seen [256]bool
	for _, c := range b {
		if !seen[c] {
			seen[c] = true
			n++
		}
	}
	return n
}

type compiler struct {
	values Values
	my     bool
	wide   bool // the second reading
	forked bool // there are two
	last   bool // the function being compiled is the outermost
}

func (c *compiler) compile(n *sqlfacts.Node, depth int) part {
	if n == nil || depth > maxDepth {
		return part{}
	}
	switch n.Kind {
	case sqlfacts.String, sqlfacts.Number, sqlfacts.Hex:
		v := c.values.Value(n.Slot, nil)
		return constant(v)
	case sqlfacts.Cast, sqlfacts.Unary, sqlfacts.Other, sqlfacts.Row:
		if len(n.Args) == 0 || n.Kind == sqlfacts.Row && len(n.Args) != 1 || n.Kind == sqlfacts.Unary && n.Name != "binary" {
			return leaf
		}
		p := c.compile(n.Args[0], depth+1)
		if n.Kind == sqlfacts.Cast && n.Name == "bytea" && p.f == nil && strings.HasPrefix(string(p.c), `\x`) {
			return constant(unhex(p.c[2:]))
		}
		return p
	case sqlfacts.Binary:
		if n.Name != "||" {
			return leaf
		}
		return c.joined(n.Args, nil, depth)
	case sqlfacts.Func:
		return c.function(n, depth)
	}
	return leaf
}

// leaf is the value.
var leaf = part{ok: true, f: func(v []byte) []byte { return v }, plain: true, key: "v"}

func constant(v []byte) part { return part{ok: true, c: v, key: strconv.Quote(string(v))} }

// joined puts parts together, one of which at most is no constant.
func (c *compiler) joined(args []*sqlfacts.Node, sep []byte, depth int) part {
	var before, after []byte
	out := part{ok: true, key: "join("}
	for i, a := range args {
		p := c.compile(a, depth+1)
		if !p.ok || p.f != nil && out.f != nil {
			return part{}
		}
		out.key += p.key + ","
		if i > 0 {
			if out.f == nil {
				before = append(before, sep...)
			} else {
				after = append(after, sep...)
			}
		}
		switch {
		case p.f != nil:
			out.f, out.text = p.f, p.text
		case out.f == nil:
			before = append(before, p.c...)
		default:
			after = append(after, p.c...)
		}
	}
	out.key += ")"
	if out.f == nil {
		return constant(before)
	}
	inner := out.f
	out.f = func(v []byte) []byte {
		m := inner(v)
		if m == nil {
			return nil
		}
		return append(append(append(make([]byte, 0, len(before)+len(m)+len(after)), before...), m...), after...)
	}
	return out
}

// function compiles a call; what is not known is the value.
func (c *compiler) function(n *sqlfacts.Node, depth int) part {
	switch n.Name {
	case "concat":
		return c.joined(n.Args, nil, depth)
	case "concat_ws":
		if len(n.Args) < 2 {
			return part{}
		}
		if sep := c.compile(n.Args[0], depth+1); sep.ok && sep.f == nil {
			return c.joined(n.Args[1:], sep.c, depth)
		}
		return part{}
	}
	if same[n.Name] && len(n.Args) > 0 {
		return c.compile(n.Args[0], depth+1)
	}
	if !made[n.Name] && !helps[n.Name] || len(n.Args) == 0 {
		return leaf
	}
	first := c.compile(n.Args[0], depth+1)
	rest := make([][]byte, 0, 4)
	key := n.Name + "(" + first.key
	for _, a := range n.Args[1:] {
		p := c.compile(a, depth+1)
		if !p.ok || p.f != nil {
			return part{} // two values, or a key that is not in the text
		}
		rest = append(rest, p.c)
		key += "," + p.key
	}
	if !first.ok {
		return part{}
	}
	c.last = depth == 0
	out := c.call(n.Name, first, rest)
	if !out.ok {
		return part{}
	}
	out.key = key + ")"
	if c.wide {
		out.key += "w"
	}
	if inner := first.f; inner != nil {
		g := out.f
		out.f = func(v []byte) []byte {
			m := inner(v)
			if m == nil {
				return nil
			}
			return g(m)
		}
		return out
	}
	v := out.f(first.c)
	if v == nil {
		return part{}
	}
	return constant(v)
}
