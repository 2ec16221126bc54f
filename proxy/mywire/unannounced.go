package mywire

import (
	"fmt"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// MySQL (seen with 9.7.4; the cause is in sources since 8.0.22, where
// Prepared_statement::execute takes the result that it made for a cursor for the
// regular one) answers an execution without a cursor by opening one unannounced, if the
// statement's first execution asked for one: column count, definitions, and, in the
// place of the rows and in that of the EOF packet before them, the statement's OK
// packet with the header 0x00 and without SERVER_STATUS_CURSOR_EXISTS. The
// rows stay at the server, and COM_STMT_FETCH gets them.
//
// Such an OK packet can be read as a row too: 00 00 00 22 00 00 00 is (8704, "").
// Then the packet behind it tells: a row's has the next sequence id, the answer
// to another command begins at 1.

// doubt is how far it is known whether an execution has opened a cursor unannounced.
type doubt struct {
	state  doubtState
	next   byte   // sequence id behind a packet that may be a row
	status uint16 // of that packet, if it is none
}

type doubtState uint8

const (
	doubtNone  doubtState = iota
	doubtFirst            // the packet behind the definitions tells
	doubtRow              // that packet may be a row, and the one behind it tells
)

// asksCursor reports whether COM_STMT_EXECUTE asks for a cursor.
func asksCursor(p []byte) bool {
	return p[0] == mysql.COM_STMT_EXECUTE && p[5]&mysql.CURSOR_TYPE_READ_ONLY != 0
}

// doubtful reports whether an execution may open a cursor unannounced.
func (r *request) doubtful() bool {
	return r.cmd == mysql.COM_STMT_EXECUTE && !r.cursor && r.prep != nil && r.prep.opened
}

// unannounced takes an OK packet in the place of the EOF behind definitions: a
// cursor is open. t is what becomes of the packets up to its end, seq the first one's sequence id.
func (f *flow) unannounced(r *request, t taken, p []byte, seq byte) (taken, error) {
	ok, err := parseOK(p, f.caps)
	if err != nil {
		return taken{}, fmt.Errorf("OK packet behind column definitions: %w", err)
	}
	if f.okay(r, &ok) && t.do == 0 && !f.swallow {
		t = f.replace(f.replacement(), t.pass, seq) // the definitions have not left
	}
	f.openCursor(r)
	return t, nil
}

// dispelled looks at the first packets behind the definitions of a doubtful
// execution. done: a cursor is open, and t is what becomes of the packet. If
// again is true, the packet in hand answers another command.
func (f *flow) dispelled(r *request, rest []byte, size int) (t taken, done, again bool, err error) {
	if f.doubt.state == doubtRow {
		f.doubt.state = doubtNone
		if rest[3] == f.doubt.next {
			return t, false, false, nil
		}
		if r.exec != nil && !f.swallow {
			r.exec.none++
		}
		f.inTrans.Store(f.doubt.status&mysql.SERVER_STATUS_IN_TRANS != 0)
		f.openCursor(r)
		return t, false, true, nil
	}
	f.doubt.state = doubtNone
	if rest[header] != mysql.OK_HEADER || size > rowLimit-header {
		return t, false, false, nil
	}
	if len(rest) < header+size {
		f.doubt.state = doubtFirst
		return taken{need: header + size}, true, false, nil
	}
	p := rest[header : header+size]
	ok, err := parseOK(p, f.caps)
	const opens = mysql.SERVER_STATUS_CURSOR_EXISTS | mysql.SERVER_MORE_RESULTS_EXISTS
	if err != nil || p[1] != 0 || p[2] != 0 || ok.status&opens != 0 {
		return t, false, false, nil // no rows were changed, no cursor was announced: a row
	}
	if f.swallow || f.w.desc.isRow(p) {
		f.doubt = doubt{doubtRow, rest[3] + 1, ok.status}
		return t, false, false, nil
	}
	t = f.verdict(f.okay(r, &ok), header+size, rest[3])
	f.openCursor(r)
	return t, true, false, nil
}

// isRow reports whether p is a row of the binary protocol with these columns.
func (d *description) isRow(p []byte) bool {
	b := p[min(1+(len(d.fields)+9)/8, len(p)):]
	for i, c := range d.fields {
		if at := 1 + (i+2)/8; at >= len(p) {
			return false
		} else if p[at]>>((i+2)%8)&1 == 1 {
			continue
		}
		var err error
		if _, b, err = c.take(b); err != nil {
			return false
		}
	}
	return len(b) == 0
}
