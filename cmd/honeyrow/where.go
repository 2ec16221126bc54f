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

	"honeyrow/digests"
	"honeyrow/internal/app"
	"honeyrow/token"
)

type tokensWhereCmd struct {
	Value   string   `arg:"" help:"The value, or - to read values from standard input, one a line, so that none stands in a list of processes."`
	Digests []string `placeholder:"FILE" sep:"none" help:"Ask a file that 'tokens digests' wrote, instead of the registry; several, such as one of each team, are all asked."`
	KeyFile string   `placeholder:"FILE" help:"The key of the digest file. Default: its name with .key at the end."`
	Limit   int      `default:"20" placeholder:"N" help:"How many stories of a value that stands in many honey rows are told; 0: all. Default: ${default}."`
}

// Help is shown by --help.
func (tokensWhereCmd) Help() string {
	return "Knows every value that was ever planted, removed ones too, also in quotes, in other letters, in hexadecimal digits or base64. " +
		"Exit code 1 if no value is known. What is told about reads comes from the alerts.\n\n" +
		"Example: honeyrow tokens where - < value.txt"
}

// where is one known value, as JSON tells it.
type where struct {
	token.Life
	Story string `json:"story"`
	Worth string `json:"worth"`
}

// Run tells the stories of values: JSON lines with --json.
func (c *tokensWhereCmd) Run(e *env) error {
	values, err := c.values()
	if err != nil {
		return err
	}
	if len(c.Digests) > 0 {
		return c.offline(e, values)
	}
	return e.withStore(func(st *app.Store) error {
		return c.tell(e, values, func(forms []string) ([]token.Life, int, error) { return st.Lookup(e.ctx, c.Limit, forms...) })
	})
}

func (c *tokensWhereCmd) values() ([]string, error) {
	if c.Value != "-" {
		return []string{c.Value}, nil
	}
	var out []string
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		if strings.TrimSpace(in.Text()) != "" {
			out = append(out, in.Text())
		}
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("read standard input: %w; for a dump or a long text use `honeyrow tokens scan -`", err)
	}
	if len(out) == 0 {
		return nil, usage{errors.New("standard input holds no value")}
	}
	return out, nil
}

// offline asks digest files, each with its own key.
func (c *tokensWhereCmd) offline(e *env, values []string) error {
	if c.KeyFile != "" && len(c.Digests) > 1 {
		return usage{errors.New("--key-file is for one digest file: of several, each has its key beside it, with .key at the end")}
	}
	var files []*digests.File
	for _, name := range c.Digests {
		d, f, err := openDigests(name, cmp.Or(c.KeyFile, name+".key"))
		if err != nil {
			return err
		}
		defer f.Close()
		fmt.Fprintf(e.stderr, "%s: as of %s, when %s wrote it\n", printable(name), d.Header.Created.UTC().Format(time.RFC3339), printable(d.Header.By))
		files = append(files, d)
	}
	return c.tell(e, values, func(forms []string) (out []token.Life, all int, err error) {
		for i, d := range files {
			ls, n, err := d.Lookup(c.Limit, forms...)
			if err != nil {
				return nil, 0, fmt.Errorf("%s: %w", c.Digests[i], err)
			}
			out, all = append(out, ls...), all+n
		}
		return out, all, nil
	})
}

// openDigests opens a digest file; the caller closes f when d is done with.
func openDigests(name, keyName string) (d *digests.File, f *os.File, err error) {
	text, err := os.ReadFile(keyName)
	if err != nil {
		return nil, nil, fmt.Errorf("read the key of the digest file: %w", err)
	}
	key, err := digests.ParseKey(string(text))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", keyName, err)
	}
	if f, err = os.Open(name); err != nil {
		return nil, nil, err
	}
	st, err := f.Stat()
	if err == nil {
		d, err = digests.Open(f, st.Size(), key)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
	}
	return d, f, nil
}

func (c *tokensWhereCmd) tell(e *env, values []string, look func([]string) (ls []token.Life, all int, err error)) error {
	if c.Limit < 0 {
		return usage{errors.New("--limit is how many stories of a value are told: 0 or more")}
	}
	found := 0
	for i, v := range values {
		ls, all, err := look(token.Forms(v))
		if err != nil {
			return err
		}
		for k := range ls {
			if found++; e.json {
				hide(&ls[k].Token)
				if err := e.printLine(where{ls[k], ls[k].Tell(time.Now()), ls[k].Worth()}); err != nil {
					return err
				}
				continue
			}
			if found > 1 {
				fmt.Fprintln(e.stdout)
			}
			e.printLife(&ls[k])
		}
		if all > len(ls) {
			line := ""
			if len(values) > 1 {
				line = fmt.Sprintf("line %d: ", i+1)
			}
			fmt.Fprintf(e.stderr, "%sthese are %d of %d places where such a value was planted, those first that prove most; --limit 0 tells all\n", line, len(ls), all)
		}
		if len(ls) == 0 && !e.json && len(values) > 1 {
			fmt.Fprintf(e.stderr, "line %d: not a planted value\n", i+1)
		}
	}
	if found == 0 && len(c.Digests) > 0 {
		return errors.New("no planted value that is in these files is like this: keys and weak values (names, amounts, some telephone numbers) are only in files that were written with --all, and a longer text, or a value in disguise, is looked for by `honeyrow tokens scan` where the registry is")
	}
	if found == 0 {
		return errors.New("no planted value is like this: for a longer text, or a value in disguise, use `honeyrow tokens scan`")
	}
	return nil
}

func (e *env) printLife(l *token.Life) {
	w := table{head: []string{"token", string(l.ID)}}
	w.add("story", printable(l.Tell(time.Now())))
	w.add("worth", l.Worth())
	w.add("kind", l.Kind+", "+l.Strength.String())
	w.add("state", string(l.State)+" since "+when(l.ChangedAt))
	w.add("place", placeText(l.Place))
	if l.Place.Key != "" {
		w.add("row key", printable(l.Place.Key))
	}
	w.add("honey row", string(l.Row))
	w.add("deployment", l.Deployment)
	w.addOrigin(&l.Token)
	if l.Note != "" {
		w.add("note", printable(l.Note))
	}
	w.write(e.stdout)
}

type tokensDigestsCmd struct {
	File  string `arg:"" help:"The file to write; its key goes into a second one, with .key at the end."`
	Note  string `help:"A note that everybody can read who has the file."`
	All   bool   `help:"Also keys and weak values (names, amounts), which whoever has both files can find by trying."`
	Force bool   `help:"Replace the files if they are there."`
}

// Help is shown by --help.
func (tokensDigestsCmd) Help() string {
	return "The file holds keyed digests, and stories that only the right value opens: without the key it tells nothing but how many values there are, " +
		"with the key only what is asked for by its value. Hand over file and key by different ways.\n\n" +
		"Example: honeyrow tokens digests responder.digests"
}

// Run writes the two files, with mode 0600.
func (c *tokensDigestsCmd) Run(e *env) error {
	return e.withStore(func(st *app.Store) error {
		key := digests.NewKey()
		kf, err := createPrivate(c.File+".key", c.Force)
		if err != nil {
			return err
		}
		_, err = io.WriteString(kf, key.Reveal()+"\n")
		if err = errors.Join(err, kf.Sync(), kf.Close()); err != nil {
			return err
		}
		f, err := createPrivate(c.File, c.Force)
		if err != nil {
			return errors.Join(err, os.Remove(c.File+".key"))
		}
		n, err := c.write(e, st, f, key)
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			return errors.Join(fmt.Errorf("write %s: %w", c.File, err), os.Remove(c.File), os.Remove(c.File+".key"))
		}
		if err := st.Record(e.ctx, token.Deed{Action: "digests", Version: app.Version(), Tokens: n, Note: c.Note}); err != nil {
			return err
		}
		if e.json {
			return e.printJSON(map[string]any{"file": c.File, "key_file": c.File + ".key", "tokens": n})
		}
		fmt.Fprintf(e.stdout, "%s of %s in %s, its key in %s.key (mode 0600)\nAsk with `honeyrow tokens where --digests %s -`\n",
			counted(n, "digest", "digests"), "planted values", c.File, c.File, c.File)
		return nil
	})
}

func (c *tokensDigestsCmd) write(e *env, st *app.Store, f io.Writer, key digests.Key) (int, error) {
	d, err := digests.NewWriter(f, key, digests.Header{Created: time.Now().UTC(), By: app.Me(), Note: c.Note})
	if err != nil {
		return 0, err
	}
	err = st.EachLife(e.ctx, func(l *token.Life) error {
		if !c.All && (l.Key || l.Strength == token.Weak) || l.Kind == token.DecoyTable {
			return nil
		}
		return d.Add(l)
	})
	if err != nil {
		return 0, err
	}
	return d.Close()
}
