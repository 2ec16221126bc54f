package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/rules"
	"honeyrow/token"
)

// begin starts a run of sql and fails the test if the statement already hits.
func (g *rig) begin(sql string) inspect.Run {
	g.t.Helper()
	st, v := g.s.Prepare([]byte(sql), len(sql))
	if v.Action != event.Pass {
		g.t.Fatalf("%q: %+v", sql, v)
	}
	r, _ := st.Run(nil, nil)
	st.Release()
	return r
}

func TestAStreamCutAnywhereGivesOneHit(t *testing.T) {
	data := "1\tAnna\t" + rowA[3].value + "\tx\n"
	for cut := range len(data) {
		g := newRig(t, DefaultConfig(), rules.Config{})
		r := g.begin("COPY customers TO STDOUT")
		r.Stream(event.ChannelCopy, 0, []byte(data[:cut]), false)
		r.Stream(event.ChannelCopy, 1, []byte(data[cut:]), true)
		r.Done(1, "COPY 1")
		if d := g.one(); d.HitCount != 1 || d.Hits[0].Channel != event.ChannelCopy || d.Hits[0].Means != "part" {
			t.Fatalf("cut at %d: %+v", cut, d.Hits)
		}
	}
}

func TestAStreamDoesNotJoinTwoRunsOrChannels(t *testing.T) {
	g := newRig(t, DefaultConfig(), rules.Config{})
	v := rowA[3].value
	r := g.begin("SELECT 1")
	r.Stream(event.ChannelCopy, 0, []byte(v[:10]), false)
	r.Stream(event.ChannelRow, 0, []byte(v[10:]), false)
	r.Done(0, "")
	r = g.begin("SELECT 2")
	r.Stream(event.ChannelCopy, 0, []byte(v[10:]), false)
	r.Done(0, "")
	g.silent()
}

func TestTextsOfTheServerAreSearched(t *testing.T) {
	for _, c := range []struct {
		name string
		show func(g *rig)
		ch   event.Channel
		says string
	}{
		{"error", func(g *rig) {
			r := g.begin("SELECT email::int FROM customers")
			r.Text(event.ChannelError, []byte(`invalid input syntax for type integer: "`+rowA[3].value+`"`))
			r.Done(0, "22P02")
		}, event.ChannelError, "in an error message"},
		{"notification", func(g *rig) { g.s.Text(event.ChannelNotification, []byte(rowB[4].value)) }, event.ChannelNotification, "in a notification"},
		{"parameter", func(g *rig) { g.s.Text(event.ChannelParameter, []byte(rowA[6].value)) }, event.ChannelParameter, "in a session parameter"},
		{"label", func(g *rig) { g.query("SELECT * FROM crosstab()", cols("="+rowA[6].value), []string{"1"}) }, event.ChannelLabel, "in a column's name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newRig(t, DefaultConfig(), rules.Config{})
			c.show(g)
			d := g.one()
			if d.Hits[0].Channel != c.ch || !strings.Contains(d.Summary, c.says) || d.Rule != rules.RowRead {
				t.Errorf("%s: %s %+v", d.Rule, d.Summary, d.Hits)
			}
		})
	}
}

func TestNotificationsAreFoldedForAWhile(t *testing.T) {
	g := newRig(t, DefaultConfig(), rules.Config{})
	for range 5 {
		g.s.Text(event.ChannelNotification, []byte(rowA[3].value))
	}
	g.now = g.now.Add(11 * time.Second)
	g.s.Text(event.ChannelNotification, []byte(rowA[3].value))
	g.s.Close()
	ds := g.l.last()
	if len(ds) != 2 || ds[0].HitCount != 5 || ds[1].HitCount != 1 || len(g.l.all) != 4 {
		t.Errorf("%d detections in %d reports: %+v", len(ds), len(g.l.all), ds)
	}
}

func TestDataCopiedInAndLongStatementsArePresented(t *testing.T) {
	v := rowA[6].value
	g := newRig(t, DefaultConfig(), rules.Config{})
	r := g.begin("COPY stolen FROM STDIN")
	g.s.Present(event.ChannelCopyIn, []byte("1\t"+v[:9]), false)
	verdict := g.s.Present(event.ChannelCopyIn, []byte(v[9:]+"\n"), false)
	g.s.Present(event.ChannelCopyIn, nil, true)
	r.Done(0, "COPY 1")
	d := g.one()
	if d.Rule != rules.ValuePresented || d.Statement.Text != "COPY stolen FROM STDIN" || verdict.Detection != d.ID || !d.Run.Done {
		t.Errorf("copy: %+v %+v", d, verdict)
	}

	g = newRig(t, DefaultConfig(), rules.Config{})
	text := "SELECT '" + strings.Repeat("x", 2000) + v + "' FROM customers"
	at := 2000 + 8 + 7
	st, _ := g.s.Prepare([]byte(text[:at]), len(text))
	g.s.Present(event.ChannelStatement, []byte(text[at:at+5]), false)
	g.s.Present(event.ChannelStatement, []byte(text[at+5:]), true)
	run, _ := st.Run(nil, nil)
	rows, _ := run.Columns(event.ChannelRow, g.s.Describe(cols(customerColumns...)))
	show(rows, 1, values(rowA))
	run.Done(1, "SELECT 1")
	d = g.one()
	if d.Rule != rules.RowRead || !d.Statement.Truncated || d.Hits[0].Channel != event.ChannelStatement || len(d.Hits) != 8 {
		t.Errorf("long statement: %s, %d hits", d.Rule, len(d.Hits))
	}
}

func TestAValueSentInAdvanceBelongsToTheStatementThatItIsSentFor(t *testing.T) {
	v := rowA[6].value
	g := newRig(t, DefaultConfig(), rules.Config{})
	ask := func(sql string) inspect.Statement {
		st, _ := g.s.Prepare([]byte(sql), len(sql))
		return st
	}
	takes := ask("INSERT INTO takes VALUES ($1)")
	other := ask("INSERT INTO other VALUES ($1)")
	takes.Bind([]byte("1\t"+v[:9]), false)
	if verdict := takes.Bind([]byte(v[9:]), false); verdict.Detection == "" {
		t.Error("a value that comes in two pieces makes no detection")
	}
	other.Bind([]byte("harmless"), false)
	takes.Bind(nil, true)
	if d := g.one(); d.Rule != rules.ValuePresented || d.Statement.Text != "INSERT INTO takes VALUES ($1)" || !d.Run.Done {
		t.Errorf("%+v", d)
	}
}

func TestAPreparedStatementTellsOneStoryPerRun(t *testing.T) {
	g := newRig(t, DefaultConfig(), rules.Config{})
	st, _ := g.s.Prepare([]byte("SELECT '"+rowB[3].value+"', first_name FROM customers"), 60)
	lay := g.s.Describe(cols("first_name"))
	for range 3 {
		r, _ := st.Run(nil, nil)
		rows, _ := r.Columns(event.ChannelRow, lay)
		show(rows, 1, []string{"Ottilie"})
		r.Done(1, "SELECT 1")
	}
	quiet, _ := st.Run(nil, nil)
	quiet.Done(0, "SELECT 0")
	ds := g.l.last()
	if len(ds) != 3 {
		t.Fatalf("%d detections, want one for each run that read the row", len(ds))
	}
	for i, d := range ds {
		if d.Rule != rules.RowRead || len(d.Hits) != 2 || d.Hits[0].Channel != event.ChannelStatement {
			t.Errorf("detection %d: %s %+v", i, d.Rule, d.Hits)
		}
	}
}

func TestReplicationIsReportedWithWhatItCarries(t *testing.T) {
	g := newRig(t, DefaultConfig(), rules.Config{})
	c := alice()
	c.Replication, c.Database = "database", "crm"
	s, v := g.e.Open(c)
	d := g.one()
	if d.Rule != rules.Replication || d.Severity != event.High || v.Detection != d.ID {
		t.Fatalf("%+v %+v", d, v)
	}
	st, _ := s.Prepare([]byte("START_REPLICATION SLOT s LOGICAL 0/0"), 36)
	r, _ := st.Run(nil, nil)
	r.Stream(event.ChannelReplication, 0, []byte("w........"+rowA[3].value), false)
	r.Done(0, "")
	s.Close()
	if d := g.one(); d.Revision != 2 || d.HitCount != 1 || d.Rule != rules.Replication {
		t.Errorf("%+v", d)
	}
}

func TestAStolenCredentialAtLoginIsPresented(t *testing.T) {
	g := newRig(t, DefaultConfig(), rules.Config{})
	c := alice()
	c.User = rowA[3].value
	_, v := g.e.Open(c)
	if d := g.one(); d.Rule != rules.ValuePresented || d.Hits[0].Column != "user" || d.Hits[0].Channel != event.ChannelLogin || v.Detection != d.ID {
		t.Errorf("%+v", d)
	}
}

func TestRedactionLeavesNoLiteralAnywhere(t *testing.T) {
	cfg := DefaultConfig()
	cfg.RedactLiterals = true
	g := newRig(t, cfg, rules.Config{})
	g.query("SELECT * /* secret */ FROM customers WHERE email = '"+rowA[3].value+"' AND id > 17", cols("first_name"), []string{"Ottilie"})
	d := g.one()
	if d.Statement.Text != "SELECT * FROM customers WHERE email = ? AND id > ?" && d.Statement.Text != "SELECT *  FROM customers WHERE email = ? AND id > ?" {
		t.Errorf("text %q", d.Statement.Text)
	}
	b, _ := json.Marshal(d)
	for _, secret := range []string{rowA[3].value, "secret", "17'"} {
		if strings.Contains(string(b), secret) {
			t.Errorf("%q is in %s", secret, b)
		}
	}
	if !d.Statement.Redacted {
		t.Error("not marked as redacted")
	}
}

func TestRedactionCoversColumnNames(t *testing.T) {
	cfg := DefaultConfig()
	cfg.RedactLiterals = true
	g := newRig(t, cfg, rules.Config{})
	g.query("SELECT * FROM crosstab()", cols("="+rowA[6].value), []string{"1"})
	if b, _ := json.Marshal(g.one()); strings.Contains(string(b), rowA[6].value) {
		t.Errorf("the value is in %s", b)
	}
}

func TestTagsOfSqlcommenterAreRead(t *testing.T) {
	g := newRig(t, DefaultConfig(), rules.Config{})
	g.query("SELECT 1 /*action='%2Fparam*d',controller='index,'framework='spring'*/", cols("email"), []string{rowA[3].value})
	g.query(`SELECT 1 /*db_driver='django%3A2',route='%5Epolls/%24',note='it\'s'*/`, cols("email"), []string{rowA[3].value})
	ds := g.l.last()
	if ds[0].Statement.Tags != nil {
		t.Errorf("malformed: %v", ds[0].Statement.Tags)
	}
	want := map[string]string{"db_driver": "django:2", "route": "^polls/$", "note": "it's"}
	if fmt.Sprint(ds[1].Statement.Tags) != fmt.Sprint(want) {
		t.Errorf("tags %v, want %v", ds[1].Statement.Tags, want)
	}
}

func TestTheApplicationNameIsFollowed(t *testing.T) {
	g := newRig(t, DefaultConfig(), rules.Config{})
	g.s.Set("application_name", "pg_dump")
	g.query("SELECT 1", cols("email"), []string{rowA[3].value})
	if d := g.one(); d.Client.Application != "pg_dump" || !strings.Contains(d.Summary, "(pg_dump, ") {
		t.Errorf("%q %s", d.Client.Application, d.Summary)
	}
}

func TestStatementsWithOddBytesMakeValidRecords(t *testing.T) {
	g := newRig(t, DefaultConfig(), rules.Config{})
	g.query("SELECT '\xff\xfe\x00'", cols("email"), []string{rowA[3].value})
	d := g.one()
	b, err := json.Marshal(d)
	if err != nil || strings.Contains(d.Statement.Text, "\x00") || strings.Contains(string(b), `\u0000`) {
		t.Errorf("%s %v", b, err)
	}
}

func TestALongStatementIsKeptInPartAndSearchedWhole(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxStatement = 256
	g := newRig(t, cfg, rules.Config{})
	g.query("SELECT '"+strings.Repeat("é", 400)+rowA[3].value+"'", nil)
	d := g.one()
	if len(d.Statement.Text) > 260 || !d.Statement.Truncated || g.e.Stats().Truncated != 1 {
		t.Errorf("%d bytes, truncated %v", len(d.Statement.Text), d.Statement.Truncated)
	}
}

func TestARecreatedTableIsLearned(t *testing.T) {
	g := newRig(t, DefaultConfig(), rules.Config{})
	moved := cols(customerColumns...)
	for i := range moved {
		moved[i].TableOID, moved[i].Attr = 17000, uint16(i+2)
	}
	g.query("SELECT * FROM customers", moved, values(rowA))
	g.query("SELECT * FROM customers", moved, values(rowA))
	got := map[string]uint16{}
	for _, l := range g.learned {
		if l.TableOID != 17000 || l.Server != "main" || l.Database != "crm" || l.Schema != "public" || l.Table != "customers" {
			t.Errorf("learned %+v", l)
		}
		got[l.Column] = l.Attr
	}
	if len(got) != 7 || len(g.learned) != 7 || got["id"] != 2 || got["email"] != 5 {
		t.Fatalf("learned %v in %d calls", got, len(g.learned))
	}
	s := twoRows()
	s.Version, s.Locations = 2, g.learned
	g.e.Swap(s)
	before := len(g.l.last())
	g.query("SELECT id FROM customers", moved[:1], []string{"90002"})
	if len(g.l.last()) != before+1 {
		t.Error("a key of the recreated table is not recognised")
	}
}

func TestAResultKeepsTheTokensItBeganWith(t *testing.T) {
	g := newRig(t, DefaultConfig(), rules.Config{})
	lay := g.s.Describe(cols(customerColumns...))
	r := g.begin("SELECT * FROM customers")
	rows, _ := r.Columns(event.ChannelRow, lay)
	g.e.Swap(&token.Snapshot{Version: 2})
	if v := show(rows, 1, values(rowA)); v.Action != event.Alert {
		t.Error("the result lost its tokens")
	}
	r.Done(1, "")
	r = g.begin("SELECT * FROM customers")
	if rows, _ := r.Columns(event.ChannelRow, lay); rows != nil {
		t.Error("rows are watched though there are no tokens")
	}
	g.e.Swap(&token.Snapshot{Version: 3, Tokens: tokensOf("row-a", rowA)})
	rows, _ = r.Columns(event.ChannelRow, lay)
	if v := show(rows, 1, values(rowB)); v.Action != event.Pass {
		t.Error("a row that is not planted is reported")
	}
	g.e.Swap(twoRows())
	rows, _ = r.Columns(event.ChannelRow, lay)
	if v := show(rows, 2, values(rowB)); v.Action != event.Alert {
		t.Error("an old layout does not know new tokens")
	}
	r.Done(1, "")
}

func TestACompositeKeyMustMatchWhole(t *testing.T) {
	g := newRig(t, DefaultConfig(), rules.Config{})
	ts := twoRows()
	for i, c := range []planted{{"order_id", "700", token.Weak, true}, {"line", "1", token.Weak, true}} {
		ts.Tokens = append(ts.Tokens, token.Token{
			ID: event.ID(c.column), Row: "row-c", Kind: "key", Value: c.value, Key: true, State: token.Live,
			Place:    event.Place{Server: "main", Database: "crm", Schema: "public", Table: "lines", Column: c.column},
			TableOID: ordersOID, Attr: uint16(i + 1),
		})
	}
	g.e.Swap(ts)
	two := []inspect.Column{{Name: "order_id", TableOID: ordersOID, Attr: 1}, {Name: "line", TableOID: ordersOID, Attr: 2}}
	g.query("SELECT order_id, line FROM lines", two, []string{"12", "1"}, []string{"700", "2"})
	g.query("SELECT line FROM lines", two[1:], []string{"1"})
	g.silent()
	g.query("SELECT order_id, line FROM lines", two, []string{"700", "1"})
	if d := g.one(); d.HoneyRows != 1 || len(d.Hits) != 2 {
		t.Errorf("%+v", d.Hits)
	}
}

func TestOneValueInTwoColumnsIsOneFact(t *testing.T) {
	g := newRig(t, DefaultConfig(), rules.Config{})
	s := &token.Snapshot{}
	for _, c := range []string{"billing_city", "shipping_city"} {
		s.Tokens = append(s.Tokens, token.Token{ID: event.ID(c), Row: "row-d", Kind: "city", Value: "Quakenbrück", State: token.Live})
	}
	g.e.Swap(s)
	g.query("SELECT a, b", cols("=a", "=b"), []string{"Quakenbrück", "Quakenbrück"})
	g.silent()
}

func TestASeverityNeverFalls(t *testing.T) {
	low := event.Low
	g := newRig(t, DefaultConfig(), rules.Config{Override: map[string]rules.Override{rules.RowRead: {Severity: &low}}})
	g.query("SELECT '"+rowA[3].value+"'", cols("email"), []string{rowA[3].value})
	if d := g.one(); d.Rule != rules.RowRead || d.Severity != event.High {
		t.Errorf("%s %s", d.Rule, d.Severity)
	}
}

func TestASingleColumnIsNotCutForWeakValues(t *testing.T) {
	g := newRig(t, DefaultConfig(), rules.Config{})
	r := g.begin("SELECT 1")
	for n, want := range map[int]uint64{1: 0, 2: 1} {
		rows, _ := r.Columns(event.ChannelRow, g.s.Describe(cols("=a", "=b")[:n]))
		if got := rows.Gate() >> len(rowA[5].value) & 1; got != want {
			t.Errorf("%d columns: gate bit %d, want %d", n, got, want)
		}
	}
	r.Done(0, "")
}

func TestAnotherDatabasesNumbersMeanNothing(t *testing.T) {
	g := newRig(t, DefaultConfig(), rules.Config{})
	c := alice()
	c.Database = "other"
	g.s, _ = g.e.Open(c)
	g.query("SELECT id FROM t", cols("id"), []string{"90001"})
	g.silent()
	g.query("SELECT email FROM t", cols("email"), []string{rowA[3].value})
	if d := g.one(); d.Hits[0].Means != "field" || len(g.learned) != 0 {
		t.Errorf("%+v, learned %v", d.Hits, g.learned)
	}
}

func TestADumpOfThousandsOfHoneyRowsStaysBounded(t *testing.T) {
	l := &ledger{}
	e, err := New(DefaultConfig(), Options{Reporter: l})
	if err != nil {
		t.Fatal(err)
	}
	snap := manyRows(21_000)
	e.Swap(snap)
	s, _ := e.Open(alice())
	st, _ := s.Prepare([]byte("SELECT *"), 8)
	r, _ := st.Run(nil, nil)
	rows, _ := r.Columns(event.ChannelRow, s.Describe(cols(customerColumns...)))
	n := uint64(0)
	for i := 0; i+7 <= len(snap.Tokens); i += 7 {
		var row []string
		for _, tok := range snap.Tokens[i : i+7] {
			row = append(row, tok.Value)
		}
		n++
		show(rows, n, row)
	}
	r.Done(n, "SELECT")
	ds := l.last()
	if len(ds) != 1 || len(l.all) != 3 { // the first row, the tenth (honey-mass-read), the end
		t.Fatalf("%d detections, %d reports", len(ds), len(l.all))
	}
	if d := ds[0]; d.HoneyRows != int(n) || len(d.Hits) != event.MaxHits || d.HitCount != 7*int(n) {
		t.Errorf("%d honey rows, %d hits listed, %d counted", d.HoneyRows, len(d.Hits), d.HitCount)
	}
}

// The pools share statements and runs between sessions: under -race this shows
// that each belongs to one at a time.
func TestManySessionsAtOnce(t *testing.T) {
	e, _ := openMany(t, 1000)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			sql, columns, region, spans := point()
			for range 50 {
				s, _ := e.Open(alice())
				for range 10 {
					runs := make(chan inspect.Run, 4)
					go func() { // the client's goroutine
						defer close(runs)
						for range 8 {
							st, _ := s.Prepare(sql, len(sql))
							r, _ := st.Run(nil, nil)
							st.Release()
							runs <- r
							s.Present(event.ChannelCopyIn, sql, true)
						}
					}()
					for r := range runs {
						rows, _ := r.Columns(event.ChannelRow, s.Describe(columns))
						rows.Row(1, region, spans)
						s.Set("application_name", "x")
						r.Done(1, "SELECT 1")
					}
				}
				s.Close()
			}
		})
	}
	for i := range 20 {
		snap := manyRows(500)
		snap.Version = uint64(i)
		e.Swap(snap)
	}
	wg.Wait()
	if h := e.Stats().Hits; h != 0 {
		t.Errorf("%d hits", h)
	}
}

func TestEachFindingOfAStoryHasItsTimes(t *testing.T) {
	_, _, s := seeking(t)
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	var x suspicion
	x.add([]event.Finding{{Detector: "schema-enumeration", Weight: 1}}, nil, now)
	x.add([]event.Finding{{Detector: "union-graft", Weight: 4}, {Detector: "schema-enumeration", Weight: 1}}, nil, now.Add(time.Minute))
	for i, want := range []event.Finding{
		{Detector: "schema-enumeration", Weight: 1, Count: 2, First: now, Last: now.Add(time.Minute)},
		{Detector: "union-graft", Weight: 4, Count: 1, First: now.Add(time.Minute), Last: now.Add(time.Minute)},
	} {
		if got := x.findings[i]; got.Detector != want.Detector || got.Count != want.Count || !got.First.Equal(want.First) || !got.Last.Equal(want.Last) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	ask(s, "SELECT id FROM products WHERE id = 5 OR sleep(5)", "OK")
	fs, _ := s.(*session).e.told(s.(*session))
	if len(fs) == 0 || fs[0].First.IsZero() || fs[0].Last.Before(fs[0].First) {
		t.Errorf("told: %+v", fs)
	}
}
