package pgsql

import (
	"strings"

	"honeyrow/engine/sqlfacts"
)

// slotOf returns the slot that a literal of the surrogate stands for: kind is
// String, Number or Hex, text what the parser made of it, without a sign. It is
// -1 for what is no slot: kept literals, and those that the grammar puts in by
// itself, such as the 'year' of EXTRACT.
func slotOf(kind sqlfacts.Kind, text string) int {
	slot, ok := -1, false
	switch kind {
	case sqlfacts.String:
		slot, ok = sqlfacts.SlotOfString(text)
	case sqlfacts.Number:
		slot, ok = sqlfacts.SlotOfNumber(text)
	case sqlfacts.Hex: // "x77359400"; b'..' is written so too
		slot, ok = sqlfacts.SlotOfHex(strings.TrimPrefix(text, "x"))
	}
	if !ok || slot > maxNodes { // so many do not fit into a text
		return -1
	}
	return slot
}
