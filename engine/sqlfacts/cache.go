package sqlfacts

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

const ways = 8

// entry is one shape's facts. It is immutable but for used, which look-ups set
// and the clock clears.
type entry struct {
	key    uint64
	facts  *Facts
	weight int64
	used   atomic.Bool
}

// set is where a key's entry may stand.
type set struct {
	ways [ways]atomic.Pointer[entry]
}

// cache holds facts by key, bounded by number and by weight. Look-ups take no
// lock.
type cache struct {
	sets   []set
	mask   uint64
	most   int64 // weight
	weight atomic.Int64
	count  atomic.Int64

	mu sync.Mutex // writers
}

// newCache makes a cache for about n entries that weigh at most so many bytes.
func newCache(n int, most int64) *cache {
	sets := 1
	for sets*ways < n {
		sets *= 2
	}
	return &cache{sets: make([]set, sets), mask: uint64(sets - 1), most: most}
}

func (c *cache) get(key uint64) *Facts {
	s := &c.sets[key&c.mask]
	for i := range s.ways {
		if e := s.ways[i].Load(); e != nil && e.key == key {
			if !e.used.Load() {
				e.used.Store(true)
			}
			return e.facts
		}
	}
	return nil
}

// put adds facts. What is used least has to go.
func (c *cache) put(key uint64, f *Facts) {
	e := &entry{key: key, facts: f, weight: f.weight()}
	if e.weight > c.most/8 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.sets[key&c.mask]
	at := -1
	for i := range s.ways {
		switch o := s.ways[i].Load(); {
		case o == nil:
			at = i
		case o.key == key:
			return
		}
	}
	if at < 0 {
		at = s.victim()
		c.evict(s, at)
	}
	s.ways[at].Store(e)
	c.count.Add(1)
	c.weight.Add(e.weight)
	for tries := 0; c.weight.Load() > c.most && tries < 1<<16; tries++ {
		o := &c.sets[rand.Uint64()&c.mask]
		v := o.victim()
		if x := o.ways[v].Load(); x != nil && x != e {
			c.evict(o, v)
		}
	}
}

// victim picks a way whose entry was not used since the clock last passed.
func (s *set) victim() int {
	hand := rand.IntN(ways)
	for k := range 2 * ways {
		i := (hand + k) % ways
		if e := s.ways[i].Load(); e != nil && !e.used.Swap(false) {
			return i
		}
	}
	return hand
}

func (c *cache) evict(s *set, i int) {
	if e := s.ways[i].Swap(nil); e != nil {
		c.count.Add(-1)
		c.weight.Add(-e.weight)
	}
}
