package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"honeyrow/event"
	"honeyrow/internal/app"
	"honeyrow/token"
)

type tokensCmd struct {
	List     tokensListCmd     `cmd:"" help:"List planted tokens, without their values."`
	Show     tokensShowCmd     `cmd:"" help:"Show one token, its place and its history."`
	Where    tokensWhereCmd    `cmd:"" help:"Tell the story of a value that was found somewhere."`
	Scan     tokensScanCmd     `cmd:"" help:"Search a dump or a paste for planted values."`
	Manifest tokensManifestCmd `cmd:"" help:"Write planted values for another registry, sealed to its address."`
	Merge    tokensMergeCmd    `cmd:"" help:"Take in manifests of other registries: proxies watch their values too."`
	Address  tokensAddressCmd  `cmd:"" help:"Print this registry's address for manifests, and whose tokens were merged."`
	Digests  tokensDigestsCmd  `cmd:"" help:"Write a file with which a responder can ask 'where' without the registry."`
	Log      tokensLogCmd      `cmd:"" help:"Show who planted, rotated and removed what, and check that nobody altered it."`
	Export   tokensExportCmd   `cmd:"" help:"Write tokens with their values, for other tools."`
	Decoy    tokensDecoyCmd    `cmd:"" help:"Have whole tables watched: whoever asks for one is told of, whatever comes back."`
}

// filterFlags select tokens.
type filterFlags struct {
	State      []string `enum:"planned,live,retired,removed" help:"Only these states: planned, live, retired, removed."`
	Server     string   `help:"Only tokens of this server."`
	Database   string   `help:"Only tokens of this database."`
	Schema     string   `help:"Only tokens of this schema."`
	Table      string   `help:"Only tokens of this table."`
	Kind       string   `help:"Only tokens of this kind, such as email."`
	Row        string   `help:"Only tokens of the honey row with this id."`
	Deployment string   `help:"Only tokens of this seeding run."`
	Copy       string   `help:"Only tokens of this copy of a database."`
	Owner      string   `help:"Only tokens merged from this registry, by what it calls itself."`
}

func (f *filterFlags) filter() token.Filter {
	t := token.Filter{Server: f.Server, Database: f.Database, Schema: f.Schema, Table: f.Table, Kind: f.Kind, Row: event.ID(f.Row), Deployment: f.Deployment, Copy: f.Copy, Owner: f.Owner}
	for _, s := range f.State {
		t.States = append(t.States, token.State(s))
	}
	return t
}

// withStore opens the registry, runs do and closes it.
func (e *env) withStore(do func(*app.Store) error) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	st, warnings, err := app.OpenStore(e.ctx, cfg)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		fmt.Fprintln(e.stderr, "honeyrow: warning:", w)
	}
	return errors.Join(do(st), st.Close())
}

type tokensListCmd struct {
	filterFlags
	Values bool `help:"Show the values too. Whoever reads over your shoulder then knows them."`
}

// Help is shown by --help.
func (tokensListCmd) Help() string {
	return "Example: honeyrow tokens list --table customers --state live"
}

// Run lists tokens: one JSON line each with --json.
func (c *tokensListCmd) Run(e *env) error {
	return e.withStore(func(st *app.Store) error {
		ts, err := st.List(e.ctx, c.filter())
		if err != nil {
			return err
		}
		t := table{head: []string{"ID", "STATE", "KIND", "STRENGTH", "PLACE", "KEY", "PLANTED", "BY"}}
		copies := slices.ContainsFunc(ts, func(t token.Token) bool { return t.Copy != "" })
		owners := slices.ContainsFunc(ts, func(t token.Token) bool { return t.Owner != "" })
		for _, more := range []struct {
			name string
			show bool
		}{{"COPY", copies}, {"OWNER", owners}, {"VALUE", c.Values}} {
			if more.show {
				t.head = append(t.head, more.name)
			}
		}
		for i := range ts {
			if !c.Values {
				hide(&ts[i])
			}
			if e.json {
				if err := e.printLine(ts[i]); err != nil {
					return err
				}
				continue
			}
			t.add(tokenRow(&ts[i], copies, owners, c.Values)...)
		}
		if e.json {
			return nil
		}
		if len(ts) == 0 {
			fmt.Fprintln(e.stderr, "no tokens match: plant some with `honeyrow seed apply`")
			return nil
		}
		t.write(e.stdout)
		return nil
	})
}

func tokenRow(t *token.Token, copies, owners, values bool) []string {
	state := string(t.State)
	if t.Expired() {
		state = "expired" // retired, in the registry's words
	}
	row := []string{
		string(t.ID), state, t.Kind, t.Strength.String(), placeText(t.Place), printable(t.Place.Key),
		t.PlantedAt.UTC().Format(time.DateOnly), printable(t.PlantedBy),
	}
	if copies {
		row = append(row, printable(t.Copy))
	}
	if owners {
		row = append(row, printable(t.Owner))
	}
	if values {
		row = append(row, printable(t.Value))
	}
	return row
}

func placeText(p event.Place) string {
	parts := []string{p.Server, p.Database}
	if p.Schema != "" {
		parts = append(parts, p.Schema)
	}
	if parts = append(parts, p.Table); p.Column != "*" { // a whole table is a decoy
		parts = append(parts, p.Column)
	}
	return printable(strings.Join(parts, "."))
}

// hide takes away what would betray the token. The key of the row stays: it
// is how a DBA finds it.
func hide(t *token.Token) { t.Value, t.Binary = "", nil }

type tokensShowCmd struct {
	ID     string `arg:"" help:"The token's id, or enough of its beginning or end to be the only one."`
	Values bool   `help:"Show the value too."`
}

// Help is shown by --help.
func (tokensShowCmd) Help() string {
	return "Example: honeyrow tokens show 01939e5a-7c1b-7d3e-8a51-2f6d1c0b9e44"
}

// Run shows one token.
func (c *tokensShowCmd) Run(e *env) error {
	return e.withStore(func(st *app.Store) error {
		t, err := findToken(e, st, c.ID)
		if err != nil {
			return err
		}
		hist, err := st.History(e.ctx, t.ID)
		if err != nil {
			return err
		}
		story := t.Story()
		if !c.Values {
			hide(&t)
		}
		if e.json {
			return e.printJSON(map[string]any{"token": t, "story": story, "history": hist})
		}
		w := table{head: []string{"token", string(t.ID)}}
		w.add("story", printable(story))
		w.add("honey row", string(t.Row))
		w.add("place", placeText(t.Place))
		w.add("row key", printable(t.Place.Key))
		w.add("kind", t.Kind)
		w.add("strength", t.Strength.String())
		if t.TableOID != 0 {
			w.add("numbers", fmt.Sprintf("table %d, column %d", t.TableOID, t.Attr))
		}
		w.add("deployment", t.Deployment)
		w.addOrigin(&t)
		if t.Note != "" {
			w.add("note", printable(t.Note))
		}
		if c.Values {
			w.add("value", printable(t.Value))
		} else {
			w.add("value", "hidden (--values shows it)")
		}
		for _, h := range hist {
			w.add("since "+h.At.UTC().Format(time.RFC3339), fmt.Sprintf("%s, by %s", h.To, printable(h.Actor)))
		}
		w.write(e.stdout)
		return nil
	})
}

// addOrigin adds which copy a token is of, and whose it is, where that is said.
func (w *table) addOrigin(t *token.Token) {
	if t.Copy != "" {
		w.add("copy", printable(t.Copy))
	}
	if t.Owner != "" {
		w.add("owner", printable(t.Owner)+" (merged)")
	}
}

// findToken looks an id up, whole or abbreviated.
func findToken(e *env, st *app.Store, id string) (token.Token, error) {
	t, err := st.Get(e.ctx, event.ID(id))
	if err == nil || !errors.Is(err, token.ErrNotFound) {
		return t, err
	}
	all, lerr := st.List(e.ctx, token.Filter{})
	if lerr != nil {
		return token.Token{}, lerr
	}
	var found []token.Token
	for _, t := range all {
		if len(id) >= 4 && (strings.HasPrefix(string(t.ID), id) || strings.HasSuffix(string(t.ID), id)) {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return token.Token{}, fmt.Errorf("no token has the id %s: `honeyrow tokens list` shows them", id)
	}
	return token.Token{}, fmt.Errorf("%d tokens have an id like %s: give more of it", len(found), id)
}

type tokensExportCmd struct {
	filterFlags
	Format string `enum:"json,csv" default:"json" help:"json (one object a line) or csv. Default: ${default}."`
	Out    string `short:"o" placeholder:"FILE" help:"Write to this file with mode 0600 instead of standard output."`
	Force  bool   `help:"Replace the file if it is there."`
}

// Help is shown by --help.
func (tokensExportCmd) Help() string {
	return "The export holds the values: keep it as safe as the registry's key.\n\n" +
		"Example: honeyrow tokens export --state live --format csv --out tokens.csv"
}

// Run exports tokens with their values.
func (c *tokensExportCmd) Run(e *env) error {
	return e.withStore(func(st *app.Store) error {
		ts, err := st.List(e.ctx, c.filter())
		if err != nil {
			return err
		}
		if c.Out == "" {
			return c.write(e, e.stdout, ts)
		}
		f, err := createPrivate(c.Out, c.Force)
		if err != nil {
			return err
		}
		if err := errors.Join(c.write(e, f, ts), f.Sync(), f.Close()); err != nil {
			return fmt.Errorf("write %s: %w", c.Out, err)
		}
		fmt.Fprintf(e.stderr, "wrote %d tokens with their values to %s (mode 0600)\n", len(ts), c.Out)
		return nil
	})
}

// createPrivate makes a file with mode 0600. Without force it replaces none.
func createPrivate(name string, force bool) (*os.File, error) {
	if force {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%s is there already: choose another name, or replace it with --force", name)
	}
	return f, err
}

func (c *tokensExportCmd) write(e *env, w io.Writer, ts []token.Token) error {
	if c.Format == "json" {
		out := *e
		out.stdout = w
		for i := range ts {
			if err := out.printLine(ts[i]); err != nil {
				return err
			}
		}
		return nil
	}
	cw := csv.NewWriter(w)
	rows := [][]string{{
		"id", "row", "state", "kind", "strength", "value", "server", "database", "schema", "table", "column", "key",
		"deployment", "planted_by", "planted_at", "note", "copy", "owner",
	}}
	for _, t := range ts {
		rows = append(rows, []string{
			string(t.ID), string(t.Row), string(t.State), t.Kind, t.Strength.String(), t.Value, t.Place.Server, t.Place.Database,
			t.Place.Schema, t.Place.Table, t.Place.Column, t.Place.Key, t.Deployment, t.PlantedBy, t.PlantedAt.UTC().Format(time.RFC3339), t.Note, t.Copy, t.Owner,
		})
	}
	return cw.WriteAll(rows)
}
