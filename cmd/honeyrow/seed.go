package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"honeyrow/event"
	"honeyrow/internal/app"
	"honeyrow/seeder"
	"honeyrow/token"
)

type seedCmd struct {
	Scan   seedScanCmd   `cmd:"" help:"Rank the tables by how tempting and how safe they are for honey rows."`
	Plan   seedPlanCmd   `cmd:"" help:"Show what would be planted, and why. Changes nothing."`
	Apply  seedApplyCmd  `cmd:"" help:"Plant honey rows."`
	Verify seedVerifyCmd `cmd:"" help:"Check that the honey rows are still there and unchanged."`
	Remove seedRemoveCmd `cmd:"" help:"Take honey rows out again."`

	Drip      seedDripCmd      `cmd:"" help:"Go on planting rows one by one, as 'seed apply --drip' began it."`
	Rotate    seedRotateCmd    `cmd:"" help:"Give honey rows new values; the old ones stay watched."`
	Status    seedStatusCmd    `cmd:"" help:"Show what is planted, and what is still to come."`
	Reconcile seedReconcileCmd `cmd:"" help:"Settle what an interrupted run left open."`
}

// target says where to work.
type target struct {
	Server  string `placeholder:"NAME" help:"The server's name in the configuration; needed if there are several."`
	DSNFile string `name:"dsn-file" placeholder:"FILE" help:"Take the connection string from this file, for another database than servers seed names."`
}

// draftFlags shape a plan; what is not given comes from the configuration.
type draftFlags struct {
	Tables []string `placeholder:"TABLE" help:"Tables to plant in, as table or schema.table; without it the most tempting ones."`
	Rows   int      `placeholder:"N" help:"Honey rows in each table. Default: seed.rows of the configuration."`
	Domain []string `help:"Domains of planted e-mail addresses. Default: seed.domain of the configuration."`
	Seed   uint64   `placeholder:"N" help:"Makes a plan repeatable; without it each plan differs."`
	Note   string   `help:"A note for whoever reads the alert, such as a ticket number."`
	Canary string   `name:"canaries" type:"existingfile" placeholder:"FILE" help:"Plant the live decoy keys of this CSV file (columns value, secret, column, note), each in one honey row, instead of made ones."`
	NoTry  bool     `help:"Do not try the rows in a transaction that is rolled back."`
	Keys   string   `enum:",auto,sequence,gaps" default:"" help:"Where keys come from: gaps (numbers that no row has any more), sequence (new ones), or auto (gaps where they suit). Default: seed.keys of the configuration."`
	Family bool     `help:"Plant what ordinary rows have in other tables too: their children, and rows of their own that they point at."`
	MaxAUC float64  `name:"max-auc" placeholder:"X" help:"Refuse rows that a thief tells from real ones better than so by their content: 0.5 is a guess, 1 finds all. Default: seed.max_auc of the configuration."`

	MaxDumpAUC float64 `name:"max-dump-auc" placeholder:"X" help:"The same for a thief who has keys and other tables too. Default: seed.max_dump_auc of the configuration."`

	NoMeasure bool `help:"Do not measure how well the rows hide."`

	DecoyTables int    `name:"decoy-tables" placeholder:"N" help:"Plan N new tables with nothing but honey rows, as copies of the most tempting tables (of --tables, if given), instead of rows in those."`
	DecoyName   string `name:"decoy-name" placeholder:"NAME" help:"Name of the decoy table, which is then the only one. Default: in the style of the schema's own names, such as customers_backup."`

	Copy string `placeholder:"NAME" help:"Which copy of the database this is (staging, vendor-acme): it gets rows of its own, and a leak names it. Default: servers copy of the configuration."`
}

// withSeeder connects to registry and database, runs do and closes both.
func (e *env) withSeeder(t target, do func(*app.Seeding) error) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	s, err := app.OpenSeeding(e.ctx, cfg, t.Server, t.DSNFile)
	if err != nil {
		return err
	}
	for _, w := range s.Warnings {
		fmt.Fprintln(e.stderr, "honeyrow: warning:", w)
	}
	return errors.Join(do(s), s.Close())
}

func (f *draftFlags) options(s *app.Seeding, progress func(seeder.Progress)) seeder.Options {
	o := seeder.Options{Config: s.Config, Server: s.Server, CanaryFile: f.Canary, Copy: cmp.Or(f.Copy, s.Copy), Seed: f.Seed, Note: f.Note, SkipProbe: f.NoTry, SkipMeasure: f.NoMeasure, SkipRedraw: f.NoMeasure, Progress: progress}
	if len(f.Tables) > 0 {
		o.Tables = f.Tables
	}
	if f.Rows != 0 {
		o.Rows = f.Rows
	}
	if len(f.Domain) > 0 {
		o.Domain = f.Domain
	}
	if f.Keys != "" {
		o.Keys = f.Keys
	}
	if f.MaxAUC > 0 {
		o.MaxAUC = f.MaxAUC
	}
	if f.MaxDumpAUC > 0 {
		o.MaxDumpAUC = f.MaxDumpAUC
	}
	o.Family = o.Family || f.Family
	if o.Decoys, o.DecoyName = f.DecoyTables, f.DecoyName; o.Decoys > 0 || o.DecoyName != "" {
		o.Rows = f.Rows // a table needs more than the configuration's few
	}
	return o
}

// progress shows long work on standard error: one changing line on a
// terminal, JSON lines with --json, nothing otherwise.
func (e *env) progress() (show func(seeder.Progress), end func()) {
	switch {
	case e.json:
		out := *e
		out.stdout = e.stderr
		return func(p seeder.Progress) {
			_ = out.printLine(map[string]any{"progress": p.Step, "table": p.Table, "done": p.Done, "total": p.Total})
		}, func() {}
	case terminal(e.stderr):
		return func(p seeder.Progress) {
			count := ""
			if p.Total > 0 {
				count = fmt.Sprintf(" %d/%d", p.Done, p.Total)
			}
			fmt.Fprintf(e.stderr, "\r\x1b[K%s %s%s", p.Step, printable(p.Table), count)
		}, func() { fmt.Fprint(e.stderr, "\r\x1b[K") }
	}
	return nil, func() {}
}

type seedPlanCmd struct {
	target
	draftFlags
	Format string `enum:"table,sql,json" default:"table" help:"table, sql for the DBA's review, or json. Default: ${default}."`
	Out    string `short:"o" placeholder:"FILE" help:"Write the plan to this file (mode 0600), for 'seed apply FILE'."`
}

// Help is shown by --help.
func (seedPlanCmd) Help() string {
	return "Reads the catalogue and some rows, and tries the plan in a transaction that is rolled back. " +
		"What it prints holds the honey values: treat it as a secret. " +
		"With --decoy-tables the plan makes tables of their own, with some dozens of rows: it says who may read them without being a thief.\n\n" +
		"Example: honeyrow seed plan --tables customers,employees --rows 5 --out plan.json\n\n" +
		"Example: honeyrow seed plan --decoy-tables 1 --out decoy.json"
}

// Run makes and prints a plan.
func (c *seedPlanCmd) Run(e *env) error {
	if c.Out != "" { // it takes a while: better said before
		if err := seeder.CanWrite(c.Out); err != nil {
			return err
		}
	}
	return e.withSeeder(c.target, func(s *app.Seeding) error {
		show, end := e.progress()
		p, err := s.Plan(e.ctx, c.options(s, show))
		end()
		if p == nil {
			return err
		}
		if perr := c.print(e, p); perr != nil {
			return errors.Join(err, perr)
		}
		if err != nil || c.Out == "" {
			return err
		}
		if err := p.WriteFile(c.Out); err != nil {
			return err
		}
		fmt.Fprintf(e.stderr, "wrote %s (mode 0600): plant exactly this with `honeyrow seed apply %s --sha256 %s`\n", c.Out, c.Out, p.Digest())
		return nil
	})
}

func (c *seedPlanCmd) print(e *env, p *seeder.Plan) error {
	switch {
	case e.json || c.Format == "json":
		return e.printJSON(p)
	case c.Format == "sql":
		_, err := io.WriteString(e.stdout, p.SQL())
		return err
	}
	_, err := io.WriteString(e.stdout, p.Table())
	return err
}

type seedApplyCmd struct {
	target
	draftFlags
	Plan   string `arg:"" optional:"" placeholder:"PLAN" help:"A plan from 'seed plan --out'; without it one is made now."`
	SHA256 string `name:"sha256" placeholder:"DIGEST" help:"Apply the plan only if it is the one with this digest, as 'seed plan --out' printed it for the reviewer."`
	Drip   days   `placeholder:"7d" help:"Plant the rows one by one over this time, at hours at which rows of their tables come, with the keys and dates of then."`
	DryRun bool   `help:"Insert in a transaction and roll it back; with --drip also show when each row would come."`
	Force  bool   `help:"Go on when a running proxy does not watch the new values in time."`
	Yes    bool   `short:"y" help:"Do not ask."`
	Batch  int    `placeholder:"N" help:"Rows of a transaction. Default: up to 500 rows all in one, of more each row in its own, so that no lock lasts longer than its insert."`
	Keep   bool   `help:"Keep what is planted when a later transaction of the same plan fails, to go on with the plan; without it what is planted is taken out again."`
}

// Help is shown by --help.
func (seedApplyCmd) Help() string {
	return "Plants in one transaction, or in many if the plan is large (--batch), after every running proxy watches the new values. " +
		"On failure nothing is left behind, unless --keep says so or it is interrupted between two transactions; " +
		"applying the same plan again goes on where it ended, and plants nothing twice. With --drip the command runs until the last row is in; " +
		"when it was stopped, the same command again or 'seed drip' goes on.\n\n" +
		"Example: honeyrow seed apply plan.json --yes"
}

// Run plants.
func (c *seedApplyCmd) Run(e *env) error {
	if c.Drip != 0 && (time.Duration(c.Drip) < seeder.MinDrip || time.Duration(c.Drip) > seeder.MaxDrip) {
		return errShortDrip
	}
	return e.withSeeder(c.target, func(s *app.Seeding) error {
		p, err := c.plan(e, s)
		if err != nil {
			return err
		}
		if d, err := unfinished(e, s, p); err != nil || d != nil {
			if err == nil {
				err = c.resume(e, s, d)
			}
			return err
		}
		if !c.DryRun {
			question := fmt.Sprintf("Plant %s%s %s of %s on server %s?", counted(p.Rows(), "honey row", "honey rows"), newTables(p), tablesOf(p), p.Database, p.Server)
			if err := e.confirm(c.Yes, question); err != nil {
				return err
			}
		}
		show, end := e.progress()
		o := seeder.ApplyOptions{
			DryRun: c.DryRun, Force: c.Force, Batch: c.Batch, Keep: c.Keep, LockTimeout: s.Config.LockTimeout,
			StatementTimeout: s.Config.StatementTimeout, SearchTimeout: s.Config.SearchTimeout,
			WatchTimeout: s.Config.WatchTimeout, Progress: show,
		}
		var done *seeder.Applied
		if c.Drip == 0 || c.DryRun {
			done, err = s.Apply(e.ctx, p, o)
		}
		end()
		switch {
		case err != nil:
			return err
		case c.Drip == 0:
			return e.printApplied(done)
		case c.DryRun && !e.json:
			fmt.Fprintf(e.stdout, "%s tried in one transaction and rolled back\n", counted(len(done.Rows), "row was", "rows were"))
		}
		return c.begin(e, s, p, o)
	})
}

func (c *seedApplyCmd) plan(e *env, s *app.Seeding) (*seeder.Plan, error) {
	if c.Plan == "" && c.SHA256 != "" {
		return nil, usage{errors.New("--sha256 names a plan file's digest: give the file too")}
	}
	if c.Plan != "" {
		p, err := seeder.ReadPlan(c.Plan)
		if err != nil {
			return nil, err
		}
		if p.Server != s.Server {
			return nil, fmt.Errorf("plan %s is for server %q, not %q: choose it with --server", c.Plan, p.Server, s.Server)
		}
		if want := cmp.Or(c.Copy, s.Copy); want != "" && p.Copy != want {
			return nil, fmt.Errorf("plan %s is for copy %q, not for %q: each copy gets a plan of its own, or a leak would not name it; make one with `honeyrow seed plan`, or name the plan's copy with --copy", c.Plan, p.Copy, want)
		}
		if c.SHA256 != "" && !strings.EqualFold(c.SHA256, p.Digest()) {
			return nil, fmt.Errorf("plan %s is not the one that was approved: its digest is %s; have it reviewed again", c.Plan, p.Digest())
		}
		return p, nil
	}
	show, end := e.progress()
	p, err := s.Plan(e.ctx, c.options(s, show))
	end()
	if err != nil && p != nil {
		fmt.Fprint(e.stderr, p.Table()) // it says why
	}
	return p, err
}

// counted writes a number with the word for one or for many.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// newTables says that a plan makes tables.
func newTables(p *seeder.Plan) string {
	if len(p.Tables) > 0 && p.Tables[0].Decoy != nil {
		return ", with the new tables they are in,"
	}
	return " in"
}

func tablesOf(p *seeder.Plan) string {
	var names []string
	for _, t := range p.Tables {
		names = append(names, t.String())
	}
	return printable(strings.Join(names, ", "))
}

// confirm asks on a terminal; elsewhere --yes must be given.
func (e *env) confirm(yes bool, question string) error {
	if yes {
		return nil
	}
	if !terminal(e.stderr) || !terminal(os.Stdin) {
		return usage{errors.New("this changes the database and nobody can be asked here: say --yes, or --dry-run to try it")}
	}
	fmt.Fprintf(e.stderr, "%s [y/N] ", question)
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing was changed")
}

func (e *env) printApplied(done *seeder.Applied) error {
	if e.json {
		return e.printJSON(done)
	}
	t := table{head: []string{"TABLE", "KEY", "STATE", "ROW"}}
	counts := map[string]int{}
	for _, r := range done.Rows {
		counts[r.State]++
		t.add(printable(r.Table), printable(r.Key), r.State, string(r.ID))
	}
	t.write(e.stdout)
	switch {
	case done.DryRun:
		fmt.Fprintf(e.stdout, "%s tried and rolled back: nothing was planted\n", counted(counts["tried"], "row", "rows"))
	case done.Tokens == 0 && counts["planted"] == 0:
		fmt.Fprintf(e.stdout, "nothing to plant: %s there already (deployment %s)\n", counted(counts["present"], "row was", "rows were"), done.Deployment)
	default:
		fmt.Fprintf(e.stdout, "%s planted, %d were there already; %s registered, %s them (deployment %s)\n",
			counted(counts["planted"], "row", "rows"), counts["present"], counted(done.Tokens, "token", "tokens"), counted(done.Watchers, "proxy watches", "proxies watch"), done.Deployment)
	}
	for _, w := range done.Warnings {
		fmt.Fprintln(e.stderr, "honeyrow: warning:", printable(w))
	}
	return nil
}

type seedVerifyCmd struct {
	target
	Deployment string `help:"Only rows of this seeding run."`
	NoMeasure  bool   `help:"Do not measure how well the rows hide today."`
	Demote     bool   `help:"Let values that other rows have come to hold count by their own table and column only."`
	fireFlags
}

// Help is shown by --help.
func (seedVerifyCmd) Help() string {
	return "Also settles what an interrupted run left open, and refreshes the numbers of recreated tables. " +
		"Exit code 1 if a row is gone, changed, or has lost its uniqueness. " +
		"--fire then reads one honey row through the proxy, as a client, and waits for its own alert, which is marked as a drill: " +
		"exit code 4 if none comes, 5 if it does not reach every sink.\n\n" +
		"Example: honeyrow seed verify --fire --as app --password-file app.password"
}

// Run verifies.
func (c *seedVerifyCmd) Run(e *env) error {
	if err := c.check(); err != nil {
		return err
	}
	return e.withSeeder(c.target, func(s *app.Seeding) error {
		cfg, drill, err := c.ready(e, s)
		if err != nil {
			return err
		}
		show, end := e.progress()
		measure := &seeder.Options{Config: s.Config, Server: s.Server}
		if c.NoMeasure {
			measure = nil
		}
		v, err := s.Verify(e.ctx, seeder.VerifyOptions{
			Server: s.Server, Deployment: c.Deployment, Demote: c.Demote, Measure: measure,
			ApplyOptions: seeder.ApplyOptions{
				LockTimeout: s.Config.LockTimeout, StatementTimeout: s.Config.StatementTimeout,
				SearchTimeout: s.Config.SearchTimeout, Progress: show,
			},
		})
		end()
		if err != nil {
			return err
		}
		fired, fireErr := c.fire(e, s, v, cfg, drill)
		if e.json {
			err = e.printJSON(verified{v, fired})
		} else {
			e.printRows(v.Rows)
			fmt.Fprint(e.stdout, seeder.CamouflageTable(v.Camouflage, v.Product))
			if v.Relocated > 0 {
				fmt.Fprintf(e.stdout, "%d columns were in tables made anew: their numbers are refreshed\n", v.Relocated)
			}
			for _, w := range v.Warnings {
				fmt.Fprintln(e.stderr, "honeyrow: warning:", printable(w))
			}
			if v.Demoted > 0 {
				fmt.Fprintf(e.stdout, "%s demoted: other rows hold the value too\n", counted(v.Demoted, "token", "tokens"))
			}
			e.printDrips(s)
			if v.OK {
				fmt.Fprintln(e.stdout, asPlanted(len(v.Rows)))
			}
			e.printFired(fired)
		}
		if err = errors.Join(err, fireErr); err != nil || v.OK {
			return err
		}
		return errors.New("not all honey rows are as planted: see above for each; delete by hand what somebody changed, have `honeyrow seed remove` end the watch of what is gone, and plant anew")
	})
}

// asPlanted says that nothing is amiss with n honey rows.
func asPlanted(n int) string {
	switch n {
	case 0:
		return "there is no honey row to look at: `honeyrow seed status` shows what is planted"
	case 1:
		return "the honey row is as planted"
	}
	return fmt.Sprintf("all %d honey rows are as planted", n)
}

func (e *env) printRows(rows []seeder.RowState) {
	if len(rows) == 0 {
		return
	}
	t := table{head: []string{"TABLE", "KEY", "STATE", "COLUMNS", "ROW", "WHY"}}
	for _, r := range rows {
		t.add(printable(r.Table), printable(r.Key), r.State, printable(strings.Join(r.Columns, ",")), string(r.ID), printable(r.Why))
	}
	t.write(e.stdout)
}

type seedReconcileCmd struct{ target }

// Help is shown by --help.
func (seedReconcileCmd) Help() string {
	return "Looks for the honey rows of tokens that a run left as planned or retired when it was killed or lost the server: those that are there are live, " +
		"the others removed. Lets replaced values go whose time has come. Every other seed command does the same first.\n\n" +
		"Example: honeyrow seed reconcile"
}

// Run reconciles.
func (c *seedReconcileCmd) Run(e *env) error {
	return e.withSeeder(c.target, func(s *app.Seeding) error {
		r, err := s.Reconcile(e.ctx, s.Server)
		if err != nil {
			return err
		}
		if e.json {
			return e.printJSON(r)
		}
		fmt.Fprintf(e.stdout, "%s live, %d removed, %d live again after an interrupted removal; %s watched no longer\n",
			counted(r.Live, "planned row is", "planned rows are"), r.Removed, r.Retired, counted(r.Expired, "replaced value is", "replaced values are"))
		return nil
	})
}

type seedRemoveCmd struct {
	target
	Deployment string   `help:"Only rows of this seeding run."`
	Table      []string `help:"Only rows of these tables, as table or schema.table."`
	Row        []string `placeholder:"ID" help:"Only these honey rows."`
	DryRun     bool     `help:"Delete in a transaction and roll it back."`
	Force      bool     `help:"Go on when a running proxy does not follow in time."`
	Batch      int      `placeholder:"N" help:"Rows of a transaction. Default: up to 500 rows all in one, of more each row in its own."`
	Lasting    bool     `help:"Rows too whose triggers then leave what no rollback takes back, such as in a MyISAM table."`
	Yes        bool     `short:"y" help:"Do not ask."`
}

// Help is shown by --help.
func (seedRemoveCmd) Help() string {
	return "Deletes only rows that still are what was planted and on which no other row depends; what is left stays watched. " +
		"A decoy table that a plan has made is dropped if it holds nothing but such rows and nothing depends on it.\n\n" +
		"Example: honeyrow seed remove --table customers --dry-run"
}

// Run removes.
func (c *seedRemoveCmd) Run(e *env) error {
	return e.withSeeder(c.target, func(s *app.Seeding) error {
		rows, all, err := c.rows(e, s)
		if err != nil {
			return err
		}
		if !all && len(rows) == 0 {
			return errors.New("no honey row matches: `honeyrow tokens list` shows them")
		}
		if !c.DryRun {
			what := "all honey rows"
			if !all {
				what = counted(len(rows), "honey row", "honey rows")
			}
			if err := e.confirm(c.Yes, "Delete "+what+" of server "+s.Server+"?"); err != nil {
				return err
			}
		}
		show, end := e.progress()
		done, err := s.Remove(e.ctx, seeder.RemoveOptions{
			Server: s.Server, Deployment: c.Deployment, Rows: rows, Lasting: c.Lasting,
			ApplyOptions: seeder.ApplyOptions{
				DryRun: c.DryRun, Force: c.Force, Batch: c.Batch, LockTimeout: s.Config.LockTimeout,
				StatementTimeout: s.Config.StatementTimeout, SearchTimeout: s.Config.SearchTimeout,
				WatchTimeout: s.Config.WatchTimeout, Progress: show,
			},
		})
		end()
		if err != nil {
			return err
		}
		if e.json {
			return e.printJSON(done)
		}
		return e.printRemoved(done)
	})
}

// rows turns the filters into the ids of honey rows; all means no filter but
// the deployment's, which the seeder knows itself.
func (c *seedRemoveCmd) rows(e *env, s *app.Seeding) (ids []event.ID, all bool, err error) {
	if len(c.Table) == 0 && len(c.Row) == 0 {
		return nil, true, nil
	}
	ts, err := s.Store.List(e.ctx, token.Filter{Server: s.Server, Deployment: c.Deployment, States: []token.State{token.Planned, token.Live, token.Retired}})
	if err != nil {
		return nil, false, err
	}
	wanted := map[string]bool{}
	for _, w := range append(c.Table, c.Row...) {
		wanted[w] = true
	}
	seen := map[event.ID]bool{}
	for _, t := range ts {
		if t.Kind == token.DecoyTable && t.Deployment == token.NamedDecoy { // ends with tokens decoy remove
			continue
		}
		match := wanted[string(t.Row)] || wanted[t.Place.Table] || wanted[t.Place.Schema+"."+t.Place.Table]
		if match && !seen[t.Row] {
			seen[t.Row] = true
			ids = append(ids, t.Row)
		}
	}
	ds, err := s.Store.Drips(e.ctx, s.Server, c.Deployment)
	if err != nil {
		return nil, false, err
	}
	for i := range ds { // rows that wait are meant too
		for _, r := range ds[i].Rows {
			_, short, _ := strings.Cut(r.Table, ".")
			if r.State == token.Waiting && !seen[r.Row] && (wanted[string(r.Row)] || wanted[r.Table] || wanted[short]) {
				seen[r.Row] = true
				ids = append(ids, r.Row)
			}
		}
	}
	return ids, false, nil
}

func (e *env) printRemoved(done *seeder.Removed) error {
	e.printRows(done.Rows)
	removed, dropped := 0, 0
	for _, r := range done.Rows {
		switch r.State {
		case "removed":
			removed++
		case "dropped":
			dropped++
		}
	}
	kept := len(done.Rows) - removed - dropped
	if dropped > 0 {
		fmt.Fprintln(e.stdout, counted(dropped, "decoy table", "decoy tables")+map[bool]string{true: " would be dropped", false: " dropped"}[done.DryRun])
	}
	if done.Cancelled > 0 {
		would := map[bool]string{true: "would not be", false: "will not be"}[done.DryRun]
		fmt.Fprintf(e.stdout, "%s to come %s planted\n", counted(done.Cancelled, "row that was still", "rows that were still"), would)
	}
	if done.DryRun {
		fmt.Fprintf(e.stdout, "%s would be removed, %d kept: nothing was changed\n", counted(removed, "row", "rows"), kept)
		return nil
	}
	fmt.Fprintf(e.stdout, "%s removed, %d kept\n", counted(removed, "row", "rows"), kept)
	if kept > 0 {
		return errors.New("not all rows were removed: the reason stands beside each; they stay watched")
	}
	return nil
}
