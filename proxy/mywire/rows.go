package mywire

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/inspect"
)

// watch is what is looked for in the rows of a result.
type watch struct {
	rows     inspect.Rows // nil: nothing
	desc     *description
	binary   bool
	gate     uint64 // rows.Gate()
	wanted   []bool // rows.Wants(col)
	wantsAny bool
	// numbers are the columns of fixed values that the gate can ask for;
	// numbered: there are some.
	numbers  []bool
	numbered bool
	// exponents: rows in hand have numbers with an exponent, perhaps.
	exponents bool
}

// beginRows starts watching a result, and reports whether it is refused.
func (f *flow) beginRows(r *request, d *description) (refused bool) {
	w := &f.w
	w.rows, w.desc, w.binary = nil, d, r.cmd == mysql.COM_STMT_EXECUTE || r.cmd == comStmtBulkExecute
	if r.exec == nil || r.exec.run == nil {
		return false
	}
	f.reckon(r.exec)
	rows, v := r.exec.run.Columns(event.ChannelRow, d.layout)
	if r.exec.watched = rows != nil; rows == nil {
		return f.blocks(v)
	}
	w.rows, w.gate, w.wantsAny, w.wanted = rows, rows.Gate(), false, w.wanted[:0]
	for i := range d.fields {
		yes := rows.Wants(i)
		w.wanted = append(w.wanted, yes)
		w.wantsAny = w.wantsAny || yes
	}
	w.numbers, w.numbered = w.numbers[:0], false
	if w.binary {
		for _, lengths := range d.lengths {
			yes := lengths&w.gate != 0
			w.numbers = append(w.numbers, yes)
			w.numbered = w.numbered || yes
		}
	}
	return f.blocks(v)
}

// set makes w a copy of o: other results are watched while a cursor is open.
func (w *watch) set(o *watch) {
	wanted, numbers := append(w.wanted[:0], o.wanted...), append(w.numbers[:0], o.numbers...)
	*w = *o
	w.wanted, w.numbers = wanted, numbers
}

// ends reports whether a packet of the given size and first byte ends rows.
func (f *flow) ends(first byte, size int) bool {
	if first != mysql.EOF_HEADER {
		return false
	}
	if f.caps.has(capDeprecateEOF) {
		return size < maxPacket
	}
	return size < 9
}

// rowPackets takes the packets at the start of rest in the phase of rows.
func (f *flow) rowPackets(r *request, rest []byte, size int) (taken, error) {
	if size == 0 {
		return taken{}, errors.New("an empty packet in the place of a row")
	}
	if len(rest) < header+1 {
		return taken{need: header + 1}, nil
	}
	if f.doubt.state != doubtNone {
		t, done, again, err := f.dispelled(r, rest, size)
		switch {
		case again:
			return f.serverBytes(rest)
		case done || err != nil:
			return t, err
		}
		if f.doubt.state == doubtRow { // what is behind it may answer another command
			rest = rest[:header+size]
		}
	}
	first := rest[header]
	if isErr := first == mysql.ERR_HEADER; isErr || f.ends(first, size) {
		t, ok, err := whole(rest, size)
		if !ok {
			return t, err
		}
		if isErr {
			return f.errorPacket(r, rest, rest[header:header+size])
		}
		return f.endOfRows(r, rest, rest[header:header+size])
	}
	if r.kind == fetch && r.exec == nil && !f.swallow { // of a cursor whose result was refused
		return f.verdict(true, 0, rest[3]), nil
	}
	if f.w.rows != nil && !f.swallow && f.doubt.state == doubtNone { // of a cursor: its definitions have left before
		f.holdResult(r.exec, rest[3])
	}
	if header+size > rowLimit {
		return f.startRow(r, rest, size)
	}
	if header+size > len(rest) {
		return taken{need: header + size}, nil
	}
	end, n := f.wholeRows(rest)
	if end == 0 {
		return taken{}, fmt.Errorf("a packet that begins with 0x%02x in the place of a row", first)
	}
	if f.swallow {
		return taken{skip: end}, nil
	}
	return f.watchRows(r.exec, rest[:end], n)
}

// wholeRows returns the length and number of the whole row packets at the
// start of b.
func (f *flow) wholeRows(b []byte) (end, n int) {
	binary := f.w.binary
	for len(b)-end > header {
		size := packetSize(b[end:])
		first := b[end+header]
		if size == 0 || header+size > rowLimit || header+size > len(b)-end || first >= mysql.EOF_HEADER || binary && first != 0 {
			break
		}
		end += header + size
		n++
	}
	return end, n
}

// watchRows inspects the n whole rows of region: one scan over all of them, and
// a walk of their fields only as far as the watch asks for it.
func (f *flow) watchRows(e *execution, region []byte, n int) (taken, error) {
	w := &f.w
	if w.rows == nil {
		e.rows += uint64(n)
		f.sentRows(n)
		return taken{pass: len(region)}, nil
	}
	gate, surveyed := w.gate, false
	if w.rows.Suspect(region) {
		gate = ^uint64(0)
	} else if w.binary && (w.desc.long > 0 || w.numbered) {
		suspect, ok := f.survey(region, n)
		if !ok {
			return taken{}, errRow
		}
		if surveyed = true; suspect {
			gate = ^uint64(0)
		}
	}
	// Most rows have no field that is asked for: a glance tells.
	w.exponents = w.desc.scientific && bytes.Contains(region, exponent)
	glance := gate == w.gate && !w.wantsAny && !w.desc.wide && !w.exponents
	if glance && gate == 0 && !(surveyed && w.desc.scientific) {
		e.rows += uint64(n)
		f.sentRows(n)
		return taken{pass: len(region)}, nil
	}
	off := 0
	for i := range n {
		p := region[off+header : off+header+packetSize(region[off:])]
		e.rows++
		if glance {
			asked, ok := surveyed && f.asked[i/64]>>(i%64)&1 != 0, true
			if !surveyed {
				asked, ok = w.asks(p)
			}
			if !ok {
				return taken{}, errRow
			}
			if !asked {
				off += header + len(p)
				continue
			}
		}
		refused, err := f.row(e.rows, p, gate)
		if err != nil {
			return taken{}, err
		}
		if refused {
			e.rows-- // it does not reach the client
			t := f.verdict(true, header+len(p), region[off+3])
			t.pass = off
			return t, nil
		}
		off += header + len(p)
	}
	f.sentRows(n)
	return taken{pass: off}, nil
}

var errRow = errors.New("the fields of a row do not add up to its packet")

// row cuts one row into the fields that the watch asks for, shows them, and
// reports whether the row is refused.
func (f *flow) row(nth uint64, p []byte, gate uint64) (bool, error) {
	w := &f.w
	f.spans, f.converted, f.behind = f.spans[:0], f.converted[:0], false
	var ok bool
	switch {
	case w.binary:
		ok = f.cutBinary(p, gate)
	case w.desc.wide, w.exponents: // no long value of it has been seen yet
		ok = f.cutWide(p, gate)
	default:
		f.spans, ok = cutText(f.spans, p, gate, w.wanted, len(w.desc.fields))
	}
	if !ok {
		return false, errRow
	}
	if len(f.spans) == 0 {
		return false, nil
	}
	if f.behind { // some values stand behind the row, as text
		f.joined = append(append(f.joined[:0], p...), f.converted...)
		for i := range f.spans {
			if s := &f.spans[i]; s.Off < 0 {
				s.Off = int32(len(p)) - 1 - s.Off
			}
		}
		p = f.joined
	}
	return f.blocks(w.rows.Row(nth, p, f.spans)), nil
}

// cutText walks a row of the text protocol: a length-encoded string per column.
// It appends the fields that gate or wanted select.
func cutText(spans []inspect.Span, b []byte, gate uint64, wanted []bool, cols int) ([]inspect.Span, bool) {
	off := 0
	for col := range cols {
		if off >= len(b) {
			return spans, false
		}
		size := int(b[off])
		switch {
		case size < 0xfb:
			off++
		case size == 0xfb: // NULL
			off++
			continue
		default:
			n, _, rest, err := lenenc(b[off:])
			if err != nil || n > uint64(len(rest)) {
				return spans, false
			}
			size, off = int(n), len(b)-len(rest)
		}
		if size > len(b)-off {
			return spans, false
		}
		if gate>>min(uint(size), 63)&1 != 0 || wanted[col] {
			spans = append(spans, inspect.Span{Col: int32(col), Off: int32(off), Len: int32(size)})
		}
		off += size
	}
	return spans, off == len(b)
}

// cutWide is cutText for a result with texts in UTF-16 or UTF-32.
func (f *flow) cutWide(p []byte, gate uint64) bool {
	b := p
	for col := range f.w.desc.fields {
		n, null, rest, err := lenenc(b)
		if err != nil || n > uint64(len(rest)) {
			return false
		}
		b = rest[n:]
		if !null {
			f.text1(col, len(p)-len(rest), rest[:n], gate)
		}
	}
	return len(b) == 0
}

// cutBinary walks a row of the binary protocol: a NULL bitmap, then values by
// their columns' types.
func (f *flow) cutBinary(p []byte, gate uint64) bool {
	d := f.w.desc
	nulls := (len(d.fields) + 9) / 8
	if len(p) < 1+nulls {
		return false
	}
	null := anyBit(p[1 : 1+nulls])
	all := gate != f.w.gate // else the plan of numbers holds
	off := 1 + nulls
	for col, size := range d.sizes {
		if null && p[1+(col+2)/8]>>((col+2)%8)&1 == 1 {
			continue
		}
		from := off
		if size >= 0 {
			off += int(size)
		} else {
			if off >= len(p) {
				return false
			}
			n := uint(p[off])
			off++
			if size == sizeLenenc && n >= 0xfb {
				if n, off = longLength(p, off-1); off > len(p) {
					return false
				}
			}
			from = off
			off += int(n)
		}
		if off > len(p) {
			return false
		}
		switch {
		case size == sizeLenenc && d.wide:
			f.text1(col, from, p[from:off], gate)
		case size == sizeLenenc:
			if f.selects(col, off-from, gate) {
				f.spans = append(f.spans, inspect.Span{Col: int32(col), Off: int32(from), Len: int32(off - from)})
			}
		case all || f.w.numbers[col] || f.w.wanted[col] || d.scientific && d.fields[col].scientific():
			f.fixed(col, &d.fields[col], p[from:off], gate)
		}
	}
	return off == len(p)
}

// selects reports whether the watch asks for a field of n bytes.
func (f *flow) selects(col, n int, gate uint64) bool {
	return gate>>min(uint(n), 63)&1 != 0 || f.w.wanted[col]
}

// text1 adds a text field that stands at off in its row; a wide one is converted.
func (f *flow) text1(col, off int, raw []byte, gate uint64) {
	c := &f.w.desc.fields[col]
	of := c.encodingOf(raw)
	if of == narrow || c.guess {
		if f.selects(col, len(raw), gate) {
			f.spans = append(f.spans, inspect.Span{Col: int32(col), Off: int32(off), Len: int32(len(raw))})
		}
	}
	at := len(f.converted)
	switch {
	case of != narrow:
		f.converted = appendUTF8(f.converted, raw, of)
		f.keep(col, at, gate)
	case c.scientific():
		if f.converted = appendInteger(f.converted, raw); len(f.converted) > at {
			f.keep(col, at, gate)
		}
	}
}

// fixed adds a number or a date, as text.
func (f *flow) fixed(col int, c *field, raw []byte, gate uint64) {
	if c.integer() > 0 { // numbers are many: most need not become text
		if !f.selects(col, c.textLen(raw), gate) {
			return
		}
	}
	at := len(f.converted)
	f.converted = c.appendText(f.converted, raw)
	n := len(f.converted) - at
	if f.selects(col, n, gate) {
		f.behindRow(col, at, n)
	} else {
		f.converted = f.converted[:at]
	}
	if c.scientific() {
		text, from := f.converted[at:at+n:at+n], len(f.converted)
		if f.converted = appendInteger(f.converted, text); len(f.converted) > from {
			f.keep(col, from, gate)
		}
	}
}

// exponent is what the text of a number of 16 digits and more has.
var exponent = []byte("e1")

// keep makes a field of a wide text that was converted from at on, unless
// nobody asks for it. Nobody has looked for long values in it yet.
func (f *flow) keep(col, at int, gate uint64) {
	n := len(f.converted) - at
	if !f.selects(col, n, gate) && (n < inspect.MinPart || !f.w.rows.Suspect(f.converted[at:])) {
		f.converted = f.converted[:at]
		return
	}
	f.behindRow(col, at, n)
}

// behindRow adds a field that stands in f.converted.
func (f *flow) behindRow(col, at, n int) {
	f.behind = true
	f.spans = append(f.spans, inspect.Span{Col: int32(col), Off: int32(-1 - at), Len: int32(n)})
}

// startRow takes the beginning of a row that is too large to hold.
func (f *flow) startRow(r *request, rest []byte, size int) (taken, error) {
	if n := min(header+size, firstPiece); len(rest) < n {
		return taken{need: n}, nil
	}
	n := min(header+size, len(rest))
	f.down = download{left: header + size - n, more: size == maxPacket, ch: event.ChannelRow, drop: f.swallow}
	if f.swallow {
		return taken{skip: n}, nil
	}
	r.exec.rows++
	f.down.exec = r.exec
	if f.w.rows == nil {
		f.down.exec = nil
	} else {
		if f.stream == nil {
			f.stream = new(rowStream)
		}
		f.stream.begin(&f.w)
		f.down.conv = f.stream
	}
	t := f.downPiece(rest[header:n], n)
	if t.do != 0 { // nothing of it has left yet
		if t.do&doCut != 0 {
			r.exec.rows--
			t = f.replace(f.replacement(), n, rest[3])
		}
		f.down.drop = true
		return t, nil
	}
	f.sent(rest[3] + 1)
	return t, nil
}

// endOfRows takes the packet that ends a result's rows.
func (f *flow) endOfRows(r *request, rest, p []byte) (taken, error) {
	ok, err := eofStatus(p, f.caps)
	if err != nil {
		return taken{}, fmt.Errorf("the packet that ends a result: %w", err)
	}
	if f.outs == mysql.SERVER_PS_OUT_PARAMS|mysql.SERVER_MORE_RESULTS_EXISTS {
		// MySQL says in the EOF packet before the values of a procedure's OUT
		// parameters that the call's OK follows them, and not in the one behind.
		ok.status |= mysql.SERVER_MORE_RESULTS_EXISTS
	}
	t := f.ending(f.okay(r, &ok), header+len(p), rest[3])
	switch {
	case r.kind == fetch:
		if c := r.prep.cursor; c != nil && f.swallow {
			f.endRun(c.exec, codeRefused)
		}
		if prep := r.prep; ok.status&mysql.SERVER_STATUS_LAST_ROW_SEND != 0 || f.swallow {
			f.closeCursor(prep)
		}
		f.done()
	case r.opens(ok.status):
		f.openCursor(r)
	case ok.status&mysql.SERVER_MORE_RESULTS_EXISTS != 0:
		f.rowPhase, f.w.rows = false, nil
	default:
		f.finish(r, codeOK)
	}
	return t, nil
}
