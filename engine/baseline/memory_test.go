package baseline

import (
	"fmt"
	"testing"
	"time"
)

func TestWhatIsPutIntoAStatementOfTheRoutineIsTold(t *testing.T) {
	m := NewMemory()
	id := Identity{Server: "main", User: "shop"}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const known, odd = "SELECT name FROM items WHERE id = 5", "SELECT name FROM items WHERE id = 5 OR price <> 7"
	saw := func(id Identity, sql string, clean bool, after time.Duration) Recall {
		return m.Saw(id, lexed(sql, postgres), clean, at.Add(after))
	}
	for _, c := range []struct {
		why     string
		id      Identity
		sql     string
		clean   bool
		after   time.Duration
		settled bool
		grown   bool
	}{
		{"new", id, known, true, 0, false, false},
		{"seen for a short time", id, known, true, time.Minute, false, false},
		{"nothing is known of the routine yet", id, odd, false, 2 * time.Minute, false, false},
		{"seen for long", id, known, true, Routine, true, false},
		{"again", id, known, true, Routine, true, false},
		{"grown on it", id, odd, true, Routine, false, true},
		{"grown on it, an hour later", id, odd, true, Routine + time.Hour, false, true},
		{"another client", Identity{Server: "main", User: "dba"}, odd, true, Routine, false, false},
		{"a condition more", id, known + " AND price > 7", true, Routine, false, true},
		{"a condition more, for long", id, known + " AND price > 7", true, 2 * Routine, true, false},
		{"with something wrong", id, "SELECT 1", false, 0, false, false},
		{"with something wrong, for long", id, "SELECT 1", false, Routine, false, false},
		{"grown on it, for a day", id, odd, true, Routine + GrownRoutine, true, false},
	} {
		r := saw(c.id, c.sql, c.clean, c.after)
		if r.Settled != c.settled || (r.Graft != nil) != c.grown {
			t.Errorf("%s: %s: %+v, want settled %v, grown %v", c.why, c.sql, r, c.settled, c.grown)
		}
	}
	if ids, shapes := m.Size(); ids != 2 || shapes != 3 {
		t.Errorf("%d identities and %d shapes", ids, shapes)
	}
}

// A flood of ever new statements does not push out what is known.
func TestAMemoryIsBounded(t *testing.T) {
	m := NewMemory()
	id := Identity{Server: "main", User: "shop"}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const known = "SELECT name FROM items WHERE id = 5"
	m.Saw(id, lexed(known, postgres), true, at)
	m.Saw(id, lexed(known, postgres), true, at.Add(Routine))
	for i := range 2*maxPending + 5 {
		m.Saw(id, lexed(fmt.Sprintf("SELECT c%d FROM t", i), postgres), true, at.Add(Routine))
	}
	if n := len(m.by[id].first); n > maxPending {
		t.Errorf("%d shapes wait", n)
	}
	if r := m.Saw(id, lexed(known+" UNION TABLE users", postgres), true, at.Add(Routine)); r.Graft == nil || r.Graft.Made != Query {
		t.Errorf("the routine is forgotten: %+v", r)
	}
	for i := range maxRecalled + 5 {
		m.Saw(Identity{User: fmt.Sprint(i)}, lexed(known, postgres), true, at)
	}
	if ids, _ := m.Size(); ids > maxRecalled {
		t.Errorf("%d identities", ids)
	}
}
