package mywire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/inspect/inspecttest"
	"honeyrow/proxy/wire"
)

func TestTextResultIsShownRowByRow(t *testing.T) {
	both(t, nil, func(x *fixture) {
		x.client(nil, query("select * from people"))
		x.server(nil, pk(1, x.result(2, twoColumns(), textRow("1", "ann"), textRow("NULL", strings.Repeat("x", 300)))...))
		if got, want := x.methods(), "Open Prepare Run Describe Columns Row Row Done Release"; got != want {
			x.Errorf("calls %q, want %q", got, want)
		}
		col := x.rec.Calls("Describe")[0].Cols[1]
		if want := (inspect.Column{Name: "b", OrgSchema: "crm", OrgTable: "people", OrgName: "org_b", Table: "t", Type: 253}); col != want {
			x.Errorf("column %+v, want %+v", col, want)
		}
		rows := x.rec.Calls("Row")
		if b, ok := rows[1].Field(0); ok || b != nil {
			x.Errorf("NULL shown as %q", b)
		}
		if b, _ := rows[1].Field(1); len(b) != 300 || rows[1].N != 2 {
			x.Errorf("row %d, field of %d bytes", rows[1].N, len(b))
		}
		if d := x.rec.Calls("Done")[0]; d.N != 2 || d.Name != "OK" {
			x.Errorf("done %d %q", d.N, d.Name)
		}
		if !x.f.AtRest() {
			x.Error("not at rest")
		}
	})
}

func TestRefusedRowBecomesAnErrorAndTheRestIsSwallowed(t *testing.T) {
	both(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelRow, "honey") }, func(x *fixture) {
		x.client(nil, query("select 1; select 2"))
		head := x.head(0, twoColumns()...)
		seq := byte(1 + len(head))
		x.server(pk(1, append(head, textRow("1", "a"))...), pk(1, append(head, textRow("1", "a"))...))
		x.server(errPk(seq+1), pk(seq+1, textRow("2", "honey"), textRow("3", "honey")))
		// A client that has its error may go on at once.
		x.client(nil, query("select 3"))
		x.server(nothing, pk(seq+3, textRow("4", "b"), x.end(mysql.SERVER_MORE_RESULTS_EXISTS)))
		x.server(nothing, pk(seq+5, x.result(mysql.SERVER_MORE_RESULTS_EXISTS, twoColumns(), textRow("5", "honey"))...))
		x.server(nothing, pk(40, x.ok(2)))
		x.server(nil, pk(1, x.result(2, twoColumns(), textRow("6", "c"))...))
		done := x.rec.Calls("Done")
		if len(done) != 2 || !x.f.AtRest() {
			x.Fatalf("%d runs done, at rest %v", len(done), x.f.AtRest())
		}
		// What is told of it is what the client has had.
		if d := done[0]; d.N != 1 || d.Name != "42000" {
			x.Errorf("refused: %d rows, code %q", d.N, d.Name)
		}
		if d := done[1]; d.N != 1 || d.Name != "OK" {
			x.Errorf("let through: %d rows, code %q", d.N, d.Name)
		}
	})
}

func TestRefusedStatementNeverReachesTheServer(t *testing.T) {
	both(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelStatement, "stolen") }, func(x *fixture) {
		x.client(cat(query("select 1"), ping, query("select 2")), cat(query("select 1"), query("select 'stolen'"), query("select 2")))
		x.server(cat(pk(1, x.ok(2)), errPk(1), pk(1, x.ok(2))), cat(pk(1, x.ok(2)), pk(1, x.ok(2)), pk(1, x.ok(2))))
		if !x.f.AtRest() || len(x.rec.Calls("Done")) != 2 {
			x.Errorf("at rest %v, %d done", x.f.AtRest(), len(x.rec.Calls("Done")))
		}
	})
}

func TestRefusedLongStatementIsDroppedToItsEnd(t *testing.T) {
	both(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelStatement, "stolen") }, func(x *fixture) {
		long := query("select 'stolen'" + strings.Repeat(" ", 200_000))
		x.client(nothing, long[:50_000])
		x.client(ping, long[50_000:])
		x.server(errPk(1), pk(1, x.ok(2)))
		// Too late to refuse: part of it has left, and the session ends.
		late := query("select '" + strings.Repeat(" ", 100_000) + "stolen'")
		if _, err := x.d.Feed(wire.Client, late[:80_000]); err != nil || x.d.Cut() {
			x.Fatal(err)
		}
		if out, err := x.d.Feed(wire.Client, late[80_000:]); err != nil || !x.d.Cut() || len(out) > 0 {
			x.Fatalf("%v, cut %v, %d bytes passed", err, x.d.Cut(), len(out))
		}
	})
}

func TestErrorTextsInfoAndLabelsAreRefusedInTheirPlace(t *testing.T) {
	both(t, func(r *inspecttest.Recorder) {
		for _, ch := range []event.Channel{event.ChannelError, event.ChannelNotice, event.ChannelLabel} {
			r.BlockWhen(ch, "honey")
		}
	}, func(x *fixture) {
		x.client(nil, query("select a"))
		x.server(errPk(1), pk(1, errPayload(1105, "HY000", "XPATH syntax error: '~honey'")))
		x.client(nil, query("select b"))
		x.server(errPk(1), pk(1, append(x.ok(2), str("honey")...)))
		x.client(nil, query("select c"))
		x.server(errPk(1), pk(1, x.result(2, [][]byte{column("honey", 0, 0, 0)}, textRow("1"))...))
		for _, e := range [][]byte{
			errPayload(1146, "42S02", "no such table"), errPayload(1142, "42000", "command denied"),
			errPayload(1064, "42000", "syntax"), errPayload(1149, "42000", "syntax"),
		} {
			x.client(nil, query("select d"))
			x.server(nil, pk(1, e))
		}
		for i, want := range []string{"42000", "42000", "42000", "42S02", "42000", "1064", "1064"} {
			if got := x.rec.Calls("Done")[i].Name; got != want {
				x.Errorf("run %d: code %q, want %q", i, got, want)
			}
		}
		if !x.f.AtRest() {
			x.Error("not at rest")
		}
	})
}

func TestSeveralResultsAndProgressReportsAreFollowed(t *testing.T) {
	x := start(t, newCaps|mariaProgress, nil)
	x.client(nil, query("call p()"))
	x.server(nil, cat(
		pk(1, x.result(mysql.SERVER_MORE_RESULTS_EXISTS, twoColumns(), textRow("1", "a"))...),
		pk(9, []byte{0xff, 0xff, 0xff, 1, 2, 3, 4, 5, 6}),
		pk(10, x.result(mysql.SERVER_MORE_RESULTS_EXISTS, twoColumns())...),
		pk(20, x.ok(2))))
	if n := len(x.rec.Calls("Columns")); n != 2 || len(x.rec.Calls("Done")) != 1 || !x.f.AtRest() {
		t.Errorf("%d results, %s", n, x.methods())
	}
}

func TestSchemaAndSessionStateAreFollowed(t *testing.T) {
	x := start(t, newCaps, nil)
	variable := func(name, value string) []byte {
		return append([]byte{0}, str(string(append(str(name), str(value)...)))...)
	}
	x.client(nil, query("use elsewhere"))
	x.server(nil, pk(1, x.tracked("", append([]byte{1}, str(string(str("elsewhere")))...), variable("autocommit", "OFF"))))
	x.client(nil, command(mysql.COM_INIT_DB, "third"))
	x.server(nil, pk(1, x.ok(2)))
	// A server that sends clients elsewhere is not heard.
	x.client(nil, query("select 1"))
	sent := pk(1, x.tracked("note", variable("redirect_url", "mysql://10.0.0.9:3306"), variable("time_zone", "UTC")))
	x.server(bytes.Replace(sent, redirectName, redirectAlias, 1), sent)
	var got []string
	for _, c := range x.rec.Calls("Set") {
		got = append(got, c.Name+"="+c.Value)
	}
	if want := "schema=elsewhere autocommit=OFF schema=third redirect_url=mysql://10.0.0.9:3306 time_zone=UTC"; strings.Join(got, " ") != want {
		t.Errorf("set %q, want %q", got, want)
	}
	if string(x.rec.Bytes(event.ChannelNotice)) != "note" || x.f.count.Redirects.Load() != 1 {
		t.Errorf("notice %q", x.rec.Bytes(event.ChannelNotice))
	}
}

func TestUseIsFollowedWithoutSessionTracking(t *testing.T) {
	x := start(t, oldCaps, nil)
	for sql, want := range map[string]string{
		"USE crm": "crm", "use `we``ird`;": "we`ird", " /* a */ -- b\n use x ": "x", "use/**/y": "y", "used z": "", "select 'use a'": "",
	} {
		x.rec.Reset()
		x.client(nil, query(sql))
		x.server(nil, pk(1, x.ok(2)))
		got := ""
		for _, c := range x.rec.Calls("Set") {
			got = c.Value
		}
		if got != want {
			t.Errorf("%q: schema %q, want %q", sql, got, want)
		}
	}
	x.rec.Reset()
	x.client(nil, query("use nosuch"))
	x.server(nil, pk(1, errPayload(1049, "42000", "Unknown database")))
	if n := len(x.rec.Calls("Set")); n != 0 {
		t.Error("a USE that failed was followed")
	}
}

func TestOtherCommandsFindTheirAnswers(t *testing.T) {
	both(t, nil, func(x *fixture) {
		for _, c := range []struct{ ask, answer []byte }{
			{command(mysql.COM_PING, ""), pk(1, x.ok(2))},
			{command(mysql.COM_STATISTICS, ""), pk(1, []byte("Uptime: 1"))},
			{command(mysql.COM_SET_OPTION, "\x00\x00"), pk(1, x.end(2))},
			{command(mysql.COM_DEBUG, ""), pk(1, x.end(2))},
			{command(mysql.COM_FIELD_LIST, "t\x00"), pk(1, append(column("a", 0, 0, 0), str("a default")...), x.end(2))},
			{command(mysql.COM_PROCESS_INFO, ""), pk(1, x.result(2, twoColumns(), textRow("1", "root"))...)},
			{command(mysql.COM_RESET_CONNECTION, ""), pk(1, x.ok(2))},
			{command(mysql.COM_TIME, ""), pk(1, errPayload(1047, "08S01", "Unknown command"))},
		} {
			x.client(nil, c.ask)
			if x.f.AtRest() {
				x.Fatalf("%q: at rest before the answer", c.ask)
			}
			x.server(nil, c.answer)
			if !x.f.AtRest() {
				x.Fatalf("%q: not at rest after the answer", c.ask)
			}
		}
		x.client(ping, command(0x77, "?"))
		if out, err := x.d.Feed(wire.Server, pk(1, x.ok(2))); err != nil || !bytes.Contains(out, []byte("can't inspect")) {
			x.Fatalf("%q, %v", out, err)
		}
		x.client(nil, command(mysql.COM_QUIT, ""))
		if got := string(x.rec.Bytes(event.ChannelLabel)); !strings.Contains(got, "a default") {
			x.Errorf("defaults shown as %q", got)
		}
	})
}

func TestBrokenStreamsAreRefused(t *testing.T) {
	long := append([]byte{0xff, 0xff, 0x7f, 1}, 0)
	for _, tt := range []struct {
		from wire.Side
		ask  []byte
		sent []byte
		text string
	}{
		{wire.Client, nil, pk(1, []byte{3, 'x'}), "out of order"},
		{wire.Client, nil, pk(0, nil), "empty packet"},
		{wire.Client, nil, command(mysql.COM_STMT_EXECUTE, "abc"), "ends before"},
		{wire.Client, nil, command(mysql.COM_CHANGE_USER, "abc"), "ends before"},
		{wire.Server, nil, pk(1, []byte{0, 0, 0, 2, 0, 0, 0}), "without a command"},
		{wire.Server, query("x"), pk(1, nil), "empty packet"},
		{wire.Server, query("x"), pk(1, []byte{0xfe, 0, 0, 2, 0}), "in the place of a result"},
		{wire.Server, query("x"), pk(1, []byte{1, 9}), "no column count"},
		{wire.Server, query("x"), pk(1, []byte{1}, []byte{3, 'd', 'e'}, []byte{0xfe, 0, 0, 2, 0}), "column definition"},
		{wire.Server, query("x"), pk(1, []byte{2}, column("a", 0, 0, 0), []byte{0xfe, 0, 0, 2, 0}), "among column definitions"},
		{wire.Server, query("x"), pk(1, []byte{1}, column("a", 0, 0, 0), []byte{0xfe, 0, 0, 2, 0}, []byte{5, 'x'}), "do not add up"},
		{wire.Server, query("x"), long, "more than its type can need"},
		{wire.Server, command(mysql.COM_PING, ""), pk(1, []byte{7}), "begins with 0x07"},
	} {
		x := start(t, oldCaps, nil)
		if tt.ask != nil {
			x.client(nil, tt.ask)
		}
		x.broken(tt.from, tt.sent, tt.text)
	}
}

func TestServersThatEndIdleSessionsAreHeard(t *testing.T) {
	x := start(t, newCaps, nil)
	x.server(nil, pk(0, errPayload(4031, "HY000", "The client was disconnected by the server because of inactivity")))
}

func TestFarewellContinuesTheAnswerUnderWay(t *testing.T) {
	both(t, nil, func(x *fixture) {
		seq := func() byte {
			m := x.f.Farewell(wire.Shutdown, "")
			if m == nil {
				return 0xee
			}
			return m[3]
		}
		if got := seq(); got != 0 {
			x.Errorf("idle: sequence id %d", got)
		}
		x.client(nil, query("select 1"))
		if got := seq(); got != 1 {
			x.Errorf("before the answer: sequence id %d", got)
		}
		head := x.head(0, twoColumns()...)
		next := byte(1 + len(head) + 2)
		x.server(nil, pk(1, append(head, textRow("1", "a"), textRow("2", "b"))...))
		if got := seq(); got != next {
			x.Errorf("among rows: sequence id %d, want %d", got, next)
		}
		big := pk(next, textRow("3", strings.Repeat("x", 200_000)))
		x.server(nil, big[:100_000])
		if got := seq(); got != 0xee {
			x.Errorf("within a row: sequence id %d, want none", got)
		}
		x.server(nil, big[100_000:])
		if got := seq(); got != next+1 {
			x.Errorf("after it: sequence id %d, want %d", got, next+1)
		}
	})
}

func TestDrainWaitsForTheEndOfATransaction(t *testing.T) {
	both(t, nil, func(x *fixture) {
		x.client(nil, query("begin"))
		x.server(nil, pk(1, x.ok(mysql.SERVER_STATUS_IN_TRANS)))
		if x.f.AtRest() {
			x.Error("at rest in a transaction")
		}
		x.client(nil, query("select 1"))
		x.server(nil, pk(1, x.result(mysql.SERVER_STATUS_IN_TRANS, twoColumns())...))
		if x.f.AtRest() {
			x.Error("at rest in a transaction after a result")
		}
		x.client(nil, query("commit"))
		x.server(nil, pk(1, x.ok(2)))
		if !x.f.AtRest() {
			x.Error("not at rest")
		}
	})
}

// go-sql-driver closes a statement after each query with parameters, and many
// programs close theirs last: nothing is to come from the server then.
func TestASessionIsAtRestBehindACommandWithoutAnAnswer(t *testing.T) {
	both(t, nil, func(x *fixture) {
		const many = maxPipeline + 10 // as when a driver's cache is emptied
		for id := range uint32(many) {
			x.client(nil, command(mysql.COM_STMT_PREPARE, "do 1"))
			x.server(nil, pk(1, x.prepared(id+1, 0, 0)...))
		}
		for id := range uint32(many) {
			x.client(nil, command(mysql.COM_STMT_CLOSE, string(binary.LittleEndian.AppendUint32(nil, id+1))))
		}
		if a := x.f.Account(); a.Busy || !x.f.AtRest() {
			x.Errorf("behind COM_STMT_CLOSE: busy %v, at rest %v", a.Busy, x.f.AtRest())
		}
		if m := x.f.Farewell(wire.Shutdown, ""); m == nil || m[3] != 0 {
			x.Errorf("farewell behind COM_STMT_CLOSE: %q, want one with sequence id 0", m)
		}
		x.client(nil, query("begin"))
		if a := x.f.Account(); !a.Busy || x.f.AtRest() {
			x.Errorf("behind BEGIN: busy %v, at rest %v", a.Busy, x.f.AtRest())
		}
		x.server(nil, pk(1, x.ok(mysql.SERVER_STATUS_IN_TRANS)))
		x.client(nil, query("commit"))
		x.server(nil, pk(1, x.ok(2)))
		if !x.f.AtRest() || x.f.queue.silent != 0 {
			x.Errorf("at rest %v, %d commands without an answer are kept", x.f.AtRest(), x.f.queue.silent)
		}
	})
}

func TestLargeRowsAreReadAsTheyPass(t *testing.T) {
	big := strings.Repeat("x", 150_000) + "honey@corp.example" + strings.Repeat("y", 50_000)
	for _, isBinary := range []bool{false, true} {
		x := start(t, newCaps, nil)
		row := textRow("1", big, "4111111111111111")
		if isBinary {
			x.client(nil, command(mysql.COM_STMT_PREPARE, "select 1"))
			x.server(nil, pk(1, x.prepared(7, 0, 3)...))
			x.client(nil, execute(7, 0))
			row = binaryRow(le32(1), str(big), binary.LittleEndian.AppendUint64(nil, 4111111111111111))
		} else {
			x.client(nil, query("select 1"))
		}
		cols := [][]byte{column("a", mysql.MYSQL_TYPE_LONG, 63, 0), column("b", 0, 0, 0), column("c", mysql.MYSQL_TYPE_LONGLONG, 63, 0)}
		sent := pk(1, x.result(2, cols, row)...)
		for piece := range slices.Chunk(sent, 40_000) {
			if out, err := x.d.Feed(wire.Server, piece); err != nil || x.d.Pending(wire.Server) == 0 && len(out) == 0 {
				t.Fatal(err, len(out))
			}
		}
		got := x.rec.Bytes(event.ChannelRow)
		if !bytes.Contains(got, []byte("honey@corp.example")) || !bytes.Contains(got, []byte("4111111111111111")) {
			t.Errorf("binary %v: a large row was not read", isBinary)
		}
		if calls := x.rec.Calls("Stream"); len(calls) == 0 || !calls[len(calls)-1].End || x.rec.Calls("Done")[0].N != 1 {
			t.Errorf("binary %v: %d pieces", isBinary, len(calls))
		}
	}
}

// dialogue is a session with all that a flow knows, as bytes of each side in
// turns.
func dialogue(d dialect, r *rand.Rand) [][2][]byte {
	word := func() string { return strings.Repeat(string(rune('a'+r.IntN(26))), r.IntN(300)) }
	var rows, brows [][]byte
	for range 10 + r.IntN(20) {
		rows = append(rows, textRow(word(), "NULL", word()))
		brows = append(brows, binaryRow(str(word()), nil, str(word())))
	}
	rows = append(rows, textRow(strings.Repeat("big", 23_000), "x", "y"), textRow("1", "2", "3"))
	cols := [][]byte{column("a", 0, 0, 0), column("b", 0, 0, 0), column("c", 0, 0, 0)}
	return [][2][]byte{
		{cat(query(word()), query("two")), cat(pk(1, d.result(mysql.SERVER_MORE_RESULTS_EXISTS, cols, rows...)...), pk(99, d.ok(2)), pk(1, errPayload(1064, "42000", word())))},
		{query(strings.Repeat("long", 5000)), pk(1, d.ok(2))},
		{command(mysql.COM_STMT_PREPARE, word()), pk(1, d.prepared(5, 1, 3)...)},
		{cat(execute(5, 0, word()), command(mysql.COM_PING, "")), cat(pk(1, d.result(2, cols, brows...)...), pk(1, d.ok(2)))},
		{cat(closeStmt(5), query("load data local infile 'x'")), pk(1, []byte("\xfbx"))},
		{pk(2, []byte(word()+"\n"), []byte(word()+word()+"!"), nil), pk(5, d.ok(2))},
		{changeUser("other", pluginNative), pk(1, []byte("\xfeclient_ed25519\x00salt"))},
		{pk(2, []byte("proof")), pk(3, d.ok(2))},
		{command(mysql.COM_FIELD_LIST, "t\x00"), pk(1, column("a", 0, 0, 0), d.end(2))},
		{query("select 1"), pk(1, d.result(2, cols, rows...)...)},
	}
}

func TestAnySplitOfTheStreamsPassesTheSameBytesAndShowsTheSameRows(t *testing.T) {
	for name, c := range map[string]caps{"EOF": oldCaps, "DEPRECATE_EOF": newCaps} {
		t.Run(name, func(t *testing.T) {
			var first string
			for round := range 8 {
				x := start(t, c, func(r *inspecttest.Recorder) { r.Quiet = true })
				split := rand.New(rand.NewPCG(9, uint64(round)))
				for turn, sides := range dialogue(x.dialect, rand.New(rand.NewPCG(1, 2))) {
					for side, sent := range sides {
						out, err := x.d.FeedSplit(split, wire.Side(side), sent, 3<<(2*round))
						if err != nil || !bytes.Equal(out, sent) {
							t.Fatalf("round %d, turn %d, %s: %v; %d bytes of %d", round, turn, wire.Side(side), err, len(out), len(sent))
						}
					}
				}
				var seen strings.Builder
				for _, c := range x.rec.Calls("Row", "Done", "Open", "Run") {
					fmt.Fprintf(&seen, "%s %d %v %q %s\n", c.Method, c.N, c.Fields, c.Data, c.Name)
				}
				for _, c := range x.rec.Calls("Stream") {
					seen.Write(c.Data)
				}
				seen.Write(x.rec.Bytes(event.ChannelStatement))
				seen.Write(x.rec.Bytes(event.ChannelCopyIn))
				if got := seen.String(); first == "" {
					first = got
				} else if got != first {
					t.Fatalf("round %d shows other things than round 0", round)
				}
			}
		})
	}
}

func TestALargeRowIsRefusedInItsPlaceOrTheSessionEnds(t *testing.T) {
	for _, at := range []int{0, 30_000, 34_000, 150_000} {
		x := start(t, newCaps, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelRow, "honey@corp.example") })
		x.client(nil, query("select a"))
		head := pk(1, x.head(0, column("a", 0, 0, 0))...)
		x.server(nil, head)
		row := pk(3, textRow(strings.Repeat("x", at)+"honey@corp.example"+strings.Repeat("y", 200_000-at)))
		var out []byte
		for piece := range slices.Chunk(cat(row, pk(4, x.end(2))), 33_000) {
			b, err := x.d.Feed(wire.Server, piece)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, b...)
		}
		switch early := at <= 30_000; {
		case early && (!bytes.Equal(out, errPk(3)) || x.d.Cut() || !x.f.AtRest()):
			t.Errorf("at %d: %d bytes, cut %v", at, len(out), x.d.Cut())
		case !early && (!x.d.Cut() || bytes.Contains(out, []byte("corp.example"))):
			t.Errorf("at %d: the session goes on, or the value has left", at)
		case !early && x.f.Farewell(wire.Refused, "") != nil:
			t.Errorf("at %d: a farewell within a packet", at)
		}
	}
}

// Only KILL QUERY could stop a server, and that takes an account on it.
func TestARefusedAnswerWithoutEndEndsTheSessionWithAnError(t *testing.T) {
	x := start(t, newCaps, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelRow, "honey") })
	x.client(nil, query("select a"))
	x.server(nil, pk(1, x.head(0, column("a", 0, 0, 0))...))
	x.server(errPk(3), pk(3, textRow("honey")))
	more := pk(4, textRow(strings.Repeat("x", 60_000)))
	for n := 0; n <= drainLimit+len(more); n += len(more) {
		step, err := x.f.Chunk(wire.Server, more)
		if err != nil || step.Pass > 0 || step.Skip != len(more) {
			t.Fatalf("after %d bytes: %+v, %v", n, step, err)
		}
		if step.Cut {
			if n < drainLimit-2*len(more) || step.Reason != wire.Refused {
				t.Errorf("after %d bytes: %+v", n, step)
			}
			if m := x.f.Farewell(step.Reason, ""); !bytes.Equal(m, pk(0, refusal("", wire.ASCII))) {
				t.Errorf("farewell %q", m)
			}
			return
		}
	}
	t.Error("the rest is dropped without end")
}

func TestDefinitionsOfWideResultsTakeLittleMemory(t *testing.T) {
	x := start(t, newCaps, nil)
	for i := range 100 {
		head := [][]byte{appendLenenc(nil, 1000)}
		for j := range 1000 {
			head = append(head, column(fmt.Sprintf("column_%d_%d", i, j), 0, 0, 0))
		}
		x.client(nil, query("select * from wide"))
		x.server(nil, pk(1, append(head, x.end(2))...))
	}
	held := 0
	for _, d := range x.f.descs {
		held += len(d.raw) + len(d.fields)*columnBytes
	}
	if held == 0 || held > maxDescriptionBytes || held != x.f.descBytes {
		t.Errorf("%d bytes of definitions are kept, %d counted, want at most %d", held, x.f.descBytes, maxDescriptionBytes)
	}
}
