package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"honeyrow/alert"
)

// DefaultTimeout bounds one request.
const DefaultTimeout = 10 * time.Second

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// HTTP says where a server is. It is inlined in sinks' own configuration.
type HTTP struct {
	URL string `yaml:"url"`
	// URLFile and URLEnv hold the URL where its path is a secret in itself.
	URLFile string        `yaml:"url_file"`
	URLEnv  string        `yaml:"url_env"`
	Timeout time.Duration `yaml:"timeout"` // of one request; 0: DefaultTimeout
	TLS     `yaml:",inline"`
}

// Validate reports what cannot work. fallback is the URL where none is given;
// empty: one must be.
func (c HTTP) Validate(fallback string) error {
	n := Count(c.URL, c.URLFile, c.URLEnv)
	switch {
	case n > 1, n == 0 && fallback == "":
		return errors.New("url: set exactly one of url, url_file and url_env")
	case c.Timeout < 0:
		return errors.New("timeout: set a time above zero, such as 10s")
	case c.URL != "":
		if _, err := parseURL(c.URL); err != nil {
			return err
		}
	}
	return c.TLS.Validate()
}

// parseURL checks a URL; its error does not show it, since it may hold a secret.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("url: not an http or https address with a host: set one such as https://siem.corp/honeyrow")
	}
	return u, nil
}

func (c HTTP) read(fallback string) (*url.URL, error) {
	text := c.URL
	if c.URLFile != "" || c.URLEnv != "" {
		s, err := Secret("url", c.URLFile, c.URLEnv)
		if err != nil {
			return nil, err
		}
		text = s.Reveal()
	}
	if text == "" {
		text = fallback
	}
	return parseURL(text)
}

// Check reads the URL and connects to the server, without sending anything.
// Errors do not show the URL.
func (c HTTP) Check(ctx context.Context, fallback string) error {
	u, err := c.read(fallback)
	if err != nil {
		return err
	}
	if _, err := c.Open(u.Hostname()); err != nil {
		return err
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return Reach(ctx, net.JoinHostPort(u.Hostname(), port))
}

// Client speaks to one server. It is safe for concurrent use.
type Client struct {
	url  *url.URL
	now  func() time.Time
	http *http.Client
}

// NewClient reads the URL and the certificates; it makes no connection.
func NewClient(c HTTP, fallback string, o Options) (*Client, error) {
	if err := c.Validate(fallback); err != nil {
		return nil, err
	}
	u, err := c.read(fallback)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 1
	if o.Dial != nil {
		transport.DialContext, transport.Proxy = o.Dial, nil
	}
	o = o.Filled()
	if transport.TLSClientConfig, err = c.Open(""); err != nil {
		return nil, err
	}
	cl := &Client{url: u, now: o.Now, http: &http.Client{
		Transport: transport,
		Timeout:   c.Timeout,
		// A redirect would carry the detection to a place nobody configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if cl.http.Timeout == 0 {
		cl.http.Timeout = DefaultTimeout
	}
	return cl, nil
}

// URL returns a copy of the configured URL; it may hold a secret.
func (c *Client) URL() *url.URL {
	u := *c.url
	return &u
}

// Host is the server's name and port, for errors.
func (c *Client) Host() string { return c.url.Host }

// Now is the client's clock.
func (c *Client) Now() time.Time { return c.now() }

// Close hangs up.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// Request is one request.
type Request struct {
	Method string // empty: POST
	// Path is appended to the configured URL's, Query to its query.
	Path   string
	Query  url.Values
	Header http.Header // Content-Type is application/json unless it says otherwise
	Body   []byte
	// Sign is called last, with the request as it will be sent.
	Sign func(*http.Request) error
}

// Answer is what came back.
type Answer struct {
	Code   int
	Header http.Header
	Body   []byte // up to a MiB
	// Torn says why the body did not come whole; nil if it did.
	Torn error
}

// Do sends a request. 2xx is success. Failures of the network, 408, 425, 429,
// 5xx, and what the owner can mend at either side (401, 403, 404, 407, 410) are
// worth another try; a Retry-After is passed on. Every other answer is
// permanent. Errors hold the server's name and the answer's number: neither the
// URL nor what was sent or said. The Answer is nil only if none came.
func (c *Client) Do(ctx context.Context, r Request) (*Answer, error) {
	u := c.URL()
	if r.Path != "" {
		u = u.JoinPath(r.Path)
	}
	if len(r.Query) > 0 {
		q := u.Query()
		for k, vs := range r.Query {
			q[k] = vs
		}
		u.RawQuery = q.Encode()
	}
	if r.Method == "" {
		r.Method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, alert.Permanent(fmt.Errorf("post to %s: the request cannot be made: check the url", c.Host()))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "honeyrow")
	for k, vs := range r.Header {
		req.Header[k] = vs
	}
	if r.Sign != nil {
		if err := r.Sign(req); err != nil {
			return nil, fmt.Errorf("sign the request to %s: %w", c.Host(), err)
		}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		// url.Error would show the URL, which may hold a secret.
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err
		}
		return nil, fmt.Errorf("post to %s: %w", c.Host(), err)
	}
	defer resp.Body.Close()
	a := &Answer{Code: resp.StatusCode, Header: resp.Header}
	a.Body, a.Torn = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if a.Torn != nil {
		a.Torn = fmt.Errorf("post to %s: the answer was cut off: %w", c.Host(), a.Torn)
	}
	return a, c.judge(a)
}

func (c *Client) judge(a *Answer) error {
	code := a.Code
	if code >= 200 && code < 300 {
		return nil
	}
	err := fmt.Errorf("post to %s: answer %d %s", c.Host(), code, http.StatusText(code))
	switch {
	case code >= 500, code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code == http.StatusTooEarly:
		if wait := retryAfter(a.Header.Get("Retry-After"), c.now()); wait > 0 {
			return alert.RetryAfter(err, wait)
		}
		return err
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusProxyAuthRequired:
		return fmt.Errorf("%w: check the credentials and what they allow", err)
	case code == http.StatusNotFound, code == http.StatusGone:
		return fmt.Errorf("%w: check the address", err)
	case code >= 300 && code < 400:
		return alert.Permanent(fmt.Errorf("%w: redirects are not followed; configure the final address", err))
	}
	return alert.Permanent(err)
}

// retryAfter reads the header's two forms (RFC 9110, 10.2.3): seconds or a
// date. It returns 0 for anything else.
func retryAfter(text string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// Word returns an answer's body in parentheses if it is one plain word, as
// services' error codes are (channel_is_archived): nothing that was sent can be
// repeated in it. Otherwise it returns "".
func Word(body []byte) string {
	text := strings.TrimSpace(string(body))
	if text == "" || len(text) > 40 || strings.Trim(text, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return ""
	}
	return " (" + text + ")"
}
