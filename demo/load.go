package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"honeyrow/demo/crm"
)

// origin says which rows were loaded: the same origin makes the same ones. It
// is kept as the database's comment.
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

// loading is the database's name until it is complete.
const loading = database + "_loading"

// loadJob makes the business's database. It is there as a whole or not at all,
// and a second run finds it there.
func loadJob(fs *flag.FlagSet) func(context.Context, io.Writer) error {
	address := fs.String("database", "127.0.0.1:5432", "the database server")
	secrets := fs.String("secrets", ".", "folder with server.crt and everybody's passwords")
	o := origin{Day: time.Now().UTC().Format(time.DateOnly)}
	fs.Uint64Var(&o.Seed, "seed", 20261122, "makes other rows")
	fs.IntVar(&o.Customers, "customers", 10_000, "how many")
	fs.IntVar(&o.Employees, "employees", 240, "how many")
	return func(ctx context.Context, out io.Writer) error {
		w, err := openWay(*address, *secrets)
		if err != nil {
			return err
		}
		admin, err := w.superuser(ctx, "postgres")
		if err != nil {
			return err
		}
		defer admin.Close(context.WithoutCancel(ctx))
		var there bool
		if err := admin.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", database).Scan(&there); err != nil {
			return err
		}
		if there {
			fmt.Fprintf(out, "the database %s is there already\n", database)
			return nil
		}
		data, err := o.generate()
		if err != nil {
			return err
		}
		if err := w.load(ctx, admin, data, o); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n", inventory(data))
		return nil
	}
}

// superuser connects as the server's owner.
func (w way) superuser(ctx context.Context, name string) (*pgx.Conn, error) {
	return pgx.Connect(ctx, strings.Replace(w.dsn("postgres", "demo-load"), "dbname="+database, "dbname="+name, 1))
}

// load fills a database under another name, and gives it its own at the end.
func (w way) load(ctx context.Context, admin *pgx.Conn, data *crm.Data, o origin) error {
	// What an interrupted run left behind. Roles can go once nothing is theirs.
	drops := []string{"DROP DATABASE IF EXISTS " + loading + " WITH (FORCE)"}
	for _, role := range crm.Roles {
		drops = append(drops, "DROP ROLE IF EXISTS "+role)
	}
	for _, sql := range append(drops, "CREATE DATABASE "+loading) {
		if _, err := admin.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	conn, err := w.superuser(ctx, loading)
	if err != nil {
		return err
	}
	err = crm.Load(ctx, conn, data, w.passwords)
	if err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))); err != nil {
		return err
	}
	comment, err := json.Marshal(o)
	if err != nil {
		return err
	}
	// COMMENT takes no parameters; JSON of numbers and a date holds no quote.
	if _, err := admin.Exec(ctx, "COMMENT ON DATABASE "+loading+" IS '"+string(comment)+"'"); err != nil {
		return err
	}
	_, err = admin.Exec(ctx, "ALTER DATABASE "+loading+" RENAME TO "+database)
	return err
}
