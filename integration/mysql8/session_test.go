package mysql8

import (
	"testing"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/integration/mystand"
	"honeyrow/rules"
)

// optional are capabilities that go-mysql's client leaves to its user.
func optional(caps uint32) func(*client.Conn) error {
	return func(c *client.Conn) error {
		for bit := uint32(1); bit != 0; bit <<= 1 {
			if caps&bit != 0 {
				if err := c.SetCapability(bit); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

func TestEveryDriversSessionIsFollowedBehindEveryVersionsGreeting(t *testing.T) {
	pair := issue(t)
	conf, err := pair.ServerTLS()
	if err != nil {
		t.Fatal(err)
	}
	block := event.Block
	for version, ps := range captures(t) {
		p := startPeer(t, ps[0].payload, conf)
		watching, refusing := newFront(t, honey(nil)), newFront(t, honey(&block))
		for _, l := range []legs{{true, true}, {}} {
			open, closed := listen(t, watching, l.gate(pair, p.ln.Addr().String())), listen(t, refusing, l.gate(pair, p.ln.Addr().String()))
			for _, d := range drivers(t) {
				if d.program && l.client && version != "8.4.4" {
					continue // programs are slow to start
				}
				t.Run(version+", "+l.String()+", "+d.name, func(t *testing.T) {
					if out := d.run(t, session{open, "app", password, l.client, pair.CAFile, "crm"}); out != whole {
						t.Fatalf("got\n%s\nwant\n%s", out, whole)
					}
					if caps, _, _ := p.take(); caps&masked != 0 {
						t.Errorf("the server was asked for %#x, of which %#x can't be inspected", caps, caps&masked)
					}
					found(t, watching, d, event.Alert)
					if out := d.run(t, session{closed, "app", password, l.client, pair.CAFile, "crm"}); out != refused {
						t.Errorf("with rule honey-row-read set to block: got\n%s\nwant\n%s", out, refused)
					}
					found(t, refusing, d, event.Block)
				})
			}
		}
	}
}

// found checks that there is one detection with the place's schema.
func found(t *testing.T, f *mystand.Front, d driver, action event.Action) {
	t.Helper()
	ds, err := f.Take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantOne(t, ds, d, "app", nil)
	if ds[0].Client.Database != "crm" || ds[0].Action != action {
		t.Errorf("database %q, action %s", ds[0].Client.Database, ds[0].Action)
	}
}

func TestQueryAttributesPassAndAreInspected(t *testing.T) {
	p := startPeer(t, captures(t)["8.4.4"][0].payload, nil)
	f := newFront(t, honey(nil))
	addr := listen(t, f, legs{}.gate(issue(t), p.ln.Addr().String()))
	for _, deprecate := range []bool{true, false} {
		c, err := client.Connect(addr, "app", password, "crm", func(c *client.Conn) error {
			if !deprecate {
				c.UnsetCapability(mysql.CLIENT_DEPRECATE_EOF)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		set := func(value string) {
			t.Helper()
			if err := c.SetQueryAttributes(mysql.QueryAttribute{Name: "traceparent", Value: value}, mysql.QueryAttribute{Name: "n", Value: uint64(42)}); err != nil {
				t.Fatal(err)
			}
		}
		check := func(sql, value string, rows int, r *mysql.Result, err error) {
			t.Helper()
			if err != nil || r.RowNumber() != rows {
				t.Fatalf("%s: %v", sql, err)
			}
			caps, attrs, heard := p.take()
			if caps&mysql.CLIENT_QUERY_ATTRIBUTES == 0 || attrs["traceparent"] != value || attrs["n"] != "42" || len(heard) != 1 || heard[0] != sql {
				t.Errorf("the server heard %q with %v", heard, attrs)
			}
		}
		set("00-abc-01")
		r, err := c.Execute(selectCustomers)
		check(selectCustomers, "00-abc-01", 2, r, err)
		// go-mysql sends attributes with an execution only if it has parameters.
		st, err := c.Prepare(selectCustomers + " where id > ?")
		if err != nil {
			t.Fatal(err)
		}
		set("00-def-01")
		r, err = st.Execute(0)
		check(selectCustomers+" where id > ?", "00-def-01", 2, r, err)
		set(honeyMail) // a stolen value, presented where nobody looks
		r, err = c.Execute("select 1")
		check("select 1", honeyMail, 1, r, err)
		c.Close()
		ds, err := f.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n := map[string]int{}
		for _, d := range ds {
			n[d.Rule]++
			if text := d.Statement.Text; text != selectCustomers && text != selectCustomers+" where id > ?" && text != "select 1" {
				t.Errorf("statement %q", text)
			}
		}
		if n[rules.RowRead] != 2 || n[rules.ValuePresented] != 1 || len(n) != 2 {
			t.Errorf("detections %v", n)
		}
	}
}

func TestTrackedSchemaIsTheDetectionsDatabase(t *testing.T) {
	p := startPeer(t, captures(t)["9.3.0"][0].payload, nil)
	f := newFront(t, honey(nil))
	addr := listen(t, f, legs{}.gate(issue(t), p.ln.Addr().String()))
	for _, track := range []uint32{mysql.CLIENT_SESSION_TRACK, 0} {
		c, err := client.Connect(addr, "app", password, "other", optional(track))
		if err != nil {
			t.Fatal(err)
		}
		for i, use := range []func() error{
			func() error { return nil },
			func() error { return c.UseDB("crm") },
			func() error { _, err := c.Execute("use sales"); return err },
		} {
			if err := use(); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Execute(selectCustomers); err != nil {
				t.Fatal(i, err)
			}
		}
		c.Close()
		ds, err := f.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, d := range ds {
			got[d.Client.Database]++
		}
		if len(ds) != 3 || got["other"] != 1 || got["crm"] != 1 || got["sales"] != 1 {
			t.Errorf("tracking %v: databases %v", track != 0, got)
		}
	}
}

func TestClientsThatAskForMoreThanIsOfferedAreNotHeard(t *testing.T) {
	for version, ps := range captures(t) {
		p := startPeer(t, ps[0].payload, nil)
		f := newFront(t, honey(nil))
		addr := listen(t, f, legs{}.gate(issue(t), p.ln.Addr().String()))
		c, err := client.Connect(addr, "app", password, "crm", optional(mysql.CLIENT_ZSTD_COMPRESSION_ALGORITHM|mysql.CLIENT_SESSION_TRACK))
		if err != nil {
			t.Fatal(version, err)
		}
		c.Close()
		if caps, _, _ := p.take(); caps&masked != 0 {
			t.Errorf("%s: the server was asked for %#x", version, caps&masked)
		}
	}
}
