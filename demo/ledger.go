package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"honeyrow/event"
)

// ledger reads alerts as they come, one JSON line each. A detection may come in several
// revisions, one line each; the highest counts.
type ledger struct {
	name string // for errors
	// more returns what follows the first offset bytes.
	more    func(offset int64) ([]byte, error)
	offset  int64
	rest    []byte // of a line that is not complete yet
	order   []event.ID
	entries map[event.ID]*entry
}

// entry is one detection as known so far.
type entry struct {
	d     event.Detection
	first time.Time // when its first line was read
	lines int
	act   int // index of the act that it belongs to, -1: none
}

// newLedger reads an alert file.
func newLedger(path string) *ledger {
	return &ledger{name: path, entries: map[event.ID]*entry{}, more: func(offset int64) ([]byte, error) {
		f, err := os.Open(path)
		if os.IsNotExist(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if _, err := f.Seek(offset, io.SeekStart); err != nil {
			return nil, err
		}
		return io.ReadAll(f)
	}}
}

// read takes in what was added.
func (l *ledger) read() error {
	b, err := l.more(l.offset)
	if err != nil {
		return err
	}
	now := time.Now()
	l.offset += int64(len(b))
	b = append(l.rest, b...)
	for {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			l.rest = bytes.Clone(b)
			return nil
		}
		if err := l.add(b[:end], now); err != nil {
			return err
		}
		b = b[end+1:]
	}
}

func (l *ledger) add(line []byte, now time.Time) error {
	var d event.Detection
	if err := json.Unmarshal(line, &d); err != nil {
		return fmt.Errorf("%s: %w in %q", l.name, err, line)
	}
	if d.Schema != event.Schema || d.ID == "" || d.Revision < 1 {
		return fmt.Errorf("%s: a line that is no detection: %q", l.name, line)
	}
	e := l.entries[d.ID]
	if e == nil {
		e = &entry{first: now, act: -1}
		l.entries[d.ID] = e
		l.order = append(l.order, d.ID)
	}
	e.lines++
	if d.Revision >= e.d.Revision {
		e.d = d
	}
	return nil
}

// during reads while play runs, so that each detection's time of
// arrival is known.
func (l *ledger) during(play func() (string, error)) (got string, err error) {
	done := make(chan struct{})
	go func() { // ends with play
		defer close(done)
		got, err = play()
	}()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return got, err
		case <-tick.C:
			if e := l.read(); e != nil {
				<-done
				return got, errors.Join(err, e)
			}
		}
	}
}

// free returns the detections that no act has claimed, oldest first.
func (l *ledger) free() []*entry {
	var out []*entry
	for _, id := range l.order {
		if e := l.entries[id]; e.act < 0 {
			out = append(out, e)
		}
	}
	return out
}

// await reads until every expectation is met by a detection of its
// own whose run has ended, and claims those for the act. After the patience
// it returns what is missing.
func (l *ledger) await(ctx context.Context, act int, want []expectation, patience time.Duration) ([]*entry, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := l.read(); err != nil {
			return nil, err
		}
		found, missing := pair(want, l.free())
		if missing == "" {
			for _, e := range found {
				e.act = act
			}
			return found, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			for _, e := range found {
				e.act = act
			}
			return found, fmt.Errorf("after %s: %s", patience, missing)
		}
	}
}

// telling returns the alert of the same statement's read that tells what gave
// the client away.
func telling(w expectation, es []*entry) *entry {
	w.suspected = false
	for _, e := range es {
		if w.meets(&e.d) == "" && len(e.d.Findings) > 0 && len(e.d.Reach) > 0 && e.d.Run.Done {
			return e
		}
	}
	return nil
}

// pair gives each expectation a detection of its own, and says what is missing.
func pair(want []expectation, have []*entry) (found []*entry, missing string) {
	taken := map[*entry]bool{}
	for _, w := range want {
		why := "no detection came"
		var mine *entry
		for _, e := range have {
			if taken[e] {
				continue
			}
			differs := w.meets(&e.d)
			if differs == "" && !w.suspected && !e.d.Run.Done {
				differs = "its run has not ended"
			}
			if differs == "" {
				mine = e
				break
			}
			why = "a detection came, but " + differs
		}
		if mine == nil && w.suspected {
			// A suspicion that goes on since an earlier story is no new alert, and what is
			// understood only when the first row has come is told with it.
			if mine = telling(w, have); mine != nil {
				found = append(found, mine)
				continue
			}
		}
		if mine == nil {
			if missing == "" {
				missing = fmt.Sprintf("expected %s by %s (%s) on %s: %s", read, w.user, w.application, w.table, why)
			}
			continue
		}
		taken[mine] = true
		found = append(found, mine)
	}
	return found, missing
}
