package mywire

import (
	"bytes"
	"fmt"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/proxy/wire"
)

// MariaDB's own commands and markers.
const (
	comStmtBulkExecute = 0xfa
	lastPreparedID     = 0xffffffff
	semiSyncMagic      = 0xef // first byte of a replica's acknowledgement
)

// ping is sent in the place of a command that was refused: the server answers
// it with an OK at the right place, does nothing, and the proxy puts its error
// in the place of that OK. Nothing of the command reaches the server.
var ping = []byte{1, 0, 0, 0, mysql.COM_PING}

// clientChunk walks the client's packets and lets them pass in one step, up to
// the first one that must be replaced or is not whole.
func (f *flow) clientChunk(buf []byte) (wire.Step, error) {
	if f.secret != nil { // it has been sent
		clear(f.secret)
		f.secret = nil
	}
	off := 0
	for {
		rest := buf[off:]
		if f.up.left > 0 {
			if len(rest) == 0 {
				return wire.Step{Pass: off}, nil
			}
			n := min(f.up.left, len(rest))
			f.up.left -= n
			if step, stop := f.piece(off, 0, rest[:n]); stop {
				return step, nil
			}
			off += n
			continue
		}
		if !f.up.more && mode(f.mode.Load()) == rawData {
			return wire.Step{Pass: len(buf)}, nil
		}
		if len(rest) < header {
			return wire.Step{Pass: off}, nil
		}
		size := packetSize(rest)
		if f.up.more {
			if rest[3] != f.up.seq {
				return wire.Step{}, fmt.Errorf("packets out of order: sequence id %d, expected %d", rest[3], f.up.seq)
			}
			f.up.enter(size, rest[3])
			if step, stop := f.header(off, size); stop {
				return step, nil
			}
			off += header
			continue
		}
		step, n, err := f.clientPacket(off, rest, size)
		if err != nil || n == 0 {
			return step, err
		}
		off += n
	}
}

// enter begins a packet whose header has been read.
func (u *upload) enter(size int, seq byte) {
	u.left, u.more, u.seq = size, size == maxPacket, seq+1
}

// header takes the header of a continuing packet; an empty one ends it.
func (f *flow) header(off, size int) (wire.Step, bool) {
	if size == 0 {
		return f.piece(off, header, nil)
	}
	if f.up.drop {
		return wire.Step{Pass: off, Skip: header}, true
	}
	return wire.Step{}, false
}

// piece shows a further piece of a client's packet. head bytes of header stand
// before it. stop means that the step must be taken as it is.
func (f *flow) piece(off, head int, p []byte) (step wire.Step, stop bool) {
	end := f.up.left == 0 && !f.up.more
	var v event.Verdict
	switch f.up.cmd {
	case mysql.COM_QUERY, mysql.COM_STMT_PREPARE:
		v = f.sess.Present(event.ChannelStatement, p, end)
	case comFileData:
		v = f.sess.Present(event.ChannelCopyIn, p, false) // a value may go on in the next packet
	case mysql.COM_STMT_SEND_LONG_DATA:
		v = f.bindPiece(f.up.prep, p, false)
	default:
		v = f.bindPiece(f.up.prep, p, end)
	}
	switch {
	case f.up.drop:
		step = wire.Step{Pass: off, Skip: head + len(p)}
		if end {
			step.Inject = f.refuse(f.refusal(f.up.says), f.up.seq).inject
			f.up = upload{}
		}
		return step, true
	case v.Blocks(): // the server has only part of the packet and will never run it
		f.parting.Store(&v.Message)
		return wire.Step{Pass: off, Cut: true, Reason: wire.Refused}, true
	}
	return step, false
}

// bindPiece shows bytes of parameters of p; nil if no such statement is known.
func (f *flow) bindPiece(p *prepared, b []byte, end bool) event.Verdict {
	if p == nil || p.stmt == nil {
		return f.sess.Present(event.ChannelBind, b, end)
	}
	return p.stmt.Bind(b, end)
}

// comFileData stands for a command in upload: the packet is a file's content.
const comFileData = 0xff

// clientPacket takes one packet from the start of rest. n is how many bytes
// pass; 0 means that the step must be taken as it is.
func (f *flow) clientPacket(off int, rest []byte, size int) (step wire.Step, n int, err error) {
	switch mode(f.mode.Load()) {
	case fileData:
		return f.filePacket(off, rest, size)
	case authData:
		return f.authPacket(off, rest, size)
	}
	if f.depth > maxPipeline {
		return step, 0, fmt.Errorf("more than %d commands ahead of their answers", maxPipeline)
	}
	if seq := rest[3]; seq != 0 {
		return step, 0, fmt.Errorf("packets out of order: a command with sequence id %d", seq)
	}
	if size == 0 {
		return step, 0, fmt.Errorf("an empty packet in the place of a command")
	}
	if header+size > f.limit {
		return f.longCommand(off, rest, size)
	}
	if header+size > len(rest) {
		return wire.Step{Pass: off, Need: header + size}, 0, nil
	}
	act, err := f.command(rest[header : header+size])
	if err != nil {
		return step, 0, err
	}
	if act.drop {
		return wire.Step{Pass: off, Skip: header + size, Inject: act.inject, Reply: act.reply}, 0, nil
	}
	return step, header + size, nil
}

// filePacket takes a packet of LOCAL INFILE. An empty one ends the file.
func (f *flow) filePacket(off int, rest []byte, size int) (step wire.Step, n int, err error) {
	if want := byte(f.fileSeq.Load()); rest[3] != want {
		return step, 0, fmt.Errorf("packets out of order: file data with sequence id %d, expected %d", rest[3], want)
	}
	f.fileSeq.Add(1)
	if size == 0 {
		f.sess.Present(event.ChannelCopyIn, nil, true)
		f.mode.Store(uint32(commands))
		return step, header, nil
	}
	if size == maxPacket {
		return step, 0, fmt.Errorf("a packet of file data of %d bytes", size)
	}
	f.up = upload{cmd: comFileData}
	f.up.enter(size, rest[3])
	return step, header, nil
}

// longCommand begins a packet that is too long to hold.
func (f *flow) longCommand(off int, rest []byte, size int) (step wire.Step, n int, err error) {
	if need := header + min(longPrefix, size); len(rest) < need {
		return wire.Step{Pass: off, Need: need}, 0, nil
	}
	n = min(header+size, len(rest))
	total := size
	if size == maxPacket {
		total = inspect.UnknownLength // more than this packet
	}
	f.up.prep = nil
	v, err := f.beginLong(rest[header:n], total)
	if err != nil {
		return step, 0, err
	}
	f.up.cmd, f.up.drop, f.up.says = rest[header], v.Blocks(), v.Message
	f.up.enter(size, 0)
	f.up.left -= n - header
	if f.up.drop {
		if f.up.left == 0 && !f.up.more {
			act := f.refuse(f.refusal(f.up.says), f.up.seq)
			f.up = upload{}
			return wire.Step{Pass: off, Skip: n, Inject: act.inject}, 0, nil
		}
		answer := f.refusal(f.up.says)
		f.dropping.Store(&answer)
		return wire.Step{Pass: off, Skip: n}, 0, nil
	}
	return step, n, nil
}

// beginLong takes the beginning of a long command's payload.
func (f *flow) beginLong(p []byte, total int) (event.Verdict, error) {
	switch p[0] {
	case mysql.COM_QUERY:
		sql, params, bound, err := f.queryText(p[1:])
		if err != nil { // the attributes alone are longer than the prefix
			sql, params, bound = p[1:], nil, nil
		}
		if total != inspect.UnknownLength {
			total -= len(p) - len(sql)
		}
		return f.query(sql, total, bound, params), nil
	case mysql.COM_STMT_PREPARE:
		if total != inspect.UnknownLength {
			total--
		}
		stmt, v := f.sess.Prepare(f.plain(p[1:]), total)
		if v.Blocks() {
			f.last = &prepared{refused: true, says: v.Message}
			return v, nil
		}
		f.last = &prepared{stmt: stmt, holders: -1}
		f.push(request{kind: prepare, cmd: p[0], prep: f.last})
		return v, nil
	case mysql.COM_STMT_EXECUTE, comStmtBulkExecute:
		return f.executeRaw(p, false)
	case mysql.COM_STMT_SEND_LONG_DATA:
		f.up.prep = f.statement(p[1:])
		if f.up.prep != nil {
			f.up.prep.sentLong(0)
		}
		return f.bindPiece(f.up.prep, p[1+6:], false), nil
	}
	return event.Verdict{}, fmt.Errorf("command 0x%02x of %d bytes is larger than this proxy allows for its type", p[0], total)
}

// action is what becomes of a command: it passes, or is dropped and something
// else sent to the server.
type action struct {
	drop   bool
	inject []byte
	reply  []byte // goes back to the client
}

// refuse answers a command without the server's seeing it. What was begun for
// it (held) is ended where its answer would have been.
func (f *flow) refuse(answer []byte, seq byte) action {
	f.dropping.Store(nil)
	f.push(request{kind: refused, answer: answer, seq: seq, exec: f.held})
	f.held = nil
	return action{drop: true, inject: ping}
}

func (f *flow) judged(v event.Verdict) (action, error) {
	if v.Blocks() {
		return f.refuse(f.refusal(v.Message), 1), nil
	}
	return action{}, nil
}

// command takes a whole command.
func (f *flow) command(p []byte) (action, error) {
	cmd, body := p[0], p[1:]
	switch cmd {
	case mysql.COM_QUERY:
		sql, params, bound, err := f.queryText(body)
		if err != nil {
			return action{}, err
		}
		return f.judged(f.query(sql, len(sql), bound, params))
	case mysql.COM_STMT_PREPARE:
		return f.judged(f.prepare(body))
	case mysql.COM_STMT_EXECUTE, comStmtBulkExecute:
		return f.execute(p)
	case mysql.COM_STMT_FETCH:
		return f.fetch(body)
	case mysql.COM_STMT_SEND_LONG_DATA:
		return f.longData(body)
	case mysql.COM_STMT_CLOSE:
		return f.closeStatement(body)
	case mysql.COM_STMT_RESET:
		prep := f.statement(body)
		if prep != nil {
			prep.long, prep.blocked = nil, false
		}
		f.push(request{kind: simple, cmd: cmd, prep: prep})
	case mysql.COM_QUIT:
		f.inTrans.Store(false) // the server rolls back
	case mysql.COM_INIT_DB:
		stmt, v := f.sess.Prepare(append(append(f.bound[:0], "use "...), body...), 4+len(body))
		e := f.newExec()
		e.stmt = stmt
		if !v.Blocks() {
			e.run, v = stmt.Run(nil, nil)
		}
		if v.Blocks() {
			f.held = e
			return f.refuse(f.refusal(v.Message), 1), nil
		}
		f.push(request{kind: simple, cmd: cmd, schema: clip(body), exec: e})
	case mysql.COM_FIELD_LIST, mysql.COM_PROCESS_INFO:
		return f.noted(cmd, body)
	case mysql.COM_STATISTICS:
		f.push(request{kind: bare, cmd: cmd})
	case mysql.COM_CHANGE_USER:
		return f.changeUser(p)
	case mysql.COM_RESET_CONNECTION:
		f.last = nil
		f.charset.Store(f.announced.Load()) // as MariaDB does
		f.push(request{kind: simple, cmd: cmd})
	case mysql.COM_CREATE_DB, mysql.COM_DROP_DB, mysql.COM_REFRESH, mysql.COM_SHUTDOWN, mysql.COM_PROCESS_KILL,
		mysql.COM_DEBUG, mysql.COM_PING, mysql.COM_SET_OPTION, mysql.COM_REGISTER_SLAVE,
		mysql.COM_SLEEP, mysql.COM_CONNECT, mysql.COM_TIME, mysql.COM_DELAYED_INSERT, mysql.COM_CONNECT_OUT, mysql.COM_DAEMON:
		f.push(request{kind: simple, cmd: cmd})
	case mysql.COM_BINLOG_DUMP, mysql.COM_BINLOG_DUMP_GTID, mysql.COM_TABLE_DUMP, mysql.COM_CLONE:
		return f.replicate(cmd, body)
	case semiSyncMagic: // a replica's acknowledgement has no answer
		if !f.dumping {
			return action{}, fmt.Errorf("an acknowledgement of replication outside replication")
		}
	default: // what its answer looks like nobody knows
		return f.refuse(errPayload(codeBadCommand, stateConnection, fmt.Sprintf("Unknown command 0x%02x: the proxy in front of this server can't inspect it", cmd)), 1), nil
	}
	return action{}, nil
}

// queryText finds the text of COM_QUERY behind its query attributes, which are
// returned as parameters.
func (f *flow) queryText(body []byte) (sql []byte, params []inspect.Param, bound []byte, err error) {
	if !f.caps.has(capQueryAttributes) {
		return body, nil, nil, nil
	}
	n, _, rest, err := lenenc(body)
	if err != nil {
		return nil, nil, nil, err
	}
	if _, _, rest, err = lenenc(rest); err != nil { // number of sets: 1
		return nil, nil, nil, err
	}
	if n == 0 {
		return rest, nil, nil, nil
	}
	if n > uint64(len(rest)) {
		return nil, nil, nil, errShort
	}
	v := values{n: int(n), named: true}
	rest, err = f.bindValues(&v, rest)
	return rest, f.params, f.bound, err
}

// query starts COM_QUERY. sql is its text or, if total is more, its beginning.
func (f *flow) query(sql []byte, total int, bound []byte, params []inspect.Param) event.Verdict {
	e := f.newExec()
	sql = f.plain(sql)
	stmt, v := f.sess.Prepare(sql, total)
	e.stmt = stmt
	if !v.Blocks() {
		e.run, v = stmt.Run(bound, params)
	}
	if v.Blocks() {
		f.held = e
		return v
	}
	r := request{kind: result, cmd: mysql.COM_QUERY, exec: e, schema: useSchema(sql), infile: mayLoadFile(sql) || total > len(sql)}
	if m, ok := setNames(sql); ok { // the next command may come before the answer
		r.charset, r.named = multibyte(f.charset.Swap(uint32(m))), true
	}
	f.push(r)
	return v
}

// noted starts a command without a text that returns data: it gets a note.
func (f *flow) noted(cmd byte, body []byte) (action, error) {
	note, k := "-- COM_PROCESS_INFO", result
	if cmd == mysql.COM_FIELD_LIST {
		table, _, _ := bytes.Cut(body, []byte{0})
		note, k = fmt.Sprintf("-- COM_FIELD_LIST of table %q", table), fieldList
	}
	stmt, v := f.sess.Prepare([]byte(note), len(note))
	e := f.newExec()
	e.stmt = stmt
	if !v.Blocks() {
		e.run, v = stmt.Run(nil, nil)
	}
	if v.Blocks() {
		f.held = e
		return f.refuse(f.refusal(v.Message), 1), nil
	}
	f.push(request{kind: k, cmd: cmd, exec: e})
	return action{}, nil
}
