package engine

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"

	"honeyrow/engine/match"
)

// weakHit is a value that proves nothing by itself.
type weakHit struct {
	value match.Value
	tok   uint32
	row   uint32  // honey row
	field int     // index in fields
	off   int     // where it begins in the field; wholeField
	loss  float64 // bits, since it is one of many in the field
}

// wholeField is a weakHit's off if it is the field.
const wholeField = -1

// keep notes a weak value for together.
func (w *rows) keep(h weakHit) {
	if len(w.weak) == maxWeak {
		w.run.s.e.stats.crowded.Add(1)
		return
	}
	h.row = w.watch.x.RowOf(h.tok)
	w.weak = append(w.weak, h)
}

// keys compares the row's key columns, where they are shown, with the key of
// the honey row that tok belongs to: how many of the key's columns match, how
// many there are, and whether one is another row's.
func (w *rows) keys(at view, tok uint32) (matched, all int, refuted bool) {
	x := w.watch.x
	for _, k := range x.Row(tok) {
		if !x.Traits(k).Key {
			continue
		}
		all++
		shown, equal := false, false
		for i := range at.fields {
			col := w.watch.column(at.fields[i].Col)
			if col.set == nil || !col.set.Holds(x, k) {
				continue
			}
			shown = true
			if val, ok := col.set.Whole(x, at.bytes(i)); ok && refers(x, val, k, col.binary) {
				equal = true
				break
			}
		}
		if equal {
			matched++
		} else if shown {
			refuted = true
		}
	}
	return matched, all, refuted
}

// refers reports whether val stands for token tok.
func refers(x *match.Index, val match.Value, tok uint32, binary bool) bool {
	for _, r := range x.Refs(val) {
		if r.Token == tok && (binary || r.Form&asText != 0) {
			return true
		}
	}
	return false
}

// together finds honey rows of which several weak values stand in this row, or
// one beside the row's key or beside what proves it. How rare they are decides:
// two values that many rows share are no evidence.
func (w *rows) together(at view) {
	for i := range w.weak {
		a := &w.weak[i]
		proven := w.isProven(a.row)
		if !proven && !w.accompanied(at, a) {
			continue
		}
		l := w.tries(at, meansTogether)
		l.loss = a.loss
		if !proven && w.unlikely(at, a, l.tries) > silence {
			continue
		}
		if _, _, refuted := w.keys(at, a.tok); !refuted {
			w.report(at, a.field, a.tok, meansTogether, l)
		}
	}
}

func (w *rows) isProven(row uint32) bool {
	for _, r := range w.proof {
		if r == row {
			return true
		}
	}
	return false
}

// beside reports whether b is another value of a's honey row, near enough.
func (a *weakHit) beside(b *weakHit) bool {
	if b.row != a.row || b.tok == a.tok || b.value == a.value {
		return false
	}
	return a.field != b.field || max(a.off-b.off, b.off-a.off) <= near
}

func (w *rows) accompanied(at view, a *weakHit) bool {
	for i := range w.weak {
		if a.beside(&w.weak[i]) {
			return true
		}
	}
	_, ok := w.keyBeside(at, a)
	return ok
}

// unlikely returns the chance that ordinary rows show a and all that is beside it.
func (w *rows) unlikely(at view, a *weakHit, tries float64) float64 {
	x := w.watch.x
	var sum weight
	add := func(h *weakHit, loss float64) {
		t := x.Token(h.tok)
		sum.add(t.Value, max(valueBits(t)-loss, 0), tries*honeyRows(x, h.tok))
	}
	add(a, a.loss)
	for i := range w.weak {
		b := &w.weak[i]
		if !a.beside(b) {
			continue
		}
		loss := b.loss
		if b.field == a.field {
			loss = min(loss, math.Log2(near/word))
		}
		add(b, loss)
	}
	if tok, ok := w.keyBeside(at, a); ok {
		k := x.Token(tok)
		sum.add(k.Value, valueBits(k), tries)
	}
	return sum.chance()
}

// keyBeside returns the key of a's honey row if another field shows it, or the
// same one near a.
func (w *rows) keyBeside(at view, a *weakHit) (tok uint32, ok bool) {
	x := w.watch.x
	for _, k := range x.Row(a.tok) {
		key := x.Text(k)
		if !x.Traits(k).Key || len(key) < minKey {
			continue
		}
		for i := range at.fields {
			b := at.bytes(i)
			switch {
			case i != a.field:
				if isKey(b, key, w.watch.column(at.fields[i].Col).binary) {
					return k, true
				}
			case a.off != wholeField:
				if standsIn(b[max(0, a.off-near):min(len(b), a.off+near)], key) {
					return k, true
				}
			}
		}
	}
	return 0, false
}

// minKey is the length of the shortest key that is company for a weak value.
const minKey = 4

// isKey reports whether a field is a key: its text, or an integer in
// PostgreSQL's binary format.
func isKey(b, key []byte, binary bool) bool {
	if bytes.Equal(b, key) {
		return true
	}
	n, ok := integer(b)
	if !binary || !ok {
		return false
	}
	var buf [20]byte
	return string(strconv.AppendInt(buf[:0], n, 10)) == string(key)
}

// integer reads an integer of two, four or eight bytes.
func integer(b []byte) (int64, bool) {
	switch len(b) {
	case 2:
		return int64(int16(binary.BigEndian.Uint16(b))), true
	case 4:
		return int64(int32(binary.BigEndian.Uint32(b))), true
	case 8:
		return int64(binary.BigEndian.Uint64(b)), true
	}
	return 0, false
}

// standsIn reports whether key stands apart in b.
func standsIn(b, key []byte) bool {
	for at := 0; ; {
		i := bytes.Index(b[at:], key)
		if i < 0 {
			return false
		}
		at += i
		end := at + len(key)
		if (at == 0 || !alnum(b[at-1])) && (end == len(b) || !alnum(b[end])) {
			return true
		}
		at++
	}
}
