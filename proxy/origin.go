package proxy

import (
	"bufio"
	"fmt"
	"net"

	proxyproto "github.com/pires/go-proxyproto"

	"honeyrow/proxy/replay"
	"honeyrow/proxy/wire"
)

// headerBytes is the read buffer for a PROXY header. Longer headers are read
// through it.
const headerBytes = 512

// origin tells where an accepted connection comes from. From a listed peer it
// reads the PROXY header, which must be there (HAProxy's "PROXY protocol",
// versions 1 and 2). The connection that it returns yields what follows.
func origin(c net.Conn, trusted networks, o wire.Origin) (net.Conn, wire.Origin, error) {
	var err error
	if o.Peer, err = peer(c); err != nil {
		return c, o, &wire.Error{Side: wire.Client, Op: "read", Err: fmt.Errorf("credentials of the unix peer: %w", err)}
	}
	o.Address = display(c.RemoteAddr())
	if !trusted.has(c.RemoteAddr()) {
		return c, o, nil
	}
	r := bufio.NewReaderSize(c, headerBytes)
	h, err := proxyproto.Read(r)
	if err != nil {
		op := "protocol"
		if ended(err) {
			op = "read"
		}
		return c, o, &wire.Error{
			Side: wire.Client, Op: op,
			Err: fmt.Errorf("PROXY header from %s, which proxy_protocol.from lists: %w", o.Address, err),
		}
	}
	if n := r.Buffered(); n > 0 {
		kept := make([]byte, n)
		_, _ = r.Read(kept) // they are buffered: it can't fail
		c = replay.New(c, kept)
	}
	// LOCAL and UNKNOWN: the balancer speaks for itself (a health check).
	if h.Command.IsProxy() && h.SourceAddr != nil {
		o.Balancer, o.Address, o.Peer = o.Address, display(h.SourceAddr), nil
	}
	return c, o, nil
}

// display names an address as event.Client.Address does.
func display(a net.Addr) string {
	switch a := a.(type) {
	case *net.UnixAddr:
		return "unix"
	case nil:
		return ""
	default:
		return a.String()
	}
}

// host is what per-address limits count: the address without its port.
func host(address string) string {
	if h, _, err := net.SplitHostPort(address); err == nil {
		return h
	}
	return address
}
