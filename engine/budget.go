package engine

import (
	"hash/maphash"
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
//
// One client with ever new shapes takes what nobody else wants, and no more: a
// client that has spent little of late is granted beyond what is due, up to
// reserve, and the others wait until that is paid off.
type budget struct {
	share float64       // of one CPU
	burst time.Duration // of parsing that may be spent at once
	began time.Time
	// owed is the moment, since began, at which all that was spent will have
	// been within share.
	owed atomic.Int64
	met  [metShapes]atomic.Uint32
	// accounts are the clients' own debts, as owed, each paid off at a part of
	// share. Clients that have one in common by chance, which nobody can choose,
	// share it.
	seed     maphash.Seed
	accounts [clientAccounts]atomic.Int64
}

const (
	// budgetPart of all CPUs is for parsing beside the traffic.
	budgetPart  = 0.03
	budgetBurst = 100 * time.Millisecond
	metShapes   = 4096
	// clientPart of the budget is one client's own, whatever others spend.
	clientPart     = 0.25
	clientAccounts = 1024
	// reserve is how many times the burst may be owed for clients that have spent
	// little themselves.
	reserve = 3
)

func newBudget() *budget {
	return &budget{share: min(budgetPart*float64(runtime.GOMAXPROCS(0)), 0.5), burst: budgetBurst, began: time.Now(), seed: maphash.MakeSeed()}
}

// account is the client's own.
func (b *budget) account(who *lane) *atomic.Int64 {
	h := maphash.String(b.seed, who.server)*0x9e3779b97f4a7c15 ^ maphash.String(b.seed, who.user)
	h = h*0x9e3779b97f4a7c15 ^ maphash.String(b.seed, who.host)
	return &b.accounts[(h^h>>32)%clientAccounts]
}

// debt is how much more has been spent than was due by now.
func (b *budget) debt(now time.Duration) time.Duration { return debt(&b.owed, now, b.share) }

func debt(owed *atomic.Int64, now time.Duration, share float64) time.Duration {
	return time.Duration(float64(max(time.Duration(owed.Load())-now, 0)) * share)
}

// grants reports whether a client's statement of that shape may be parsed now.
func (b *budget) grants(who *lane, shape uint64) bool {
	now := time.Since(b.began)
	d := b.debt(now)
	switch {
	case d <= b.burst/2:
		return true
	case d <= b.burst*reserve && debt(b.account(who), now, b.share*clientPart) <= time.Duration(float64(b.burst)*clientPart):
		return true
	case d > b.burst:
		return false
	}
	// Another shape may have the same place and so come later than it could.
	tag := uint32(shape>>32) | 1
	return b.met[shape%metShapes].Swap(tag) == tag
}

// spend notes the time that parsing for a client took.
func (b *budget) spend(who *lane, took time.Duration) {
	now := time.Since(b.began)
	charge(&b.owed, now, took, b.share)
	charge(b.account(who), now, took, b.share*clientPart)
}

func charge(owed *atomic.Int64, now, took time.Duration, share float64) {
	for {
		old := owed.Load()
		if owed.CompareAndSwap(old, max(old, int64(now))+int64(float64(took)/share)) {
			return
		}
	}
}
