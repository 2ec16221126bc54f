package engine

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"honeyrow/inspect"
)

// Bounds of the parameters kept for a detection.
const (
	maxParameters   = 64
	maxParameterLen = 1024
)

// bound keeps a run's parameters while it lasts, if the operator asked for them.
type bound struct {
	buf    []byte
	params []inspect.Param
}

func (b *bound) reset() {
	if cap(b.buf) > keepText {
		b.buf = nil
	}
	b.buf, b.params = b.buf[:0], b.params[:0]
}

// keepParams copies the parameters: the caller's buffer will be reused.
func (r *run) keepParams(buf []byte, params []inspect.Param) {
	for _, p := range params[:min(len(params), maxParameters)] {
		if p.Len > 0 {
			n := min(p.Len, maxParameterLen)
			at := int32(len(r.bound.buf))
			r.bound.buf = append(r.bound.buf, buf[p.Off:p.Off+n]...)
			p.Off = at
			if n < p.Len {
				p.Binary = p.Binary && p.Len > 8 // a cut number is shown as bytes
			}
			p.Len = n
		}
		r.bound.params = append(r.bound.params, p)
	}
}

// parameters puts kept parameters into the detection as text.
func (c *record) parameters(b bound) {
	for _, p := range b.params {
		c.det.Statement.Parameters = append(c.det.Statement.Parameters, parameterText(b.buf, p))
	}
}

// PostgreSQL's integer types.
const (
	int8OID = 20
	int2OID = 21
	int4OID = 23
)

func parameterText(buf []byte, p inspect.Param) string {
	switch {
	case p.Len < 0:
		return "NULL"
	case p.Len == 0:
		return ""
	}
	v := buf[p.Off : p.Off+p.Len]
	if !p.Binary {
		return clean(string(v))
	}
	switch {
	case p.Type == int8OID && len(v) == 8:
		return strconv.FormatInt(int64(binary.BigEndian.Uint64(v)), 10)
	case p.Type == int4OID && len(v) == 4:
		return strconv.FormatInt(int64(int32(binary.BigEndian.Uint32(v))), 10)
	case p.Type == int2OID && len(v) == 2:
		return strconv.FormatInt(int64(int16(binary.BigEndian.Uint16(v))), 10)
	case isTextType(p.Type):
		return clean(string(v))
	}
	return `\x` + hex.EncodeToString(v)
}

// isTextType names the types whose binary format is their text: text, varchar,
// bpchar, name, json, xml, unknown.
func isTextType(t uint32) bool {
	switch t {
	case 25, 1043, 1042, 19, 114, 142, 705:
		return true
	}
	return false
}

// parameterName numbers a statement's parameters from 1, with the sign that
// stands for them in the statement: $1, in MySQL ?1.
func (r *run) parameterName(i int) string { return r.s.parameterName(i) }

func (s *session) parameterName(i int) string {
	sign := "$"
	if s.mysql {
		sign = "?"
	}
	return sign + strconv.Itoa(i+1)
}
