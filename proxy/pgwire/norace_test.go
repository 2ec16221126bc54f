//go:build !race

package pgwire

const underRace = false
