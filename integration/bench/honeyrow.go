package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"honeyrow/event"
	"honeyrow/integration/bench/client"
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
func (b *bench) findHoneyrow(ctx context.Context) (target, error) {
	bin, err := filepath.Abs(b.honeyrow)
	if err != nil {
		return target{}, err
	}
	if _, err := os.Stat(bin); err != nil {
		return target{}, &missing{b.honeyrow, "make build"}
	}
	b.version(ctx, bin, "--version")
	b.note("register %d tokens", b.tokens)
	ts, err := b.register(ctx)
	if err != nil {
		return target{}, err
	}
	b.honey = ts
	rows, here := map[event.ID]bool{}, 0
	for i := range ts {
		rows[ts[i].Row] = true
		if ts[i].Place.Table == wideTable || ts[i].Place.Table == accounts {
			here++
		}
	}
	about := fmt.Sprintf("%d tokens live, of %d honey rows; %d of them in the tables that are read", len(ts), len(rows), here)
	return target{"honeyrow", about, func(ctx context.Context, b *bench, server string) (*proc, error) {
		return b.startHoneyrow(ctx, bin, server)
	}}, nil
}

func (b *bench) startHoneyrow(ctx context.Context, bin, server string) (*proc, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	cfg, err := b.file(configFile, b.config(addr, server))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(bin, "proxy", "--config", cfg)
	pprof := ""
	if b.profile != "" {
		if pprof, err = freeAddress(); err != nil {
			return nil, err
		}
		cmd.Args = append(cmd.Args, "--pprof", pprof)
	}
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, sqlite.KeyEnv+"=") })
	p, err := b.launch(ctx, "honeyrow", addr, cmd)
	if err == nil {
		p.pprof = pprof
	}
	return p, err
}

// config is honeyrow's configuration file: what must be said, and no more.
func (b *bench) config(addr, server string) string {
	return fmt.Sprintf(`registry:
  path: %q
  key_file: %q
servers:
  - name: %s
    protocol: postgres
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
`, b.registryPath(), b.keyPath(), serverName, server, serverName, serverName, addr,
		slices.Max(b.sessions)+100, filepath.Join(b.dir, alertFile))
}

func (b *bench) registryPath() string { return filepath.Join(b.dir, "registry", "honeyrow.db") }
func (b *bench) keyPath() string      { return filepath.Join(b.dir, "registry", "registry.key") }

// register writes the tokens into a fresh registry.
func (b *bench) register(ctx context.Context) ([]token.Token, error) {
	seats, err := b.seats(ctx)
	if err != nil {
		return nil, err
	}
	key, err := sqlite.CreateKey(b.keyPath())
	if err != nil {
		return nil, err
	}
	store, err := sqlite.Open(ctx, sqlite.Options{Path: b.registryPath(), Key: key, Actor: "bench"})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	ts := makeTokens(b.tokens, b.scale*100_000, seats, time.Now())
	if err := store.Add(ctx, ts); err != nil {
		return nil, err
	}
	if err := store.Locate(ctx, locations(ts)); err != nil {
		return nil, err
	}
	return ts, nil
}

// seats asks PostgreSQL for the numbers of the columns that are read.
func (b *bench) seats(ctx context.Context) (map[string]seat, error) {
	out, err := b.pg.Query(ctx, database, fmt.Sprintf(`select c.relname || '.' || a.attname, c.oid, a.attnum
from pg_class c join pg_attribute a on a.attrelid = c.oid
where c.relname in ('%s', '%s') and c.relkind = 'r' and a.attnum > 0`, wideTable, accounts))
	if err != nil {
		return nil, err
	}
	seats := map[string]seat{}
	for line := range strings.SplitSeq(strings.TrimSpace(out), "\n") {
		f := strings.Split(line, "|")
		if len(f) != 3 {
			return nil, fmt.Errorf("columns of the tables: unexpected line %q", line)
		}
		oid, err1 := strconv.ParseUint(f[1], 10, 32)
		attr, err2 := strconv.ParseUint(f[2], 10, 16)
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("columns of the tables: unexpected line %q", line)
		}
		seats[f[0]] = seat{uint32(oid), uint16(attr)}
	}
	return seats, nil
}

// control proves after the measuring that honeyrow was looking all the time:
// there was no alert, since no token is in the data; and once a honey row is
// inserted and read, there is one.
func (b *bench) control(ctx context.Context, procs []*proc) {
	i := slices.IndexFunc(procs, func(p *proc) bool { return p.name == "honeyrow" })
	if i < 0 || ctx.Err() != nil {
		return
	}
	if n := b.alerts(); n > 0 {
		b.problem(ctx, "honeyrow raised %d alerts though no token is in the data: its figures include the cost of false alarms", n)
		return
	}
	if err := b.readHoney(ctx, procs[i].addr); err != nil {
		b.problem(ctx, "reading a honey row through honeyrow: %v", err)
		return
	}
	for end := time.Now().Add(controlWait); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if b.alerts() > 0 {
			b.notes = append(b.notes, "Control: honeyrow raised no alert while it was measured (no token is in the data), and raised one when a honey row was inserted and read afterwards.")
			return
		}
	}
	b.problem(ctx, "honeyrow raised no alert within %s after a honey row was read: its figures are those of a proxy that does not look\n%s", controlWait, procs[i].tail())
}

// readHoney inserts the first honey row of the wide table, reads it through
// the proxy by a column that is no token, and takes it away again.
func (b *bench) readHoney(ctx context.Context, addr string) error {
	values := map[string]string{}
	for i := range b.honey {
		if t := &b.honey[i]; t.Row == b.honey[0].Row { // makeTokens begins with the wide table
			values[t.Place.Column] = t.Value
		}
	}
	insert := fmt.Sprintf("insert into %s (full_name, email, phone, api_key, address, note) values ('%s', '%s', '%s', '%s', '%s', 'control')",
		wideTable, values["full_name"], values["email"], values["phone"], values["api_key"], values["address"])
	if err := b.pg.Exec(ctx, database, insert); err != nil {
		return err
	}
	c, err := client.Dial(ctx, addr, user, database, 1<<10)
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
	return b.pg.Exec(ctx, database, "delete from "+wideTable+" where note = 'control'")
}

// alerts counts the lines of the alert file.
func (b *bench) alerts() int {
	text, _ := os.ReadFile(filepath.Join(b.dir, alertFile))
	return bytes.Count(text, []byte("\n"))
}
