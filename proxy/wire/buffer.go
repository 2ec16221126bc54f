package wire

import (
	"math/bits"
	"sync"
)

// Buffer sizes in bytes. A session that waits holds none: on a plain socket a
// large one is taken from the pool when the socket has something to read, and
// given back before the goroutine waits again (the bar is 16 KiB for an idle
// session, stacks included). Since the pool hands out the one used last, it is
// also warm. TLS can't tell whether there is something to read: such a session
// waits with a small buffer.
const (
	small = 2 << 10
	large = 64 << 10
)

// pools hold buffers of large bytes, and of twice, four times as many and so on:
// for frames that are held whole, and results that are kept back.
var pools [7]sync.Pool

// block is a buffer of a pool.
type block struct {
	class int
	b     []byte
}

// borrow returns a buffer of at least n bytes; nil if the pools have none so large.
func borrow(n int) *block {
	class := bits.Len(uint(max(n, 1)-1) / large)
	if class >= len(pools) {
		return nil
	}
	if k, ok := pools[class].Get().(*block); ok {
		return k
	}
	return &block{class, make([]byte, large<<class)}
}

// buffer is one direction's bytes, data[off:end]. The first held of them have
// been shown to the flow and are kept back; the rest waits to be shown.
type buffer struct {
	pooled   *block // data's block, if it is from a pool
	spare    []byte // keeps the part of a frame that a wait interrupts
	data     []byte
	off, end int
	held     int
}

// bytes are those that wait to be shown.
func (b *buffer) bytes() []byte { return b.data[b.off+b.held : b.end] }
func (b *buffer) len() int      { return b.end - b.off - b.held }
func (b *buffer) free() int     { return len(b.data) - b.end }

// drop forgets n bytes from the front.
func (b *buffer) drop(n int) {
	b.off += n
	if b.off == b.end {
		b.off, b.end = 0, 0
	}
}

// skip forgets the first n bytes that wait to be shown.
func (b *buffer) skip(n int) {
	if b.held == 0 {
		b.drop(n)
		return
	}
	at := b.off + b.held
	b.end -= len(b.data[at:b.end]) - copy(b.data[at:], b.data[at+n:b.end])
}

// reserve makes the buffer hold at least need bytes besides those held, with
// room to read at least one. need of 0 asks for any room.
func (b *buffer) reserve(need int) {
	n := b.end - b.off
	need = max(b.held+need, n+1)
	if need <= len(b.data) {
		// What is left is mostly part of a frame, cheap to move; a read into
		// the little room behind it would cost a system call for nothing.
		if b.off > 0 && (b.free() < len(b.data)/2 || b.off+need > len(b.data)) {
			copy(b.data, b.data[b.off:b.end])
			b.off, b.end = 0, n
		}
		return
	}
	if k := borrow(need); k != nil {
		b.move(k.b, k)
	} else {
		b.move(make([]byte, roundUp(need, large)), nil)
	}
}

// move puts the bytes at the start of to, and gives the old buffer back.
func (b *buffer) move(to []byte, pooled *block) {
	n := copy(to, b.data[b.off:b.end])
	if b.pooled != nil {
		pools[b.pooled.class].Put(b.pooled)
	}
	b.data, b.pooled, b.off, b.end = to, pooled, 0, n
}

// release gives everything back, whatever it holds.
func (b *buffer) release() {
	b.held = 0
	b.move(nil, nil)
}

// rest gives the pooled buffer back before a long wait. A part of a frame is
// kept in a buffer of its own size, which a session allocates once; a part so
// large that nothing would be gained stays where it is, and so does a result
// that is kept back, which waits for a limited time.
func (b *buffer) rest() {
	n := b.len()
	switch {
	case b.held > 0:
	case n == 0:
		b.move(nil, nil)
	case b.pooled != nil && n < large/2:
		if len(b.spare) < n {
			b.spare = make([]byte, roundUp(n, 512))
		}
		b.move(b.spare, nil)
	}
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }
