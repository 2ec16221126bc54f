package render

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"honeyrow/alert/alerttest"
	"honeyrow/event"
)

func fixed() event.Detection {
	d := alerttest.Detection(0)
	d.ID, d.Client.Session = "det-1", "ses-1"
	d.Client.Replication, d.Client.Attributes, d.Client.Peer = "", nil, nil
	return d
}

func TestTextAnswersEveryQuestionOfAPerson(t *testing.T) {
	d := fixed()
	want := `HIGH 2026-11-21 09:30:00 UTC app_ro read honey row 0
  touched    email in crm-db.crm.public.customers.email, row 1017 (seen in row "email", known by column, 2 times)
             row planted in public.customers of crm on crm-db by dba@corp on 2026-11-21; note: round 1
  who        user app_ro, database crm on crm-db, application psql
  from       10.0.0.7:51234 through 10.0.0.1:443, TLS 1.3 as "CN=app", server process 4711
  statement  SELECT * FROM customers ... (literals redacted)
  parameters $1 = 1
  tags       route=/x
  result     20 rows returned (SELECT 20), 1 honey row, 2 hits
  done       alerted, let through
  ids        alert det-1 revision 1, rule honey-row-read, session ses-1
`
	if got := Text(&d, Options{}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTextSaysWhatWasDoneAndWhatIsUnknown(t *testing.T) {
	d := fixed()
	d.Action, d.Client.TLS, d.Run.Done, d.Run.Code = event.Block, nil, false, ""
	d.Hits[0].Channel, d.Hits[0].Column, d.Statement.Redacted = event.ChannelBind, "$1", false
	got := Text(&d, Options{})
	for _, want := range []string{"  done       blocked\n", "no TLS", "20 rows returned so far, ", `presented by the client in bind "$1"`} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	d.Drill = true
	if got := Text(&d, Options{}); !strings.HasPrefix(got, "HIGH (drill) ") || !strings.Contains(got, "nothing: this is a test") {
		t.Errorf("a drill looks like the real thing:\n%s", got)
	}
	for range 9 {
		h := d.Hits[0]
		h.Token = event.NewID()
		d.Hits = append(d.Hits, h)
	}
	if got := Text(&d, Options{Hits: 3}); !strings.Contains(got, "and 7 more values, see") || strings.Count(got, "row planted in") != 1 {
		t.Errorf("many values of one honey row:\n%s", got)
	}
	for i := range d.Hits {
		d.Hits[i].Row = event.NewID()
	}
	d.Hits[2].Story = "row planted in another table"
	if got := Text(&d, Options{Hits: 5}); strings.Count(got, "row planted in public.customers") != 2 || strings.Count(got, "row planted in another table") != 1 {
		t.Errorf("honey rows of one seeding run, and one of another between them:\n%s", got)
	}
}

func TestClaimsOfTheClientAreShortAndMarkedAsSuch(t *testing.T) {
	mysql := map[string]string{
		"program_name": "psql", "_client_name": "libmariadb", "_client_version": "3.3.14", "_os": "Linux", "_platform": "x86_64",
		"_pid": "812", "_server_host": "db.example", "_thread": "1", "_client_license": "GPL", "_client_role": "binary_log_listener",
	}
	jdbc := map[string]string{"program_name": "billing", "_runtime_version": "17.0.9", "_runtime_vendor": "Eclipse Adoptium", "_client_name": "MySQL Connector/J"}
	many := map[string]string{"a": "1", "b": "2", "c": "3", "d": "4", "e": "5", "f": "6", "g": "7", "h": "8"}
	for _, c := range []struct {
		attrs map[string]string
		want  string
	}{
		{nil, ""},
		{map[string]string{"program_name": "psql"}, ""},
		{mysql, "libmariadb 3.3.14 on Linux x86_64, process 812"},
		{map[string]string{"_os": "Linux", "_pid": "7"}, "on Linux, process 7"},
		{jdbc, `"MySQL Connector/J", application billing, _runtime_vendor="Eclipse Adoptium", _runtime_version=17.0.9`},
		{many, "a=1, b=2, c=3, d=4, e=5, f=6, 2 more in the JSON form"},
	} {
		d := fixed()
		d.Client.Attributes = c.attrs
		got, line := Text(&d, Options{}), ""
		if c.want != "" {
			line = "  claims     " + c.want + " (the client's own words)\n"
		}
		if !strings.Contains(got, ", application psql\n"+line+"  from") {
			t.Errorf("want %q in\n%s", line, got)
		}
	}
}

func TestMySQLIsToldInItsOwnWords(t *testing.T) {
	d := fixed()
	d.Client.Protocol, d.Client.Database, d.Client.Application = "mysql", "", ""
	d.Hits[0].Place.Schema = ""
	got := Text(&d, Options{})
	for _, want := range []string{"user app_ro on crm-db\n", "server connection 4711\n", "parameters ?1 = 1\n", " in crm-db.crm.customers.email, row 1017 "} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}

func TestColorOnlyWhenAsked(t *testing.T) {
	d := fixed()
	if got := Text(&d, Options{}); strings.Contains(got, "\x1b") {
		t.Error("colour without being asked")
	}
	if got := Text(&d, Options{Color: true}); !strings.HasPrefix(got, "\x1b[1;31mHIGH\x1b[0m ") {
		t.Errorf("got %q, want the severity in red", got[:20])
	}
}

func TestLongStatementIsCutBetweenRunes(t *testing.T) {
	d := fixed()
	d.Statement = event.Statement{Text: "SELECT '" + strings.Repeat("ü", 500)}
	got := Text(&d, Options{Statement: 101})
	if !strings.Contains(got, "ü ...\n") || strings.Contains(got, `\x`) {
		t.Errorf("cut inside a rune:\n%s", got)
	}
}

// attack holds what a client may put anywhere: terminal titles, cursor moves,
// C1 controls, bidirectional overrides, zero-width letters, broken UTF-8.
const attack = "\x1b]0;owned\a\x1b[2J\x1b[1A\r\n\x00\x7f\u0085\u009b31m\u202e\u2066\u200b\u2028\ufeff\U000e0041\xc3(\xff\t"

func TestClientCannotSteerTheTerminal(t *testing.T) {
	if got, want := Clean(attack), `\x1b]0;owned\x07\x1b[2J\x1b[1A\r\n\x00\x7f\u0085\u009b31m\u202e\u2066\u200b\u2028\ufeff\U000e0041\xc3(\xff\t`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, s := range []string{"", "plain", "naïve Ünï 日本語 🙂", "a b"} {
		if got := Clean(s); got != s {
			t.Errorf("harmless text changed: got %q, want %q", got, s)
		}
	}
	d := fixed()
	d.Summary, d.Rule, d.ID, d.Client.Session = attack, attack, attack, attack
	d.Statement = event.Statement{Text: attack, Parameters: []string{attack}, Tags: map[string]string{attack: attack}}
	d.Run.Code = attack
	c := &d.Client
	c.Address, c.Balancer, c.User, c.Database, c.Server, c.Application, c.Replication = attack, attack, attack, attack, attack, attack, attack
	c.Attributes = map[string]string{attack: attack}
	c.TLS = &event.TLS{Version: attack, Subject: attack}
	h := &d.Hits[0]
	h.Kind, h.Story, h.PlantedBy, h.Note, h.Means, h.Column, h.Channel = attack, attack, attack, attack, attack, attack, event.Channel(attack)
	h.Place = event.Place{Server: attack, Database: attack, Schema: attack, Table: attack, Column: attack, Key: attack}
	checkHarmless(t, Text(&d, Options{}))
	h.Story = ""
	checkHarmless(t, Text(&d, Options{}))
}

func checkHarmless(t *testing.T, text string) {
	t.Helper()
	for i, r := range text {
		if r != '\n' && r != ' ' && !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			t.Fatalf("%U at byte %d reaches the terminal:\n%q", r, i, text)
		}
	}
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n")[1:] {
		if !strings.HasPrefix(line, "  ") {
			t.Errorf("a client began a line of its own: %q", line)
		}
	}
}

func FuzzClientCannotSteerTheTerminal(f *testing.F) {
	f.Add(attack)
	f.Add("SELECT 1")
	f.Fuzz(func(t *testing.T, s string) {
		d := fixed()
		d.Time = time.Unix(0, 0)
		d.Summary, d.Statement.Text, d.Client.Application, d.Hits[0].Column, d.Statement.Tags = s, s, s, s, map[string]string{s: s}
		checkHarmlessFuzz(t, Text(&d, Options{}), s)
	})
}

func checkHarmlessFuzz(t *testing.T, text, input string) {
	t.Helper()
	if strings.ContainsRune(input, unicode.ReplacementChar) {
		text = strings.ReplaceAll(text, string(unicode.ReplacementChar), "") // the client's own, harmless
	}
	checkHarmless(t, text)
}

func TestAChanceIsToldInWordsWhereItMatters(t *testing.T) {
	for _, c := range []struct {
		chance float64
		among  int64
		want   string
	}{
		{1e-12, 0, ""},
		{0, 0, ""},
		{2e-6, 0, "1 in 500000\n"},
		{0.00123, 0, "1 in 810\n"},
		{0.03, 0, "1 in 33\n"},
		{0.4, 4000, "1 in 2.5 (none of 4000 rows held email when it was planted)\n"},
	} {
		d := fixed()
		d.Chance, d.Hits[0].Evidence.Among = c.chance, c.among
		got := Text(&d, Options{})
		if c.want == "" && strings.Contains(got, "coincidence") || !strings.Contains(got, c.want) {
			t.Errorf("chance %g: want %q in\n%s", c.chance, c.want, got)
		}
	}
	if got := oneIn(1e-9); got != "10^9" {
		t.Errorf("1 in %s, want 10^9", got)
	}
}

func TestWhatGaveAClientAwayIsTold(t *testing.T) {
	d := event.Detection{
		Rule: "sql-injection", Severity: event.High, HitCount: 3,
		Findings: []event.Finding{
			{Detector: "union-graft", Title: "UNION with an arm of another kind", Detail: "two constants", Count: 2},
			{Detector: "comment-truncation", Title: "The statement's end is commented away", Count: 1},
		},
		Reach: []string{"crm.customers"},
	}
	text := Text(&d, Options{})
	for _, want := range []string{
		"suspicion  UNION with an arm of another kind: two constants (in 2 statements)",
		"The statement's end is commented away\n", "reaches    crm.customers, where honey rows are planted", "3 suspicious statements so far",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
