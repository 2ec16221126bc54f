package match

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"honeyrow/token"
)

// ordinary makes rows whose six fields are of one kind of ordinary data.
func ordinary(kind string, size int) []byte {
	r := rand.New(rand.NewPCG(9, 9))
	raw := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	words := []string{"the", "order", "of", "Anna", "Smith", "was", "sent", "to", "London", "on", "2026-11-21", "invoice", "international", "paid"}
	prose := func(n int) string {
		s := ""
		for len(s) < n {
			s += words[r.IntN(len(words))] + " "
		}
		return s
	}
	field := map[string]func() string{
		"prose": func() string { return prose(60) },
		"uuid": func() string {
			h := hex.EncodeToString(raw(16))
			return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
		},
		"sha256": func() string { s := sha256.Sum256(raw(8)); return hex.EncodeToString(s[:]) },
		"base64": func() string { return base64.StdEncoding.EncodeToString(raw(300)) },
		"jwt":    func() string { return base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"` + prose(40) + `"}`)) },
		"json": func() string {
			return fmt.Sprintf(`{"id": %d, "name": "%s", "tags": ["a","b"], "note": "say \"%s\"\n"}`, r.IntN(1e6), prose(12), prose(20))
		},
		"url": func() string {
			return "https://shop.example/a/" + words[r.IntN(14)] + "?q=" + words[r.IntN(14)] + "%20" + words[r.IntN(14)] + "&amp;x=1"
		},
		"record": func() string { // as in integration/bench, one field
			return []string{
				"Anna Schneider", fmt.Sprintf("customer%07d@mail.example.com", r.IntN(1e6)), fmt.Sprintf("+49 555 %07d", r.IntN(1e7)),
				hex.EncodeToString(raw(12)), fmt.Sprintf("%3d Station Road, Springfield", r.IntN(97)), fmt.Sprintf("order %08d paid", r.IntN(1e7)),
			}[r.IntN(6)]
		},
		"bytes":  func() string { return string(raw(60)) },
		"ints":   func() string { return string(binary.BigEndian.AppendUint64(nil, uint64(r.IntN(1e6)))) },
		"digits": func() string { return fmt.Sprint(r.IntN(1e9)) },
	}[kind]
	var b []byte
	for len(b) < size {
		b = append(b, 'D', 0, 0, 0, 0, 0, 6)
		for range 6 {
			f := field()
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(f))), f...)
		}
	}
	return b
}

// What Suspect costs with 10,000 tokens over ordinary data of ten kinds: the
// best of many passes over 128 KiB in regions of 16, in ns a byte.
func BenchmarkOrdinary(b *testing.B) {
	x := Compile(&token.Snapshot{Version: 1, Tokens: strongTokens(10_000)})
	for _, kind := range []string{"record", "prose", "uuid", "sha256", "base64", "jwt", "json", "url", "bytes", "ints", "digits"} {
		b.Run(kind, func(b *testing.B) { leastTime(b, x, ordinary(kind, 128<<10)) })
	}
}

// Suspect over 1 MiB of words, the best pass, per number of tokens.
func BenchmarkLeast(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		x := Compile(&token.Snapshot{Version: 1, Tokens: strongTokens(n)})
		b.Run(fmt.Sprint(n), func(b *testing.B) { leastTime(b, x, dataRows(1<<20)) })
	}
}

// Suspect over rows where others take the caches, as a server and a client do that
// share the cores: between two regions so many MiB are written. The best pass, in
// ns a byte.
func BenchmarkCachesTaken(b *testing.B) {
	data := ordinary("record", 2<<20)
	others := make([]byte, 64<<20)
	for _, n := range []int{10_000, 1_000_000} {
		x := Compile(&token.Snapshot{Version: 1, Tokens: strongTokens(n)})
		for _, taken := range []int{0, 1, 6} {
			b.Run(fmt.Sprintf("%d/%dMiB", n, taken), func(b *testing.B) {
				at, least := 0, time.Hour
				for b.Loop() {
					var all time.Duration
					for c := data; len(c) > 0; c = c[min(len(c), 16<<10):] {
						for range taken << 20 / 64 {
							others[at]++
							at = (at + 64) % len(others)
						}
						start := time.Now()
						if x.Suspect(c[:min(len(c), 16<<10)]) {
							b.Fatal("a hit in data without one")
						}
						all += time.Since(start)
					}
					least = min(least, all)
				}
				b.ReportMetric(float64(least.Nanoseconds())/float64(len(data)), "ns/B")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

func leastTime(b *testing.B, x *Index, data []byte) {
	parts := func(c []byte) {
		f := x.Find(c)
		for {
			if _, _, ok := f.Next(); !ok {
				return
			}
		}
	}
	all, plain := time.Hour, time.Hour
	for b.Loop() {
		start := time.Now()
		for c := data; len(c) > 0; c = c[min(len(c), 16<<10):] {
			if x.Suspect(c[:min(len(c), 16<<10)]) {
				b.Fatal("a hit in data without one")
			}
		}
		middle := time.Now()
		for c := data; len(c) > 0; c = c[min(len(c), 16<<10):] {
			parts(c[:min(len(c), 16<<10)])
		}
		all, plain = min(all, middle.Sub(start)), min(plain, time.Since(middle))
	}
	b.ReportMetric(float64(all.Nanoseconds())/float64(len(data)), "ns/B")
	b.ReportMetric(float64(plain.Nanoseconds())/float64(len(data)), "ns/B-plain")
	b.ReportMetric(0, "ns/op")
}
