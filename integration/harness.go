// Package integration proves with real servers and other people's clients that
// nobody notices the proxy. A Stand is a private PostgreSQL with the real proxy
// and the real engine, thousands of tokens live, in front of it; everything is
// done twice, directly and through the proxy, and compared.
package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/event"
	"honeyrow/integration/judges"
	"honeyrow/internal/pgserver"
	"honeyrow/proxy"
	"honeyrow/proxy/pgwire"
	"honeyrow/proxy/tlsconf"
)

// Databases are made on every Stand, each with the table of Honey.
var Databases = []string{"app", "pgx_test", "pqgo"}

// Options shape a Stand.
type Options struct {
	Settings []string // lines for postgresql.conf
	HBA      []string // rules before the one that trusts everybody
	Tokens   int      // 5,000 if 0
	// Ahead has statements judged before they are sent (judges.Options).
	Ahead bool
	// Protect puts all listeners into protect mode.
	Protect bool
	// Statement is the listener's limits.statement, its default if 0.
	Statement int
}

// Stand is a server with a proxy before it. Close releases all of it.
type Stand struct {
	Server *pgserver.Server
	// Judges judge all that passes. Who makes a Stand calls pgsql.ServeIfWorker
	// first.
	Judges *judges.Bench
	// Plain takes no TLS; Secure requires it and uses TLS to the server as
	// well, with the server's own certificate; Mixed leaves it to the client
	// and always uses TLS to the server; Protected is Plain in protect mode, with
	// the hold that is the default.
	Plain, Secure, Mixed, Protected *proxy.Listener
	// CAFile is the PEM file of the authority that signed the certificate of
	// the server and of Secure, for "localhost" and 127.0.0.1.
	CAFile string

	dir     string
	stop    context.CancelFunc
	serving sync.WaitGroup
	log     safeBuffer
}

// End is one way to the server.
type End struct {
	Name string // "direct", "proxy" or "proxy with TLS"
	Host string
	Port string
	// SSLMode is what a client of this end must ask for.
	SSLMode string
}

// Addr is host:port.
func (e End) Addr() string { return net.JoinHostPort(e.Host, e.Port) }

// DSN is a connection string in libpq's keyword form.
func (e End) DSN(user, database string) string {
	return fmt.Sprintf("host=%s port=%s user=%s dbname=%s sslmode=%s", e.Host, e.Port, user, database, e.SSLMode)
}

// Env is libpq's environment for a program that is to use this end.
func (e End) Env(user, database string) []string {
	return append(os.Environ(), "PGHOST="+e.Host, "PGPORT="+e.Port, "PGUSER="+user, "PGDATABASE="+database,
		"PGSSLMODE="+e.SSLMode, "LC_ALL=C.UTF-8", "TZ=UTC", "PGTZ=UTC")
}

// Start makes a Stand.
func Start(ctx context.Context, o Options) (*Stand, error) {
	s := &Stand{}
	if err := s.start(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Stand) start(ctx context.Context, o Options) error {
	var err error
	if s.dir, err = os.MkdirTemp("", "honeyrow-stand-"); err != nil {
		return err
	}
	pair, err := issue(s.dir)
	if err != nil {
		return err
	}
	s.CAFile = pair.caFile
	s.Server, err = pgserver.Start(ctx, pgserver.Options{
		Settings: append([]string{"ssl = on", "max_prepared_transactions = 10", "max_connections = 600"}, o.Settings...),
		HBA: append(o.HBA, "local all all trust", "local replication all trust",
			"host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"),
		Files: map[string][]byte{"server.crt": pair.cert, "server.key": pair.key},
	})
	if err != nil {
		return err
	}
	if err := s.plantHoney(ctx); err != nil {
		return err
	}
	if s.Judges, err = judges.New(judges.Options{Ahead: o.Ahead}); err != nil {
		return err
	}
	n := o.Tokens
	if n == 0 {
		n = 5_000
	}
	snap, err := s.tokens(ctx, n)
	if err != nil {
		return err
	}
	s.Judges.Swap(snap)
	return s.listen(ctx, o, pair)
}

// listen opens both listeners and serves them.
func (s *Stand) listen(ctx context.Context, o Options, pair pair) error {
	secure := tlsconf.Client{Mode: tlsconf.Require, CertFile: pair.certFile, KeyFile: pair.keyFile}
	mixed := secure
	mixed.Mode = tlsconf.Allow
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, l := range []struct {
		at     **proxy.Listener
		name   string
		client tlsconf.Client
		server tlsconf.Server
		mode   string
	}{
		{&s.Plain, "plain", tlsconf.Client{Mode: tlsconf.Off}, tlsconf.Server{Mode: tlsconf.Disable}, proxy.ModeDetect},
		{&s.Secure, "secure", secure, tlsconf.Server{Mode: tlsconf.Require}, proxy.ModeDetect},
		{&s.Mixed, "mixed", mixed, tlsconf.Server{Mode: tlsconf.Prefer}, proxy.ModeDetect},
		{&s.Protected, "protected", tlsconf.Client{Mode: tlsconf.Off}, tlsconf.Server{Mode: tlsconf.Disable}, proxy.ModeProtect},
	} {
		log := zerolog.New(&s.log).Level(zerolog.InfoLevel)
		p, err := pgwire.New(pgwire.Config{
			Listener: l.name, TLS: l.client, Statement: o.Statement, Protect: o.Protect || l.mode == proxy.ModeProtect,
			Server: pgwire.Server{Name: ServerName, Address: s.Server.Addr(), TLS: l.server},
		}, pgwire.Deps{Inspector: s.Judges, Log: log})
		if err != nil {
			return err
		}
		ln, err := proxy.Listen(ctx, proxy.Config{Name: l.name, Server: ServerName, Address: "127.0.0.1:0"}, proxy.Deps{Protocol: p, Log: log})
		if err != nil {
			return err
		}
		*l.at = ln
		s.serving.Go(func() { _ = ln.Serve(ctx) })
	}
	return nil
}

// Detections returns what was reported since the last call and not expected. It
// waits until all sessions are over and all that was sent is judged: the clients
// must have gone.
func (s *Stand) Detections(ctx context.Context) ([]event.Detection, error) {
	if err := over(ctx, s.Plain, s.Secure, s.Mixed, s.Protected); err != nil {
		return nil, err
	}
	return s.Judges.Take(ctx)
}

// over waits until the listeners have no session.
func over(ctx context.Context, ls ...*proxy.Listener) error {
	ctx, stop := context.WithTimeout(ctx, 2*time.Minute)
	defer stop()
	for _, l := range ls {
		for len(l.Sessions()) > 0 {
			select {
			case <-ctx.Done():
				return errors.New("sessions are still open after two minutes: close the clients first")
			case <-time.After(2 * time.Millisecond):
			}
		}
	}
	return nil
}

// Direct is the way to the server itself.
func (s *Stand) Direct() End {
	return End{"direct", s.Server.Host, fmt.Sprint(s.Server.Port), "disable"}
}

// Proxy is the way through the proxy.
func (s *Stand) Proxy() End { return listenerEnd("proxy", s.Plain, "disable") }

// ProxyProtect is the way through the proxy in protect mode.
func (s *Stand) ProxyProtect() End {
	return listenerEnd("proxy in protect mode", s.Protected, "disable")
}

// ProxyTLS is the way through the proxy with TLS on both legs.
func (s *Stand) ProxyTLS() End { return listenerEnd("proxy with TLS", s.Secure, "require") }

// ProxyMixed is the way through the proxy with TLS if the client wants it.
func (s *Stand) ProxyMixed() End { return listenerEnd("proxy with optional TLS", s.Mixed, "disable") }

func listenerEnd(name string, l *proxy.Listener, mode string) End {
	host, port, _ := net.SplitHostPort(l.Addr().String())
	return End{name, host, port, mode}
}

// Broken returns the log lines of what the proxy noticed of itself: sessions
// whose frames it could not follow, and panics. It is empty if all was well,
// and must be whatever real clients and servers did.
func (s *Stand) Broken() string {
	var bad []string
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, `"op":"panic"`) || strings.Contains(line, `"op":"protocol"`) && strings.Contains(line, `"message":"session ended"`) {
			bad = append(bad, line)
		}
	}
	return strings.Join(bad, "")
}

// Log is what the proxy has logged, one JSON object a line.
func (s *Stand) Log() string { return s.log.String() }

// TakeLog returns the log as Log does and forgets it, for what runs long.
func (s *Stand) TakeLog() string { return s.log.take() }

// Close ends everything and waits for it.
func (s *Stand) Close() error {
	if s.stop != nil {
		s.stop()
		s.serving.Wait()
	}
	if s.Judges != nil {
		s.Judges.Close()
	}
	if s.Server != nil {
		s.Server.Stop()
	}
	return os.RemoveAll(s.dir)
}

// Dir is a temporary folder that Close removes.
func (s *Stand) Dir() string { return s.dir }

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
	return strings.TrimSpace(b.b.String())
}

// Program returns the path of one of PostgreSQL's programs, such as pgbench.
func (s *Stand) Program(name string) string { return filepath.Join(s.Server.Bin, name) }
