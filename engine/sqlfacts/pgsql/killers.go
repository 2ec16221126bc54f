package pgsql

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// maxKillers is how many shapes are remembered; the oldest is forgotten first.
const maxKillers = 1024

// killers remembers the shapes of texts that killed a worker. A surrogate has no
// values in it, so that it is its own shape.
type killers struct {
	seed maphash.Seed
	n    atomic.Int32 // len(set): nearly always 0, and then no lock is taken

	mu   sync.Mutex
	set  map[uint64]struct{}
	ring []uint64 // the same, in the order of their coming, from next
	next int
}

func newKillers() *killers {
	return &killers{seed: maphash.MakeSeed(), set: map[uint64]struct{}{}}
}

func (k *killers) shape(text []byte) uint64 { return maphash.Bytes(k.seed, text) }

func (k *killers) has(shape uint64) bool {
	if k.n.Load() == 0 {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.set[shape]
	return ok
}

func (k *killers) add(shape uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.set[shape]; ok {
		return
	}
	if len(k.ring) < maxKillers {
		k.ring = append(k.ring, shape)
	} else {
		delete(k.set, k.ring[k.next])
		k.ring[k.next] = shape
		k.next = (k.next + 1) % maxKillers
	}
	k.set[shape] = struct{}{}
	k.n.Store(int32(len(k.set)))
}
