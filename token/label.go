package token

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// CheckLabel reports whether a copy's or an owner's name (what says which) can
// stand in listings and stories; an empty one can.
func CheckLabel(what, name string) error {
	n := utf8.RuneCountInString(name)
	ok := n <= 64 && utf8.ValidString(name)
	for i, r := range name {
		if !unicode.IsPrint(r) || unicode.IsSpace(r) && (i == 0 || i == len(name)-1) {
			ok = false
		}
	}
	if !ok {
		return fmt.Errorf("%s: a name has up to 64 printable characters, without a space at its ends, such as staging or vendor-acme", what)
	}
	return nil
}
