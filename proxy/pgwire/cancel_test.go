package pgwire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"honeyrow/internal/pgserver"
	"honeyrow/proxy/tlsconf"
	"honeyrow/proxy/wire"
)

func TestCancelReachesTheRightSessionInEveryTLSMode(t *testing.T) {
	s, _, pair := methods(t)
	for _, mode := range []string{tlsconf.Disable, tlsconf.Require} {
		d := openDoor(t, Config{
			TLS:    tlsconf.Client{Mode: tlsconf.Allow, CertFile: pair.CertFile, KeyFile: pair.KeyFile},
			Server: Server{Address: s.Addr(), TLS: tlsconf.Server{Mode: mode}},
		})
		for _, ssl := range []string{"disable", "require"} {
			t.Run(mode+"/"+ssl, func(t *testing.T) {
				dsn := fmt.Sprintf("host=127.0.0.1 port=%s user=trust_u dbname=postgres sslmode=%s", d.port, ssl)
				var conns [2]*pgconn.PgConn
				for i := range conns {
					c, err := pgconn.Connect(t.Context(), dsn)
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close(context.Background())
					conns[i] = c
				}
				done := [2]chan error{make(chan error, 1), make(chan error, 1)}
				for i, c := range conns {
					go func() {
						_, err := c.Exec(context.Background(), "select pg_sleep(30)").ReadAll()
						done[i] <- err
					}()
				}
				waitFor(t, s, 2)
				for i, c := range conns {
					if err := c.CancelRequest(t.Context()); err != nil {
						t.Fatal(err)
					}
					var pe *pgconn.PgError
					if err := <-done[i]; !errors.As(err, &pe) || pe.Code != "57014" {
						t.Errorf("session %d ended with %v, want 57014", i, err)
					}
					if i == 0 {
						select {
						case err := <-done[1]:
							t.Fatalf("the other session ended too: %v", err)
						default:
						}
					}
				}
				if r, err := conns[0].Exec(t.Context(), "select 1").ReadAll(); err != nil || len(r) != 1 {
					t.Errorf("the session is not usable after the cancel: %v", err)
				}
			})
		}
	}
}

// waitFor waits until n sessions of trust_u sleep.
func waitFor(t *testing.T, s *pgserver.Server, n int) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		got, err := s.Query(t.Context(), "postgres", "select count(*) from pg_stat_activity where usename = 'trust_u' and wait_event = 'PgSleep'")
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(got) == fmt.Sprint(n) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s sessions sleep, want %d", strings.TrimSpace(got), n)
		}
	}
}

func TestCancelKeysOfAnyLengthAreComparedWhole(t *testing.T) {
	key := strings.Repeat("k", 31) + "!"
	cancels := make(chan []byte, 10)
	addr := fakeServer(t, func(_ int, c net.Conn) {
		p := readPacket(t, c)
		if bytes.Equal(p[4:8], packet(requestCancel, "")[4:8]) {
			cancels <- p
			return
		}
		_, _ = c.Write(welcome(77, key)) // and closes: the proxy's session lives as long as the client's
	})
	p, err := New(Config{Server: Server{Address: addr, TLS: tlsconf.Server{Mode: tlsconf.Disable}}}, Deps{Inspector: &greeter{}})
	if err != nil {
		t.Fatal(err)
	}
	login := func(first []byte) *wire.Session {
		near, far := tcpPair(t)
		_, _ = near.Write(first)
		s, err := p.Login(t.Context(), far, wire.Origin{})
		if err != nil {
			t.Error(err)
		}
		far.Close()
		if b, _ := io.ReadAll(near); s == nil && len(b) > 0 {
			t.Errorf("a cancel request was answered with %q", b)
		}
		return s
	}
	s := login(packet(v32, "user\x00u\x00\x00"))
	right := packet(requestCancel, "\x00\x00\x00\x4d"+key)
	for name, wrong := range map[string]string{
		"prefix": "\x00\x00\x00\x4d" + key[:4], "one byte off": "\x00\x00\x00\x4d" + key[:31] + "?",
		"other process": "\x00\x00\x00\x4e" + key, "longer": "\x00\x00\x00\x4d" + key + "k",
	} {
		login(packet(requestCancel, wrong))
		select {
		case b := <-cancels:
			t.Errorf("%s: the server got %q", name, b)
		default:
		}
	}
	login(right)
	if b := <-cancels; !bytes.Equal(b, right) {
		t.Errorf("the server got %q, want %q", b, right)
	}
	s.Flow.Close()
	s.Server.Close()
	login(right) // of a closed session
	if got := p.Counters.CancelsUnknown.Load(); got != 5 {
		t.Errorf("%d unknown cancels, want 5", got)
	}
	if got := p.Counters.Cancels.Load(); got != 1 {
		t.Errorf("%d cancels, want 1", got)
	}
}

func TestTheRegistryForgetsOnlyWhatItIsTold(t *testing.T) {
	var r registry
	a, b := &cancelKey{pid: 1, secret: []byte("aaaa")}, &cancelKey{pid: 1, secret: []byte("bbbb")}
	r.add(a)
	r.add(b)
	for _, tt := range []struct {
		pid    uint32
		secret string
		want   *cancelKey
	}{{1, "aaaa", a}, {1, "bbbb", b}, {2, "aaaa", nil}, {1, "aaa", nil}, {1, "aaaaa", nil}, {1, "", nil}, {1, "cccc", nil}} {
		if got := r.find(tt.pid, []byte(tt.secret)); got != tt.want {
			t.Errorf("find(%d, %q) = %v", tt.pid, tt.secret, got)
		}
	}
	r.remove(a)
	r.remove(a)
	if r.find(1, []byte("aaaa")) != nil || r.find(1, []byte("bbbb")) != b || r.len() != 1 {
		t.Errorf("after removal: %d keys", r.len())
	}
	r.remove(b)
	if r.len() != 0 || len(r.keys) != 0 {
		t.Errorf("%d keys are left", r.len())
	}
}

func TestASessionCancelsItself(t *testing.T) {
	s, _, _ := methods(t)
	p, err := New(Config{Server: Server{Address: s.Addr()}}, Deps{Inspector: &greeter{}})
	if err != nil {
		t.Fatal(err)
	}
	near, far := tcpPair(t)
	joined := make(chan *wire.Session, 1)
	go func() {
		s, err := p.Login(context.Background(), far, wire.Origin{})
		if err != nil {
			t.Error(err)
		}
		joined <- s
	}()
	_, _ = near.Write(packet(v30, "user\x00trust_u\x00database\x00postgres\x00\x00"))
	untilReady(t, near)
	sess := <-joined
	defer sess.Server.Close()
	defer sess.Flow.Close()
	_, _ = sess.Server.Write(frame('Q', "select pg_sleep(30)\x00"))
	waitFor(t, s, 1)
	if err := sess.Flow.(*flow).opts.Cancel(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = sess.Server.SetReadDeadline(time.Now().Add(time.Minute))
	b := make([]byte, 4096)
	n, err := io.ReadAtLeast(sess.Server, b, 20)
	if err != nil || !bytes.Contains(b[:n], []byte("C57014")) {
		t.Errorf("server said %q, %v", b[:n], err)
	}
}
