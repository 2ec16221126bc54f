package transcripts

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"honeyrow/engine/sqlfacts/pgsql"
	"honeyrow/integration"
	"honeyrow/integration/judges"
	"honeyrow/rules"
)

var update = flag.Bool("update", false, "record the answers of the real server into the files")

var stand *integration.Stand

func TestMain(m *testing.M) {
	pgsql.ServeIfWorker()
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	ctx := context.Background()
	var err error
	// A statement limit that some transcripts exceed: longer messages pass in pieces.
	if stand, err = integration.Start(ctx, integration.Options{Statement: 64 << 10}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stand.Close()
	if err := stand.Server.Exec(ctx, "app", setup); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// setup is there before the first transcript. What transcripts change they
// roll back, or make in temporary tables.
const setup = `
create table t (id int primary key, name text, at date default '2026-11-22');
insert into t values (1, 'one'), (2, 'two'), (3, null);
create function noise(t text) returns text language plpgsql as $$ begin raise notice 'noise: %', t; return t; end $$;
create function fail_at(n int) returns int language plpgsql as $$ begin if n >= 3 then raise exception 'no %', n; end if; return n; end $$;
create publication everything for all tables;
`

// What transcripts do on purpose: errors of syntax by the dozen, and a result
// that comes row by row.
var provoked = judges.Expected{
	Rule: rules.Injection, Detectors: []string{"syntax-error-burst", "stacked-statements", "time-delay"},
	Statements: []string{"select g, pg_sleep(0.01) from generate_series(1, 10) g"},
}

func TestProxyAnswersAsTheServerDoesByteForByte(t *testing.T) {
	t.Cleanup(stand.Judges.Expect(provoked))
	files, err := filepath.Glob("*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(path, ".txt"), func(t *testing.T) {
			tr, err := load(path, encode)
			if err != nil {
				t.Fatal(err)
			}
			want, err := play(t.Context(), tr, stand.Direct(), atOnce)
			if err != nil {
				t.Fatalf("direct: %v\n%s", err, text(want))
			}
			if *update {
				if err := tr.record(rendered(want[1:])); err != nil {
					t.Fatal(err)
				}
			} else {
				for i, turn := range tr.turns {
					if got := rendered(want[i+1 : i+2])[0]; !slices.Equal(got, turn.expect) {
						t.Errorf("direct, turn %d:\n%s\nwant\n%s", i+1, strings.Join(got, "\n"), strings.Join(turn.expect, "\n"))
					}
				}
			}
			for _, end := range []integration.End{stand.Proxy(), stand.ProxyTLS(), stand.ProxyProtect()} {
				for _, cut := range []cutting{atOnce, perMessage, byteByByte} {
					if end == stand.ProxyProtect() && cut == perMessage {
						continue // nothing that the other two do not have
					}
					got, err := play(t.Context(), tr, end, cut)
					if err != nil {
						t.Errorf("%s, %s: %v\n%s", end.Name, cut, err, text(got))
						continue
					}
					compare(t, end.Name+", "+string(cut), got, want)
				}
			}
		})
	}
	if b := stand.Broken(); b != "" {
		t.Errorf("the proxy could not follow:\n%s", b)
	}
	said, err := stand.Detections(t.Context())
	if err != nil {
		t.Error(err)
	}
	if told := stand.Judges.Alarms(); told != "" {
		t.Errorf("rules speak of these statements:\n%s", told)
	}
	for _, d := range said {
		if d.Rule != rules.Replication {
			t.Errorf("no transcript touches a honey row, and none is an injection: %s", judges.Line(d))
		}
	}
}

func compare(t *testing.T, how string, got, want [][]answer) {
	t.Helper()
	for i := range want {
		if i >= len(got) || len(got[i]) != len(want[i]) {
			t.Errorf("%s: turn %d: got\n%swant\n%s", how, i, text(got[min(i, len(got)):min(i+1, len(got))]), text(want[i:i+1]))
			continue
		}
		for k := range want[i] {
			g, w := got[i][k].normal(), want[i][k].normal()
			if g.typ != w.typ || g.size != w.size || !bytes.Equal(g.body, w.body) {
				t.Errorf("%s: turn %d, message %d:\n got %s %q\nwant %s %q", how, i, k, g, clip(g.body), w, clip(w.body))
			}
		}
	}
}

func clip(b []byte) []byte { return b[:min(len(b), 400)] }

func rendered(all [][]answer) [][]string {
	out := make([][]string, len(all))
	for i, turn := range all {
		for _, a := range turn {
			out[i] = append(out[i], a.normal().String())
		}
	}
	return out
}

func text(all [][]answer) string {
	var b strings.Builder
	for _, turn := range rendered(all) {
		for _, line := range turn {
			fmt.Fprintln(&b, line)
		}
	}
	return b.String()
}
