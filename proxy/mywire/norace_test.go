//go:build !race

package mywire

const underRace = false
