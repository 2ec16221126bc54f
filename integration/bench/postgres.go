package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"honeyrow/integration/bench/client"
	"honeyrow/integration/bench/stub"
	"honeyrow/internal/pgserver"
)

const (
	pgUser     = "postgres"
	pgDatabase = "postgres"
	accounts   = "pgbench_accounts"
)

var postgresql = &product{
	name: "postgres", title: "PostgreSQL", protocol: "postgres", user: pgUser, database: pgDatabase, issue: 2, latency: 0.03,
	targets: targetNames,
	modes:   []string{"simple", "extended", "prepared"},
	cells: []wideCell{
		{"simple text", true, 0.85, func(c session) (client.Result, error) { return c.Query("select * from " + wideTable) }},
		{"extended binary", false, 0.80, func(c session) (client.Result, error) { return c.QueryBinary("select * from " + wideTable) }},
		{"copy", false, 0.80, func(c session) (client.Result, error) { return c.Query("copy " + wideTable + " to stdout") }},
	},
	points:      "point queries (pgbench -S)",
	connections: "PgBouncer hands out connections that it already has: the others make PostgreSQL start a process for each.",
	find: func() error {
		_, err := pgbenchPath()
		return err
	},
	start: func(ctx context.Context, b *bench) (server, error) { return startPostgres(ctx, b.options) },
	about: func(ctx context.Context, s server) ([]string, error) {
		version, err := s.Query(ctx, pgDatabase, "show server_version")
		return []string{"PostgreSQL " + strings.TrimSpace(version)}, err
	},
	dial: func(ctx context.Context, addr string, buffer int) (session, error) {
		c, err := client.Dial(ctx, addr, pgUser, pgDatabase, buffer)
		if err != nil {
			return nil, err
		}
		return c, nil
	},
	stub:   stub.Start,
	lookUp: selectOnly,
	literals: func(n uint64) string {
		return fmt.Sprintf("select abalance from %s where aid = %d and filler <> 'x%016x'", accounts, 1+n*7919%100_000, n)
	},
	shapes: func(n uint64) string {
		return fmt.Sprintf("select a%[2]x.abalance as b%[2]x from %[1]s a%[2]x where a%[2]x.aid = %[3]d and a%[2]x.bid > 0", accounts, n, 1+n*7919%100_000)
	},
	plant: func(ctx context.Context, s server) (planting, error) {
		seats, err := seats(ctx, s)
		return planting{database: pgDatabase, schema: "public", table: accounts, columns: decoyAccount, seats: seats}, err
	},
}

// startPostgres starts the server and makes its tables.
func startPostgres(ctx context.Context, o options) (server, error) {
	pg, err := pgserver.Start(ctx, pgserver.Options{Settings: []string{
		fmt.Sprintf("max_connections = %d", realSessions+100), "shared_buffers = 512MB", "jit = off", "autovacuum = off",
		"max_parallel_workers_per_gather = 0", "wal_level = minimal", "max_wal_senders = 0",
	}})
	if err != nil {
		return nil, err
	}
	if err := fillPostgres(ctx, pg, o); err != nil {
		pg.Stop()
		return nil, err
	}
	return pg, nil
}

func fillPostgres(ctx context.Context, pg *pgserver.Server, o options) error {
	pgbench, err := pgbench(ctx, pg.Addr(), "-i", "-q", "-n", "-s", strconv.Itoa(o.scale))
	if err != nil {
		return err
	}
	if out, err := pgbench.CombinedOutput(); err != nil {
		return fmt.Errorf("pgbench -i: %w\n%s", err, out)
	}
	// Six text columns, 131 bytes of values a row, shaped like the values that
	// honeyrow looks for, so that lengths alone do not rule them out.
	sql := fmt.Sprintf(`create table %[1]s as select
	(array['Anna','Boris','Clara','David','Elena'])[1 + i %% 5] || ' ' || (array['Schneider','Novak','Martin','Rossi'])[1 + i %% 4] as full_name,
	'customer' || lpad(i::text, 7, '0') || '@mail.example.com' as email,
	'+49 555 ' || lpad(i::text, 7, '0') as phone,
	substr(md5(i::text), 1, 24) as api_key,
	lpad((i %% 97)::text, 3) || ' Station Road, Springfield' as address,
	'order ' || lpad(i::text, 8, '0') || ' paid' as note
from generate_series(1, %[2]d) i; vacuum analyze`, wideTable, o.rows)
	return pg.Exec(ctx, pgDatabase, sql)
}

// seats asks PostgreSQL for the numbers of the columns that are read.
func seats(ctx context.Context, pg server) (map[string]seat, error) {
	out, err := pg.Query(ctx, pgDatabase, fmt.Sprintf(`select c.relname || '.' || a.attname, c.oid, a.attnum
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

// pgbenchPath finds the program beside the server's, or on the PATH.
func pgbenchPath() (string, error) {
	bin, err := pgserver.Find()
	if err != nil {
		return "", err
	}
	name := filepath.Join(bin, "pgbench")
	if _, err := os.Stat(name); err != nil {
		if name, err = exec.LookPath("pgbench"); err != nil {
			return "", &missing{"pgbench", "Debian: apt-get install postgresql-contrib or postgresql"}
		}
	}
	return name, nil
}

func pgbench(ctx context.Context, addr string, args ...string) (*exec.Cmd, error) {
	name, err := pgbenchPath()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, name, append([]string{"-h", host, "-p", port, "-U", pgUser}, append(args, pgDatabase)...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "PGSSLMODE=disable", "PGGSSENCMODE=disable")
	return cmd, nil
}

// selectOnly runs pgbench -S once, and once more if the machine was too busy.
func selectOnly(ctx context.Context, l *lane, s *sample, addr, mode string, clients int, cpu func() time.Duration) error {
	once := func() error {
		cmd, err := pgbench(ctx, addr, "-S", "-n", "-M", mode, "-T", strconv.Itoa(l.seconds),
			"-c", strconv.Itoa(clients), "-j", strconv.Itoa(min(clients, runtime.NumCPU())))
		if err != nil {
			return err
		}
		return s.fill(cmd, cpu, func(out string) (pointResult, error) { return parsePgbench(out) })
	}
	err := once()
	if errors.Is(err, errNoTime) {
		err = once()
	}
	return err
}

// errNoTime: pgbench's time counts from before it connects, and on a crowded
// machine it may run out there.
var errNoTime = errors.New("pgbench's clients were not connected before its time ran out: the machine is too busy, or give more --seconds")

var pgbenchFields = []*regexp.Regexp{
	regexp.MustCompile(`number of transactions actually processed: (\d+)`),
	regexp.MustCompile(`latency average = ([\d.]+) ms`),
	regexp.MustCompile(`tps = ([\d.]+) \((?:without initial connection time|excluding connections establishing)\)`),
	regexp.MustCompile(`number of failed transactions: (\d+)`),
}

func parsePgbench(out string) (pointResult, error) {
	var v [4]float64
	for i, re := range pgbenchFields {
		m := re.FindStringSubmatch(out)
		if i == 1 && m == nil && v[0] == 0 && strings.Contains(out, "processed: 0") {
			return pointResult{}, errNoTime
		}
		if m == nil {
			if i == 3 { // older versions do not print it
				continue
			}
			return pointResult{}, fmt.Errorf("pgbench's output has no %q\n%s", re, out)
		}
		x, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return pointResult{}, err
		}
		v[i] = x
	}
	if v[3] > 0 || v[2] == 0 {
		return pointResult{}, fmt.Errorf("pgbench processed %v transactions, %v failed\n%s", v[0], v[3], out)
	}
	return pointResult{v[0], v[1], v[2]}, nil
}
