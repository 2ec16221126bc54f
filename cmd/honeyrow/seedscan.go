package main

import (
	"cmp"
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
		marks, notes := footnotes(rs)
		for _, r := range rs {
			rows, why := fmt.Sprint(r.Rows), make([]string, len(r.Reasons))
			if r.Rows < 0 {
				rows = "-"
			}
			for i, reason := range r.Reasons {
				why[i] = cmp.Or(marks[reason], reason)
			}
			t.add(printable(r.Table), rows, fmt.Sprint(r.Tempting), fmt.Sprint(r.Safe), r.Strength, fmt.Sprint(r.Honey), r.Advice,
				printable(r.Columns), printable(strings.Join(why, "; ")))
		}
		t.write(e.stdout)
		for i, n := range notes {
			fmt.Fprintf(e.stdout, "[%d] %s\n", i+1, printable(n))
		}
		return nil
	})
}

// footnotes gives long reasons that stand beside many tables a mark, and lists
// them once.
func footnotes(rs []seeder.Ranked) (marks map[string]string, notes []string) {
	count, marks := map[string]int{}, map[string]string{}
	for _, r := range rs {
		for _, reason := range r.Reasons {
			if count[reason]++; count[reason] == 4 && len(reason) > 40 {
				notes = append(notes, reason)
				marks[reason] = fmt.Sprintf("[%d]", len(notes))
			}
		}
	}
	return marks, notes
}

func withTables(c seeder.Config, tables []string) seeder.Config {
	if len(tables) > 0 {
		c.Tables = tables
	}
	return c
}
