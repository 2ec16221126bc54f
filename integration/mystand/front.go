// Package mystand puts the real proxy with the real engine before a server that
// speaks MySQL's protocol: a private MariaDB, a peer that is tested with
// MySQL 8's handshake, or a script. Other people's clients and suites use it
// and are compared with the server itself. It is for tests and for the programs
// below integration only.
package mystand

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/event"
	"honeyrow/integration/judges"
	"honeyrow/proxy"
	"honeyrow/proxy/mywire"
	"honeyrow/proxy/tlsconf"
	"honeyrow/rules"
	"honeyrow/token"
)

// ServerName is the server's name in the configuration.
const ServerName = "main"

// Options shape a Front.
type Options struct {
	// Tokens are live. Filler adds as many more, with values that occur nowhere.
	Tokens []token.Token
	Filler int
	Rules  rules.Config
	// Ahead has statements judged before they are sent (judges.Options).
	Ahead bool
}

// Front is one engine with any number of listeners, all before servers of one
// name. Close ends it.
type Front struct {
	// Judges judge all that passes.
	Judges *judges.Bench

	ctx     context.Context
	stop    context.CancelFunc
	serving sync.WaitGroup
	log     safeBuffer

	mu        sync.Mutex
	listeners []*proxy.Listener
}

// NewFront makes a Front without listeners.
func NewFront(o Options) (*Front, error) {
	js, err := judges.New(judges.Options{Rules: o.Rules, Ahead: o.Ahead})
	if err != nil {
		return nil, err
	}
	js.Swap(&token.Snapshot{Version: 1, Tokens: append(o.Tokens[:len(o.Tokens):len(o.Tokens)], filler(o.Filler)...)})
	f := &Front{Judges: js}
	f.ctx, f.stop = context.WithCancel(context.Background())
	return f, nil
}

// Gate says how a listener is to stand before a server.
type Gate struct {
	Name    string // of the listener
	Address string // of the server
	Client  tlsconf.Client
	Server  tlsconf.Server
	// Config changes what else mywire is configured with; nil: nothing.
	Config func(*mywire.Config)
}

// Listen opens a listener on a random loopback port and returns its address.
func (f *Front) Listen(g Gate) (addr string, err error) {
	log := zerolog.New(&f.log).Level(zerolog.InfoLevel)
	c := mywire.Config{Listener: g.Name, TLS: g.Client, Server: mywire.Server{Name: ServerName, Address: g.Address, TLS: g.Server}}
	if g.Config != nil {
		g.Config(&c)
	}
	p, err := mywire.New(c, mywire.Deps{Inspector: f.Judges, Log: log})
	if err != nil {
		return "", err
	}
	ln, err := proxy.Listen(f.ctx, proxy.Config{Name: g.Name, Server: ServerName, Address: "127.0.0.1:0"}, proxy.Deps{Protocol: p, Log: log})
	if err != nil {
		return "", err
	}
	f.mu.Lock()
	f.listeners = append(f.listeners, ln)
	f.mu.Unlock()
	f.serving.Go(func() { _ = ln.Serve(f.ctx) })
	return ln.Addr().String(), nil
}

// Take waits until every session is over and returns the detections since the
// last call, each in its last revision, but for those that are expected.
func (f *Front) Take(ctx context.Context) ([]event.Detection, error) {
	ctx, stop := context.WithTimeout(ctx, 2*time.Minute)
	defer stop()
	for f.busy() {
		select {
		case <-ctx.Done():
			return nil, errors.New("sessions are still open after two minutes: close the clients before asking for detections")
		case <-time.After(2 * time.Millisecond):
		}
	}
	return f.Judges.Take(ctx)
}

func (f *Front) busy() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.listeners {
		if len(l.Sessions()) > 0 {
			return true
		}
	}
	return false
}

// Detections returns what was reported since the last call and not expected, once
// all that was sent is judged. Unlike Take it does not wait for sessions to end.
func (f *Front) Detections(ctx context.Context) ([]event.Detection, error) {
	return f.Judges.Take(ctx)
}

// Broken returns the log lines of what the proxy noticed of itself: sessions
// whose packets it could not follow, and panics. It must be empty whatever real
// clients and servers did.
func (f *Front) Broken() string {
	var bad []string
	for line := range strings.Lines(f.Log()) {
		if strings.Contains(line, `"op":"panic"`) || strings.Contains(line, `"op":"protocol"`) {
			bad = append(bad, line)
		}
	}
	return strings.Join(bad, "")
}

// Log is what the proxy has logged, one JSON object a line.
func (f *Front) Log() string { return f.log.String() }

// TakeLog returns the log and forgets it, for what runs long.
func (f *Front) TakeLog() string { return f.log.take() }

// Close ends all listeners and sessions and waits for them.
func (f *Front) Close() {
	f.stop()
	f.serving.Wait()
	f.Judges.Close()
}

// filler are n tokens of honey rows in a table that does not exist.
func filler(n int) []token.Token {
	ts := make([]token.Token, 0, n)
	for len(ts) < n {
		k := len(ts)
		ts = append(ts, Token("filler", "t", "email", fmt.Sprint(k), "email", fmt.Sprintf("filler.%d@ledger.decoy.example", k)))
	}
	return ts
}

// Token is a live, strong token of a row of its own.
func Token(database, table, column, key, kind, value string) token.Token {
	now := time.Now()
	return token.Token{
		ID: event.NewID(), Row: event.NewID(), Kind: kind, Value: value, Strength: token.Strong,
		Place:      event.Place{Server: ServerName, Database: database, Table: table, Column: column, Key: key},
		Deployment: "test", PlantedBy: "test", PlantedAt: now, State: token.Live, ChangedAt: now,
	}
}

// SplitAddr splits host:port, which must be well formed.
func SplitAddr(addr string) (host, port string) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		panic(err)
	}
	return host, port
}

// safeBuffer is a log that many write.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := strings.TrimSpace(b.b.String())
	b.b = bytes.Buffer{}
	return text
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
