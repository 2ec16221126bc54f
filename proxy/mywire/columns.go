package mywire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/inspect"
)

// description is a result's decoded column definitions. It is shared by all
// results of the session that have the same ones. Server's goroutine.
type description struct {
	raw    []byte // a copy of the definitions, headers included
	layout inspect.Layout
	fields []field
	wide   bool // some texts are in UTF-16 or UTF-32
	// sizes are those of binary values; long is how many columns there are up
	// to the last whose value must become text and may then be long.
	sizes []int8
	long  int
	texts bool // all are texts
	// lengths are those that a fixed value's text can have, as bits of a gate.
	lengths []uint64
	// scientific: some numbers may be shown with an exponent.
	scientific bool
	other      *description // see uncertain; nil until it is asked for
}

// maxDescriptions bounds the descriptions that a session keeps, and
// maxDescriptionBytes the memory that they take, roughly: a single one of a table
// with 4096 columns takes a megabyte.
const (
	maxDescriptions     = 256
	maxDescriptionBytes = 2 << 20
	columnBytes         = 192 // of a field and its inspect.Column, and of what is compiled from it
)

var seed = maphash.MakeSeed()

// group walks packets that are taken together: definitions and the EOF behind them.
type group struct {
	rest []byte
	off  int
	eof  bool // an EOF packet follows definitions
	ok   bool // or else an OK packet may: see unannounced
	last []byte
	seq  byte // sequence id of the last packet
}

// take walks n definitions and, if there are any, their EOF. ok false: t says
// how many bytes are needed.
func (g *group) take(n int) (t taken, ok bool, err error) {
	if n == 0 {
		return t, true, nil
	}
	for range n {
		if t, ok, err = g.packet(false); !ok {
			return t, false, err
		}
	}
	if !g.eof {
		return t, true, nil
	}
	return g.packet(true)
}

func (g *group) packet(eof bool) (t taken, ok bool, err error) {
	b := g.rest[g.off:]
	if len(b) < header {
		return taken{need: g.off + header}, false, nil
	}
	size := packetSize(b)
	if size == 0 || g.off+header+size > definitionsLimit {
		return t, false, fmt.Errorf("column definitions of more than %d bytes, or an empty one", definitionsLimit)
	}
	if len(b) < header+size {
		return taken{need: g.off + header + size}, false, nil
	}
	first := b[header]
	if isEOF := first == mysql.EOF_HEADER; isEOF != eof && !(eof && g.ok && first == mysql.OK_HEADER) || first == mysql.ERR_HEADER {
		return t, false, fmt.Errorf("a packet that begins with 0x%02x among column definitions", b[header])
	}
	g.last, g.seq = b[header:header+size], b[3]
	g.off += header + size
	return t, true, nil
}

// definitions takes a result's column count and all that comes before its rows.
func (f *flow) definitions(r *request, rest, p []byte) (taken, error) {
	n, cached, err := columnCount(p, f.caps)
	if err != nil {
		return taken{}, err
	}
	doubtful := r.doubtful()
	g := group{rest: rest, off: header + len(p), eof: !f.caps.has(capDeprecateEOF), ok: doubtful, seq: rest[3]}
	start := g.off
	sent := n
	if cached {
		sent = 0
	}
	if t, ok, err := g.take(sent); !ok {
		return t, err
	}
	end := g.off
	if cached && g.eof {
		if t, ok, err := g.packet(true); !ok {
			return t, err
		}
	}
	var status uint16
	stays := g.eof && g.last[0] == mysql.OK_HEADER
	if stays {
		end -= header + len(g.last)
	} else if g.eof {
		ok, err := eofStatus(g.last, 0)
		if err != nil {
			return taken{}, fmt.Errorf("EOF packet: %w", err)
		}
		status = ok.status
		if !cached {
			end -= header + len(g.last)
		}
	}
	f.outs = status & (mysql.SERVER_PS_OUT_PARAMS | mysql.SERVER_MORE_RESULTS_EXISTS)
	refused, err := f.describeResult(r, rest[start:end], n, cached)
	if err != nil {
		return taken{}, err
	}
	opens := r.opens(status)
	if f.w.rows != nil && !f.swallow && !opens && !doubtful {
		f.holdResult(r.exec, rest[3])
	}
	t := f.verdict(refused, g.off, rest[3])
	if !f.swallow {
		f.sent(g.seq + 1)
	}
	switch {
	case stays:
		return f.unannounced(r, t, g.last, rest[3])
	case opens:
		f.openCursor(r)
		return t, nil
	case doubtful && !g.eof:
		f.doubt.state = doubtFirst
	}
	f.rowPhase = true
	return t, nil
}

// columnCount decodes the packet that begins a result. cached says that no
// definitions follow: those that were sent last for the statement hold.
func columnCount(p []byte, c caps) (n int, cached bool, err error) {
	u, null, tail, err := lenenc(p)
	if err == nil && c.has(mariaCacheMeta) {
		if len(tail) != 1 || tail[0] > 1 {
			err = errShort
		} else {
			cached, tail = tail[0] == 0, nil
		}
	}
	if err != nil || null || len(tail) > 0 || u == 0 || u > 1<<16 {
		return 0, false, errors.New("a packet that is no OK, no error and no column count in the place of a result")
	}
	return int(u), cached, nil
}

// describeResult starts watching a result of n columns. raw is their
// definitions, empty if they are cached: the server leaves them out if they are
// those that it sent last for the statement, with PREPARE or an execution, and
// client and proxy both remember those. refused: the result is.
func (f *flow) describeResult(r *request, raw []byte, n int, cached bool) (refused bool, err error) {
	f.w.rows = nil
	if f.swallow {
		if r.prep != nil && !cached {
			r.prep.desc = nil // the client has not had them
		}
		return false, nil
	}
	var d *description
	if cached {
		if r.prep != nil {
			d = r.prep.desc
		}
		if d == nil || len(d.fields) != n {
			return false, fmt.Errorf("a result of %d columns without definitions, which were not sent before either", n)
		}
		return f.beginRows(r, d), nil
	}
	if d, err = f.describe(raw, n); err != nil {
		return false, err
	}
	refused = f.beginRows(r, d)
	if r.prep != nil {
		r.prep.desc = d
		if refused {
			r.prep.desc = nil
		}
	}
	return refused, nil
}

// opens reports whether a result's status says that its rows stay at the
// server until they are fetched. A procedure that reads a cursor of its own
// sets the same bit on results whose rows follow; more results follow those.
func (r *request) opens(status uint16) bool {
	return r.cmd == mysql.COM_STMT_EXECUTE && status&(mysql.SERVER_STATUS_CURSOR_EXISTS|mysql.SERVER_MORE_RESULTS_EXISTS) == mysql.SERVER_STATUS_CURSOR_EXISTS
}

// openCursor keeps a result whose rows are fetched later.
func (f *flow) openCursor(r *request) {
	if r.prep != nil && r.exec != nil && !f.swallow {
		c := &cursor{exec: r.exec}
		r.prep.cursor, r.prep.opened = c, true
		c.w.set(&f.w)
		f.cursors = append(f.cursors, r.prep)
		f.done()
		c.changes = f.changes
		return
	}
	f.finish(r, codeOK)
}

// describe returns the description of n column definitions, from the session's
// cache if the same ones were seen before.
func (f *flow) describe(raw []byte, n int) (*description, error) {
	h := maphash.Bytes(seed, raw)
	if d := f.descs[h]; d != nil && bytes.Equal(d.raw, raw) {
		return d, nil
	}
	d := &description{raw: bytes.Clone(raw), fields: make([]field, 0, n), texts: true}
	cols := make([]inspect.Column, 0, n)
	for b := raw; len(b) > 0; {
		size := packetSize(b)
		c, fl, err := decodeColumn(b[header:header+size], f.caps)
		if err != nil {
			return nil, fmt.Errorf("column definition: %w", err)
		}
		cols = append(cols, c)
		d.fields = append(d.fields, fl)
		d.wide = d.wide || fl.wide != narrow
		d.sizes = append(d.sizes, int8(fl.size()))
		d.texts = d.texts && fl.size() == sizeLenenc
		d.lengths = append(d.lengths, fl.lengths())
		d.scientific = d.scientific || fl.scientific()
		if fl.mayBeLong() {
			d.long = len(d.fields)
		}
		b = b[header+size:]
	}
	d.layout = f.sess.Describe(cols)
	size := len(raw) + n*columnBytes
	if f.descs == nil || len(f.descs) >= maxDescriptions || f.descBytes+size > maxDescriptionBytes {
		f.descs, f.descBytes = make(map[uint64]*description), 0
	}
	f.descs[h] = d
	f.descBytes += size
	return d, nil
}

// decodeColumn decodes a ColumnDefinition41 packet.
func decodeColumn(b []byte, c caps) (inspect.Column, field, error) {
	var col inspect.Column
	var names [6][]byte // catalog, schema, table, org_table, name, org_name
	var err error
	for i := range names {
		if names[i], b, err = lenencString(b); err != nil {
			return col, field{}, err
		}
	}
	if c.has(mariaExtendedMeta) {
		if _, b, err = lenencString(b); err != nil {
			return col, field{}, err
		}
	}
	n, _, b, err := lenenc(b) // of the fixed part
	if err != nil || n < 10 || uint64(len(b)) < n {
		return col, field{}, errShort
	}
	flags := binary.LittleEndian.Uint16(b[7:])
	fl := field{
		typ: b[6], unsigned: flags&mysql.UNSIGNED_FLAG != 0, decimals: b[9],
		wide: wideCharset(binary.LittleEndian.Uint16(b)), text: binary.LittleEndian.Uint16(b) != binaryCharset,
	}
	if flags&mysql.ZEROFILL_FLAG != 0 {
		fl.width = int(min(binary.LittleEndian.Uint32(b[2:]), 64))
	}
	// Names are in character_set_results. What the catalog is called ("def",
	// always) tells which that is, if it is wide.
	of := wideName(names[0])
	if fl.wide == fileName {
		of = fileName
	}
	switch fl.typ { // their text may be converted, though their character set says binary
	case mysql.MYSQL_TYPE_DECIMAL, mysql.MYSQL_TYPE_NEWDECIMAL, mysql.MYSQL_TYPE_JSON:
		fl.either, fl.wide = true, of
	}
	if fl.fixed() {
		fl.either, fl.wide = true, of
	}
	col = inspect.Column{
		OrgSchema: name(names[1], of), Table: name(names[2], labelled(names[2], of)), OrgTable: name(names[3], of), Name: name(names[4], labelled(names[4], of)), OrgName: name(names[5], of),
		Type: uint32(b[6]),
	}
	return col, fl, nil
}

// binaryCharset is the collation of what has no character set.
const binaryCharset = 63

// uncertain is the description of a cursor's rows that are fetched when the
// session's character set may not be any more what it was: servers convert texts
// when they send them.
func (d *description) uncertain() *description {
	if d.other == nil {
		o := *d
		o.fields, o.wide = slices.Clone(d.fields), true
		for i := range o.fields {
			if c := &o.fields[i]; c.text && !c.fixed() && c.wide == narrow {
				c.wide, c.guess = utf16be, true
			}
		}
		d.other = &o
	}
	return d.other
}

// labelled tells the encoding of a name that a statement gives. That the session
// wants results in the character set of file names nothing else tells, unless a
// column is a text.
func labelled(b []byte, of encoding) encoding {
	if of == narrow && bytes.Contains(b, fileNameEscape) {
		return fileName
	}
	return of
}

func name(b []byte, of encoding) string {
	if of == narrow {
		return string(b)
	}
	return string(appendUTF8(nil, b, of))
}
