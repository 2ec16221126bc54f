package mywire

import (
	"encoding/binary"
	"fmt"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/inspect"
)

// Flags of COM_STMT_BULK_EXECUTE (MariaDB) and its indicators.
const (
	bulkSendTypes = 128
	indicatorNone = 0
)

// prepare starts COM_STMT_PREPARE.
func (f *flow) prepare(sql []byte) event.Verdict {
	sql = f.plain(sql)
	stmt, v := f.sess.Prepare(sql, len(sql))
	if v.Blocks() {
		// A client that sends EXECUTE of "the last prepared" along with it must
		// not run the one before.
		f.last = &prepared{refused: true, says: v.Message}
		f.held = f.newExec()
		f.held.stmt = stmt
		return v
	}
	f.last = &prepared{stmt: stmt, holders: -1}
	if f.caps.has(mariaBulk) || !f.caps.has(capMySQL) {
		// Only MariaDB's clients execute before they know the answer.
		f.last.holders = countHolders(sql)
	}
	f.push(request{kind: prepare, cmd: mysql.COM_STMT_PREPARE, prep: f.last})
	return v
}

// statement finds a prepared statement by the id at the start of b; nil if
// there is none.
func (f *flow) statement(b []byte) *prepared {
	if len(b) < 4 {
		return nil
	}
	id := binary.LittleEndian.Uint32(b)
	if id == lastPreparedID {
		return f.last
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.statements[id]
}

// stranger is a statement that this proxy has not seen being prepared: it gets
// a note for its text. The server will know what to say.
func (f *flow) stranger(id []byte) *prepared {
	note := fmt.Appendf(nil, "-- prepared statement %d", binary.LittleEndian.Uint32(id))
	stmt, _ := f.sess.Prepare(note, len(note))
	return &prepared{stmt: stmt, holders: -1}
}

// execute takes COM_STMT_EXECUTE or MariaDB's COM_STMT_BULK_EXECUTE.
func (f *flow) execute(p []byte) (action, error) {
	v, err := f.executeRaw(p, true)
	if err != nil {
		return action{}, err
	}
	return f.judged(v)
}

// executeRaw starts an execution. Of a whole command the parameters are cut
// out; of the beginning of a longer one the bytes are shown as they are.
func (f *flow) executeRaw(p []byte, whole bool) (event.Verdict, error) {
	if len(p) < 7 || p[0] == mysql.COM_STMT_EXECUTE && len(p) < 10 {
		return event.Verdict{}, fmt.Errorf("command 0x%02x: %w", p[0], errShort)
	}
	prep := f.statement(p[1:])
	if prep == nil {
		prep = f.stranger(p[1:])
	}
	if prep.refused || prep.blocked {
		prep.blocked, prep.long = false, nil
		return event.Verdict{Action: event.Block, Message: prep.says}, nil
	}
	var params []inspect.Param
	var bound []byte
	cut := whole && f.cutParams(prep, p)
	if cut {
		params, bound = f.params, f.bound
	} else if v := f.bindPiece(prep, p[1:], whole); v.Blocks() {
		return v, nil
	}
	if !whole {
		f.up.prep = prep
	}
	if len(prep.long) > 0 {
		f.bindPiece(prep, nil, true) // the values sent in advance are whole
		clear(prep.long)
	}
	e := f.newExec()
	run, v := prep.stmt.Run(bound, params)
	e.run = run
	f.bound = trim(f.bound)
	if v.Blocks() {
		f.held = e
		return v, nil
	}
	f.push(request{kind: result, cmd: p[0], exec: e, prep: prep, cursor: asksCursor(p)})
	return v, nil
}

// count is the number of a statement's parameters, -1 if it can't be known.
func (p *prepared) count() int {
	if p.known.Load() {
		return p.nparam
	}
	return p.holders
}

// cutParams fills f.params and f.bound with the parameters of an execution. If
// it can't tell them apart it reports false.
func (f *flow) cutParams(prep *prepared, p []byte) bool {
	v := values{n: prep.count(), prep: prep}
	if v.n < 0 {
		return false
	}
	if p[0] == comStmtBulkExecute {
		return f.cutBulk(v, p) == nil
	}
	rest := p[10:]
	if f.caps.has(capQueryAttributes) && p[5]&mysql.PARAMETER_COUNT_AVAILABLE != 0 {
		n, _, tail, err := lenenc(rest)
		if err != nil || n > uint64(len(tail)) {
			return false
		}
		rest, v.n, v.named = tail, int(n), true
	}
	_, err := f.bindValues(&v, rest)
	return err == nil
}

// values says how to cut parameters out of a command.
type values struct {
	n     int
	named bool      // each type is followed by a name
	prep  *prepared // whose types are remembered; nil for query attributes
	types []uint16
}

// bindValues cuts n binary values at the start of b: a NULL bitmap, the types
// if they are new, the values. Numbers and dates become text. The values are
// gathered in f.bound and f.params; what follows them in b is returned.
func (f *flow) bindValues(v *values, b []byte) ([]byte, error) {
	f.params, f.bound = f.params[:0], f.bound[:0]
	if v.n == 0 {
		return b, nil
	}
	nulls := (v.n + 7) / 8
	if len(b) < nulls+1 {
		return nil, errShort
	}
	bitmap, fresh := b[:nulls], b[nulls]
	b = b[nulls+1:]
	var err error
	if fresh == 1 {
		if b, err = v.readTypes(b); err != nil {
			return nil, err
		}
	} else if v.prep != nil {
		v.types = v.prep.types
	}
	if len(v.types) < v.n {
		return nil, errShort
	}
	for i := range v.n {
		if v.prep != nil && v.prep.long[uint16(i)] { // sent in advance
			f.params = append(f.params, inspect.Param{Len: -1, Type: uint32(v.types[i] & 0xff)})
			continue
		}
		if bitmap[i/8]>>(i%8)&1 == 1 {
			f.params = append(f.params, inspect.Param{Len: -1, Type: uint32(v.types[i] & 0xff)})
			continue
		}
		if b, err = f.bindValue(v.types[i], b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// bindValue takes one binary value of the given type.
func (f *flow) bindValue(typ uint16, b []byte) ([]byte, error) {
	c := field{typ: byte(typ), unsigned: typ&0x8000 != 0}
	raw, rest, err := c.take(b)
	if err != nil {
		return nil, err
	}
	at := len(f.bound)
	if c.fixed() {
		f.bound = c.appendText(f.bound, raw)
	} else {
		f.bound = append(f.bound, raw...)
	}
	f.params = append(f.params, inspect.Param{Off: int32(at), Len: int32(len(f.bound) - at), Type: uint32(typ & 0xff)})
	return rest, nil
}

// readTypes takes the parameters' types, and their names if they have them.
func (v *values) readTypes(b []byte) ([]byte, error) {
	var types []uint16
	if v.prep != nil {
		types = v.prep.types[:0]
	}
	for range v.n {
		if len(b) < 2 {
			return nil, errShort
		}
		types = append(types, binary.LittleEndian.Uint16(b))
		b = b[2:]
		if v.named {
			var err error
			if _, b, err = lenencString(b); err != nil {
				return nil, err
			}
		}
	}
	v.types = types
	if v.prep != nil {
		v.prep.types = types
	}
	return b, nil
}

// cutBulk cuts the values of MariaDB's bulk execution: rows of values, each
// behind an indicator.
func (f *flow) cutBulk(v values, p []byte) error {
	f.params, f.bound = f.params[:0], f.bound[:0]
	flags, b := binary.LittleEndian.Uint16(p[5:]), p[7:]
	v.types = v.prep.types
	var err error
	if flags&bulkSendTypes != 0 {
		if b, err = v.readTypes(b); err != nil {
			return err
		}
	}
	if v.n == 0 || len(v.types) < v.n {
		return errShort
	}
	for len(b) > 0 {
		for i := range v.n {
			if len(b) == 0 {
				return errShort
			}
			indicator := b[0]
			b = b[1:]
			if indicator != indicatorNone {
				f.params = append(f.params, inspect.Param{Len: -1, Type: uint32(v.types[i] & 0xff)})
				continue
			}
			if b, err = f.bindValue(v.types[i], b); err != nil {
				return err
			}
		}
	}
	return nil
}

// fetch takes COM_STMT_FETCH: rows of a cursor.
func (f *flow) fetch(body []byte) (action, error) {
	prep := f.statement(body)
	if prep == nil {
		if len(body) < 4 {
			return action{}, fmt.Errorf("COM_STMT_FETCH: %w", errShort)
		}
		prep = f.stranger(body)
	}
	if prep.refused {
		return f.refuse(f.refusal(prep.says), 1), nil
	}
	f.push(request{kind: fetch, cmd: mysql.COM_STMT_FETCH, prep: prep})
	return action{}, nil
}

// longData takes COM_STMT_SEND_LONG_DATA: a piece of a parameter's value. It
// has no answer, so that a refusal waits for the execution.
func (f *flow) longData(body []byte) (action, error) {
	if len(body) < 6 {
		return action{}, fmt.Errorf("COM_STMT_SEND_LONG_DATA: %w", errShort)
	}
	prep := f.statement(body)
	v := f.bindPiece(prep, body[6:], false)
	if prep == nil {
		return action{}, nil
	}
	prep.sentLong(binary.LittleEndian.Uint16(body[4:]))
	if v.Blocks() {
		prep.blocked, prep.says = true, v.Message
		return action{drop: true}, nil
	}
	return action{}, nil
}

func (p *prepared) sentLong(param uint16) {
	if p.long == nil {
		p.long = make(map[uint16]bool)
	}
	p.long[param] = true
}

// closeStatement takes COM_STMT_CLOSE, which has no answer.
func (f *flow) closeStatement(body []byte) (action, error) {
	prep := f.statement(body)
	if prep == nil {
		return action{}, nil
	}
	f.mu.Lock()
	prep.closed = true // its answer may still be on the way
	if prep.known.Load() {
		delete(f.statements, prep.id)
	}
	f.mu.Unlock()
	if f.last == prep {
		f.last = nil
	}
	f.push(request{kind: none, cmd: mysql.COM_STMT_CLOSE, prep: prep})
	return action{}, nil
}
