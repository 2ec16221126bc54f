//go:build race

package pgwire

// underRace: sync.Pool forgets a quarter of what it is given, at random.
const underRace = true
