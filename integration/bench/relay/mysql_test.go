package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"testing"

	"honeyrow/integration/bench/client"
	"honeyrow/internal/myserver"
)

func TestMain(m *testing.M) {
	code := m.Run()
	myserver.Cleanup()
	os.Exit(code)
}

func packet(body int) []byte {
	return append([]byte{byte(body), byte(body >> 8), byte(body >> 16), 1}, make([]byte, body)...)
}

func TestPumpWritesWholePacketsOnceAReadAndStreamsLargeOnes(t *testing.T) {
	small, mid, large := packet(11), packet(41), packet(501)
	const most = 1<<24 - 1
	huge := append(packet(most), packet(100)...) // one payload of more than 16 MiB
	tests := []struct {
		name  string
		size  int // of the buffer
		reads [][]byte
		want  []int // bytes of each write
	}{
		{"whole packets of one read leave in one write", 64, [][]byte{bytes.Join([][]byte{small, packet(0), small}, nil)}, []int{34}},
		{"a tail waits for its rest", 64, [][]byte{append(bytes.Clone(small), mid[:20]...), mid[20:]}, []int{15, 45}},
		{"a split header waits", 64, [][]byte{small[:3], small[3:]}, []int{15}},
		{"a packet larger than the buffer is not collected", 64, [][]byte{large[:50], large[50:100], large[100:]}, []int{50, 50, 64, 64, 64, 64, 64, 64, 21}},
		{"a payload over 16 MiB is streamed, its last packet with what was read of it", 16 << 20, [][]byte{huge}, []int{16 << 20, 107}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got writes
			want := bytes.Join(tt.reads, nil)
			if err := pump(&got, &chunks{left: tt.reads}, mysqlFraming, make([]byte, tt.size)); err != io.EOF {
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

func TestGreetingOffersNeitherEncryptionNorCompression(t *testing.T) {
	greeting := func(low0, low1, high1 byte) []byte {
		b := append([]byte("\x00\x00\x00\x00\x0a10.11\x00"), make([]byte, 4+8+1)...)
		b = append(b, low0, low1, 45, 2, 0, 0xff, high1)
		b[0] = byte(len(b) - packetHeader)
		return b
	}
	buf := make([]byte, bufferSize)
	got, err := readGreeting(bytes.NewReader(greeting(0xff, 0xff, 0xff)), buf)
	if want := greeting(0xdf, 0xf7, 0xfb); err != nil || !bytes.Equal(got, want) {
		t.Errorf("% x, %v; want % x", got, err, want)
	}
	full := append([]byte{5, 0, 0, 0}, "\xff\x10\x04no"...)
	if got, err := readGreeting(bytes.NewReader(full), buf); err != nil || !bytes.Equal(got, full) {
		t.Errorf("an error packet: % x, %v", got, err)
	}
	for name, in := range map[string][]byte{
		"nothing": nil, "another protocol": []byte("SSH-2.0-x"), "a short greeting": {3, 0, 0, 0, 10, 0, 1}, "an empty packet": {0, 0, 0, 0},
	} {
		if got, err := readGreeting(bytes.NewReader(in), buf); err == nil {
			t.Errorf("%s was taken for a greeting: % x", name, got)
		}
	}
}

func FuzzReadGreeting(f *testing.F) {
	f.Add([]byte("\x1a\x00\x00\x00\x0a10.11\x00\x01\x00\x00\x0012345678\x00\xff\xff\x2d\x02\x00\xff\xff"))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := readGreeting(bytes.NewReader(in), make([]byte, bufferSize))
		if err == nil && (len(got) > len(in) || !bytes.Equal(got[:packetHeader+1], in[:packetHeader+1])) {
			t.Fatalf("% x became % x", in, got)
		}
	})
}

func TestRelayPassesResultsOfARealMariaDBUnharmed(t *testing.T) {
	ctx := context.Background()
	my, err := myserver.Start(ctx, myserver.Options{Settings: []string{"max_allowed_packet = 64M"}})
	if err != nil {
		t.Fatal(err)
	}
	defer my.Stop()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go serve(l, my.Addr(), relayMySQL)
	for _, sql := range []string{
		"select repeat('x', 200000) from seq_1_to_20",
		"select seq, concat('row ', seq) from seq_1_to_50000",
		"select repeat('z', 20000000) union all select 'after'",
	} {
		var got [2][2]client.Result
		for i, addr := range []string{my.Addr(), l.Addr().String()} {
			c, err := client.DialMySQL(ctx, addr, "root", "mysql", 0)
			if err != nil {
				t.Fatal(err)
			}
			if got[i][0], err = c.Query(sql); err != nil {
				t.Fatal(err)
			}
			if got[i][1], err = c.QueryBinary(sql); err != nil {
				t.Fatal(err)
			}
			if err := c.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
		if got[0] != got[1] || got[0][0].Rows == 0 || got[0][0].Rows != got[0][1].Rows {
			t.Errorf("%.60s: %+v directly, %+v through the relay", sql, got[0], got[1])
		}
	}
}
