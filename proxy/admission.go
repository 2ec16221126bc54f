package proxy

import "sync"

// admission counts connections against a listener's limits.
type admission struct {
	mu   sync.Mutex
	all  int
	from map[string]int
}

// place is what one connection takes up in an admission.
type place struct {
	in   bool
	host string
}

// enter takes a place unless max are taken (0: no limit).
func (p *place) enter(a *admission, max int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if max > 0 && a.all >= max {
		return false
	}
	a.all++
	p.in = true
	return true
}

// enterFrom takes a place for the address's host unless max are taken. Unix
// sockets have no host.
func (p *place) enterFrom(a *admission, address string, max int) bool {
	if address == "unix" {
		return true
	}
	h := host(address)
	a.mu.Lock()
	defer a.mu.Unlock()
	if max > 0 && a.from[h] >= max {
		return false
	}
	if a.from == nil {
		a.from = make(map[string]int)
	}
	a.from[h]++
	p.host = h
	return true
}

// leave gives back what was taken.
func (p *place) leave(a *admission) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p.in {
		a.all--
	}
	if p.host == "" {
		return
	}
	if a.from[p.host]--; a.from[p.host] <= 0 {
		delete(a.from, p.host)
	}
}
