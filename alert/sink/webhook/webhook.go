// Package webhook posts detections as JSON to an HTTP server.
//
//	POST <url>
//	Content-Type: application/json
//	User-Agent: honeyrow
//	Idempotency-Key: <detection id>-<revision>
//	X-Honeyrow-Signature: t=<unix seconds>,v1=<hex HMAC-SHA-256 of "t.body">
//
// The receiver verifies the signature over the bytes that it got, refuses a
// time too far from its own, and ignores an Idempotency-Key that it has seen.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"honeyrow/alert"
	"honeyrow/event"
)

var _ alert.Sink = (*Sink)(nil)

// SignatureHeader carries the time and the signature.
const SignatureHeader = "X-Honeyrow-Signature"

// DefaultTimeout bounds one request.
const DefaultTimeout = 10 * time.Second

// Config says where to post. A secret is never part of it.
type Config struct {
	URL string `yaml:"url"`
	// URLFile and URLEnv hold the URL where its path is a secret in itself.
	URLFile string `yaml:"url_file"`
	URLEnv  string `yaml:"url_env"`
	// SecretFile or SecretEnv holds the key of the signature; with neither,
	// requests are not signed.
	SecretFile string        `yaml:"secret_file"`
	SecretEnv  string        `yaml:"secret_env"`
	Timeout    time.Duration `yaml:"timeout"` // 0: DefaultTimeout
	// CAFile holds PEM certificates that are trusted instead of the system's;
	// empty or "system" means the system's.
	CAFile string `yaml:"ca_file"`
}

// Validate reports what cannot work. It does not read files.
func (c Config) Validate() error {
	switch {
	case count(c.URL, c.URLFile, c.URLEnv) != 1:
		return errors.New("url: set exactly one of url, url_file and url_env")
	case count(c.SecretFile, c.SecretEnv) > 1:
		return errors.New("secret_file: set it or secret_env, not both")
	case c.Timeout < 0:
		return errors.New("timeout: set a time above zero, such as 10s")
	case c.URL != "":
		_, err := parseURL(c.URL)
		return err
	}
	return nil
}

func count(values ...string) (n int) {
	for _, v := range values {
		if v != "" {
			n++
		}
	}
	return n
}

// parseURL checks a URL; its error does not show it, since it may hold a secret.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("url: not an http or https address with a host: set one such as https://siem.corp/honeyrow")
	}
	return u, nil
}

// Options hold what a Sink can do without.
type Options struct {
	Now func() time.Time // nil: time.Now
}

// Sink posts to one URL. It is safe for concurrent use.
type Sink struct {
	name   string
	url    string
	host   string // for errors
	secret []byte // nil: not signed
	now    func() time.Time
	client *http.Client
}

// New reads the secret and the CA file; it makes no connection.
func New(name string, c Config, o Options) (*Sink, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Sink{name: name, url: c.URL, now: o.Now}
	if s.now == nil {
		s.now = time.Now
	}
	if c.URL == "" {
		text, err := secretFrom("url", c.URLFile, c.URLEnv)
		if err != nil {
			return nil, err
		}
		s.url = string(text)
	}
	u, err := parseURL(s.url)
	if err != nil {
		return nil, err
	}
	s.host = u.Host
	if c.SecretFile != "" || c.SecretEnv != "" {
		if s.secret, err = secretFrom("secret", c.SecretFile, c.SecretEnv); err != nil {
			return nil, err
		}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 1
	if transport.TLSClientConfig, err = tlsConfig(c.CAFile); err != nil {
		return nil, err
	}
	s.client = &http.Client{
		Transport: transport,
		Timeout:   c.Timeout,
		// A redirect would carry the detection to a place nobody configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if s.client.Timeout == 0 {
		s.client.Timeout = DefaultTimeout
	}
	return s, nil
}

// secretFrom reads a secret from a file or an environment variable, without
// the white space around it.
func secretFrom(field, file, env string) ([]byte, error) {
	text, where := os.Getenv(env), "environment variable "+env
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s_file: %w", field, err)
		}
		text, where = string(b), "file "+file
	}
	if text = strings.TrimSpace(text); text == "" {
		return nil, fmt.Errorf("%s: %s is empty: put the %s there", field, where, field)
	}
	return []byte(text), nil
}

func tlsConfig(caFile string) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile == "" || caFile == "system" {
		return cfg, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca_file: %s holds no PEM certificate", caFile)
	}
	return cfg, nil
}

// Name implements alert.Sink.
func (s *Sink) Name() string { return s.name }

// Deliver implements alert.Sink. 2xx is success; 429, 408, 425, 5xx and
// failures of the network are worth another try; other answers are permanent.
func (s *Sink) Deliver(ctx context.Context, d *event.Detection) error {
	body, err := alert.Line(d)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return alert.Permanent(fmt.Errorf("post to %s: the request cannot be made: check the url", s.host))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "honeyrow")
	req.Header.Set("Idempotency-Key", fmt.Sprintf("%s-%d", d.ID, d.Revision))
	if s.secret != nil {
		req.Header.Set(SignatureHeader, Sign(s.secret, s.now(), body))
	}
	resp, err := s.client.Do(req)
	if err != nil {
		// url.Error would show the URL, which may hold a secret.
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err
		}
		return fmt.Errorf("post to %s: %w", s.host, err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	return s.judge(resp)
}

// judge turns the answer into an error. It does not quote the body, which may
// repeat what was sent.
func (s *Sink) judge(resp *http.Response) error {
	code := resp.StatusCode
	if code >= 200 && code < 300 {
		return nil
	}
	err := fmt.Errorf("post to %s: answer %d %s", s.host, code, http.StatusText(code))
	switch {
	case code >= 500, code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code == http.StatusTooEarly:
		if wait := retryAfter(resp.Header.Get("Retry-After"), s.now()); wait > 0 {
			return alert.RetryAfter(err, wait)
		}
		return err
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

// Sign returns the value of SignatureHeader for a body sent at a time.
func Sign(secret []byte, at time.Time, body []byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(t + "."))
	h.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(h.Sum(nil))
}

// Verify checks a SignatureHeader as a receiver does: the signature must fit
// the body and its time must be within tolerance of now.
func Verify(secret []byte, header string, body []byte, now time.Time, tolerance time.Duration) error {
	t, _, ok := strings.Cut(strings.TrimPrefix(header, "t="), ",")
	unix, err := strconv.ParseInt(t, 10, 64)
	if !ok || err != nil {
		return errors.New("signature is malformed: want t=<unix>,v1=<hex>")
	}
	at := time.Unix(unix, 0)
	if !hmac.Equal([]byte(header), []byte(Sign(secret, at, body))) {
		return errors.New("signature does not fit: check that both sides have the same secret and the body is unchanged")
	}
	if d := now.Sub(at); d > tolerance || d < -tolerance {
		return fmt.Errorf("signature is %s old: check both clocks", d)
	}
	return nil
}

// Close implements alert.Sink.
func (s *Sink) Close() error {
	s.client.CloseIdleConnections()
	return nil
}
