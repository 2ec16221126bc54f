package mywire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/proxy/wire"
)

// taken says what becomes of the bytes at the start of a chunk: pass lets the
// first of them through, then flow.inject goes to the client with doInject, then
// skip drops the next; with doReply flow.reply goes back to the server. If
// neither passes nor drops anything, need bytes are needed. It is small enough
// to be returned in registers.
type taken struct {
	pass, skip, need int
	do               order
}

// order is what else is to be done.
type order uint8

const (
	doInject order = 1 << iota
	doReply
	doCut
)

// step makes the pump's orders of it; off bytes pass before.
func (f *flow) step(off int, t taken) wire.Step {
	s := wire.Step{Pass: off, Skip: t.skip}
	if t.do&doInject != 0 {
		s.Inject = f.inject
	}
	if t.do&doReply != 0 {
		s.Reply = f.reply
	}
	if t.do&doCut != 0 {
		says := f.says
		f.parting.Store(&says)
		s.Cut, s.Reason = true, wire.Refused
	}
	return s
}

// serverChunk walks the server's packets. Runs of rows are inspected together
// and everything that may pass leaves in one step, but for a result that is kept
// back.
func (f *flow) serverChunk(buf []byte) (wire.Step, error) {
	off := 0
	for {
		rest := buf[off:]
		f.at = off
		t, err := f.serverBytes(rest)
		if err != nil {
			return wire.Step{}, err
		}
		off += t.pass
		switch {
		case t.do != 0, t.skip > 0:
			f.reckonHead()
			return f.settle(f.step(off, t), t), nil
		case t.pass == 0: // not whole
			f.reckonHead()
			return f.settle(wire.Step{Pass: off, Need: t.need}, t), nil
		}
		f.noteFrame()
	}
}

// serverBytes takes what it can from the start of rest: a piece of a packet
// that passes in pieces, a packet, or a run of rows.
func (f *flow) serverBytes(rest []byte) (taken, error) {
	d := &f.down
	if d.left > 0 {
		if len(rest) == 0 {
			return taken{}, nil
		}
		n := min(d.left, len(rest))
		d.left -= n
		return f.downPiece(rest[:n], n), nil
	}
	if len(rest) < header {
		return taken{}, nil
	}
	size := packetSize(rest)
	if d.more {
		d.left, d.more = size, size == maxPacket
		f.sent(rest[3] + 1)
		if size == 0 {
			return f.downPiece(nil, header), nil
		}
		if d.drop || f.swallow {
			return f.drain(taken{skip: header}), nil
		}
		return taken{pass: header}, nil
	}
	r := f.head()
	if r == nil {
		return f.unasked(rest, size)
	}
	t, err := f.serverPackets(r, rest, size)
	if err != nil {
		return taken{}, err
	}
	return f.drain(t), nil
}

// drain counts what is dropped of a refused answer; there is a limit to it.
func (f *flow) drain(t taken) taken {
	if f.swallow {
		if f.swallowed += t.skip; f.swallowed > drainLimit {
			t.do |= doCut
		}
	}
	return t
}

// downPiece shows a piece of the server's packet that is passing.
func (f *flow) downPiece(p []byte, n int) taken {
	d := &f.down
	if d.drop || f.swallow {
		return f.drain(taken{skip: n})
	}
	end := d.left == 0 && !d.more
	if e := d.exec; e != nil && e.run != nil {
		var v event.Verdict
		if d.conv != nil {
			v = d.conv.show(e.run, d.ch, e.rows, p, end)
		} else {
			v = e.run.Stream(d.ch, e.rows, p, end && d.ch != event.ChannelReplication)
		}
		if d.unpack != nil {
			v = worse(v, d.unpack.show(e.run, e.rows, p, end))
		}
		switch {
		case f.blocks(v) && f.hold.Active(): // the client has nothing of it
			return f.replace(f.replacement(), n, 0)
		case v.Blocks():
			f.midFrame.Store(true) // the client has part of the packet
			return taken{do: doCut}
		}
	}
	return taken{pass: n}
}

// whole asks for a packet to be there in full. ok false: t says what is needed.
func whole(rest []byte, size int) (t taken, ok bool, err error) {
	if size == 0 {
		return t, false, errors.New("an empty packet")
	}
	if header+size <= len(rest) {
		return t, true, nil
	}
	if size > controlLimit {
		return t, false, fmt.Errorf("a packet of %d bytes, more than its type can need", size)
	}
	return taken{need: header + size}, false, nil
}

// unasked takes a packet that answers nothing: servers end idle sessions with
// an error.
func (f *flow) unasked(rest []byte, size int) (taken, error) {
	t, ok, err := whole(rest, size)
	if !ok {
		return t, err
	}
	p := rest[header : header+size]
	if p[0] != mysql.ERR_HEADER {
		return taken{}, fmt.Errorf("a packet that begins with 0x%02x without a command", p[0])
	}
	if f.show(nil, event.ChannelError, p) {
		f.inject = appendPacket(f.inject[:0], rest[3], f.replacement())
		return taken{skip: header + size, do: doInject}, nil
	}
	return taken{pass: header + size}, nil
}

// serverPackets takes one packet of an answer, or a run of rows.
func (f *flow) serverPackets(r *request, rest []byte, size int) (taken, error) {
	switch {
	case f.rowPhase:
		return f.rowPackets(r, rest, size)
	case r.kind == dump:
		return f.dumpPacket(r, rest, size)
	case r.kind == clone:
		if f.blocks(r.exec.run.Stream(event.ChannelReplication, 0, rest, false)) {
			return taken{do: doCut}, nil
		}
		return taken{pass: len(rest)}, nil
	}
	t, ok, err := whole(rest, size)
	if !ok {
		return t, err
	}
	p := rest[header : header+size]
	seq := rest[3]
	switch r.kind {
	case result:
		return f.resultPacket(r, rest, p)
	case prepare:
		return f.preparePacket(r, rest, p)
	case change:
		return f.changePacket(r, rest, p)
	case refused:
		if p[0] != mysql.OK_HEADER && p[0] != mysql.ERR_HEADER {
			return taken{}, fmt.Errorf("the answer to COM_PING begins with 0x%02x", p[0])
		}
		f.inject = appendPacket(f.inject[:0], r.seq, r.answer)
		f.endRun(r.exec, codeRefused)
		f.done()
		return taken{skip: header + size, do: doInject}, nil
	case fieldList:
		return f.fieldPacket(r, rest, p)
	case bare:
		v := f.show(nil, event.ChannelNotice, p)
		f.swallow = false
		t = f.verdict(v, header+size, seq)
		f.done()
		return t, nil
	}
	return f.simplePacket(r, rest, p)
}

// verdict tells what becomes of a packet of n bytes that is refused or not.
func (f *flow) verdict(refused bool, n int, seq byte) taken {
	switch {
	case f.swallow:
		return taken{skip: n}
	case refused:
		return f.replace(f.replacement(), n, seq)
	}
	f.sent(seq + 1)
	return taken{pass: n}
}

// resultPacket takes the first packet of a result.
func (f *flow) resultPacket(r *request, rest, p []byte) (taken, error) {
	n, seq := header+len(p), rest[3]
	switch p[0] {
	case mysql.OK_HEADER:
		ok, err := parseOK(p, f.caps)
		if err != nil {
			return taken{}, fmt.Errorf("OK packet: %w", err)
		}
		t := f.verdict(f.okay(r, &ok), n, seq)
		if ok.status&mysql.SERVER_MORE_RESULTS_EXISTS == 0 {
			f.finish(r, codeOK)
		}
		return t, nil
	case mysql.ERR_HEADER:
		return f.errorPacket(r, rest, p)
	case mysql.LocalInFile_HEADER:
		return f.fileRequest(r, rest, p)
	case mysql.EOF_HEADER:
		return taken{}, errors.New("an EOF packet in the place of a result")
	}
	return f.definitions(r, rest, p)
}

// okay notes what an OK packet says, and reports whether it is refused.
func (f *flow) okay(r *request, ok *okPacket) (refused bool) {
	f.inTrans.Store(ok.status&mysql.SERVER_STATUS_IN_TRANS != 0)
	f.quotes(ok.status)
	if len(ok.info) > 0 {
		refused = f.show(r, event.ChannelNotice, ok.info)
	}
	if len(ok.track) > 0 {
		refused = f.tracked(r, ok) || refused
	} else if r.schema != "" {
		f.sess.Set(schemaParameter, r.schema)
	}
	if n := ok.unredirect(); n > 0 {
		f.count.Redirects.Add(uint64(n))
	}
	return refused
}

// statusANSIQuotes is MariaDB's alone (mysql_com.h: SERVER_STATUS_ANSI_QUOTES).
const statusANSIQuotes = 1 << 15

// quotes tells the engine how the session's texts are to be read, by what every
// status says of its sql_mode: servers report sql_mode itself only to clients that
// track the session, and MariaDB not unless it is told to.
func (f *flow) quotes(status uint16) {
	now := status & (mysql.SERVER_STATUS_NO_BACKSLASH_ESCAPED | statusANSIQuotes)
	changed := now ^ f.quoting
	if changed == 0 || f.sess == nil {
		return
	}
	f.quoting = now
	for _, x := range [...]struct {
		bit  uint16
		name string
	}{{mysql.SERVER_STATUS_NO_BACKSLASH_ESCAPED, "no_backslash_escapes"}, {statusANSIQuotes, "ansi_quotes"}} {
		if changed&x.bit == 0 {
			continue
		}
		value := "off"
		if now&x.bit != 0 {
			value = "on"
		}
		f.sess.Set(x.name, value)
	}
}

// schemaParameter is the name under which the engine hears of the current schema.
const schemaParameter = "schema"

// tracked tells the engine what the server reports of the session's state.
func (f *flow) tracked(r *request, ok *okPacket) (refused bool) {
	schema := r.schema
	_ = ok.each(func(kind byte, name, value []byte) { // parsed before
		refused = f.show(r, event.ChannelParameter, value) || refused
		switch kind {
		case mysql.SESSION_TRACK_SYSTEM_VARIABLES:
			f.sess.Set(clip(name), clip(value))
			f.reported(name, value)
		case mysql.SESSION_TRACK_SCHEMA:
			schema = ""
			f.sess.Set(schemaParameter, clip(value))
		}
	})
	if schema != "" {
		f.sess.Set(schemaParameter, schema)
	}
	return refused
}

func worse(a, b event.Verdict) event.Verdict {
	if b.Action > a.Action {
		return b
	}
	return a
}

// show shows a text of the server to the run it belongs to, or else to the
// session, and reports whether it is refused. A text in a wide character set (character_set_results) is shown
// without its zero bytes too: what is ASCII in it becomes readable. So is one in
// that of file names.
func (f *flow) show(r *request, ch event.Channel, text []byte) (refused bool) {
	refused = f.showOne(r, ch, text)
	if bytes.IndexByte(text, 0) >= 0 {
		f.text = f.text[:0]
		for _, c := range text {
			if c != 0 {
				f.text = append(f.text, c)
			}
		}
		refused = f.showOne(r, ch, f.text) || refused
	}
	if bytes.Contains(text, fileNameEscape) {
		f.text = appendFileName(f.text[:0], text)
		refused = f.showOne(r, ch, f.text) || refused
	}
	return refused
}

// fileNameEscape is how what is ASCII and no letter begins in the character set of
// file names.
var fileNameEscape = []byte("@00")

func (f *flow) showOne(r *request, ch event.Channel, text []byte) bool {
	if r != nil && r.exec != nil && r.exec.run != nil && !r.exec.ended {
		return f.blocks(r.exec.run.Text(ch, text))
	}
	return f.blocks(f.sess.Text(ch, text))
}

// errorPacket takes an ERR packet, which ends a command, or one of MariaDB's
// progress reports in its guise, which does not.
func (f *flow) errorPacket(r *request, rest, p []byte) (taken, error) {
	n, seq := header+len(p), rest[3]
	e, err := parseErr(p)
	if err != nil {
		return taken{}, fmt.Errorf("ERR packet: %w", err)
	}
	v := f.show(r, event.ChannelError, e.message)
	// A procedure can raise an error of that number; it has an SQLSTATE.
	if e.code == progressCode && e.state == "" && f.caps.has(mariaProgress) {
		return f.verdict(v, n, seq), nil
	}
	t := f.ending(v, n, seq)
	if r.named {
		f.charset.Store(uint32(r.charset))
	}
	if r.kind == prepare && r.prep != nil && r.prep.stmt != nil && !f.swallow {
		r.prep.stmt.Failed(e.runCode())
	}
	f.finish(r, e.runCode())
	return t, nil
}

// finish ends a command. What became of a refused one at the server does not count.
func (f *flow) finish(r *request, code string) {
	if f.swallow {
		code = codeRefused
	}
	if r.exec != nil && r.kind != fetch {
		f.endRun(r.exec, code)
	}
	f.done()
}

// fileRequest takes LOCAL INFILE: the server asks for a file, and the client's
// packets are that file until an empty one.
func (f *flow) fileRequest(r *request, rest, p []byte) (taken, error) {
	switch {
	case f.swallow: // the client has had its error and will send no file
		return taken{do: doCut}, nil
	case r.cmd != mysql.COM_QUERY || !r.infile || !f.caps.has(capLocalFiles):
		return taken{}, errors.New("the server asks for a file of the client's without LOAD DATA LOCAL INFILE: it is not to be trusted")
	}
	f.mu.Lock()
	waiting := f.queue.awaited()
	f.mu.Unlock()
	if waiting > 1 {
		return taken{}, errors.New("commands were sent behind LOAD DATA LOCAL INFILE without waiting for its answer")
	}
	f.fileSeq.Store(uint32(rest[3] + 1))
	f.mode.Store(uint32(fileData))
	return taken{pass: header + len(p)}, nil
}

// simplePacket takes the answer of a command that returns no data.
func (f *flow) simplePacket(r *request, rest, p []byte) (taken, error) {
	n, seq := header+len(p), rest[3]
	switch p[0] {
	case mysql.ERR_HEADER:
		return f.errorPacket(r, rest, p)
	case mysql.EOF_HEADER:
		ok, err := eofStatus(p, f.caps)
		if err != nil {
			return taken{}, fmt.Errorf("EOF packet: %w", err)
		}
		t := f.ending(f.okay(r, &ok), n, seq)
		f.finish(r, codeOK)
		return t, nil
	case mysql.OK_HEADER:
	default:
		return taken{}, fmt.Errorf("the answer to command 0x%02x begins with 0x%02x", r.cmd, p[0])
	}
	ok, err := parseOK(p, f.caps)
	if err != nil {
		return taken{}, fmt.Errorf("OK packet: %w", err)
	}
	t := f.verdict(f.okay(r, &ok), n, seq)
	switch r.cmd {
	case mysql.COM_RESET_CONNECTION:
		f.forgetStatements()
	case mysql.COM_STMT_RESET:
		f.closeCursor(r.prep)
	}
	f.finish(r, codeOK)
	return t, nil
}

// fieldPacket takes a packet of COM_FIELD_LIST: a definition with the column's
// default, or the end of them.
func (f *flow) fieldPacket(r *request, rest, p []byte) (taken, error) {
	switch p[0] {
	case mysql.ERR_HEADER:
		return f.errorPacket(r, rest, p)
	case mysql.EOF_HEADER:
		return f.simplePacket(r, rest, p)
	}
	f.holdResult(r.exec, rest[3])
	return f.verdict(f.show(r, event.ChannelLabel, p), header+len(p), rest[3]), nil
}

// preparePacket takes the answer to COM_STMT_PREPARE with the definitions that
// follow it.
func (f *flow) preparePacket(r *request, rest, p []byte) (taken, error) {
	switch p[0] {
	case mysql.ERR_HEADER:
		return f.errorPacket(r, rest, p)
	case mysql.OK_HEADER:
	default:
		return taken{}, fmt.Errorf("the answer to COM_STMT_PREPARE begins with 0x%02x", p[0])
	}
	if len(p) < 9 {
		return taken{}, fmt.Errorf("answer to COM_STMT_PREPARE: %w", errShort)
	}
	cols, params := int(binary.LittleEndian.Uint16(p[5:])), int(binary.LittleEndian.Uint16(p[7:]))
	off := header + len(p)
	g := group{rest: rest, off: off, eof: !f.caps.has(capDeprecateEOF)}
	if t, ok, err := g.take(params); !ok {
		return t, err
	}
	labels := g.off
	if t, ok, err := g.take(cols); !ok {
		return t, err
	}
	r.prep.id, r.prep.nparam = binary.LittleEndian.Uint32(p[1:]), params
	r.prep.known.Store(true)
	f.mu.Lock()
	if f.statements == nil {
		f.statements = make(map[uint32]*prepared)
	}
	if !r.prep.closed {
		f.statements[r.prep.id] = r.prep
	}
	f.mu.Unlock()
	refused := false
	if cols > 0 {
		refused = f.show(nil, event.ChannelLabel, rest[labels:g.off])
		if f.caps.has(mariaCacheMeta) {
			end := g.off
			if g.eof {
				end -= header + len(g.last)
			}
			var err error
			if r.prep.desc, err = f.describe(rest[labels:end], cols); err != nil {
				return taken{}, err
			}
		}
	}
	t := f.verdict(refused, g.off, rest[3])
	f.outSeq.Store(uint32(rest[3] + 1))
	f.done()
	return t, nil
}
