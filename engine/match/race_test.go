//go:build race

package match

// underRace: sync.Pool forgets a quarter of what it is given, at random.
const underRace = true
