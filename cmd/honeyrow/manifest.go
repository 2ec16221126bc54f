package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"honeyrow/internal/app"
	"honeyrow/manifest"
	"honeyrow/token"
)

type tokensManifestCmd struct {
	filterManifest
	To    string `required:"" placeholder:"ADDRESS" help:"The registry that shall read it: what 'tokens address' prints there."`
	As    string `required:"" placeholder:"NAME" help:"What this registry is called there, in lists and stories, such as crm-team."`
	Out   string `short:"o" required:"" placeholder:"FILE" help:"The file to write, with mode 0600."`
	Note  string `help:"A note that everybody can read who has the file."`
	Force bool   `help:"Replace the file if it is there."`
}

// filterManifest selects what goes into a manifest.
type filterManifest struct {
	Server     string `help:"Only tokens of this server."`
	Database   string `help:"Only tokens of this database."`
	Deployment string `help:"Only tokens of this seeding run."`
	Copy       string `help:"Only tokens of this copy of a database."`
}

// Help is shown by --help.
func (tokensManifestCmd) Help() string {
	return "The file holds this registry's own tokens in all states, with values, places and who planted them when. It is sealed to the address, so that only " +
		"that registry reads it, and signed by this one; it may travel by mail. Write it anew as often as you like: what is merged already changes its state only. " +
		"For a desk that shall never have the values, use 'tokens digests'.\n\n" +
		"Example: honeyrow tokens manifest --to hr1... --as crm-team --out crm.manifest"
}

// Run writes the manifest.
func (c *tokensManifestCmd) Run(e *env) error {
	to, err := manifest.ParseAddress(c.To)
	if err != nil {
		return usage{fmt.Errorf("--to: %w", err)}
	}
	if err := token.CheckLabel("--as", c.As); err != nil {
		return usage{err}
	}
	return e.withStore(func(st *app.Store) error {
		f, err := createPrivate(c.Out, c.Force)
		if err != nil {
			return err
		}
		n, err := app.WriteManifest(e.ctx, st, f, to,
			token.Filter{Server: c.Server, Database: c.Database, Deployment: c.Deployment, Copy: c.Copy},
			manifest.Header{By: app.Me(), Owner: c.As, Note: c.Note})
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			return errors.Join(fmt.Errorf("write %s: %w", c.Out, err), os.Remove(c.Out))
		}
		if e.json {
			return e.printJSON(map[string]any{"file": c.Out, "tokens": n, "to": c.To})
		}
		fmt.Fprintf(e.stdout, "%s in %s, sealed: there, take them in with `honeyrow tokens merge %s`\n", counted(n, "token", "tokens"), c.Out, c.Out)
		return nil
	})
}

type tokensMergeCmd struct {
	Files  []string          `arg:"" name:"file" help:"Manifests that 'tokens manifest' wrote for this registry."`
	From   []string          `sep:"none" placeholder:"ADDRESS" help:"Believe manifests of this registry: needed once for each, with the address that they told you themselves."`
	Server map[string]string `mapsep:"none" placeholder:"THEIRS=OURS" help:"What they call a server is what this configuration calls OURS."`
}

// Help is shown by --help.
func (tokensMergeCmd) Help() string {
	return "What is unknown is added, what came from the same registry before takes its newer state; tokens of this registry and of third ones stay as they are. " +
		"A file that was altered, that is sealed to another registry or that comes from one which nobody has named with --from is refused. Running proxies watch the tokens within a second. " +
		"A value that stands at two places is reported: both are watched. Who may merge may have you watch what he likes: believe only those who may plant.\n\n" +
		"Example: honeyrow tokens merge crm.manifest hr.manifest"
}

// Run merges file by file.
func (c *tokensMergeCmd) Run(e *env) error {
	o := app.MergeOptions{Servers: c.Server}
	for _, text := range c.From {
		a, err := manifest.ParseAddress(text)
		if err != nil {
			return usage{fmt.Errorf("--from: %w", err)}
		}
		o.From = append(o.From, a)
	}
	cfg, err := e.load()
	if err != nil {
		return err
	}
	return e.withStore(func(st *app.Store) error {
		var errs []error
		for _, name := range c.Files {
			m, err := mergeFile(e, st, name, o)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
				continue
			}
			if err := e.printMerged(name, &m); err != nil {
				return err
			}
			strangers, err := cfg.Strangers(e.ctx, st, m.Owner)
			if err != nil {
				return err
			}
			if len(strangers) > 0 {
				fmt.Fprintf(e.stderr, "honeyrow: warning: this configuration has no server called %s: names, numbers and keys planted there are recognised by no proxy of it; if it is another one's name here, tell --server THEIRS=OURS when you merge for the first time\n",
					printable(strings.Join(strangers, ", ")))
			}
		}
		return errors.Join(errs...)
	})
}

func mergeFile(e *env, st *app.Store, name string, o app.MergeOptions) (token.Merged, error) {
	f, err := os.Open(name)
	if err != nil {
		return token.Merged{}, err
	}
	defer f.Close()
	return app.Merge(e.ctx, st, f, o)
}

func (e *env) printMerged(name string, m *token.Merged) error {
	if e.json {
		return e.printLine(struct {
			File string `json:"file"`
			*token.Merged
		}{name, m})
	}
	fmt.Fprintf(e.stdout, "%s of %s: %d new, %d in a newer state, %d as they were, %d refused\n", counted(m.Read, "token", "tokens"), printable(m.Owner),
		m.Added, m.Changed, m.Read-m.Added-m.Changed-m.Refused, m.Refused)
	for i := range m.Clashes {
		x := &m.Clashes[i]
		other := ""
		if x.OtherPlace.Table != "" {
			other = fmt.Sprintf(" and token %s, %s", x.Other, placed(placeText(x.OtherPlace), x.OtherCopy, x.OtherOwner))
		}
		fmt.Fprintf(e.stderr, "honeyrow: warning: token %s, %s%s: %s\n", x.Token, placed(placeText(x.Place), x.Copy, m.Owner), other, x.Why)
	}
	if more := m.Refused + m.Doubled - len(m.Clashes); more > 0 {
		fmt.Fprintf(e.stderr, "honeyrow: warning: and %d more of the kind\n", more)
	}
	return nil
}

// placed says a place with its copy, and whose it is.
func placed(place, copyName, owner string) string {
	if copyName != "" {
		place += ", copy " + printable(copyName)
	}
	if owner != "" {
		place += ", of " + printable(owner)
	}
	return place
}

type tokensAddressCmd struct{}

// Help is shown by --help.
func (tokensAddressCmd) Help() string {
	return "The address is made from the registry's key and stays as long as that does. It is no secret, but whoever seals to it, or believes it, must have the right one: " +
		"hand it over on a way on which nobody can put another in its place.\n\n" +
		"Example: honeyrow tokens address"
}

// Run prints the address and the sources.
func (c *tokensAddressCmd) Run(e *env) error {
	return e.withStore(func(st *app.Store) error {
		a, err := app.Address(st)
		if err != nil {
			return err
		}
		merged, err := st.Sources(e.ctx)
		if err != nil {
			return err
		}
		if e.json {
			return e.printJSON(map[string]any{"address": a.String(), "merged": merged})
		}
		fmt.Fprintln(e.stdout, a)
		if len(merged) == 0 {
			return nil
		}
		fmt.Fprintln(e.stdout)
		t := table{head: []string{"MERGED FROM", "TOKENS", "LAST", "WRITTEN", "ADDRESS"}}
		for _, x := range merged {
			t.add(printable(x.Owner), fmt.Sprint(x.Tokens), x.Last.Format(time.DateTime), x.Made.Format(time.DateTime), x.Registry)
		}
		t.write(e.stdout)
		return nil
	})
}
