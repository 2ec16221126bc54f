package mywire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
)

// replicate takes a command that asks for everything there is. The inspector
// gets a session of its own for it, whose client says so: allowed or not, it is
// an event.
func (f *flow) replicate(cmd byte, body []byte) (action, error) {
	name := map[byte]string{
		mysql.COM_BINLOG_DUMP: "COM_BINLOG_DUMP", mysql.COM_BINLOG_DUMP_GTID: "COM_BINLOG_DUMP_GTID",
		mysql.COM_TABLE_DUMP: "COM_TABLE_DUMP", mysql.COM_CLONE: "COM_CLONE",
	}[cmd]
	who := f.Who()
	who.Replication = name
	sess, v := f.opts.Open(who)
	if !f.opts.Replicas[who.User] || v.Blocks() {
		f.count.ReplicationRefused.Add(1)
		if sess != nil {
			sess.Close()
		}
		text := name + " is not allowed through this proxy: ask its administrator to list the user under replication"
		if isBinlog(cmd) {
			// Of other errors a replica writes no more than a line in its log, and
			// asks again and again: with this one it stops, and SHOW REPLICA STATUS tells why.
			return f.refuse(errPayload(codeNoBinlog, stateGeneral, text), 1), nil
		}
		return f.refuse(errPayload(codeNeedGrant, stateForbidden, text), 1), nil
	}
	note := fmt.Appendf(nil, "-- %s", name)
	if cmd == mysql.COM_BINLOG_DUMP && len(body) > 10 {
		note = fmt.Appendf(note, " from %q at %d", clip(body[10:]), binary.LittleEndian.Uint32(body))
	}
	stmt, _ := sess.Prepare(note, len(note))
	run, _ := stmt.Run(nil, nil)
	e := f.newExec()
	e.run, e.stmt = run, stmt
	k := dump
	if cmd == mysql.COM_CLONE {
		k = clone
	}
	f.dumping = true
	r := request{kind: k, cmd: cmd, exec: e, dump: sess}
	if isBinlog(cmd) {
		r.unpack = &unpacker{report: func(reason string) event.Verdict { return f.unread(who, reason) }}
	}
	f.push(r)
	if k == clone {
		f.mode.Store(uint32(rawData))
	}
	return action{}, nil
}

// isBinlog reports whether a command asks for the binary log.
func isBinlog(cmd byte) bool {
	return cmd == mysql.COM_BINLOG_DUMP || cmd == mysql.COM_BINLOG_DUMP_GTID
}

// unread reports a replication stream of which something can't be inspected, as
// an event of its own. Server's goroutine.
func (f *flow) unread(who event.Client, reason string) event.Verdict {
	f.count.ReplicationUnread.Add(1)
	who.Replication += ", not inspected: " + reason
	sess, v := f.opts.Open(who)
	if sess != nil {
		sess.Close()
	}
	return v
}

// dumpPacket takes a packet of a binary log's or a table's stream: an event
// behind a zero byte, an error, or EOF.
func (f *flow) dumpPacket(r *request, rest []byte, size int) (taken, error) {
	if size == 0 {
		return taken{}, errors.New("an empty packet in a stream of events")
	}
	if len(rest) < header+1 {
		return taken{need: header + 1}, nil
	}
	if c := rest[header]; c == mysql.ERR_HEADER || c == mysql.EOF_HEADER && size < 9 {
		t, ok, err := whole(rest, size)
		if !ok {
			return t, err
		}
		if r.exec.run != nil {
			r.exec.run.Stream(event.ChannelReplication, r.exec.rows, nil, true)
		}
		sess := r.dump
		r.dump = nil
		r.unpack.close()
		if c == mysql.ERR_HEADER {
			t, err = f.errorPacket(r, rest, rest[header:header+size])
		} else {
			t, err = f.simplePacket(r, rest, rest[header:header+size])
		}
		sess.Close()
		return t, err
	}
	n := min(header+size, len(rest))
	r.exec.rows++
	f.down = download{left: header + size - n, more: size == maxPacket, exec: r.exec, ch: event.ChannelReplication, unpack: r.unpack}
	if r.unpack != nil {
		r.unpack.begin(size)
	}
	return f.downPiece(rest[header:n], n), nil
}
