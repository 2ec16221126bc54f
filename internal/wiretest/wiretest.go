// Package wiretest drives a wire.Flow without sockets: it plays the pump's
// part, one side at a time, with any split of the stream into chunks.
package wiretest

import (
	"fmt"
	"math/rand/v2"

	"honeyrow/proxy/wire"
)

// Driver holds what each side has sent but the flow has not yet taken.
type Driver struct {
	Flow wire.Flow
	// Poison overwrites each chunk after the flow has seen it, so that a slice
	// kept too long shows.
	Poison bool

	// Replies are what the flow has written back to each side.
	Replies [2][]byte

	pending [2][]byte
	held    []byte // of the server's, kept back
	cut     bool
}

// Held is what the flow keeps back of what it has let pass.
func (d *Driver) Held() int { return len(d.held) }

// Wait lets the time of the hold pass and returns what reaches the client.
func (d *Driver) Wait() []byte {
	if len(d.held) == 0 {
		return nil
	}
	step := d.Flow.(wire.Holder).Overdue()
	return d.take(wire.Server, nil, step)
}

// take is what a step lets leave.
func (d *Driver) take(from wire.Side, buf []byte, step wire.Step) []byte {
	if from == wire.Client {
		return append(buf[:step.Pass:step.Pass], step.Inject...)
	}
	if step.Discard {
		d.held = nil
	}
	d.held = append(d.held, buf[:step.Pass]...)
	leave := len(d.held) - step.Hold
	out := append(d.held[:leave:leave], step.Inject...)
	d.held = d.held[leave:]
	return out
}

// Cut reports whether the flow has ended the session.
func (d *Driver) Cut() bool { return d.cut }

// Pending is what the flow holds back of what a side has sent.
func (d *Driver) Pending(from wire.Side) int { return len(d.pending[from]) }

// Feed sends data from a side in one chunk and returns what reaches the other.
func (d *Driver) Feed(from wire.Side, data []byte) ([]byte, error) {
	d.pending[from] = append(d.pending[from], data...)
	var out []byte
	for len(d.pending[from]) > 0 && !d.cut {
		buf := append([]byte(nil), d.pending[from]...)
		step, err := d.Flow.Chunk(from, buf)
		if err != nil {
			return out, err
		}
		if step.Pass+step.Skip > len(buf) || step.Pass < 0 || step.Skip < 0 {
			return out, fmt.Errorf("step %+v over a chunk of %d bytes", step, len(buf))
		}
		if step.Hold > 0 && (from == wire.Client || len(step.Inject)+len(step.Reply) > 0) {
			return out, fmt.Errorf("step %+v keeps back what it can't", step)
		}
		out = append(out, d.take(from, buf, step)...)
		d.Replies[from] = append(d.Replies[from], step.Reply...)
		if d.Poison {
			for i := range buf {
				buf[i] = 0xA5
			}
		}
		d.pending[from] = d.pending[from][step.Pass+step.Skip:]
		d.cut = step.Cut
		if step.Pass+step.Skip == 0 && len(step.Inject) == 0 {
			break
		}
		if step.Need > len(d.pending[from]) {
			break
		}
	}
	return out, nil
}

// FeedSplit is Feed in chunks of random lengths from 1 to longest.
func (d *Driver) FeedSplit(r *rand.Rand, from wire.Side, data []byte, longest int) ([]byte, error) {
	var out []byte
	for len(data) > 0 {
		n := min(1+r.IntN(longest), len(data))
		got, err := d.Feed(from, data[:n])
		out = append(out, got...)
		if err != nil {
			return out, err
		}
		data = data[n:]
	}
	return out, nil
}
