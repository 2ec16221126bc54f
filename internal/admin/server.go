// Package admin is the door for those who run the proxy: metrics, health, what
// it is doing, and the orders to reload and to drain. It is a listener of its
// own, apart from the clients' traffic.
//
//	GET  /metrics   Prometheus' text format; numbers only, no values, no statements
//	GET  /healthz   200 while the process lives
//	GET  /readyz    200 while clients are served and watched; 503 and why otherwise
//	GET  /v1/status, POST /v1/reload, POST /v1/drain, POST /v1/hand-over, GET /v1/sessions, DELETE /v1/sessions/ID
//	GET /v1/quarantine, POST /v1/quarantine, DELETE /v1/quarantine/ID
//	GET  /debug/pprof/...
//
// Over a unix socket its permissions are the guard. Over TCP the first three are
// open; the others ask for a bearer token, and are not there without one.
package admin

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/internal/config"
)

// Bounds of what a caller may cost.
const (
	headerTime = 5 * time.Second
	idleTime   = time.Minute
	readyTime  = 3 * time.Second
	maxHeader  = 16 << 10
)

// Backend is the running proxy. Its methods are safe for concurrent use.
type Backend interface {
	// Ready returns why clients are not served or not watched; nil: all is well.
	Ready(ctx context.Context) []string
	// Status is what the proxy is doing, for JSON.
	Status(ctx context.Context) any
	// Reload reads the configuration again and takes it over as a whole or not
	// at all.
	Reload(ctx context.Context) error
	// Drain begins the orderly end, as SIGTERM does, and returns.
	Drain()
}

// Server is an open admin listener.
type Server struct {
	http   *http.Server
	socket net.Listener
	log    zerolog.Logger
}

// Deps are what a Server needs.
type Deps struct {
	Backend Backend
	Metrics http.Handler
	Log     zerolog.Logger
	// Socket is where to listen; nil: Listen opens what the configuration names.
	// The Server closes it.
	Socket net.Listener
}

// Socket is an open listening socket, which can be handed over to another process
// (internal/handover).
type Socket interface {
	net.Listener
	syscall.Conn
	SetDeadline(time.Time) error
}

// Open opens the socket that c names.
func Open(c Config) (Socket, error) {
	network, addr, err := Split(c.Address)
	if err != nil {
		return nil, err
	}
	var l net.Listener
	if network == "unix" {
		l, err = listenUnix(addr)
	} else {
		l, err = net.Listen(network, addr)
	}
	if err != nil {
		return nil, fmt.Errorf("admin: listen on %s: %w: is another proxy running with this configuration?", c.Address, err)
	}
	return l.(Socket), nil // TCP's and unix's both are
}

// Listen opens the socket that c names. Serve answers; Close ends it.
func Listen(c Config, d Deps) (*Server, error) {
	token, err := c.token()
	if err != nil {
		return nil, err
	}
	network, _, err := Split(c.Address)
	if err != nil {
		return nil, err
	}
	s := &Server{log: d.Log, socket: d.Socket}
	if s.socket == nil {
		if s.socket, err = Open(c); err != nil {
			return nil, err
		}
	}
	if c.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("admin: cert_file and key_file: %w", err), s.socket.Close())
		}
		s.socket = tls.NewListener(s.socket, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	}
	s.serve(routes(c, network == "unix", token, d))
	return s, nil
}

// Private is a Server for another process of this proxy's, which alone can reach
// l: it answers everything but profiles without a token.
func Private(l net.Listener, d Deps) *Server {
	s := &Server{log: d.Log, socket: l}
	s.serve(routes(Config{}, true, config.Secret{}, d))
	return s
}

func (s *Server) serve(h http.Handler) {
	s.http = &http.Server{Handler: h, ReadHeaderTimeout: headerTime, ReadTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader}
}

// listenUnix opens a socket that only this user may connect to. One that nobody
// listens on any more is replaced.
func listenUnix(path string) (net.Listener, error) {
	if fi, err := os.Lstat(path); err == nil && fi.Mode()&fs.ModeSocket != 0 {
		conn, err := net.DialTimeout("unix", path, time.Second)
		if err == nil {
			return nil, errors.Join(errors.New("somebody listens there"), conn.Close())
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	old := syscall.Umask(0o177)
	defer syscall.Umask(old)
	return net.Listen("unix", path)
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.socket.Addr() }

// Serve answers until Close.
func (s *Server) Serve() {
	if err := s.http.Serve(s.socket); !errors.Is(err, http.ErrServerClosed) {
		s.log.Error().Err(err).Msg("the admin listener ended: metrics, health and orders are not to be had until a restart")
	}
}

// Close ends the server: answers under way have a moment to go out.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		return s.http.Close()
	}
	return nil
}

func routes(c Config, trusted bool, token config.Secret, d Deps) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", d.Metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, map[string]bool{"alive": true}) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTime)
		defer cancel()
		why := d.Backend.Ready(ctx)
		code := http.StatusOK
		if len(why) > 0 {
			code = http.StatusServiceUnavailable
		}
		answer(w, code, Readiness{Ready: len(why) == 0, Problems: why})
	})
	if !trusted && token.Empty() {
		return mux
	}
	orders := http.NewServeMux()
	orders.HandleFunc("GET /v1/status", func(w http.ResponseWriter, r *http.Request) { answer(w, http.StatusOK, d.Backend.Status(r.Context())) })
	orders.HandleFunc("POST /v1/reload", func(w http.ResponseWriter, r *http.Request) {
		if err := d.Backend.Reload(r.Context()); err != nil {
			answer(w, http.StatusUnprocessableEntity, Failure{err.Error()})
			return
		}
		answer(w, http.StatusOK, struct{}{})
	})
	orders.HandleFunc("POST /v1/drain", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusAccepted, struct{}{})
		d.Backend.Drain()
	})
	if s, ok := d.Backend.(Successor); ok {
		handOverRoute(orders, s)
	}
	if s, ok := d.Backend.(Sessions); ok {
		sessionRoutes(orders, s)
	}
	if q, ok := d.Backend.(Quarantine); ok {
		quarantineRoutes(orders, q)
	}
	if c.Pprof {
		orders.HandleFunc("GET /debug/pprof/", pprof.Index)
		orders.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		orders.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
		orders.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	}
	mux.Handle("/", guard(orders, trusted, token))
	return mux
}

// guard asks for the token where the socket is no guard.
func guard(next http.Handler, trusted bool, token config.Secret) http.Handler {
	if trusted {
		return next
	}
	want := []byte(token.Reveal())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || subtle.ConstantTimeCompare([]byte(got), want) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			answer(w, http.StatusUnauthorized, Failure{"show the token of admin.token_file: Authorization: Bearer TOKEN"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Readiness is the answer of /readyz.
type Readiness struct {
	Ready    bool     `json:"ready"`
	Problems []string `json:"problems,omitempty"`
}

// Failure is the answer to an order that could not be carried out.
type Failure struct {
	Error string `json:"error"`
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // the caller is gone
}
