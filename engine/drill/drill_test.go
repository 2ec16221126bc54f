package drill

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"
	"time"
)

var (
	key = []byte("0123456789abcdef0123456789abcdef")
	now = time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)
)

const sql = "SELECT id, email FROM staff WHERE id = '4711'"

func order() Order { return Order{Row: "row-a", PID: 4711, At: now} }

func TestASignatureHoldsForItsTextItsSessionAndAMinute(t *testing.T) {
	signed := Sign(key, sql, order())
	for _, c := range []struct {
		name, text string
		pid        uint32
		after      time.Duration
		want       bool
	}{
		{"as signed", signed, 4711, time.Second, true},
		{"at once, by a clock that is behind", signed, 4711, -5 * time.Second, true},
		{"a clock far behind", signed, 4711, -time.Minute, false},
		{"too late", signed, 4711, time.Minute, false},
		{"another server process", signed, 4712, time.Second, false},
		{"another text", strings.Replace(signed, "'4711'", "'4712'", 1), 4711, time.Second, false},
		{"the condition taken away", strings.Replace(signed, "WHERE id = '4711'", "", 1), 4711, time.Second, false},
		{"another row", strings.Replace(signed, "row-a", "row-b", 1), 4711, time.Second, false},
		{"more behind it", signed + " UNION SELECT 1, 'x'", 4711, time.Second, false},
		{"another signature behind it", signed + " /*honeyrow-drill:a:b:c:d:e*/", 4711, time.Second, false},
		{"none", sql, 4711, time.Second, false},
		{"another key", Sign([]byte("another"), sql, order()), 4711, time.Second, false},
		{"nothing", "", 4711, time.Second, false},
		{"half a sign", begin + end, 4711, time.Second, false},
		{"its middle alone", "*/", 4711, time.Second, false},
	} {
		o, got := NewGate(key).Claim([]byte(c.text), c.pid, "s1", now.Add(c.after))
		if got != c.want || got && (o.Row != "row-a" || o.PID != 4711 || !o.At.Equal(now)) {
			t.Errorf("%s: %v, %+v", c.name, got, o)
		}
	}
	if _, ok := (*Gate)(nil).Claim([]byte(signed), 4711, "s1", now); ok {
		t.Error("a gate without a key lets through")
	}
}

func TestASignatureIsGoodOnceAndForOneSession(t *testing.T) {
	g, signed := NewGate(key), []byte(Sign(key, sql, order()))
	for range 2 {
		if !g.Knows(signed, 4711, "s1", now) {
			t.Error("its own session may look at it as often as it likes")
		}
	}
	if g.Knows(signed, 4711, "s2", now) {
		t.Error("another session may not")
	}
	if _, ok := g.Claim(signed, 4711, "s2", now); ok {
		t.Error("another session may not claim it either")
	}
	if _, ok := g.Claim(signed, 4711, "s1", now); !ok {
		t.Error("the first run may")
	}
	if _, ok := g.Claim(signed, 4711, "s1", now); ok {
		t.Error("the second may not")
	}
	// In capitals it is the same signature.
	at := strings.LastIndex(string(signed), ":") + 1
	if _, ok := g.Claim([]byte(string(signed[:at])+strings.ToUpper(string(signed[at:]))), 4711, "s3", now); ok {
		t.Error("nor in other letters")
	}
}

func TestTheMemoryOfSignaturesIsBoundedAndForgets(t *testing.T) {
	g := NewGate(key)
	for range maxUsed {
		if _, ok := g.Claim([]byte(Sign(key, sql, order())), 4711, "s", now); !ok {
			t.Fatal("refused before it was full")
		}
	}
	if _, ok := g.Claim([]byte(Sign(key, sql, order())), 4711, "s", now); ok {
		t.Error("one more than it remembers could be shown twice")
	}
	late := order()
	late.At = now.Add(Life)
	if _, ok := g.Claim([]byte(Sign(key, sql, late)), 4711, "s", late.At); !ok || len(g.used) != 1 {
		t.Errorf("a minute later %d are remembered", len(g.used))
	}
}

func FuzzGate(f *testing.F) {
	signed := Sign(key, sql, order())
	f.Add([]byte(signed))
	f.Add([]byte(sql + begin + "a:1:2:3:4" + end))
	f.Fuzz(func(t *testing.T, text []byte) {
		o, ok := NewGate(key).Claim(text, 4711, "s", now)
		if !ok {
			return
		}
		// The fuzzer does not know the key, so this is the seed: nothing of it may change.
		if o.Row != "row-a" || o.PID != 4711 {
			t.Fatalf("%q is taken for %+v", text, o)
		}
		for i := range len(text) - 2*sha256.Size - len(end) {
			other := bytes.Clone(text)
			other[i] ^= 1
			if _, ok := NewGate(key).Claim(other, 4711, "s", now); ok {
				t.Fatalf("byte %d is not signed in %q", i, text)
			}
		}
	})
}
