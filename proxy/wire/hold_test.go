package wire

import (
	"testing"
	"time"
)

func TestWhatIsKeptBackIsCountedUntilItLeavesOrGoes(t *testing.T) {
	for _, beyond := range []string{BeyondPass, BeyondRefuse} {
		var n HoldCounters
		h := NewHold(HoldConfig{Size: 10, Beyond: beyond, Time: time.Second}, &n)
		bytes := func(what string, want int64) {
			t.Helper()
			if got := n.Bytes.Load(); got != want {
				t.Errorf("%s, %s: %d bytes are kept back, want %d", beyond, what, got, want)
			}
		}
		h.Begin(2)
		h.Settle(Step{Pass: 6})
		bytes("the beginning", 4)
		h.Settle(Step{Pass: 3})
		bytes("more of it", 7)
		h.End()
		bytes("its end", 0)
		h.Begin(0)
		h.Settle(Step{Pass: 5})
		h.Withdraw(Step{Pass: 1})
		bytes("a refusal", 0)
		h.Begin(0)
		h.Settle(Step{Pass: 5})
		refuse := h.Late()
		if refuse {
			h.Withdraw(Step{})
		}
		bytes("too slow", 0)
		h.End()
		h.Begin(0)
		if h.Exceeds(20) {
			h.Withdraw(Step{Pass: 20})
		} else {
			h.Settle(Step{Pass: 20})
		}
		bytes("too large", 0)
		refused := uint64(0)
		if beyond == BeyondRefuse {
			refused = 1
		}
		if n.Overdue.Load() != 1 || n.TooSlow.Load() != refused || n.Exceeded.Load() != 1 || n.TooLarge.Load() != refused || n.Withheld.Load() != 1+2*refused {
			t.Errorf("%s: overdue %d (%d refused), exceeded %d (%d refused), withheld %d", beyond, n.Overdue.Load(), n.TooSlow.Load(), n.Exceeded.Load(), n.TooLarge.Load(), n.Withheld.Load())
		}
	}
}
