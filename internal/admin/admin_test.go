package admin

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"honeyrow/event"
	"honeyrow/internal/config"
)

// proxy is a Backend that notes its orders.
type proxy struct {
	why    []string
	orders []string
	err    error
}

func (p *proxy) Ready(context.Context) []string { return p.why }
func (p *proxy) Status(context.Context) any     { return map[string]string{"state": "serving"} }
func (p *proxy) Drain()                         { p.orders = append(p.orders, "drain") }
func (p *proxy) Sessions(context.Context) ([]Session, error) {
	return []Session{{Client: event.Client{Session: "s1", User: "app"}}}, p.err
}

func (p *proxy) Reload(context.Context) error {
	p.orders = append(p.orders, "reload")
	return p.err
}

func (p *proxy) Kill(_ context.Context, id event.ID) (bool, error) {
	p.orders = append(p.orders, "kill "+string(id))
	return id == "s1", p.err
}

// open starts a server and returns its address, or fails the test.
func open(t *testing.T, c Config, b Backend) *Server {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("honeyrow_up 1\n")) })
	s, err := Listen(c, Deps{Backend: b, Metrics: metrics, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve() // ends with Close
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func socketFile(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "adm") // a unix socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

func TestOverTCPOnlyMetricsAndHealthAreOpen(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte("open sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, token string // configured file
		shown       string
		path        string
		want        int
	}{
		{"metrics without a token", "", "", "/metrics", 200},
		{"health without a token", "", "", "/healthz", 200},
		{"readiness without a token", "", "", "/readyz", 200},
		{"status where no token is configured", "", "", "/v1/status", 404},
		{"profiles where no token is configured", "", "", "/debug/pprof/", 404},
		{"metrics beside a token", secret, "", "/metrics", 200},
		{"status without the token", secret, "", "/v1/status", 401},
		{"status with another token", secret, "open", "/v1/status", 401},
		{"status with the token", secret, "open sesame", "/v1/status", 200},
		{"sessions where no token is configured", "", "", "/v1/sessions", 404},
		{"sessions without the token", secret, "", "/v1/sessions", 401},
		{"sessions with the token", secret, "open sesame", "/v1/sessions", 200},
		{"profiles without asking for them", secret, "open sesame", "/debug/pprof/", 404},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := open(t, Config{Address: "127.0.0.1:0", TokenFile: tc.token}, &proxy{})
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr().String()+tc.path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			if tc.shown != "" {
				req.Header.Set("Authorization", "Bearer "+tc.shown)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != tc.want {
				t.Errorf("%s: %d, want %d", tc.path, resp.StatusCode, tc.want)
			}
		})
	}
}

func TestOrdersOverTCPWithoutATokenSayWhatIsMissing(t *testing.T) {
	s := open(t, Config{Address: "127.0.0.1:0"}, &proxy{})
	k, err := Dial(Config{Address: s.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := k.Sessions(t.Context()); err == nil || !strings.Contains(err.Error(), "set admin.token_file") {
		t.Errorf("got %v, want an error that names admin.token_file", err)
	}
}

func TestASocketIsForItsOwnerAndReplacesADeadOne(t *testing.T) {
	path := socketFile(t)
	c := Config{Address: "unix:" + path}
	p := &proxy{}
	open(t, c, p)
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v %v, want mode 0600", fi.Mode(), err)
	}
	if _, err := Listen(c, Deps{Backend: p, Log: zerolog.Nop()}); err == nil || !strings.Contains(err.Error(), "another proxy") {
		t.Errorf("a second proxy on the same socket: %v", err)
	}
	k, err := Dial(c)
	if err != nil {
		t.Fatal(err)
	}
	ordersAreTaken(t, k, p)
}

// ordersAreTaken lists and ends sessions of p through k.
func ordersAreTaken(t *testing.T, k *Client, p *proxy) {
	t.Helper()
	ss, missing, err := k.Sessions(t.Context())
	if err != nil || missing != "" || len(ss) != 1 || ss[0].Client.User != "app" {
		t.Errorf("sessions: %+v %q %v", ss, missing, err)
	}
	if err := k.Kill(t.Context(), "s1"); err != nil {
		t.Error(err)
	}
	if err := k.Kill(t.Context(), "s2"); !errors.Is(err, ErrNoSession) {
		t.Errorf("an unknown session: %v", err)
	}
	if got := strings.Join(p.orders, ", "); got != "kill s1, kill s2" {
		t.Errorf("orders: %s", got)
	}
	// What another process has, and does not tell.
	p.err = errors.New("process 7\ndoes not answer")
	if ss, missing, err := k.Sessions(t.Context()); err != nil || len(ss) != 1 || missing != "process 7; does not answer" {
		t.Errorf("sessions: %+v %q %v", ss, missing, err)
	}
	if err := k.Kill(t.Context(), "s2"); err == nil || errors.Is(err, ErrNoSession) || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("a session that nobody knows of: %v", err)
	}
}

func TestAProcessOfTheProxysOwnIsAnsweredWithoutAListener(t *testing.T) {
	l, err := net.Listen("unix", socketFile(t))
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{}
	s := Private(l, Deps{Backend: p, Metrics: http.NotFoundHandler(), Log: zerolog.Nop()})
	go s.Serve() // ends with Close
	defer s.Close()
	ordersAreTaken(t, Over(func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", l.Addr().String())
	}), p)
}

func TestReadinessSaysWhyNot(t *testing.T) {
	h := routes(Config{}, true, config.Secret{}, Deps{Backend: &proxy{why: []string{"draining"}}, Metrics: http.NotFoundHandler()})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", http.NoBody))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"draining"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestMistakesOfTheConfigurationAreNamed(t *testing.T) {
	for _, tc := range []struct {
		c    Config
		want string
	}{
		{Config{}, ""},
		{Config{Address: "unix:/run/a.sock"}, ""},
		{Config{Address: "127.0.0.1:9180"}, ""},
		{Config{Address: "0.0.0.0:9180"}, ""},
		{Config{Address: "127.0.0.1:9180", TokenFile: "t"}, ""},
		{Config{Address: "0.0.0.0:9180", TokenFile: "t", CertFile: "c", KeyFile: "k"}, ""},
		{Config{Pprof: true}, "address is missing"},
		{Config{Address: "unix:run/a.sock"}, "absolute path"},
		{Config{Address: "9180"}, "neither host:port"},
		{Config{Address: "0.0.0.0:9180", TokenFile: "t"}, "cert_file"},
		{Config{Address: "127.0.0.1:9180", TokenFile: "t", TokenEnv: "T"}, "keep one"},
		{Config{Address: "127.0.0.1:9180", CertFile: "c"}, "belong together"},
		{Config{Address: "127.0.0.1:9180", Pprof: true}, "pprof"},
		{Config{Address: "unix:/run/a.sock", TokenFile: "t"}, "permissions"},
	} {
		err := tc.c.Validate()
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v, want %q", tc.c, err, tc.want)
		}
	}
}

// What an http.Client says of its request means nothing to the operator.
func TestThatNobodyAnswersIsSaidInItsOwnWords(t *testing.T) {
	k, err := Dial(Config{Address: "unix:" + socketFile(t)})
	if err != nil {
		t.Fatal(err)
	}
	err = k.Post(t.Context(), "/v1/reload")
	if !errors.Is(err, ErrNoProxy) || !strings.HasPrefix(err.Error(), ErrNoProxy.Error()) {
		t.Errorf("got %v", err)
	}
}
