package pgdb_test

import (
	"strings"
	"testing"

	"honeyrow/seeder"
)

// Who loads rows with numbers of their own and forgets the sequence has an application
// whose next inserts fail: that is not for honey rows to find out, and a plan says what to do.
func TestATableThatIsAheadOfItsSequenceIsRefused(t *testing.T) {
	for set, refused := range map[string]bool{
		"setval(q, 10)":         true,
		"setval(q, 1, false)":   true, // as if it had never given a number
		"setval(q, 701, false)": true,
		"setval(q, 702, false)": false,
		"setval(q, 701)":        false,
		"setval(q, 590)":        false, // one row has a number of its own, far above
	} {
		t.Run(set, func(t *testing.T) {
			db := database(t, namesakes+"SELECT "+strings.Replace(set, "q", "pg_get_serial_sequence('members', 'id')", 1))
			s := open(t, "postgres", db, store(t))
			o := options()
			o.Tables, o.Rows, o.Keys, o.Domain = []string{"members"}, 10, "sequence", seeder.Domains{"corp.example"}
			p, err := s.Plan(t.Context(), o)
			if refused {
				if err == nil || !strings.Contains(p.Table(), "set it behind them") {
					t.Errorf("planned (%v): %s", err, p.Table())
				}
				return
			}
			must(t, err)
			_, err = s.Apply(t.Context(), p, seeder.ApplyOptions{})
			must(t, err)
		})
	}
}
