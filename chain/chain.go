// Package chain links the entries of an append-only log by keyed hashes, so
// that an entry that was altered, left out, inserted or moved is found, and
// with a Head that was kept elsewhere, a log that was cut at its end too.
//
// Every sum is an HMAC-SHA-256 (RFC 2104) under the log's key over the sum
// before it, the entry's number and what the entry is made of. Whoever can write
// the file but lacks the key cannot make a log that checks. The two logs that
// honeyrow keeps lay that out in two ways, which stay as they are, since sums of
// both stand outside of the database:
//
//	Bytes:  sum before (32), number (8), the entry's bytes
//	Fields: each with its length (8) before it: sum before, number and time (16), the entry's fields
//
// Numbers and lengths are big-endian.
package chain

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Sum is what stands for an entry and all before it. The sum before the first
// entry is zero.
type Sum [sha256.Size]byte

// String returns the sum in hexadecimal digits.
func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// Head names a log's entry and its sum: kept apart from the log, it tells
// later whether the log still holds what it held.
type Head struct {
	N   uint64 // of the entry, counted from 1; 0: an empty log
	Sum Sum
}

// String writes a head as "12:4fd3...".
func (h Head) String() string { return strconv.FormatUint(h.N, 10) + ":" + h.Sum.String() }

// Size is the length of Append's form in bytes.
const Size = 8 + sha256.Size

// Append appends the head in its binary form: number, sum.
func (h Head) Append(b []byte) []byte {
	return append(binary.BigEndian.AppendUint64(b, h.N), h.Sum[:]...)
}

// FromBytes reads what Append wrote; ok is false for anything else.
func FromBytes(b []byte) (h Head, ok bool) {
	if len(b) != Size {
		return h, false
	}
	h.N = binary.BigEndian.Uint64(b)
	copy(h.Sum[:], b[8:])
	return h, true
}

// ParseHead reads what Head.String wrote.
func ParseHead(text string) (Head, error) {
	number, sum, ok := strings.Cut(strings.TrimSpace(text), ":")
	n, err := strconv.ParseUint(number, 10, 64)
	s, sumErr := ParseSum(sum)
	if !ok || err != nil || sumErr != nil {
		return Head{}, errors.New("a head is a number, a colon and 64 hexadecimal digits: give it as it was printed")
	}
	return Head{N: n, Sum: s}, nil
}

// ParseSum reads what Sum.String wrote.
func ParseSum(text string) (s Sum, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(s) {
		return Sum{}, errors.New("a sum has 64 hexadecimal digits")
	}
	copy(s[:], b)
	return s, nil
}

// Key makes the sums of one log.
type Key struct {
	secret []byte
	fields bool
}

// Bytes returns the key of a log whose entries are byte strings.
func Bytes(secret []byte) Key { return Key{secret, false} }

// Fields returns the key of a log whose entries have a time and fields.
func Fields(secret []byte) Key { return Key{secret, true} }

// Digest is a keyed hash of parts, each with its length before it: what an entry
// may hold in the place of something long.
func (k Key) Digest(parts ...[]byte) (sum Sum) {
	h := hmac.New(sha256.New, k.secret)
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write(p)
	}
	h.Sum(sum[:0])
	return sum
}

// Next returns the head after the entry that follows h. at is its time, as the
// log counts it; a log of bytes has it in its one part, and at does not count.
func (k Key) Next(h Head, at int64, parts ...[]byte) Head {
	next := Head{N: h.N + 1}
	number := binary.BigEndian.AppendUint64(nil, next.N)
	if k.fields {
		number = binary.BigEndian.AppendUint64(number, uint64(at))
		next.Sum = k.Digest(append([][]byte{h.Sum[:], number}, parts...)...)
		return next
	}
	m := hmac.New(sha256.New, k.secret)
	m.Write(h.Sum[:])
	m.Write(number)
	for _, p := range parts {
		m.Write(p)
	}
	m.Sum(next.Sum[:0])
	return next
}

// ErrBroken says that a log is not what was written.
var ErrBroken = errors.New("the log was altered")

// Break is where a log is broken; it wraps ErrBroken.
type Break struct {
	N    uint64 // of the first entry that is not as it was written
	What string
}

// Error implements error.
func (b *Break) Error() string { return ErrBroken.Error() + ": " + b.What }

// Unwrap returns ErrBroken.
func (b *Break) Unwrap() error { return ErrBroken }

func broken(n uint64, format string, args ...any) error {
	return &Break{N: n, What: fmt.Sprintf(format, args...)}
}

// Checker follows a log from its first entry on.
type Checker struct {
	// Agreed counts the heads kept elsewhere that were met, TooOld those of
	// entries before the first.
	Agreed, TooOld int

	key   Key
	first Head
	head  Head
	want  map[uint64][]Sum
}

// NewChecker begins behind the head after; the zero Head means at the first
// entry. kept are heads from elsewhere that the log must contain; those whose
// number is 0 say nothing.
func NewChecker(k Key, after Head, kept ...Head) *Checker {
	c := &Checker{key: k, first: after, head: after, want: map[uint64][]Sum{}}
	for _, h := range kept {
		switch {
		case h.N == 0:
		case h.N <= after.N:
			c.TooOld++
		default:
			c.want[h.N] = append(c.want[h.N], h.Sum)
		}
	}
	return c
}

// Head is that of the last entry that holds.
func (c *Checker) Head() Head { return c.head }

// Add takes the next entry: its number, the sum that stands beside it, its time
// and its parts, as Key.Next does. An error is a *Break.
func (c *Checker) Add(n uint64, sum []byte, at int64, parts ...[]byte) error {
	next := c.key.Next(c.head, at, parts...)
	switch {
	case n != next.N:
		return broken(next.N, "entry %d is missing, the next one is %d", next.N, n)
	case !hmac.Equal(next.Sum[:], sum):
		return broken(n, "entry %d does not follow from the one before: it or the one before was altered", n)
	}
	c.head = next
	for _, want := range c.want[n] {
		if next.Sum != want {
			return broken(n, "entry %d is another one than the head that was kept elsewhere says: the log was written anew from there on, or that head altered", n)
		}
		c.Agreed++
	}
	delete(c.want, n)
	return nil
}

// End says that there are no more entries. sealed is the head that the log's
// writer left. An error is a *Break: the log does not end there, or before a
// head that it must contain.
func (c *Checker) End(sealed Head) error {
	switch {
	case c.head == sealed:
	case sealed.N == 0:
		return broken(c.head.N, "the sealed end of the log is missing")
	case c.head.N < sealed.N:
		return broken(c.head.N+1, "it ends at entry %d and should end at %d: its last entries were removed", c.head.N, sealed.N)
	default:
		return broken(sealed.N, "it goes on to entry %d and should end at %d", c.head.N, sealed.N)
	}
	for n := range c.want {
		return broken(c.head.N+1, "a head that was kept elsewhere names entry %d and it ends at %d: its end was cut off, or an older copy stands in its place", n, c.head.N)
	}
	return nil
}
