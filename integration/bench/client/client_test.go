package client

import (
	"context"
	"strings"
	"testing"

	"honeyrow/internal/pgserver"
)

func TestClientCountsRowsAndBytesWhateverItsBuffer(t *testing.T) {
	ctx := context.Background()
	pg, err := pgserver.Start(ctx, pgserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Stop()
	const sql = "select i::text, repeat('y', i % 700) from generate_series(1, 3000) i"
	var first Result
	for _, size := range []int{0, 1 << 10, headerSize} {
		c, err := Dial(ctx, pg.Addr(), "postgres", "postgres", size)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Query(sql)
		if err != nil {
			t.Fatal(err)
		}
		if first.Rows == 0 {
			first = got
		}
		if got.Rows != 3000 || got != first {
			t.Errorf("buffer %d: %+v, want 3000 rows and %d bytes", size, got, first.Bytes)
		}
		if got, err = c.QueryBinary(sql); err != nil || got.Rows != 3000 {
			t.Errorf("buffer %d: binary: %+v, %v", size, got, err)
		}
		if got, err = c.Query("copy (" + sql + ") to stdout"); err != nil || got.Rows != 3000 {
			t.Errorf("buffer %d: copy: %+v, %v", size, got, err)
		}
		if _, err = c.Query("select 1/0"); err == nil || !strings.Contains(err.Error(), "22012") {
			t.Errorf("buffer %d: error %v, want the server's division by zero", size, err)
		}
		if got, err = c.Query("select 1"); err != nil || got.Rows != 1 {
			t.Errorf("buffer %d: after an error: %+v, %v", size, got, err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("buffer %d: close: %v", size, err)
		}
	}
	if _, err := Dial(ctx, pg.Addr(), "postgres", "nowhere", 0); err == nil || !strings.Contains(err.Error(), "3D000") {
		t.Errorf("unknown database: %v, want the server's error", err)
	}
}

func FuzzFeed(f *testing.F) {
	f.Add([]byte("D\x00\x00\x00\x05xC\x00\x00\x00\x04Z\x00\x00\x00\x05I"), uint8(3))
	f.Add([]byte("E\x00\x00\x00\x0aC42\x00M\x00Z\x00\x00\x00\x05I"), uint8(1))
	f.Fuzz(func(t *testing.T, stream []byte, cut uint8) {
		var whole, split scanner
		_, err1 := whole.feed(stream)
		var held []byte
		var err2 error
		step := int(cut) + 1
		for rest := stream; len(rest) > 0 && err2 == nil && !split.ready; {
			n := min(step, len(rest))
			held, rest = append(held, rest[:n]...), rest[n:]
			var used int
			used, err2 = split.feed(held)
			held = held[used:]
		}
		if (err1 == nil) != (err2 == nil) || whole.Result != split.Result || whole.ready != split.ready {
			t.Fatalf("cut into %d: %+v %v; in one: %+v %v", step, split.Result, err2, whole.Result, err1)
		}
	})
}
