package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"honeyrow/demo/crm"
	"honeyrow/event"
)

// product is a kind of database server: what differs between them for whoever
// uses one.
type product interface {
	name() string     // for people
	protocol() string // in honeyrow.yaml
	// open makes a pool of connections for a role that calls itself application.
	open(w way, role, application string) (*sql.DB, error)
	// seedDSN is the same as `honeyrow seed` reads it.
	seedDSN(w way) string
	// dialect is the shop's.
	dialect() string
	script() script
	// desk returns the order desk's chores and what ends them.
	desk(context.Context, *traffic) ([]chore, func(), error)
	// table is the name of one of package crm's tables.
	table(name string) string
	// hint is the command line by which a person connects as role.
	hint(w way, role string) (string, error)
	// origin reads what rows `demo load` made, as JSON.
	origin(context.Context, *sql.DB) (string, error)
	// load makes the business's database unless it is there.
	load(ctx context.Context, w way, o origin, say func(string)) error
}

// products are those of the demo's flags.
var products = map[string]product{"postgres": pgProduct{}, "mysql": myProduct{"MySQL"}, "mariadb": myProduct{"MariaDB"}}

func pickProduct(name string) (product, error) {
	if p := products[name]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("no product %q: use postgres, mysql or mariadb", name)
}

// script is what the acts say and do in a product's own words.
type script struct {
	customers string // the table, as an alert's place names it
	insider   act
	takeHome  act
	dump      act
	lookup    string // looks a customer up by e-mail address
	typed     string // the injection
	mark      string // a part of it
	refusal   string // is in the error of a refused result
}

// place names a table as decoys.tables does.
func place(p event.Place) string {
	if p.Schema == "" {
		return p.Table
	}
	return p.Schema + "." + p.Table
}

// business is a private database server with the demo's data, and the ways to it.
type business struct {
	way            // straight to it
	server  string // its name in honeyrow.yaml
	version string
	folder  string // where it runs
	listen  string // the proxy's address for it
	owner   string // how a person connects as its owner, past the proxy
	stop    func()
	// openOwner connects as the server's owner, past everything.
	openOwner func() (*sql.DB, error)
}

func (b *business) through() (way, error) {
	w := b.way
	err := w.lead(b.listen)
	return w, err
}

// unchanged compares the number of rows of each table with that before the
// story. Orders are left out: the ordinary day placed new ones.
func (b *business) unchanged(ctx context.Context) error {
	db, err := b.openOwner()
	if err != nil {
		return err
	}
	defer db.Close()
	for _, t := range b.data.Tables {
		if t.Name == "orders" || t.Name == "order_items" {
			continue
		}
		var n int
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM "+b.product.table(t.Name)).Scan(&n); err != nil {
			return err
		}
		if n != len(t.Rows) {
			return fmt.Errorf("after `seed remove` %s of %s has %d rows, not the %d it had before", t.Name, b.server, n, len(t.Rows))
		}
	}
	return nil
}

// inventory counts the rows: "10,000 customers, 28,412 orders, ...".
func inventory(d *crm.Data) string {
	var parts []string
	for _, name := range []string{"customers", "orders", "order_items", "payment_cards", "hr.employees", "hr.payroll", "api_credentials"} {
		parts = append(parts, fmt.Sprintf("%s %s", thousands(len(d.Table(name).Rows)), strings.ReplaceAll(strings.TrimPrefix(name, "hr."), "_", " ")))
	}
	return strings.Join(parts, ", ")
}

func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
