package sinktest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// network is a world of one service, reached by dial. It holds no real socket,
// so that it works where time is virtual.
type network struct {
	t     *testing.T
	serve func(net.Conn) // owns the connection

	mu    sync.Mutex
	down  error
	conns []net.Conn
	dials int
	wg    sync.WaitGroup
}

func newNetwork(t *testing.T, serve func(net.Conn)) *network { return &network{t: t, serve: serve} }

// setDown makes dials fail with err and cuts what is connected; nil ends it.
func (n *network) setDown(err error) {
	n.mu.Lock()
	conns := n.conns
	n.down, n.conns = err, nil
	n.mu.Unlock()
	if err != nil {
		for _, c := range conns {
			c.Close()
		}
	}
}

// dialled is how often somebody dialled.
func (n *network) dialled() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials
}

func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dials++
	if n.down != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: n.down}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	client, server := pair(address)
	n.conns = append(n.conns, client, server)
	n.wg.Go(func() {
		defer server.Close()
		n.serve(server)
	})
	return client, nil
}

// close cuts everything and waits until nobody serves.
func (n *network) close() {
	n.setDown(errors.New("the test is over"))
	n.wg.Wait()
}

// stream is one direction of a connection, with room for what is not read yet.
type stream struct {
	mu     sync.Mutex
	cond   *sync.Cond
	buf    []byte
	closed bool
	reset  bool // the reader hung up with something unread
}

func newStream() *stream {
	s := &stream{}
	s.cond = sync.NewCond(&s.mu)
	return s
}

type conn struct {
	in, out    *stream
	local, far net.Addr

	mu     sync.Mutex
	readBy time.Time
	timer  *time.Timer
}

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

func pair(name string) (client, server net.Conn) {
	a, b := newStream(), newStream()
	return &conn{in: a, out: b, local: address("127.0.0.1:1"), far: address(name)}, &conn{in: b, out: a, local: address(name), far: address("127.0.0.1:1")}
}

func (c *conn) expired() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.readBy.IsZero() && !time.Now().Before(c.readBy)
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	c.in.mu.Lock()
	defer c.in.mu.Unlock()
	for len(c.in.buf) == 0 {
		if c.in.reset {
			return 0, syscall.ECONNRESET
		}
		if c.in.closed {
			return 0, io.EOF
		}
		if c.expired() {
			return 0, os.ErrDeadlineExceeded
		}
		c.in.cond.Wait()
	}
	n := copy(p, c.in.buf)
	c.in.buf = c.in.buf[n:]
	c.in.cond.Broadcast()
	return n, nil
}

// room is how much of a stream may wait to be read, in bytes.
const room = 256 << 10

// Write implements net.Conn; it waits only for a peer that does not read.
func (c *conn) Write(p []byte) (int, error) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	for len(c.out.buf) > room && !c.out.closed {
		c.out.cond.Wait()
	}
	if c.out.closed {
		return 0, net.ErrClosed
	}
	c.out.buf = append(c.out.buf, p...)
	c.out.cond.Broadcast()
	return len(p), nil
}

// CloseWrite ends this side's half.
func (c *conn) CloseWrite() error {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.out.closed = true
	c.out.cond.Broadcast()
	return nil
}

// Close implements net.Conn: both directions end. Who hangs up with something
// unread resets the connection, as TCP does.
func (c *conn) Close() error {
	c.in.mu.Lock()
	unread := len(c.in.buf) > 0
	c.in.mu.Unlock()
	if unread {
		c.out.mu.Lock()
		c.out.reset = true
		c.out.mu.Unlock()
	}
	for _, s := range []*stream{c.in, c.out} {
		s.mu.Lock()
		s.closed = true
		s.cond.Broadcast()
		s.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
	return nil
}

func (c *conn) LocalAddr() net.Addr              { return c.local }
func (c *conn) RemoteAddr() net.Addr             { return c.far }
func (c *conn) SetWriteDeadline(time.Time) error { return nil }
func (c *conn) SetDeadline(at time.Time) error   { return c.SetReadDeadline(at) }
func (c *conn) SetReadDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readBy = at
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	wake := func() {
		c.in.mu.Lock()
		c.in.cond.Broadcast()
		c.in.mu.Unlock()
	}
	if !at.IsZero() {
		c.timer = time.AfterFunc(max(time.Until(at), 0), wake)
	}
	return nil
}

// Host is the service's name in every test; its certificate has it.
const Host = "service.test"

// Identity makes a certificate for Host and writes it to a file for clients to trust.
func Identity(t *testing.T) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: Host}, DNSNames: []string{Host},
		NotBefore: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, file
}
