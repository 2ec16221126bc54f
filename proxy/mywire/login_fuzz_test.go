package mywire

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/inspect/inspecttest"
	"honeyrow/proxy/wire"
)

// FuzzLogin plays any bytes of both sides against a whole login, with legs on which
// passwords may travel in the clear or not: whatever they are, it ends, and so does
// what is left of it at the server.
func FuzzLogin(f *testing.F) {
	d := dialect{newCaps}
	answer := func(plugin, auth string) []byte {
		r := &response{fixed: make([]byte, responseFixed), user: []byte("app"), auth: []byte(auth), plugin: []byte(plugin), attrs: cat(str("_pid"), str("1"))}
		r.setCaps(newCaps | capLenencAuth)
		return r.encode(newCaps | capLenencAuth)
	}
	change := cat([]byte{mysql.EOF_HEADER}, []byte(pluginSHA2), []byte{0}, []byte("12345678901234567890\x00"))
	full, fast := []byte{moreData, mysql.CACHE_SHA2_FULL_AUTH}, []byte{moreData, mysql.CACHE_SHA2_FAST_AUTH}
	for _, legs := range []byte{0, 1, 2, 3} {
		greeted := pk(0, realGreeting)
		f.Add(pk(1, answer(pluginNative, "01234567890123456789")), cat(greeted, pk(2, d.ok(2))), legs)
		f.Add(pk(1, answer(pluginNative, "x"), []byte("scramble")), cat(greeted, pk(2, change), pk(4, fast), pk(5, d.ok(2))), legs)
		f.Add(pk(1, answer(pluginSHA2, "x"), []byte("secret\x00")), cat(greeted, pk(2, full, []byte("\x01-----BEGIN PUBLIC KEY-----"))), legs)
		f.Add(pk(1, answer(pluginSHA2, "x"), []byte{askKeySHA2}), cat(greeted, pk(2, full)), legs)
		f.Add(pk(1, answer(pluginSHA256, "secret\x00")), cat(greeted, pk(2, []byte("\x01key"))), legs)
		f.Add(pk(1, answer(pluginSHA256, "\x01")), cat(greeted, pk(2, d.ok(2))), legs)
		f.Add(pk(1, answer(pluginDialog, ""), []byte("secret")), cat(greeted, pk(2, []byte("\x04Password: "), errPayload(1045, "28000", "no"))), legs)
		f.Add(pk(1, answer("unknown", "x")), cat(greeted, pk(2, []byte{moreData, 1}, cat([]byte{nextFactor}, []byte("dialog\x00")))), legs)
		f.Add([]byte{}, greeted, legs)
		f.Add(pk(1, answer(pluginNative, "x")), pk(0, errPayload(1040, "", "too many")), legs)
	}
	set, err := load(Config{Server: Server{Address: "127.0.0.1:1"}})
	if err != nil {
		f.Fatal(err)
	}
	local := *set
	local.network = "unix"
	p := &Protocol{}
	f.Fuzz(func(t *testing.T, fromClient, fromServer []byte, legs byte) {
		p.deps = Deps{Inspector: inspecttest.New(), Now: time.Now}
		a, b := net.Pipe()
		c, d := net.Pipe()
		var peers sync.WaitGroup
		for _, x := range []struct {
			c net.Conn
			b []byte
		}{{a, fromClient}, {c, fromServer}} {
			_ = x.c.SetDeadline(time.Now().Add(time.Minute))
			peers.Go(func() { _, _ = io.Copy(io.Discard, x.c) })
			peers.Go(func() {
				_, _ = x.c.Write(x.b)
				x.c.Close()
			})
		}
		defer peers.Wait()
		defer b.Close()
		defer d.Close()
		l := &login{p: p, set: set, client: newFramer(b, wire.Client), raw: d, server: newFramer(d, wire.Server), lift: func() bool { return true }}
		if legs&1 != 0 {
			l.origin.Peer = &event.Peer{}
		}
		if legs&2 != 0 {
			l.set = &local
		}
		greeting, err := l.server.read()
		if err != nil {
			return
		}
		if l.greet, err = parseGreeting(greeting); err != nil {
			return
		}
		l.owes = owesLogin
		s, err := l.greeted(t.Context())
		if err == nil {
			s.Flow.Close()
		} else {
			l.leave()
		}
		if len(l.auth.secret) > 0 {
			t.Error("a password was kept")
		}
	})
}
