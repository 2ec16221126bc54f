package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/token"
	"honeyrow/token/tokentest"
)

func seeded(b *testing.B, n int) *Store {
	b.Helper()
	s := openAt(b, filepath.Join(b.TempDir(), "honeyrow.db"), nil)
	if err := s.Add(b.Context(), tokentest.Tokens(n)); err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkSnapshot(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := seeded(b, n)
			for b.Loop() {
				snap, err := s.Snapshot(b.Context())
				if err != nil || len(snap.Tokens) != n {
					b.Fatal(err, len(snap.Tokens))
				}
			}
		})
	}
}

// BenchmarkUnseal is the part of Snapshot that is decryption.
func BenchmarkUnseal(b *testing.B) {
	bx, err := newBox(testKey)
	if err != nil {
		b.Fatal(err)
	}
	t := tokentest.Tokens(1)[0]
	sealed := bx.seal(aboutToken(t.ID), packSecret(nil, &t))
	var plain []byte
	for b.Loop() {
		if plain, err = bx.open(plain[:0], aboutToken(t.ID), sealed); err != nil {
			b.Fatal(err)
		}
		if err := unpackSecret(plain, &t); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	for _, n := range []int{1, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := seeded(b, 1)
			for b.Loop() {
				if err := s.Add(b.Context(), tokentest.Tokens(n)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSetState(b *testing.B) {
	s := openAt(b, filepath.Join(b.TempDir(), "honeyrow.db"), nil)
	ts := tokentest.Tokens(1000)
	if err := s.Add(b.Context(), ts); err != nil {
		b.Fatal(err)
	}
	ids := make([]event.ID, len(ts))
	for i := range ts {
		ids[i] = ts[i].ID
	}
	for i := 0; b.Loop(); i++ {
		to := token.Live
		if i%2 == 1 {
			to = token.Retired
		}
		if err := s.SetState(b.Context(), to, ids...); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVersion is what Wait does five times a second.
func BenchmarkVersion(b *testing.B) {
	s := seeded(b, 10_000)
	for b.Loop() {
		if _, err := s.Version(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPut(b *testing.B) {
	for _, n := range []int{1, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := seeded(b, 1)
			for b.Loop() {
				ds := make([]event.Detection, n)
				for i := range ds {
					ds[i] = event.Detection{
						Schema: event.Schema, ID: event.NewID(), Revision: 1, Time: time.Now(), Summary: "somebody read a honey row",
						Statement: event.Statement{Text: "SELECT * FROM customers"}, Hits: make([]event.Hit, 3),
					}
				}
				if err := s.Put(b.Context(), ds, []string{"file", "webhook"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
