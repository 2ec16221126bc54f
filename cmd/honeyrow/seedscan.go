package main

import (
	"fmt"
	"strings"

	"honeyrow/internal/app"
	"honeyrow/seeder"
)

type seedScanCmd struct {
	target
	Tables []string `placeholder:"TABLE" help:"Only these tables, as table or schema.table."`
}

// Help is shown by --help.
func (seedScanCmd) Help() string {
	return "Reads the catalogue and a sample of each table; changes nothing. Advice: plant (a plan takes the table unasked, up to seed.max_tables), " +
		"name it (only if you ask for it), leave, refused.\n\n" +
		"Example: honeyrow seed scan --json"
}

// Run ranks tables, the best first: a JSON array with --json.
func (c *seedScanCmd) Run(e *env) error {
	return e.withSeeder(c.target, func(s *app.Seeding) error {
		show, end := e.progress()
		rs, err := s.Scan(e.ctx, seeder.Options{Config: withTables(s.Config, c.Tables), Server: s.Server, Progress: show})
		end()
		if err != nil {
			return err
		}
		if e.json {
			return e.printJSON(rs)
		}
		t := table{head: []string{"TABLE", "ROWS", "TEMPTING", "SAFE", "BEST VALUE", "HONEY ROWS", "ADVICE", "COLUMNS", "REASONS"}}
		for _, r := range rs {
			t.add(printable(r.Table), fmt.Sprint(r.Rows), fmt.Sprint(r.Tempting), fmt.Sprint(r.Safe), r.Strength, fmt.Sprint(r.Honey), r.Advice,
				printable(r.Columns), printable(strings.Join(r.Reasons, "; ")))
		}
		t.write(e.stdout)
		return nil
	})
}

func withTables(c seeder.Config, tables []string) seeder.Config {
	if len(tables) > 0 {
		c.Tables = tables
	}
	return c
}
