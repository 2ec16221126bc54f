package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"honeyrow/demo/shop"
	"honeyrow/event"
)

// theatre is what the acts play with.
type theatre struct {
	way
	shop   *shop.Shop
	decoys decoys
	// refuses says that the proxy refuses results with honey rows.
	refuses bool
}

// decoys is what a reader of the registry knows about the honey rows.
type decoys struct {
	// emails are the addresses of the honey rows in customers.
	emails []string
	// towns are those of the honey rows in customers.
	towns map[string]bool
	rows  int // honey rows in all
	// tables with honey rows, as "public.customers".
	tables []string
}

// act is one scene of the story.
type act struct {
	title string
	story string // one or two sentences for the person who watches
	// refuse makes the proxy refuse what carries a honey row, from here on.
	refuse bool
	// play does it and says in a few words what the actor got.
	play func(context.Context, *theatre) (string, error)
	// expect are the detections that must come, and no others.
	expect func(*theatre) []expectation
}

// expectation is one detection that must come.
type expectation struct {
	rule, user, application string
	table                   string // of every hit's place, "public.customers"
	statement               string // a part of its text
	presented               bool   // the client itself presented a honey value
	refused                 bool   // and the result did not pass
}

// meets says what of d is not as expected, or "".
func (e expectation) meets(d *event.Detection) string {
	var wrong []string
	differ := func(what, got, want string) {
		if got != want {
			wrong = append(wrong, fmt.Sprintf("%s is %q, not %q", what, got, want))
		}
	}
	differ("the rule", d.Rule, e.rule)
	differ("the user", d.Client.User, e.user)
	differ("the application", d.Client.Application, e.application)
	differ("the database", d.Client.Database, database)
	action := event.Alert
	if e.refused {
		action = event.Block
	}
	differ("the action", d.Action.String(), action.String())
	if !strings.Contains(d.Statement.Text, e.statement) {
		wrong = append(wrong, fmt.Sprintf("the statement is %q, without %q", d.Statement.Text, e.statement))
	}
	if len(d.Hits) == 0 {
		wrong = append(wrong, "it names no token")
	}
	presented := false
	for _, h := range d.Hits {
		presented = presented || h.Channel.Inbound()
		differ("the table", h.Place.Schema+"."+h.Place.Table, e.table)
	}
	if presented != e.presented {
		wrong = append(wrong, fmt.Sprintf("presented by the client is %t, not %t", presented, e.presented))
	}
	if d.Client.Address == "" || d.Client.BackendPID == 0 {
		wrong = append(wrong, "it does not say where the client is or which server process answered")
	}
	return strings.Join(wrong, "; ")
}

const (
	read = "honey-row-read"

	injection = "nothing' UNION SELECT customer_no, first_name || ' ' || last_name || ' <' || email || '>', credit_limit FROM customers --"
)

func story() []act {
	return []act{
		{
			title: "An ordinary day",
			story: "The order desk's application and the web shop work as always: this customer, that order, one page\n" +
				"of a town. No alert may come. Nothing but this protects ordinary work: it asks for particular rows\n" +
				"that it knows, and so never meets a row that nobody was told of. A page or an export that shows a\n" +
				"decoy is a read of it; so the pages here are of towns where no decoy lives.",
			play:   playOrdinary,
			expect: func(*theatre) []expectation { return nil },
		},
		{
			title: "An insider reads the whole table",
			story: "A controller with a reporting account opens psql: SELECT * FROM customers.",
			play: func(ctx context.Context, t *theatre) (string, error) {
				return t.psql(ctx, "jhartmann", "SELECT * FROM customers")
			},
			expect: func(*theatre) []expectation {
				return []expectation{{read, "jhartmann", "psql", "public.customers", "SELECT * FROM customers", false, false}}
			},
		},
		{
			title: "The same person takes it home",
			story: "COPY customers TO STDOUT is the fastest way out of a database.",
			play: func(ctx context.Context, t *theatre) (string, error) {
				return t.psql(ctx, "jhartmann", "COPY customers TO STDOUT WITH (FORMAT csv, HEADER)")
			},
			expect: func(*theatre) []expectation {
				return []expectation{{read, "jhartmann", "psql", "public.customers", "COPY customers TO STDOUT", false, false}}
			},
		},
		{
			title: "A dump of the whole database",
			story: "pg_dump with the backup's account, on a day when no backup runs: one alert for each table with honey rows.",
			play:  playDump,
			expect: func(t *theatre) []expectation {
				var es []expectation
				for _, table := range t.decoys.tables {
					es = append(es, expectation{read, "backup_svc", "pg_dump", table, "COPY " + table, false, false})
				}
				return es
			},
		},
		{
			title: "A stolen password",
			story: "Somebody logs in as support_kim and looks up one address from the stolen dump: a decoy's. Nobody\n" +
				"but a reader of that table can know it.",
			play: playStolen,
			expect: func(*theatre) []expectation {
				return []expectation{{read, "support_kim", "dbeaver", "public.customers", "WHERE email = $1", true, false}}
			},
		},
		{
			title: "A UNION injection through the web shop",
			story: "A visitor types SQL into the shop's search box. The customers come back glued together as product\n" +
				"names: no column of the result says any more where it came from.",
			play: playInjection,
			expect: func(*theatre) []expectation {
				return []expectation{{read, "shop_web", "shop", "public.customers", "UNION SELECT customer_no", false, false}}
			},
		},
		{
			title:  "The same injection, refused",
			refuse: true,
			story: "The owner has seen enough: honey-row-read is set to block in honeyrow.yaml, and SIGHUP puts it into\n" +
				"force without touching a session. What a result carried before its first honey row cannot be\n" +
				"recalled; from there on nothing passes, and the shop's session goes on working.",
			play: playRefused,
			expect: func(*theatre) []expectation {
				return []expectation{{read, "shop_web", "shop", "public.customers", "UNION SELECT customer_no", false, true}}
			},
		},
	}
}

func playOrdinary(ctx context.Context, t *theatre) (string, error) {
	sum, err := ordinaryTraffic(ctx, t.way, t.shop, t.decoys.towns)
	return sum.String(), err
}

// psql runs one statement with the real psql and counts what it printed.
func (t *theatre) psql(ctx context.Context, role, sql string) (string, error) {
	out, err := t.tool(ctx, role, "psql", "-X", "-q", "-A", "-v", "ON_ERROR_STOP=1", "-c", sql)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("psql printed %d lines, %d KiB", bytes.Count(out, []byte("\n")), len(out)>>10), nil
}

func playDump(ctx context.Context, t *theatre) (string, error) {
	file := filepath.Join(t.dir, "dump.sql")
	defer os.Remove(file)
	if _, err := t.tool(ctx, "backup_svc", "pg_dump", "--no-owner", "-f", file); err != nil {
		return "", err
	}
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("pg_dump wrote %d KiB", info.Size()>>10), nil
}

func playStolen(ctx context.Context, t *theatre) (string, error) {
	conn, err := pgx.Connect(ctx, t.dsn("support_kim", "dbeaver"))
	if err != nil {
		return "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	n, err := count(conn.Query(ctx, "SELECT id, first_name, last_name, phone FROM customers WHERE email = $1", t.decoys.emails[0]))
	if err != nil {
		return "", err
	}
	if n != 1 {
		return "", fmt.Errorf("the decoy's address was found %d times", n)
	}
	return "one row: name and telephone number", nil
}

func playInjection(ctx context.Context, t *theatre) (string, error) {
	page, err := get(ctx, t.shop.SearchURL(injection))
	if err != nil {
		return "", err
	}
	n := strings.Count(page, "<li>")
	if !strings.Contains(page, t.decoys.emails[0]) {
		return "", fmt.Errorf("the page lists %d products and not the decoy", n)
	}
	return fmt.Sprintf("the shop's page lists %d \"products\"", n), nil
}

// playRefused plays the injection again, looks for decoys in what came, and
// then searches the shop as a customer would.
func playRefused(ctx context.Context, t *theatre) (string, error) {
	if !t.refuses {
		return playInjection(ctx, t)
	}
	page, err := get(ctx, t.shop.SearchURL(injection))
	if err != nil { // refused before the first row
		page = err.Error()
	}
	if !strings.Contains(page, "SQLSTATE 42501") {
		return "", fmt.Errorf("the page does not say that the result was refused: it ends with %q", page[max(0, len(page)-200):])
	}
	for _, email := range t.decoys.emails {
		if strings.Contains(page, email) {
			return "", errors.New("a decoy's address is on the page although the result was refused")
		}
	}
	if _, err := get(ctx, t.shop.SearchURL("lamp")); err != nil {
		return "", fmt.Errorf("an ordinary search after the refusal: %w", err)
	}
	return fmt.Sprintf("%d of %s \"products\", no decoy among them, then an error; the next search worked",
		strings.Count(page, "<li>"), thousands(len(t.data.Table("customers").Rows))), nil
}

// tool runs one of PostgreSQL's own programs as role and returns its output.
func (t *theatre) tool(ctx context.Context, role, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(t.bin, name), args...)
	cmd.Env = append(os.Environ(), t.env(role)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s as %s: %w\n%s", name, role, err, stderr.String())
	}
	return out, nil
}
