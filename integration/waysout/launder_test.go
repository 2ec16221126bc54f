package waysout

import (
	"strings"
	"testing"

	"honeyrow/event"
	"honeyrow/rules"
)

// laundered are values that were copied to where an innocent client reads them:
// the detection names the statement that copied, too. hop 0 copies, hop 1 reads.
var laundered = []struct {
	name   string
	pg, my [2]string // no statement: the product has no such way
	same   bool      // the copy is the session's own: the same one reads
}{
	{name: "INSERT SELECT", pg: [2]string{"insert into wash (v) select email from customers where id > 900000", "select * from wash"}, my: [2]string{"insert into wash (v) select email from customers where id > 900000", "select * from wash"}},
	{name: "CREATE TABLE AS", pg: [2]string{"create table wash2 as select email as a from customers where id > 900000", "select a from wash2"}, my: [2]string{"create table wash2 as select email as a from customers where id > 900000", "select a from wash2"}},
	{name: "UPDATE from a sub-query", pg: [2]string{"update wash3 set v = (select email from customers where id = 900001)", "table wash3"}, my: [2]string{"update wash3 set v = (select email from customers where id = 900001)", "select v, 1 from wash3"}},
	{name: "SELECT INTO", pg: [2]string{"select api_key into wash4 from customers where id > 900000", "select * from wash4"}},
	{name: "user variable", my: [2]string{"set @w = (select email from customers where id = 900001)", "select @w"}, same: true},
	{name: "SELECT INTO a variable", my: [2]string{"select email into @w2 from customers where id = 900001", "select @w2"}, same: true},
}

func TestALaunderedValueNamesTheStatementThatCopiedIt(t *testing.T) {
	f := mariadb(t)
	for _, drop := range []string{"drop table if exists wash, wash2, wash3, wash4", "create table wash (v text)", "create table wash3 (v text)", "insert into wash3 values ('x')"} {
		if err := y.pg.Exec(t.Context(), "postgres", drop); err != nil {
			t.Fatal(err)
		}
		if err := f.db.Exec(t.Context(), "crm", drop); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range laundered {
		if l.pg[0] != "" {
			t.Run(l.name+"/PostgreSQL", func(t *testing.T) {
				p := newTap(t, &y.judge)
				thief, clerk := dial(t, p.port(), "application_name", "thief"), dial(t, p.port(), "application_name", "clerk")
				thief.need(l.pg[0])
				wantOrigin(t, &y.judge, l.pg, "thief", "clerk", func() { clerk.need(l.pg[1]) })
				thief.close()
				clerk.close()
				y.judge.take(t)
			})
		}
		if l.my[0] != "" {
			t.Run(l.name+"/MariaDB", func(t *testing.T) {
				p := newTap(t, &f.judge)
				thief, clerk := dialMyAs(t, p.port(), "thief"), dialMyAs(t, p.port(), "clerk")
				thief.need(l.my[0])
				reader, who := clerk, "clerk"
				if l.same {
					reader, who = thief, "thief"
				}
				wantOrigin(t, &f.judge, l.my, "thief", who, func() { reader.need(l.my[1]) })
				thief.close()
				clerk.close()
				f.judge.take(t)
			})
		}
	}
}

// wantOrigin expects detections of reads, with the copy behind them once that
// statement is understood: a shape that is not known yet is parsed beside the
// traffic.
func wantOrigin(t *testing.T, g *gate, hops [2]string, thief, reader string, read func()) {
	t.Helper()
	g.seen()
	var last event.Detection
	eventually(t, "a detection of "+hops[1]+" that names "+hops[0], func() bool {
		read()
		for _, d := range g.seen() {
			if d.Rule == rules.RowRead {
				last = d
			}
		}
		return len(last.Origins) > 0
	})
	if last.Client.Application != reader || !strings.Contains(last.Statement.Text, hops[1]) {
		t.Errorf("a read by %s with %q, want %s with %q", last.Client.Application, last.Statement.Text, reader, hops[1])
	}
	if o := last.Origins; len(o) != 1 || o[0].Text != hops[0] || o[0].Application != thief || o[0].User == "" || o[0].Session == "" {
		t.Errorf("origins %+v, want %q by %s", o, hops[0], thief)
	}
}
