package transcripts

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"honeyrow/integration/judges"
	"honeyrow/integration/mystand"
	"honeyrow/internal/myserver"
	"honeyrow/rules"
)

// mysqlSetup is there before the first transcript, for the client program:
// procedures need another delimiter.
const mysqlSetup = `delimiter //
create database app; create database other; use app;
create table t (id int primary key, name varchar(40));
insert into t values (1, 'one'), (2, 'two'), (3, null);
create user app@'%' identified by 'secret'; grant all on *.* to app@'%'//
create procedure two() begin select 1 as a; select id, name from t where id < 3 order by id; end//
`

// absent are the transcripts that MySQL can't play, and why.
var absent = map[string]string{
	"cached-metadata":       "MySQL leaves no definitions out",
	"login-without-plugins": "an account of caching_sha2_password is closed to clients from before plugins",
}

// counts are how many packets MySQL answers in a turn of a transcript (from 2 on,
// behind the login) where they are not as many as MariaDB's.
var counts = map[string]map[int]int{
	"errors-with-data":         {2: 3}, // the error comes behind the definitions
	"prepared-with-parameters": {5: 4}, // it knows no number of the last statement
}

func TestProxyAnswersAsMariaDBDoesByteForByte(t *testing.T) {
	m, err := mystand.Start(t.Context(), mystand.MariaDBOptions{
		SQL:       mysqlSetup,
		Statement: 64 << 10, Front: mystand.Options{Filler: 1_000},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}()
	if m.Server.Kind == myserver.MySQL { // from now on the server knows the password's digest
		if _, err := m.Server.Client(t.Context(), "select 1", "--socket="+m.Server.Socket, "--user=app", "--password=secret"); err != nil {
			t.Fatal(err)
		}
	}
	// The transcripts of errors: of syntax, and one with data of a sub-query in its
	// text; and one of many statements in a text, of which DO may do anything.
	m.Judges.Expect(judges.Expected{
		Rule: rules.Injection, Detectors: []string{"error-extraction", "obfuscation", "syntax-error-burst", "stacked-statements"},
		Statements: []string{"extractvalue(1, concat(0x7e, (select name from t where id = 2)))", "select 1; do 1; select id from t where false"},
	})
	files, err := filepath.Glob("mysql/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	direct := mysqlEnd{"direct", m.Direct(), false}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			tr, err := load(path, encodeMySQL)
			if err != nil {
				t.Fatal(err)
			}
			if m.Server.Kind == myserver.MySQL {
				name := strings.TrimSuffix(filepath.Base(path), ".txt")
				if why, out := absent[name]; out {
					t.Logf("left out with MySQL: %s", why)
					return
				}
				for turn, n := range counts[name] {
					tr.turns[turn-1].until = []string{strconv.Itoa(n)}
				}
			}
			want, err := playMySQL(t.Context(), tr, direct, atOnce)
			if err != nil {
				t.Fatalf("direct: %v\n%q", err, mysqlLines(want))
			}
			old := recorded(want[0][0])
			want[0] = normalLogin(want[0])
			lines := mysqlLines(want)
			if !old { // what another server says is compared with the proxy's answers alone
				t.Log("not the server that the transcript was recorded from")
			} else if *update {
				if err := tr.record(lines); err != nil {
					t.Fatal(err)
				}
			} else {
				for i, turn := range tr.turns {
					if !slices.Equal(lines[i], turn.expect) {
						t.Errorf("direct, turn %d:\n%s\nwant\n%s", i+1, strings.Join(lines[i], "\n"), strings.Join(turn.expect, "\n"))
					}
				}
			}
			for _, end := range []mysqlEnd{{"proxy", m.Plain, false}, {"proxy with TLS", m.Secure, true}, {"proxy with TLS to the server", m.Mixed, false}, {"protecting proxy", m.Protected, false}} {
				for _, cut := range []cutting{atOnce, perMessage, byteByByte} {
					if end.addr == m.Protected && cut == perMessage {
						continue // nothing that the other two do not have
					}
					got, err := playMySQL(t.Context(), tr, end, cut)
					if err != nil {
						t.Errorf("%s, %s: %v\n%q", end.name, cut, err, mysqlLines(got))
						continue
					}
					got[0] = normalLogin(got[0])
					compareMySQL(t, end, cut, got, want)
				}
			}
		})
	}
	if b := m.Broken(); b != "" {
		t.Errorf("the proxy could not follow:\n%s", b)
	}
	said, err := m.Take(t.Context())
	if err != nil {
		t.Error(err)
	}
	if told := m.Judges.Alarms(); told != "" {
		t.Errorf("rules speak of these statements:\n%s", told)
	}
	for _, d := range said {
		t.Errorf("no transcript touches a honey row, and none is an injection: %s", judges.Line(d))
	}
}

// compareMySQL compares packet by packet. The greeting differs in the
// capabilities that the proxy takes out: COMPRESS and zstd, results without
// definitions, and TLS where a listener has none.
func compareMySQL(t *testing.T, end mysqlEnd, cut cutting, got, want [][]answer) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s, %s: %d turns, want %d", end.name, cut, len(got), len(want))
	}
	for i := range want {
		if len(got[i]) != len(want[i]) {
			t.Errorf("%s, %s, turn %d: %d packets, want %d", end.name, cut, i+1, len(got[i]), len(want[i]))
			continue
		}
		for k := range want[i] {
			g, w := got[i][k], want[i][k]
			if i == 0 && k == 0 {
				w.body = bytes.Clone(w.body)
				at := bytes.IndexByte(w.body, 0) + 14
				low := binary.LittleEndian.Uint16(w.body[at:]) &^ (1 << 5)
				if strings.HasSuffix(end.name, "proxy") {
					low &^= 1 << 11
				}
				binary.LittleEndian.PutUint16(w.body[at:], low)
				high := binary.LittleEndian.Uint16(w.body[at+5:]) &^ (1<<9 | 1<<10) // MySQL's: no definitions, zstd
				binary.LittleEndian.PutUint16(w.body[at+5:], high)
			}
			if g.typ != w.typ || g.size != w.size || !bytes.Equal(g.body, w.body) {
				t.Errorf("%s, %s, turn %d, packet %d:\n got %s\nwant %s", end.name, cut, i+1, k+1, mysqlLine(g), mysqlLine(w))
			}
		}
	}
}

func mysqlLines(all [][]answer) [][]string {
	out := make([][]string, len(all))
	for i, turn := range all {
		for _, a := range turn {
			out[i] = append(out[i], mysqlLine(a))
		}
	}
	return out
}
