package wire

import "sync"

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

var pool = sync.Pool{New: func() any { return new([large]byte) }}

// buffer is one direction's unread bytes: data[off:end].
type buffer struct {
	pooled   *[large]byte // data's array, if it is from the pool
	spare    []byte       // keeps the part of a frame that a wait interrupts
	data     []byte
	off, end int
}

func (b *buffer) bytes() []byte { return b.data[b.off:b.end] }
func (b *buffer) len() int      { return b.end - b.off }
func (b *buffer) free() int     { return len(b.data) - b.end }

// drop forgets n bytes from the front.
func (b *buffer) drop(n int) {
	b.off += n
	if b.off == b.end {
		b.off, b.end = 0, 0
	}
}

// reserve makes the buffer hold at least need bytes from off on, with room to
// read at least one. need of 0 asks for any room.
func (b *buffer) reserve(need int) {
	n := b.len()
	need = max(need, n+1)
	switch {
	case need <= len(b.data):
		// What is left is mostly part of a frame, cheap to move; a read into
		// the little room behind it would cost a system call for nothing.
		if b.off > 0 && (b.free() < len(b.data)/2 || b.off+need > len(b.data)) {
			copy(b.data, b.data[b.off:b.end])
			b.off, b.end = 0, n
		}
	case need <= large:
		p := pool.Get().(*[large]byte)
		b.move(p[:], p)
	default:
		b.move(make([]byte, roundUp(need, large)), nil)
	}
}

// move puts the unread bytes at the start of to, and gives the old buffer back.
func (b *buffer) move(to []byte, pooled *[large]byte) {
	n := copy(to, b.data[b.off:b.end])
	if b.pooled != nil {
		pool.Put(b.pooled)
	}
	b.data, b.pooled, b.off, b.end = to, pooled, 0, n
}

// rest gives the pooled buffer back before a long wait. A part of a frame is
// kept in a buffer of its own size, which a session allocates once; a part so
// large that nothing would be gained stays where it is.
func (b *buffer) rest() {
	n := b.len()
	switch {
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
