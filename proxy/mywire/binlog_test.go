package mywire

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/klauspost/compress/zstd"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/internal/wiretest"
	"honeyrow/proxy/wire"
)

// binlogEvent builds a packet of a binary log stream, with a checksum behind
// the event. semi adds the mark of semi-synchronous replication.
func binlogEvent(typ byte, semi bool, body []byte) []byte {
	body = append(bytes.Clone(body), 1, 2, 3, 4)
	b := []byte{0}
	if semi {
		b = append(b, semiSyncMagic, 1)
	}
	b = append(b, 0xef, 0, 0, 0x60, typ)
	b = binary.LittleEndian.AppendUint32(b, 1)
	b = binary.LittleEndian.AppendUint32(b, uint32(eventHeader+len(body)))
	return append(append(b, 0, 0, 0, 0, 0, 0), body...)
}

func deflate(t testing.TB, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return append([]byte{0x82, byte(len(s) >> 8), byte(len(s))}, b.Bytes()...)
}

func payloadEvent(t testing.TB, kind byte, content []byte) []byte {
	t.Helper()
	if kind == payloadZstd {
		w, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		content = w.EncodeAll(content, nil)
		w.Close()
	}
	size, how := appendLenenc(nil, uint64(len(content))), appendLenenc(nil, uint64(kind))
	return cat([]byte{payloadSize, byte(len(size))}, size, []byte{payloadKind, byte(len(how))}, how, []byte{3, 1, 9}, []byte{0}, content)
}

func TestCompressedEventsOfABinaryLogAreRead(t *testing.T) {
	long := strings.Repeat("some row ", 500) + "honey@corp.example" + strings.Repeat(" and more", 500)
	packed := deflate(t, long)
	query := append([]byte{1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 5, 0}, "statscrm\x00"...)
	rows := []byte{7, 0, 0, 0, 0, 0, 1, 0}
	rows2 := append(bytes.Clone(rows), 4, 0, 'x', 'y')
	for name, e := range map[string]struct {
		typ  byte
		body []byte
	}{
		"query":             {eventQueryCompressed, append(query, packed...)},
		"insert":            {eventRowsCompressedV1, cat(rows, []byte{9, 0xff, 1}, packed)},
		"update":            {eventRowsCompressedV1 + 1, cat(rows, []byte{9, 0xff, 1, 0xff, 1}, packed)},
		"delete, version 2": {eventRowsCompressed + 2, cat(rows2, []byte{3, 7}, packed)},
		"update, version 2": {eventRowsCompressed + 1, cat(rows2, []byte{3, 7, 7}, packed)},
		"transaction":       {eventTransactionPayload, payloadEvent(t, payloadZstd, []byte(long))},
		"plain transaction": {eventTransactionPayload, payloadEvent(t, payloadPlain, []byte(long))},
	} {
		for _, semi := range []bool{false, true} {
			x := start(t, newCaps, func(r *inspecttest.Recorder) { r.Quiet = true })
			x.f.who.Load().User = "replica"
			x.client(nil, command(mysql.COM_BINLOG_DUMP, "\x04\x00\x00\x00\x00\x00\x01\x00\x00\x00binlog.000001"))
			stream := pk(1, binlogEvent(30, semi, []byte("before")), binlogEvent(e.typ, semi, e.body), binlogEvent(30, semi, []byte("behind")), binlogEvent(e.typ, semi, e.body))
			if _, err := x.d.FeedSplit(rand.New(rand.NewPCG(1, 2)), wire.Server, stream, 300); err != nil {
				t.Fatal(err)
			}
			got := x.rec.Bytes(event.ChannelReplication)
			if n := bytes.Count(got, []byte(long)); n != 2 || !bytes.Contains(got, []byte("before")) || !bytes.Contains(got, []byte("behind")) {
				t.Errorf("%s, semi %v: %d times in %d bytes", name, semi, n, len(got))
			}
			if n := x.f.count.ReplicationUnread.Load(); n != 0 || len(x.rec.Calls("Open")) != 2 {
				t.Errorf("%s: %d events unread", name, n)
			}
			x.f.Close()
		}
	}
}

func TestEventsThatCanNotBeReadAreAnEventOfTheirOwnAndOnlyOne(t *testing.T) {
	packed := deflate(t, "some text")
	unknown := bytes.Clone(packed)
	unknown[0] = 0x92
	rows := []byte{7, 0, 0, 0, 0, 0, 1, 0, 1, 1}
	for name, packet := range map[string][]byte{
		"an unknown algorithm":   binlogEvent(eventRowsCompressedV1, false, append(rows, unknown...)),
		"an unknown transaction": binlogEvent(eventTransactionPayload, false, payloadEvent(t, 7, []byte("x"))),
		"a broken transaction":   binlogEvent(eventTransactionPayload, false, []byte{2, 1, 0, 0, 'x', 'y', 'z', 'z', 'y'}),
		"half an event":          binlogEvent(eventRowsCompressedV1, false, cat(rows, packed[:12])),
		"no body":                binlogEvent(eventQueryCompressed, false, nil),
		"no event":               []byte("\x00what is this, twice as long as a header?"),
		"too short":              []byte("\x00x"),
	} {
		x := start(t, newCaps, nil)
		x.f.who.Load().User = "replica"
		x.client(nil, command(mysql.COM_BINLOG_DUMP, "\x04\x00\x00\x00\x00\x00\x01\x00\x00\x00b"))
		x.server(nil, pk(1, packet, packet))
		opens := x.rec.Calls("Open")
		if len(opens) != 3 || !strings.Contains(opens[2].Client.Replication, "COM_BINLOG_DUMP, not inspected: ") || x.f.count.ReplicationUnread.Load() != 1 {
			t.Errorf("%s: opened %+v", name, opens)
		}
	}
	// A rule may refuse to go on blindly.
	x := start(t, newCaps, nil)
	x.f.who.Load().User = "replica"
	x.client(nil, command(mysql.COM_BINLOG_DUMP, "\x04\x00\x00\x00\x00\x00\x01\x00\x00\x00b"))
	x.rec.BlockWhen(event.ChannelLogin, "replica")
	x.server(nothing, pk(1, []byte("\x00x")))
	if !x.d.Cut() {
		t.Error("the stream goes on")
	}
}

func TestALargeCompressedEventIsReportedAndNotKept(t *testing.T) {
	x := start(t, newCaps, func(r *inspecttest.Recorder) { r.Quiet = true })
	x.f.who.Load().User = "replica"
	x.client(nil, command(mysql.COM_BINLOG_DUMP, "\x04\x00\x00\x00\x00\x00\x01\x00\x00\x00b"))
	e := binlogEvent(eventTransactionPayload, false, make([]byte, maxCompressed+maxPacket))
	for i := byte(1); len(e) > 0; i++ {
		n := min(len(e), maxPacket)
		d := &wiretest.Driver{Flow: x.f}
		if _, err := d.Feed(wire.Server, pk(i, e[:n])); err != nil {
			t.Fatal(err)
		}
		e = e[n:]
	}
	if n := x.f.count.ReplicationUnread.Load(); n != 1 || cap(x.f.queue.peek().unpack.buf) != 0 {
		t.Errorf("%d reported", n)
	}
}

func TestACompressedLogOfARealServerIsRead(t *testing.T) {
	s, _, _ := realServer(t)
	if !applies(t, s.Release) {
		return
	}
	rec := inspecttest.New()
	rec.Quiet = true
	addr, p := proxiedWith(t, rec, Config{Replication: []string{"replica_u"}, Server: Server{Address: s.Addr()}}, originNone, func(error) {})
	sql := "drop table if exists bc; create table bc (e text); set global log_bin_compress = 1; set global log_bin_compress_min_len = 20;"
	for i, format := range []string{"statement", "row"} {
		sql += fmt.Sprintf("set session binlog_format = '%s'; insert into bc select concat(repeat('x', 500), 'honey%d@', 'packed.example', repeat('x', 500));", format, i)
		sql += fmt.Sprintf("insert into bc values (concat('%s', 'statement%d'));", strings.Repeat("padding ", 50), i)
	}
	if err := s.Exec(t.Context(), "crm", sql+"update bc set e = concat(e, e); delete from bc; set global log_bin_compress = 0;"); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(addr)
	if _, err := s.Tool(t.Context(), "mariadb-binlog", append(s.NoTLS(), "--read-from-remote-server", "--host=127.0.0.1", "--port="+port, "--protocol=tcp", "--user=replica_u", "--password=secret", "binlog.000001")...); err != nil {
		t.Fatal(err)
	}
	got := rec.Bytes(event.ChannelReplication)
	for _, want := range []string{"honey1@packed.example", "statement0"} {
		if !bytes.Contains(got, []byte(want)) {
			t.Errorf("%q was not shown among %d bytes", want, len(got))
		}
	}
	if p.Counters.ReplicationUnread.Load() != 0 {
		t.Errorf("%d unread", p.Counters.ReplicationUnread.Load())
	}
	// Without unpacking it could not have been seen.
	var raw int
	for _, c := range rec.Calls("Stream") {
		if len(c.Data) > 0 && c.Data[0] == 0 {
			raw += bytes.Count(c.Data, []byte("honey1@packed.example"))
		}
	}
	if raw != 0 {
		t.Error("the log was not compressed: the test shows nothing")
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(binlogEvent(eventQueryCompressed, false, cat([]byte{1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0}, []byte("crm\x00"), deflate(f, "select 1"))), 7)
	f.Add(binlogEvent(eventRowsCompressed, true, cat([]byte{7, 0, 0, 0, 0, 0, 1, 0, 2, 0, 1, 1}, deflate(f, "select 1"))), 9)
	f.Add(binlogEvent(eventTransactionPayload, false, payloadEvent(f, payloadZstd, []byte("select 1"))), 100)
	f.Fuzz(func(t *testing.T, packet []byte, piece int) {
		if len(packet) == 0 || len(packet) > 4096 {
			return
		}
		if packet = bytes.Clone(packet); len(packet) >= 1+eventHeader && packet[1] != semiSyncMagic {
			binary.LittleEndian.PutUint32(packet[10:], uint32(len(packet)-1))
		}
		var shown [2][]byte
		for i, size := range []int{len(packet), max(1, min(piece, len(packet)))} {
			rec := inspecttest.New()
			sess, _ := rec.Open(event.Client{})
			stmt, _ := sess.Prepare(nil, 0)
			run, _ := stmt.Run(nil, nil)
			u := &unpacker{report: func(string) event.Verdict { return event.Verdict{} }}
			for range 2 {
				u.begin(len(packet))
				for at := 0; at < len(packet); at += size {
					end := min(at+size, len(packet))
					u.show(run, 1, packet[at:end], end == len(packet))
				}
			}
			u.close()
			shown[i] = rec.Bytes(event.ChannelReplication)
		}
		if !bytes.Equal(shown[0], shown[1]) {
			t.Fatalf("whole %q, in pieces %q", shown[0], shown[1])
		}
	})
}
