package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"honeyrow/event"
)

// keeper is a flow in which a result stands between "(" and ")", and "!" is refused.
type keeper struct {
	plain
	h     Hold
	count HoldCounters
}

func newKeeper(c HoldConfig) *keeper {
	k := new(keeper)
	k.h = NewHold(c, &k.count)
	return k
}

func (k *keeper) Chunk(from Side, buf []byte) (Step, error) {
	if from == Client {
		return Step{Pass: len(buf)}, nil
	}
	for off, c := range buf {
		switch c {
		case '(':
			k.h.Begin(off)
		case ')':
			k.h.End()
		case '!':
			return k.h.Withdraw(Step{Pass: off, Skip: 1, Inject: []byte("no")}), nil
		}
	}
	return k.h.Settle(Step{Pass: len(buf)}), nil
}

func (k *keeper) Overdue() Step {
	if k.h.Active() {
		k.h.Late()
	}
	return Step{}
}

// startKeeper joins two peers with a flow that keeps things back.
func startKeeper(t *testing.T, k *keeper, hold time.Duration) *pair {
	t.Helper()
	p := &pair{done: make(chan error, 1)}
	var c, s *net.TCPConn
	p.client, c = tcpPair(t)
	p.server, s = tcpPair(t)
	p.pump = NewPump(&Session{Client: c, Server: s, Flow: k, HoldTime: hold}, Options{})
	go func() { p.done <- p.pump.Run() }()
	t.Cleanup(func() {
		p.client.Close()
		p.server.Close()
		if k.closed.Load() == 0 {
			<-p.done
		}
	})
	return p
}

func (p *pair) says(t *testing.T, s string) {
	t.Helper()
	if _, err := p.server.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
}

func (p *pair) gets(t *testing.T, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(p.client, got); err != nil || string(got) != want {
		t.Fatalf("client read %.100q, %v; want %.100q", got, err, want)
	}
}

func TestWhatIsKeptBackLeavesInItsOrderAndOnce(t *testing.T) {
	p := startKeeper(t, newKeeper(HoldConfig{Size: 1 << 20}), time.Hour)
	large := string(bytes.Repeat([]byte("x"), 300_000))
	for _, s := range []string{"a", "(", "b", large, "c)", "d(e", "f)g"} {
		p.says(t, s)
	}
	p.gets(t, "a(b"+large+"c)d(ef)g")
	p.says(t, "(h")
	p.says(t, "i!j")
	p.says(t, "k")
	p.gets(t, "nojk")
}

func TestWhatIsKeptBackLeavesWhenItsTimeIsOver(t *testing.T) {
	k := newKeeper(HoldConfig{Size: 1 << 20})
	p := startKeeper(t, k, 20*time.Millisecond)
	for range 3 { // a deadline that is left over ends no read
		p.says(t, "(a")
		p.gets(t, "(a")
		p.says(t, "b)")
		p.gets(t, "b)")
	}
	if n := k.count.Overdue.Load(); n != 3 {
		t.Fatalf("overdue %d times, want 3", n)
	}
}

func TestWhatIsKeptBackTakesNoMemoryAfterwards(t *testing.T) {
	a, b := tcpPair(t)
	defer a.Close()
	defer b.Close()
	k := newKeeper(HoldConfig{Size: 1 << 20})
	d := &direction{p: NewPump(&Session{Flow: k}, Options{}), from: Server, in: newReader(b), out: io.Discard, total: new(atomic.Uint64), sent: new(atomic.Uint64)}
	const size = 200_000
	go a.Write(append(append([]byte("("), bytes.Repeat([]byte("x"), size)...), ')'))
	for d.sent.Load() == 0 {
		if err := d.in.read(&d.b, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := d.drainBuffer(); err != nil {
			t.Fatal(err)
		}
		if n := len(d.b.data); n > 4*max(d.b.held, large) {
			t.Fatalf("%d bytes for %d that are kept back", n, d.b.held)
		}
	}
	d.b.rest()
	if d.sent.Load() != size+2 || d.b.data != nil {
		t.Fatalf("%d bytes sent, buffer of %d", d.sent.Load(), len(d.b.data))
	}
}

func TestKillEndsAnIdleSessionWithAWord(t *testing.T) {
	p := startPair(t, &plain{})
	p.pump.Enforce(event.Measure{Kill: true, Rule: "r", Detection: "d-1"})
	got, _ := io.ReadAll(p.client)
	if want := "bye " + string('0'+byte(Killed)) + "d-1"; string(got) != want {
		t.Fatalf("client read %q, want %q, ended with %v", got, want, <-p.done)
	}
	var k *KilledError
	if err := <-p.done; !errors.As(err, &k) || k.Rule != "r" || k.Detection != "d-1" {
		t.Fatalf("ended with %v", err)
	}
}

// The order comes from within Chunk, of either side: what Chunk decides is
// still written.
func TestKillComesBehindTheRefusalThatItIsFor(t *testing.T) {
	for _, side := range []Side{Client, Server} {
		var p *pair
		ready := make(chan struct{})
		p = startPair(t, &plain{chunk: func(from Side, buf []byte) (Step, error) {
			<-ready
			if from != side {
				return Step{Pass: len(buf)}, nil
			}
			p.pump.Enforce(event.Measure{Kill: true})
			time.Sleep(time.Millisecond) // the other direction is awake by now
			if from == Client {
				return Step{Skip: len(buf), Reply: []byte("refused ")}, nil
			}
			return Step{Skip: len(buf), Inject: []byte("refused ")}, nil
		}})
		close(ready)
		from := p.client
		if side == Server {
			from = p.server
		}
		from.Write([]byte("x"))
		got, _ := io.ReadAll(p.client)
		if want := "refused bye " + string('0'+byte(Killed)); string(got) != want {
			t.Errorf("%s: client read %q, want %q", side, got, want)
		}
		<-p.done
	}
}

func TestKillFreesSessionsThatAreStuck(t *testing.T) {
	for name, stuck := range map[string]func(p *pair) *net.TCPConn{
		"client does not read": func(p *pair) *net.TCPConn { return p.server },
		"server does not read": func(p *pair) *net.TCPConn { return p.client },
	} {
		t.Run(name, func(t *testing.T) {
			p := startPair(t, &plain{})
			p.pump.o.FarewellTimeout = 50 * time.Millisecond
			b := make([]byte, 1<<20)
			for {
				c := stuck(p)
				c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
				if _, err := c.Write(b); err != nil {
					break
				}
			}
			p.pump.Enforce(event.Measure{Kill: true})
			if err := <-p.done; err == nil {
				t.Fatal("no reason")
			}
		})
	}
}

func TestDelayedSessionIsSlowAndOthersAreNot(t *testing.T) {
	slow, fast := startPair(t, &plain{}), startPair(t, &plain{})
	slow.pump.Enforce(event.Measure{Delay: time.Hour})
	slow.says(t, "late")
	fast.says(t, "soon")
	fast.gets(t, "soon")
	if s := slow.pump.State(); s.ToClient != 0 || s.Delay != longestDelay {
		t.Fatalf("%+v", s)
	}
	slow.flow.rest.Store(false)
	slow.pump.Drain() // what is under way may end in time
	slow.gets(t, "late")
}

func TestDelayEndsWithTheSession(t *testing.T) {
	for name, end := range map[string]func(p *pair){
		"killed":  func(p *pair) { p.pump.Enforce(event.Measure{Kill: true}) },
		"cut":     func(p *pair) { p.pump.Kill(Shutdown) },
		"gone":    func(p *pair) { p.server.Close() },
		"drained": func(p *pair) { p.flow.rest.Store(true); p.pump.Drain() },
	} {
		t.Run(name, func(t *testing.T) {
			p := startPair(t, &plain{})
			p.pump.Enforce(event.Measure{Delay: time.Hour})
			p.client.Write([]byte("x"))
			end(p)
			if name == "gone" {
				p.client.SetLinger(0)
				p.client.Close()
			}
			<-p.done
		})
	}
}

// Orders from anywhere at any moment: no deadlock, no race, each session ends once.
func TestOrdersComeAtAnyMoment(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 50 {
		p := startPair(t, &plain{})
		for _, c := range []*net.TCPConn{p.client, p.server} {
			wg.Go(func() { io.Copy(io.Discard, c) })
			wg.Go(func() {
				for range 100 {
					if _, err := c.Write([]byte("hello")); err != nil {
						return
					}
				}
			})
		}
		wg.Go(func() { p.pump.Enforce(event.Measure{Delay: time.Duration(i) * time.Microsecond}) })
		wg.Go(func() { p.pump.Enforce(event.Measure{Kill: true}) })
		wg.Go(func() { p.pump.State() })
		if i%2 == 0 {
			wg.Go(func() { p.pump.Drain() })
		}
		wg.Go(func() { p.done <- <-p.done })
	}
	wg.Wait()
}

func TestPoolsHaveABufferOfEachSize(t *testing.T) {
	for _, n := range []int{0, 1, large, large + 1, 2 * large, 2*large + 1, 64 * large} {
		k := borrow(n)
		if k == nil || len(k.b) < n || len(k.b) != large<<k.class || k.class > 0 && len(k.b)/2 >= n {
			t.Errorf("%d bytes: %+v", n, k.class)
		}
	}
	if borrow(64*large+1) != nil {
		t.Error("a buffer larger than any pool's")
	}
}

func TestSkipBehindWhatIsKeptBack(t *testing.T) {
	b := buffer{data: []byte("..heldskiprest.."), off: 2, end: 14, held: 4}
	b.skip(4)
	if got := string(b.bytes()); got != "rest" || !slices.Equal(b.data[b.off:b.end], []byte("heldrest")) {
		t.Fatalf("%q of %q", got, b.data[b.off:b.end])
	}
}
