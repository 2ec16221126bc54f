package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"honeyrow/internal/app"
	"honeyrow/token"
	"honeyrow/token/sqlite"
)

func TestBenchMeasuresAndReportsEveryWorkload(t *testing.T) {
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
		cells = append(cells, x.Workload+"/"+x.Cell+"/"+x.Target)
		if x.Rate.Median <= 0 || x.AllCPU.Median <= 0 || (x.Target == "relay") != (x.CPU.Median > 0) {
			t.Errorf("%s %s %s: %+v", x.Workload, x.Cell, x.Target, x)
		}
	}
	want := []string{
		"point/prepared 2/direct", "point/prepared 2/relay",
		"wide/simple text/direct", "wide/simple text/relay", "wide/extended binary/direct", "wide/extended binary/relay", "wide/copy/direct", "wide/copy/relay",
		"conn/connect/direct", "conn/connect/relay",
	}
	if !slices.Equal(cells, want) {
		t.Errorf("rows %v, want %v", cells, want)
	}
	if len(r.Memory) != 2 || r.Memory[0].Server != "postgresql" || r.Memory[1].Server != "stub" || r.Memory[1].Held.Median <= r.Memory[1].Rest.Median {
		t.Errorf("memory %+v", r.Memory)
	}
}

// No value of the registered tokens may occur in the data, or the benchmark
// would measure alerts; and tokens must stand in the tables that are read, or
// it would measure a proxy with nothing to watch.
func TestTokensWatchTheTablesButDoNotOccurInThem(t *testing.T) {
	ctx := context.Background()
	o, err := parseOptions([]string{"--targets", "direct", "--scale", "1", "--rows", "2000", "--tokens", "2000"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBench(ctx, o, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	if _, err := b.register(ctx); err != nil {
		t.Fatal(err)
	}
	key, _, err := sqlite.LoadKey(b.keyPath())
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(ctx, sqlite.Options{Path: b.registryPath(), Key: key})
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
	var values strings.Builder
	for i, x := range snap.Tokens {
		strengths[x.Strength]++
		if x.Place.Table == wideTable || x.Place.Table == accounts {
			placed[x.Place.Table+"."+x.Place.Column]++
			if x.TableOID == 0 || x.Attr == 0 {
				t.Fatalf("token in %s.%s has no table or column number", x.Place.Table, x.Place.Column)
			}
		}
		fmt.Fprintf(&values, "%s('%s')", []string{"", ","}[min(i, 1)], x.Value)
	}
	for _, s := range []token.Strength{token.Weak, token.Firm, token.Strong} {
		if strengths[s] < 200 {
			t.Errorf("%d %s tokens of 2000: the mix is not realistic", strengths[s], s)
		}
	}
	if len(placed) != len(decoyWide)+len(decoyAccount) {
		t.Errorf("tokens stand in %v, want all of the %d columns", placed, len(decoyWide)+len(decoyAccount))
	}
	got, err := b.pg.Query(ctx, database, fmt.Sprintf(`with v(x) as (values %s)
select (select count(*) from %s w join v on v.x in (full_name, email, phone, api_key, address, note)),
       (select count(*) from %s a join v on v.x in (a.aid::text, a.abalance::text) where a.aid %% 50 in (0, 1))`, values.String(), wideTable, accounts))
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(got) != "0|0" {
		t.Errorf("tokens found in the data: %s", got)
	}
}

func TestHoneyrowAcceptsTheConfigurationItIsMeasuredWith(t *testing.T) {
	b := &bench{options: options{sessions: []int{7, 2000}}, dir: t.TempDir()}
	c, err := app.ParseConfig(configFile, []byte(b.config("127.0.0.1:6543", "127.0.0.1:5432")))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Listeners) != 1 || c.Listeners[0].Limits.Connections < 2000 || c.Servers[0].TLS.Mode != "disable" || len(c.Alerts.Sinks) != 1 {
		t.Errorf("configuration %+v", c)
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
	if err != nil || got != (pgbenchResult{36042, 0.222, 36100.25}) {
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
		{"--only points", "choose from point,wide,conn,mem"},
		{"--targets direct,nginx", "choose from direct,relay"},
		{"--clients 0", "1 or more"},
		{"--sessions x", "1 or more"},
		{"--rounds -1", "1 or more"},
		{"extra", "unexpected argument"},
	} {
		if _, err := parseOptions(strings.Fields(tt.args), io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.args, err, tt.want)
		}
	}
	o, err := parseOptions([]string{"--quick", "--only", "mem,wide"}, io.Discard)
	if err != nil || o.rounds != 3 || !slices.Equal(o.clients, []int{1, 8}) || !slices.Equal(o.only, []string{"wide", "mem"}) || o.named {
		t.Errorf("%+v, %v", o, err)
	}
}
