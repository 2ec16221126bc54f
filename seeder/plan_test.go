package seeder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/seeder/generate"
	"honeyrow/token"
)

func small() *Plan {
	v := "O'Hara\n*/; DROP TABLE x; --"
	b := `back\\slash`
	return &Plan{Schema: PlanSchema, Deployment: "d", Server: "s", Database: "db", PlantedBy: "me", Tables: []*TablePlan{
		{
			Schema: "public", Table: `odd "name`, Why: "because\nso", Key: []string{"id"},
			Columns: []*ColumnPlan{{Name: "id", Source: Drawn, Kind: "key"}, {Name: "name", Source: Made, Kind: "person_name", Watch: true, Confidence: 90}, {Name: "path", Source: Copied}},
			Rows:    []*RowPlan{{ID: event.NewID(), Cells: []*Cell{{Column: "id", Source: Drawn}, {Column: "name", Source: Made, Value: &v}, {Column: "path", Source: Copied, Value: &b}}}},
		},
		{
			Schema: "public", Table: "child", Why: "w", Columns: []*ColumnPlan{{Name: "parent", Source: Parent}},
			Rows: []*RowPlan{{ID: event.NewID(), Cells: []*Cell{{Column: "parent", Source: Honey, Ref: &Ref{0, 0, "id"}}}}},
		},
	}}
}

func TestAPlanFileIsReadableByItsOwnerAloneAndComesBackWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plan.json")
	p := small()
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := p.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st.Mode().Perm() != 0o600 {
		t.Errorf("mode %o, want 600", st.Mode().Perm())
	}
	got, err := ReadPlan(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.Table() != p.Table() || got.SQL() != p.SQL() {
		t.Error("the plan read differs from the plan written")
	}
	for name, change := range map[string]func(*Plan){
		"another version":         func(p *Plan) { p.Schema = "honeyrow.plan/9" },
		"a row before its parent": func(p *Plan) { p.Tables[1].Rows[0].Cells[0].Ref.Row = 7 },
		"a table that is not":     func(p *Plan) { p.Tables[1].Rows[0].Cells[0].Ref.Table = 2 },
	} {
		p := small()
		change(p)
		if err := p.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadPlan(path); err == nil || !strings.Contains(err.Error(), "new plan") {
			t.Errorf("%s: got %v, want an error that says what to do", name, err)
		}
	}
}

func TestThePlanAsSQLQuotesValuesAndKeepsCommentsInTheirLine(t *testing.T) {
	sql := small().SQL()
	if !strings.Contains(sql, `INSERT INTO "public"."odd ""name" ("name", "path") VALUES ('O''Hara`) || !strings.Contains(sql, `E'back\\\\slash'`) {
		t.Errorf("values are not quoted:\n%s", sql)
	}
	for _, line := range strings.Split(sql, "\n") {
		if strings.HasPrefix(line, "so") {
			t.Errorf("a comment broke out of its line:\n%s", sql)
		}
	}
}

func TestConfigSaysWhatIsWrongAndWhatToWrite(t *testing.T) {
	good := DefaultConfig()
	good.Domain, good.Columns = Domains{"mail.corp.de"}, map[string]string{"t.c": "email", "t.d": "null"}
	if err := good.Validate(); err != nil {
		t.Errorf("a good config is refused: %v", err)
	}
	for want, change := range map[string]func(*Config){
		"not yours alone": func(c *Config) { c.Domain = Domains{"mail.corp.de", "gmail.com"} },
		"no mail domain":  func(c *Config) { c.Domain = Domains{"not a domain"} },
		"card_prefix":     func(c *Config) { c.CardPrefix = "12x4" },
		"rows":            func(c *Config) { c.Rows = -1 },
		"max_tables":      func(c *Config) { c.MaxTables = 0 },
		"sample_rows":     func(c *Config) { c.SampleRows = 1 },
		"unknown kind":    func(c *Config) { c.Columns = map[string]string{"t.c": "emial"} },
		"table.column":    func(c *Config) { c.Columns = map[string]string{"c": "email"} },
		"negative":        func(c *Config) { c.LockTimeout = -1 },
		"phone_ranges":    func(c *Config) { c.PhoneRanges = []string{"+49 40 ###"} },
	} {
		c := DefaultConfig()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

func TestDomainsOfOnesOwnAreAcceptedWhateverTheirFirstWord(t *testing.T) {
	for domain, own := range map[string]bool{
		"mail.corp.example": true, "live.our-company.com": true, "mail.our-company.com": true, "web.firm.de": true, "gmx.corp.net": true,
		"outlook.our-company.co.uk": true, "decoy.example": true, "example.corp.com": true, "MAIL.Corp.Example": true, "mail.company.com.au": true,
		"mail.com": false, "web.de": false, "gmx.net": false, "live.com": false, "GMail.com": false, "yahoo.co.uk": false, "hotmail.com.br": false, "example.org": false,
		"corp": false, "-x.com": false, "a@b.com": false,
	} {
		c := DefaultConfig()
		c.Domain = Domains{domain}
		if err := c.Validate(); (err == nil) != own {
			t.Errorf("%s: got %v, want accepted %v", domain, err, own)
		}
	}
}

// registry is an in-memory Store for what these tests need.
type registry struct {
	Store
	version  uint64
	watchers func(n int) []token.Watcher
	silent   []token.Watcher
	asked    int
}

func (r *registry) Snapshot(context.Context) (*token.Snapshot, error) {
	return &token.Snapshot{Version: r.version}, nil
}

func (r *registry) Watchers(context.Context) ([]token.Watcher, error) {
	r.asked++
	return r.watchers(r.asked), nil
}

func (r *registry) Silent(context.Context) ([]token.Watcher, error) { return r.silent, nil }

// A proxy that stands still is not waited for; who plants meanwhile is told.
func TestApplyNamesTheProxiesThatHaveFallenSilent(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	none := exec.Command("true")
	if err := none.Run(); err != nil {
		t.Fatal(err)
	}
	at := func(host string, pid int, server string) token.Watcher {
		return token.Watcher{Host: host, PID: pid, Servers: []string{server}, Seen: time.Now().Add(-time.Minute)}
	}
	r := &registry{version: 7, watchers: func(int) []token.Watcher { return []token.Watcher{{Servers: []string{"a"}, Version: 7}} }}
	r.silent = []token.Watcher{at(host, os.Getpid(), "a"), at(host, none.Process.Pid, "a"), at("elsewhere", none.Process.Pid, "a"), at("elsewhere", 1, "b")}
	n, warn, err := (&Seeder{Store: r}).watched(t.Context(), "a", &ApplyOptions{WatchTimeout: time.Minute})
	if n != 1 || err != nil || len(warn) != 2 || !strings.Contains(warn[0], fmt.Sprintf("the proxy on %s (process %d) has given no sign of life since", host, os.Getpid())) || !strings.Contains(warn[1], "elsewhere") {
		t.Errorf("%d watchers, warnings %q, %v", n, warn, err)
	}
}

func TestApplyWaitsForTheProxiesOfItsServerOnly(t *testing.T) {
	at := func(server string, v uint64) token.Watcher {
		return token.Watcher{ID: server, Host: "h-" + server, Servers: []string{server}, Version: v}
	}
	for name, c := range map[string]struct {
		watchers func(n int) []token.Watcher
		force    bool
		n        int
		warn     string
		err      string
	}{
		"none runs":             {func(int) []token.Watcher { return nil }, false, 0, "no running proxy", ""},
		"another server's lags": {func(int) []token.Watcher { return []token.Watcher{at("b", 1)} }, false, 0, "no running proxy", ""},
		"all watch":             {func(int) []token.Watcher { return []token.Watcher{at("a", 7), at("a", 9)} }, false, 2, "", ""},
		"one catches up":        {func(n int) []token.Watcher { return []token.Watcher{at("a", uint64(5+n))} }, false, 1, "", ""}, // at the second look, however late that comes
		"one lags":              {func(int) []token.Watcher { return []token.Watcher{at("a", 6)} }, false, 1, "", "h-a"},
		"one lags, forced":      {func(int) []token.Watcher { return []token.Watcher{at("a", 6)} }, true, 0, "h-a", ""},
	} {
		for _, patience := range []time.Duration{300 * time.Millisecond, time.Nanosecond} {
			s := &Seeder{Store: &registry{version: 7, watchers: c.watchers}}
			n, warn, err := s.watched(t.Context(), "a", &ApplyOptions{Force: c.force, WatchTimeout: patience})
			if n != c.n || c.warn == "" != (len(warn) == 0) || c.warn != "" && !strings.Contains(warn[0], c.warn) {
				t.Errorf("%s, %s: %d watchers, warnings %q", name, patience, n, warn)
			}
			if c.err == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s, %s: error %v, want %q", name, patience, err, c.err)
			}
		}
	}
}

func TestOnlyTokensThatDifferAreRegisteredAgain(t *testing.T) {
	mk := func(id, column, value, key string) token.Token {
		return token.Token{ID: event.ID(id), Row: "r", Value: value, Place: event.Place{Column: column, Key: key}}
	}
	had := []token.Token{mk("1", "a", "x", "5"), mk("2", "b", "y", "5"), mk("3", "c", "z", "5")}
	need := []token.Token{mk("4", "a", "x", "5"), mk("5", "b", "changed", "5"), mk("6", "d", "new", "5")}
	fresh, stale := differ(had, need)
	if len(fresh) != 2 || fresh[0].ID != "5" || fresh[1].ID != "6" {
		t.Errorf("fresh %v, want 5 and 6", fresh)
	}
	got := map[event.ID]bool{}
	for _, id := range stale {
		got[id] = true
	}
	if len(got) != 2 || !got["2"] || !got["3"] {
		t.Errorf("stale %v, want 2 and 3", stale)
	}
}

func TestTablesThatTheApplicationBelievesInAreLeftAlone(t *testing.T) {
	row := func(v string) *Sample { return &Sample{Columns: []string{"key"}, Rows: [][]*string{{&v}}} }
	for table, want := range map[string]bool{
		"sessions": true, "UserSessions": true, "password_resets": true, "oauth_access_tokens": true, "jobs": true, "mail_outbox": true, "api_keys": true,
		"customers": false, "employees": false, "job_titles": false, "integrations": false, "settings": false,
	} {
		if got := ownCredentials(&Table{Name: table}, row("9f8e7d6c5b4a")) != ""; got != want {
			t.Errorf("%s: left alone %t, want %t", table, got, want)
		}
	}
	if why := ownCredentials(&Table{Name: "api_keys"}, row("ghp_"+strings.Repeat("a1", 18))); why != "" {
		t.Errorf("a table of vendors' keys is refused: %s", why)
	}
}

func TestARefusalKeepsItsReasonThroughWrapping(t *testing.T) {
	err := errors.Join(refuse("a %s", "b"), refuse("c"))
	var no *refusal
	if !errors.As(err, &no) || no.Error() != "a b" {
		t.Fatalf("got %v", err)
	}
}

func TestATemplateAtRestIsPreferred(t *testing.T) {
	tb := &Table{Name: "t", Columns: []*Column{
		{Name: "status", Class: generate.Text, CanSelect: true, CanInsert: true, NotNull: true},
		{Name: "salary", Class: generate.Integer, CanSelect: true, CanInsert: true, NotNull: true},
	}}
	s := &Sample{Columns: []string{"status", "salary"}, Cut: map[string]bool{}}
	for _, r := range [][2]string{{"active", "90000"}, {"closed", "50000"}, {"closed", "70000"}, {"active", "20000"}} {
		s.Rows = append(s.Rows, []*string{&r[0], &r[1]})
	}
	st, err := learn(tb, s, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	st.rank(time.Now())
	if len(st.pool) != 2 || st.pool[0] != 2 || st.pool[1] != 1 {
		t.Fatalf("templates %v, want the closed rows, the rich one first", st.pool)
	}
}
