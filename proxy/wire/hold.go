package wire

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// What becomes of a result that outgrows its hold, or takes longer.
const (
	// BeyondPass lets what was held leave and the rest pass as it comes: a
	// refusal from then on finds a part of the result gone.
	BeyondPass = "pass"
	// BeyondRefuse refuses the result.
	BeyondRefuse = "refuse"
)

// holdMax bounds HoldConfig.Size: each session may hold as much.
const holdMax = 64 << 20

// HoldConfig says how much of a result is kept back until it is known to be
// harmless, so that of one that is refused nothing has left.
type HoldConfig struct {
	// Size is in bytes (64 KiB); 0 holds nothing: what was let through before
	// the refused row is gone, as in detect mode.
	Size int `yaml:"size"`
	// Beyond says what becomes of a larger or slower result: pass (default) or refuse.
	Beyond string `yaml:"beyond"`
	// Time is how long the beginning of a result waits for its end (5 s).
	Time time.Duration `yaml:"time"`
}

// SetDefaults fills what was left empty. Beyond tells whether it has been here
// before: a Size of 0 that was set since stays.
func (c *HoldConfig) SetDefaults() {
	if c.Beyond != "" {
		return
	}
	c.Beyond = BeyondPass
	if c.Size == 0 {
		c.Size = 64 << 10
	}
	if c.Time == 0 {
		c.Time = 5 * time.Second
	}
}

// Validate checks a HoldConfig that has its defaults.
func (c *HoldConfig) Validate() error {
	switch {
	case c.Size < 0 || c.Size > holdMax:
		return fmt.Errorf("hold.size %d is not between 0 and %d: each session may hold as much", c.Size, holdMax)
	case c.Beyond != BeyondPass && c.Beyond != BeyondRefuse:
		return fmt.Errorf("hold.beyond %q is unknown: use pass or refuse", c.Beyond)
	case c.Time <= 0:
		return errors.New("hold.time must be more than 0: a slow result would be held for ever; use a duration such as 5s")
	}
	return nil
}

// HoldCounters are totals over sessions; any field may be read at any time.
type HoldCounters struct {
	Exceeded atomic.Uint64 // results larger than the hold
	Overdue  atomic.Uint64 // results slower than the hold's time
	Withheld atomic.Uint64 // refused results of which nothing has left
	// TooLarge and TooSlow are those of Exceeded and Overdue that were refused;
	// the others have passed.
	TooLarge, TooSlow atomic.Uint64
	// Bytes are kept back now.
	Bytes atomic.Int64
}

// Hold is a flow's account of the result that is kept back: a result is what
// lies between Begin and End in the server's stream. The bytes themselves stay
// in the pump's buffer (see Step.Hold). It belongs to the server's goroutine;
// the zero Hold holds nothing.
type Hold struct {
	size   int
	refuse bool
	count  *HoldCounters

	active bool // what passes is kept back
	loose  bool // the result went beyond and passes as a stream up to its end
	kept   int  // bytes kept from earlier chunks
	from   int  // where in this chunk the result begins; 0 if it began before
}

// NewHold returns a Hold that counts in n.
func NewHold(c HoldConfig, n *HoldCounters) Hold {
	return Hold{size: c.Size, refuse: c.Beyond == BeyondRefuse, count: n}
}

// Active reports whether a result is being kept back.
func (h *Hold) Active() bool { return h.active }

// Begin notes that a result begins off bytes into the chunk. It reports whether
// that is kept back: not if another is, nor the rest of one that went beyond.
func (h *Hold) Begin(off int) bool {
	if h.size == 0 || h.active || h.loose {
		return false
	}
	h.active, h.from = true, off
	return true
}

// End notes that the result is over: the next Step lets it leave.
func (h *Hold) End() {
	h.keep(0)
	h.active, h.loose, h.from = false, false, 0
}

// keep notes how many bytes are kept from earlier chunks.
func (h *Hold) keep(n int) {
	if n != h.kept {
		h.count.Bytes.Add(int64(n - h.kept))
		h.kept = n
	}
}

// Exceeds reports whether the result, up to off bytes into the chunk, must be
// refused for its size. It does not depend on how the stream was cut into chunks.
func (h *Hold) Exceeds(off int) bool { return h.active && h.refuse && h.over(off) }

func (h *Hold) over(off int) bool { return h.kept+off-h.from > h.size }

// Settle completes a Step that refuses nothing: of what passes, the result
// stays back as long as it fits.
func (h *Hold) Settle(s Step) Step {
	if !h.active {
		return s
	}
	if h.over(s.Pass) {
		h.count.Exceeded.Add(1)
		h.release()
		return s
	}
	h.keep(h.kept + s.Pass - h.from)
	h.from = 0
	s.Hold = h.kept
	return s
}

// Withdraw completes a Step that refuses the result, in whose place Inject
// goes: nothing of it leaves.
func (h *Hold) Withdraw(s Step) Step {
	if !h.active {
		return s
	}
	if h.Exceeds(s.Pass) {
		h.count.Exceeded.Add(1)
		h.count.TooLarge.Add(1)
	}
	h.count.Withheld.Add(1)
	s.Discard = h.kept > 0
	s.Skip += s.Pass - h.from
	s.Pass = h.from
	h.End()
	return s
}

// Late notes that the result took longer than may be. It reports whether that
// refuses it; else the rest of it passes as it comes.
func (h *Hold) Late() (refuse bool) {
	h.count.Overdue.Add(1)
	if h.refuse {
		h.count.TooSlow.Add(1)
	} else {
		h.release()
	}
	return h.refuse
}

func (h *Hold) release() {
	h.End()
	h.loose = true
}
