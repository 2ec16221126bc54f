// Package chain links the entries of an append-only log by keyed hashes, so
// that an entry that was altered, left out, inserted or moved is found, and
// with a Head that was kept elsewhere, a log that was cut at its end too.
//
// The sum of entry n is HMAC-SHA-256 (RFC 2104) under the log's key over the
// sum before it, n as 8 bytes, and the entry's bytes. Whoever can write the
// file but lacks the key cannot make a log that checks.
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

// ParseHead reads what Head.String wrote.
func ParseHead(text string) (Head, error) {
	var h Head
	number, sum, ok := strings.Cut(strings.TrimSpace(text), ":")
	n, err := strconv.ParseUint(number, 10, 64)
	b, herr := hex.DecodeString(sum)
	if !ok || err != nil || herr != nil || len(b) != len(h.Sum) {
		return Head{}, errors.New("a head is a number, a colon and 64 hexadecimal digits: give it as it was printed")
	}
	h.N = n
	copy(h.Sum[:], b)
	return h, nil
}

// Next returns the head after the entry body, which follows the head h.
func (h Head) Next(key, body []byte) Head {
	m := hmac.New(sha256.New, key)
	m.Write(h.Sum[:])
	n := h.N + 1
	m.Write(binary.BigEndian.AppendUint64(nil, n))
	m.Write(body)
	next := Head{N: n}
	m.Sum(next.Sum[:0])
	return next
}

// ErrBroken says that a log is not what was written.
var ErrBroken = errors.New("the log was altered")

// Checker follows a log from its first entry on. The zero value with a key is
// ready.
type Checker struct {
	Key []byte
	// Want, if its N is not 0, is a head that the log must contain.
	Want Head
	head Head
	met  bool
}

// Add takes the next entry: its number, its bytes and the sum that stands
// beside it. An error wraps ErrBroken and names the entry.
func (c *Checker) Add(n uint64, body []byte, sum Sum) error {
	next := c.head.Next(c.Key, body)
	switch {
	case n != next.N:
		return fmt.Errorf("%w: entry %d stands where entry %d belongs", ErrBroken, n, next.N)
	case !hmac.Equal(next.Sum[:], sum[:]):
		return fmt.Errorf("%w: entry %d, or one before it, is not what was written", ErrBroken, n)
	}
	c.head = next
	if next.N == c.Want.N {
		if next.Sum != c.Want.Sum {
			return fmt.Errorf("%w: entry %d is another one than the head that was kept says: the log was written anew", ErrBroken, n)
		}
		c.met = true
	}
	return nil
}

// End says that there are no more entries, and returns the log's head. An
// error wraps ErrBroken: the log ends before the head that it must contain.
func (c *Checker) End() (Head, error) {
	if c.Want.N != 0 && !c.met {
		return c.head, fmt.Errorf("%w: it ends at entry %d, but the head that was kept names entry %d: its end was cut off", ErrBroken, c.head.N, c.Want.N)
	}
	return c.head, nil
}
