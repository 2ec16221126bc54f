package engine

import (
	"runtime"
	"sync/atomic"
	"time"
)

// budget bounds the part of the machine that parsing beside the traffic takes:
// a client whose statements never have the same shape twice would otherwise keep
// a parser busy all the time, at several times the cost of what it parses for.
// What is beyond it is judged by its words at once, at a tenth of a parser's
// cost. Half of what may be spent at once is kept for shapes that come again,
// which are worth knowing.
type budget struct {
	share float64       // of one CPU
	burst time.Duration // of parsing that may be spent at once
	began time.Time
	// owed is the moment, since began, at which all that was spent will have
	// been within share.
	owed atomic.Int64
	met  [metShapes]atomic.Uint32
}

const (
	// budgetPart of all CPUs is for parsing beside the traffic.
	budgetPart  = 0.03
	budgetBurst = 100 * time.Millisecond
	metShapes   = 4096
)

func newBudget() *budget {
	return &budget{share: min(budgetPart*float64(runtime.GOMAXPROCS(0)), 0.5), burst: budgetBurst, began: time.Now()}
}

// debt is how much more has been spent than was due by now.
func (b *budget) debt(now time.Duration) time.Duration {
	return time.Duration(float64(max(time.Duration(b.owed.Load())-now, 0)) * b.share)
}

// grants reports whether a statement of that shape may be parsed now.
func (b *budget) grants(shape uint64) bool {
	d := b.debt(time.Since(b.began))
	switch {
	case d <= b.burst/2:
		return true
	case d > b.burst:
		return false
	}
	// Another shape may have the same place and so come later than it could.
	tag := uint32(shape>>32) | 1
	return b.met[shape%metShapes].Swap(tag) == tag
}

// spend notes the time that parsing took.
func (b *budget) spend(took time.Duration) {
	now := int64(time.Since(b.began))
	for {
		owed := b.owed.Load()
		if b.owed.CompareAndSwap(owed, max(owed, now)+int64(float64(took)/b.share)) {
			return
		}
	}
}
