package seedertest

import (
	"strings"
	"testing"
	"time"

	"honeyrow/seeder"
	"honeyrow/token"
)

// eachCopyGetsRowsOfItsOwn plans the same for two copies of a database, plants
// one and the other, and asks whose a value is.
func eachCopyGetsRowsOfItsOwn(t *testing.T, g Ground) {
	st := g.Store(t)
	leaked := map[string]string{} // a value to its copy
	for _, name := range []string{"production", "staging"} {
		s := g.Open(t, g.Database(t, g.Customers), st)
		o := Options()
		o.Tables, o.Rows, o.Copy = []string{"customers"}, 4, name
		p := Plan(t, s, o)
		if p.Seed != o.Seed || !strings.Contains(p.Table(), "For copy "+name) {
			t.Errorf("the plan has seed %d and says\n%s", p.Seed, p.Table())
		}
		done, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
		Must(t, err)
		ts, err := st.List(t.Context(), token.Filter{Copy: name})
		Must(t, err)
		if len(ts) != done.Tokens || len(ts) == 0 {
			t.Fatalf("%d tokens name copy %s, %d were planted", len(ts), name, done.Tokens)
		}
		for i := range ts {
			tk := &ts[i]
			if tk.Strength != token.Strong {
				continue
			}
			if other := leaked[tk.Value]; other != "" {
				t.Errorf("a value of copy %s is in copy %s too", other, name)
			}
			leaked[tk.Value] = name
			of := "copy " + name + " of " + tk.Place.Database
			l := token.Life{Token: *tk}
			if !strings.Contains(tk.Story(), of) || !strings.Contains(l.Tell(time.Now()), of) || !strings.Contains(l.Tell(time.Now()), "planted by dba@corp") {
				t.Errorf("copy %s: the alert says %q, the look-up %q", name, tk.Story(), l.Tell(time.Now()))
			}
		}
	}
	if len(leaked) < 8 {
		t.Errorf("%d values looked at, want 4 or more of each copy", len(leaked))
	}
}
