package pgwire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"slices"

	"honeyrow/event"
	"honeyrow/inspect"
)

// description is a decoded RowDescription with the layouts compiled from it,
// one per set of result formats. It is shared by all results of the session
// that have the same columns. Server's goroutine.
type description struct {
	body    []byte // a copy of the message's body; nil if made up
	columns []inspect.Column
	layouts []formatted
}

type formatted struct {
	formats []int16
	layout  inspect.Layout
}

// maxLayouts bounds the descriptions and format variants that a session keeps;
// maxLayoutBytes the memory of the descriptions, roughly: a single one of a table
// with 1600 columns takes a quarter of a megabyte.
const (
	maxLayouts     = 256
	maxLayoutBytes = 2 << 20
	columnBytes    = 128 // of an inspect.Column, and of what is compiled from it
)

var seed = maphash.MakeSeed()

// describeBody returns the description for a RowDescription's body, from the
// session's cache if the same columns were seen before.
func (f *flow) describeBody(body []byte) (*description, error) {
	if d := f.lastDesc; d != nil && bytes.Equal(d.body, body) {
		return d, nil
	}
	h := maphash.Bytes(seed, body)
	if d := f.layouts[h]; d != nil && bytes.Equal(d.body, body) {
		f.lastDesc = d
		return d, nil
	}
	cols, err := decodeColumns(body)
	if err != nil {
		return nil, err
	}
	d := &description{body: bytes.Clone(body), columns: cols}
	f.remember(h, d)
	f.lastDesc = d
	return d, nil
}

// remember puts a description into the session's cache, in the place of all
// others if there are too many.
func (f *flow) remember(key uint64, d *description) {
	size := len(d.body) + len(d.columns)*columnBytes
	if f.layouts == nil || len(f.layouts) >= maxLayouts || f.layoutBytes+size > maxLayoutBytes {
		f.layouts, f.layoutBytes = make(map[uint64]*description), 0
	}
	f.layouts[key] = d
	f.layoutBytes += size
}

// decodeColumns decodes a RowDescription.
func decodeColumns(body []byte) ([]inspect.Column, error) {
	n, rest, err := count(body, 19, "RowDescription", "columns")
	if err != nil {
		return nil, err
	}
	cols := make([]inspect.Column, 0, n)
	for range n {
		name, r, err := cstring(rest)
		if err != nil {
			return nil, err
		}
		if len(r) < 18 {
			return nil, errCount
		}
		cols = append(cols, inspect.Column{
			Name:     string(name),
			TableOID: binary.BigEndian.Uint32(r),
			Attr:     binary.BigEndian.Uint16(r[4:]),
			Type:     binary.BigEndian.Uint32(r[6:]),
			Binary:   binary.BigEndian.Uint16(r[16:]) == 1,
		})
		rest = r[18:]
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%d bytes follow the last column of a RowDescription message", len(rest))
	}
	return cols, nil
}

// layout returns the compiled layout for the given result formats; nil formats
// are those that the message itself tells.
func (f *flow) layout(d *description, formats []int16) inspect.Layout {
	for i := range d.layouts {
		if slices.Equal(d.layouts[i].formats, formats) && (formats == nil) == (d.layouts[i].formats == nil) {
			return d.layouts[i].layout
		}
	}
	cols := d.columns
	if formats != nil {
		cols = slices.Clone(cols)
		for i := range cols {
			cols[i].Binary = isBinary(formats, i)
		}
	}
	l := f.sess.Describe(cols)
	if len(d.layouts) >= maxLayouts {
		d.layouts = nil
	}
	d.layouts = append(d.layouts, formatted{slices.Clone(formats), l})
	return l
}

// isBinary reads formats as Bind has them, of parameters or results: one for all,
// or one for each.
func isBinary(formats []int16, col int) bool {
	switch {
	case len(formats) == 1:
		return formats[0] == 1
	case col < len(formats):
		return formats[col] == 1
	}
	return false
}

// unnamed is a description of n columns of which nothing but the count is
// known: COPY, or a portal whose Describe failed.
func (f *flow) unnamed(n int) *description {
	key := uint64(n)
	if d := f.layouts[key]; d != nil && d.body == nil {
		return d
	}
	d := &description{columns: make([]inspect.Column, n)}
	f.remember(key, d)
	return d
}

// rowDescription handles RowDescription: the beginning of a result of a simple
// query, or the answer to Describe.
func (f *flow) rowDescription(r *request, body []byte) (verb, error) {
	if r == nil {
		return pass, outOfPlace("RowDescription", r)
	}
	d, err := f.describeBody(body)
	if err != nil {
		return pass, err
	}
	v := pass
	switch r.kind {
	case simpleQuery:
		verdict := f.beginRows(r.exec, event.ChannelRow, f.layout(d, nil), len(d.columns))
		f.holdRows(r.exec, verdict)
		if f.blocks(verdict) {
			v = refuse
		}
	case describePrep:
		r.prep.desc.Store(d)
		f.done()
	case describePortal:
		e, hidden := r.exec, r.hidden
		e.desc = d
		if p := e.prep; p != nil && p.desc.Load() == nil {
			p.desc.Store(d)
		}
		f.done()
		if hidden {
			v = skip
		} else if f.cur != nil && f.cur.kind == execute && f.cur.exec == e {
			f.holdResult(e) // the client has asked for the rows already
		}
	default:
		return pass, outOfPlace("RowDescription", r)
	}
	return v, nil
}

// parameterDescription handles ParameterDescription: the types that the server
// chose for the parameters of a statement.
func (f *flow) parameterDescription(r *request, body []byte) error {
	if r == nil || r.kind != describePrep {
		return outOfPlace("ParameterDescription", r)
	}
	n, rest, err := count(body, 4, "ParameterDescription", "types")
	if err != nil {
		return err
	}
	types := make([]uint32, n)
	for i := range types {
		types[i] = binary.BigEndian.Uint32(rest[4*i:])
	}
	f.mu.Lock()
	r.prep.types = types
	f.mu.Unlock()
	return nil
}
