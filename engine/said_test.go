package engine

import (
	"fmt"
	"strings"
	"testing"

	"honeyrow/event"
	"honeyrow/rules"
	"honeyrow/token"
)

const piecedMail = "Agatha.Falkenstein@ledger.decoy.example"

// cutUp is the value in pieces of n bytes, each in the same words.
func cutUp(n int, words string) (out []string) {
	for v := piecedMail; v != ""; v = v[min(n, len(v)):] {
		out = append(out, fmt.Sprintf(words, v[:min(n, len(v))]))
	}
	return out
}

func TestAValueInPiecesOverErrorsAndNoticesIsSeen(t *testing.T) {
	const (
		xpath  = "XPATH syntax error: '~%s'"
		marks  = "Duplicate entry 'qzvbq%sqxkjq1' for key 'group_key'"
		cast   = "invalid input syntax for type integer: \"%s\"\n"
		notice = "%s\nPL/pgSQL function inline_code_block line 1 at RAISE\n"
		other  = "relation \"nosuch\" does not exist\n"
	)
	alike := []string{"XPATH syntax error: '~Agatha.Falkenste'", "XPATH syntax error: '~in@ledger.decoy.example'"}
	for name, c := range map[string]struct {
		texts []string
		want  bool
	}{
		"halves in an XPATH error":                {cutUp(20, xpath), true},
		"thirds between marks":                    {cutUp(13, marks), true},
		"single characters in notices":            {cutUp(1, notice), true},
		"single characters, nothing beside them":  {cutUp(1, "%s"), true},
		"halves in a cast's error":                {cutUp(20, cast), true},
		"behind other errors":                     {append([]string{other, "syntax error\n", other}, cutUp(10, cast)...), true},
		"behind notices of nothing in common":     {append([]string{"a", "b", "c"}, cutUp(7, xpath)...), true},
		"both pieces end alike":                   {[]string{"~Agatha.Falkenste~", "~in@ledger.decoy.example~"}, true},
		"the last piece is missing":               {cutUp(20, xpath)[:1], false},
		"one piece is missing":                    {append(cutUp(8, xpath)[:2], cutUp(8, xpath)[3:]...), false},
		"the value's end alone, again and again":  {[]string{alike[1], alike[1], alike[1]}, false},
		"pieces of another value":                 {[]string{"'~Agatha.Falkenstern'", "'~@ledger.decoy.example'"}, false},
		"a long text between them":                {[]string{alike[0], strings.Repeat("x", maxText+1), alike[1]}, false},
		"ordinary errors":                         {strings.Split(strings.Repeat(other+"|duplicate key|"+cast+"|", 30), "|"), false},
		"ends of texts that the next begins with": {alike, true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, loose := range []bool{false, true} {
				g := newRig(t, DefaultConfig(), rules.Config{})
				g.e.Swap(&token.Snapshot{Version: 2, Tokens: []token.Token{{
					ID: "mail", Row: "row", Kind: "email", Value: piecedMail, Strength: token.Strong, State: token.Live,
					Place: event.Place{Server: "main", Database: "crm", Table: "customers", Column: "email"},
				}}})
				for _, text := range c.texts {
					if loose {
						g.s.Text(event.ChannelNotification, []byte(text))
						continue
					}
					st, _ := g.s.Prepare([]byte("select f()"), 10)
					run, _ := st.Run(nil, nil)
					run.Text(event.ChannelError, []byte(text))
					run.Done(0, "XX000")
					st.Release()
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

func TestTextsOfTheServerTakeBoundedMemory(t *testing.T) {
	g := newRig(t, DefaultConfig(), rules.Config{})
	x := g.e.index.Load()
	var m said
	for i := range 5000 {
		m.add(x, []byte(fmt.Sprintf("%d%s", i, strings.Repeat("y", i%maxText))))
		if len(m.texts) > maxSaid || m.size > saidRoom+maxText {
			t.Fatalf("%d texts of %d bytes", len(m.texts), m.size)
		}
		n := 0
		for _, b := range m.texts {
			n += len(b)
		}
		if n != m.size {
			t.Fatalf("%d bytes, counted %d", n, m.size)
		}
	}
}
