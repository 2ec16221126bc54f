package sqlfacts

import (
	"bytes"
	"strconv"
	"strings"
)

// Scan makes trees from a text's lexemes alone, for texts that a parser cannot
// read or is not given. It knows the outline of statements in all dialects and
// fails at nothing: what it does not understand is a node of kind Other. It
// takes time and memory in proportion to the text.
func Scan(t *Text) []*Node {
	s := scanner{src: t.Surrogate(make([]byte, 0, len(t.Raw)+64)), my: t.rules != nil && t.rules.my, env: t.Env}
	s.advance()
	s.advance()
	var out []*Node
	for s.tok.kind != tkEnd {
		if s.tok.is(";") || s.tok.is(")") {
			s.advance()
			continue
		}
		out = append(out, s.statement())
	}
	return out
}

type tokenKind uint8

const (
	tkEnd tokenKind = iota
	tkWord
	tkIdent // quoted
	tkNumber
	tkString
	tkHex
	tkParam
	tkVariable
	tkPunct // operators and brackets
)

// token is a lexeme of a surrogate.
type token struct {
	kind tokenKind
	text string // lower case if a word
	slot int
}

func (t token) is(text string) bool   { return t.kind == tkPunct && t.text == text }
func (t token) word(text string) bool { return t.kind == tkWord && t.text == text }

// most is how deep the scanner's trees nest; brackets beyond are passed over.
const most = 200

// scanner is a tolerant parser with one lexeme of look-ahead.
type scanner struct {
	src   []byte
	i     int
	my    bool
	env   Env
	tok   token
	next  token
	depth int
	// bracketed is what stood in the brackets that were read last.
	bracketed *Node
}

func (s *scanner) advance() {
	s.tok = s.next
	s.next = s.lex()
}

// accept takes the lexeme if it is one of the words or punctuation marks.
func (s *scanner) accept(texts ...string) bool {
	if s.tok.kind != tkWord && s.tok.kind != tkPunct {
		return false
	}
	for _, x := range texts {
		if s.tok.text == x {
			s.advance()
			return true
		}
	}
	return false
}

// operators are MySQL's of more than one byte, and marks of others' that attacks
// bring along.
var operators = []string{"<=>", "->>", "<=", ">=", "<>", "!=", "<<", ">>", "&&", "||", ":=", "::", "->", ".."}

// PostgreSQL's operators are made of these (manual, 4.1.3), and only one with a
// byte of the second list ends in + or -.
const operatorBytes, unlikeBytes = "+-*/<>=~!@#%^&|`?", "~!@#%^&|`?"

func (s *scanner) lex() token {
	b := s.src
	for s.i < len(b) && (b[s.i] <= ' ' && b[s.i] != 1) {
		s.i++
	}
	if s.i >= len(b) {
		return token{}
	}
	at := s.i
	c := b[at]
	switch {
	case (c < '0' || c > '9') && wordByte(c) || c == '$' && s.my:
		return s.lexWord()
	case c >= '0' && c <= '9':
		for s.i < len(b) && (wordByte(b[s.i]) || b[s.i] == '.') {
			s.i++
		}
		x := token{kind: tkNumber, slot: -1}
		if n, ok := SlotOfNumber(string(b[at:s.i])); ok {
			x.slot = n
		} else if s.i-at > 5 || !digits(b[at:s.i]) {
			return token{kind: tkWord, text: strings.ToLower(string(b[at:s.i]))} // 1abc
		}
		return x
	case c == '\'':
		text := s.lexQuoted('\'')
		x := token{kind: tkString, slot: -1}
		if n, ok := SlotOfString(text); ok {
			x.slot = n
		}
		return x
	case c == '"' || c == '`' && s.my:
		x := token{kind: tkIdent, text: s.lexQuoted(c)}
		if s.my { // as its parser gives names
			x.text = strings.ToLower(x.text)
		}
		return x
	case c == '?' && s.my:
		s.i++
		return token{kind: tkParam, slot: at} // see numberPlaces
	case c == '$':
		for s.i++; s.i < len(b) && wordByte(b[s.i]); s.i++ {
		}
		x := token{kind: tkParam, slot: -1}
		if n, err := strconv.Atoi(string(b[at+1 : s.i])); err == nil {
			x.slot = n - 1
		}
		return x
	case c == '@' && s.my:
		return s.lexVariable()
	}
	return token{kind: tkPunct, text: s.lexMark()}
}

// lexMark reads an operator or a bracket.
func (s *scanner) lexMark() string {
	b, at := s.src, s.i
	c := b[at]
	if !s.my && strings.IndexByte(operatorBytes, c) >= 0 {
		for s.i < len(b) && strings.IndexByte(operatorBytes, b[s.i]) >= 0 {
			s.i++
		}
		op := b[at:s.i]
		for len(op) > 1 && (op[len(op)-1] == '+' || op[len(op)-1] == '-') && !bytes.ContainsAny(op, unlikeBytes) {
			op = op[:len(op)-1]
		}
		s.i = at + len(op)
		switch {
		case len(op) == 1:
			return single(c)
		case string(op) == "!=":
			return "<>"
		}
		return string(op)
	}
	for _, op := range operators {
		if s.my && c == op[0] && len(b)-at >= len(op) && string(b[at:at+len(op)]) == op {
			s.i += len(op)
			if op == "!=" {
				return "<>"
			}
			return op
		}
	}
	if !s.my && (c == ':' || c == '.') && at+1 < len(b) && (b[at+1] == c || b[at+1] == '=' && c == ':') {
		s.i += 2
		return string(b[at:s.i])
	}
	s.i++
	return single(c)
}

// singles are the texts of all one-byte lexemes.
var singles = func() (x [256]string) {
	for c := range x {
		x[c] = string([]byte{byte(c)})
	}
	return x
}()

func single(c byte) string { return singles[c] }

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c >= 0x80
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func (s *scanner) lexWord() token {
	b, at := s.src, s.i
	for s.i < len(b) && (wordByte(b[s.i]) || b[s.i] == '$') {
		s.i++
	}
	text := string(b[at:s.i])
	if (text == "x" || text == "X") && s.i < len(b) && b[s.i] == '\'' {
		x := token{kind: tkHex, slot: -1}
		if n, ok := SlotOfHex(s.lexQuoted('\'')); ok {
			x.slot = n
		}
		return x
	}
	if (text == "U" || text == "u") && s.i+1 < len(b) && b[s.i] == '&' && b[s.i+1] == '"' {
		s.i++
		return token{kind: tkIdent, text: s.lexQuoted('"')}
	}
	return token{kind: tkWord, text: strings.ToLower(text)}
}

// lexQuoted reads from a quote to behind the closing one and gives what stands
// between.
func (s *scanner) lexQuoted(q byte) string {
	b := s.src
	from := s.i + 1
	doubled := false
	for s.i++; s.i < len(b); s.i++ {
		if b[s.i] != q {
			continue
		}
		if s.i+1 < len(b) && b[s.i+1] == q {
			doubled = true
			s.i++
			continue
		}
		break
	}
	text := string(b[from:min(s.i, len(b))])
	s.i++
	if doubled {
		text = strings.ReplaceAll(text, string([]byte{q, q}), string([]byte{q}))
	}
	return text
}

func (s *scanner) lexVariable() token {
	b, at := s.src, s.i
	for s.i < len(b) && b[s.i] == '@' {
		s.i++
	}
	if s.i < len(b) && (b[s.i] == '\'' || b[s.i] == '"' || b[s.i] == '`') {
		return token{kind: tkVariable, text: string(b[at:s.i]) + s.lexQuoted(b[s.i])}
	}
	for s.i < len(b) && (wordByte(b[s.i]) || b[s.i] == '$' || b[s.i] == '.') {
		s.i++
	}
	return token{kind: tkVariable, text: strings.ToLower(string(b[at:s.i]))}
}
