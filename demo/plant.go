package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// facts are what the story must know of the other parts: which rows are
// ordinary ones, and which decoys there are. A thief has them from a dump.
type facts struct {
	Business origin   `json:"business"`
	Emails   []string `json:"emails"`
	Towns    []string `json:"towns"`
	Rows     int      `json:"rows"`
	Tables   []string `json:"tables"`
}

func (f facts) decoys() decoys {
	d := decoys{emails: f.Emails, towns: map[string]bool{}, rows: f.Rows, tables: f.Tables}
	for _, t := range f.Towns {
		d.towns[t] = true
	}
	return d
}

// plantJob plants honey rows as an operator does, and at a second run only
// looks whether they are still there.
func plantJob(fs *flag.FlagSet) func(context.Context, io.Writer) error {
	var c cli
	fs.StringVar(&c.program, "honeyrow", "/usr/local/bin/honeyrow", "the program")
	fs.StringVar(&c.config, "config", "/etc/honeyrow/honeyrow.yaml", "its configuration")
	plan := fs.String("plan", "plan.json", "where the plan is kept")
	server := fs.String("server", "", "the server's name in the configuration; empty: there is one")
	dsn := fs.String("dsn", "seed.dsn", "file with the planting role's connection string")
	into := fs.String("facts", "facts.json", "where the story finds what it must know")
	return func(ctx context.Context, out io.Writer) error {
		p := &printer{w: out, colour: isTerminal(out)}
		ts, err := c.tokens(ctx, *server)
		if err != nil {
			return err
		}
		steps := [][]string{{"seed", "plan", "--out", *plan}, {"seed", "apply", *plan, "--yes"}, {"seed", "verify"}}
		if len(ts) > 0 {
			steps = steps[2:]
		}
		for i := range steps {
			if *server != "" {
				steps[i] = append(steps[i], "--server", *server)
			}
		}
		for _, args := range append([][]string{{"doctor"}}, steps...) {
			printed, err := c.run(ctx, args...)
			if err != nil {
				return err
			}
			p.command("honeyrow "+strings.Join(args, " "), printed, 60)
		}
		return c.writeFacts(ctx, *server, *dsn, *into)
	}
}

func (c cli) writeFacts(ctx context.Context, server, dsnFile, into string) error {
	dsn, err := readSecret(dsnFile)
	if err != nil {
		return err
	}
	p, db, err := openDSN(dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	ts, err := c.tokens(ctx, server)
	if err != nil {
		return err
	}
	d, err := findDecoys(ctx, ts, p, db)
	if err != nil {
		return err
	}
	f := facts{Emails: d.emails, Rows: d.rows, Tables: d.tables}
	for t := range d.towns {
		f.Towns = append(f.Towns, t)
	}
	made, err := p.origin(ctx, db)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(made), &f.Business); err != nil {
		return fmt.Errorf("the database does not say how it was made (%q): was it loaded by `demo load`?", made)
	}
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	tmp := filepath.Join(filepath.Dir(into), ".new-"+filepath.Base(into))
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, into)
}

// openDSN connects with a connection string as `demo prepare` writes it.
func openDSN(dsn string) (product, *sql.DB, error) {
	if !strings.HasPrefix(dsn, "mysql://") {
		db, err := sql.Open("pgx", dsn)
		return pgProduct{}, db, err
	}
	w, role, err := readSeedDSN(dsn)
	if err != nil {
		return nil, nil, err
	}
	db, err := w.product.open(w, role, "demo-plant")
	return w.product, db, err
}

func readFacts(file string) (f facts, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return f, fmt.Errorf("%w: run `demo plant` first", err)
	}
	return f, json.Unmarshal(b, &f)
}
