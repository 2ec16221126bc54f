package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"honeyrow/integration/bench/client"
	"honeyrow/integration/bench/stub"
	"honeyrow/internal/myserver"
)

const (
	myUser     = "root"
	myDatabase = "bench"
	sbtest     = "sbtest1" // sysbench's table
)

var mariadb = &product{
	name: "mariadb", title: "MariaDB", protocol: "mysql", user: myUser, database: myDatabase, issue: 3,
	targets: []string{"direct", "relay", "haproxy", honeyrowAll, honeyrowValues, honeyrowMillion},
	modes:   []string{"text", "prepared"},
	cells: []wideCell{
		{"query text", true, 0.85, func(c session) (client.Result, error) { return c.Query("select * from " + wideTable) }},
		{"execute binary", false, 0.80, func(c session) (client.Result, error) { return c.QueryBinary("select * from " + wideTable) }},
	},
	points:      "point selects (sysbench oltp_point_select)",
	connections: "MariaDB gives a session a thread, not a process: a connection costs it little, and what a hop adds shows.",
	find: func() error {
		if _, err := myserver.Find(); err != nil {
			return err
		}
		_, err := lookup("sysbench")
		return err
	},
	start: func(ctx context.Context, b *bench) (server, error) { return startMariaDB(ctx, b.options) },
	about: func(ctx context.Context, s server) ([]string, error) {
		version, err := s.Query(ctx, myDatabase, "select version()")
		if err != nil {
			return nil, err
		}
		out, err := exec.CommandContext(ctx, sysbenchPath(), "--version").Output()
		return []string{"MariaDB " + strings.TrimSpace(version), strings.TrimSpace(string(out))}, err
	},
	dial: func(ctx context.Context, addr string, buffer int) (session, error) {
		c, err := client.DialMySQL(ctx, addr, myUser, myDatabase, buffer)
		if err != nil {
			return nil, err
		}
		return c, nil
	},
	stub:   stub.StartMySQL,
	lookUp: pointSelect,
	literals: func(n uint64) string {
		return fmt.Sprintf("select k from %s where id = %d and pad <> 'x%016x'", sbtest, 1+n*7919%100_000, n)
	},
	shapes: func(n uint64) string {
		return fmt.Sprintf("select a%[2]x.k as b%[2]x from %[1]s a%[2]x where a%[2]x.id = %[3]d and a%[2]x.k > 0", sbtest, n, 1+n*7919%100_000)
	},
	plant: func(context.Context, server) (planting, error) {
		return planting{database: myDatabase, table: sbtest, columns: decoySbtest}, nil
	},
}

// startMariaDB starts the server and makes its tables.
func startMariaDB(ctx context.Context, o options) (server, error) {
	my, err := myserver.Start(ctx, myserver.Options{Settings: []string{
		fmt.Sprintf("max_connections = %d", realSessions+100), "innodb_buffer_pool_size = 512M",
		"innodb_log_file_size = 256M", "skip-ssl",
	}})
	if err != nil {
		return nil, err
	}
	if err := fillMariaDB(ctx, my, o); err != nil {
		my.Stop()
		return nil, err
	}
	return my, nil
}

func fillMariaDB(ctx context.Context, my *myserver.Server, o options) error {
	if err := my.Exec(ctx, "", "create database "+myDatabase+" character set utf8mb4"); err != nil {
		return err
	}
	prepare, err := sysbench(ctx, my.Addr(), "--create-secondary=off", "--table-size="+strconv.Itoa(pointRows(o)), "prepare")
	if err != nil {
		return err
	}
	if out, err := prepare.CombinedOutput(); err != nil {
		return fmt.Errorf("sysbench prepare: %w\n%s", err, out)
	}
	// The same values as in PostgreSQL's table.
	sql := fmt.Sprintf(`create table %[1]s (full_name varchar(100), email varchar(100), phone varchar(100), api_key varchar(100),
	address varchar(100), note varchar(100)) engine = InnoDB as select
	concat(elt(1 + seq %% 5, 'Anna', 'Boris', 'Clara', 'David', 'Elena'), ' ', elt(1 + seq %% 4, 'Schneider', 'Novak', 'Martin', 'Rossi')) as full_name,
	concat('customer', lpad(seq, 7, '0'), '@mail.example.com') as email,
	concat('+49 555 ', lpad(seq, 7, '0')) as phone,
	substr(md5(seq), 1, 24) as api_key,
	concat(lpad(seq %% 97, 3, ' '), ' Station Road, Springfield') as address,
	concat('order ', lpad(seq, 8, '0'), ' paid') as note
from seq_1_to_%[2]d; analyze table %[1]s, %[3]s`, wideTable, o.rows, sbtest)
	return my.Exec(ctx, myDatabase, sql)
}

// sysbenchPath finds the program; its name alone if it is nowhere.
func sysbenchPath() string {
	if p, err := lookup("sysbench"); err == nil {
		return p
	}
	return "sysbench"
}

// sysbench runs a command of oltp_point_select, the last of args.
func sysbench(ctx context.Context, addr string, args ...string) (*exec.Cmd, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, sysbenchPath(), append([]string{
		"oltp_point_select", "--db-driver=mysql", "--mysql-host=" + host, "--mysql-port=" + port, "--mysql-user=" + myUser,
		"--mysql-db=" + myDatabase, "--mysql-ssl=off", "--tables=1", "--range-selects=off", "--skip-trx=on",
	}, args...)...)
	cmd.Dir = "/" // it would take a script of the current folder for its own
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	return cmd, nil
}

// psModes are sysbench's names: without prepared statements it puts the
// values into the text.
var psModes = map[string]string{"text": "disable", "prepared": "auto"}

// pointSelect runs sysbench's oltp_point_select once. Its clock runs from the
// moment when all clients are connected and have prepared their statement.
func pointSelect(ctx context.Context, l *lane, s *sample, addr, mode string, clients int, cpu func() time.Duration) error {
	cmd, err := sysbench(ctx, addr, "--table-size="+strconv.Itoa(pointRows(l.options)), "--rand-type=uniform", "--threads="+strconv.Itoa(clients),
		"--time="+strconv.Itoa(l.seconds), "--db-ps-mode="+psModes[mode], "--percentile=0", "run")
	if err != nil {
		return err
	}
	return s.fill(cmd, cpu, func(out string) (pointResult, error) { return parseSysbench(out, clients) })
}

var sysbenchFields = []*regexp.Regexp{
	regexp.MustCompile(`transactions: +(\d+) +\(`),
	regexp.MustCompile(`total time: +([\d.]+)s`),
	regexp.MustCompile(`ignored errors: +(\d+) `),
	regexp.MustCompile(`reconnects: +(\d+) `),
}

// parseSysbench takes the counts from a report. The latency is not the one
// printed, which is rounded to 0.01 ms: each client waits for its answer
// before it asks again, so that time over queries is the mean.
func parseSysbench(out string, clients int) (pointResult, error) {
	var v [4]float64
	for i, re := range sysbenchFields {
		m := re.FindStringSubmatch(out)
		if m == nil {
			return pointResult{}, fmt.Errorf("sysbench's output has no %q\n%s", re, out)
		}
		x, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return pointResult{}, err
		}
		v[i] = x
	}
	if v[0] == 0 || v[1] == 0 || v[2] > 0 || v[3] > 0 {
		return pointResult{}, fmt.Errorf("sysbench made %v queries in %v s, with %v errors and %v reconnects\n%s", v[0], v[1], v[2], v[3], out)
	}
	return pointResult{transactions: v[0], latency: float64(clients) * v[1] / v[0] * 1e3, tps: v[0] / v[1]}, nil
}
