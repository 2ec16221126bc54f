package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"honeyrow/demo/shop"
	"honeyrow/event"
)

// theatre is what the acts play with.
type theatre struct {
	way
	server string // its name in honeyrow.yaml; empty: not checked
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
	// tables with honey rows, as "public.customers", or "customers" where there are no schemas.
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
	user, application string
	server            string // its name in honeyrow.yaml; empty: any
	table             string // of every hit's place, as in decoys.tables
	statement         string // a part of its text
	presented         bool   // the client itself presented a honey value
	refused           bool   // and the result did not pass
	// suspected: the statement itself gives it away, and names the table.
	suspected bool
}

// meets says what of d is not as expected, or "".
func (e expectation) meets(d *event.Detection) string {
	var wrong []string
	differ := func(what, got, want string) {
		if got != want {
			wrong = append(wrong, fmt.Sprintf("%s is %q, not %q", what, got, want))
		}
	}
	rule := read
	if e.suspected {
		rule = injected
	}
	differ("the rule", d.Rule, rule)
	differ("the user", d.Client.User, e.user)
	differ("the application", d.Client.Application, e.application)
	differ("the database", d.Client.Database, database)
	if e.server != "" {
		differ("the server", d.Client.Server, e.server)
	}
	action := event.Alert
	if e.refused {
		action = event.Block
	}
	differ("the action", d.Action.String(), action.String())
	if !strings.Contains(d.Statement.Text, e.statement) {
		wrong = append(wrong, fmt.Sprintf("the statement is %q, without %q", d.Statement.Text, e.statement))
	}
	switch {
	case !e.suspected && len(d.Hits) == 0:
		wrong = append(wrong, "it names no token")
	case e.suspected && !slices.ContainsFunc(d.Reach, func(t string) bool { return strings.HasSuffix(t, "."+e.table[strings.LastIndexByte(e.table, '.')+1:]) }):
		wrong = append(wrong, fmt.Sprintf("it reaches %q, not %q", d.Reach, e.table))
	}
	presented := false
	for _, h := range d.Hits {
		presented = presented || h.Channel.Inbound()
		differ("the table", place(h.Place), e.table)
	}
	if presented != e.presented {
		wrong = append(wrong, fmt.Sprintf("presented by the client is %t, not %t", presented, e.presented))
	}
	if d.Client.Address == "" || d.Client.BackendPID == 0 {
		wrong = append(wrong, "it does not say where the client is or which server process answered")
	}
	return strings.Join(wrong, "; ")
}

// read is the rule of the story's alerts, but for the one about the injection's
// own statement.
const (
	read     = "honey-row-read"
	injected = "sql-injection"
)

// one expects one alert of the table customers for each that is given.
func one(es ...expectation) func(*theatre) []expectation {
	return func(t *theatre) []expectation {
		es := slices.Clone(es)
		for i := range es {
			es[i].table = t.product.script().customers
		}
		return es
	}
}

// each expects one alert for each table with honey rows.
func each(of func(table string) expectation) func(*theatre) []expectation {
	return func(t *theatre) []expectation {
		var es []expectation
		for _, table := range t.decoys.tables {
			e := of(table)
			e.table = table
			es = append(es, e)
		}
		return es
	}
}

// expected are the act's alerts, all of the theatre's server.
func (a act) expected(t *theatre) []expectation {
	if a.expect == nil {
		return nil
	}
	es := a.expect(t)
	for i := range es {
		es[i].server = t.server
	}
	return es
}

// story is the same for every product but for a few words and the programs.
func story(s script) []act {
	s.insider.title = "An insider reads the whole table"
	s.takeHome.title = "The same person takes it home"
	s.dump.title = "A dump of the whole database"
	injection := expectation{user: "shop_web", application: "shop", statement: s.mark}
	suspicion := injection
	suspicion.suspected = true
	refused := injection
	refused.refused = true
	return []act{
		{
			title: "An ordinary day",
			story: "The order desk's application and the web shop work as always: this customer, that order, one page\n" +
				"of a town. No alert may come. Nothing but this protects ordinary work: it asks for particular rows\n" +
				"that it knows, and so never meets a row that nobody was told of. A page or an export that shows a\n" +
				"decoy is a read of it; so the pages here are of towns where no decoy lives.",
			play: playOrdinary,
		},
		s.insider,
		s.takeHome,
		s.dump,
		{
			title: "A stolen password",
			story: "Somebody logs in as support_kim and looks up one address from the stolen dump: a decoy's. Nobody\n" +
				"but a reader of that table can know it.",
			play:   playStolen,
			expect: one(expectation{user: "support_kim", application: "dbeaver", statement: s.lookup[strings.Index(s.lookup, "WHERE"):], presented: true}),
		},
		{
			title: "A UNION injection through the web shop",
			story: "A visitor types SQL into the shop's search box. The customers come back glued together as product\n" +
				"names: no column of the result says any more where it came from. The statement gives itself away\n" +
				"before the first row has come, and the rows then give the visitor away.",
			play:   playInjection,
			expect: one(suspicion, injection),
		},
		{
			title:  "The same injection, refused",
			refuse: true,
			story: "The owner has seen enough: honey-row-read is set to block in honeyrow.yaml, and SIGHUP puts it into\n" +
				"force without touching a session. What a result carried before its first honey row cannot be\n" +
				"recalled; from there on nothing passes, and the shop's session goes on working.",
			play:   playRefused,
			expect: one(refused),
		},
	}
}

func playOrdinary(ctx context.Context, t *theatre) (string, error) {
	sum, err := ordinaryTraffic(ctx, t.way, t.shop, t.decoys.towns)
	return sum.String(), err
}

func playStolen(ctx context.Context, t *theatre) (string, error) {
	db, err := t.product.open(t.way, "support_kim", "dbeaver")
	if err != nil {
		return "", err
	}
	defer db.Close()
	n, err := countSQL(db.QueryContext(ctx, t.product.script().lookup, t.decoys.emails[0]))
	if err != nil {
		return "", err
	}
	if n != 1 {
		return "", fmt.Errorf("the decoy's address was found %d times", n)
	}
	return "one row: name and telephone number", nil
}

func playInjection(ctx context.Context, t *theatre) (string, error) {
	page, err := get(ctx, t.shop.SearchURL(t.product.script().typed))
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
	page, err := get(ctx, t.shop.SearchURL(t.product.script().typed))
	if err != nil { // refused before the first row
		page = err.Error()
	}
	if !strings.Contains(page, t.product.script().refusal) {
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

// tool runs a database's own program as role and returns its output.
func tool(ctx context.Context, role string, env []string, path string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s as %s: %w\n%s", filepath.Base(path), role, err, stderr.String())
	}
	return out, nil
}

// printed and wrote say what a program got.
func printed(name string, out []byte) string {
	return fmt.Sprintf("%s printed %d lines, %d KiB", name, bytes.Count(out, []byte("\n")), len(out)>>10)
}

func wrote(name, file string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s wrote %d KiB", name, info.Size()>>10), nil
}
