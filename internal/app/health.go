package app

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"honeyrow/token"
)

// Health is what a look from outside tells about the proxy on this machine.
type Health struct {
	Healthy   bool            `json:"healthy"`
	Listeners []ListenerState `json:"listeners"`
	Registry  RegistryState   `json:"registry"`
}

// ListenerState is whether a listener is up.
type ListenerState struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Error   string `json:"error,omitempty"` // empty: it is up
}

// RegistryState is what the proxy last told the registry.
type RegistryState struct {
	Error string `json:"error,omitempty"` // empty: the proxy lives and watches the latest tokens
	PID   int    `json:"pid,omitempty"`
	// Version is the registry's; Watched is the one that the proxy watches.
	Version uint64 `json:"version"`
	Watched uint64 `json:"watched"`
}

// CheckHealth asks each configured listener for an answer of its own (of MySQL's
// listeners, the kernel whether they listen and their connections are accepted),
// and the registry for the proxy's sign of life. It must run on the proxy's machine
// (in its container), with its configuration; it never reaches a database
// server and changes nothing. The error is about the check itself.
func CheckHealth(ctx context.Context, c *Config) (Health, error) {
	if len(c.Listeners) == 0 {
		return Health{}, c.file.Errorf("listeners", "no listener is configured: add one with name and address")
	}
	host, err := os.Hostname()
	if err != nil {
		return Health{}, fmt.Errorf("find this machine's name: %w", err)
	}
	h := Health{Healthy: true}
	for i := range c.Listeners {
		l := &c.Listeners[i]
		s := ListenerState{Name: l.Name, Address: l.Address}
		if err := askListener(ctx, l); err != nil {
			s.Error = err.Error()
		}
		h.Healthy = h.Healthy && s.Error == ""
		h.Listeners = append(h.Listeners, s)
	}
	if err := h.Registry.ask(ctx, c, host); err != nil {
		h.Registry.Error = err.Error()
		h.Healthy = false
	}
	return h, nil
}

// ask finds this machine's proxy among the registry's watchers.
func (r *RegistryState) ask(ctx context.Context, c *Config, host string) (err error) {
	st, _, err := OpenStore(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	servers := c.listenedServers()
	for {
		if r.Version, err = st.Version(ctx); err != nil {
			return err
		}
		ws, err := st.Watchers(ctx)
		if err != nil {
			return err
		}
		w, ok := ownWatcher(ws, host, servers)
		if !ok {
			return fmt.Errorf("no proxy on %s has given a sign of life in the last ten seconds: look at its log", host)
		}
		if r.PID, r.Watched = w.PID, w.Version; r.Watched >= r.Version {
			return nil
		}
		// Something was planted just now: the proxy takes it over within a second.
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return fmt.Errorf("the proxy (pid %d) watches version %d of the registry, the latest is %d: look at its log", w.PID, r.Watched, r.Version)
		}
	}
}

// ownWatcher picks the proxy of this machine that stands before all servers;
// of several, the one that knows most.
func ownWatcher(ws []token.Watcher, host string, servers []string) (best token.Watcher, found bool) {
	for _, w := range ws {
		if w.Host != host || slices.ContainsFunc(servers, func(s string) bool { return !slices.Contains(w.Servers, s) }) {
			continue
		}
		if !found || w.Version > best.Version {
			best, found = w, true
		}
	}
	return best, found
}

// listenedServers names the servers that have a listener, each once.
func (c *Config) listenedServers() []string {
	var out []string
	for _, l := range c.Listeners {
		if !slices.Contains(out, l.Server) {
			out = append(out, l.Server)
		}
	}
	return out
}

// sslRequest asks a PostgreSQL server whether it would encrypt (manual,
// 55.7, SSLRequest). It is the one question that the proxy answers itself.
var sslRequest = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 8), 80877103)

const (
	// askTimeout bounds one listener's answer, and the proxy's taking over of
	// what was planted just now.
	askTimeout = 3 * time.Second
	askAgain   = 50 * time.Millisecond
)

// askListener asks a listener on this machine. PostgreSQL's protocol lets the
// proxy answer without its server; of a listener that takes balancers only it
// is enough that the connection is accepted. MySQL's server speaks first, so
// that the proxy would go to it for every connection: there nobody connects,
// the socket is looked up in the kernel's table.
func askListener(ctx context.Context, l *ListenerConfig) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	network, addr, err := fromHere(l.Address)
	if err != nil {
		return err
	}
	if l.Protocol == mysql {
		return watchListener(ctx, network, addr)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if len(l.ProxyProtocol.From) > 0 {
		return nil
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // fails on a closed connection only, as the next line does
	}
	if _, err := conn.Write(sslRequest); err != nil {
		return err
	}
	var answer [1]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return fmt.Errorf("it accepts connections and does not answer: %w", err)
	}
	if a := answer[0]; a != 'S' && a != 'N' {
		return fmt.Errorf("it answers %q to a question about TLS: is this honeyrow?", a)
	}
	return nil
}

// fromHere turns a listener's address into one to dial on the same machine.
func fromHere(address string) (network, addr string, err error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return "unix", path, nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", "", err
	}
	switch ip := net.ParseIP(host); {
	case host == "":
		host = "localhost"
	case ip != nil && ip.IsUnspecified() && ip.To4() != nil:
		host = "127.0.0.1"
	case ip != nil && ip.IsUnspecified():
		host = "::1"
	}
	return "tcp", net.JoinHostPort(host, port), nil
}
