package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"honeyrow/alert"
	"honeyrow/chain"
	"honeyrow/event"
	"honeyrow/token"
	"honeyrow/token/tokentest"
)

func lookup(t *testing.T, s *Store, value string) []token.Life {
	t.Helper()
	ls, _, err := s.Lookup(t.Context(), 0, value)
	if err != nil {
		t.Fatal(err)
	}
	return ls
}

// seen is a detection of one honey row's token.
func seen(tk *token.Token, at time.Time, channel event.Channel) event.Detection {
	return event.Detection{
		Schema: event.Schema, ID: event.NewID(), Revision: 1, Time: at,
		Hits: []event.Hit{{Token: tk.ID, Row: tk.Row, Channel: channel}, {Token: "other", Row: tk.Row, Channel: channel}},
	}
}

func TestAValueFoundOutsideTellsItsWholeStory(t *testing.T) {
	clock := tokentest.NewClock()
	s := openAt(t, dbPath(t), clock.Now)
	ts := tokentest.Tokens(8)
	must(t, s.Add(t.Context(), ts))
	at := clock.Now()
	read, used, drill := seen(&ts[4], at, event.ChannelRow), seen(&ts[4], at.Add(time.Hour), event.ChannelBind), seen(&ts[4], at.Add(2*time.Hour), event.ChannelRow)
	drill.Drill = true
	must(t, s.Put(t.Context(), []event.Detection{read, used, drill}, nil))
	read.Revision, read.HitCount = 2, 9
	must(t, s.Put(t.Context(), []event.Detection{read}, nil)) // a later revision is the same alert
	clock.Advance(time.Hour)
	must(t, s.Verified(t.Context(), map[event.ID]string{ts[4].Row: "intact"}))
	ls := lookup(t, s, ts[4].Value)
	if len(ls) != 1 {
		t.Fatalf("%d lives, want 1", len(ls))
	}
	l := ls[0]
	if l.ID != ts[4].ID || l.RowNumber != 3 || l.DeploymentNumber != 1 || l.Reads != 1 || l.Uses != 1 || l.Found != "intact" ||
		!l.Verified.Equal(clock.Now()) || !l.FirstSeen.Equal(at) || !l.LastSeen.Equal(at.Add(time.Hour)) {
		t.Errorf("got %+v", l)
	}
	if ls := lookup(t, s, strings.ToUpper(ts[4].Value)); len(ls) != 0 {
		t.Errorf("another value found %d", len(ls))
	}
	// What is pruned still counts.
	if _, err := s.Prune(t.Context(), clock.Now().Add(time.Hour), nil, 100); err != nil {
		t.Fatal(err)
	}
	if es, err := s.Detections(t.Context(), alert.Query{}); err != nil || len(es) != 0 {
		t.Fatalf("%d detections left, %v", len(es), err)
	}
	if l := lookup(t, s, ts[4].Value)[0]; l.Reads != 1 || l.Uses != 1 || !l.LastSeen.Equal(at.Add(time.Hour)) {
		t.Errorf("after pruning: %+v", l)
	}
	must(t, s.SetState(t.Context(), token.Removed, ts[4].ID))
	if l := lookup(t, s, ts[4].Value)[0]; l.State != token.Removed {
		t.Errorf("a removed token is %s", l.State)
	}
	n := 0
	must(t, s.EachLife(t.Context(), func(l *token.Life) error {
		if n++; l.RowNumber != (n+1)/2 {
			t.Errorf("token %d is of row %d", n, l.RowNumber)
		}
		return nil
	}))
	if n != 8 {
		t.Errorf("%d lives, want 8", n)
	}
}

func TestAValueOfManyRowsTellsWhatProvesMostFirst(t *testing.T) {
	s := openAt(t, dbPath(t), nil)
	const n = 2500 // more than are read at a time
	ts := tokentest.Tokens(n)
	for i := range ts {
		ts[i].Value, ts[i].Strength, ts[i].Key = "Maria", token.Weak, i%10 == 0
	}
	ts[n-1].Strength, ts[n-2].Strength, ts[n-3].Key = token.Strong, token.Firm, false
	must(t, s.Add(t.Context(), ts))
	ls, all, err := s.Lookup(t.Context(), 3, "Maria", "", "maria")
	must(t, err)
	if all != n || len(ls) != 3 {
		t.Fatalf("%d lives of %d, want 3 of %d", len(ls), all, n)
	}
	for i, want := range []event.ID{ts[n-1].ID, ts[n-2].ID, ts[1].ID} { // ts[0] is a key
		if ls[i].ID != want {
			t.Errorf("life %d is of %s (%s, key %v, %s), want %s", i, ls[i].ID, ls[i].Strength, ls[i].Key, ls[i].State, want)
		}
	}
	ls, all, err = s.Lookup(t.Context(), 0, "Maria")
	must(t, err)
	if all != n || len(ls) != n || ls[0].ID != ts[n-1].ID || ls[1].RowNumber != n/2 {
		t.Errorf("all: %d of %d, the first is %s, the second of row %d", len(ls), all, ls[0].ID, ls[1].RowNumber)
	}
}

func TestAReplacedValueIsWatchedUntilItsTimeComes(t *testing.T) {
	clock := tokentest.NewClock()
	s := openAt(t, dbPath(t), clock.Now)
	ts := tokentest.Tokens(6)
	must(t, s.Add(t.Context(), ts))
	must(t, s.SetState(t.Context(), token.Live, ts[0].ID, ts[1].ID))
	until := clock.Now().Add(48 * time.Hour)
	if err := s.Replace(t.Context(), until, []event.ID{ts[2].ID, "nobody"}, []event.ID{ts[0].ID}); !errors.Is(err, token.ErrNotFound) {
		t.Fatalf("got %v, want ErrNotFound", err)
	}
	if got, err := s.Get(t.Context(), ts[0].ID); err != nil || got.State != token.Live {
		t.Fatalf("a failed replacement left %s, %v", got.State, err)
	}
	must(t, s.Replace(t.Context(), until, []event.ID{ts[2].ID}, []event.ID{ts[0].ID}))
	old, err := s.Get(t.Context(), ts[0].ID)
	must(t, err)
	if !old.Expired() || !old.Until.Equal(until) || !strings.Contains(old.Story(), "expired on 2026-11-21, when another value came instead: the leak is older than that") {
		t.Errorf("got %+v, %s", old, old.Story())
	}
	if n, err := s.Expire(t.Context()); n != 0 || err != nil {
		t.Errorf("expired %d, %v too early", n, err)
	}
	before := s.versionOf(t)
	clock.Advance(48 * time.Hour)
	if n, err := s.Expire(t.Context()); n != 1 || err != nil {
		t.Errorf("expired %d, %v, want 1", n, err)
	}
	if s.versionOf(t) == before {
		t.Error("proxies are not told")
	}
	if got, err := s.Get(t.Context(), ts[0].ID); err != nil || got.State != token.Removed || got.Expired() {
		t.Errorf("at the end: %s, %v", got.State, err)
	}
}

func (s *Store) versionOf(t *testing.T) uint64 {
	t.Helper()
	v, err := s.Version(t.Context())
	must(t, err)
	return v
}

func TestTheLogTellsWhetherItWasAltered(t *testing.T) {
	clock := tokentest.NewClock()
	path := dbPath(t)
	s := openAt(t, path, clock.Now)
	for i := range 4 {
		clock.Advance(time.Minute)
		must(t, s.Record(t.Context(), token.Deed{Action: "planted", Deployment: fmt.Sprint("d", i), Tables: []string{"public.customers"}, Rows: i}))
	}
	read := func(want chain.Head) (ds []token.Deed, head chain.Head, err error) {
		head, err = s.Log(t.Context(), want, func(d token.Deed) error { ds = append(ds, d); return nil })
		return ds, head, err
	}
	ds, head, err := read(chain.Head{})
	if err != nil || len(ds) != 4 || head.N != 4 || ds[2].Deployment != "d2" || ds[2].Actor != "tester" || ds[2].N != 3 || ds[3].Sum != head.Sum.String() {
		t.Fatalf("got %+v, %v, %v", ds, head, err)
	}
	raw, err := sql.Open("sqlite", "file:"+path)
	must(t, err)
	defer raw.Close()
	if _, err := raw.Exec("UPDATE log SET body = '{}' WHERE n = 2"); err == nil {
		t.Error("an entry could be changed")
	}
	if _, err := raw.Exec("DELETE FROM log WHERE n = 4"); err == nil {
		t.Error("an entry could be deleted")
	}
	_, err = raw.Exec("DROP TRIGGER log_keeps_rows; DELETE FROM log WHERE n = 4")
	must(t, err)
	if _, _, err := read(chain.Head{}); !errors.Is(err, chain.ErrBroken) {
		t.Errorf("a log whose end was cut off: %v, want ErrBroken", err)
	}
	if _, _, err := read(head); !errors.Is(err, chain.ErrBroken) {
		t.Errorf("with the head that was kept: %v, want ErrBroken", err)
	}
	_, err = raw.Exec("DROP TRIGGER log_keeps_values; UPDATE log SET body = replace(body, 'd1', 'd9') WHERE n = 2")
	must(t, err)
	if ds, _, err := read(chain.Head{}); !errors.Is(err, chain.ErrBroken) || len(ds) != 1 {
		t.Errorf("an altered entry: %d entries, %v, want 1 and ErrBroken", len(ds), err)
	}
}

// What was done to the log is to be found also after others have written to it.
func TestAnAlteredLogStaysAltered(t *testing.T) {
	const all = "DELETE FROM log"
	for name, c := range map[string]struct{ sql, why string }{
		"an entry changed":  {"UPDATE log SET body = replace(body, 'd1', 'd9') WHERE n = 2", "entry 2 does not follow"},
		"one removed":       {"DELETE FROM log WHERE n = 2", "entry 2 is missing"},
		"cut at the end":    {"DELETE FROM log WHERE n > 2", "should end at 4|entry 3 is missing, the next one is 5"},
		"two swapped":       {"UPDATE log SET n = -2 WHERE n = 2; UPDATE log SET n = 2 WHERE n = 3; UPDATE log SET n = 3 WHERE n = -2", "entry 2 does not follow"},
		"one appended":      {"INSERT INTO log SELECT 5, body, sum FROM log WHERE n = 4", "entry 5 does not follow"},
		"all removed":       {all, "should end at 4|entry 1 is missing"},
		"all and the seal":  {all + "; DELETE FROM meta WHERE name = 'log head'", "seal|entry 1 is missing"},
		"the seal removed":  {"DELETE FROM meta WHERE name = 'log head'", "seal|entry 5 does not follow"},
		"the seal altered":  {"UPDATE meta SET value = x'00' WHERE name = 'log head'", "seal|entry 5 does not follow"},
		"cut, and the seal": {"DELETE FROM log WHERE n > 2; DELETE FROM meta WHERE name = 'log head'", "seal|entry 3 does not follow"},
	} {
		t.Run(name, func(t *testing.T) {
			path := dbPath(t)
			s := openAt(t, path, nil)
			must(t, s.Add(t.Context(), tokentest.Tokens(2)))
			for i := range 4 {
				must(t, s.Record(t.Context(), token.Deed{Action: "planted", Deployment: fmt.Sprint("d", i)}))
			}
			raw, err := sql.Open("sqlite", "file:"+path)
			must(t, err)
			_, err = raw.Exec("DROP TRIGGER log_keeps_rows; DROP TRIGGER log_keeps_values; " + c.sql)
			must(t, errors.Join(err, raw.Close()))
			before, after, two := strings.Cut(c.why, "|")
			if !two {
				after = before
			}
			for i, want := range []string{before, after, after} {
				_, err := s.Log(t.Context(), chain.Head{}, func(token.Deed) error { return nil })
				if !errors.Is(err, chain.ErrBroken) || !strings.Contains(err.Error(), want) {
					t.Errorf("after %d more entries: %v, want ErrBroken with %q", i, err, want)
				}
				if i == 1 { // and the file is opened again
					must(t, s.Close())
					s = openAt(t, path, nil)
				}
				must(t, s.Record(t.Context(), token.Deed{Action: "verified"}))
			}
		})
	}
}

func TestADatabaseOfAnEarlierSchemaIsBroughtOnWithItsSightings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "honeyrow.db")
	s := openAt(t, path, nil)
	ts := tokentest.Tokens(6)
	must(t, s.Add(t.Context(), ts))
	more := dripped(t, s)
	must(t, s.Put(t.Context(), []event.Detection{seen(&ts[2], time.Now(), event.ChannelRow)}, nil))
	must(t, s.Close())
	// Back to what the migrations before had made.
	raw, err := sql.Open("sqlite", "file:"+path)
	must(t, err)
	_, err = raw.Exec(`ALTER TABLE token DROP COLUMN copy; ALTER TABLE token DROP COLUMN source; DROP TABLE deployment; DROP TABLE source; DROP TABLE quarantine; DROP TABLE quarantine_version; DROP TABLE drip_row; DROP TABLE drip; DROP TABLE honey_row; DROP TABLE sighting; DROP TABLE log; DROP INDEX token_until; ALTER TABLE token DROP COLUMN until; PRAGMA user_version = 2`)
	must(t, errors.Join(err, raw.Close()))
	s = openAt(t, path, nil)
	l := lookup(t, s, ts[2].Value)
	if len(l) != 1 || l[0].RowNumber != 2 || l[0].Reads != 1 || l[0].Copy != "" || l[0].Owner != "" {
		t.Errorf("got %+v, want row 2, read once, of no copy and this registry's own", l)
	}
	before := map[string]bool{}
	for i := range ts {
		before[ts[i].Deployment] = true
	}
	numbered(t, s, more, len(before)+1)
}

// dripped plants rows of two deployments by turns, each at a time of its own.
func dripped(t *testing.T, s *Store) []token.Token {
	ts := tokentest.Tokens(12)
	for i := range ts {
		ts[i].Value = fmt.Sprintf("drop%d@decoy.example", i)
		ts[i].Deployment = []string{"zeta", "alpha"}[i/2%2]
		ts[i].PlantedAt = time.Now().Add(time.Duration(i) * time.Hour)
	}
	must(t, s.Add(t.Context(), ts[:5]))
	must(t, s.Add(t.Context(), ts[5:]))
	return ts
}

func numbered(t *testing.T, s *Store, ts []token.Token, first int) {
	t.Helper()
	for i := range ts {
		want := first
		if ts[i].Deployment == "alpha" {
			want++
		}
		if l := lookup(t, s, ts[i].Value); len(l) != 1 || l[0].DeploymentNumber != want {
			t.Errorf("token %d of %s: got %+v, want deployment %d", i, ts[i].Deployment, l, want)
		}
	}
}

func TestDeploymentsAreNumberedAsTheyBeganHoweverOftenEachGoesOn(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "honeyrow.db"), nil)
	numbered(t, s, dripped(t, s), 1)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// BenchmarkLookup is `honeyrow tokens where`, without opening the file.
func BenchmarkLookup(b *testing.B) {
	sizes := []int{10_000}
	if os.Getenv("HONEYROW_BENCH_LARGE") != "" { // takes two minutes to fill
		sizes = append(sizes, 1_000_000)
	}
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := openAt(b, filepath.Join(b.TempDir(), "honeyrow.db"), nil)
			for done := 0; done < n; done += 10_000 {
				ts := tokentest.Tokens(10_000)
				for i := range ts {
					ts[i].Value = fmt.Sprintf("user%d@decoy.example", done+i)
				}
				must(b, s.Add(b.Context(), ts))
			}
			many := tokentest.Tokens(min(n, 5000))
			for i := range many {
				many[i].Value = "Maria"
			}
			must(b, s.Add(b.Context(), many))
			look := func(b *testing.B, lives int, value func(i int) string) {
				for i := 0; b.Loop(); i++ {
					ls, _, err := s.Lookup(b.Context(), 20, token.Forms(value(i))...)
					if err != nil || len(ls) != lives {
						b.Fatal(len(ls), err)
					}
				}
			}
			b.Run("one row's", func(b *testing.B) {
				look(b, 1, func(i int) string { return fmt.Sprintf(" User%d@decoy.example ", i*7919%n) })
			})
			b.Run("of 5000 rows", func(b *testing.B) { look(b, 20, func(int) string { return "Maria" }) })
		})
	}
}
