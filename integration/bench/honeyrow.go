package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"honeyrow/event"
	"honeyrow/token"
	"honeyrow/token/sqlite"
)

const (
	serverName  = "bench"
	configFile  = "honeyrow.yaml"
	alertFile   = "alerts.jsonl"
	controlWait = 5 * time.Second
)

// findHoneyrow fills a registry once; every honeyrow that is started reads it.
func (l *lane) findHoneyrow(ctx context.Context) (target, error) {
	bin, err := filepath.Abs(l.honeyrow)
	if err != nil {
		return target{}, err
	}
	if _, err := os.Stat(bin); err != nil {
		return target{}, &missing{l.honeyrow, "make build"}
	}
	l.version(ctx, bin, "--version")
	l.note("register %d tokens", l.tokens)
	at, err := l.of.plant(ctx, l.server)
	if err != nil {
		return target{}, err
	}
	ts, err := l.register(ctx, at)
	if err != nil {
		return target{}, err
	}
	l.honey = ts
	rows, here := map[event.ID]bool{}, 0
	for i := range ts {
		rows[ts[i].Row] = true
		if ts[i].Place.Table == wideTable || ts[i].Place.Table == at.table {
			here++
		}
	}
	about := fmt.Sprintf("%d tokens live, of %d honey rows; %d of them in the tables that are read", len(ts), len(rows), here)
	return target{"honeyrow", about, func(ctx context.Context, l *lane, server string) (*proc, error) {
		return l.startHoneyrow(ctx, bin, server)
	}}, nil
}

func (l *lane) startHoneyrow(ctx context.Context, bin, server string) (*proc, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	cfg, err := l.file(configFile, l.config(addr, server))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(bin, "proxy", "--config", cfg)
	pprof := ""
	if l.profile != "" {
		if pprof, err = freeAddress(); err != nil {
			return nil, err
		}
		cmd.Args = append(cmd.Args, "--pprof", pprof)
	}
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, sqlite.KeyEnv+"=") })
	p, err := l.launch(ctx, "honeyrow", addr, cmd)
	if err == nil {
		p.pprof = pprof
	}
	return p, err
}

// config is honeyrow's configuration file: what must be said, and no more.
func (l *lane) config(addr, server string) string {
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
  sinks:
    - {name: file, type: file, path: %q}
`, l.registryPath(), l.keyPath(), serverName, l.of.protocol, server, serverName, serverName, addr,
		slices.Max(l.sessions)+100, filepath.Join(l.dir, alertFile))
}

func (l *lane) registryPath() string { return filepath.Join(l.dir, "registry", "honeyrow.db") }
func (l *lane) keyPath() string      { return filepath.Join(l.dir, "registry", "registry.key") }

// register writes the tokens into a fresh registry.
func (l *lane) register(ctx context.Context, at planting) ([]token.Token, error) {
	key, err := sqlite.CreateKey(l.keyPath())
	if err != nil {
		return nil, err
	}
	store, err := sqlite.Open(ctx, sqlite.Options{Path: l.registryPath(), Key: key, Actor: "bench"})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	ts := makeTokens(l.tokens, pointRows(l.options), at, time.Now())
	if err := store.Add(ctx, ts); err != nil {
		return nil, err
	}
	if err := store.Locate(ctx, locations(ts)); err != nil {
		return nil, err
	}
	return ts, nil
}

// control proves after the measuring that honeyrow was looking all the time:
// there was no alert, since no token is in the data; and once a honey row is
// inserted and read, there is one.
func (l *lane) control(ctx context.Context, procs []*proc) {
	i := slices.IndexFunc(procs, func(p *proc) bool { return p.name == "honeyrow" })
	if i < 0 || ctx.Err() != nil {
		return
	}
	if n := l.alerts(); n > 0 {
		l.problem(ctx, "honeyrow raised %d alerts though no token is in the data: its figures include the cost of false alarms", n)
		return
	}
	if err := l.readHoney(ctx, procs[i].addr); err != nil {
		l.problem(ctx, "reading a honey row through honeyrow: %v", err)
		return
	}
	for end := time.Now().Add(controlWait); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if l.alerts() > 0 {
			l.notes = append(l.notes, "Control: honeyrow raised no alert while it was measured in front of "+l.of.title+" (no token is in the data), and raised one when a honey row was inserted and read afterwards.")
			return
		}
	}
	l.problem(ctx, "honeyrow raised no alert within %s after a honey row was read: its figures are those of a proxy that does not look\n%s", controlWait, procs[i].tail())
}

// readHoney inserts the first honey row of the wide table, reads it through
// the proxy by a column that is no token, and takes it away again.
func (l *lane) readHoney(ctx context.Context, addr string) error {
	values := map[string]string{}
	for i := range l.honey {
		if t := &l.honey[i]; t.Row == l.honey[0].Row { // makeTokens begins with the wide table
			values[t.Place.Column] = t.Value
		}
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

// alerts counts the lines of the alert file.
func (l *lane) alerts() int {
	text, _ := os.ReadFile(filepath.Join(l.dir, alertFile))
	return bytes.Count(text, []byte("\n"))
}
