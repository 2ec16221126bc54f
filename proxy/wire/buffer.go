package wire

import "sync"

// Buffer sizes in bytes. A session at rest holds only its two small buffers
// (the bar is 16 KiB for an idle session, stacks included); a stream that
// fills one is moved to a large one from the pool, which it gives back before
// it waits for the peer.
const (
	smallClient = 1 << 10
	smallServer = 2 << 10
	large       = 64 << 10
)

var pool = sync.Pool{New: func() any { return new([large]byte) }}

// buffer is one direction's unread bytes: data[off:end].
type buffer struct {
	small    []byte
	pooled   *[large]byte
	data     []byte
	off, end int
}

func newBuffer(size int) *buffer {
	b := &buffer{small: make([]byte, size)}
	b.data = b.small
	return b
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
		b.move(n, nil)
	default:
		b.move(n, make([]byte, roundUp(need)))
	}
}

// move puts the unread bytes at the start of another buffer: big, or one from the pool.
func (b *buffer) move(n int, big []byte) {
	old := b.pooled
	if big == nil {
		b.pooled = pool.Get().(*[large]byte)
		big = b.pooled[:]
	} else {
		b.pooled = nil
	}
	copy(big, b.data[b.off:b.end])
	b.data, b.off, b.end = big, 0, n
	if old != nil {
		pool.Put(old)
	}
}

// rest gives back what is more than the small buffer, if that holds all
// unread bytes.
func (b *buffer) rest() {
	n := b.len()
	if n >= len(b.small) || &b.data[0] == &b.small[0] {
		return
	}
	copy(b.small, b.data[b.off:b.end])
	b.data, b.off, b.end = b.small, 0, n
	if b.pooled != nil {
		pool.Put(b.pooled)
		b.pooled = nil
	}
}

// isSmall reports whether the resident buffer is in use.
func (b *buffer) isSmall() bool { return len(b.data) == len(b.small) }

func (b *buffer) close() {
	if b.pooled != nil {
		pool.Put(b.pooled)
		b.pooled = nil
	}
	b.data, b.off, b.end = nil, 0, 0
}

func roundUp(n int) int {
	const page = 64 << 10
	return (n + page - 1) / page * page
}
