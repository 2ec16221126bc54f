package client

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"honeyrow/internal/myserver"
)

func TestMain(m *testing.M) {
	code := m.Run()
	myserver.Cleanup()
	os.Exit(code)
}

func TestMySQLClientCountsRowsAndBytesWhateverItsBuffer(t *testing.T) {
	ctx := context.Background()
	my, err := myserver.Start(ctx, myserver.Options{Settings: []string{"max_allowed_packet = 64M"}})
	if err != nil {
		t.Fatal(err)
	}
	defer my.Stop()
	const (
		sql  = "select seq, repeat('y', seq % 700) from seq_1_to_3000"
		huge = "select repeat('z', 20000000), 1 union all select 'a', 2"
	)
	var first, large [2]Result
	for i, size := range []int{0, 1 << 10, packetHeader + 1} {
		c, err := DialMySQL(ctx, my.Addr(), "root", "mysql", size)
		if err != nil {
			t.Fatal(err)
		}
		for j, query := range []func(string) (Result, error){c.Query, c.QueryBinary} {
			got, err := query(sql)
			if i == 0 {
				first[j] = got
			}
			if err != nil || got.Rows != 3000 || got != first[j] {
				t.Errorf("buffer %d, protocol %d: %+v, %v; want 3000 rows and %d bytes", size, j, got, err, first[j].Bytes)
			}
			if _, err = query("select * from nowhere"); err == nil || !strings.Contains(err.Error(), "1146") {
				t.Errorf("buffer %d, protocol %d: error %v, want the server's unknown table", size, j, err)
			}
			if got, err = query("do 1"); err != nil || got.Rows != 0 {
				t.Errorf("buffer %d, protocol %d: after an error: %+v, %v", size, j, got, err)
			}
			if size < 1<<10 { // a row of three packets, five bytes a read, takes too long
				continue
			}
			if got, err = query(huge); large[j].Rows == 0 {
				large[j] = got
			}
			if err != nil || got.Rows != 2 || got.Bytes < 20_000_000 || got != large[j] {
				t.Errorf("buffer %d, protocol %d: row over 16 MiB: %+v, %v; want 2 rows and %d bytes", size, j, got, err, large[j].Bytes)
			}
		}
		if err := c.Close(); err != nil {
			t.Errorf("buffer %d: close: %v", size, err)
		}
	}
	if _, err := DialMySQL(ctx, my.Addr(), "root", "nowhere", 0); err == nil || !strings.Contains(err.Error(), "1049") {
		t.Errorf("unknown database: %v, want the server's error", err)
	}
	if err := my.Exec(ctx, "", "create user locked@localhost identified by 'secret'"); err != nil {
		t.Fatal(err)
	}
	if _, err := DialMySQL(ctx, my.Addr(), "locked", "mysql", 0); err == nil || !strings.Contains(err.Error(), "1045") {
		t.Errorf("user with a password: %v, want access denied", err)
	}
}

// answerTo joins packets with rising sequence ids.
func answerTo(payloads ...string) []byte {
	var b []byte
	for i, p := range payloads {
		b = append(b, byte(len(p)), byte(len(p)>>8), byte(len(p)>>16), byte(i+1))
		b = append(b, p...)
	}
	return b
}

const (
	testOK   = "\x00\x00\x00\x02\x00\x00\x00"
	testMore = "\x00\x00\x00\x0a\x00\x00\x00"
	testEOF  = "\xfe\x00\x00\x02\x00"
)

func TestPacketsReadsEveryKindOfAnswer(t *testing.T) {
	long := strings.Repeat("x", maxPacket-4)
	tests := []struct {
		name   string
		expect phase
		in     []byte
		rows   uint64
		ready  bool
		err    string // of the server
	}{
		{"OK", answer, answerTo(testOK), 0, true, ""},
		{"ERR", answer, answerTo("\xff\x10\x04#08004Too many connections"), 0, true, "Too many connections (1040)"},
		{"rows", answer, answerTo("\x01", "def", testEOF, "\x01a", "\xfb", "\x01b", testEOF), 3, true, ""},
		{"an error among rows", answer, answerTo("\x01", "def", testEOF, "\x01a", "\xff\x25\x05#70100stop"), 1, true, "stop (1317)"},
		{"two results", answer, answerTo(testMore, "\x01", "def", testEOF, "\x01a", testEOF), 1, true, ""},
		{"a result that goes on", answer, answerTo(testMore), 0, false, ""},
		{"prepared with parameters and columns", prepareAnswer, answerTo("\x00\x07\x00\x00\x00\x01\x00\x02\x00\x00\x00\x00", "p", "p", testEOF, "c", testEOF), 0, true, ""},
		{"prepared without both", prepareAnswer, answerTo("\x00\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0, true, ""},
		{"a row over 16 MiB whose second packet looks like an end", answer, answerTo("\x01", "def", testEOF, "\xfd\xff\xff\xff"+long, testEOF[:4], testEOF), 1, true, ""},
		{"a row of exactly 16 MiB less one", answer, answerTo("\x01", "def", testEOF, "\xfd\xfb\xff\xff"+long, "", "\x01b", testEOF), 2, true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := packets{phase: tt.expect}
			used, err := s.feed(tt.in)
			if err != nil || used != len(tt.in) || s.Bytes != uint64(used) {
				t.Fatalf("used %d of %d, counted %d: %v", used, len(tt.in), s.Bytes, err)
			}
			if s.Rows != tt.rows || s.ready != tt.ready || (tt.err == "") != (s.err == nil) || s.err != nil && !strings.Contains(s.err.Error(), tt.err) {
				t.Errorf("%d rows, ready %v, error %v; want %d, %v, %q", s.Rows, s.ready, s.err, tt.rows, tt.ready, tt.err)
			}
			if tt.expect == prepareAnswer && s.statement != 7 {
				t.Errorf("statement %d, want 7", s.statement)
			}
		})
	}
	for name, in := range map[string][]byte{
		"a wish for a file": answerTo("\xfbname"), "an empty answer": answerTo(""), "a short OK": answerTo("\x00\x00"),
		"a short end": answerTo("\x01", "def", testEOF, "\xfe"), "absurd columns": answerTo("\xfd\xff\xff\xff"),
	} {
		var s packets
		if _, err := s.feed(in); err == nil {
			t.Errorf("%s was accepted: %+v", name, s)
		}
	}
}

func FuzzFeedPackets(f *testing.F) {
	f.Add(answerTo("\x01", "def", testEOF, "\x01a", "\xfb", testEOF), uint8(2), false)
	f.Add(answerTo(testMore, "\xff\x10\x04#08004no"), uint8(1), false)
	f.Add(answerTo("\x00\x07\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00", "p", testEOF, "c", testEOF), uint8(0), true)
	f.Fuzz(func(t *testing.T, stream []byte, cut uint8, prepare bool) {
		var whole packets
		if prepare {
			whole.phase = prepareAnswer
		}
		split := whole
		_, err1 := whole.feed(slices.Clone(stream))
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
		if (err1 == nil) != (err2 == nil) || whole.Result != split.Result || whole.ready != split.ready || whole.statement != split.statement {
			t.Fatalf("cut into %d: %+v %v; in one: %+v %v", step, split.Result, err2, whole.Result, err1)
		}
	})
}
