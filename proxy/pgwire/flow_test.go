package pgwire

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/inspect/inspecttest"
	"honeyrow/internal/wiretest"
	"honeyrow/proxy/wire"
)

type encoder interface{ Encode([]byte) ([]byte, error) }

func enc(t testing.TB, ms ...encoder) []byte {
	t.Helper()
	var b []byte
	for _, m := range ms {
		var err error
		if b, err = m.Encode(b); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

var (
	readyIdle = &pgproto3.ReadyForQuery{TxStatus: 'I'}
	inTx      = &pgproto3.ReadyForQuery{TxStatus: 'T'}
	failedTx  = &pgproto3.ReadyForQuery{TxStatus: 'E'}
	syncMsg   = &pgproto3.Sync{}
	parsed    = &pgproto3.ParseComplete{}
	bound     = &pgproto3.BindComplete{}
	closed    = &pgproto3.CloseComplete{}
	noData    = &pgproto3.NoData{}
)

func query(sql string) encoder { return &pgproto3.Query{String: sql} }
func done(tag string) encoder  { return &pgproto3.CommandComplete{CommandTag: []byte(tag)} }
func failed(code, msg string) encoder {
	return &pgproto3.ErrorResponse{Severity: "ERROR", Code: code, Message: msg}
}

func columns(names ...string) *pgproto3.RowDescription {
	d := &pgproto3.RowDescription{}
	for i, n := range names {
		d.Fields = append(d.Fields, pgproto3.FieldDescription{
			Name: []byte(n), TableOID: 16384, TableAttributeNumber: uint16(i + 1), DataTypeOID: 25, DataTypeSize: -1, TypeModifier: -1,
		})
	}
	return d
}

func row(fields ...string) encoder {
	d := &pgproto3.DataRow{}
	for _, f := range fields {
		d.Values = append(d.Values, []byte(f))
	}
	return d
}

type fixture struct {
	*testing.T
	rec     *inspecttest.Recorder
	d       *wiretest.Driver
	f       *flow
	cancels int
}

func start(t *testing.T, script func(*inspecttest.Recorder)) *fixture {
	t.Helper()
	x := &fixture{T: t, rec: inspecttest.New()}
	if script != nil {
		script(x.rec)
	}
	sess, _ := x.rec.Open(event.Client{})
	x.f = newFlow(flowOptions{Session: sess, Status: 'I', Cancel: func(context.Context) error { x.cancels++; return nil }}).(*flow)
	x.d = &wiretest.Driver{Flow: x.f, Poison: true}
	t.Cleanup(func() {
		for _, p := range x.rec.Problems() {
			t.Errorf("seam: %s", p)
		}
	})
	return x
}

// client sends messages and expects the server to get want (nil: the same).
func (x *fixture) client(want []byte, ms ...encoder) {
	x.Helper()
	x.exchange(wire.Client, want, enc(x, ms...))
}

func (x *fixture) server(want []byte, ms ...encoder) {
	x.Helper()
	x.exchange(wire.Server, want, enc(x, ms...))
}

func (x *fixture) exchange(from wire.Side, want, sent []byte) {
	x.Helper()
	if want == nil {
		want = sent
	}
	got, err := x.d.Feed(from, sent)
	if err != nil {
		x.Fatalf("%s: %v", from, err)
	}
	if !bytes.Equal(got, want) {
		x.Fatalf("from %s\n got %q\nwant %q", from, got, want)
	}
}

func (x *fixture) runs() (out []string) {
	for _, c := range x.rec.Calls("Done") {
		out = append(out, fmt.Sprintf("%d %s", c.N, c.Name))
	}
	return out
}

func (x *fixture) wantRuns(want ...string) {
	x.Helper()
	if got := x.runs(); strings.Join(got, ",") != strings.Join(want, ",") {
		x.Fatalf("runs ended as %q, want %q", got, want)
	}
}

func TestSimpleQueryPassesUnchangedAndEveryRowIsShown(t *testing.T) {
	x := start(t, nil)
	x.client(nil, query("select a, b from t; select 1"))
	x.server(nil, columns("a", "b"), row("x1", "y1"), row("x2", "y2"), done("SELECT 2"), columns("c"), row("1"), done("SELECT 1"), readyIdle)
	x.wantRuns("3 SELECT 1")
	rows := x.rec.Calls("Row")
	if len(rows) != 3 {
		t.Fatalf("%d rows shown, want 3", len(rows))
	}
	if f, _ := rows[1].Field(1); string(f) != "y2" {
		t.Fatalf("second row's second field is %q", f)
	}
	if !x.f.AtRest() {
		t.Fatal("not at rest after ReadyForQuery")
	}
}

func TestPipelineAfterAnErrorIsSkippedToItsSync(t *testing.T) {
	x := start(t, nil)
	x.client(nil, &pgproto3.Parse{Name: "s", Query: "select bad"}, &pgproto3.Describe{ObjectType: 'S', Name: "s"}, &pgproto3.Bind{PreparedStatement: "s"}, &pgproto3.Execute{}, syncMsg,
		&pgproto3.Parse{Query: "select 2"}, &pgproto3.Describe{ObjectType: 'S'}, &pgproto3.Bind{}, &pgproto3.Execute{}, syncMsg)
	x.server(nil, failed("42703", "column bad does not exist"), readyIdle)
	x.server(nil, parsed, &pgproto3.ParameterDescription{}, columns("n"), bound, row("2"), done("SELECT 1"), readyIdle)
	x.wantRuns("0 42703", "1 SELECT 1")
	if x.f.statements.get("s") != nil {
		t.Fatal("a statement that never came to be is still known by its name")
	}
}

// A batch with one mistake is one mistake: what stood behind it was never looked
// at, and says nothing about who sent it.
func TestAnErrorIsTheFirstRunsOfItsPipelineAlone(t *testing.T) {
	x := start(t, nil)
	var batch []encoder
	for range 3 {
		batch = append(batch, &pgproto3.Parse{Query: "selec 1"}, &pgproto3.Bind{}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{})
	}
	x.client(nil, append(batch, syncMsg)...)
	x.server(nil, failed("42601", "syntax"), readyIdle)
	x.wantRuns("0 42601", "0 ", "0 ")

	// Nobody bound it: the text alone failed.
	x = start(t, nil)
	x.client(nil, &pgproto3.Parse{Query: "selec 1"}, &pgproto3.Describe{ObjectType: 'S'}, syncMsg)
	x.server(nil, failed("42601", "syntax"), readyIdle)
	if c := x.rec.Calls("Failed"); len(c) != 1 || c[0].Name != "42601" {
		t.Errorf("told of the text that failed: %+v", c)
	}
}

// The server ignores all that comes after an error up to Sync, also what the
// client sends when it has seen the error already: pgx's pipeline does.
func TestMessagesBetweenAnErrorAndItsSyncAreNeverAnswered(t *testing.T) {
	x := start(t, nil)
	b, d, e := &pgproto3.Bind{}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}
	x.client(nil, &pgproto3.Parse{Name: "s", Query: "select 1"}, &pgproto3.Parse{Query: "bad"}, b, d, e, &pgproto3.Flush{})
	x.server(nil, parsed, failed("42601", "syntax"))
	first := x.f.statements.get("s")
	x.client(nil, &pgproto3.Close{ObjectType: 'S', Name: "s"}, &pgproto3.Parse{Name: "s", Query: "select 2"}, &pgproto3.Bind{PreparedStatement: "s"}, d, e,
		&pgproto3.Bind{PreparedStatement: "s"}, e, query("select 3"), syncMsg)
	if x.f.statements.get("s") != first || first == nil {
		t.Fatal("a message that the server ignored changed what a name stands for")
	}
	x.client(enc(t, &pgproto3.Bind{PreparedStatement: "s"}, d, e, syncMsg), &pgproto3.Bind{PreparedStatement: "s"}, e, syncMsg)
	x.server(nil, readyIdle)
	x.server(enc(t, bound, row("1"), done("SELECT 1"), readyIdle), bound, columns("n"), row("1"), done("SELECT 1"), readyIdle)
	if !x.f.AtRest() {
		t.Fatal("requests that the server ignored are still waited for")
	}
}

func TestMostParametersAndColumnsThatPostgreSQLAllowsPass(t *testing.T) {
	x := start(t, nil)
	cols := columns(strings.Split(strings.Repeat("a column with a long name,", 1600), ",")...)
	x.client(nil, &pgproto3.Parse{Name: "s", Query: "select"}, &pgproto3.Describe{ObjectType: 'S', Name: "s"}, syncMsg)
	answer := enc(t, parsed, &pgproto3.ParameterDescription{ParameterOIDs: make([]uint32, 65535)}, cols, readyIdle)
	var got []byte
	for piece := range slices.Chunk(answer, 50_000) { // no read holds such a message whole
		out, err := x.d.Feed(wire.Server, piece)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, out...)
	}
	if !bytes.Equal(got, answer) {
		t.Fatalf("%d bytes came through, want %d", len(got), len(answer))
	}
	x.client(nil, &pgproto3.Bind{PreparedStatement: "s", Parameters: make([][]byte, 65535)}, &pgproto3.Execute{}, syncMsg)
	x.server(nil, bound, done("SELECT 0"), readyIdle)
}

func TestServersLastWordIsNotFollowedByOneOfTheProxy(t *testing.T) {
	x := start(t, nil)
	x.client(nil, query("select 1"))
	if x.f.Farewell(wire.ServerGone, "") == nil {
		t.Fatal("a client whose server vanishes is not told")
	}
	x.server(nil, &pgproto3.ErrorResponse{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: "57P01"})
	if m := x.f.Farewell(wire.ServerGone, ""); m != nil {
		t.Fatalf("after the server's own FATAL the client gets %q", m)
	}
}

func TestRefusedQueryFailsAtTheServerAndTheClientGetsOurError(t *testing.T) {
	x := start(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelStatement, "stolen") })
	x.client(enc(t, query("begin"), query(refusedText), query("select 1")), query("begin"), query("select 'stolen'"), query("select 1"))
	x.server(append(enc(t, done("BEGIN"), inTx), append(bytes.Clone(refusal("ERROR", denied)), enc(t, failedTx)...)...),
		done("BEGIN"), inTx, failed("42601", "syntax error"), failedTx)
	x.server(nil, failed("25P02", "aborted"), failedTx)
	if x.cancels != 0 {
		t.Fatal("nothing was running, yet a cancel was sent")
	}
}

func TestRefusedBindFailsAtItsPlaceInThePipeline(t *testing.T) {
	x := start(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelBind, "stolen") })
	p := &pgproto3.Parse{Query: "select $1"}
	ok := &pgproto3.Bind{Parameters: [][]byte{[]byte("fine")}}
	bad := &pgproto3.Bind{Parameters: [][]byte{[]byte("stolen")}}
	d, e := &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}
	x.client(enc(t, p, ok, d, e, &pgproto3.Parse{Query: refusedText}, d, e, syncMsg), p, ok, d, e, bad, d, e, syncMsg)
	x.server(append(enc(t, parsed, bound, columns("a"), row("fine"), done("SELECT 1")), append(bytes.Clone(refusal("ERROR", denied)), enc(t, readyIdle)...)...),
		parsed, bound, columns("a"), row("fine"), done("SELECT 1"), failed("42601", "syntax error"), readyIdle)
	if !x.f.AtRest() {
		t.Fatal("requests are left over")
	}
}

func TestRefusedRowEndsTheResultAndKeepsTheSession(t *testing.T) {
	for _, whole := range []bool{true, false} {
		x := start(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelRow, "honey") })
		x.client(nil, query("select a from t"))
		x.server(append(enc(t, columns("a"), row("1")), refusal("ERROR", denied)...), columns("a"), row("1"), row("honey"), row("3"))
		if whole {
			x.server(enc(t, readyIdle), row("4"), done("SELECT 4"), readyIdle)
		} else {
			x.server(enc(t, failedTx), row("4"), failed("57014", "canceled"), failedTx)
		}
		if got := x.runs(); len(got) != 1 || !strings.HasPrefix(got[0], "1 ") {
			t.Fatalf("the run ended as %q: the client got one row", got)
		}
		if x.cancels != 1 {
			t.Fatalf("%d cancels while the server was still sending, want 1", x.cancels)
		}
		x.client(nil, query("select 2"))
		x.server(nil, columns("a"), row("2"), done("SELECT 1"), readyIdle)
	}
}

func TestShortRefusedResultNeedsNoCancel(t *testing.T) {
	x := start(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelRow, "honey") })
	x.client(nil, query("select a from t"))
	x.server(append(append(enc(t, columns("a")), refusal("ERROR", denied)...), enc(t, readyIdle)...), columns("a"), row("honey"), done("SELECT 1"), readyIdle)
	if x.cancels != 0 {
		t.Fatalf("%d cancels", x.cancels)
	}
}

func TestRefusalNeverCancelsTheNextPipelinedStatement(t *testing.T) {
	x := start(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelRow, "honey") })
	x.client(nil, query("select a from t"), query("select b from u"))
	x.server(append(enc(t, columns("a")), refusal("ERROR", denied)...), columns("a"), row("honey"))
	if x.cancels != 0 {
		t.Fatalf("%d cancels while another statement was on its way", x.cancels)
	}
	rest := []encoder{readyIdle, columns("b"), row("x"), done("SELECT 1"), readyIdle}
	x.server(enc(t, rest...), append([]encoder{row("x"), done("SELECT 2")}, rest...)...)
}

func TestRunBrokenOffIsOverWhenItsSessionIs(t *testing.T) {
	x := start(t, nil)
	x.client(nil, &pgproto3.Parse{Query: "select a from t"}, &pgproto3.Bind{DestinationPortal: "p"}, &pgproto3.Describe{ObjectType: 'P', Name: "p"},
		&pgproto3.Execute{Portal: "p"}, syncMsg, query("select b from u"))
	x.server(nil, parsed, bound, columns("a"), row("1"), row("2"))
	x.f.Close()
	x.wantRuns("2 ", "0 ")
}

func TestRefusedExtendedResultDropsEverythingUpToItsSync(t *testing.T) {
	x := start(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelRow, "honey") })
	b, d, e := &pgproto3.Bind{}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}
	x.client(nil, &pgproto3.Parse{Query: "select a from t"}, b, d, e, b, e, syncMsg, b, e, syncMsg)
	x.server(append(append(enc(t, parsed, bound, columns("a")), refusal("ERROR", denied)...), enc(t, readyIdle)...),
		parsed, bound, columns("a"), row("honey"), done("SELECT 1"), bound, row("x"), done("SELECT 1"), readyIdle)
	x.server(nil, bound, row("x"), done("SELECT 1"), readyIdle)
}

func TestLeaksOutsideRowsAreShownAndCanBeRefused(t *testing.T) {
	ours := refusal("ERROR", denied)
	for _, tc := range []struct {
		ch    event.Channel
		leak  encoder
		after encoder
	}{
		{event.ChannelError, failed("22P02", `invalid input syntax for integer: "honey@corp"`), nil},
		{event.ChannelNotice, &pgproto3.NoticeResponse{Severity: "NOTICE", Message: "honey@corp"}, done("DO")},
		{event.ChannelLabel, columns("honey@corp"), done("SELECT 0")},
	} {
		x := start(t, func(r *inspecttest.Recorder) { r.BlockWhen(tc.ch, "honey@corp") })
		x.client(nil, query("select leak()"))
		ms := []encoder{tc.leak}
		if tc.after != nil {
			ms = append(ms, tc.after)
		}
		x.server(append(bytes.Clone(ours), enc(t, readyIdle)...), append(ms, readyIdle)...)
		if tc.ch != event.ChannelLabel && !bytes.Contains(x.rec.Bytes(tc.ch), []byte("honey@corp")) {
			t.Errorf("%s was not shown", tc.ch)
		}
	}
	x := start(t, func(r *inspecttest.Recorder) {
		r.BlockWhen(event.ChannelNotification, "honey@corp")
		r.BlockWhen(event.ChannelParameter, "honey@corp")
	})
	x.server([]byte{}, &pgproto3.NotificationResponse{PID: 1, Channel: "c", Payload: "honey@corp"},
		&pgproto3.ParameterStatus{Name: "application_name", Value: "honey@corp"})
	x.server(nil, &pgproto3.NotificationResponse{PID: 1, Channel: "c", Payload: "fine"}, &pgproto3.ParameterStatus{Name: "application_name", Value: "psql"})
}

func TestFunctionCallResultIsInspected(t *testing.T) {
	x := start(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelFunction, "honey") })
	call := &pgproto3.FunctionCall{Function: 1}
	x.client(nil, call, call)
	x.server(append(enc(t, &pgproto3.FunctionCallResponse{Result: []byte("fine")}, readyIdle), append(bytes.Clone(refusal("ERROR", denied)), enc(t, readyIdle)...)...),
		&pgproto3.FunctionCallResponse{Result: []byte("fine")}, readyIdle, &pgproto3.FunctionCallResponse{Result: []byte("honey")}, readyIdle)
}

func TestRowsLargerThanTheBufferAreStreamed(t *testing.T) {
	x := start(t, nil)
	x.client(nil, query("select a from t"))
	big := strings.Repeat("x", 3*rowLimit) + "honey" + strings.Repeat("y", rowLimit)
	want := enc(t, columns("a"), row("1"), row(big), row("2"), done("SELECT 3"), readyIdle)
	got, err := x.d.FeedSplit(rand.New(rand.NewPCG(1, 2)), wire.Server, want, rowLimit)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes passed of %d, %v", len(got), len(want), err)
	}
	if !bytes.Contains(x.rec.Bytes(event.ChannelRow), []byte("honey")) {
		t.Fatal("the value in the long row was not shown")
	}
	x.wantRuns("3 SELECT 3")
}

func TestLongStatementIsStreamedAndCutIfRefused(t *testing.T) {
	x := start(t, func(r *inspecttest.Recorder) { r.BlockWhen(event.ChannelStatement, "stolen") })
	long := "select '" + strings.Repeat("z", defaultStatement) + "'"
	sent := enc(t, query(long))
	got, err := x.d.FeedSplit(rand.New(rand.NewPCG(1, 2)), wire.Client, sent, 1<<16)
	if err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d bytes passed of %d, %v", len(got), len(sent), err)
	}
	x.server(nil, columns("a"), row("1"), done("SELECT 1"), readyIdle)
	_, err = x.d.FeedSplit(rand.New(rand.NewPCG(1, 2)), wire.Client, enc(t, query(long+"'stolen'")), 1<<16)
	if err != nil || !x.d.Cut() {
		t.Fatalf("a long statement with a stolen value went on (%v)", err)
	}
}

// Any split of the stream into chunks gives the same bytes and the same rows.
func TestAnySplitGivesTheSameRows(t *testing.T) {
	var client, server []byte
	client = enc(t, query("select a, b from t"), &pgproto3.Parse{Query: "select a from t where b = $1"}, &pgproto3.Bind{Parameters: [][]byte{[]byte("p1")}},
		&pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}, syncMsg, query("copy t to stdout"))
	server = enc(t, columns("a", "b"), row("1", strings.Repeat("long ", 400)), row("2", ""), done("SELECT 2"), readyIdle,
		parsed, bound, columns("a"), row("x"), row("y"), done("SELECT 2"), readyIdle,
		&pgproto3.CopyOutResponse{ColumnFormatCodes: []uint16{0, 0}}, &pgproto3.CopyData{Data: []byte("1\ta\n")}, &pgproto3.CopyData{Data: []byte("2\tb\n")},
		&pgproto3.CopyDone{}, done("COPY 2"), readyIdle)
	var want string
	for seed := range uint64(300) {
		x := start(t, nil)
		r := rand.New(rand.NewPCG(seed, 7))
		longest := 1 + r.IntN(200)
		if seed == 0 {
			longest = 1 << 20
		}
		got, err := x.d.FeedSplit(r, wire.Client, client, longest)
		if err != nil || !bytes.Equal(got, client) {
			t.Fatalf("seed %d: client: %v, %d of %d bytes", seed, err, len(got), len(client))
		}
		got, err = x.d.FeedSplit(r, wire.Server, server, longest)
		if err != nil || !bytes.Equal(got, server) {
			t.Fatalf("seed %d: server: %v, %d of %d bytes", seed, err, len(got), len(server))
		}
		if seed == 0 {
			want = perMethod(x.rec.Calls())
		} else if perMethod(x.rec.Calls()) != want {
			t.Fatalf("seed %d: chunks of up to %d bytes show\n%s\nwant\n%s", seed, longest, perMethod(x.rec.Calls()), want)
		}
	}
}

func perMethod(calls []inspecttest.Call) string {
	by := map[string][]string{}
	for _, c := range calls {
		if c.Method == "Row" || c.Method == "Done" || c.Method == "Prepare" || c.Method == "Run" {
			by[c.Method] = append(by[c.Method], fmt.Sprintf("%d %q %s", c.N, c.Data, c.Name))
		}
	}
	return fmt.Sprint(by)
}

func TestGateSparesTheFieldsNobodyWatches(t *testing.T) {
	x := start(t, func(r *inspecttest.Recorder) {
		r.SuspectOnly("honey")
		r.GateBits = 1 << 3
		r.WantsFunc = func(c inspect.Column, i int) bool { return c.Attr == 2 }
	})
	x.client(nil, query("select a, b, c from t"))
	x.server(nil, columns("a", "b", "c"), row("long", "wanted", "abc"), row("1", "w2", "2"), done("SELECT 2"), readyIdle)
	var got []string
	for _, c := range x.rec.Calls("Row") {
		for _, s := range c.Fields {
			got = append(got, string(c.Data[s.Off:s.Off+s.Len]))
		}
	}
	if strings.Join(got, ",") != "wanted,abc,w2" {
		t.Fatalf("fields shown: %q", got)
	}
}

func TestMalformedFramesAreErrors(t *testing.T) {
	for name, sent := range map[string]struct {
		from wire.Side
		b    []byte
	}{
		"client: negative length": {wire.Client, []byte{'Q', 0xff, 0xff, 0xff, 0xff}},
		"client: length 3":        {wire.Client, []byte{'Q', 0, 0, 0, 3}},
		"client: unknown type":    {wire.Client, []byte{'~', 0, 0, 0, 4}},
		"client: unterminated":    {wire.Client, []byte{'Q', 0, 0, 0, 6, 'a', 'b'}},
		"client: short bind":      {wire.Client, []byte{'B', 0, 0, 0, 8, 0, 0, 0, 9}},
		"server: unknown type":    {wire.Server, []byte{'~', 0, 0, 0, 4}},
		"server: answer to none":  {wire.Server, enc(t, readyIdle)},
		"server: row to none":     {wire.Server, enc(t, row("a"))},
	} {
		x := start(t, nil)
		if _, err := x.d.Feed(sent.from, sent.b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDescriptionsOfWideResultsTakeLittleMemory(t *testing.T) {
	x := start(t, nil)
	for i := range 100 {
		names := make([]string, 1600)
		for j := range names {
			names[j] = fmt.Sprintf("column_%d_%d", i, j)
		}
		x.client(nil, query("select * from wide"))
		x.server(nil, columns(names...), done("SELECT 0"), readyIdle)
	}
	held := 0
	for _, d := range x.f.layouts {
		held += len(d.body) + len(d.columns)*columnBytes
	}
	if held == 0 || held > maxLayoutBytes || held != x.f.layoutBytes {
		t.Errorf("%d bytes of descriptions are kept, %d counted, want at most %d", held, x.f.layoutBytes, maxLayoutBytes)
	}
}
