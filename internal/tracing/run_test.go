package tracing

import (
	"net/http/httptest"
	"strings"
	"testing"

	"honeyrow/alert/peer"
	"honeyrow/event"
	"honeyrow/inspect"
)

// busy is an inspector whose sessions take statements and refuse DROP.
type busy struct{}

func (busy) Open(event.Client) (inspect.Session, event.Verdict) {
	return &busySession{}, event.Verdict{}
}

type busySession struct{ inspect.Session }

func (*busySession) Close() {}

func (*busySession) Prepare(sql []byte, _ int) (inspect.Statement, event.Verdict) {
	return &busyStatement{refuse: strings.HasPrefix(string(sql), "DROP")}, event.Verdict{}
}

type busyStatement struct {
	inspect.Statement
	refuse bool
}

func (st *busyStatement) Run([]byte, []inspect.Param) (inspect.Run, event.Verdict) {
	if st.refuse {
		return nil, event.Verdict{Action: event.Block, Rule: "no-drop"}
	}
	return &busyRun{}, event.Verdict{}
}

type busyRun struct{ inspect.Run }

func (*busyRun) Done(uint64, string) {}

func TestOrdinaryStatementsHaveSpansIfThatIsAskedFor(t *testing.T) {
	fake := &collector{t: t}
	srv := httptest.NewServer(fake)
	defer srv.Close()
	tr := open(t, Config{HTTP: peer.HTTP{URL: srv.URL}, Share: 1e-12, Statements: 1})
	s, _ := tr.Inspector(busy{}).Open(client("s-1", "app"))
	run := func(sql string, rows uint64, code string) {
		t.Helper()
		st, v := s.Prepare([]byte(sql), len(sql))
		if v.Blocks() {
			t.Fatal(v)
		}
		r, v := st.Run(nil, nil)
		if r == nil {
			if !v.Blocks() {
				t.Error("the verdict is lost")
			}
			return
		}
		r.Done(rows, code)
	}
	run("/* x */ select 's3cret' /*traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/", 7, "SELECT 7")
	run("UPDATE t SET a = 's3cret'", 0, "23505")
	run("selec 1", 0, "1064")
	run("DROP TABLE t", 0, "")
	run("COMMIT", 0, "OK")
	s.Close()
	if err := tr.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for operation, want := range map[string]struct {
		status, links int
		parent        string
	}{
		"SELECT": {0, 1, "b7ad6b7169203331"}, "UPDATE": {2, 0, ""}, "OTHER": {2, 0, ""}, "DROP": {2, 0, ""}, "COMMIT": {0, 0, ""},
	} {
		x := fake.find("run", "db.operation.name", operation)
		if len(x) != 1 || x[0].Status.Code != want.status || len(x[0].Links) != want.links || want.parent != "" && x[0].ParentSpanID != want.parent {
			t.Errorf("%s: %+v, want %+v", operation, x, want)
		}
	}
	if !strings.Contains(fake.raw, `"intValue":"7"`) || len(fake.find("run", "user.name", "app")) != 5 || len(fake.find("run", "db.response.status_code", "23505")) != 1 || len(fake.find("run", "honeyrow.rule", "no-drop")) != 1 {
		t.Errorf("got %+v", fake.spans)
	}
	if strings.Contains(fake.raw, "s3cret") || strings.Contains(fake.raw, "selec ") {
		t.Error("a span holds a text")
	}
}

func TestStatementsCostNothingUnlessTheyAreAskedFor(t *testing.T) {
	fake := &collector{t: t}
	srv := httptest.NewServer(fake)
	defer srv.Close()
	tr := open(t, Config{HTTP: peer.HTTP{URL: srv.URL}})
	s, _ := tr.Inspector(busy{}).Open(client("s-1", "app"))
	st, _ := s.Prepare([]byte("SELECT 1"), 8)
	if _, own := st.(*busyStatement); !own {
		t.Errorf("a %T stands between", st)
	}
	s.Close()
	if err := tr.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	off := open(t, Config{HTTP: peer.HTTP{URL: srv.URL}, Statements: 1e-300}) // nothing is drawn
	s, _ = off.Inspector(busy{}).Open(client("s-2", "app"))
	if st, _ = s.Prepare([]byte("SELECT 1"), 8); testing.AllocsPerRun(100, func() { _, _ = st.Run(nil, nil) }) > 1 { // the fake's own
		t.Error("a run that has no span costs an allocation")
	}
	s.Close()
	if err := off.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if x := fake.find("run", "honeyrow.session", "s-1"); len(x) != 0 {
		t.Errorf("got %+v", x)
	}
}
