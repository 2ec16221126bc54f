//go:build race

package wire

// underRace: frames are larger.
const underRace = true
