package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"honeyrow/integration/bench/client"
	"honeyrow/internal/pgserver"
)

func message(kind byte, body int) []byte {
	b := make([]byte, postgresFraming.header+body)
	b[0] = kind
	binary.BigEndian.PutUint32(b[1:], uint32(body+4))
	return b
}

func TestPumpWritesWholeMessagesOnceAReadAndStreamsLargeOnes(t *testing.T) {
	small, mid, large := message('D', 10), message('D', 40), message('D', 500)
	tests := []struct {
		name  string
		reads [][]byte
		want  []int // bytes of each write
	}{
		{"whole messages of one read leave in one write", [][]byte{bytes.Join([][]byte{small, small, small}, nil)}, []int{45}},
		{"a tail waits for its rest", [][]byte{append(bytes.Clone(small), mid[:20]...), mid[20:]}, []int{15, 45}},
		{"a split header waits", [][]byte{small[:3], small[3:]}, []int{15}},
		{"a message larger than the buffer is not collected", [][]byte{large[:50], large[50:100], large[100:505]}, []int{50, 50, 64, 64, 64, 64, 64, 64, 21}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got writes
			want := bytes.Join(tt.reads, nil)
			if err := pump(&got, &chunks{left: tt.reads}, postgresFraming, make([]byte, 64)); err != io.EOF {
				t.Fatalf("pump: %v, want EOF", err)
			}
			if !equal(got.sizes, tt.want) {
				t.Errorf("writes of %v bytes, want %v", got.sizes, tt.want)
			}
			if !bytes.Equal(got.all, want) {
				t.Errorf("%d bytes arrived, want %d, or their content differs", len(got.all), len(want))
			}
		})
	}
}

func TestPumpEndsAtAnImpossibleLength(t *testing.T) {
	var got writes
	bad := append(message('D', 3), 'D', 0, 0, 0, 3)
	if err := pump(&got, bytes.NewReader(bad), postgresFraming, make([]byte, 64)); !errors.Is(err, errLength) {
		t.Fatalf("error %v, want %v", err, errLength)
	}
	if len(got.all) != 8 {
		t.Errorf("%d bytes were forwarded, want the 8 of the good message", len(got.all))
	}
}

func TestStartupDeclinesEncryptionAndKeepsThePacket(t *testing.T) {
	start := []byte{0, 0, 0, 17, 0, 3, 0, 0, 'u', 's', 'e', 'r', 0, 'a', 0, 0, 0}
	ask := binary.BigEndian.AppendUint32([]byte{0, 0, 0, 8}, codeTLS)
	rw := &struct {
		io.Reader
		writes
	}{Reader: bytes.NewReader(append(ask, start...))}
	got, err := readStartup(rw, make([]byte, bufferSize))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, start) || string(rw.all) != "N" {
		t.Errorf("packet %q, answers %q; want %q, %q", got, rw.all, start, "N")
	}
}

// FuzzPump: however the stream is cut into reads, what arrives is its longest
// run of whole messages (a streamed message may arrive in part).
func FuzzPump(f *testing.F) {
	f.Add(bytes.Join([][]byte{message('D', 10), message('C', 200), message('Z', 1)}, nil), uint8(7), false)
	f.Add([]byte{'Q', 0, 0, 0, 1}, uint8(1), false)
	f.Add(bytes.Join([][]byte{packet(10), packet(0), packet(200), packet(1)}, nil), uint8(7), true)
	f.Fuzz(func(t *testing.T, stream []byte, cut uint8, mysql bool) {
		const size = 32
		framing := postgresFraming
		if mysql {
			framing = mysqlFraming
		}
		var split, whole writes
		var reads [][]byte
		step := int(cut)%size + 1
		for rest := stream; len(rest) > 0; {
			n := min(step, len(rest))
			reads, rest = append(reads, rest[:n]), rest[n:]
		}
		err1 := pump(&split, &chunks{left: reads}, framing, make([]byte, size))
		err2 := pump(&whole, bytes.NewReader(stream), framing, make([]byte, size))
		if !errors.Is(err1, err2) {
			t.Fatalf("cut into %d: %v, in one: %v", step, err1, err2)
		}
		if !bytes.HasPrefix(stream, split.all) || !bytes.Equal(split.all, whole.all) {
			t.Fatalf("cut into %d: %d bytes arrived, in one: %d", step, len(split.all), len(whole.all))
		}
	})
}

func TestRelayPassesResultsOfARealServerUnharmed(t *testing.T) {
	ctx := context.Background()
	pg, err := pgserver.Start(ctx, pgserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Stop()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go serve(l, pg.Addr(), relayPostgres)
	const wide = "select repeat('x', 200000) from generate_series(1, 20)"
	const many = "select i::text, 'row ' || i from generate_series(1, 50000) i"
	for _, sql := range []string{wide, many, "copy (" + many + ") to stdout"} {
		var got [2]client.Result
		for i, addr := range []string{pg.Addr(), l.Addr().String()} {
			c, err := client.Dial(ctx, addr, "postgres", "postgres", 0)
			if err != nil {
				t.Fatal(err)
			}
			if got[i], err = c.Query(sql); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(sql, "copy") {
				again, err := c.QueryBinary(sql)
				if err != nil {
					t.Fatal(err)
				}
				if again.Rows != got[i].Rows {
					t.Errorf("%s: %d rows in binary, %d in text", sql, again.Rows, got[i].Rows)
				}
			}
			if err := c.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
		if got[0] != got[1] || got[0].Rows == 0 {
			t.Errorf("%s: %+v directly, %+v through the relay", sql, got[0], got[1])
		}
	}
}

type writes struct {
	sizes []int
	all   []byte
}

func (w *writes) Write(p []byte) (int, error) {
	w.sizes = append(w.sizes, len(p))
	w.all = append(w.all, p...)
	return len(p), nil
}

type chunks struct{ left [][]byte }

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.left) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.left[0])
	if c.left[0] = c.left[0][n:]; len(c.left[0]) == 0 {
		c.left = c.left[1:]
	}
	return n, nil
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
