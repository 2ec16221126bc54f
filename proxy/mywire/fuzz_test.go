package mywire

import (
	"bytes"
	"slices"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/internal/wiretest"
	"honeyrow/proxy/wire"
)

// fuzzFlow feeds a stream whole and byte by byte, with results kept back and
// without: none may panic, and without a refusal all must let the same bytes
// pass, in their order.
func fuzzFlow(f *testing.F, from wire.Side, c caps, prepare ...[2][]byte) {
	fuzzFlowWith(f, from, flowOptions{Caps: c, Secure: [2]bool{true, true}, Safe: true}, prepare...)
}

func fuzzFlowWith(f *testing.F, from wire.Side, o flowOptions, prepare ...[2][]byte) {
	f.Fuzz(func(t *testing.T, stream []byte) {
		if len(stream) > 4096 {
			return
		}
		var outs [4][]byte
		var errs [4]error
		for i := range outs {
			rec := inspecttest.New()
			rec.Quiet = true
			sess, _ := rec.Open(event.Client{})
			o := o
			o.Session, o.Who, o.Open, o.Statement, o.Replicas = sess, new(event.Client), rec.Open, 512, map[string]bool{"": true}
			o.Hold = wire.HoldConfig{Size: 64 * (i / 2), Beyond: wire.BeyondPass}
			fl := newFlow(o)
			d := &wiretest.Driver{Flow: fl, Poison: true}
			for _, sides := range prepare {
				for side, sent := range sides {
					if _, err := d.Feed(wire.Side(side), sent); err != nil {
						t.Fatal(err)
					}
				}
			}
			if i%2 == 0 {
				outs[i], errs[i] = d.Feed(from, stream)
			} else {
				for k := 0; k < len(stream) && errs[i] == nil && !d.Cut(); k++ {
					var out []byte
					out, errs[i] = d.Feed(from, stream[k:k+1])
					outs[i] = append(outs[i], out...)
				}
			}
			for _, p := range rec.Problems() {
				t.Errorf("seam: %s", p)
			}
			outs[i] = append(outs[i], d.Wait()...) // what no end has come for
			fl.Farewell(wire.Shutdown, "")
			fl.AtRest()
			fl.Close()
		}
		for i := range outs {
			if (errs[0] == nil) != (errs[i] == nil) {
				t.Fatalf("whole: %v; otherwise (%d): %v", errs[0], i, errs[i])
			}
			if errs[0] == nil && !bytes.Equal(outs[0], outs[i]) {
				t.Fatalf("whole %q\notherwise (%d) %q", outs[0], i, outs[i])
			}
		}
	})
}

func FuzzServerStream(f *testing.F) {
	d := dialect{newCaps}
	f.Add(pk(1, d.result(2, twoColumns(), textRow("1", "x"), textRow("NULL", "y"))...))
	f.Add(pk(1, d.result(mysql.SERVER_MORE_RESULTS_EXISTS, twoColumns())...))
	f.Add(pk(1, d.tracked("info", append([]byte{1}, str(string(str("crm")))...))))
	f.Add(pk(1, errPayload(1064, "42000", "x")))
	f.Add(pk(1, []byte("\xfbfile")))
	fuzzFlow(f, wire.Server, newCaps, [2][]byte{cat(query("load data local infile 'x'"), query("2"))})
}

func FuzzServerStreamWithEOF(f *testing.F) {
	d := dialect{oldCaps}
	f.Add(pk(1, d.result(2, twoColumns(), textRow("1", "x"))...))
	fuzzFlow(f, wire.Server, oldCaps, [2][]byte{query("1")})
}

func FuzzServerStreamPrepared(f *testing.F) {
	c := newCaps &^ capMySQL
	d := dialect{c}
	cols := [][]byte{column("a", mysql.MYSQL_TYPE_LONG, 63, mysql.ZEROFILL_FLAG), column("b", mysql.MYSQL_TYPE_DATETIME, 63, 0), column("c", 0, 54, 0), column("d", mysql.MYSQL_TYPE_TIME, 63, 0), column("e", mysql.MYSQL_TYPE_DOUBLE, 63, 0)}
	f.Add(pk(1, d.result(2, cols, binaryRow(le32(4), []byte{4, 1, 2, 3, 4}, str("\x00a\x00b"), []byte{8, 1, 0, 0, 0, 0, 1, 2, 3}, make([]byte, 8)))...))
	f.Add(pk(1, append(d.head(0, cols...), d.end(mysql.SERVER_STATUS_CURSOR_EXISTS))...))
	fuzzFlow(f, wire.Server, c, [2][]byte{command(mysql.COM_STMT_PREPARE, "select ?"), pk(1, d.prepared(7, 0, 5)...)}, [2][]byte{cat(execute(7, 1), fetchRows(7, 9))})
}

func FuzzServerStreamAfterACursor(f *testing.F) {
	d := dialect{newCaps}
	stays := append(d.head(0, numberAndText()...), d.ok(34))
	row := binaryRow(le32(7), str("x"))
	f.Add(cat(pk(1, stays...), pk(1, row, d.end(mysql.SERVER_STATUS_CURSOR_EXISTS)), pk(1, d.ok(2))))
	f.Add(cat(pk(1, append(stays, d.ok(34), row, d.end(2))...), pk(1, d.end(2)), pk(1, d.ok(2))))
	opened := append(d.head(0, numberAndText()...), d.end(mysql.SERVER_STATUS_CURSOR_EXISTS))
	fuzzFlow(f, wire.Server, newCaps, [2][]byte{command(mysql.COM_STMT_PREPARE, "select ?"), pk(1, d.prepared(7, 0, 2)...)},
		[2][]byte{execute(7, 1), pk(1, opened...)}, [2][]byte{cat(execute(7, 0), fetchRows(7, 9), ping)})
}

func FuzzServerStreamCached(f *testing.F) {
	c := newCaps&^capMySQL | mariaCacheMeta
	d := dialect{c}
	f.Add(cat(pk(1, []byte{2, 0}, binaryRow(str("x"), str("y")), d.end(2)), pk(1, []byte{1, 1}, column("a", 0, 0, 0), d.end(2))))
	fuzzFlow(f, wire.Server, c, [2][]byte{command(mysql.COM_STMT_PREPARE, "select ?"), pk(1, d.prepared(7, 0, 2)...)}, [2][]byte{cat(execute(7, 0), execute(7, 0))})
}

func FuzzServerStreamOfOtherCommands(f *testing.F) {
	d := dialect{newCaps}
	f.Add(pk(1, d.prepared(7, 2, 2)...))
	f.Add(cat(pk(1, d.prepared(7, 0, 0)...), pk(1, []byte("\xfemysql_native_password\x00salt"), d.ok(2))))
	fuzzFlow(f, wire.Server, newCaps, [2][]byte{cat(command(mysql.COM_STMT_PREPARE, "x"), changeUser("u", pluginSHA2))})
}

// Of a change of user where only one leg has TLS, both sides may say anything.
func FuzzChangeOfUserServer(f *testing.F) {
	f.Add(pk(1, []byte("\xfesha256_password\x00salt\x00"), []byte("\x01-----BEGIN PUBLIC KEY-----\nMA==\n-----END PUBLIC KEY-----\n")))
	f.Add(pk(1, []byte{1, 4}, []byte("\x01key"), dialect{newCaps}.ok(2)))
	fuzzFlowWith(f, wire.Server, flowOptions{Caps: newCaps, Secure: [2]bool{true, false}}, [2][]byte{changeUser("u", pluginSHA256)})
}

func FuzzChangeOfUserClient(f *testing.F) {
	var ring keyring
	f.Add(cat(changeUser("u", pluginSHA2), pk(2, []byte{2}, nil, make([]byte, 256))))
	f.Add(cat(bytes.Replace(changeUser("u", pluginSHA256), []byte("\x03abc"), []byte("\x03\x01\x00\x00"), 1), pk(2, make([]byte, 256))))
	fuzzFlowWith(f, wire.Client, flowOptions{Caps: newCaps, Secure: [2]bool{false, true}, Key: ring.get, Salt: []byte("salt")})
}

func FuzzReplicationStream(f *testing.F) {
	f.Add(pk(1, []byte("\x00event"), []byte("\x00more"), []byte{0xfe, 0, 0, 2, 0}))
	fuzzFlow(f, wire.Server, newCaps, [2][]byte{cat(command(mysql.COM_BINLOG_DUMP, ""), query("1"))})
}

func FuzzClientStream(f *testing.F) {
	f.Add(cat(query("select 1"), command(mysql.COM_QUIT, "")))
	f.Add(cat(command(mysql.COM_STMT_PREPARE, "select ?"), execute(lastPreparedID, 0, "x"), closeStmt(1)))
	f.Add(pk(0, cat([]byte{mysql.COM_STMT_SEND_LONG_DATA}, le32(7), []byte{0, 0}, []byte("data"))))
	f.Add(changeUser("u", pluginNative))
	f.Add(pk(0, cat([]byte{comStmtBulkExecute}, le32(7), []byte{bulkSendTypes, 0, 3, 0, 0}, le32(1))))
	f.Add(command(mysql.COM_CLONE, ""))
	fuzzFlow(f, wire.Client, newCaps|mariaBulk, [2][]byte{command(mysql.COM_STMT_PREPARE, "select ?"), pk(1, dialect{newCaps}.prepared(7, 1, 0)...)})
}

func FuzzClientStreamWithAttributes(f *testing.F) {
	f.Add(pk(0, cat([]byte{mysql.COM_QUERY}, []byte{1, 1, 0, 1, 0xfe, 0}, str("n"), str("v"), []byte("select 1"))))
	f.Add(pk(0, cat([]byte{mysql.COM_STMT_EXECUTE}, le32(7), []byte{8}, le32(1), []byte{1, 0, 1, 0xfe, 0}, str(""), str("x"))))
	fuzzFlow(f, wire.Client, newCaps|capQueryAttributes, [2][]byte{pk(0, []byte("\x16x")), pk(1, dialect{newCaps}.prepared(7, 1, 0)...)})
}

func FuzzClientFileData(f *testing.F) {
	f.Add(pk(2, []byte("1\tx\n"), nil))
	fuzzFlow(f, wire.Client, newCaps, [2][]byte{query("load data local infile 'x'"), pk(1, []byte("\xfbx"))})
}

// A greeting that is understood is passed on with other capabilities and
// nothing else changed.
func FuzzGreeting(f *testing.F) {
	f.Add(realGreeting)
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := parseGreeting(b)
		if err != nil {
			return
		}
		if out := g.offer(g.caps); !bytes.Equal(out, b) {
			t.Fatalf("%q became %q", b, out)
		}
		again, err := parseGreeting(g.offer(g.caps & inspectable))
		if err == nil && again.caps&^inspectable != 0 {
			t.Fatalf("capabilities %x", again.caps)
		}
	})
}

// A response that is understood is built again with the same content.
func FuzzResponse(f *testing.F) {
	for _, c := range []caps{newCaps | capConnectWithDB, oldCaps | capLenencAuth, capProtocol41, newCaps &^ capMySQL} {
		r := &response{fixed: make([]byte, responseFixed), user: []byte("app"), auth: []byte("12345678901234567890"), database: []byte("crm"), plugin: []byte(pluginNative), attrs: cat(str("_pid"), str("1"))}
		r.setCaps(c | capMySQL)
		f.Add(r.encode(c), uint64(c))
	}
	f.Fuzz(func(t *testing.T, b []byte, offered uint64) {
		r, err := parseResponse(b, caps(offered))
		if err != nil {
			return
		}
		attributes(r.attrs)
		agreed := r.caps & caps(offered)
		if len(r.auth) > 250 && !agreed.has(capLenencAuth) {
			return
		}
		again, err := parseResponse(r.encode(agreed), caps(offered))
		if err != nil || !bytes.Equal(again.user, r.user) || !bytes.Equal(again.auth, r.auth) || !bytes.Equal(again.database, r.database) || !bytes.Equal(again.plugin, r.plugin) || !bytes.Equal(again.attrs, r.attrs) {
			t.Fatalf("%+v became %+v, %v", r, again, err)
		}
	})
}

func FuzzOKPacket(f *testing.F) {
	d := dialect{newCaps}
	f.Add(d.ok(2))
	f.Add(d.tracked("note", append([]byte{0}, str(string(append(str("redirect_url"), str("x")...)))...), append([]byte{1}, str(string(str("crm")))...)))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, c := range []caps{oldCaps, newCaps} {
			_, _ = eofStatus(b, c)
			_, _ = parseErr(b)
			o, err := parseOK(b, c)
			if err != nil {
				continue
			}
			n := len(b)
			o.unredirect()
			if again, err := parseOK(b, c); err != nil || again.unredirect() != 0 || len(b) != n {
				t.Fatalf("renamed twice: %v", err)
			}
		}
	})
}

func FuzzColumnDefinition(f *testing.F) {
	f.Add(column("a", 0, 0, 0))
	f.Add(cat(str("\x00d\x00e\x00f"), str(""), str(""), str(""), str("\x00a"), str(""), str("ext"), []byte{0x0c}, make([]byte, 12)))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, _ = decodeColumn(b, newCaps)
		_, _, _ = decodeColumn(b, newCaps|mariaExtendedMeta)
	})
}

// A row's values are the same whether it is cut whole or read in pieces.
func FuzzRow(f *testing.F) {
	types := []byte{mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_DATETIME, mysql.MYSQL_TYPE_VAR_STRING, mysql.MYSQL_TYPE_DOUBLE, mysql.MYSQL_TYPE_TIME}
	f.Add(binaryRow(le32(7), []byte{4, 1, 2, 3, 4}, str("text"), make([]byte, 8), []byte{0}), types, uint8(45), 3)
	f.Add(textRow("1", "NULL", "text", "2.5", "x"), types, uint8(54), 1)
	f.Fuzz(func(t *testing.T, row, types []byte, charset uint8, piece int) {
		if len(types) == 0 || len(types) > 64 || len(row) > 2048 {
			return
		}
		d := &description{}
		var wanted []bool
		for _, typ := range types {
			fl := field{typ: typ}
			if !fl.fixed() {
				fl.wide = wideCharset(uint16(charset))
			}
			d.fields, wanted = append(d.fields, fl), append(wanted, true)
			d.sizes = append(d.sizes, int8(fl.size()))
			d.wide = d.wide || fl.wide != narrow
		}
		for _, isBinary := range []bool{false, true} {
			if !isBinary && !d.wide {
				spans, ok := cutText(nil, row, ^uint64(0), wanted, len(d.fields))
				for _, s := range spans {
					if s.Off < 0 || int(s.Off+s.Len) > len(row) {
						t.Fatalf("span %+v, %v", s, ok)
					}
				}
			}
			rec := inspecttest.New()
			rec.Again = true
			sess, _ := rec.Open(event.Client{})
			stmt, _ := sess.Prepare(nil, 0)
			run, _ := stmt.Run(nil, nil)
			rows, _ := run.Columns(event.ChannelRow, nil)
			fl := newFlow(flowOptions{Session: sess, Who: new(event.Client)})
			fl.w = watch{rows: rows, desc: d, binary: isBinary, gate: ^uint64(0), wanted: wanted, numbers: wanted}
			_, err := fl.row(1, bytes.Clone(row), ^uint64(0))
			cut := len(rec.Calls("Row"))
			s := new(rowStream)
			s.begin(&fl.w)
			size := max(1, min(piece, len(row)))
			for p := range slices.Chunk(bytes.Clone(row), size) {
				s.show(run, event.ChannelRow, 1, p, false)
			}
			s.show(run, event.ChannelRow, 1, nil, true)
			if err != nil {
				continue
			}
			var whole, short, kept [][]byte
			for i, c := range rec.Calls("Row") {
				var shown [][]byte
				for _, sp := range c.Fields {
					shown = append(shown, c.Data[sp.Off:][:sp.Len])
				}
				if i >= cut { // of the first piece, and of all when the row ends: see rowStream
					if i > cut+1 || len(shown) <= len(kept) || !slices.EqualFunc(kept, shown[:len(kept)], bytes.Equal) {
						t.Fatalf("binary %v: shown %q after %q, %d times", isBinary, shown, kept, i-cut+1)
					}
					kept = shown
					continue
				}
				for _, v := range shown {
					if whole = append(whole, v); len(v) > 0 && len(row) <= keptField {
						short = append(short, v)
					}
				}
			}
			if len(row) <= keptField && !slices.EqualFunc(short, kept, bytes.Equal) {
				t.Fatalf("binary %v: cut whole %q, in pieces %q", isBinary, short, kept)
			}
			var pieces []byte
			for _, c := range rec.Calls("Stream") {
				pieces = append(pieces, c.Data...)
			}
			at := 0
			for _, v := range whole {
				i := bytes.Index(pieces[at:], v)
				if i < 0 {
					t.Fatalf("binary %v: %q of %q is not in %q", isBinary, v, whole, pieces)
				}
				at += i + len(v)
			}
			for _, p := range rec.Problems() {
				t.Errorf("seam: %s", p)
			}
		}
	})
}

func FuzzLexer(f *testing.F) {
	f.Add([]byte("use `a``b` -- x"))
	f.Add([]byte("/* c */ load data local infile 'x?' into t # ?"))
	f.Fuzz(func(t *testing.T, b []byte) {
		useSchema(b)
		if low := bytes.ToLower(b); len(low) == len(b) && mayLoadFile(b) != (bytes.Contains(low, []byte("infile")) || bytes.Contains(low, []byte("execute"))) {
			t.Fatalf("%q", b)
		}
		if n := countHolders(b); n > bytes.Count(b, []byte("?")) {
			t.Fatalf("%d marks in %q", n, b)
		}
	})
}

func FuzzServerKey(f *testing.F) {
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\nMA==\n-----END PUBLIC KEY-----\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if key, err := publicKey(b); err == nil && key.N == nil {
			t.Fatal("a key without a modulus")
		}
	})
}

// What is replaced only looked like ASCII: no length changes, and bytes that
// are ASCII by themselves stay.
func FuzzMultibyte(f *testing.F) {
	f.Add([]byte("set names 'gbk', @@session.x = 1;"), uint8(3))
	f.Add([]byte("'\xbf\\' or '\x810\x819'"), uint8(4))
	f.Fuzz(func(t *testing.T, b []byte, m uint8) {
		setNames(b)
		out := multibyte(m%5).appendPlain(nil, b)
		if len(out) != len(b) {
			t.Fatalf("%d bytes became %d", len(b), len(out))
		}
		for i := range b {
			if out[i] != b[i] && (b[i] >= 0x80 || out[i] < 0x80 || i == 0) {
				t.Fatalf("%q became %q", b, out)
			}
		}
	})
}
