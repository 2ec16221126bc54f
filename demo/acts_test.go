package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"honeyrow/demo/crm"
	"honeyrow/event"
	"honeyrow/internal/myserver"
)

func TestMain(m *testing.M) {
	code := m.Run()
	myserver.Cleanup()
	os.Exit(code)
}

// The acts are played straight against the databases here, without a proxy:
// what they do must work on its own, so that a failing demo means a failing
// proxy.
func TestEveryActWorksWithoutAProxy(t *testing.T) {
	for name, tc := range map[string]struct {
		open   opener
		tables []string
		// closed is a look at a table that support may not read.
		closed func(context.Context, *theatre) (string, error)
		denied string
	}{
		"postgres": {
			openPostgres,
			[]string{"public.customers", "hr.payroll"},
			func(ctx context.Context, th *theatre) (string, error) {
				return th.psql(ctx, "support_kim", "SELECT * FROM hr.payroll")
			}, "permission denied",
		},
		"mariadb": {
			openMariaDB,
			[]string{"customers", "payroll"},
			func(ctx context.Context, th *theatre) (string, error) {
				return th.myClient(ctx, "support_kim", "--execute=SELECT * FROM payroll")
			}, "command denied",
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, dir := t.Context(), t.TempDir()
			cert, err := selfSigned()
			if err != nil {
				t.Fatal(err)
			}
			if err := cert.write(dir); err != nil {
				t.Fatal(err)
			}
			data, err := crm.Generate(crm.Options{Seed: 1, Customers: 1500, Employees: 60})
			if err != nil {
				t.Fatal(err)
			}
			b, err := tc.open(ctx, dir, cert, data)
			if err != nil {
				t.Fatal(err)
			}
			defer b.stop()
			db, err := b.openOwner()
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			const email = "h.lindqvist@harborpost.example"
			_, err = db.ExecContext(ctx, `INSERT INTO customers (customer_no, first_name, last_name, email, phone, street, postal_code, city, country, segment)
				VALUES ('C-999000', 'Helen', 'Lindqvist', '`+email+`', NULL, 'Storgatan 7', '752 20', 'Uppsala', 'SE', 'private')`)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.unchanged(ctx); err == nil || !strings.Contains(err.Error(), "customers of "+b.server) {
				t.Errorf("a row too many is not noticed: %v", err)
			}
			s, err := b.openShop("127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			th := &theatre{way: b.way, server: b.server, shop: s, decoys: decoys{
				emails: []string{email}, towns: map[string]bool{"Uppsala": true}, tables: tc.tables,
			}}
			expected := 0
			for _, a := range story(b.product.script()) {
				got, err := a.play(ctx, th)
				if err != nil {
					t.Errorf("%s: %v", a.title, err)
					continue
				}
				t.Logf("%s: %s", a.title, got)
				for _, e := range a.expected(th) {
					expected++
					if e.server != b.server || e.table == "" || e.statement == "" {
						t.Errorf("%s: the expectation %+v leaves something open", a.title, e)
					}
				}
			}
			if expected != 8 {
				t.Errorf("the story expects %d detections with two seeded tables, want 8", expected)
			}
			if out, err := tc.closed(ctx, th); err == nil || !strings.Contains(err.Error(), tc.denied) {
				t.Errorf("support may read payroll: %s, %v", out, err)
			}
		})
	}
}

func TestTheStoryOfEachProductHasTheSameActs(t *testing.T) {
	want := story(pgProduct{}.script())
	for name, p := range products {
		acts := story(p.script())
		if len(acts) != 7 || len(acts) != len(want) {
			t.Fatalf("%s has %d acts, want 7", name, len(acts))
		}
		for i, a := range acts {
			if a.title != want[i].title || a.title == "" || a.story == "" || a.play == nil || a.refuse != (i == 6) {
				t.Errorf("%s, act %d is %q with the story %q", name, i+1, a.title, a.story)
			}
		}
	}
	if _, err := pickProduct("oracle"); err == nil || !strings.Contains(err.Error(), "mariadb") {
		t.Errorf("an unknown product: %v", err)
	}
	if _, err := openers("oracle"); err == nil || !strings.Contains(err.Error(), "both") {
		t.Errorf("an unknown choice: %v", err)
	}
}

func TestADetectionThatDiffersFromTheStoryIsNamed(t *testing.T) {
	want := expectation{user: "jhartmann", application: "psql", server: "crm", table: "public.customers", statement: "SELECT * FROM customers"}
	good := event.Detection{
		Rule: read, Action: event.Alert,
		Client:    event.Client{User: "jhartmann", Application: "psql", Database: database, Server: "crm", Address: "127.0.0.1:40000", BackendPID: 7},
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
		"server":      func(d *event.Detection) { d.Client.Server = "crm-mariadb" },
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
