package pgwire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/proxy/wire"
)

// FuzzStartup checks the decoder against pgproto3, which knows versions 3.0 and 3.2.
func FuzzStartup(f *testing.F) {
	f.Add(packet(v30, "user\x00u\x00\x00"))
	f.Add(packet(v32, "user\x00u\x00database\x00d\x00_pq_.x\x00\x00\x00"))
	f.Add(packet(v30, "\x00"))
	f.Add(packet(2<<16, "anything"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 8 || len(b) > startupMax {
			return
		}
		s, err := parseStartup(b)
		if err != nil {
			return
		}
		s.replication()
		if s.version != v30 && s.version != v32 || len(s.params) == 0 {
			return // pgproto3 wants a parameter, the server itself does not
		}
		var m pgproto3.StartupMessage
		if err := m.Decode(b[4:]); err != nil {
			t.Fatalf("accepted %q, which pgproto3 refuses: %v", b, err)
		}
		if len(m.Parameters) != len(s.params) {
			t.Fatalf("parameters %v, pgproto3 %v", s.params, m.Parameters)
		}
		for k, v := range m.Parameters {
			if s.params[k] != v {
				t.Fatalf("%q = %q, pgproto3 %q", k, s.params[k], v)
			}
		}
	})
}

// sliceConn yields a byte string in pieces of at most step bytes.
type sliceConn struct {
	net.Conn
	b    []byte
	step int
}

func (c *sliceConn) Read(p []byte) (int, error) {
	if len(c.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.step)], c.b)
	c.b = c.b[n:]
	return n, nil
}

// FuzzFrames checks that however bytes arrive, the frames are the same and
// together with the rest are what arrived.
func FuzzFrames(f *testing.F) {
	f.Add(welcome(1, "abcd"), uint8(1))
	f.Add(append(auth(authSASL, "SCRAM-SHA-256\x00\x00"), 'E', 0xff, 0xff, 0xff, 0xff), uint8(3))
	f.Add([]byte{'R', 0, 0, 0, 3}, uint8(7))
	f.Fuzz(func(t *testing.T, b []byte, step uint8) {
		fr := newFramer(&sliceConn{b: b, step: int(step) + 1}, wire.Server)
		var got []byte
		for {
			m, err := fr.message(authServerMax)
			if err != nil {
				var e *wire.Error
				if !errors.As(err, &e) || e.Side != wire.Server {
					t.Fatalf("error %v names no side", err)
				}
				break
			}
			if int(binary.BigEndian.Uint32(m[1:]))+1 != len(m) {
				t.Fatalf("frame %q has another length", m)
			}
			got = append(got, m...)
			if m[0] == 'K' {
				if pid, key, err := parseKey(m); err == nil && (len(key) < keyMin || len(key) > keyMax || pid != binary.BigEndian.Uint32(m[5:])) {
					t.Fatalf("key of %d bytes", len(key))
				}
			}
		}
		if !bytes.HasPrefix(b, append(got, fr.rest()...)) {
			t.Fatalf("frames %q and rest %q of %q", got, fr.rest(), b)
		}
	})
}

func FuzzCancel(f *testing.F) {
	f.Add(packet(requestCancel, "\x00\x00\x00\x01abcd"))
	f.Add(packet(requestCancel, "\x00\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 8 || binary.BigEndian.Uint32(b[4:]) != requestCancel {
			return
		}
		pid, key, err := parseCancel(b)
		if err != nil {
			return
		}
		out, err := (&pgproto3.CancelRequest{ProcessID: pid, SecretKey: key}).Encode(nil)
		if err != nil || !bytes.Equal(out[4:], b[4:]) {
			t.Fatalf("%q became %q, %v", b, out, err)
		}
	})
}

// FuzzLogin plays any bytes of both sides against a whole login: whatever they
// are, it ends.
func FuzzLogin(f *testing.F) {
	f.Add(packet(v30, "user\x00u\x00\x00"), welcome(1, "abcd"))
	f.Add(append(packet(v30, "user\x00u\x00\x00"), frame('p', "SCRAM-SHA-256\x00\x00\x00\x00\x01n")...), append(auth(authSASL, "SCRAM-SHA-256-PLUS\x00SCRAM-SHA-256\x00\x00"), welcome(1, "abcd")...))
	f.Add(append(bytes.Clone(gssRequest), packet(v30, "\x00")...), auth(authGSSContinue, "x"))
	f.Fuzz(func(t *testing.T, client, server []byte) {
		a, b := net.Pipe()
		c, d := net.Pipe()
		for _, x := range []struct {
			c net.Conn
			b []byte
		}{{a, client}, {c, server}} {
			go func() {
				_ = x.c.SetDeadline(time.Now().Add(time.Second))
				_, _ = x.c.Write(x.b)
				x.c.Close()
			}()
			go func() { _, _ = io.Copy(io.Discard, x.c) }()
		}
		defer b.Close()
		defer d.Close()
		set, err := load(Config{Server: Server{Address: "127.0.0.1:1"}})
		if err != nil {
			t.Fatal(err)
		}
		p := &Protocol{deps: Deps{Inspector: &greeter{}, Now: time.Now}}
		l := &login{p: p, set: set, client: newFramer(b, wire.Client), silent: true}
		what, err := l.open(t.Context())
		if err != nil || what.start == nil {
			return
		}
		l.start = what.start
		l.who = l.describe(l.start)
		l.link = &serverLink{raw: d, conn: d}
		l.lift = func() bool { return true }
		l.server = newFramer(d, wire.Server)
		if l.authenticate(t.Context()) != nil || l.settle() != nil {
			return
		}
		if s, err := l.join(); err == nil {
			s.Flow.Close()
		}
	})
}
