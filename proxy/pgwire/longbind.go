package pgwire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"honeyrow/event"
	"honeyrow/inspect"
)

// shortParam is the length in bytes up to which a parameter of a Bind that is
// too long to hold is kept for the run: anything that can be a whole value. Of
// longer ones a note of their length is kept, and their bytes are shown as they
// pass.
const shortParam = 4 << 10

// longBind reads a Bind message (protocol documentation, chapter "Message
// Formats") that is too long to hold, in pieces: its short parameters and,
// behind them all, the formats of its results, without which binary results
// could not be read. What it keeps is bounded by the message's number of
// parameters (65,535) and by room.
type longBind struct {
	portal string
	prep   *prepared
	exec   *execution

	part   bindPart
	number [4]byte // in hand
	have   int     // how many of its bytes have come
	left   int     // numbers or parameters of the part that are still to come
	size   int     // bytes of the parameter in hand that are still to come
	kept   bool    // it is a short one
	room   int     // bytes that may still be kept

	formats []int16 // of the parameters
	buf     []byte
	params  []inspect.Param // their places in buf
	results []int16
}

// bindPart is what a Bind message holds next.
type bindPart uint8

const (
	formatCount bindPart = iota
	formatCodes
	paramCount
	paramLength
	paramValue
	resultCount
	resultCodes
	bindEnd
)

// width of the part's numbers in bytes.
func (p bindPart) width() int {
	if p == paramLength {
		return 4
	}
	return 2
}

// take reads the next piece of the message; rest is how many bytes follow it.
// show is given the bytes of long parameters, in order; it may stop the reading
// by returning false.
func (b *longBind) take(p []byte, rest int, show func(value []byte) bool) error {
	for len(p) > 0 {
		if b.part == bindEnd {
			return fmt.Errorf("a Bind message has %d bytes behind its result formats", len(p)+rest)
		}
		if b.part == paramValue {
			n := min(b.size, len(p))
			if b.kept {
				b.buf = append(b.buf, p[:n]...)
			} else if !show(p[:n]) {
				return nil
			}
			b.size -= n
			p = p[n:]
			if b.size == 0 {
				b.nextParam()
			}
			continue
		}
		w := b.part.width()
		n := copy(b.number[b.have:w], p)
		b.have += n
		p = p[n:]
		if b.have < w {
			break
		}
		b.have = 0
		if err := b.read(len(p) + rest); err != nil {
			return err
		}
	}
	if rest == 0 && b.part != bindEnd {
		return errors.New("a Bind message ends before its result formats")
	}
	return nil
}

// read takes the number that has come; rest is how many bytes follow it.
func (b *longBind) read(rest int) error {
	n := int(binary.BigEndian.Uint16(b.number[:]))
	switch b.part {
	case formatCount:
		b.begin(formatCodes, n)
	case formatCodes:
		b.formats = append(b.formats, int16(n))
		b.begin(formatCodes, b.left-1)
	case paramCount:
		b.begin(paramLength, n)
	case paramLength:
		return b.length(int(int32(binary.BigEndian.Uint32(b.number[:]))), rest)
	case resultCount:
		b.begin(resultCodes, n)
	case resultCodes:
		b.results = append(b.results, int16(n))
		b.begin(resultCodes, b.left-1)
	}
	return nil
}

// begin goes to a part of n numbers, or past it if there are none.
func (b *longBind) begin(p bindPart, n int) {
	b.part, b.left = p, n
	if n == 0 {
		b.part++
		if p == paramLength {
			b.part = resultCount
		}
	}
}

// length begins a parameter of n bytes; -1 is NULL.
func (b *longBind) length(n, rest int) error {
	if n > rest || n < -1 {
		return fmt.Errorf("a Bind message announces a parameter of %d bytes and has %d", n, rest)
	}
	p := inspect.Param{Off: int32(len(b.buf)), Len: int32(n), Binary: isBinary(b.formats, len(b.params))}
	b.size = max(n, 0)
	b.kept = b.size <= min(shortParam, b.room)
	if b.kept {
		b.room -= b.size
	} else {
		b.buf = fmt.Appendf(b.buf, "(%d bytes)", n)
		p.Len, p.Binary = int32(len(b.buf))-p.Off, false
	}
	b.params = append(b.params, p)
	b.part = paramValue
	if b.size == 0 {
		b.nextParam()
	}
	return nil
}

func (b *longBind) nextParam() { b.begin(paramLength, b.left-1) }

// longBound begins a Bind that is too long to hold: body is its beginning,
// total its whole length. The server answers when it has all of it: the names
// are bound with its last piece.
func (f *flow) longBound(body []byte, total int) (event.Verdict, error) {
	portal, rest, err := cstring(body)
	if err != nil {
		return event.Verdict{}, err
	}
	name, rest, err := cstring(rest)
	if err != nil {
		return event.Verdict{}, err
	}
	p, e := f.bound(name)
	f.binding = &longBind{portal: string(portal), prep: p, exec: e, room: f.limit}
	return f.bindPiece(rest, total-len(body))
}

// bindPiece takes a piece of the Bind in hand; left is how many bytes follow.
func (f *flow) bindPiece(p []byte, left int) (event.Verdict, error) {
	b := f.binding
	var v event.Verdict
	err := b.take(p, left, func(value []byte) bool {
		v = b.prep.stmt.Bind(value, false)
		return !v.Blocks()
	})
	if err != nil || v.Blocks() {
		f.binding = nil
		return v, err
	}
	if left > 0 {
		return v, nil
	}
	f.binding = nil
	if v := b.prep.stmt.Bind(nil, true); v.Blocks() {
		return v, nil
	}
	e := b.exec
	for i := range min(len(b.params), len(e.types)) {
		b.params[i].Type = e.types[i]
	}
	e.formats = append(e.formats, b.results...)
	run, v := b.prep.stmt.Run(b.buf, b.params)
	e.run = run
	if !v.Blocks() {
		f.bindPortal(b.portal, e)
	}
	return v, nil
}
