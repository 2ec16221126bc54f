package seeder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Witness is a Database that knows who sees a table's rows in ordinary life.
type Witness interface {
	// Audience lists the views that show the table's rows and, where the role may read
	// the server's statistics of statements, those that read much of it. unknown says
	// what could not be looked at, empty if nothing.
	Audience(ctx context.Context, t *Table) (readers []Onlooker, unknown string, err error)
}

// Onlooker will see a table's honey rows, and is no thief.
type Onlooker struct {
	What string `json:"what"`
	// User is who sent it to the server, as the statistics tell; empty for a view, and
	// where they don't.
	User string `json:"user,omitempty"`
}

// audience notes who will see the rows of each planned table.
func (d *draft) audience(ctx context.Context, p *Plan) error {
	db, ok := d.s.Database.(Witness)
	if !ok {
		return nil
	}
	for i, tp := range p.Tables {
		readers, unknown, err := db.Audience(ctx, d.studies[i].table)
		var no *Violation
		switch {
		case errors.As(err, &no):
			unknown = no.Why
		case err != nil:
			return fmt.Errorf("who reads %s: %w", tp, err)
		}
		tp.Readers = readers
		if unknown != "" {
			p.Warnings = appendOnce(p.Warnings, "which reports and jobs read the planned tables is not known: "+unknown)
		}
	}
	return nil
}

// readers says who will see a table's rows, and what to write for them.
func (p *Plan) readers(b *strings.Builder, t *TablePlan) {
	if len(t.Readers) == 0 {
		return
	}
	b.WriteString("   These will see the rows, and are no thieves:\n")
	var users []string
	for _, r := range t.Readers {
		fmt.Fprintf(b, "     - %s\n", r.What)
		if r.User != "" && !slices.Contains(users, r.User) {
			users = append(users, r.User)
		}
	}
	if len(users) == 0 {
		users = []string{"WHO_READS_IT"}
	}
	b.WriteString("   If they go through the proxy, write for them into the configuration (narrower: allow[].statements):\n")
	for _, u := range users {
		fmt.Fprintf(b, "     allow: [{server: %s, user: %q, address: ITS_HOST, database: %q}]\n", p.Server, u, p.Database)
	}
}
