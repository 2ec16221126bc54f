package wire

import (
	"errors"
	"io"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"honeyrow/event"
)

// deep lets everything pass, and needs a larger stack for that than waiting does.
type deep struct{ plain }

func (f *deep) Chunk(_ Side, buf []byte) (Step, error) { return Step{Pass: descend(64, len(buf))}, nil }

//go:noinline
func descend(depth, n int) int {
	var room [128]byte
	if depth == 0 {
		return n
	}
	room[n%len(room)] = byte(depth)
	return descend(depth-1, n) + int(room[(n+1)%len(room)])
}

func stacks() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// A stack that has grown is given back by the collector in part, and later.
func TestTheStacksAllocatedToASessionThatWaitsAreTheSmallest(t *testing.T) {
	const sessions = 300
	most := uint64(2*2<<10 + 512) // bytes each: two goroutines, and what is left over in the allocator's spans
	if underRace {
		most *= 3 // frames are larger then, and so is what must stay free
	}
	type peers struct{ client, server io.ReadWriteCloser }
	var all []peers
	ends := make(chan error, sessions)
	begin := stacks()
	for range sessions {
		client, c := tcpPair(t)
		server, s := tcpPair(t)
		all = append(all, peers{client, server})
		NewPump(&Session{Client: c, Server: s, Flow: new(deep)}, Options{}).Start(func(why error) { ends <- why })
		b := make([]byte, 8)
		for _, d := range [...][2]io.ReadWriter{{client, server}, {server, client}} {
			if _, err := d[0].Write([]byte("a word")); err != nil {
				t.Fatal(err)
			}
			if _, err := d[1].Read(b); err != nil {
				t.Fatal(err)
			}
		}
	}
	var each uint64
	for end := time.Now().Add(time.Minute); time.Now().Before(end); runtime.Gosched() { // the last ones have yet to wait
		if each = (max(stacks(), begin) - begin) / sessions; each <= most {
			break
		}
	}
	if each > most {
		t.Errorf("the stacks of a session that waits have %d bytes, want at most %d", each, most)
	}
	for _, p := range all {
		p.client.Close()
		p.server.Close()
	}
	for range sessions {
		<-ends
	}
}

func TestAStackIsRenewedAfterAPauseAndNotAtEachChunk(t *testing.T) {
	p := NewPump(&Session{}, Options{})
	d := p.direction(Server, nil, nil, nil)
	moment := p.last.Load()
	for _, tt := range []struct {
		chunks uint
		after  int64
		sheds  bool
	}{
		{1, 0, false},
		{2, 0, true},
		{3, 1, false},
		{4, shedEvery - 1, false},
		{5, shedEvery, true},
		{6, shedEvery + 1, false},
		{7, 2*shedEvery - 1, false},
		{8, 3 * shedEvery, true},
		{32, 3 * shedEvery, true},
		{33, 3 * shedEvery, false},
	} {
		d.chunks = tt.chunks
		p.last.Store(moment + tt.after)
		if got := d.sheds(); got != tt.sheds {
			t.Errorf("chunk %d after %s: %t", tt.chunks, time.Duration(tt.after), got)
		}
	}
}

// badEnd is a flow with a defect in what is called when a session ends.
type badEnd struct {
	plain
	farewell, close bool
}

func (f *badEnd) Farewell(r Reason, about event.ID) []byte {
	if f.farewell {
		panic("no last word")
	}
	return f.plain.Farewell(r, about)
}

func (f *badEnd) Close() {
	f.plain.Close()
	if f.close {
		panic("not closed")
	}
}

func TestAPanicAtASessionsEndIsWhyItEnded(t *testing.T) {
	for name, f := range map[string]*badEnd{"farewell": {farewell: true}, "close": {close: true}} {
		for _, from := range []Side{Client, Server} {
			t.Run(name+" of "+from.String(), func(t *testing.T) {
				f := &badEnd{farewell: f.farewell, close: f.close}
				f.chunk = func(Side, []byte) (Step, error) { return Step{}, errors.New("malformed") }
				client, c := tcpPair(t)
				server, s := tcpPair(t)
				defer client.Close()
				defer server.Close()
				pump := NewPump(&Session{Client: c, Server: s, Flow: f}, Options{})
				ended := make(chan error, 2)
				pump.Start(func(why error) { ended <- why })
				if _, err := map[Side]io.Writer{Client: client, Server: server}[from].Write([]byte("x")); err != nil {
					t.Fatal(err)
				}
				var e *Error
				if err := <-ended; !errors.As(err, &e) || e.Op != "panic" || len(e.Stack) == 0 {
					t.Errorf("ended with %v", err)
				}
				if n := pump.o.Counters.Panics.Load(); n != 1 {
					t.Errorf("%d panics are counted", n)
				}
				if n := f.closed.Load(); n != 1 {
					t.Errorf("the flow was closed %d times", n)
				}
				for _, peer := range []io.Reader{client, server} {
					_, _ = io.ReadAll(peer) // returns: both connections are closed
				}
			})
		}
	}
}
