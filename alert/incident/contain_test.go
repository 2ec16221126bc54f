package incident

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"honeyrow/alert/render"
	"honeyrow/event"
)

// hostile are names that a quoting can break on.
var hostile = []string{
	"bob", "o'hara", `x"y`, `a\`, `a\'; DROP TABLE untouched; --`, `x"; DROP TABLE untouched; --`, "line\nfeed", "tab\there",
	"\x1b[201~\nDROP TABLE untouched;", ":untouched", `\q`, "$$", "E'", "\u202egnp", "ünï", "日本", "`; DROP TABLE untouched; --", "/*", "--", "a;b", "\U0001f36f", "x\u200by",
}

func incidentOf(protocol, name string, pid uint32) *event.Incident {
	return &event.Incident{
		Story: event.StoryClient, Principal: event.Principal{Protocol: protocol, User: name},
		Sessions: []event.IncidentSession{{ID: "s", BackendPID: pid}},
		Tables:   []event.IncidentTable{{Database: "crm", Schema: "public", Table: name}},
	}
}

// skeleton replaces everything quoted in a command by ? and returns what was
// quoted, decoded. It is written for itself, after the servers' manuals.
func skeleton(t *testing.T, sql string) (bare string, quoted []string) {
	t.Helper()
	var b strings.Builder
	for i := 0; i < len(sql); {
		rest := sql[i:]
		switch {
		case strings.HasPrefix(rest, `U&"`):
			text, n := until(t, rest[3:], '"')
			quoted = append(quoted, unescape(t, text, '\\', "+"))
			b.WriteByte('?')
			i += 3 + n
		case strings.HasPrefix(rest, `E'`):
			text, n := until(t, rest[2:], '\'')
			quoted = append(quoted, unescape(t, text, '\\', "U"))
			b.WriteByte('?')
			i += 2 + n
		case rest[0] == '"' || rest[0] == '\'':
			text, n := until(t, rest[1:], rest[0])
			quoted = append(quoted, text)
			b.WriteByte('?')
			i += 1 + n
		case strings.HasPrefix(rest, "CONVERT(0x"):
			end := strings.IndexByte(rest, ' ')
			text, err := hex.DecodeString(rest[len("CONVERT(0x"):end])
			tail, ok := strings.CutPrefix(rest[end:], " USING utf8mb4)")
			if err != nil || !ok {
				t.Fatalf("%q: %v", sql, err)
			}
			quoted = append(quoted, string(text))
			b.WriteByte('?')
			i = len(sql) - len(tail)
		default:
			b.WriteByte(rest[0])
			i++
		}
	}
	return b.String(), quoted
}

// until reads up to the closing quote; a doubled one is the quote itself.
func until(t *testing.T, s string, quote byte) (text string, n int) {
	t.Helper()
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != quote {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == quote {
			b.WriteByte(quote)
			i++
			continue
		}
		return b.String(), i + 1
	}
	t.Fatalf("%q is never closed", s)
	return "", 0
}

// unescape reads \XXXX, and with long after the backslash 6 (+) or 8 (U) digits.
func unescape(t *testing.T, s string, escape byte, long string) string {
	t.Helper()
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != escape {
			b.WriteByte(s[i])
			continue
		}
		digits, skip := 4, 0
		switch {
		case strings.HasPrefix(s[i+1:], long):
			skip = 1
			if digits = 8; long == "+" {
				digits = 6
			}
		case strings.HasPrefix(s[i+1:], "u"):
			skip = 1
		}
		n, err := strconv.ParseUint(s[i+1+skip:i+1+skip+digits], 16, 32)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		b.WriteRune(rune(n))
		i += skip + digits
	}
	return b.String()
}

func checkQuoting(t *testing.T, name string) {
	t.Helper()
	for _, protocol := range []string{"postgres", "mysql"} {
		plain := map[string][]string{} // by title: what is outside of quotes, then what is quoted
		for _, c := range Containment(incidentOf(protocol, "bob", 7)) {
			bare, quoted := skeleton(t, c.SQL)
			plain[c.Title] = append([]string{bare}, quoted...)
		}
		for _, c := range Containment(incidentOf(protocol, name, 7)) {
			if render.Clean(c.SQL) != c.SQL || strings.ContainsAny(c.SQL, "\n\r\t") {
				t.Errorf("%s, %q: what would be shown is not what would be pasted: %q", protocol, name, c.SQL)
			}
			bare, quoted := skeleton(t, c.SQL)
			want := plain[c.Title]
			if len(want) != len(quoted)+1 || want[0] != bare {
				t.Fatalf("%s, %q breaks out: %q", protocol, name, c.SQL)
			}
			for i, q := range quoted {
				if w := strings.ReplaceAll(want[i+1], "bob", name); q != w {
					t.Errorf("%s: quoted as %q, want %q in %q", protocol, q, w, c.SQL)
				}
			}
		}
	}
}

func TestHostileNamesStayNames(t *testing.T) {
	for _, name := range hostile {
		checkQuoting(t, name)
		for _, protocol := range []string{"postgres", "mysql"} {
			if len(Containment(incidentOf(protocol, name, 7))) < 3 {
				t.Errorf("%s, %q: no commands", protocol, name)
			}
		}
	}
	for _, name := range []string{"a\x00b", "\xff", ""} {
		if got := Containment(incidentOf("postgres", name, 7)); got != nil {
			t.Errorf("%q can't be written, got %v", name, got)
		}
	}
	if got := Containment(&event.Incident{Story: event.StoryDrill, Principal: event.Principal{Protocol: "postgres", User: "x"}}); got != nil {
		t.Errorf("a drill has commands: %v", got)
	}
}

func FuzzNamesInCommandsStayNames(f *testing.F) {
	for _, name := range hostile {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if utf8.RuneCountInString(name) > 200 || name == "" {
			return
		}
		checkQuoting(t, name)
	})
}

func TestSummaryIsAsAPersonWouldSayIt(t *testing.T) {
	at := alertTime
	d := event.Detection{
		ID: "d", Revision: 1, Time: at, Severity: event.High, Rule: "honey-row-read", Action: event.Kill, HoneyRows: 3,
		Client:    event.Client{Session: "s", Server: "crm-db", Protocol: "postgres", Address: "10.2.3.4:51544", User: "app_ro", Database: "crm", Application: "psql", TLS: &event.TLS{Subject: "CN=alice,O=Corp"}},
		Statement: event.Statement{Text: "SELECT *\n FROM customers"},
	}
	place := event.Place{Server: "crm-db", Database: "crm", Schema: "public", Table: "customers"}
	var rows []event.Place
	for i := range 3 {
		d.Hits = append(d.Hits, event.Hit{Row: event.ID(fmt.Sprint(i)), Place: place, PlantedBy: "dba", PlantedAt: at, Channel: event.ChannelRow, Means: "field"})
		rows = append(rows, place)
	}
	p := Policy{Config: DefaultConfig()}
	p.Rows = 99
	c := New(17, &d)
	p.Add(c, &d, Marks{Session: true, Sight: true, Rows: rows}, at)
	want := "HIGH: 3 honey rows of crm.public.customers read by app_ro from 10.2.3.4:51544 (psql, alice's certificate) with SELECT * FROM customers; " +
		"planted by dba on 2026-11-21; session ended"
	if got := c.Incident.Summary; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if !slices.Equal(c.Incident.Rules, []string{"honey-row-read"}) {
		t.Errorf("rules %v", c.Incident.Rules)
	}
}

func TestADumpsLookAtTheCatalogueIsNotCalledAnInjection(t *testing.T) {
	for _, c := range []struct {
		findings []event.Finding
		injected bool
		want     string
	}{
		{[]event.Finding{{Title: "The database's catalogue is read", Weight: 1}}, false, "; beside it: The database's catalogue is read"},
		{[]event.Finding{{Title: "Noise", Weight: 1}, {Title: "UNION graft", Weight: 3}}, true, "; SQL injection suspected (UNION graft)"},
	} {
		d := event.Detection{
			ID: "d", Revision: 1, Time: alertTime, Severity: event.High, Rule: "honey-row-read", HoneyRows: 1, Findings: c.findings,
			Hits: []event.Hit{{Row: "r", Channel: event.ChannelCopy, Means: "field", Place: event.Place{Table: "customers"}}},
		}
		p := Policy{Config: DefaultConfig()}
		k := New(1, &d)
		p.Add(k, &d, Marks{Session: true, Sight: true, Rows: []event.Place{{Table: "customers"}}}, alertTime)
		if k.Incident.Injection != c.injected || !strings.Contains(k.Incident.Summary, c.want) {
			t.Errorf("injection %v: %s\nwant %v: ...%s", k.Incident.Injection, k.Incident.Summary, c.injected, c.want)
		}
	}
}
