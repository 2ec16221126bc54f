package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/event"
	"honeyrow/token"
)

// spilled returns what the spill hands over.
func spilled(t *testing.T, p *Spill) (ids []event.ID) {
	t.Helper()
	if _, err := p.Replay(func(ds []event.Detection) error {
		for _, d := range ds {
			ids = append(ids, d.ID)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return ids
}

func detections(from, to int) (ds []event.Detection) {
	for i := from; i < to; i++ {
		ds = append(ds, alerttest.Detection(i))
	}
	return ds
}

func TestTheSpillKeepsDetectionsInOrderAndForgetsThemOnceTheyAreTaken(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "honeyrow.db"), nil)
	p := s.Spill("")
	if ids := spilled(t, p); len(ids) != 0 || p.Waiting() != 0 {
		t.Errorf("a spill that is not there holds %d", len(ids))
	}
	ds := detections(0, 600)
	for i := 0; i < len(ds); i += 100 {
		if err := p.Keep(ds[i : i+100]); err != nil {
			t.Fatal(err)
		}
	}
	if st, err := os.Stat(p.Path()); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", st.Mode(), err)
	}
	if b, err := os.ReadFile(p.Path()); err != nil || bytes.Contains(b, []byte(ds[0].ID)) || bytes.Contains(b, []byte("SELECT")) {
		t.Errorf("the spill tells what is in it (%v)", err)
	}
	other := s.Spill("") // as after a restart
	if other.Waiting() != 600 {
		t.Errorf("%d wait, want 600", other.Waiting())
	}
	taken := 0
	if n, err := other.Replay(func(ds []event.Detection) error {
		if taken += len(ds); taken > 256 {
			return errors.New("still locked")
		}
		return nil
	}); err == nil || n != 256 || other.Waiting() != 600 {
		t.Errorf("taken in part: %d, %v, %d wait; want 256, an error and all 600", n, err, other.Waiting())
	}
	ids := spilled(t, other)
	for i := range ids {
		if ids[i] != ds[i].ID {
			t.Fatalf("detection %d is out of its order", i)
		}
	}
	if len(ids) != 600 || p.Waiting() != 0 {
		t.Errorf("%d handed over, %d wait; want 600 and 0", len(ids), p.Waiting())
	}
}

func TestARecordThatACrashCutShortCostsNothingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "honeyrow.db")
	s := openAt(t, path, nil)
	for _, tc := range []struct {
		name  string
		harm  func([]byte) []byte
		want  int // detections that are left of two, and one that is kept afterwards
		bad   int // records that do not open
		stray bool
	}{
		{"cut in the last record", func(b []byte) []byte { return b[:len(b)-5] }, 2, 1, false},
		{"cut in a mark", func(b []byte) []byte { return append(b, "Hone"...) }, 3, 0, true},
		{"cut in a length", func(b []byte) []byte { return append(b, "HoneySpl\x00\x00"...) }, 3, 0, true},
		{"a length beyond all bounds", func(b []byte) []byte { return append(b, 0xff, 0xff, 0xff, 0xff, 'x') }, 3, 0, true},
		{"a changed byte", func(b []byte) []byte { b[20] ^= 1; return b }, 2, 1, false},
		{"the first length is too large", func(b []byte) []byte { b[len(spillMark)] ^= 0xff; return b }, 2, 0, true},
		{"the first length is larger", func(b []byte) []byte { b[len(spillMark)+3] ^= 0x80; return b }, 2, 1, false},
		{"the first mark is gone", func(b []byte) []byte { copy(b, "\xff\xff\xff\xff"); return b }, 2, 0, true},
		{"nothing but rubbish", func([]byte) []byte { return bytes.Repeat([]byte{0xa5}, 100) }, 1, 0, true},
		{"nothing is wrong", func(b []byte) []byte { return b }, 3, 0, false},
		{"a file of before the marks", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(spillMark), nil) }, 3, 0, false},
	} {
		p := s.Spill(filepath.Join(t.TempDir(), "spill"))
		if err := p.Keep(detections(0, 2)); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(p.Path())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p.Path(), tc.harm(b), 0o600); err != nil {
			t.Fatal(err)
		}
		p = s.Spill(p.Path()) // a new process
		if p.Waiting() == 0 {
			t.Errorf("%s: nothing waits", tc.name)
		}
		if err := p.Keep(detections(2, 3)); err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		got := 0
		_, err = p.Replay(func(ds []event.Detection) error { got += len(ds); return nil })
		damaged, ok := errors.AsType[*alert.SpillDamaged](err)
		if ok != (tc.bad > 0 || tc.stray) || !ok && err != nil || ok && (damaged.Records != tc.bad || (damaged.Bytes > 0) != tc.stray) {
			t.Errorf("%s: %v; want %d records that do not open, stray bytes %t", tc.name, err, tc.bad, tc.stray)
		}
		if got != tc.want || p.Waiting() != 0 {
			t.Errorf("%s: %d detections, %d wait; want %d and none", tc.name, got, p.Waiting(), tc.want)
		}
		aside, _ := filepath.Glob(p.Path() + ".damaged-*")
		if (err != nil) != (len(aside) == 1) {
			t.Errorf("%s: %v, put aside: %v", tc.name, err, aside)
		}
	}
}

func FuzzASpillOfAnyBytesGivesWhatIsWhole(f *testing.F) {
	s := openAt(f, filepath.Join(f.TempDir(), "honeyrow.db"), nil)
	f.Add([]byte(nil), []byte(nil))
	f.Add([]byte("HoneySpl\x00\x00\x00\x10"), []byte("HoneySplHoneySpl"))
	f.Add([]byte{0, 0, 0, 1, 'x'}, []byte{0xff})
	d := detections(0, 1)
	f.Fuzz(func(t *testing.T, before, after []byte) {
		p := s.Spill(filepath.Join(t.TempDir(), "spill"))
		if err := os.WriteFile(p.Path(), before, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.Keep(d); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(p.Path())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p.Path(), append(b, after...), 0o600); err != nil {
			t.Fatal(err)
		}
		got := 0
		_, err = p.Replay(func(ds []event.Detection) error { got += len(ds); return nil })
		if _, damaged := errors.AsType[*alert.SpillDamaged](err); got != 1 || damaged != (len(before)+len(after) > 0) || err != nil && !damaged {
			t.Errorf("%d detections, %v", got, err)
		}
	})
}

// syncLog takes log lines from several goroutines.
type syncLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *syncLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *syncLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// trouble is one way in which the database fails, and its end.
type trouble struct {
	name  string
	begin func(t *testing.T, path string, s *Store)
	end   func(t *testing.T, path string, s *Store)
	says  string // in the log
}

// exec runs SQL on the store's own writing connection.
func (s *Store) exec(t *testing.T, sql string) {
	t.Helper()
	if _, err := s.full.Exec(sql); err != nil {
		t.Fatal(err)
	}
}

// Whatever is wrong with the database, detections wait where kill -9 does not
// reach them, and each is delivered once it is put right.
func TestWhatCanNotBeCommittedIsKeptAndDelivered(t *testing.T) {
	var release func() error
	for _, f := range []trouble{
		{
			"full disk",
			func(t *testing.T, _ string, s *Store) {
				var pages int
				if err := s.full.QueryRow("PRAGMA page_count").Scan(&pages); err != nil {
					t.Fatal(err)
				}
				s.exec(t, fmt.Sprintf("PRAGMA max_page_count = %d", pages))
			},
			func(t *testing.T, _ string, s *Store) { s.exec(t, "PRAGMA max_page_count = 1000000") }, "free space",
		},
		{
			"read-only file system",
			func(t *testing.T, _ string, s *Store) { s.exec(t, "PRAGMA query_only = 1") },
			func(t *testing.T, _ string, s *Store) { s.exec(t, "PRAGMA query_only = 0") }, "let the user who runs honeyrow write",
		},
		{
			"another process's lock",
			func(t *testing.T, path string, _ *Store) {
				other := openAt(t, path, nil)
				tx, err := other.full.Begin()
				if err != nil {
					t.Fatal(err)
				}
				release = tx.Rollback
			},
			func(t *testing.T, _ string, _ *Store) {
				if err := release(); err != nil {
					t.Fatal(err)
				}
			}, "fuser",
		},
	} {
		for _, dies := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, process dies meanwhile: %t", f.name, dies), func(t *testing.T) {
				suffer(t, f, dies)
			})
		}
	}
}

func suffer(t *testing.T, f trouble, dies bool) {
	path := filepath.Join(t.TempDir(), "honeyrow.db")
	open := func() *Store {
		s, err := Open(t.Context(), Options{Path: path, Key: testKey, Busy: 100 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	s := open()
	var log syncLog
	told := make(chan error, 100)
	c := counter{&atomic.Int64{}, make(chan struct{}, 1000)}
	work := func(s *Store) (*alert.Desk, context.CancelFunc, chan error) {
		desk := alert.NewDesk(s, []alert.Route{{Sink: c}}, alert.DefaultConfig(), zerolog.New(&log),
			alert.DeskOptions{Spill: s.Spill(""), Trouble: func(err error) { told <- err }})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- desk.Run(ctx, 100*time.Millisecond) }() // ends with cancel
		return desk, cancel, done
	}
	desk, cancel, done := work(s)
	desk.Report(alerttest.Detection(0))
	<-c.done
	f.begin(t, path, s)
	for i := range 20 {
		desk.Report(alerttest.Detection(1 + i))
	}
	if err := <-told; err == nil {
		t.Error("trouble is told as none")
	}
	p := s.Spill("")
	for p.Waiting() < 20 {
		if t.Context().Err() != nil {
			t.Fatal("20 detections are not in the spill")
		}
		time.Sleep(time.Millisecond) // the file has no event of its own
	}
	if !strings.Contains(log.String(), f.says) || !strings.Contains(log.String(), p.Path()) {
		t.Errorf("the log says %s\nwant %q and the spill's path", log.String(), f.says)
	}
	if dies { // what a killed process leaves is what an ended one that cannot write leaves
		cancel()
		if err := <-done; err != nil && !strings.Contains(err.Error(), "not committed") {
			t.Error(err)
		}
		f.end(t, path, s)
		s = open()
		_, cancel, done = work(s)
	} else {
		f.end(t, path, s)
		if err := <-told; err != nil {
			t.Errorf("the end of the trouble is told as %v", err)
		}
	}
	for range 20 {
		<-c.done
	}
	es, err := s.Detections(t.Context(), alert.Query{})
	if err != nil || len(es) != 21 || p.Waiting() != 0 {
		t.Fatalf("%d committed, %d in the spill, %v; want 21 and none", len(es), p.Waiting(), err)
	}
	for i, e := range es {
		if e.Detection.Summary != alerttest.Detection(i).Summary {
			t.Errorf("entry %d is out of its order", i)
		}
	}
	if a, err := s.Verify(t.Context(), nil); err != nil || a.Broken != nil {
		t.Errorf("audit: %+v, %v", a.Broken, err)
	}
	cancel()
	<-done
}

func TestAClockThatIsSetBackDelaysNothing(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	s := openAt(t, filepath.Join(t.TempDir(), "honeyrow.db"), clock)
	beat := func() {
		t.Helper()
		if err := s.Beat(t.Context(), token.Watcher{ID: "w", Host: "h", PID: 1, Servers: []string{"crm"}, Version: 1}); err != nil {
			t.Fatal(err)
		}
	}
	due := func() int {
		t.Helper()
		ds, err := s.Due(t.Context(), "file", now, 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(ds)
	}
	beat()
	if err := s.Put(t.Context(), detections(0, 2), []string{"file"}); err != nil {
		t.Fatal(err)
	}
	ds, err := s.Due(t.Context(), "file", now, 10)
	if err != nil || len(ds) != 2 {
		t.Fatal(len(ds), err)
	}
	for _, d := range ds {
		if err := s.Settle(t.Context(), d, errors.New("down"), now.Add(10*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(time.Minute)
	beat()
	if n := due(); n != 0 {
		t.Errorf("%d due before their time", n)
	}
	now = now.Add(-3 * time.Hour)
	if ws, err := s.Watchers(t.Context()); err != nil || len(ws) != 0 {
		t.Errorf("a sign of life from the future counts: %+v, %v", ws, err)
	}
	beat()
	if n := due(); n != 2 {
		t.Errorf("%d due after the clock was set back, want 2", n)
	}
	if ws, err := s.Watchers(t.Context()); err != nil || len(ws) != 1 {
		t.Errorf("after a new sign of life: %+v, %v", ws, err)
	}
	if err := s.Put(t.Context(), detections(2, 3), []string{"file"}); err != nil {
		t.Fatal(err)
	}
	if ds, err = s.Due(t.Context(), "file", now, 10); err != nil || len(ds) != 3 || ds[2].Detection.Summary != alerttest.Detection(2).Summary {
		t.Errorf("%d due in their order, %v; want 3", len(ds), err)
	}
}

// A database that is damaged under a running proxy: from the moment in which SQLite
// sees it, detections go into the spill; with a backup in its place they are
// delivered.
func TestADamagedDatabaseSendsDetectionsIntoTheSpill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "honeyrow.db")
	s := openAt(t, path, nil)
	if err := s.Put(t.Context(), detections(0, 1), nil); err != nil {
		t.Fatal(err)
	}
	backup := path + ".backup"
	s.exec(t, "VACUUM INTO '"+backup+"'")
	for _, name := range []string{path, path + "-wal"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := 4096; i < len(b); i++ {
			b[i] = 0xa5
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.exec(t, "PRAGMA shrink_memory") // what is cached is read again
	var log syncLog
	run := func(s *Store, sinks []alert.Route) (*alert.Desk, context.CancelFunc, chan error) {
		desk := alert.NewDesk(s, sinks, alert.DefaultConfig(), zerolog.New(&log), alert.DeskOptions{Spill: s.Spill("")})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- desk.Run(ctx, 100*time.Millisecond) }() // ends with cancel
		return desk, cancel, done
	}
	desk, cancel, done := run(s, nil)
	for i := range 20 {
		desk.Report(alerttest.Detection(1 + i))
	}
	p := s.Spill("")
	for p.Waiting() < 20 {
		if t.Context().Err() != nil {
			t.Fatal("the spill does not get them")
		}
		time.Sleep(time.Millisecond) // the file has no event of its own
	}
	cancel()
	<-done // its last try fails too
	if !strings.Contains(log.String(), "restore a backup") || !strings.Contains(log.String(), "keep the file") {
		t.Errorf("the log says %s", log.String())
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		_ = os.Remove(name)
	}
	if err := os.Rename(backup, path); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, path, nil)
	c := counter{&atomic.Int64{}, make(chan struct{}, 100)}
	_, cancel, done = run(s, []alert.Route{{Sink: c}})
	for range 20 {
		<-c.done
	}
	cancel()
	<-done
	if es, err := s.Detections(t.Context(), alert.Query{}); err != nil || len(es) != 21 || p.Waiting() != 0 {
		t.Errorf("%d committed, %d in the spill, %v; want 21 and none", len(es), p.Waiting(), err)
	}
}

// A second place helps out while the first can't be written; nothing overtakes what
// waits there.
func TestASecondSpillHelpsOutAndKeepsTheOrder(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, filepath.Join(dir, "honeyrow.db"), nil)
	first, second := s.Spill(filepath.Join(dir, "gone", "spill")), s.Spill(filepath.Join(dir, "second"))
	both := alert.Spills(first, second)
	ds := detections(0, 7)
	keep := func(from, to int) {
		t.Helper()
		if err := both.Keep(ds[from:to]); err != nil {
			t.Fatal(err)
		}
	}
	if both.Waiting() != 0 || both.Path() != first.Path()+", "+second.Path() {
		t.Errorf("empty: %d wait in %s", both.Waiting(), both.Path())
	}
	keep(0, 2) // there is no folder for the first
	if err := os.Mkdir(filepath.Join(dir, "gone"), 0o700); err != nil {
		t.Fatal(err)
	}
	keep(2, 4) // now there is, but those before wait elsewhere
	if first.Waiting() != 0 || second.Waiting() != 4 || both.Waiting() != 4 || both.Path() != second.Path() {
		t.Errorf("%d and %d wait, %d in all, in %s", first.Waiting(), second.Waiting(), both.Waiting(), both.Path())
	}
	var got []event.ID
	put := func(ds []event.Detection) error {
		for _, d := range ds {
			got = append(got, d.ID)
		}
		return nil
	}
	if n, err := both.Replay(put); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	keep(4, 5)
	if first.Waiting() != 1 || second.Waiting() != 0 {
		t.Errorf("all is well again: %d and %d wait", first.Waiting(), second.Waiting())
	}
	if err := os.Rename(filepath.Join(dir, "gone"), filepath.Join(dir, "away")); err != nil {
		t.Fatal(err)
	}
	keep(5, 7)
	if err := os.Rename(filepath.Join(dir, "away"), filepath.Join(dir, "gone")); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(second.Path(), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString("cut short")
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	n, err := both.Replay(put)
	if damaged, ok := errors.AsType[*alert.SpillDamaged](err); !ok || damaged.Bytes != 9 || n != 3 || both.Waiting() != 0 {
		t.Errorf("%d taken, %v, %d wait", n, err, both.Waiting())
	}
	for i := range ds {
		if i >= len(got) || got[i] != ds[i].ID {
			t.Fatalf("detection %d is not in its place: %v", i, got)
		}
	}
	if err := alert.Spills(s.Spill(filepath.Join(dir, "no", "1")), s.Spill(filepath.Join(dir, "no", "2"))).Keep(ds); err == nil {
		t.Error("what fits nowhere is kept")
	}
}
