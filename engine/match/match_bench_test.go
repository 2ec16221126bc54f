package match

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

const letters = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJ_-.@ "

func randomText(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return string(b)
}

// strongTokens makes n tokens of 12 to 36 bytes, four to a honey row.
func strongTokens(n int) []token.Token {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	ts := make([]token.Token, n)
	for i := range ts {
		ts[i] = token.Token{
			ID: event.ID(fmt.Sprint("t", i)), Row: event.ID(fmt.Sprint("r", i/4)), Kind: "api_key",
			Value: randomText(r, 12+r.IntN(25)), Strength: token.Strong, State: token.Live,
			Place: event.Place{Server: "main", Database: "crm", Schema: "public", Table: "customers", Column: fmt.Sprint("c", i%4)},
		}
	}
	return ts
}

// dataRows makes PostgreSQL DataRow messages of 6 text fields of 8 to 46
// bytes, 27 on average, until size bytes are full.
func dataRows(size int) []byte {
	r := rand.New(rand.NewPCG(7, 7))
	words := []string{"anna", "smith", "london", "gold", "order", "2026-11-21", "mail", "example", "street", "invoice", "open"}
	b := make([]byte, 0, size+512)
	for len(b) < size {
		at := len(b)
		b = append(b, 'D', 0, 0, 0, 0, 0, 6)
		for range 6 {
			n := 8 + r.IntN(39)
			b = binary.BigEndian.AppendUint32(b, uint32(n))
			f := len(b)
			for len(b)-f < n {
				b = append(append(b, words[r.IntN(len(words))]...), byte('0'+r.IntN(10)))
			}
			b = b[:f+n]
		}
		binary.BigEndian.PutUint32(b[at+1:], uint32(len(b)-at-1))
	}
	return b
}

// Suspect over 1 MiB of DataRow messages, in regions of 16 KiB, no hits.
func BenchmarkSuspect(b *testing.B) {
	data := dataRows(1 << 20)
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		x := Compile(&token.Snapshot{Version: 1, Tokens: strongTokens(n)})
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				for c := data; len(c) > 0; {
					k := min(len(c), 16<<10)
					if x.Suspect(c[:k]) {
						b.Fatal("a hit in data without one")
					}
					c = c[k:]
				}
			}
		})
	}
}

// Whole over the fields of the same data, mixed lengths, no hits.
func BenchmarkWhole(b *testing.B) {
	data := dataRows(1 << 20)
	var fields [][]byte
	for i := 0; i < len(data); {
		for f := i + 7; f < i+1+int(binary.BigEndian.Uint32(data[i+1:])); {
			n := int(binary.BigEndian.Uint32(data[f:]))
			fields = append(fields, data[f+4:f+4+n])
			f += 4 + n
		}
		i += 1 + int(binary.BigEndian.Uint32(data[i+1:]))
	}
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		x := Compile(&token.Snapshot{Version: 1, Tokens: strongTokens(n)})
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, f := range fields {
					if _, ok := x.Whole(f); ok {
						b.Fatal("a hit in data without one")
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(fields)), "ns/field")
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		s := &token.Snapshot{Version: 1, Tokens: strongTokens(n)}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var x *Index
			for b.Loop() {
				x = Compile(s)
			}
			b.ReportMetric(float64(x.Size())/float64(n), "B/token")
			var before, after runtime.MemStats
			x = nil
			runtime.GC()
			runtime.ReadMemStats(&before)
			start := time.Now()
			x = Compile(s)
			d := time.Since(start)
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "heapB/token")
			b.ReportMetric(float64(d.Milliseconds()), "ms")
			runtime.KeepAlive(x)
		})
	}
}
