package proxy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	proxyproto "github.com/pires/go-proxyproto"

	"honeyrow/proxy/wire"
)

const startup30 = "\x00\x03\x00\x00user\x00postgres\x00database\x00postgres\x00\x00"

func startupPacket() []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(4+len(startup30))), startup30...)
}

// header builds a PROXY header of the given version.
func header(t *testing.T, version byte, src string, tlvs ...proxyproto.TLV) []byte {
	t.Helper()
	from, err := net.ResolveTCPAddr("tcp", src)
	if err != nil {
		t.Fatal(err)
	}
	to := &net.TCPAddr{IP: net.ParseIP("127.0.0.1"), Port: 6432}
	if from.IP.To4() == nil {
		to.IP = net.ParseIP("::1")
	}
	h := proxyproto.HeaderProxyFromAddrs(version, from, to)
	if len(tlvs) > 0 {
		if err := h.SetTLVs(tlvs); err != nil {
			t.Fatal(err)
		}
	}
	b, err := h.Format()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestThePROXYHeaderNamesTheClient(t *testing.T) {
	long := proxyproto.TLV{Type: proxyproto.PP2_TYPE_AUTHORITY, Value: bytes.Repeat([]byte("a"), 2000)}
	for _, tt := range []struct {
		name   string
		from   []string
		send   []byte // before the startup packet
		client string // "": refused
	}{
		{"v1", []string{"127.0.0.0/8"}, header(t, 1, "192.0.2.7:4711"), "192.0.2.7:4711"},
		{"v2", []string{"127.0.0.1"}, header(t, 2, "192.0.2.7:4711"), "192.0.2.7:4711"},
		{"v2 of IPv6", []string{"127.0.0.1"}, header(t, 2, "[2001:db8::7]:4711"), "[2001:db8::7]:4711"},
		{"v2 longer than the buffer", []string{"127.0.0.1"}, header(t, 2, "192.0.2.7:4711", long), "192.0.2.7:4711"},
		{"v1 unknown: the balancer itself", []string{"127.0.0.1"}, []byte("PROXY UNKNOWN\r\n"), "127.0.0.1:"},
		{"missing from a listed peer", []string{"127.0.0.1"}, nil, ""},
		{"broken", []string{"127.0.0.1"}, []byte("PROXY TCP4 somebody\r\n"), ""},
		{"from a peer that is not listed", []string{"192.0.2.0/24"}, header(t, 1, "192.0.2.7:4711"), ""},
		{"no header from a peer that is not listed", []string{"192.0.2.0/24"}, nil, "127.0.0.1:"},
		{"nobody listed", nil, header(t, 2, "192.0.2.7:4711"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := open(t, Config{ProxyProtocol: ProxyProtocol{From: tt.from}})
			c, err := net.Dial("tcp", h.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			// Everything in one write: what follows the header must not be lost.
			_, _ = c.Write(append(tt.send, startupPacket()...))
			b := make([]byte, 1)
			_, err = io.ReadFull(c, b)
			if tt.client == "" {
				if err == nil && b[0] != 'E' {
					t.Errorf("a login began: %q", b)
				}
				c.Close()
				until(t, "the count", func() bool { return h.Counters.MalformedClient.Load() == 1 })
				return
			}
			if err != nil || b[0] != 'R' {
				t.Fatalf("got %q, %v, want a login; log %s", b, err, h.log)
			}
			who := h.saw.last()
			if !strings.HasPrefix(who.Address, tt.client) {
				t.Errorf("client %q, want %q", who.Address, tt.client)
			}
			if behind := !strings.HasPrefix(tt.client, "127."); behind != strings.HasPrefix(who.Balancer, "127.0.0.1:") {
				t.Errorf("balancer %q", who.Balancer)
			}
		})
	}
}

func TestPerAddressLimitsCountTheRealClient(t *testing.T) {
	h := open(t, Config{Limits: Limits{PerAddress: 1}, ProxyProtocol: ProxyProtocol{From: []string{"127.0.0.1"}}})
	for i, want := range []byte{'R', 'R', 'E'} {
		c, err := net.Dial("tcp", h.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		_, _ = c.Write(append(header(t, 2, fmt.Sprintf("192.0.2.%d:9", min(i, 1)+1)), startupPacket()...))
		b := make([]byte, 1)
		if _, err := io.ReadFull(c, b); err != nil || b[0] != want {
			t.Errorf("client %d got %q, %v, want %q", i, b, err, want)
		}
	}
}

// A client over the limit is told so behind a balancer too, and its request to
// cancel is served: the header is read before anybody is turned away.
func TestTheLimitIsToldBehindABalancerAndCancelsPass(t *testing.T) {
	h := open(t, Config{Limits: Limits{Connections: 1}, ProxyProtocol: ProxyProtocol{From: []string{"127.0.0.1"}}})
	// dial connects as the balancer does for one client.
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			_, err = c.Write(header(t, 2, "192.0.2.7:4711"))
		}
		return c, err
	}
	connect := func() (*pgconn.PgConn, error) {
		conf, err := pgconn.ParseConfig("postgres://postgres@" + h.Addr().String() + "/postgres?sslmode=disable")
		if err != nil {
			t.Fatal(err)
		}
		conf.DialFunc = dial
		return pgconn.ConnectConfig(t.Context(), conf)
	}
	first, err := connect()
	if err != nil {
		t.Fatal(err)
	}
	var pe *pgconn.PgError
	if _, err := connect(); !errors.As(err, &pe) || pe.Code != "53300" {
		t.Errorf("the second client was told %v", err)
	}
	if !strings.Contains(h.log.String(), `"client":"192.0.2.7:4711","limit":"limits.connections"`) {
		t.Errorf("the log does not name the client itself: %s", h.log)
	}
	canBeCancelled(t, first)
	first.Close(context.Background())
}

// FuzzOrigin checks that no bytes of a listed balancer do harm: an origin is
// named or an error blames the client, and what follows a header is kept.
func FuzzOrigin(f *testing.F) {
	f.Add([]byte("PROXY TCP4 192.0.2.7 127.0.0.1 1 2\r\nrest"))
	f.Add(append(append([]byte{}, proxyproto.SIGV2...), 0x21, 0x11, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 0, 2, 'x'))
	trusted, err := parseNetworks([]string{"0.0.0.0/0"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, o, err := origin(&bytesConn{r: bytes.NewReader(b)}, trusted, wire.Origin{})
		if err != nil {
			return
		}
		if o.Address == "" {
			t.Fatalf("no address for %q", b)
		}
		rest, _ := io.ReadAll(bufio.NewReader(c))
		if !bytes.HasSuffix(b, rest) {
			t.Fatalf("%q is left of %q", rest, b)
		}
	})
}

type bytesConn struct {
	net.Conn
	r io.Reader
}

func (c *bytesConn) Read(p []byte) (int, error) { return c.r.Read(p) }
func (c *bytesConn) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.ParseIP("127.0.0.1"), Port: 1}
}
