// Package drill signs a statement that reads one honey row on purpose, and
// knows it again: honeyrow seed verify --fire sends it through the proxy, and
// what the engine sees of it is a test alert. Who has not the registry's key
// can't sign; a signature holds for its text, its honey row and its session,
// once and for a minute.
package drill

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"honeyrow/event"
)

const (
	// Life is how long a signature holds.
	Life = time.Minute
	// ahead is how far the signer's clock may be ahead.
	ahead = 10 * time.Second
	// maxUsed bounds the signatures that are remembered. Only genuine ones are, so
	// that nobody else can fill the memory; beyond it nothing is a drill.
	maxUsed = 4096
)

// The sign is a comment at the statement's end: row, server's process, time in
// milliseconds, nonce, HMAC-SHA-256 of all before it.
const (
	begin = " /*honeyrow-drill:"
	end   = "*/"
	// maxSign bounds a sign in bytes.
	maxSign = 256
)

// Order is what a signature is for.
type Order struct {
	Row event.ID  // the honey row that is to be read
	PID uint32    // the session's, as event.Client.BackendPID
	At  time.Time // of the signature
}

// Sign returns sql, a statement without a semicolon at its end, with the sign
// behind it. key is the registry's for drills.
func Sign(key []byte, sql string, o Order) string {
	var nonce [16]byte
	rand.Read(nonce[:]) // never fails (crypto/rand)
	text := fmt.Sprintf("%s%s%s:%d:%d:%x:", sql, begin, o.Row, o.PID, o.At.UnixMilli(), nonce)
	return text + hex.EncodeToString(mac(key, []byte(text))) + end
}

func mac(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("honeyrow drill\x00"))
	h.Write(text)
	return h.Sum(nil)
}

// Gate knows signatures again. It is safe for concurrent use; a nil one knows
// none.
type Gate struct {
	key  []byte
	mu   sync.Mutex
	used map[string]*use // by MAC
}

// use is a signature that was shown: it is its first session's alone.
type use struct {
	session event.ID
	claimed bool // by a run
	until   time.Time
}

// NewGate returns a gate for signatures made with key.
func NewGate(key []byte) *Gate { return &Gate{key: key, used: map[string]*use{}} }

// Ends reports whether a text ends as a signed one does. It costs nothing.
func Ends(text []byte) bool { return bytes.HasSuffix(text, []byte(end)) }

// Knows reports whether a statement's text is signed for the session, whether
// or not a run has claimed it.
func (g *Gate) Knows(text []byte, pid uint32, session event.ID, now time.Time) bool {
	_, ok := g.show(text, pid, session, now, false)
	return ok
}

// Claim is Knows for one run: it says yes only once, and for what.
func (g *Gate) Claim(text []byte, pid uint32, session event.ID, now time.Time) (Order, bool) {
	return g.show(text, pid, session, now, true)
}

func (g *Gate) show(text []byte, pid uint32, session event.ID, now time.Time, claim bool) (Order, bool) {
	if g == nil || !Ends(text) {
		return Order{}, false
	}
	o, code, ok := g.read(text)
	if age := now.Sub(o.At); !ok || o.PID != pid || age >= Life || age < -ahead {
		return Order{}, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	u := g.used[code]
	if u == nil {
		if g.forget(now); len(g.used) >= maxUsed {
			return Order{}, false
		}
		u = &use{session: session, until: o.At.Add(Life)}
		g.used[code] = u
	}
	if u.session != session || claim && u.claimed {
		return Order{}, false
	}
	u.claimed = u.claimed || claim
	return o, true
}

// forget drops what does not hold any more. mu is held.
func (g *Gate) forget(now time.Time) {
	for code, u := range g.used {
		if !now.Before(u.until) {
			delete(g.used, code)
		}
	}
}

// read takes the sign apart and checks its MAC.
func (g *Gate) read(text []byte) (o Order, code string, ok bool) {
	at := bytes.LastIndex(text[max(0, len(text)-maxSign):], []byte(begin))
	if at < 0 {
		return o, "", false
	}
	at += max(0, len(text)-maxSign)
	fields := strings.Split(string(text[at+len(begin):len(text)-len(end)]), ":")
	if len(fields) != 5 {
		return o, "", false
	}
	code = fields[4]
	given, err := hex.DecodeString(code)
	if err != nil || !hmac.Equal(given, mac(g.key, text[:len(text)-len(end)-len(code)])) {
		return o, "", false
	}
	pid, err := strconv.ParseUint(fields[1], 10, 32)
	if err != nil {
		return o, "", false
	}
	at64, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return o, "", false
	}
	return Order{Row: event.ID(fields[0]), PID: uint32(pid), At: time.UnixMilli(at64)}, strings.ToLower(code), true
}
