package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"honeyrow/event"
	"honeyrow/internal/port"
	"honeyrow/token"
	"honeyrow/token/sqlite"
)

const (
	serverName  = "bench"
	controlWait = 5 * time.Second
)

// Names of the targets that are honeyrow.
const (
	honeyrowAll     = "honeyrow"         // all that it can look for
	honeyrowValues  = "honeyrow-values"  // values in clear alone
	honeyrowMillion = "honeyrow-million" // all, and many tokens
)

// variant is a way to run honeyrow.
type variant struct {
	about      string
	everything bool
	tokens     func(options) int
	workloads  []string
}

var variants = map[string]variant{
	honeyrowAll:     {"everything on: rules, detectors, disguises", true, func(o options) int { return o.tokens }, []string{"point", "novel", "wide", "conn", "mem", "load"}},
	honeyrowValues:  {"values alone: alerts.statements and alerts.disguises off", false, func(o options) int { return o.tokens }, []string{"point", "novel", "wide"}},
	honeyrowMillion: {"everything on", true, func(o options) int { return o.million }, []string{"wide", "load"}},
}

// findHoneyrow fills a registry once for each number of tokens. Each variant has
// a copy of its own: of several proxies with one registry, one delivers.
func (l *lane) findHoneyrow(ctx context.Context, name string, v variant) (target, error) {
	bin, err := filepath.Abs(l.honeyrow)
	if err != nil {
		return target{}, err
	}
	if _, err := os.Stat(bin); err != nil {
		return target{}, &missing{l.honeyrow, "make build"}
	}
	l.version(ctx, bin, "--version")
	n := v.tokens(l.options)
	if l.honey[n] == nil {
		l.note("register %d tokens", n)
		if l.honey[n], err = l.register(ctx, name, n); err != nil {
			return target{}, err
		}
		l.honey[n].by = name
	}
	h := l.honey[n]
	if h.by != name {
		if err := l.copyRegistry(h.by, name); err != nil {
			return target{}, err
		}
	}
	about := fmt.Sprintf("%s; %d tokens live, of %d honey rows; %d of them in the tables that are read", v.about, n, h.rows, h.here)
	return target{name, about, func(ctx context.Context, l *lane, server string) (*proc, error) {
		return l.startHoneyrow(ctx, name, v, bin, server)
	}}, nil
}

func (l *lane) startHoneyrow(ctx context.Context, name string, v variant, bin, server string) (*proc, error) {
	addr, err := port.FreeAddress()
	if err != nil {
		return nil, err
	}
	cfg, err := l.file(name+".yaml", l.config(name, v, addr, server))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(bin, "proxy", "--config", cfg)
	pprof := ""
	if l.profile != "" && name == honeyrowAll {
		if pprof, err = port.FreeAddress(); err != nil {
			return nil, err
		}
		cmd.Args = append(cmd.Args, "--pprof", pprof)
	}
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, sqlite.KeyEnv+"=") })
	p, err := l.launch(ctx, name, addr, cmd)
	if err == nil {
		p.pprof = pprof
	}
	return p, err
}

// config is honeyrow's configuration file: what must be said, and no more.
func (l *lane) config(name string, v variant, addr, server string) string {
	return fmt.Sprintf(`registry:
  path: %q
  key_file: %q
servers:
  - name: %s
    protocol: %s
    address: %q
    tls: {mode: disable}
listeners:
  - name: %s
    server: %s
    address: %q
    tls: {mode: "off"}
    limits: {connections: %d}
alerts:
  statements: %t
  disguises: %t
  sinks:
    - {name: file, type: file, path: %q}
`, l.registryPath(name), l.keyPath(name), serverName, l.of.protocol, server, serverName, serverName, addr,
		slices.Max(l.sessions)+100, v.everything, v.everything, l.alertFile(name))
}

func (l *lane) registryPath(name string) string {
	return filepath.Join(l.dir, "registry-of-"+name, "honeyrow.db")
}

func (l *lane) keyPath(name string) string {
	return filepath.Join(filepath.Dir(l.registryPath(name)), "registry.key")
}

func (l *lane) copyRegistry(from, to string) error {
	if err := os.CopyFS(filepath.Dir(l.registryPath(to)), os.DirFS(filepath.Dir(l.registryPath(from)))); err != nil {
		return err
	}
	return errors.Join(os.Chmod(l.registryPath(to), 0o600), os.Chmod(l.keyPath(to), 0o600))
}

func (l *lane) alertFile(name string) string { return filepath.Join(l.dir, name+".alerts.jsonl") }

// honey is what a registry holds.
type honey struct {
	by         string        // the variant that it was made for
	first      []token.Token // the first honey row
	rows, here int           // honey rows; tokens in the tables that are read
}

// register writes n tokens into a fresh registry of a variant.
func (l *lane) register(ctx context.Context, name string, n int) (*honey, error) {
	at, err := l.of.plant(ctx, l.server)
	if err != nil {
		return nil, err
	}
	key, err := sqlite.CreateKey(l.keyPath(name))
	if err != nil {
		return nil, err
	}
	store, err := sqlite.Open(ctx, sqlite.Options{Path: l.registryPath(name), Key: key, Actor: "bench"})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	ts := makeTokens(n, pointRows(l.options), at, time.Now())
	if err := store.Add(ctx, ts); err != nil {
		return nil, err
	}
	if err := store.Locate(ctx, locations(ts)); err != nil {
		return nil, err
	}
	h := &honey{}
	rows := map[event.ID]bool{}
	for i := range ts {
		rows[ts[i].Row] = true
		if ts[i].Place.Table == wideTable || ts[i].Place.Table == at.table {
			h.here++
		}
		if ts[i].Row == ts[0].Row {
			h.first = append(h.first, ts[i])
		}
	}
	h.rows = len(rows)
	return h, nil
}

// control proves after the measuring that honeyrow was looking all the time:
// there was no alert, since no token is in the data; and once a honey row is
// inserted and read, there is one.
func (l *lane) control(ctx context.Context, procs []*proc) {
	var silent []string
	for _, p := range procs {
		if _, ok := variants[p.name]; !ok || ctx.Err() != nil {
			continue
		}
		if l.prove(ctx, p) {
			silent = append(silent, p.name)
		}
	}
	if len(silent) > 0 {
		l.notes = append(l.notes, fmt.Sprintf("Control: %s raised no alert while it was measured in front of %s (no token is in the data), and raised one when a honey row was inserted and read afterwards.",
			strings.Join(silent, ", "), l.of.title))
	}
}

func (l *lane) prove(ctx context.Context, p *proc) bool {
	if n := l.alerts(p.name); n > 0 {
		l.problem(ctx, "%s raised %d alerts though no token is in the data: its figures include the cost of false alarms", p.name, n)
		return false
	}
	if err := l.readHoney(ctx, p.addr, l.honey[variants[p.name].tokens(l.options)].first); err != nil {
		l.problem(ctx, "reading a honey row through %s: %v", p.name, err)
		return false
	}
	for end := time.Now().Add(controlWait); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if l.alerts(p.name) > 0 {
			return true
		}
	}
	l.problem(ctx, "%s raised no alert within %s after a honey row was read: its figures are those of a proxy that does not look\n%s", p.name, controlWait, p.tail())
	return false
}

// readHoney inserts the first honey row of the wide table, reads it through
// the proxy by a column that is no token, and takes it away again.
func (l *lane) readHoney(ctx context.Context, addr string, row []token.Token) error {
	values := map[string]string{}
	for i := range row { // makeTokens begins with the wide table
		values[row[i].Place.Column] = row[i].Value
	}
	insert := fmt.Sprintf("insert into %s (full_name, email, phone, api_key, address, note) values ('%s', '%s', '%s', '%s', '%s', 'control')",
		wideTable, values["full_name"], values["email"], values["phone"], values["api_key"], values["address"])
	if err := l.server.Exec(ctx, l.of.database, insert); err != nil {
		return err
	}
	c, err := l.of.dial(ctx, addr, 1<<10)
	if err != nil {
		return err
	}
	r, err := c.Query("select * from " + wideTable + " where note = 'control'")
	c.Abort()
	if err == nil && r.Rows != 1 {
		err = fmt.Errorf("%d rows, want 1", r.Rows)
	}
	if err != nil {
		return err
	}
	return l.server.Exec(ctx, l.of.database, "delete from "+wideTable+" where note = 'control'")
}

// alerts counts the lines of a honeyrow's alert file.
func (l *lane) alerts(name string) int {
	text, _ := os.ReadFile(l.alertFile(name))
	return bytes.Count(text, []byte("\n"))
}
