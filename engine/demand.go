package engine

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strconv"

	"honeyrow/engine/formula"
	"honeyrow/engine/match"
	"honeyrow/engine/sqlfacts"
	"honeyrow/inspect"
	"honeyrow/token"
)

// demand is what is looked for only in the results of a statement that names a
// function for it: it would cost too much, or prove too little, elsewhere.
type demand struct {
	crcs    *checksums
	derived []*derived
	numbers bool // characters by their numbers
	unpack  bool // all of what was compressed
	beside  bool // pieces of a value in columns beside each other
	pieces  bool // and in one field, or over rows wherever they are read from
	groups  bool // digits of a number in groups
}

// needs are the kinds of it, as bits.
type needs uint16

const (
	needsCRC needs = 1 << iota
	needsNumbers
	needsUnpack
	needsFormulas
	needsSHA2 // of a value itself, whatever the text around the name
	// A function that may be of use with another one of its kind.
	needsHex
	needsCut
	needsBeside // follows from needsCut
	needsGroups
)

// neededBy are the functions that ask for something.
var neededBy = map[string]needs{
	"crc32":    needsCRC,
	"compress": needsUnpack,
	"ascii":    needsNumbers, "ord": needsNumbers, "get_byte": needsNumbers, "to_hex": needsNumbers | needsFormulas, "bin": needsNumbers,
	"oct": needsNumbers, "conv": needsNumbers | needsFormulas, "bit": needsNumbers, "char_code": needsNumbers,
	"hex": needsHex | needsFormulas, "encode": needsHex | needsFormulas, "to_base64": needsFormulas,
	"substr": needsCut, "substring": needsCut, "mid": needsCut, "left": needsCut, "right": needsCut, "regexp_split_to_table": needsCut,
	"string_to_table": needsCut, "regexp_split_to_array": needsCut, "string_to_array": needsCut, "regexp_substr": needsCut, "regexp_matches": needsCut,
	"regexp_replace": needsCut, "to_char": needsGroups, "format": needsGroups,
	"sha224": needsSHA2, "sha384": needsSHA2, "sha512": needsSHA2, "sha2": needsSHA2 | needsFormulas, "digest": needsSHA2 | needsFormulas,
	"md5": needsFormulas, "sha": needsFormulas, "sha1": needsFormulas, "sha256": needsFormulas, "hmac": needsFormulas, "password": needsFormulas,
	"aes_encrypt": needsFormulas, "encrypt": needsFormulas, "encrypt_iv": needsFormulas, "translate": needsFormulas, "replace": needsFormulas,
}

// whole leaves out what is of no use alone.
func (n needs) whole() needs {
	if n&(needsHex|needsCut) == needsHex|needsCut {
		n |= needsNumbers
	}
	if n&needsCut != 0 {
		n |= needsBeside
	}
	return n &^ (needsHex | needsCut)
}

// needsOf is what a shape's functions and casts ask for.
func needsOf(f *sqlfacts.Facts) (n needs) {
	for _, name := range f.Functions {
		n |= neededBy[name]
	}
	for _, s := range f.Statements {
		sqlfacts.Walk(s, func(m *sqlfacts.Node, _ []*sqlfacts.Node) bool {
			if m.Kind == sqlfacts.Cast && (m.Name == "bit" || m.Name == "varbit") {
				n |= needsNumbers
			}
			return true
		})
	}
	return n.whole()
}

// needsIn is what the words before brackets in a text ask for, those in its
// literals too.
func needsIn(sql []byte) (n needs) {
	var buf [24]byte
	for at := 0; ; at++ {
		i := bytes.IndexByte(sql[at:], '(')
		if i < 0 {
			return n.whole()
		}
		at += i
		end := at
		for end > 0 && (sql[end-1] <= ' ' || sql[end-1] == '"' || sql[end-1] == '`') {
			end--
		}
		from := end
		for from > 0 && (alnum(sql[from-1]) || sql[from-1] == '_') && end-from < len(buf) {
			from--
		}
		word := buf[:copy(buf[:], sql[from:end])]
		for k, c := range word {
			if c >= 'A' && c <= 'Z' {
				word[k] = c | 0x20
			}
		}
		n |= neededBy[string(word)]
	}
}

// wish is what statements of a session ask for that make something which others
// read: cursors, prepared statements, views, tables. It is immutable.
type wish struct {
	needs    needs
	formulas []*formula.Bound
}

// maxWished bounds the formulas that a session keeps, and that one run looks for.
const maxWished = 8

// with returns both.
func (w *wish) with(o wish) wish {
	if w == nil {
		return o
	}
	out := wish{w.needs | o.needs, slices.Clone(w.formulas)}
	for _, f := range o.formulas {
		if !slices.ContainsFunc(out.formulas, func(g *formula.Bound) bool { return g.Key == f.Key }) && len(out.formulas) < maxWished {
			out.formulas = append(out.formulas, f)
		}
	}
	return out
}

// makes reports whether a shape makes something that other statements read.
func makes(f *sqlfacts.Facts) bool {
	return slices.ContainsFunc(f.Statements, func(s *sqlfacts.Node) bool {
		switch s.Kind {
		case sqlfacts.Prepare, sqlfacts.Define, sqlfacts.Set, sqlfacts.Call:
			return true
		case sqlfacts.Other:
			return s.Name == "declare cursor" || s.Name == "declare"
		}
		return slices.ContainsFunc(s.Args, func(a *sqlfacts.Node) bool { return a != nil && a.Kind == sqlfacts.Into })
	})
}

// mayMake is makes for a text of which no facts are known: it begins as PREPARE,
// DECLARE, CREATE, SET, DO, CALL and EXECUTE IMMEDIATE do.
func mayMake(sql []byte) bool {
	for len(sql) > 3 && (sql[0] <= ' ' || sql[0] == ';' || sql[0] == '(') {
		sql = sql[1:]
	}
	if len(sql) <= 3 {
		return false
	}
	switch string([]byte{sql[0] | 0x20, sql[1] | 0x20, sql[2] | 0x20}) {
	case "pre", "dec", "cre", "set", "do ", "cal", "exe":
		return true
	}
	return false
}

// understood returns what is known of a statement's shape by now; nil: nothing.
// Client's goroutine.
func (t *statement) understood() *note {
	if t.note == nil && t.lexed {
		if f, ok := t.s.e.analysis.by.Known(t.key); ok {
			t.note = f.Note.(*note)
		}
	}
	return t.note
}

// wish returns what a statement asks for; n is nil if its shape is not known.
func (t *statement) wish(n *note) (w wish) {
	if n != nil && !n.makes {
		w.needs = n.needs
	} else {
		w.needs = needsIn(t.text) // its literals may be statements
	}
	if w.needs&needsFormulas == 0 {
		return w
	}
	text := t.s.lexAll(t.text, t.total)
	defer t.s.e.unlex(text)
	var fs []*formula.Formula
	if n != nil {
		fs = n.formulas
	} else {
		fs = formula.Find(sqlfacts.Scan(text), t.s.mysql)
	}
	for _, f := range fs {
		w.formulas = append(w.formulas, f.Bind(text)...)
	}
	if n != nil && !n.makes {
		return w
	}
	for i := range text.Literals { // PREPARE s FROM '...', EXECUTE IMMEDIATE
		if text.Size(i) < 2*minSummed || len(w.formulas) > maxWished {
			continue
		}
		inner := text.Decode(i, nil)
		if needsIn(inner)&needsFormulas == 0 {
			continue
		}
		it := t.s.lexAll(inner, len(inner))
		for _, f := range formula.Find(sqlfacts.Scan(it), t.s.mysql) {
			w.formulas = append(w.formulas, f.Bind(it)...)
		}
		t.s.e.unlex(it)
	}
	return w
}

// wished notes what a statement asks for that makes something. Client's goroutine.
func (s *session) wished(t *statement, n *note) {
	if n != nil && !n.makes || n == nil && !mayMake(t.text) {
		return
	}
	w := t.wish(n)
	if w.needs == 0 && len(w.formulas) == 0 {
		return
	}
	w = s.wishes.Load().with(w)
	s.wishes.Store(&w)
}

// demanded returns what is to be looked for in a run's results beside the usual;
// nil: nothing, as mostly.
func (r *run) demanded(x *match.Index) *demand {
	var w wish
	switch n := r.note; {
	case n != nil && n.needs != 0, n == nil && needsIn(r.st.text) != 0:
		w = r.st.wish(n)
	}
	if kept := r.s.wishes.Load(); kept != nil {
		w = kept.with(w)
	}
	if w.needs == 0 && len(w.formulas) == 0 {
		return nil
	}
	d := &demand{numbers: w.needs&needsNumbers != 0, unpack: w.needs&needsUnpack != 0}
	d.pieces = w.needs&needsBeside != 0
	d.beside = d.pieces && len(r.rows.watch.cols) != 1
	d.groups = w.needs&needsGroups != 0
	if w.needs&needsCRC != 0 {
		d.crcs = r.s.e.checksumsOf(x)
	}
	fs := w.formulas
	if w.needs&needsSHA2 != 0 {
		fs = append(fs, formula.SHA2...)
	}
	for _, f := range fs {
		if of := r.s.e.derivations.of(x, f, r.s.e.uptime()); of != nil {
			d.derived = append(d.derived, of)
		}
	}
	if d.crcs == nil && len(d.derived) == 0 && !d.numbers && !d.unpack && !d.pieces && !d.groups {
		return nil
	}
	return d
}

// special looks in a field for what the statement demands.
func (w *rows) special(at view, i int, b []byte, col *columnWatch) {
	d := w.demand
	if d.crcs != nil {
		w.checksum(at, i, b, col)
	}
	if len(d.derived) > 0 {
		w.derivedIn(at, i, b)
	}
	if d.unpack {
		seen := func(h match.Sight) bool { return w.sighted(at, i, h) }
		w.watch.x.Unpack(b, seen)
		if out, ok := w.decoded(b); ok {
			w.watch.x.Unpack(out, seen)
		}
	}
	if col.set != nil {
		return
	}
	if d.numbers {
		w.numbers(at, i, b, col)
	}
	if d.pieces {
		if !col.pieces {
			w.piece(at, i, b)
		}
		w.joined(at, i, b)
	}
	if d.pieces || d.groups {
		w.grouped(at, i, b)
	}
}

// joint are the bytes that lists, arrays and objects have between their members;
// arrays in binary format have lengths there, which are control characters.
var joint = func() (t [256]bool) {
	for c := range ' ' {
		t[c] = true
	}
	for _, c := range []byte(" ,;:|\"'{}[]()") {
		t[c] = true
	}
	return t
}()

// joined looks for a value that stands in one field in pieces: in an array, a list,
// between blanks.
func (w *rows) joined(at view, i int, b []byte) {
	if len(b) <= inspect.MinPart || len(b) > maxDerivedField {
		return
	}
	buf := w.scratch[:0]
	for _, c := range b {
		if !joint[c] {
			buf = append(buf, c)
		}
	}
	w.scratch = buf
	if len(buf) == len(b) {
		return
	}
	x := w.watch.x
	for f := x.Find(buf); ; {
		v, start, ok := f.Next()
		if !ok {
			return
		}
		if !x.Anywhere(v) || bytes.Contains(b, buf[start:f.End()]) {
			continue // too short, or in one piece
		}
		proven(x, v, asText, func(t uint32) {
			if x.Traits(t).Strength == token.Strong {
				w.hit(at, i, t, meansOf(match.Spaced))
			}
		})
	}
}

// maxGrouped is the length of the longest number in groups of digits.
const maxGrouped = 48

// grouped looks whether a field is a firm number whose digits stand in groups.
func (w *rows) grouped(at view, i int, b []byte) {
	if len(b) < 2*leastGroup || len(b) > maxGrouped {
		return
	}
	var buf [maxGrouped]byte
	n := 0
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			buf[n] = c
			n++
		case c != '-' && c != '.' && !joint[c]:
			return
		}
	}
	if n == len(b) || n < 2*leastGroup || bytes.Contains(b, buf[:n]) {
		return
	}
	x := w.watch.x
	if v, ok := x.Whole(buf[:n]); ok {
		proven(x, v, asText, func(t uint32) { w.hit(at, i, t, meansOf(match.Spaced)) })
	}
}

// leastGroup is half the length of the shortest number that counts.
const leastGroup = 5

// decoded undoes a field that is hexadecimal digits or base64 as a whole.
func (w *rows) decoded(b []byte) ([]byte, bool) {
	if len(b) > maxDerivedField {
		return nil, false
	}
	if out, err := hex.AppendDecode(w.scratch[:0], b); err == nil {
		w.scratch = out
		return out, true
	}
	return w.unbase64(b)
}

// numbersBeside looks for characters by their numbers in columns beside each other.
func (w *rows) numbersBeside(at view) {
	var buf [maxBeside]byte
	out := buf[:0]
	for i := range at.fields {
		col := w.watch.column(at.fields[i].Col)
		b := at.bytes(i)
		if col.binary && !w.run.s.mysql {
			b = w.inDigits(b)
		}
		if col.set != nil || len(b) == 0 || len(b) > maxNumber || len(out)+len(b) >= maxBeside {
			continue
		}
		out = append(append(out, b...), ' ')
	}
	if len(out) > maxNumber {
		w.watch.x.Numbers(out, func(h match.Sight) bool { return w.sighted(at, len(at.fields)-1, h) })
	}
}

// maxBeside is how many bytes of a row's fields are put together.
const maxBeside = 1 << 10

// beside puts the fields of a row together that no column is known of, and looks
// for a value over several of them.
func (w *rows) beside(at view) {
	x, buf := w.watch.x, w.scratch[:0]
	last := -1
	for i := range at.fields {
		b := at.bytes(i)
		if col := w.watch.column(at.fields[i].Col); col.set != nil || len(b) == 0 || len(buf)+len(b) > maxBeside {
			continue
		}
		from := len(buf)
		buf = append(buf, b...)
		if last >= 0 {
			for f := x.Find(buf); ; {
				v, start, ok := f.Next()
				if !ok {
					break
				}
				if start < from && f.End() > from { // not in one of them
					proven(x, v, asText, func(t uint32) {
						if x.Traits(t).Strength == token.Strong {
							w.hit(at, i, t, meansOf(match.Chunks))
						}
					})
				}
			}
		}
		last = i
	}
	w.scratch = buf
}

func (w *rows) sighted(at view, i int, h match.Sight) bool {
	proven(w.watch.x, h.Value, asText, func(t uint32) { w.hit(at, i, t, meansOf(h.As)) })
	return true
}

// numberBases are those in which one character a row is read.
var numberBases = [...]int{10, 16, 2}

// maxNumber is the length of the longest number of a character.
const maxNumber = 8

// numbers looks for characters by their numbers: all in one field, or one a row.
func (w *rows) numbers(at view, i int, b []byte, col *columnWatch) {
	x := w.watch.x
	text := b
	if col.binary && !w.run.s.mysql {
		text = w.inDigits(b)
	}
	if len(text) > maxNumber {
		x.Numbers(text[:min(len(text), maxDerivedField)], func(h match.Sight) bool { return w.sighted(at, i, h) })
		return
	}
	n := at.fields[i].Col
	if n >= maxPieced {
		return
	}
	for k, base := range numberBases {
		p := &w.run.s.piecewise().numbers[n][k]
		if *p == nil {
			*p = new(match.Pieces)
		}
		v, err := strconv.ParseUint(string(text), base, 8)
		if err != nil {
			(*p).Reset()
			continue
		}
		if val, _, ok := (*p).Add(x, []byte{byte(v)}); ok {
			proven(x, val, asText, func(t uint32) { w.hit(at, i, t, meansOf(match.Numbered)) })
		}
	}
}

// inDigits writes integers in binary format, or an array of them, as text; what
// is neither stays as it is.
func (w *rows) inDigits(b []byte) []byte {
	out := w.scratch[:0]
	if v, ok := integer(b); ok {
		if b[0] != 0 { // text, or no character's
			return b
		}
		w.scratch = strconv.AppendInt(out, v, 10)
		return w.scratch
	}
	// One dimension, flags, the members' type, their number, the first one's.
	if len(b) < 20 || string(b[:4]) != "\x00\x00\x00\x01" || b[4] != 0 || b[5] != 0 {
		return b
	}
	for rest := b[20:]; len(rest) >= 6; {
		n := int(rest[3])
		v, ok := integer(rest[4:min(len(rest), 4+n)])
		if rest[0]|rest[1]|rest[2] != 0 || !ok {
			return b
		}
		out = append(strconv.AppendInt(out, v, 10), ' ')
		rest = rest[4+n:]
	}
	w.scratch = out
	return out
}
