package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"honeyrow/demo/crm"
)

// origin says which rows were loaded: the same origin makes the same ones. It
// is kept in the database.
type origin struct {
	Seed      uint64 `json:"seed"`
	Customers int    `json:"customers"`
	Employees int    `json:"employees"`
	Day       string `json:"day"` // of the newest rows
}

// generate makes the rows again.
func (o origin) generate() (*crm.Data, error) {
	day, err := time.Parse(time.DateOnly, o.Day)
	if err != nil {
		return nil, err
	}
	return crm.Generate(crm.Options{Seed: o.Seed, Customers: o.Customers, Employees: o.Employees, Now: day})
}

const alreadyThere = "the database " + database + " is there already"

// loadJob makes the business's database. It is there as a whole or not at all,
// and a second run finds it there.
func loadJob(fs *flag.FlagSet) func(context.Context, io.Writer) error {
	address := fs.String("database", "127.0.0.1:5432", "the database server")
	secrets := fs.String("secrets", ".", "folder with server.crt and everybody's passwords")
	kind := productFlag(fs)
	o := origin{Day: time.Now().UTC().Format(time.DateOnly)}
	fs.Uint64Var(&o.Seed, "seed", 20261122, "makes other rows")
	fs.IntVar(&o.Customers, "customers", 10_000, "how many")
	fs.IntVar(&o.Employees, "employees", 240, "how many")
	return func(ctx context.Context, out io.Writer) error {
		w, err := openWay(*kind, *address, *secrets)
		if err != nil {
			return err
		}
		return w.product.load(ctx, w, o, func(s string) { fmt.Fprintln(out, s) })
	}
}
