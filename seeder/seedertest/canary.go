package seedertest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"honeyrow/seeder"
	"honeyrow/token"
)

func liveCanaryKeysArePlantedEachOnce(t *testing.T, g Ground) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE integrations (id %s PRIMARY KEY, label varchar(40) NOT NULL, access_key_id varchar(24) NOT NULL UNIQUE, secret_access_key varchar(48) NOT NULL, opened date NOT NULL);\n", g.Numbered)
	r := rand.New(rand.NewPCG(1, 2))
	word := func(length int, of string) string {
		var w []byte
		for range length {
			w = append(w, of[r.IntN(len(of))])
		}
		return string(w)
	}
	for i := range 60 {
		fmt.Fprintf(&b, "INSERT INTO integrations (label, access_key_id, secret_access_key, opened) VALUES ('%s', 'AKIA%s', '%s', '2025-%02d-%02d');\n", []string{"backup", "mail", "reports"}[i%3], word(16, letters), word(40, letters+"abcdefghijklmnopqrstuvwxyz0189+/"), 1+i%12, 1+i%28)
	}
	db := g.Database(t, b.String())
	st := g.Store(t)
	s := g.Open(t, db, st)
	file := filepath.Join(t.TempDir(), "canaries.csv")
	const key, secret = "AKIAJY4T7QW2ZLMNBV53", "qO3bYtLw8ZrK5nXc1VdGh7MfPs2UjEa9RkTi0+/x"
	Must(t, os.WriteFile(file, []byte("value,secret,note\n"+key+","+secret+",tells the cloud team\nghp_"+strings.Repeat("a1", 18)+",,\n"), 0o600))
	o := Options()
	o.Tables, o.Rows, o.CanaryFile, o.Note = []string{"integrations"}, 3, file, "ticket 7"
	p := Plan(t, s, o)
	if w := strings.Join(p.Warnings, "\n"); !strings.Contains(w, "line 3 stand in no honey row") || strings.Contains(w, "line 2") {
		t.Errorf("warnings: %s", w)
	}
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	Must(t, err)
	if got := g.Query(t, db, "SELECT secret_access_key FROM integrations WHERE access_key_id = '"+key+"'"); got != secret {
		t.Errorf("beside the canary's key id stands %q, want its secret", got)
	}
	ts, err := st.List(t.Context(), token.Filter{Value: key})
	Must(t, err)
	if len(ts) != 1 || ts[0].State != token.Live || ts[0].Strength != token.Strong || ts[0].Note != "tells the cloud team; ticket 7" || ts[0].Place.Column != "access_key_id" {
		t.Errorf("registered: %+v", ts)
	}
	o.Seed = 8
	p = Plan(t, s, o)
	if w := strings.Join(p.Warnings, "\n"); !strings.Contains(w, "line 2 are planted already") {
		t.Errorf("a canary is planted twice: %s", w)
	}
	o.CanaryFile = filepath.Join(t.TempDir(), "none.csv")
	if _, err := s.Plan(t.Context(), o); err == nil || !strings.Contains(err.Error(), "read canaries") {
		t.Errorf("without the file: %v", err)
	}
}
