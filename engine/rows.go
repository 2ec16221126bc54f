package engine

import (
	"honeyrow/engine/match"
	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/token"
)

// Bounds of what is weighed in one row.
const (
	maxWeak  = 256 // combinations of weak value and token
	maxProof = 16  // honey rows proven in the same row
)

// rows watches one result. It is part of its run and is used again for the
// run's next result.
type rows struct {
	run   *run
	ch    event.Channel
	watch *watch

	demand  *demand // nil: nothing beside the usual
	scratch []byte  // of what was undone on demand

	weak  []weakHit // of the current row
	proof []uint32  // honey rows proven in the current row

	searched uint64 // bytes that Suspect has seen
}

// Suspect implements inspect.Rows.
func (w *rows) Suspect(region []byte) bool {
	w.searched += uint64(len(region))
	return w.watch.x.Suspect(region)
}

// Gate implements inspect.Rows.
func (w *rows) Gate() uint64 { return w.watch.gate }

// Wants implements inspect.Rows.
func (w *rows) Wants(col int) bool {
	return w.watch.column(int32(col)).wants || w.demand != nil
}

// view is the row being looked at.
type view struct {
	n      uint64
	row    []byte
	fields []inspect.Span
}

func (v *view) bytes(i int) []byte {
	f := v.fields[i]
	if f.Len < 0 {
		return nil
	}
	return v.row[f.Off : f.Off+f.Len]
}

// Row implements inspect.Rows.
func (w *rows) Row(n uint64, row []byte, fields []inspect.Span) event.Verdict {
	x, gate := w.watch.x, w.watch.gate
	seen := false
	for i := range fields {
		f := &fields[i]
		if f.Len <= 0 {
			continue
		}
		b := row[f.Off : f.Off+f.Len]
		col := w.watch.column(f.Col)
		var val match.Value
		whole := false
		if col.set != nil {
			val, whole = col.set.Whole(x, b)
		}
		if !whole && (gate>>min(len(b), 63)&1 != 0 || len(b) >= inspect.MinPart) {
			val, whole = x.Whole(b)
		}
		if !whole && len(b) < inspect.MinPart && !col.pieces && w.demand == nil {
			continue
		}
		if !seen {
			seen = true
			w.weak, w.proof = w.weak[:0], w.proof[:0]
		}
		at := view{n, row, fields}
		if whole {
			w.whole(at, i, col, val)
		}
		if len(b) >= inspect.MinPart {
			w.parts(at, i, b, val, whole)
		}
		if col.raw || col.pieces || col.warned {
			w.more(at, i, b, col)
		}
		if col.compound != notCompound && !whole {
			w.compound(i, b, col)
		}
		if w.demand != nil {
			w.special(at, i, b, col)
		}
	}
	if !seen {
		return event.Verdict{}
	}
	if w.demand != nil && w.demand.beside {
		w.beside(view{n, row, fields})
	}
	if w.demand != nil && w.demand.numbers && len(fields) > 1 {
		w.numbersBeside(view{n, row, fields})
	}
	if len(w.weak) > 0 {
		w.together(view{n, row, fields})
	}
	return w.run.rec.settle()
}

// parts looks inside a field for strong values, and for firm ones that stand
// apart from what is around them: in an array, a padded or quoted field.
func (w *rows) parts(at view, i int, b []byte, whole match.Value, isWhole bool) {
	x := w.watch.x
	x.Sights(b, func(h match.Sight) bool {
		if isWhole && h.Value == whole || !h.Apart && !x.Anywhere(h.Value) {
			return true
		}
		for _, r := range x.Refs(h.Value) {
			t := x.Traits(r.Token)
			if !t.Key && (t.Strength == token.Strong || t.Strength == token.Firm && h.Apart && r.Form == match.Text) {
				w.hit(at, i, r.Token, meansOf(h.As))
			}
		}
		return true
	})
}

// maxPieced is how many columns of a result may be pieces of values, mostPieced
// how many if the statement names a function that cuts.
const (
	maxPieced  = 3
	mostPieced = 8
)

// piecemeal are the values that a session reads piece by piece, by their columns.
// Few sessions do, and an idle one is to be small.
type piecemeal struct {
	fields  [mostPieced]*match.Pieces
	numbers [maxPieced][len(numberBases)]*match.Pieces
}

func (s *session) piecewise() *piecemeal {
	if s.piecemeal == nil {
		s.piecemeal = new(piecemeal)
	}
	return s.piecemeal
}

// more looks whether a field is a digest's bytes, or the last piece of a value
// that is read piece by piece, over rows and runs of the session.
func (w *rows) more(at view, i int, b []byte, col *columnWatch) {
	x := w.watch.x
	if col.raw {
		if val, as, ok := x.Digest(b); ok {
			proven(x, val, asText, func(t uint32) { w.hit(at, i, t, meansOf(as)) })
			return
		}
	}
	if col.warned {
		w.run.s.begun(x, b, func(t uint32, means string) { w.hit(at, i, t, means) })
	}
	if col.pieces {
		w.piece(at, i, b)
	}
}

// piece looks whether a field is the last piece of a value.
func (w *rows) piece(at view, i int, b []byte) {
	n := at.fields[i].Col
	if n >= mostPieced {
		return
	}
	x, p := w.watch.x, &w.run.s.piecewise().fields[n]
	if *p == nil {
		*p = new(match.Pieces)
	}
	if val, as, ok := (*p).Add(x, b); ok {
		proven(x, val, asText, func(t uint32) { w.hit(at, i, t, meansOf(as)) })
	}
}

// whole weighs a field that equals a value: by its column if that is where the
// value is planted, else by the value's strength.
func (w *rows) whole(at view, i int, col *columnWatch, val match.Value) {
	x := w.watch.x
	forms := asText
	if col.binary {
		forms = asBinary
	}
	placed := false
	if col.set != nil {
		for _, r := range x.Refs(val) {
			if r.Form&forms == 0 || !col.set.Holds(x, r.Token) {
				continue
			}
			t := x.Traits(r.Token)
			matched, all, refuted := 1, 1, false
			if t.Key || t.Strength == token.Weak {
				matched, all, refuted = w.keys(at, r.Token)
			}
			if t.Key && matched < all || t.Strength == token.Weak && refuted {
				continue
			}
			placed = true
			w.hit(at, i, r.Token, meansColumn)
		}
	}
	if placed {
		return
	}
	for _, r := range x.Refs(val) {
		t := x.Traits(r.Token)
		switch {
		case r.Form&forms == 0, t.Key, col.set != nil && col.set.Holds(x, r.Token):
		case t.Strength >= token.Firm:
			w.hit(at, i, r.Token, meansField)
			if t.Strength == token.Strong {
				w.learn(at, i, r.Token)
			}
		default:
			w.keep(weakHit{value: val, tok: r.Token, field: i, off: wholeField})
		}
	}
}

// hit records a sighting in field i.
func (w *rows) hit(at view, i int, tok uint32, means string) {
	x := w.watch.x
	if means != meansTogether && len(w.proof) < maxProof {
		w.proof = append(w.proof, x.RowOf(tok))
	}
	w.report(at, i, tok, means, w.tries(at, means))
}

// report puts a sighting into the run's record.
func (w *rows) report(at view, i int, tok uint32, means string, l look) {
	c := w.run.record()
	c.det.Run.Rows = at.n
	c.sight(w.watch.x, tok, w.ch, means, w.watch.name(at.fields[i].Col), l)
}

// tries returns how many places have been searched so far: rows for a value in
// its own column, fields for a whole one, bytes for a part.
func (w *rows) tries(at view, means string) look {
	switch means {
	case meansColumn:
		return tried(at.n)
	case meansField, meansTogether:
		return tried(at.n * uint64(max(len(at.fields), len(w.watch.cols))))
	}
	return tried(max(w.searched, uint64(len(at.row))))
}
