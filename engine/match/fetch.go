//go:build amd64 || arm64

package match

// fetch asks for the words of a table that n hashes lead to, each by its bits from
// shift on, and does not wait for them: it is the processor's instruction for
// that, once a hash, which Go has no other way to say. Nothing is read or written,
// and a word that is not there does no harm.
//
//go:noescape
func fetch(table *uint64, hashes *uint64, n int, shift uint64)
