package engine

import (
	"strings"
	"testing"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/rules"
	"honeyrow/token"
)

func TestAValueThatAnErrorCutsShortIsSeen(t *testing.T) {
	const (
		mail = "Agatha.Falkenstein@ledger.decoy.example" // 39 bytes
		jwt  = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI4MTQ3In0.Zm9vYmFyYmF6cXV4Zm9vYmFy"
	)
	dashes := strings.Repeat("-", 64)
	for name, c := range map[string]struct {
		protocol, text string
		ch             event.Channel
		want           bool
	}{
		"MariaDB's XPATH error":                {"mysql", "XPATH syntax error: '~Agatha.Falkenstein@ledger.de...'", event.ChannelError, true},
		"MySQL's":                              {"mysql", "XPATH syntax error: '~Agatha.Falkenstein@ledger.decoy'", event.ChannelError, true},
		"in other letters":                     {"mysql", "XPATH syntax error: '~AGATHA.FALKENSTEIN@LEDGER.DE...'", event.ChannelError, true},
		"MySQL's duplicate entry":              {"mysql", "Duplicate entry '" + dashes[:64-31] + mail[:31] + "' for key 'k'", event.ChannelError, true},
		"behind other quotes":                  {"mysql", "Column 'a' cannot be 'b' near '" + mail[:29] + "...'", event.ChannelError, true},
		"too little of it":                     {"mysql", "XPATH syntax error: '" + dashes[:32-25] + "Agatha.Falkenstein@ledger'", event.ChannelError, false},
		"another's, who has the name":          {"mysql", "XPATH syntax error: '~Agatha.Falkenstein@ledger.co...'", event.ChannelError, false},
		"a shorter text, which nobody has cut": {"mysql", "Unknown column 'Agatha.Falkenstein@ledger.de'", event.ChannelError, false},
		"an info string":                       {"mysql", "XPATH syntax error: '~Agatha.Falkenstein@ledger.de...'", event.ChannelNotice, false},
		"PostgreSQL, whose errors are not cut": {"postgres", "XPATH syntax error: '~Agatha.Falkenstein@ledger.de...'", event.ChannelError, false},
		"a key of which vendors' all begin so": {"mysql", "Duplicate entry '" + jwt[:32] + "' for key 'k'", event.ChannelError, false},
		"a quote that is not closed":           {"mysql", "near 'Agatha.Falkenstein@ledger.dec...", event.ChannelError, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, inRun := range []bool{false, true} {
				g := newRig(t, DefaultConfig(), rules.Config{})
				var ts []token.Token
				for i, v := range []string{mail, jwt} {
					ts = append(ts, token.Token{
						ID: []event.ID{"mail", "jwt"}[i], Row: event.ID(v), Kind: "email", Value: v, Strength: token.Strong, State: token.Live,
						Place: event.Place{Server: "main", Database: "crm", Table: "customers", Column: "email"},
					})
				}
				g.e.Swap(&token.Snapshot{Version: 2, Tokens: ts})
				who := alice()
				who.Protocol = c.protocol
				g.s, _ = g.e.Open(who)
				if inRun {
					st, _ := g.s.Prepare([]byte("select f()"), 10)
					run, _ := st.Run(nil, nil)
					run.Text(c.ch, []byte(c.text))
					run.Done(0, "HY000")
					st.Release()
				} else {
					g.s.Text(c.ch, []byte(c.text))
				}
				g.s.Close()
				if !c.want {
					g.silent()
					continue
				}
				if d := g.one(); d.Hits[0].Token != "mail" || d.Hits[0].Disguise != "pieces" {
					t.Errorf("hits %+v", d.Hits)
				}
			}
		})
	}
}

// What an error was cut short in is asked for again by SHOW WARNINGS, as is the text of
// a warning that no error came of.
func TestAValueThatWarningsCutShortIsSeen(t *testing.T) {
	const mail = "Agatha.Falkenstein@ledger.decoy.example"
	said := "XPATH syntax error: '~Agatha.Falkenstein@ledger.de...'"
	for name, c := range map[string]struct {
		protocol string
		columns  []string
		row      []string
		want     bool
	}{
		"SHOW WARNINGS":                {"mysql", []string{"Level", "Code", "Message"}, []string{"Error", "1105", said}, true},
		"a warning about another":      {"mysql", []string{"Level", "Code", "Message"}, []string{"Error", "1105", strings.Replace(said, "de...", "co...", 1)}, false},
		"a table that says what it is": {"mysql", []string{"level", "code", "note"}, []string{"Error", "1105", said}, false},
		"PostgreSQL":                   {"postgres", []string{"Level", "Code", "Message"}, []string{"Error", "1105", said}, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t, DefaultConfig(), rules.Config{})
			g.e.Swap(&token.Snapshot{Version: 2, Tokens: []token.Token{{
				ID: "mail", Row: "r", Kind: "email", Value: mail, Strength: token.Strong, State: token.Live,
				Place: event.Place{Server: "main", Database: "crm", Table: "customers", Column: "email"},
			}}})
			who := alice()
			who.Protocol = c.protocol
			g.s, _ = g.e.Open(who)
			var columns []inspect.Column
			for _, n := range c.columns {
				columns = append(columns, inspect.Column{Name: n})
			}
			g.query("show warnings", columns, c.row)
			g.s.Close()
			if !c.want {
				g.silent()
			} else if d := g.one(); d.Hits[0].Token != "mail" || d.Hits[0].Disguise != "pieces" {
				t.Errorf("hits %+v", d.Hits)
			}
		})
	}
}
