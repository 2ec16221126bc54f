package engine

import (
	"fmt"
	"hash/maphash"
	"testing"
	"time"
)

var greedy = &lane{"main", "shop", "10.0.0.1"}

// clockless makes a budget whose debts last: however long a busy machine stands
// still, next to nothing is paid off.
func clockless() *budget { return sharing(1e-6) }

// sharing makes a budget of a part of one CPU.
func sharing(share float64) *budget {
	return &budget{share: share, burst: 200 * time.Millisecond, began: time.Now(), seed: maphash.MakeSeed()}
}

func TestEverNewShapesLeaveTheParserToThoseThatComeAgain(t *testing.T) {
	b := clockless()
	if !b.grants(greedy, 1) {
		t.Fatal("the first shape is refused")
	}
	b.spend(greedy, 150*time.Millisecond) // beyond half of the burst
	for shape := range uint64(1000) {
		if b.grants(greedy, shape<<40|shape) {
			t.Fatalf("shape %d is granted though it is new and half of the burst is spent", shape)
		}
	}
	if !b.grants(greedy, 999<<40|999) {
		t.Error("a shape that came again is refused")
	}
	b.spend(greedy, 100*time.Millisecond)
	if b.grants(greedy, 999<<40|999) {
		t.Error("a shape is granted though all of the burst is spent")
	}
}

func TestWhatWasSpentIsPaidOff(t *testing.T) {
	b := sharing(0.1)
	b.spend(greedy, 200*time.Millisecond)
	spent := time.Duration(b.owed.Load()) - 2*time.Second // when: a tenth of a CPU pays it off in 2 s
	if spent < 0 || spent > time.Since(b.began) {
		t.Errorf("spent %s after the beginning", spent)
	}
	if got := b.debt(spent); got != 200*time.Millisecond {
		t.Errorf("debt %s after 200 ms of parsing", got)
	}
	if got := b.debt(spent + time.Second); got != 100*time.Millisecond {
		t.Errorf("debt %s a second later at a tenth of a CPU, want 100 ms", got)
	}
	if got := b.debt(time.Hour); got != 0 {
		t.Errorf("debt %s an hour later", got)
	}
	b.began = b.began.Add(-time.Hour)
	if !b.grants(greedy, 7) {
		t.Error("refused an hour later")
	}
	b.spend(greedy, time.Millisecond)
	if got := b.debt(time.Since(b.began)); got > time.Millisecond {
		t.Errorf("debt %s: an idle hour was not forgotten, or counted twice", got)
	}
}

func TestOneClientWithEverNewShapesTakesTheParserFromNobody(t *testing.T) {
	b := clockless()
	for shape := uint64(1); b.grants(greedy, shape<<40|shape); shape++ {
		b.spend(greedy, 5*time.Millisecond)
		if shape > 1000 {
			t.Fatal("nothing ends what one client may spend")
		}
	}
	served := 0
	for n := range 20 {
		other := &lane{"main", "shop", fmt.Sprintf("10.0.1.%d", n)}
		if b.account(other) == b.account(greedy) {
			continue // by chance
		}
		if b.grants(other, uint64(n)<<50|7) {
			served++
			b.spend(other, 5*time.Millisecond)
		}
	}
	if served < 15 {
		t.Errorf("%d of 20 other clients have their statement parsed", served)
	}
	if b.grants(greedy, 1<<41) {
		t.Error("the greedy one is granted another before the debt is paid off")
	}
	// Very many clients together are bounded as well.
	granted := 0
	for n := range 5000 {
		other := &lane{"main", fmt.Sprint(n), "10.0.2.1"}
		if b.grants(other, uint64(n)<<50|9) {
			granted++
			b.spend(other, 5*time.Millisecond)
		}
	}
	if got := b.debt(time.Since(b.began)); got > reserve*b.burst+5*time.Millisecond {
		t.Errorf("%d clients owe %s together, more than %d times %s", granted, got, reserve, b.burst)
	}
}

func TestAskingTheBudgetAllocatesNothing(t *testing.T) {
	b := clockless()
	n := uint64(0)
	if got := testing.AllocsPerRun(1000, func() {
		n++
		b.grants(greedy, n<<40|n)
		b.spend(greedy, time.Millisecond)
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
