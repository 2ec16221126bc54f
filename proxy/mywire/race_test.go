//go:build race

package mywire

// underRace: sync.Pool forgets a quarter of what it is given, at random.
const underRace = true
