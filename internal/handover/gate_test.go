package handover

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func listen(t *testing.T, network, address string) Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	return l.(Listener)
}

// dial connects and says a word.
func dial(t *testing.T, a net.Addr, word string) net.Conn {
	t.Helper()
	c, err := net.Dial(a.Network(), a.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, word); err != nil {
		t.Fatal(err)
	}
	return c
}

func heard(t *testing.T, c net.Conn, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != want {
		t.Errorf("heard %q, %v; want %q", b, err, want)
	}
	c.Close()
}

func TestConnectionsWaitAtAShutGateAndNoneIsRefused(t *testing.T) {
	g := NewGate(listen(t, "tcp", "127.0.0.1:0"))
	conns, done := make(chan net.Conn), make(chan error, 1)
	go func() {
		for {
			c, err := g.Accept()
			if err != nil {
				done <- err
				return
			}
			conns <- c
		}
	}()
	dial(t, g.Addr(), "first")
	heard(t, <-conns, "first")
	g.Shut()
	g.Shut()
	dial(t, g.Addr(), "waits")
	select {
	case c := <-conns: // an Accept that was under way had it
		heard(t, c, "waits")
		dial(t, g.Addr(), "waits")
		select {
		case <-conns:
			t.Fatal("a shut gate let somebody in")
		default:
		}
	default:
	}
	g.Open()
	heard(t, <-conns, "waits")
	g.Shut()
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept of a closed gate: %v", err)
	}
	if err := g.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
}

func TestTheOtherEndGetsTheSocketsAndWhoWaitsAtThem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	gates := []*Gate{NewGate(listen(t, "tcp", "127.0.0.1:0")), NewGate(listen(t, "unix", path))}
	own, file, err := pair()
	if err != nil {
		t.Fatal(err)
	}
	other, err := newLink(file)
	if err != nil {
		t.Fatal(err)
	}
	defer other.close()
	dial(t, gates[0].Addr(), "before")
	h := &Heir{l: own}
	if err := h.sendAll([]string{"one", "two"}, gates, nil); err != nil {
		t.Fatal(err)
	}
	m, files, err := other.receive()
	if err != nil || len(files) != 2 || len(m.Sockets) != 2 {
		t.Fatalf("%+v, %d files, %v", m, len(files), err)
	}
	e := &Estate{l: other, sockets: map[string]*os.File{"one": files[0], "two": files[1]}}
	for i, name := range m.Sockets {
		l, err := e.Socket(name)
		if err != nil || l == nil {
			t.Fatal(name, err)
		}
		gates[i].Keep()
		if err := gates[i].Close(); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			heard(t, c, "before")
		}
		dial(t, gates[i].Addr(), "after")
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		heard(t, c, "after")
		l.Close()
	}
	if l, err := e.Socket("one"); l != nil || err != nil {
		t.Errorf("a socket is had twice: %v", err)
	}
	own.close()
	if _, _, err := other.receive(); err == nil {
		t.Error("the end of the other side is no error")
	}
}

func TestTheNewProcessCallsTheOldOneAsOftenAsItLikes(t *testing.T) {
	own, file, err := pair()
	if err != nil {
		t.Fatal(err)
	}
	other, err := newLink(file)
	if err != nil {
		t.Fatal(err)
	}
	h := &Heir{l: own, calls: newCalls(), ends: make(chan struct{})}
	e := &Estate{l: other, gone: make(chan struct{}), ended: make(chan struct{})}
	if _, err := e.Call(t.Context()); !errors.Is(err, ErrNoElder) {
		t.Errorf("before it serves: %v", err)
	}
	e.Serving()
	if m, _, err := own.receive(); err != nil || !m.Serving {
		t.Fatalf("%+v, %v", m, err)
	}
	go h.listen() // ends with the link
	go func() {   // ends with the listener
		for {
			c, err := h.Calls().Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				c.Close()
			}()
		}
	}()
	for range 3 {
		c, err := e.Call(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, "who is there?"); err != nil {
			t.Fatal(err)
		}
		heard(t, c, "who is there?")
	}
	// Its messages go on beside.
	if err := h.Tell(7); err != nil {
		t.Fatal(err)
	}
	h.calls.Close()
	c, err := e.Call(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes of a process that takes no calls any more", n)
	}
	// What is told comes over another link than the calls.
	for late := time.Now().Add(10 * time.Second); e.Sessions() != 7; runtime.Gosched() {
		if time.Now().After(late) {
			t.Fatalf("%d sessions, told 7", e.Sessions())
		}
	}
	own.close()
	<-e.Gone()
	if _, err := e.Call(t.Context()); !errors.Is(err, ErrNoElder) {
		t.Errorf("after its end: %v", err)
	}
}

func TestAProcessWithoutAPredecessorHasNothing(t *testing.T) {
	var e *Estate
	if s, err := e.Socket("x"); s != nil || err != nil || e.Present() || e.Sessions() != 0 || !e.Sure() || e.Gone() != nil || e.Ended() != nil {
		t.Error("a process without a predecessor has something of it")
	}
	if err := e.Prepared(t.Context(), "1"); err != nil {
		t.Error(err)
	}
	e.Serving()
	e.End()
	e.Fail(errors.New("x"))
	if _, err := e.Call(t.Context()); !errors.Is(err, ErrNoElder) {
		t.Error(err)
	}
	for _, v := range []string{"x", "999999"} {
		t.Setenv(heirEnv, v)
		if _, err := Inherit(); err == nil {
			t.Errorf("%s=%s is taken for a descriptor", heirEnv, v)
		}
	}
}
