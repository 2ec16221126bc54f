package admin

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// Client gives orders to a running proxy on this machine.
type Client struct {
	http  http.Client
	base  string
	token string
	tcp   bool
}

// ErrNoProxy says that nobody listens on the admin address.
var ErrNoProxy = errors.New("no proxy answers on admin.address")

const dialTime = 5 * time.Second

// maxAnswer bounds what is read of an answer: 50,000 sessions and more.
const maxAnswer = 64 << 20

// Dial returns a Client for the proxy that runs with c. It connects at the
// first call.
func Dial(c Config) (*Client, error) {
	if !c.Enabled() {
		return nil, fmt.Errorf("the configuration has no admin.address: add one, such as unix:/run/honeyrow/admin.sock, and restart the proxy")
	}
	token, err := c.token()
	if err != nil {
		return nil, err
	}
	network, addr, err := Split(c.Address)
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	t := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, network, addr)
			if err != nil {
				return nil, fmt.Errorf("%w: %w: is it running with this configuration?", ErrNoProxy, err)
			}
			return conn, nil
		},
	}
	k := &Client{http: http.Client{Transport: t}, base: "http://proxy", token: token.Reveal(), tcp: network == "tcp"}
	if c.CertFile != "" {
		// The server's own certificate is the one to expect.
		pem, err := os.ReadFile(c.CertFile)
		if err != nil {
			return nil, fmt.Errorf("admin: cert_file: %w", err)
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		host, _, _ := net.SplitHostPort(addr)
		t.TLSClientConfig = &tls.Config{RootCAs: pool, ServerName: host, MinVersion: tls.VersionTLS12}
		k.base = "https://" + addr
	}
	return k, nil
}

// Over returns a Client that reaches a proxy through connections of dial's, one
// for each question; Private serves them.
func Over(dial func(ctx context.Context) (net.Conn, error)) *Client {
	return &Client{base: "http://proxy", http: http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, // the other process may end any time
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}}
}

// Metrics returns what /metrics says now.
func (k *Client) Metrics(ctx context.Context) (string, error) {
	b, err := k.ask(ctx, http.MethodGet, "/metrics")
	return string(b), err
}

// Get asks for path and decodes the answer into v.
func (k *Client) Get(ctx context.Context, path string, v any) error {
	return k.do(ctx, http.MethodGet, path, v)
}

// Post gives the order path.
func (k *Client) Post(ctx context.Context, path string) error {
	return k.do(ctx, http.MethodPost, path, nil)
}

// Delete ends what path names.
func (k *Client) Delete(ctx context.Context, path string) error {
	return k.do(ctx, http.MethodDelete, path, nil)
}

// Order sends order as JSON and decodes the answer into v.
func (k *Client) Order(ctx context.Context, method, path string, order, v any) error {
	body, err := json.Marshal(order)
	if err != nil {
		return err
	}
	got, err := k.send(ctx, method, path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	return decode(got, v)
}

func (k *Client) do(ctx context.Context, method, path string, v any) error {
	body, err := k.ask(ctx, method, path)
	if err != nil || v == nil {
		return err
	}
	return decode(body, v)
}

func decode(body []byte, v any) error {
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("the proxy's answer can't be read: %w: does it run the same version of honeyrow?", err)
	}
	return nil
}

func (k *Client) ask(ctx context.Context, method, path string) ([]byte, error) {
	return k.send(ctx, method, path, http.NoBody)
}

func (k *Client) send(ctx context.Context, method, path string, order io.Reader) ([]byte, error) {
	body, _, err := k.exchange(ctx, method, path, order)
	return body, err
}

func (k *Client) exchange(ctx context.Context, method, path string, order io.Reader) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, method, k.base+path, order)
	if err != nil {
		return nil, nil, err
	}
	if k.token != "" {
		req.Header.Set("Authorization", "Bearer "+k.token)
	}
	resp, err := k.http.Do(req)
	if u, ok := errors.AsType[*url.Error](err); ok { // its "Get http://proxy/..." says nothing to a person
		err = u.Err
	}
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, nil, fmt.Errorf("the proxy's answer broke off: %w: try again", err)
	}
	if resp.StatusCode < http.StatusBadRequest || resp.StatusCode == http.StatusServiceUnavailable {
		return body, resp.Header, nil
	}
	var f Failure
	_ = json.Unmarshal(body, &f) // what is no Failure has no words
	switch {
	case f.Error == noSession:
		return nil, nil, ErrNoSession
	case f.Error != "":
		return nil, nil, fmt.Errorf("the proxy refuses: %s", f.Error)
	}
	if resp.StatusCode == http.StatusNotFound && k.token == "" && k.tcp {
		return nil, nil, errors.New("over TCP the proxy tells metrics and health alone unless it has a token: set admin.token_file (or admin.address to unix:/path, which needs none) and restart the proxy")
	}
	return nil, nil, fmt.Errorf("the proxy answers %s: does it run the same version of honeyrow?", resp.Status)
}
