package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"honeyrow/internal/app"
	"honeyrow/internal/myserver"
	"honeyrow/token"
	"honeyrow/token/sqlite"
)

func TestMain(m *testing.M) {
	code := m.Run()
	myserver.Cleanup()
	os.Exit(code)
}

func TestBenchMeasuresAndReportsEveryWorkloadOfBothServers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "figures.json")
	o, err := parseOptions([]string{
		"--targets", "direct,relay", "--rounds", "1", "--clients", "2", "--modes", "prepared", "--scale", "1",
		"--rows", "3000", "--sessions", "20,600", "--json", file,
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var out, log bytes.Buffer
	if err := run(context.Background(), o, &out, &log); err != nil {
		t.Fatalf("%v\n%s\n%s", err, log.String(), out.String())
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	var cells []string
	for _, x := range r.Rows {
		cells = append(cells, x.Server+"/"+x.Workload+"/"+x.Cell+"/"+x.Target)
		if x.Rate.Median <= 0 || x.AllCPU.Median <= 0 || (x.Target == "relay") != (x.CPU.Median > 0) {
			t.Errorf("%s %s %s: %+v", x.Workload, x.Cell, x.Target, x)
		}
	}
	var want []string
	for _, cell := range []string{
		"postgres/point/prepared 2", "postgres/novel/literals 8", "postgres/novel/shapes 8", "postgres/wide/simple text", "postgres/wide/extended binary", "postgres/wide/copy", "postgres/conn/connect",
		"mariadb/point/prepared 2", "mariadb/novel/literals 8", "mariadb/novel/shapes 8", "mariadb/wide/query text", "mariadb/wide/execute binary", "mariadb/conn/connect",
	} {
		want = append(want, cell+"/direct", cell+"/relay")
	}
	if !slices.Equal(cells, want) {
		t.Errorf("rows %v, want %v", cells, want)
	}
	var against []string
	for _, m := range r.Memory {
		against = append(against, m.Server+" "+m.Against)
		if m.Against == "stub" && m.Held.Median <= m.Rest.Median {
			t.Errorf("memory %+v", m)
		}
	}
	if want := []string{"postgres postgres", "postgres stub", "mariadb mariadb", "mariadb stub"}; !slices.Equal(against, want) {
		t.Errorf("memory against %q, want %q", against, want)
	}
	for _, s := range []string{"PostgreSQL: wide results", "MariaDB: wide results", "MariaDB: point selects (sysbench", "in front of PostgreSQL and MariaDB: no proxy"} {
		if !strings.Contains(out.String(), s) {
			t.Errorf("the report has no %q:\n%s", s, out.String())
		}
	}
}

// The whole of MariaDB's side with the real honeyrow: it must have been
// watching the tables that are read, and have been silent until the control.
func TestHoneyrowInFrontOfMariaDBWatchesWhatIsMeasured(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "honeyrow")
	if out, err := exec.Command("go", "build", "-o", bin, "honeyrow/cmd/honeyrow").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	o, err := parseOptions([]string{
		"--server", "mariadb", "--targets", "relay,honeyrow,honeyrow-values,honeyrow-million", "--million", "3000", "--honeyrow", bin, "--only", "point,novel,wide,mem,load", "--rounds", "1", "--clients", "1",
		"--scale", "1", "--rows", "3000", "--sessions", "20", "--tokens", "1000", "--profile", filepath.Join(dir, "profiles"),
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var out, log bytes.Buffer
	if err := run(context.Background(), o, &out, &log); err != nil {
		t.Fatalf("%v\n%s\n%s", err, log.String(), out.String())
	}
	for _, s := range []string{
		"Control: honeyrow, honeyrow-values, honeyrow-million raised no alert while it was measured in front of MariaDB", "and raised one when a honey row was inserted and read",
		"MariaDB: honeyrow and its bars", "tps / relay >= 0.93", "tps / relay >= 0.95", "MB/s / relay >= 0.85", "MB/s / relay >= 0.8:", "MB/s / relay >= 0.7:", "<= 16 KiB",
		"literals 8", "shapes 8", "loaded in <= 10 s: met (issue 4)", "memory at rest <= 300 MB: met (issue 4)",
	} {
		if !strings.Contains(out.String(), s) {
			t.Errorf("the report has no %q:\n%s", s, out.String())
		}
	}
	for _, name := range []string{"mariadb-point-text-1.cpu", "mariadb-point-prepared-1.cpu", "mariadb-wide-query-text.cpu", "mariadb-wide-execute-binary.cpu", "mariadb-mem-20.heap"} {
		if st, err := os.Stat(filepath.Join(dir, "profiles", name+".pprof")); err != nil || st.Size() == 0 {
			t.Errorf("profile %s: %v", name, err)
		}
	}
}

// No value of the registered tokens may occur in the data, or the benchmark
// would measure alerts; and tokens must stand in the tables that are read, or
// it would measure a proxy with nothing to watch.
func TestTokensWatchTheTablesButDoNotOccurInThem(t *testing.T) {
	for _, p := range products {
		t.Run(p.name, func(t *testing.T) {
			ctx := context.Background()
			o, err := parseOptions([]string{"--targets", "direct", "--scale", "1", "--rows", "2000", "--tokens", "2000"}, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			b, err := newBench(o, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			defer b.close()
			l, err := b.open(ctx, p)
			if err != nil {
				t.Fatal(err)
			}
			defer l.close()
			at, err := p.plant(ctx, l.server)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.register(ctx, honeyrowAll, 2000); err != nil {
				t.Fatal(err)
			}
			checkTokens(ctx, t, l, at)
		})
	}
}

func checkTokens(ctx context.Context, t *testing.T, l *lane, at planting) {
	key, _, err := sqlite.LoadKey(l.keyPath(honeyrowAll))
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(ctx, sqlite.Options{Path: l.registryPath(honeyrowAll), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	snap, err := store.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(snap.Tokens) != 2000 {
		t.Errorf("%d tokens in the registry, want 2000", len(snap.Tokens))
	}
	strengths, placed := map[token.Strength]int{}, map[string]int{}
	planted := map[string]bool{}
	for _, x := range snap.Tokens {
		planted[x.Value] = true
		strengths[x.Strength]++
		if x.Place.Table == wideTable || x.Place.Table == at.table {
			placed[x.Place.Table+"."+x.Place.Column]++
			if numbered := x.TableOID != 0 && x.Attr != 0; numbered != (l.of == postgresql) {
				t.Fatalf("token in %s.%s has table and column number: %v", x.Place.Table, x.Place.Column, numbered)
			}
		}
	}
	for _, s := range []token.Strength{token.Weak, token.Firm, token.Strong} {
		if strengths[s] < 200 {
			t.Errorf("%d %s tokens of 2000: the mix is not realistic", strengths[s], s)
		}
	}
	if len(placed) != len(decoyWide)+len(at.columns) {
		t.Errorf("tokens stand in %v, want all of the %d columns", placed, len(decoyWide)+len(at.columns))
	}
	for table, columns := range map[string][]planned{wideTable: decoyWide, at.table: at.columns} {
		for _, c := range columns {
			values, err := l.server.Query(ctx, l.of.database, fmt.Sprintf("select %s from %s", c.column, table))
			if err != nil || values == "" {
				t.Fatalf("%s.%s: %q, %v", table, c.column, values, err)
			}
			for v := range strings.SplitSeq(strings.TrimSuffix(values, "\n"), "\n") {
				if planted[v] {
					t.Fatalf("a token's value stands in %s.%s", table, c.column)
				}
			}
		}
	}
}

func TestHoneyrowAcceptsTheConfigurationItIsMeasuredWith(t *testing.T) {
	for _, p := range products {
		l := &lane{bench: &bench{options: options{sessions: []int{7, 2000}, tokens: 5, million: 6}}, of: p, dir: t.TempDir()}
		for name, v := range variants {
			c, err := app.ParseConfig(name+".yaml", []byte(l.config(name, v, "127.0.0.1:6543", "127.0.0.1:5432")))
			if err != nil {
				t.Fatal(err)
			}
			if c.Alerts.Statements != v.everything || c.Alerts.Disguises != v.everything {
				t.Errorf("%s: statements %v, disguises %v", name, c.Alerts.Statements, c.Alerts.Disguises)
			}
		}
		c, err := app.ParseConfig("honeyrow.yaml", []byte(l.config(honeyrowAll, variants[honeyrowAll], "127.0.0.1:6543", "127.0.0.1:5432")))
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Listeners) != 1 || c.Listeners[0].Limits.Connections < 2000 || c.Servers[0].Protocol != p.protocol || c.Servers[0].TLS.Mode != "disable" || len(c.Alerts.Sinks) != 1 {
			t.Errorf("%s: configuration %+v", p.name, c)
		}
	}
}

func TestParsePgbenchReadsVersion15AndRefusesFailures(t *testing.T) {
	const good = `transaction type: <builtin: select only>
number of transactions actually processed: 36042
number of failed transactions: 0 (0.000%)
latency average = 0.222 ms
initial connection time = 12.5 ms
tps = 36100.250000 (without initial connection time)
`
	got, err := parsePgbench(good)
	if err != nil || got != (pointResult{36042, 0.222, 36100.25}) {
		t.Errorf("%+v, %v", got, err)
	}
	const starved = "number of transactions actually processed: 0\nnumber of failed transactions: 0 (NaN%)\n"
	if _, err := parsePgbench(starved); !errors.Is(err, errNoTime) {
		t.Errorf("no time to connect: %v", err)
	}
	for _, bad := range []string{"", strings.Replace(good, "failed transactions: 0", "failed transactions: 3", 1), strings.Replace(good, "tps = 36100.250000", "tps = 0.0", 1)} {
		if _, err := parsePgbench(bad); err == nil {
			t.Errorf("accepted:\n%s", bad)
		}
	}
}

func TestParseSysbenchReadsVersion1AndRefusesFailures(t *testing.T) {
	const good = `SQL statistics:
    queries performed:
        read:                            40000
        total:                           40000
    transactions:                        40000  (39984.12 per sec.)
    queries:                             40000  (39984.12 per sec.)
    ignored errors:                      0      (0.00 per sec.)
    reconnects:                          0      (0.00 per sec.)

General statistics:
    total time:                          1.2500s
    total number of events:              40000
`
	got, err := parseSysbench(good, 8)
	if err != nil || got != (pointResult{40000, 0.25, 32000}) {
		t.Errorf("%+v, %v", got, err)
	}
	for name, bad := range map[string]string{
		"nothing": "", "no query": strings.Replace(good, "transactions:                        40000", "transactions:                        0", 1),
		"an error":    strings.Replace(good, "ignored errors:                      0", "ignored errors:                      2", 1),
		"a reconnect": strings.Replace(good, "reconnects:                          0", "reconnects:                          1", 1),
		"no time":     strings.Replace(good, "1.2500s", "0.0000s", 1),
	} {
		if _, err := parseSysbench(bad, 8); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestValueAtInterpolates(t *testing.T) {
	t0 := time.Unix(100, 0)
	at := []time.Time{t0, t0.Add(time.Second), t0.Add(3 * time.Second)}
	used := []time.Duration{10, 20, 60}
	for ms, want := range map[int]time.Duration{-5: 10, 0: 10, 500: 15, 1000: 20, 2000: 40, 3000: 60, 9000: 60} {
		if got := valueAt(at, used, t0.Add(time.Duration(ms)*time.Millisecond)); got != want {
			t.Errorf("after %d ms: %d, want %d", ms, got, want)
		}
	}
}

func TestTurnGivesEveryTargetEveryPlace(t *testing.T) {
	procs := []*proc{{name: "a"}, {name: "b"}, {name: "c"}}
	seen := map[string]bool{}
	for round := range 6 {
		for i, p := range turn(procs, round) {
			seen[fmt.Sprint(p.name, i)] = true
		}
	}
	if len(seen) != 9 || procs[0].name != "a" {
		t.Errorf("places %v, first is %s", seen, procs[0].name)
	}
	if turn(nil, 3) != nil {
		t.Error("no targets should have no turn")
	}
}

func TestOptionsSayWhatIsWrong(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"--only points", "choose from point,novel,wide,conn,mem,load"},
		{"--targets direct,nginx", "choose from direct,relay"},
		{"--server oracle", "choose from postgres,mariadb"},
		{"--modes fast", "choose from simple,extended,text,prepared"},
		{"--clients 0", "1 or more"},
		{"--sessions x", "1 or more"},
		{"--rounds -1", "1 or more"},
		{"--crowded -1", "1 or more"},
		{"extra", "unexpected argument"},
	} {
		if _, err := parseOptions(strings.Fields(tt.args), io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.args, err, tt.want)
		}
	}
	o, err := parseOptions([]string{"--quick", "--only", "mem,wide"}, io.Discard)
	if err != nil || o.rounds != 3 || o.crowded != 3 || !slices.Equal(o.clients, []int{1, 8}) || !slices.Equal(o.only, []string{"wide", "mem"}) || o.named || len(o.servers) != 2 || o.serversNamed {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err = parseOptions([]string{"--server", "mariadb"}, io.Discard); err != nil || !slices.Equal(o.servers, []string{"mariadb"}) || !o.serversNamed || o.rounds != 5 || o.crowded != 15 {
		t.Errorf("%+v, %v", o, err)
	}
	if o, err = parseOptions([]string{"--rounds", "7"}, io.Discard); err != nil || o.rounds != 7 || o.crowded != 7 {
		t.Errorf("%+v, %v", o, err)
	}
}

// What is judged gets more rounds where several clients share the machine, and
// nothing else does.
func TestSeveralClientsGetMoreRoundsOfWhatIsJudged(t *testing.T) {
	var procs []*proc
	for _, name := range targetNames {
		procs = append(procs, &proc{name: name})
	}
	l := &lane{bench: &bench{options: options{rounds: 2, crowded: 4}}}
	for _, tt := range []struct {
		round, clients int
		want           []string
	}{
		{1, 1, targetNames},
		{1, 8, targetNames},
		{2, 1, nil},
		{2, 8, []string{"relay", honeyrowAll, honeyrowValues, honeyrowMillion}},
		{4, 8, nil},
	} {
		var got []string
		for _, p := range l.due(procs, tt.round, tt.clients) {
			got = append(got, p.name)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("round %d, %d clients: %v, want %v", tt.round, tt.clients, got, tt.want)
		}
	}
}
