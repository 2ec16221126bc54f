package chain

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
)

type entry struct {
	n    uint64
	body string
	sum  Sum
}

// layouts are the two ways in which sums are made.
var layouts = map[string]func([]byte) Key{"bytes": Bytes, "fields": Fields}

func logOf(k Key, bodies ...string) (out []entry) {
	var h Head
	for i, b := range bodies {
		h = k.Next(h, int64(i), []byte(b))
		out = append(out, entry{h.N, b, h.Sum})
	}
	return out
}

// check follows es, of which the first has the time 0, to the end that is sealed.
func check(k Key, sealed Head, es []entry, kept ...Head) (*Checker, error) {
	c := NewChecker(k, Head{}, kept...)
	for _, e := range es {
		if err := c.Add(e.n, e.sum[:], int64(e.n-1), []byte(e.body)); err != nil {
			return c, err
		}
	}
	return c, c.End(sealed)
}

func TestEveryChangeOfALogIsFound(t *testing.T) {
	for layout, key := range layouts {
		k := key([]byte("k"))
		whole := logOf(k, "planted", "rotated", "removed", "planted again")
		end := Head{4, whole[3].sum}
		c, err := check(k, end, whole, end, Head{2, whole[1].sum}, Head{})
		if err != nil || c.Head() != end || c.Agreed != 2 {
			t.Fatalf("%s: a whole log: got %v, %v", layout, c, err)
		}
		anew := logOf(k, "planted", "rotated", "removed", "nothing")
		altered := slices.Clone(whole)
		altered[1].body = "Rotated"
		renumbered := append(slices.Clone(whole[:1]), whole[2:]...)
		renumbered[1].n, renumbered[2].n = 2, 3
		for name, c := range map[string]struct {
			key    Key
			sealed Head
			log    []entry
			kept   Head
			n      uint64
		}{
			"an altered entry":                 {k, end, altered, Head{}, 2},
			"an entry left out":                {k, end, append(slices.Clone(whole[:1]), whole[2:]...), Head{}, 2},
			"an entry left out and renumbered": {k, end, renumbered, Head{}, 2},
			"two entries exchanged":            {k, end, []entry{whole[0], whole[2], whole[1], whole[3]}, Head{}, 2},
			"the beginning cut off":            {k, end, whole[1:], Head{}, 1},
			"made without the key":             {k, end, logOf(key([]byte("guess")), "planted"), Head{}, 1},
			"the end cut off":                  {k, end, whole[:3], Head{}, 4},
			"the end and its seal cut off":     {k, Head{3, whole[2].sum}, whole[:3], end, 4},
			"the seal removed":                 {k, Head{}, whole, Head{}, 4},
			"an older seal":                    {k, Head{3, whole[2].sum}, whole, Head{}, 3},
			"written anew with the key":        {k, Head{4, anew[3].sum}, anew, end, 4},
			"an empty log":                     {k, Head{}, nil, end, 1},
		} {
			_, err := check(c.key, c.sealed, c.log, c.kept)
			b, ok := errors.AsType[*Break](err)
			if !ok || !errors.Is(err, ErrBroken) || b.N != c.n {
				t.Errorf("%s, %s: got %v, want a break at %d", layout, name, err, c.n)
			}
		}
	}
}

func TestALogWhoseBeginningWasPrunedIsFollowedFromThere(t *testing.T) {
	k := Fields([]byte("k"))
	whole := logOf(k, "a", "b", "c")
	c := NewChecker(k, Head{1, whole[0].sum}, Head{1, Sum{9}}, Head{3, whole[2].sum})
	for _, e := range whole[1:] {
		if err := c.Add(e.n, e.sum[:], int64(e.n-1), []byte(e.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.End(Head{3, whole[2].sum}); err != nil || c.Agreed != 1 || c.TooOld != 1 {
		t.Errorf("got %+v, %v", c, err)
	}
}

// Sums stand outside of databases, in alerts and on paper: they never change.
func TestSumsAreThoseOfEarlierVersions(t *testing.T) {
	mac := func(data string) string {
		m := hmac.New(sha256.New, []byte("k"))
		m.Write([]byte(data))
		return hex.EncodeToString(m.Sum(nil))
	}
	before := Head{N: 1, Sum: Sum{31: 7}}
	sum := strings.Repeat("\x00", 31) + "\x07"
	two := "\x00\x00\x00\x00\x00\x00\x00\x02"
	length := func(s string) string { return string(binary.BigEndian.AppendUint64(nil, uint64(len(s)))) + s }
	if got, want := Bytes([]byte("k")).Next(before, 5, []byte("body")), mac(sum+two+"body"); got.N != 2 || got.Sum.String() != want {
		t.Errorf("bytes: got %v, want %s", got, want)
	}
	at := "\x00\x00\x00\x00\x00\x00\x00\x05"
	if got, want := Fields([]byte("k")).Next(before, 5, []byte("kind"), nil), mac(length(sum)+length(two+at)+length("kind")+length("")); got.N != 2 || got.Sum.String() != want {
		t.Errorf("fields: got %v, want %s", got, want)
	}
}

func TestAHeadIsReadAsItWasPrinted(t *testing.T) {
	h := Bytes([]byte("k")).Next(Head{}, 0, []byte("x"))
	got, err := ParseHead(" " + h.String() + "\n")
	if err != nil || got != h {
		t.Errorf("got %v, %v, want %v", got, err, h)
	}
	for _, bad := range []string{"", "1", "1:zz", "x:" + h.Sum.String(), "1:" + h.Sum.String()[2:]} {
		if _, err := ParseHead(bad); err == nil {
			t.Errorf("%q was read as a head", bad)
		}
	}
}
