package match

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"honeyrow/event"
	"honeyrow/token"
)

// far returns a copy of x that searches as if its filter were large.
func far(x *Index) *Index {
	y := *x
	y.parts.near = false
	return &y
}

// walked says what a walk over single windows finds, as Suspect counts it.
func walked(x *Index, b []byte) bool {
	for f := x.Find(b); ; {
		v, at, ok := f.Next()
		if !ok {
			return !x.hidden(b, 0, func(Sight) bool { return false })
		}
		if x.Anywhere(v) || Bounded(b, at, x.Len(v)) {
			return true
		}
	}
}

func controlTokens() []token.Token {
	var ts []token.Token
	for i := range 50 {
		ts = append(ts, token.Token{ID: event.ID(fmt.Sprint("c", i)), Value: fmt.Sprintf("\t%d\x01\tab\n\x02%d\x03c\td\r", i, i*7), Strength: token.Strong, State: token.Live})
	}
	return ts
}

// A value is seen wherever it begins, forwards, backwards and in other letters, in
// a small index and in one that is read from afar.
func TestSuspectMissesNothingAtAnyPlaceInAnyIndex(t *testing.T) {
	for name, ts := range map[string][]token.Token{"texts": strongTokens(2000), "with control characters": controlTokens()} {
		near := Compile(&token.Snapshot{Tokens: ts})
		r := rand.New(rand.NewPCG(5, 5))
		for range 2000 {
			v := ts[r.IntN(len(ts))].Value
			switch r.IntN(3) {
			case 0:
				v = strings.ToUpper(v)
			case 1:
				b := []byte(v)
				slices.Reverse(b)
				v = string(b)
			}
			data := dataRows(1 + r.IntN(3<<10))
			data = data[:r.IntN(len(data))]
			rest := dataRows(1)
			region := append(append(slices.Clone(data), v...), rest[:r.IntN(len(rest))]...)
			for where, x := range map[string]*Index{"near": near, "far": far(near)} {
				if !x.Suspect(region) || !walked(x, region) {
					t.Fatalf("%s, %s: %q is missed after %d bytes, before %d", name, where, v, len(data), len(region)-len(data)-len(v))
				}
			}
		}
	}
}

// What a small list holds at once does not matter.
func TestSuspectGoesOnWhereManyWindowsPass(t *testing.T) {
	x := Compile(&token.Snapshot{Tokens: []token.Token{
		{ID: "1", Value: "+44 555 0123456", Strength: token.Firm, State: token.Live},
		{ID: "2", Value: "the last of all values", Strength: token.Strong, State: token.Live},
	}})
	b := bytes.Repeat([]byte("+49 555 0123456"), 400) // its gram, beside another byte
	for n := range 40 {
		region := append(slices.Clone(b[n:]), "the last of all values"...)
		for where, x := range map[string]*Index{"near": x, "far": far(x)} {
			if x.Suspect(b[n:]) || !x.Suspect(region) {
				t.Errorf("%s, %d: without %v, with the value %v", where, n, x.Suspect(b[n:]), x.Suspect(region))
			}
		}
	}
}

func FuzzSuspectSeesWhatAWalkSees(f *testing.F) {
	ts := append(strongTokens(300), controlTokens()...)
	near := Compile(&token.Snapshot{Tokens: ts})
	plain := Compile(&token.Snapshot{Tokens: strongTokens(300)})
	f.Add([]byte(ts[3].Value), uint16(7), uint16(3))
	f.Add([]byte("x"+ts[301].Value), uint16(0), uint16(301))
	f.Fuzz(func(t *testing.T, b []byte, at, which uint16) {
		v := ts[int(which)%len(ts)].Value
		k := int(at) % (len(b) + 1)
		with := append(append(slices.Clone(b[:k]), v...), b[k:]...)
		for _, x := range []*Index{near, far(near), plain, far(plain)} {
			if got, want := x.Suspect(b), walked(x, b); got != want {
				t.Errorf("Suspect %v, a walk %v", got, want)
			}
			if (x.Tokens() == len(ts) || int(which)%len(ts) < 300) && !x.Suspect(with) {
				t.Errorf("%q is missed at %d", v, k)
			}
		}
	})
}
