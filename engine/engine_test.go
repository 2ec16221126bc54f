package engine

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/rules"
)

var neighbour = []string{"17", "Anna", "Smith", "anna.smith@customer.example", "+49 30 1234", "52000", "sk_live_0000000000000000"}

// Each case is one statement's result; hits lists the tokens that it must give,
// with the means; none must be silent.
func TestFindsHoneyRowsHoweverTheyLeave(t *testing.T) {
	a := values(rowA)
	int4 := func(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }
	int8 := func(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }
	bin := func(c []inspect.Column) []inspect.Column {
		for i := range c {
			c[i].Binary = true
		}
		return c
	}
	for _, c := range []struct {
		name string
		cols []inspect.Column
		row  []string
		want map[event.ID]string
	}{
		{"whole row", cols(customerColumns...), a, map[event.ID]string{
			"row-a-id": "column", "row-a-first_name": "column", "row-a-last_name": "column", "row-a-email": "column",
			"row-a-phone": "column", "row-a-salary": "column", "row-a-api_key": "column",
		}},
		{
			"alias keeps provenance", func() []inspect.Column { c := cols("email"); c[0].Name = "x"; return c }(),
			[]string{a[3]},
			map[event.ID]string{"row-a-email": "column"},
		},
		{"expression without provenance", cols("=lower"), []string{a[3]}, map[event.ID]string{"row-a-email": "field"}},
		{
			"cast of a row to text", cols("=customers"),
			[]string{"(" + strings.Join(a, ",") + ")"},
			map[event.ID]string{
				"row-a-email": "part", "row-a-api_key": "part",
				"row-a-first_name": "together", "row-a-last_name": "together", "row-a-phone": "together", "row-a-salary": "together",
			},
		},
		{"row_to_json", cols("=row_to_json"), []string{`{"id":90001,"email":"` + a[3] + `"}`}, map[event.ID]string{"row-a-email": "part"}},
		{
			"string_agg over rows", cols("=string_agg"),
			[]string{neighbour[3] + "," + a[3] + "," + rowB[3].value},
			map[event.ID]string{"row-a-email": "part", "row-b-email": "part"},
		},
		{"a short firm value in any column", cols("=coalesce"), []string{rowB[4].value}, map[event.ID]string{"row-b-phone": "field"}},
		{"key by provenance", cols("id"), []string{"90001"}, map[event.ID]string{"row-a-id": "column"}},
		{"key as binary int4", bin(cols("id")), []string{int4(90001)}, map[event.ID]string{"row-a-id": "column"}},
		{"key as binary int8", bin(cols("id")), []string{int8(90001)}, map[event.ID]string{"row-a-id": "column"}},
		{"phone cast to bigint, binary", bin(cols("=int8")), []string{int8(5550142)}, map[event.ID]string{"row-b-phone": "field"}},
		{"weak value by provenance", cols("first_name"), []string{"Ottilie"}, map[event.ID]string{"row-a-first_name": "column"}},
		{"long weak value by provenance", cols("last_name"), []string{a[2]}, map[event.ID]string{"row-a-last_name": "column"}},
		{
			"UNION: two weak values together", cols("=a", "=b", "=c"),
			[]string{"Ottilie", "913447", "x"},
			map[event.ID]string{"row-a-first_name": "together", "row-a-salary": "together"},
		},
		{
			"UNION: a weak value beside a strong one", cols("=a", "=b"),
			[]string{"Ottilie", a[3]},
			map[event.ID]string{"row-a-first_name": "together", "row-a-email": "field"},
		},
		{"copy", nil, a, map[event.ID]string{
			"row-a-first_name": "together", "row-a-last_name": "together", "row-a-email": "field",
			"row-a-phone": "field", "row-a-salary": "together", "row-a-api_key": "field",
		}},

		{"neighbour's row", cols(customerColumns...), neighbour, nil},
		{"same first name without provenance", cols("=a", "=b"), []string{"Ottilie", "Meyer"}, nil},
		{
			"same first name in the same table, but another key",
			cols("id", "first_name", "last_name"),
			[]string{"18", "Ottilie", "Meyer"},
			nil,
		},
		{"names of two different honey rows", cols("=a", "=b"), []string{"Ottilie", "Achterberg"}, nil},
		{"the key's number in another column", cols("=count", "salary"), []string{"90001", "90001"}, nil},
		{"a firm value inside a longer one", cols("=a"), []string{"15550142"}, nil},
		{"a key's binary form in a text column", cols("=a", "=b"), []string{int4(90001), "x"}, nil},
		{"a weak value's binary form as text of its own column", cols("salary"), []string{int4(913447)}, nil},
		{"a key's binary form as text of its own column", cols("id"), []string{int4(90001)}, nil},
		{"a firm value's binary form in a text column beside a binary one", func() []inspect.Column {
			c := cols("=a", "=b")
			c[0].Binary = true
			return c
		}(), []string{"x", int4(5550142)}, nil},
		{"the same weak value twice", cols("=a", "=b"), []string{"Ottilie", "Ottilie"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newRig(t, DefaultConfig(), rules.Config{})
			v := g.query("SELECT something", c.cols, neighbour[:min(len(c.row), len(neighbour))], c.row)
			if c.want == nil {
				g.silent()
				if v != (event.Verdict{}) {
					t.Errorf("verdict %+v", v)
				}
				return
			}
			d := g.one()
			if got := tokens(d); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("hits %v\nwant %v", got, c.want)
			}
			if v.Action != event.Alert || v.Detection != d.ID || v.Rule != rules.RowRead {
				t.Errorf("verdict %+v", v)
			}
			if d.Run.Rows != 2 || !d.Run.Done || d.Run.Code != "SELECT 2" || d.Revision != 2 {
				t.Errorf("run %+v, revision %d", d.Run, d.Revision)
			}
		})
	}
}

func TestStatementThatEndsInASemicolonIsSummedUpWithoutIt(t *testing.T) {
	for _, sql := range []string{"SELECT * FROM customers;", "SELECT * FROM customers ; ; \n"} {
		g := newRig(t, DefaultConfig(), rules.Config{})
		g.query(sql, cols(customerColumns...), values(rowA))
		d := g.one()
		if !strings.Contains(d.Summary, "with SELECT * FROM customers; planted by") {
			t.Errorf("summary %q", d.Summary)
		}
		if strings.TrimSpace(d.Statement.Text) != strings.TrimSpace(sql) {
			t.Errorf("the statement is told as %q", d.Statement.Text)
		}
	}
}

func TestOneDetectionPerRunHoweverManyRows(t *testing.T) {
	g := newRig(t, DefaultConfig(), rules.Config{})
	a, b := values(rowA), values(rowB)
	g.query("SELECT * FROM customers", cols(customerColumns...), neighbour, a, neighbour, b, a)
	if len(g.l.all) != 2 {
		t.Fatalf("%d reports, want the first hit and the end", len(g.l.all))
	}
	first, d := g.l.all[0], g.one()
	if first.Revision != 1 || first.Run.Rows != 2 || first.Run.Done || first.HoneyRows != 1 {
		t.Errorf("first report: revision %d, run %+v, %d honey rows", first.Revision, first.Run, first.HoneyRows)
	}
	if d.HoneyRows != 2 || d.HitCount != 21 || len(d.Hits) != 14 || d.Hits[0].Count != 2 {
		t.Errorf("honey rows %d, hit count %d, hits %d, first counted %d", d.HoneyRows, d.HitCount, len(d.Hits), d.Hits[0].Count)
	}
	want := "2 honey rows of crm.public.customers read by app_ro from 10.2.3.4:51544 (psql, alice's certificate) " +
		"with SELECT * FROM customers; planted by dba on 2026-11-21"
	if d.Summary != want {
		t.Errorf("summary %q\n   want %q", d.Summary, want)
	}
	if d.Statement.Text != "SELECT * FROM customers" || d.Client.User != "app_ro" || d.Severity != event.Critical {
		t.Errorf("statement %+v, client %+v, severity %s", d.Statement, d.Client, d.Severity)
	}
	if h := d.Hits[0]; h.Story != "row planted in public.customers of crm on main by dba on 2026-11-21" || h.Column != "id" {
		t.Errorf("hit %+v", h)
	}
}

func TestAReportDoesNotChangeAfterItWasGiven(t *testing.T) {
	g := newRig(t, DefaultConfig(), rules.Config{})
	a := values(rowA)
	g.query("SELECT * FROM customers", cols(customerColumns...), a, a)
	if first := g.l.all[0]; first.Hits[0].Count != 1 || g.one().Hits[0].Count != 2 {
		t.Errorf("first report counts %d, last %d", first.Hits[0].Count, g.one().Hits[0].Count)
	}
}

func TestPresentedValueAndTheReadItLeadsToAreOneStory(t *testing.T) {
	g := newRig(t, DefaultConfig(), rules.Config{})
	sql := "SELECT first_name FROM customers WHERE email = '" + rowA[3].value + "'"
	v := g.query(sql, cols("first_name"), []string{"Ottilie"})
	if len(g.l.all) != 3 {
		t.Fatalf("%d reports, want presented, read, end", len(g.l.all))
	}
	if p := g.l.all[0]; p.Rule != rules.ValuePresented || p.Severity != event.High || p.Hits[0].Channel != event.ChannelStatement {
		t.Errorf("first report %s %s %+v", p.Rule, p.Severity, p.Hits)
	}
	d := g.one()
	if d.Rule != rules.RowRead || d.Severity != event.Critical || len(d.Hits) != 2 || d.HoneyRows != 1 || v.Detection != d.ID {
		t.Errorf("last revision: %s %s %d hits, %d honey rows, verdict %+v", d.Rule, d.Severity, len(d.Hits), d.HoneyRows, v)
	}
	g.query("SELECT first_name FROM customers WHERE email = 'nobody'", cols("first_name"), []string{"Anna"})
	g.one()
}

func TestFindsValuesThatTheClientPresents(t *testing.T) {
	email := rowA[3].value
	for _, c := range []struct {
		name, sql string
		want      int
	}{
		{"literal", "SELECT 1 WHERE x='" + email + "'", 1},
		{"inside a literal", "SELECT 'mailto:" + email + "?x'", 1},
		{"dollar quotes", "SELECT $a$" + email + "$a$", 1},
		{"short firm value as a literal", "SELECT * FROM calls WHERE number='5550142'", 1},
		{"short firm value as a number", "SELECT * FROM calls WHERE number = 5550142;", 1},
		{"short firm value in an escape string", `SELECT E'\x355\u00350\U000000314\62'`, 1},
		{"short firm value in hexadecimal digits", "SELECT x'35353530313432'", 1},
		{"short firm value in two pieces", "SELECT '555'\n'0142'", 1},
		{"escapes that make another value", `SELECT E'\5550142'`, 0},
		{"in a comment", "SELECT 1 -- " + email, 1},
		{"a longer number", "SELECT 15550142", 0},
		{"a number inside a name", "SELECT c5550142", 0},
		{"a short firm value in a comment", "SELECT 1 /* '5550142' */", 0},
		{"a weak value", "SELECT * FROM customers WHERE first_name='Ottilie' AND id=90001", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newRig(t, DefaultConfig(), rules.Config{})
			g.query(c.sql, cols("=a"), []string{"x"})
			if got := len(g.l.last()); got != c.want {
				t.Fatalf("%d detections, want %d", got, c.want)
			}
			if c.want == 1 && g.one().Rule != rules.ValuePresented {
				t.Errorf("rule %s", g.one().Rule)
			}
		})
	}
}

func TestFindsBoundParameters(t *testing.T) {
	for _, c := range []struct {
		name  string
		param string
		p     inspect.Param
		want  string // means
	}{
		{"text", rowA[6].value, inspect.Param{}, "field"},
		{"part", "Bearer " + rowA[6].value, inspect.Param{}, "part"},
		{"short firm", "5550142", inspect.Param{}, "field"},
		{"binary int8", "\x00\x00\x00\x00\x00\x54\xb0\x3e", inspect.Param{Binary: true, Type: 20}, "field"},
		{"binary form as text", "\x00\x00\x00\x00\x00\x54\xb0\x3e", inspect.Param{}, ""},
		{"weak", "Ottilie", inspect.Param{}, ""},
		{"key", "90001", inspect.Param{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.Parameters = true
			g := newRig(t, cfg, rules.Config{})
			st, _ := g.s.Prepare([]byte("SELECT $1, $2"), 13)
			buf := []byte("xx" + c.param)
			c.p.Off, c.p.Len = 2, int32(len(c.param))
			r, v := st.Run(buf, []inspect.Param{{Len: -1}, c.p})
			r.Done(0, "SELECT 0")
			if c.want == "" {
				g.silent()
				return
			}
			d := g.one()
			if h := d.Hits[0]; h.Means != c.want || h.Channel != event.ChannelBind || h.Column != "$2" || v.Detection != d.ID {
				t.Errorf("hit %+v", h)
			}
			want := c.param
			if c.p.Binary {
				want = "5550142"
			}
			if fmt.Sprint(d.Statement.Parameters) != "[NULL "+want+"]" {
				t.Errorf("parameters %q", d.Statement.Parameters)
			}
		})
	}
}

func TestBlockRefusesAndSaysSo(t *testing.T) {
	block := event.Block
	rc := rules.Config{Override: map[string]rules.Override{
		rules.RowRead: {Action: &block}, rules.ValuePresented: {Action: &block},
	}}
	g := newRig(t, DefaultConfig(), rc)
	if v := g.query("SELECT '"+rowA[3].value+"', '"+rowB[3].value+"'", nil); !v.Blocks() {
		t.Errorf("presented: %+v", v)
	}
	d := g.one()
	if d.Action != event.Block || !d.Run.Done || len(d.Hits) != 2 || d.Revision != 1 {
		t.Errorf("presented: action %s, run %+v, %d hits, revision %d", d.Action, d.Run, len(d.Hits), d.Revision)
	}
	g = newRig(t, DefaultConfig(), rc)
	if v := g.query("SELECT *", cols(customerColumns...), values(rowA)); !v.Blocks() || v.Detection != g.one().ID {
		t.Errorf("read: %+v", v)
	}
	if !strings.Contains(g.one().Summary, "; refused;") {
		t.Errorf("summary %q", g.one().Summary)
	}
}

// An allowance ends while a session that it covers goes on.
func TestAnAllowanceEndsInTheMiddleOfASession(t *testing.T) {
	g := newRig(t, DefaultConfig(), rules.Config{Allow: []rules.Allowance{{Rule: rules.RowRead, User: "app_ro", Until: "2026-12-31"}}})
	g.now = time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)
	g.query("SELECT *", cols(customerColumns...), values(rowA))
	g.silent()
	g.now = g.now.Add(time.Second)
	g.query("SELECT *", cols(customerColumns...), values(rowA))
	if d := g.one(); d.Rule != rules.RowRead {
		t.Errorf("rule %s", d.Rule)
	}
}

func TestAllowanceSilencesTheBackupAndNobodyElse(t *testing.T) {
	rc := rules.Config{Allow: []rules.Allowance{{Rule: rules.RowRead, User: "app_ro", Address: "10.2.0.0/16", Until: "2026-12-31"}}}
	g := newRig(t, DefaultConfig(), rc)
	if v := g.query("SELECT *", cols(customerColumns...), values(rowA)); v != (event.Verdict{}) {
		t.Errorf("verdict %+v", v)
	}
	g.silent()
	if n := g.e.Stats().Allowed; n != 1 {
		t.Errorf("allowed %d, want 1", n)
	}
	other := alice()
	other.Address = "10.3.0.1:1"
	g.s, _ = g.e.Open(other)
	g.query("SELECT *", cols(customerColumns...), values(rowA))
	g.one()
}
