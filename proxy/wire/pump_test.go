package wire

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/internal/leaks"
)

func TestMain(m *testing.M) { os.Exit(leaks.After(m.Run())) }

// plain is a flow that lets everything pass but for what a test scripts.
type plain struct {
	chunk  func(from Side, buf []byte) (Step, error)
	rest   atomic.Bool
	closed atomic.Int32
}

func (f *plain) Chunk(from Side, buf []byte) (Step, error) {
	if f.chunk != nil {
		return f.chunk(from, buf)
	}
	return Step{Pass: len(buf)}, nil
}
func (f *plain) AtRest() bool { return f.rest.Load() }
func (f *plain) Farewell(r Reason, about event.ID) []byte {
	return []byte("bye " + string('0'+byte(r)) + string(about))
}
func (f *plain) Close() { f.closed.Add(1) }

type pair struct {
	client, server *net.TCPConn // the peers' ends
	pump           *Pump
	flow           *plain
	done           chan error
}

func tcpPair(t *testing.T) (a, b *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

func startPair(t *testing.T, f *plain) *pair {
	t.Helper()
	p := &pair{flow: f, done: make(chan error, 1)}
	var c, s *net.TCPConn
	p.client, c = tcpPair(t)
	p.server, s = tcpPair(t)
	p.pump = NewPump(&Session{Client: c, Server: s, Flow: f}, Options{})
	go func() { p.done <- p.pump.Run() }()
	t.Cleanup(func() {
		p.client.Close()
		p.server.Close()
		if f.closed.Load() == 0 {
			<-p.done
		}
		if n := f.closed.Load(); n != 1 {
			t.Errorf("flow closed %d times", n)
		}
	})
	return p
}

func TestEveryByteArrivesInBothDirectionsWhateverTheSizes(t *testing.T) {
	p := startPair(t, &plain{})
	r := rand.New(rand.NewPCG(1, 2))
	want := make([]byte, 3<<20)
	for i := range want {
		want[i] = byte(r.Uint32())
	}
	var wg sync.WaitGroup
	for i, d := range [][2]*net.TCPConn{{p.client, p.server}, {p.server, p.client}} {
		r := rand.New(rand.NewPCG(3, uint64(i)))
		wg.Go(func() {
			for rest := want; len(rest) > 0; {
				n := min(1+r.IntN(200_000), len(rest))
				if _, err := d[0].Write(rest[:n]); err != nil {
					t.Error(err)
					return
				}
				rest = rest[n:]
			}
		})
		wg.Go(func() {
			got := make([]byte, len(want))
			if _, err := io.ReadFull(d[1], got); err != nil || !bytes.Equal(got, want) {
				t.Errorf("read: %v, equal %v", err, bytes.Equal(got, want))
			}
		})
	}
	wg.Wait()
}

func TestAnswersArriveAfterTheClientHasClosedItsSide(t *testing.T) {
	p := startPair(t, &plain{})
	if _, err := p.client.Write([]byte("question")); err != nil {
		t.Fatal(err)
	}
	p.client.CloseWrite()
	q, err := io.ReadAll(p.server)
	if err != nil || string(q) != "question" {
		t.Fatalf("server read %q, %v", q, err)
	}
	if _, err := p.server.Write([]byte("answer")); err != nil {
		t.Fatal(err)
	}
	p.server.Close()
	a, err := io.ReadAll(p.client)
	if err != nil || string(a) != "answer" {
		t.Fatalf("client read %q, %v", a, err)
	}
}

func TestAServersResetIsAFaultUnlessItsClientHasLeft(t *testing.T) {
	for _, tt := range []struct {
		name       string
		left, rest bool // the client has closed its side; nothing is owed to it
		fault      bool
	}{
		{"goodbye", true, true, false},
		{"goodbye with an answer outstanding", true, false, true},
		{"no goodbye", false, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &plain{}
			f.rest.Store(tt.rest)
			p := startPair(t, f)
			if _, err := p.client.Write([]byte("quit")); err != nil {
				t.Fatal(err)
			}
			if tt.left {
				p.client.CloseWrite()
				if _, err := io.ReadAll(p.server); err != nil {
					t.Fatal(err)
				}
			} else if _, err := io.ReadFull(p.server, make([]byte, 4)); err != nil {
				t.Fatal(err)
			}
			if err := p.server.SetLinger(0); err != nil { // a reset instead of an end
				t.Fatal(err)
			}
			p.server.Close()
			err := <-p.done
			if fault := errors.Is(err, syscall.ECONNRESET); fault != tt.fault || !fault && err != nil {
				t.Errorf("the session ended with %v, a fault: %v, want %v", err, fault, tt.fault)
			}
		})
	}
}

func TestFrameLargerThanAnyBufferIsShownWholeWhenTheFlowNeedsIt(t *testing.T) {
	const size = 300_000
	var shown atomic.Int64
	p := startPair(t, &plain{chunk: func(from Side, buf []byte) (Step, error) {
		if from == Server {
			return Step{Pass: len(buf)}, nil
		}
		if len(buf) < size {
			return Step{Need: size}, nil
		}
		shown.Store(int64(len(buf)))
		return Step{Pass: size, Inject: []byte("!")}, nil
	}})
	go p.client.Write(make([]byte, size))
	got := make([]byte, size+1)
	if _, err := io.ReadFull(p.server, got); err != nil || got[size] != '!' {
		t.Fatal(err, got[size])
	}
	if shown.Load() < size {
		t.Fatalf("shown %d bytes", shown.Load())
	}
}

func TestMalformedInputEndsTheSessionWithAWordToTheClient(t *testing.T) {
	for _, side := range []Side{Client, Server} {
		p := startPair(t, &plain{chunk: func(from Side, buf []byte) (Step, error) {
			if from == side && buf[0] == '?' {
				return Step{}, errors.New("no such message")
			}
			return Step{Pass: len(buf)}, nil
		}})
		from := p.client
		if side == Server {
			from = p.server
		}
		from.Write([]byte("?"))
		got, _ := io.ReadAll(p.client)
		if want := "bye " + string('0'+byte(Malformed)); string(got) != want {
			t.Errorf("%s: client read %q, want %q", side, got, want)
		}
		err := <-p.done
		var e *Error
		if !errors.As(err, &e) || e.Side != side || e.Op != "protocol" {
			t.Errorf("%s: session ended with %v", side, err)
		}
		m, s := p.pump.o.Counters.MalformedClient.Load(), p.pump.o.Counters.MalformedServer.Load()
		if m+s != 1 || (side == Client) != (m == 1) {
			t.Errorf("%s: counted client %d, server %d", side, m, s)
		}
	}
}

func TestPanicCostsTheSessionAlone(t *testing.T) {
	p := startPair(t, &plain{chunk: func(from Side, buf []byte) (Step, error) { panic("bug") }})
	p.server.Write([]byte("x"))
	got, _ := io.ReadAll(p.client)
	if string(got) != "bye "+string('0'+byte(Broken)) {
		t.Fatalf("client read %q", got)
	}
	var e *Error
	if err := <-p.done; !errors.As(err, &e) || e.Op != "panic" || len(e.Stack) == 0 {
		t.Fatalf("session ended with %v", err)
	}
	if p.pump.o.Counters.Panics.Load() != 1 {
		t.Fatal("not counted")
	}
}

func TestDrainWaitsForTheTransactionAndNoLonger(t *testing.T) {
	f := &plain{}
	f.chunk = func(from Side, buf []byte) (Step, error) {
		if from == Server {
			f.rest.Store(bytes.HasSuffix(buf, []byte("done")))
		}
		return Step{Pass: len(buf)}, nil
	}
	p := startPair(t, f)
	p.pump.Drain()
	p.server.Write([]byte("working"))
	got := make([]byte, 7)
	if _, err := io.ReadFull(p.client, got); err != nil {
		t.Fatal(err)
	}
	p.server.Write([]byte("done"))
	rest, _ := io.ReadAll(p.client)
	if want := "donebye " + string('0'+byte(Shutdown)); string(rest) != want {
		t.Fatalf("client read %q, want %q", rest, want)
	}
	if err := <-p.done; err != nil {
		t.Fatalf("a drained session ended with %v", err)
	}
}

func TestKillFreesASessionWhoseClientDoesNotRead(t *testing.T) {
	p := startPair(t, &plain{})
	p.pump.o.FarewellTimeout = 50 * time.Millisecond
	b := make([]byte, 1<<20)
	for { // until every buffer on the way is full: the proxy holds the server back
		p.server.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := p.server.Write(b); err != nil {
			break
		}
	}
	p.pump.Kill(Shutdown)
	<-p.done
}

func TestASessionThatWaitsHoldsNoBuffer(t *testing.T) {
	a, b := tcpPair(t)
	defer a.Close()
	defer b.Close()
	in, buf := newReader(b), new(buffer)
	go a.Write(make([]byte, 10*large))
	for got := 0; got < 10*large; {
		if err := in.read(buf, 0); err != nil {
			t.Fatal(err)
		}
		got += buf.len()
		buf.drop(buf.len())
	}
	waits := false
	if err := in.raw.Control(func(fd uintptr) { waits = !in.attempt(fd) }); err != nil || !waits {
		t.Fatalf("there is more to read (%v)", err)
	}
	if len(buf.data) > 0 {
		t.Fatalf("the session at rest holds %d bytes", len(buf.data))
	}
}

func TestEveryReadHasRoomForMuchEvenBehindAPartOfAFrame(t *testing.T) {
	a, b := tcpPair(t)
	defer a.Close()
	defer b.Close()
	in, buf := newReader(b), new(buffer)
	a.Write(make([]byte, 100))
	if err := in.read(buf, 0); err != nil {
		t.Fatal(err)
	}
	buf.drop(30) // 70 bytes are part of a frame
	if err := in.raw.Control(func(fd uintptr) { in.attempt(fd) }); err != nil {
		t.Fatal(err)
	}
	if n := len(buf.data); n < 70 || n > 1024 {
		t.Fatalf("a session that waits with 70 bytes holds %d", n)
	}
	if _, err := a.Write(make([]byte, large-70)); err != nil {
		t.Fatal(err)
	}
	for reads := 0; buf.len() < large; reads++ {
		if reads == 10 {
			t.Fatalf("%d bytes after ten reads", buf.len())
		}
		if err := in.read(buf, 0); err != nil {
			t.Fatal(err)
		}
		if len(buf.data) < large {
			t.Fatalf("a read into %d bytes", len(buf.data))
		}
	}
}

func BenchmarkPump(b *testing.B) {
	for name, size := range map[string]int{"100B": 100, "8KiB": 8 << 10} {
		b.Run(name, func(b *testing.B) {
			t := &testing.T{}
			p := startPair(t, &plain{})
			msg, got := make([]byte, size), make([]byte, size)
			b.SetBytes(int64(2 * size))
			go io.Copy(p.server, p.server)
			for b.Loop() {
				p.client.Write(msg)
				io.ReadFull(p.client, got)
			}
			p.client.Close()
			p.server.Close()
			<-p.done
		})
	}
}

// deafConn takes no more, and tells so.
type deafConn struct {
	net.Conn
	tried chan struct{}
}

func (c deafConn) Write([]byte) (int, error) {
	close(c.tried)
	return 0, syscall.EPIPE
}

func TestWhatTheServerSaidLastArrivesThoughItTakesNoMore(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	f := &plain{chunk: func(from Side, buf []byte) (Step, error) {
		if from == Server && len(buf) > 0 {
			close(asked)
			<-release
		}
		return Step{Pass: len(buf)}, nil
	}}
	client, c := tcpPair(t)
	server, s := tcpPair(t)
	defer client.Close()
	deaf := deafConn{s, make(chan struct{})}
	pump := NewPump(&Session{Client: c, Server: deaf, Flow: f}, Options{FarewellTimeout: time.Minute})
	done := make(chan error, 1)
	go func() { done <- pump.Run() }()
	if _, err := server.Write([]byte("terminated")); err != nil {
		t.Fatal(err)
	}
	server.Close()
	<-asked
	if _, err := client.Write([]byte("more")); err != nil {
		t.Fatal(err)
	}
	<-deaf.tried
	close(release)
	if got, err := io.ReadAll(client); string(got) != "terminated" {
		t.Errorf("client read %q, %v", got, err)
	}
	if err := <-done; err != nil {
		t.Errorf("ended with %v", err)
	}
}
