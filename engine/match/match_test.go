package match

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"honeyrow/event"
	"honeyrow/token"
)

func strong(values ...string) *Index {
	s := &token.Snapshot{Version: 1}
	for i, v := range values {
		s.Tokens = append(s.Tokens, token.Token{ID: event.ID(fmt.Sprint(i)), Value: v, Strength: token.Strong})
	}
	return Compile(s)
}

// found lists the occurrences of parts as "offset value", sorted.
func found(x *Index, b []byte) []string {
	var out []string
	for f := x.Find(b); ; {
		v, at, ok := f.Next()
		if !ok {
			slices.Sort(out)
			return out
		}
		if f.As() != Plain {
			continue
		}
		out = append(out, fmt.Sprintf("%06d %q", at, x.bytes(uint32(v))))
	}
}

// sought is the oracle: every occurrence of every value, by bytes.Index.
func sought(values []string, b []byte) []string {
	var out []string
	for _, v := range values {
		for from := 0; ; {
			i := bytes.Index(b[from:], []byte(v))
			if i < 0 {
				break
			}
			out = append(out, fmt.Sprintf("%06d %q", from+i, v))
			from += i + 1
		}
	}
	slices.Sort(out)
	return out
}

// text makes random text over a small alphabet, so that windows repeat, with
// some of the values strewn in, whole or cut.
func text(r *rand.Rand, values []string, n int) []byte {
	var b []byte
	alphabet := "ab01@.\x00"[:2+r.IntN(6)]
	for len(b) < n {
		switch r.IntN(4) {
		case 0:
			b = append(b, values[r.IntN(len(values))]...)
		case 1:
			v := values[r.IntN(len(values))]
			b = append(b, v[r.IntN(len(v)):]...)
		default:
			for range r.IntN(20) {
				b = append(b, alphabet[r.IntN(len(alphabet))])
			}
		}
	}
	return b
}

func someValues(r *rand.Rand) []string {
	alphabet := "ab01@.\x00xyzABC"[:2+r.IntN(12)]
	seen := map[string]bool{}
	var out []string
	for range 1 + r.IntN(40) {
		v := make([]byte, 12+r.IntN(30))
		for i := range v {
			v[i] = alphabet[r.IntN(len(alphabet))]
		}
		if len(out) > 0 && r.IntN(3) == 0 {
			copy(v, out[r.IntN(len(out))]) // shared beginnings
		}
		if !seen[string(v)] {
			seen[string(v)] = true
			out = append(out, string(v))
		}
	}
	return out
}

func TestNeverLosesAPart(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		values := someValues(r)
		x := strong(values...)
		b := text(r, values, r.IntN(600))
		got, want := found(x, b), sought(values, b)
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: got %q\nwant %q", seed, got, want)
		}
		if len(want) > 0 && !x.Suspect(b) {
			t.Fatalf("seed %d: suspect %v with %d occurrences", seed, x.Suspect(b), len(want))
		}
	}
}

func TestFindsAValueAtEveryOffset(t *testing.T) {
	for n := 12; n < 40; n++ {
		v := "0123456789abcdefghijklmnopqrstuvwxyzABCD"[:n]
		x := strong(v)
		for before := range 30 {
			for after := range 8 {
				b := append(bytes.Repeat([]byte("z"), before), v...)
				b = append(b, bytes.Repeat([]byte("y"), after)...)
				if got := found(x, b); len(got) != 1 {
					t.Fatalf("%d bytes after %d, before %d: %q", n, before, after, got)
				}
			}
		}
	}
}

// streamed feeds b in pieces cut at random and lists what was emitted.
func streamed(x *Index, b []byte, r *rand.Rand) []string {
	var out []string
	var s Stream
	for first := true; first || len(b) > 0; first = false {
		n := min(len(b), r.IntN(1+r.IntN(60)))
		piece := slices.Clone(b[:n])
		b = b[n:]
		s.Scan(x, piece, len(b) == 0, func(h Hit) {
			if h.As != Plain {
				return
			}
			out = append(out, fmt.Sprintf("%q %v", x.bytes(uint32(h.Value)), h.Bounded))
		})
		for i := range piece {
			piece[i] = 0xEE
		}
	}
	slices.Sort(out)
	return out
}

func TestAnyCutOfAStreamGivesTheSameHits(t *testing.T) {
	seeds := uint64(2000)
	if testing.Short() {
		seeds = 300
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 2))
		values := someValues(r)
		x := strong(values...)
		b := text(r, values, r.IntN(400))
		var whole []string
		var s Stream
		s.Scan(x, b, true, func(h Hit) {
			if h.As == Plain {
				whole = append(whole, fmt.Sprintf("%q %v", x.bytes(uint32(h.Value)), h.Bounded))
			}
		})
		slices.Sort(whole)
		if len(whole) != len(sought(values, b)) {
			t.Fatalf("seed %d: %d hits in one piece, want %d", seed, len(whole), len(sought(values, b)))
		}
		if got := streamed(x, b, r); !slices.Equal(got, whole) {
			t.Fatalf("seed %d: cut %q\nwhole %q", seed, got, whole)
		}
	}
}

func TestWholeFindsEveryValueAndNothingElse(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	seen := map[string]bool{}
	s := &token.Snapshot{}
	for range 3000 {
		v := make([]byte, 1+r.IntN(40))
		for i := range v {
			v[i] = byte('a' + r.IntN(3))
		}
		seen[string(v)] = true
		s.Tokens = append(s.Tokens, token.Token{Value: string(v), Strength: token.Strength(r.IntN(3))})
	}
	x := Compile(s)
	for range 100_000 {
		v := make([]byte, r.IntN(14))
		for i := range v {
			v[i] = byte('a' + r.IntN(3))
		}
		if got, ok := x.Whole(v); ok != seen[string(v)] || ok && string(x.bytes(uint32(got))) != string(v) {
			t.Fatalf("%q: found %v, want %v", v, ok, seen[string(v)])
		}
	}
	for v := range seen {
		if _, ok := x.Whole([]byte(v)); !ok {
			t.Fatalf("%q is lost", v)
		}
		if n := len(v); n < 12 && x.Gate(false, true)>>n&1 == 0 {
			t.Fatalf("%q is not let through the gate", v)
		}
	}
}

// What Suspect does not see, the gate must let through: here every value as a
// PostgreSQL field, in text and binary, of every strength.
func TestSuspectAndGateTogetherMissNoField(t *testing.T) {
	values := []string{"short", "a rather long value", "-123456", "12345678901234", "b0c1d2e3-0000-4000-8000-1234567890ab", "it's \"quoted\" and long"}
	for _, v := range values {
		for _, st := range []token.Strength{token.Weak, token.Firm, token.Strong} {
			tok := token.Token{Value: v, Strength: st, Binary: []byte("\x00binary form of it")}
			x := Compile(&token.Snapshot{Tokens: []token.Token{tok}})
			for _, f := range append(binaryForms(&tok), []byte(v)) {
				region := append([]byte{'D', 0, 0, 0, 99, 0, 1, 0, 0, 0, byte(len(f))}, f...)
				if !x.Suspect(region) && x.Gate(true, true)>>min(len(f), 63)&1 == 0 {
					t.Errorf("%s %q: form %q is missed", st, v, f)
				}
			}
		}
	}
}

func TestAWeakValueIsSuspectOnlyWhereAFieldBegins(t *testing.T) {
	x := Compile(&token.Snapshot{Tokens: []token.Token{{Value: "Bartholomew Fitz", Strength: token.Weak}}})
	for s, want := range map[string]bool{
		"\x00\x00\x00\x10Bartholomew Fitz": true,
		"\tBartholomew Fitz\t":             true,
		"\x10Bartholomew Fitz":             true,
		"xBartholomew Fitz":                false,
		"Bartholomew Fit":                  false,
	} {
		if got := x.Suspect([]byte(s)); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}

func TestColumnsFollowLocationsOfTheirOwnDatabaseOnly(t *testing.T) {
	p := event.Place{Server: "main", Database: "crm", Schema: "public", Table: "c", Column: "id"}
	x := Compile(&token.Snapshot{
		Tokens:    []token.Token{{ID: "1", Value: "42", Key: true, Place: p, TableOID: 7, Attr: 1}},
		Locations: []token.Location{{Server: "main", Database: "crm", Schema: "public", Table: "c", Column: "id", TableOID: 8, Attr: 3}},
	})
	for _, k := range []columnKey{{Scope{"main", "crm"}, 7, 1}, {Scope{"main", "crm"}, 8, 3}} {
		c := x.Column(k.Scope, k.oid, k.attr)
		if c == nil || !c.Wants() || !c.Holds(x, 0) {
			t.Fatalf("%+v: %+v", k, c)
		}
		if _, ok := c.Whole(x, []byte("42")); !ok {
			t.Errorf("%+v: key not found", k)
		}
	}
	if x.Column(Scope{"main", "other"}, 7, 1) != nil || x.Column(Scope{"main", "crm"}, 7, 2) != nil {
		t.Error("a column of elsewhere is watched")
	}
	if _, ok := x.Whole([]byte("42")); ok {
		t.Error("a key counts outside its column")
	}
}

func TestRemovedTokensAreNotWatched(t *testing.T) {
	x := Compile(&token.Snapshot{Tokens: []token.Token{{Value: "a value that is gone", Strength: token.Strong, State: token.Removed}}})
	if !x.Empty() || x.Suspect([]byte("a value that is gone")) {
		t.Error("a removed token is watched")
	}
}

func TestLookingAllocatesNothing(t *testing.T) {
	x := Compile(&token.Snapshot{Tokens: strongTokens(1000)})
	data := dataRows(64 << 10)
	hit := append(slices.Clone(data), x.Token(5).Value...)
	field := []byte("some ordinary field")
	var s Stream
	s.Scan(x, data, false, func(Hit) {})
	if n := testing.AllocsPerRun(20, func() {
		x.Suspect(data)
		x.Suspect(hit)
		x.Whole(field)
		s.Scan(x, data[:30<<10], false, func(Hit) { t.Error("a hit") })
		s.Scan(x, data[:3], false, func(Hit) { t.Error("a hit") })
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzFind(f *testing.F) {
	f.Add("honey@example.com", "twelve bytes", []byte("a honey@example.com b twelve bytes"), byte(7))
	f.Add("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaa", bytes.Repeat([]byte("a"), 60), byte(3))
	f.Fuzz(func(t *testing.T, v1, v2 string, b []byte, cut byte) {
		var values []string
		for _, v := range []string{v1, v2} {
			if len(v) >= 12 && len(v) <= maxPart && !slices.Contains(values, v) {
				values = append(values, v)
			}
		}
		if len(values) == 0 || len(b) > 1<<12 {
			return
		}
		s := &token.Snapshot{}
		for _, v := range values {
			s.Tokens = append(s.Tokens, token.Token{Value: v, Strength: token.Strong, Key: false})
		}
		x := Compile(s)
		want := len(sought(values, b))
		got, inStream := 0, 0
		for f := x.Find(b); ; got++ {
			v, _, ok := f.Next()
			if !ok {
				break
			}
			if f.As() != Plain || !slices.Contains(values, string(x.bytes(uint32(v)))) {
				got-- // another form
			}
		}
		var st Stream
		for rest := b; ; {
			n := min(len(rest), int(cut))
			if cut == 0 {
				n = len(rest)
			}
			last := n == len(rest)
			st.Scan(x, rest[:n], last, func(h Hit) {
				if h.As == Plain && slices.Contains(values, string(x.bytes(uint32(h.Value)))) {
					inStream++
				}
			})
			if rest = rest[n:]; last {
				break
			}
		}
		if got != want || inStream != want {
			t.Errorf("found %d, in a stream %d, want %d", got, inStream, want)
		}
	})
}
