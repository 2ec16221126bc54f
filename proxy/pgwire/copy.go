package pgwire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"honeyrow/event"
	"honeyrow/inspect"
)

// copyOut follows COPY TO STDOUT. Its rows carry no description: in text and
// csv a row is a line of delimited fields, in binary a counted tuple (manual
// page of COPY, "File Formats"). Servers send whole rows in each message, but
// the protocol does not promise it, so that a row may also be put together
// from several.
type copyOut struct {
	active, binary bool
	// raw streams are not rows: base backups and replication.
	raw     bool
	channel event.Channel
	cols    int
	delim   byte         // of text; 0: not known yet
	formats []copyReader // that the statement asked for; one of them, usually the only one
	odd     bool         // values may stand in another form than usual
	plain   []byte       // scratch for those
	begun   bool         // the first bytes have been seen
	header  bool         // the first line names the columns
	before  uint64       // rows of the run's results before this one
	over    bool         // its end has come, its command tag has not
	skip    int          // bytes of the binary header that are still to come
	carry   []byte
}

// copyBegins handles CopyInResponse, CopyOutResponse and CopyBothResponse.
func (f *flow) copyBegins(typ byte, r *request, body []byte) (verb, error) {
	if len(body) < 3 {
		return pass, errCount
	}
	if r == nil || r.kind != simpleQuery && r.kind != execute {
		return pass, outOfPlace("Copy response", r)
	}
	if typ == 'G' {
		f.copyInBegins()
		return pass, nil
	}
	n := int(binary.BigEndian.Uint16(body[1:]))
	f.copying = copyOut{active: true, binary: body[0] == 1, cols: n, channel: event.ChannelCopy, carry: f.copying.carry[:0]}
	if r.exec != nil {
		f.copying.before = r.exec.rows
	}
	if typ == 'W' || n == 0 {
		f.copying.raw, f.copying.channel = true, event.ChannelReplication
		return pass, nil
	}
	var formats []int16
	if f.copying.binary {
		formats = []int16{1}
	} else {
		f.copying.follow(r.exec)
	}
	v := f.beginRows(r.exec, event.ChannelCopy, f.layout(f.unnamed(n), formats), n)
	f.holdRows(r.exec, v)
	if f.blocks(v) {
		return refuse, nil
	}
	return pass, nil
}

// follow takes over what the statement says of its format.
func (c *copyOut) follow(e *execution) {
	if e == nil {
		return
	}
	asked := e.copies
	if e.prep != nil {
		asked = e.prep.copies
	}
	if len(asked) == 1 {
		c.delim, c.header = asked[0].delim, asked[0].header
	}
	for _, k := range asked {
		c.odd = c.odd || k.odd()
		c.formats = append(c.formats, copyReader{copyFormat: k})
	}
}

// copyInBegins notes that the server reads COPY data: every Sync up to the
// client's CopyDone or CopyFail goes unanswered.
func (f *flow) copyInBegins() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.copyIn = true
	q := &f.queue
	for q.len() > 1 {
		r := q.buf[q.head+1]
		if r.kind != syncPoint && r.kind != copyEnd {
			return
		}
		copy(q.buf[q.head+1:], q.buf[q.head+2:])
		q.buf[len(q.buf)-1] = nil
		q.buf = q.buf[:len(q.buf)-1]
		if r.kind == copyEnd { // the client did not wait to be asked
			f.copyIn = false
			return
		}
	}
}

// copyFrames takes the run of whole CopyData frames at the start of rest.
func (f *flow) copyFrames(rest []byte) (taken, error) {
	end, n := 0, 0
	for len(rest)-end >= header && rest[end] == 'd' {
		size, err := frameLength(rest[end:])
		if err != nil {
			return taken{}, err
		}
		if size > len(rest)-end {
			break
		}
		end += size
		n++
	}
	r := f.head()
	c := &f.copying
	if f.swallow {
		return taken{skip: end}, nil
	}
	if !c.active || r == nil || r.exec == nil || r.exec.run == nil {
		return taken{}, outOfPlace("CopyData", r)
	}
	e := r.exec
	region := rest[:end]
	if !c.raw && (f.rows == nil || len(c.carry) == 0 && c.begun && c.skip == 0 && !c.odd &&
		f.gate == 0 && !f.wantsAny && c.wholeRows(region) && !f.rows.Suspect(region)) {
		e.rows += uint64(n)
		return taken{pass: end}, nil
	}
	gate := f.gate
	if !c.raw && f.rows.Suspect(region) {
		gate = ^uint64(0)
	}
	off := 0
	for range n {
		size := frameSize(region[off:])
		before := e.rows
		if f.blocks(f.copyData(e, region[off+header:off+size], gate)) {
			e.rows = before
			if f.head().kind == simpleQuery && c.raw { // a stream without an end to wait for
				return taken{pass: off, cut: true}, nil
			}
			f.beginRefusal(rest[off+size:])
			return taken{pass: off, skip: size, refuse: true}, nil
		}
		off += size
	}
	return taken{pass: end}, nil
}

// wholeRows reports whether every CopyData frame of region holds whole rows, so
// that no value can be split over two of them.
func (c *copyOut) wholeRows(region []byte) bool {
	for off := 0; off < len(region); {
		size := frameSize(region[off:])
		body := region[off+header : off+size]
		if c.binary {
			if _, used := cut(nil, body, 0, nil); used != len(body) && !isTrailer(body) {
				return false
			}
		} else if len(body) == 0 || body[len(body)-1] != '\n' {
			return false
		}
		off += size
	}
	return true
}

// copyData inspects the payload of one CopyData message.
func (f *flow) copyData(e *execution, p []byte, gate uint64) event.Verdict {
	c := &f.copying
	if c.raw {
		e.rows++
		return e.run.Stream(c.channel, e.rows, p, false)
	}
	if len(c.carry) > 0 || c.skip > 0 || c.odd {
		gate = ^uint64(0) // put together here: Suspect has not seen it whole
	}
	if len(c.carry) > 0 {
		if len(c.carry)+len(p) > rowLimit {
			return f.copyTooLong(e, p)
		}
		c.carry = append(c.carry, p...)
		p = c.carry
	}
	var v event.Verdict
	var used int
	if c.binary {
		used, v = f.copyTuples(e, p, gate)
	} else {
		used, v = f.copyLines(e, p, gate)
	}
	c.carry = append(c.carry[:0], p[used:]...)
	return v
}

// copyTooLong streams a row that grows beyond what is held.
func (f *flow) copyTooLong(e *execution, p []byte) event.Verdict {
	c := &f.copying
	defer func() { c.carry = c.carry[:0] }()
	if v := f.copyPiece(e, e.rows+1, c.carry, false); v.Blocks() {
		return v
	}
	return f.copyPiece(e, e.rows+1, p, false)
}

// copyPiece streams a piece of a row, in the form in which its values were
// before COPY wrote them. With several formats asked for in one text, each of
// them is tried.
func (f *flow) copyPiece(e *execution, nth uint64, p []byte, last bool) event.Verdict {
	c := &f.copying
	if !c.odd || c.binary || c.raw {
		return e.run.Stream(c.channel, nth, p, last)
	}
	var v event.Verdict
	for i := range c.formats {
		k := &c.formats[i]
		c.plain = k.piece(c.plain[:0], p)
		if last {
			*k = copyReader{copyFormat: k.copyFormat}
		}
		if v = e.run.Stream(c.channel, nth, c.plain, last); v.Blocks() {
			break
		}
	}
	return v
}

// finish ends the COPY. A replication stream goes on all the same: a walsender that is
// in the middle of a transaction answers CopyDone at once and sends what is
// left of it behind (WalSndWriteData; libpq passes over it).
func (c *copyOut) finish(f *flow) {
	if r := f.head(); c.active && r != nil && r.exec != nil && r.exec.run != nil && c.raw {
		r.exec.run.Stream(c.channel, r.exec.rows, nil, true)
	}
	c.active, c.over = c.raw, !c.raw && !f.swallow
	if cap(c.carry) > 4096 {
		c.carry = nil
	}
	c.plain, c.formats = nil, nil
	f.endRows()
}

// counted takes the number of rows from the command tag of a COPY that has just
// ended ("COPY 42"): a line may be a heading, or a part of a row.
func (c *copyOut) counted(e *execution, tag string) {
	if !c.over {
		return
	}
	c.over = false
	if n, ok := strings.CutPrefix(tag, "COPY "); ok && e != nil {
		if rows, err := strconv.ParseUint(n, 10, 64); err == nil {
			e.rows = c.before + rows
		}
	}
}

// copyLines shows the whole lines of p and returns how many bytes they are.
func (f *flow) copyLines(e *execution, p []byte, gate uint64) (int, event.Verdict) {
	c := &f.copying
	used := 0
	for {
		i := bytes.IndexByte(p[used:], '\n')
		if i < 0 {
			return used, event.Verdict{}
		}
		line := p[used : used+i]
		used += i + 1
		nth := e.rows + 1
		if c.begun || !c.header {
			e.rows = nth
		}
		if c.delim == 0 {
			c.delim = guessDelimiter(line, c.cols)
		}
		var v event.Verdict
		if c.odd && !c.usual(line) {
			v = f.oddLine(nth, line)
		} else {
			v = f.copyLine(nth, line, gate)
		}
		if v.Blocks() {
			return used, v
		}
		c.begun = true
	}
}

// usual reports whether a line of an odd format holds its values as they are.
func (c *copyOut) usual(line []byte) bool {
	for i := range c.formats {
		if c.formats[i].csv || bytes.IndexByte(line, '\\') >= 0 {
			return false
		}
	}
	return true
}

// oddLine shows a line's values as they were before COPY wrote them.
func (f *flow) oddLine(nth uint64, line []byte) event.Verdict {
	c := &f.copying
	var v event.Verdict
	for i := range c.formats {
		c.plain, f.spans = c.formats[i].fields(c.plain[:0], f.spans[:0], line)
		if v = f.rows.Row(nth, c.plain, f.spans); v.Blocks() {
			break
		}
	}
	return v
}

// guessDelimiter finds the character that cuts the first line into the right
// number of fields: the protocol tells that number, but not the delimiter.
func guessDelimiter(line []byte, cols int) byte {
	for _, d := range []byte("\t,;|:^~ ") {
		if bytes.Count(line, []byte{d}) == cols-1 {
			return d
		}
	}
	if bytes.IndexByte(line, '\t') < 0 && bytes.IndexByte(line, ',') >= 0 {
		return ',' // csv with a delimiter inside quotes
	}
	return '\t'
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// copyLine cuts one line into fields and shows those that the gate selects.
// Eight bytes are searched for the delimiter at a time.
func (f *flow) copyLine(nth uint64, line []byte, gate uint64) event.Verdict {
	spans := f.spans[:0]
	delim := f.copying.delim
	mask := uint64(delim) * ones
	start, col := 0, int32(0)
	quoted := delim != '\t' && bytes.IndexByte(line, '"') >= 0
	add := func(end int) {
		from, to := start, end
		if quoted && to-from >= 2 && line[from] == '"' && line[to-1] == '"' {
			from, to = from+1, to-1
		}
		if n := to - from; gate>>min(uint(n), 63)&1 != 0 || int(col) < len(f.wanted) && f.wanted[col] {
			spans = append(spans, inspect.Span{Col: col, Off: int32(from), Len: int32(n)})
		}
		start = end + 1
		col++
	}
	i := 0
	if quoted {
		inside := false
		for ; i < len(line); i++ {
			switch {
			case line[i] == '"':
				inside = !inside
			case line[i] == delim && !inside:
				add(i)
			}
		}
	}
	for ; i+8 <= len(line); i += 8 {
		w := binary.LittleEndian.Uint64(line[i:]) ^ mask
		for m := (w - ones) &^ w & highs; m != 0; m &= m - 1 {
			k := i + bits.TrailingZeros64(m)/8
			if line[k] == delim { // the trick may mark a byte behind a true one
				add(k)
			}
		}
	}
	for ; i < len(line); i++ {
		if line[i] == delim {
			add(i)
		}
	}
	add(len(line))
	f.spans = spans
	if len(spans) == 0 {
		return event.Verdict{}
	}
	return f.rows.Row(nth, line, spans)
}

// copySignature opens binary COPY data; a flags word and a counted header
// extension follow.
const copySignature = "PGCOPY\n\xff\r\n\x00"

// copyTuples shows the whole tuples of p and returns how many bytes they are.
func (f *flow) copyTuples(e *execution, p []byte, gate uint64) (int, event.Verdict) {
	c := &f.copying
	used := 0
	if !c.begun {
		const fixed = len(copySignature) + 8
		if len(p) < fixed {
			return 0, event.Verdict{}
		}
		if string(p[:len(copySignature)]) != copySignature {
			c.raw = true // not the format that it claims to be: look at all of it
			return len(p), e.run.Stream(c.channel, e.rows, p, false)
		}
		c.begun = true
		used = fixed
		c.skip = int(binary.BigEndian.Uint32(p[fixed-4:]) & 0x7fffffff)
	}
	n := min(c.skip, len(p)-used)
	c.skip -= n
	used += n
	for used < len(p) {
		if isTrailer(p[used:]) {
			return len(p), event.Verdict{}
		}
		spans, n := cut(f.spans[:0], p[used:], gate, f.wanted)
		f.spans = spans
		if n < 0 {
			return used, event.Verdict{}
		}
		e.rows++
		if len(f.spans) > 0 {
			if v := f.rows.Row(e.rows, p[used:used+n], f.spans); v.Blocks() {
				return used + n, v
			}
		}
		used += n
	}
	return used, event.Verdict{}
}

func isTrailer(p []byte) bool { return len(p) == 2 && p[0] == 0xff && p[1] == 0xff }

// startStream takes the beginning of a frame that is too large to hold: a row
// or COPY data are inspected piece by piece, any other message is not allowed
// to be that large but for errors, notices and function results.
func (f *flow) startStream(rest []byte, size int) (taken, error) {
	r := f.head()
	s := stream{left: size - len(rest), kind: rest[0]}
	switch rest[0] {
	case 'D':
		if r == nil || r.kind != simpleQuery && r.kind != execute {
			return taken{}, outOfPlace("DataRow", r)
		}
		if !f.rowsLive && r.kind == execute && !f.swallow {
			if _, err := f.portalRows(r, rest[header:]); err != nil {
				return taken{}, err
			}
		}
		if !f.swallow {
			r.exec.rows++
		}
		s.exec = r.exec
	case 'd', 'V':
		if r != nil {
			s.exec = r.exec
		}
		f.copying.carry = f.copying.carry[:0]
	case 'E', 'N', 'A':
		return f.startText(rest, size)
	case 'T', 't', 'S':
		if size <= controlLimit {
			return taken{need: size}, nil // the pump's buffer grows
		}
		fallthrough
	default:
		return taken{}, fmt.Errorf("message %q announces %d bytes, more than its type can need", rest[0], size)
	}
	f.toClient = s
	if !f.swallow && (rest[0] != 'd' || !f.copying.raw) {
		f.holdResult(s.exec)
	}
	v, dropping := f.streamPiece(rest[header:])
	switch {
	case dropping:
		return taken{skip: len(rest)}, nil
	case f.blocks(v):
		f.beginRefusal(nil) // the pieces to come are dropped with the rest of the answer
		return taken{skip: len(rest), refuse: true}, nil
	}
	return taken{pass: len(rest)}, nil
}

// startText takes the beginning of an error, notice or notification that is
// too large to hold: its state change happens now, the rest of its text is
// inspected as it passes.
func (f *flow) startText(rest []byte, size int) (taken, error) {
	if size <= controlLimit {
		return taken{need: size}, nil
	}
	v, err := f.serverFrame(rest[0], rest)
	if err != nil {
		return taken{}, err
	}
	f.toClient = stream{left: size - len(rest), kind: rest[0]}
	switch {
	case f.justRefused || v == refuse && !f.swallow:
		f.justRefused, f.swallow = false, true
		return taken{skip: len(rest), refuse: true}, nil
	case v != pass || f.swallow:
		f.toClient.drop = true
		return taken{skip: len(rest)}, nil
	}
	return taken{pass: len(rest)}, nil
}

// streamPiece shows a piece of the server's frame that is passing, and reports
// whether it must be dropped because its result was refused.
func (f *flow) streamPiece(p []byte) (event.Verdict, bool) {
	s := &f.toClient
	if f.swallow || s.drop {
		return event.Verdict{}, true
	}
	switch s.kind {
	case 'E':
		return f.sess.Text(event.ChannelError, p), false
	case 'N':
		return f.sess.Text(event.ChannelNotice, p), false
	case 'A':
		return f.sess.Text(event.ChannelNotification, p), false
	}
	if s.exec == nil || s.exec.run == nil {
		return event.Verdict{}, false
	}
	ch := event.ChannelRow
	switch s.kind {
	case 'd':
		return f.copyPiece(s.exec, s.exec.rows, p, s.left == 0), false
	case 'V':
		ch = event.ChannelFunction
	}
	return s.exec.run.Stream(ch, s.exec.rows, p, s.left == 0), false
}
