package engine

import (
	"testing"
	"time"
)

// clockless makes a budget whose debts last: nothing is due for hours.
func clockless() *budget {
	return &budget{share: 0.1, burst: 200 * time.Millisecond, began: time.Now()}
}

func TestEverNewShapesLeaveTheParserToThoseThatComeAgain(t *testing.T) {
	b := clockless()
	if !b.grants(1) {
		t.Fatal("the first shape is refused")
	}
	b.spend(150 * time.Millisecond) // beyond half of the burst
	for shape := range uint64(1000) {
		if b.grants(shape<<40 | shape) {
			t.Fatalf("shape %d is granted though it is new and half of the burst is spent", shape)
		}
	}
	if !b.grants(999<<40 | 999) {
		t.Error("a shape that came again is refused")
	}
	b.spend(100 * time.Millisecond)
	if b.grants(999<<40 | 999) {
		t.Error("a shape is granted though all of the burst is spent")
	}
}

func TestWhatWasSpentIsPaidOff(t *testing.T) {
	b := clockless()
	b.spend(200 * time.Millisecond)
	if got := b.debt(time.Since(b.began)); got < 190*time.Millisecond || got > 200*time.Millisecond {
		t.Errorf("debt %s after 200 ms of parsing", got)
	}
	if got := b.debt(time.Second); got < 90*time.Millisecond || got > 110*time.Millisecond {
		t.Errorf("debt %s a second later at a tenth of a CPU, want 100 ms", got)
	}
	if got := b.debt(time.Hour); got != 0 {
		t.Errorf("debt %s an hour later", got)
	}
	b.began = b.began.Add(-time.Hour)
	if !b.grants(7) {
		t.Error("refused an hour later")
	}
	b.spend(time.Millisecond)
	if got := b.debt(time.Since(b.began)); got > time.Millisecond {
		t.Errorf("debt %s: an idle hour was not forgotten, or counted twice", got)
	}
}
