package pgwire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"honeyrow/event"
	"honeyrow/inspect"
)

// beginRows starts watching a result of e.
func (f *flow) beginRows(e *execution, ch event.Channel, l inspect.Layout, cols int) event.Verdict {
	f.endRows()
	f.rowsLive = true
	if e == nil || e.run == nil {
		return event.Verdict{}
	}
	f.reckon(e)
	rows, v := e.run.Columns(ch, l)
	if e.watched = rows != nil; rows == nil {
		return v
	}
	f.rows, f.gate, f.wantsAny, f.wanted = rows, rows.Gate(), false, f.wanted[:0]
	for i := range cols {
		w := rows.Wants(i)
		f.wanted = append(f.wanted, w)
		f.wantsAny = f.wantsAny || w
	}
	return v
}

func (f *flow) endRows() { f.rows, f.rowsLive = nil, false }

// portalRows starts the rows of a portal at its first DataRow of this Execute:
// the extended protocol describes them once, or never.
func (f *flow) portalRows(r *request, body []byte) (event.Verdict, error) {
	e := r.exec
	d := e.desc
	if d == nil && e.prep != nil {
		d = e.prep.desc.Load()
	}
	n, _, err := count(body, 0, "DataRow", "fields")
	if err != nil {
		return event.Verdict{}, err
	}
	if d == nil || len(d.columns) != n {
		d = f.unnamed(n)
	}
	formats := e.formats
	if formats == nil && e.prep != nil {
		formats = []int16{} // Bind without formats: all text, whatever Describe said
	}
	v := f.beginRows(e, event.ChannelRow, f.layout(d, formats), n)
	f.holdRows(e, v)
	return v, nil
}

// rowFrames takes the run of whole DataRow frames at the start of rest: one
// scan over all of them, and a walk of their fields only as far as the watch
// asks for it.
func (f *flow) rowFrames(rest []byte) (taken, error) {
	r := f.head()
	if r == nil || r.kind != simpleQuery && r.kind != execute {
		return taken{}, outOfPlace("DataRow", r)
	}
	end, n := wholeRows(rest)
	e := r.exec
	if f.swallow {
		return taken{skip: end}, nil
	}
	if !f.rowsLive {
		if r.kind != execute {
			return taken{}, errors.New("DataRow message before its RowDescription")
		}
		v, err := f.portalRows(r, rest[header:frameSize(rest)])
		if err != nil {
			return taken{}, err
		}
		if f.blocks(v) {
			f.beginRefusal(rest)
			return taken{skip: frameSize(rest), refuse: true}, nil
		}
	}
	if f.rows == nil {
		e.rows += uint64(n)
		return taken{pass: end}, nil
	}
	return f.watchRows(e, rest, end, n)
}

func frameSize(b []byte) int { return int(binary.BigEndian.Uint32(b[1:])) + 1 }

// wholeRows returns the length and number of the whole DataRow frames at the
// start of b, of which there is at least one.
func wholeRows(b []byte) (end, n int) {
	for len(b)-end >= header && b[end] == 'D' {
		size := frameSize(b[end:])
		if size < header || size > len(b)-end {
			break
		}
		end += size
		n++
	}
	return end, n
}

// watchRows inspects the n whole DataRow frames of rest[:end].
func (f *flow) watchRows(e *execution, rest []byte, end, n int) (taken, error) {
	region := rest[:end]
	gate := f.gate
	if f.rows.Suspect(region) {
		gate = ^uint64(0)
	}
	if gate == 0 && !f.wantsAny {
		e.rows += uint64(n)
		return taken{pass: len(region)}, nil
	}
	off := 0
	for range n {
		size := frameSize(region[off:])
		e.rows++
		v, err := f.row(e.rows, region[off+header:off+size], gate)
		if err != nil {
			return taken{}, err
		}
		if f.blocks(v) {
			e.rows-- // the client does not get it
			f.beginRefusal(rest[off+size:])
			return taken{pass: off, skip: size, refuse: true}, nil
		}
		off += size
	}
	return taken{pass: off}, nil
}

// row cuts one DataRow into the fields that the watch asks for and shows them.
func (f *flow) row(nth uint64, body []byte, gate uint64) (event.Verdict, error) {
	spans, used := cut(f.spans[:0], body, gate, f.wanted)
	f.spans = spans
	if used != len(body) {
		return event.Verdict{}, fmt.Errorf("the fields of a DataRow message do not add up to its %d bytes", len(body))
	}
	if len(spans) == 0 {
		return event.Verdict{}, nil
	}
	return f.rows.Row(nth, body, spans), nil
}

// cut walks a counted row at the start of b: a 16-bit number of fields, then
// each with its 32-bit length (-1: NULL), as in DataRow and in binary COPY. It
// appends the fields that gate or wanted select, and returns the length of the
// row; -1 if b does not hold it whole.
func cut(spans []inspect.Span, b []byte, gate uint64, wanted []bool) ([]inspect.Span, int) {
	if len(b) < 2 {
		return spans, -1
	}
	n := int(int16(binary.BigEndian.Uint16(b)))
	if n < 0 {
		return spans, -1
	}
	off := 2
	for col := range n {
		if len(b)-off < 4 {
			return spans, -1
		}
		size := int(int32(binary.BigEndian.Uint32(b[off:])))
		off += 4
		if size < 0 {
			continue
		}
		if size > len(b)-off {
			return spans, -1
		}
		if gate>>min(uint(size), 63)&1 != 0 || col < len(wanted) && wanted[col] {
			spans = append(spans, inspect.Span{Col: int32(col), Off: int32(off), Len: int32(size)})
		}
		off += size
	}
	return spans, off
}
