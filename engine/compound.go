package engine

import (
	"encoding/binary"
	"math"

	"honeyrow/engine/match"
	"honeyrow/inspect"
	"honeyrow/token"
)

// shape is whether the fields of a column may hold several values.
type shape uint8

const (
	notCompound shape = iota
	inText            // JSON, XML, a composite's or an array's text, an aggregate, a concatenation
	inRecord          // PostgreSQL's binary composite
	inArray           // and array
)

// Bounds of a weak value inside a field.
const (
	maxWords     = 8
	maxCompound  = 48       // bytes
	compoundLen  = 9        // the shortest field that may hold two
	compoundMost = 64 << 10 // how much of a field is looked at
)

// PostgreSQL's types that hold several values, beside those that users make.
const (
	jsonOID, jsonbOID, xmlOID  = 114, 3802, 142
	recordOID, recordArrayOID  = 2249, 2287
	textArrayOID, varcharArray = 1009, 1015
	numericArrayOID, int4Array = 1231, 1007
	int8Array, firstUserOID    = 1016, 16384
	mysqlJSON                  = 245
)

// compoundShape says what may be in a column that no table is known of.
func (s *session) compoundShape(c *inspect.Column) shape {
	if c.TableOID != 0 || c.OrgTable != "" {
		return notCompound
	}
	if s.mysql {
		if s.textual(c.Type) || c.Type == mysqlJSON {
			return inText
		}
		return notCompound
	}
	array, record := false, false
	switch c.Type {
	case textArrayOID, varcharArray, numericArrayOID, int4Array, int8Array, recordArrayOID:
		array = true
	case recordOID:
		record = true
	case jsonOID, jsonbOID, xmlOID:
	default:
		record = c.Type >= firstUserOID
		if !record && !s.textual(c.Type) {
			return notCompound
		}
	}
	switch {
	case c.Binary && record:
		return inRecord
	case c.Binary && array:
		return inArray
	}
	return inText
}

// compound looks for weak values inside a field: they count if several of one
// honey row stand near each other.
func (w *rows) compound(i int, b []byte, col *columnWatch) {
	switch col.compound {
	case inRecord:
		w.record(i, b)
	case inArray:
		w.array(i, b)
	default:
		w.words(i, b[:min(len(b), compoundMost)], 0)
	}
}

// words looks at what begins and ends at the borders of words.
func (w *rows) words(i int, b []byte, off int) {
	if len(b) < compoundLen {
		return
	}
	gate := w.watch.weak
	for from := 0; from < len(b); from++ {
		c := b[from]
		if from > 0 && alnum(b[from-1]) || !alnum(c) && c != '-' && c != '+' {
			continue
		}
		words := 0
		for to := from + 1; to <= len(b) && to-from <= maxCompound && words < maxWords; to++ {
			if !alnum(b[to-1]) || to < len(b) && alnum(b[to]) {
				continue
			}
			words++
			// Longer values than the gate tells are not looked for in many words.
			if gate>>(to-from)&1 != 0 || to-from >= inspect.MinPart && words <= maxWords/2 {
				w.inside(i, b[from:to], off+from, len(b), asText)
			}
		}
	}
}

// inside notes a weak value, or a short firm one, that stands at off in field i
// of n bytes.
func (w *rows) inside(i int, b []byte, off, n int, forms match.Form) {
	x := w.watch.x
	val, ok := x.Whole(b)
	if !ok {
		return
	}
	for _, r := range x.Refs(val) {
		t := x.Traits(r.Token)
		if r.Form&forms != 0 && !t.Key && t.Strength <= token.Firm {
			w.keep(weakHit{value: val, tok: r.Token, field: i, off: off, loss: math.Log2(1 + float64(n)/word)})
		}
	}
}

// record walks a composite in binary format: the number of fields, and for each
// its type and length.
func (w *rows) record(i int, b []byte) {
	if len(b) < 4 {
		return
	}
	for at := 4; at+8 <= len(b); {
		n := int(int32(binary.BigEndian.Uint32(b[at+4:])))
		at += 8
		if n < 0 {
			continue
		}
		if n > len(b)-at {
			return
		}
		w.inside(i, b[at:at+n], at, len(b), asBinary)
		w.words(i, b[at:at+min(n, compoundMost)], at)
		at += n
	}
}

// array walks an array in binary format: dimensions, a flag, the elements' type,
// length and lower bound of each dimension, then the elements with their lengths.
func (w *rows) array(i int, b []byte) {
	if len(b) < 12 {
		return
	}
	dims := int(binary.BigEndian.Uint32(b))
	elem := binary.BigEndian.Uint32(b[8:])
	if dims < 0 || dims > 6 {
		return
	}
	for at := 12 + 8*dims; at+4 <= len(b); {
		n := int(int32(binary.BigEndian.Uint32(b[at:])))
		at += 4
		if n < 0 {
			continue
		}
		if n > len(b)-at {
			return
		}
		if elem == recordOID || elem >= firstUserOID {
			w.nested(i, b[at:at+n], at)
		} else {
			w.inside(i, b[at:at+n], at, len(b), asBinary)
		}
		at += n
	}
}

// nested is record for an element of an array, at off in the field.
func (w *rows) nested(i int, b []byte, off int) {
	for at := 4; at+8 <= len(b); {
		n := int(int32(binary.BigEndian.Uint32(b[at+4:])))
		at += 8
		if n > len(b)-at {
			return
		}
		if n > 0 {
			w.inside(i, b[at:at+n], off+at, len(b), asBinary)
			at += n
		}
	}
}
