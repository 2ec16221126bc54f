package main

import (
	"context"
	"strings"
	"testing"

	"honeyrow/demo/crm"
	"honeyrow/demo/shop"
	"honeyrow/event"
)

// The acts are played straight against PostgreSQL here, without a proxy: what
// they do must work on its own, so that a failing demo means a failing proxy.
func TestEveryActWorksWithoutAProxy(t *testing.T) {
	ctx := context.Background()
	b, err := openBusiness(ctx, t.TempDir(), crm.Options{Seed: 1, Customers: 1500, Employees: 60})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Stop()
	const email = "h.lindqvist@harborpost.example"
	err = b.Exec(ctx, database, `INSERT INTO customers (customer_no, first_name, last_name, email, phone, street, postal_code, city, country, segment)
		VALUES ('C-999000', 'Helen', 'Lindqvist', '`+email+`', NULL, 'Storgatan 7', '752 20', 'Uppsala', 'SE', 'private')`)
	if err != nil {
		t.Fatal(err)
	}
	w := b.direct()
	s, err := shop.Start(ctx, w.dsn("shop_web", "shop"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	th := &theatre{way: w, shop: s, decoys: decoys{
		emails: []string{email}, towns: map[string]bool{"Uppsala": true}, tables: []string{"public.customers", "hr.payroll"},
	}}
	expected := 0
	for _, a := range story() {
		got, err := a.play(ctx, th)
		if err != nil {
			t.Errorf("%s: %v", a.title, err)
			continue
		}
		t.Logf("%s: %s", a.title, got)
		expected += len(a.expect(th))
	}
	if expected != 7 {
		t.Errorf("the story expects %d detections with two seeded tables, want 7", expected)
	}
	if out, err := th.psql(ctx, "support_kim", "SELECT * FROM hr.payroll"); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("support may read payroll: %s, %v", out, err)
	}
}

func TestADetectionThatDiffersFromTheStoryIsNamed(t *testing.T) {
	want := expectation{read, "jhartmann", "psql", "public.customers", "SELECT * FROM customers", false, false}
	good := event.Detection{
		Rule: read, Action: event.Alert,
		Client:    event.Client{User: "jhartmann", Application: "psql", Database: database, Address: "127.0.0.1:40000", BackendPID: 7},
		Statement: event.Statement{Text: "SELECT * FROM customers"},
		Hits:      []event.Hit{{Place: event.Place{Schema: "public", Table: "customers"}}},
	}
	if got := want.meets(&good); got != "" {
		t.Errorf("a good detection is refused: %s", got)
	}
	for name, spoil := range map[string]func(*event.Detection){
		"rule":        func(d *event.Detection) { d.Rule = "another" },
		"user":        func(d *event.Detection) { d.Client.User = "postgres" },
		"application": func(d *event.Detection) { d.Client.Application = "" },
		"statement":   func(d *event.Detection) { d.Statement.Text = "SELECT 1" },
		"token":       func(d *event.Detection) { d.Hits = nil },
		"table":       func(d *event.Detection) { d.Hits = []event.Hit{{Place: event.Place{Schema: "hr", Table: "payroll"}}} },
		"action":      func(d *event.Detection) { d.Action = event.Block },
		"presented": func(d *event.Detection) {
			d.Hits = []event.Hit{{Place: good.Hits[0].Place, Channel: event.ChannelBind}}
		},
		"client": func(d *event.Detection) { d.Client.BackendPID = 0 },
	} {
		d := good
		spoil(&d)
		if got := want.meets(&d); !strings.Contains(got, name) {
			t.Errorf("wrong %s: the report is %q", name, got)
		}
	}
}
