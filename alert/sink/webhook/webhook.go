// Package webhook posts detections to an HTTP server, as JSON or as the owner's
// template says.
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
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"honeyrow/alert"
	"honeyrow/alert/format"
	"honeyrow/alert/peer"
	"honeyrow/event"
	"honeyrow/internal/config"
)

var _ alert.Sink = (*Sink)(nil)

// SignatureHeader carries the time and the signature.
const SignatureHeader = "X-Honeyrow-Signature"

// Config says where to post and what. A secret is never part of it.
type Config struct {
	peer.HTTP `yaml:",inline"`
	// SecretFile or SecretEnv holds the key of the signature; with neither,
	// requests are not signed.
	SecretFile string `yaml:"secret_file"`
	SecretEnv  string `yaml:"secret_env"`
	// BearerFile or BearerEnv holds a token for the Authorization header.
	BearerFile string `yaml:"bearer_file"`
	BearerEnv  string `yaml:"bearer_env"`
	// Headers are sent as they are written: nothing secret belongs there.
	Headers map[string]string `yaml:"headers"`
	// Format is json (default), ecs or ocsf: see package format.
	Format string `yaml:"format"`
	// Template makes the body instead: see body.go. TemplateFile holds it.
	Template     string `yaml:"template"`
	TemplateFile string `yaml:"template_file"`
	ContentType  string `yaml:"content_type"` // empty: application/json
}

// Validate reports what cannot work. It does not read files.
func (c Config) Validate() error {
	switch {
	case !peer.Only(c.SecretFile, c.SecretEnv):
		return errors.New("secret_file: set it or secret_env, not both")
	case !peer.Only(c.BearerFile, c.BearerEnv):
		return errors.New("bearer_file: set it or bearer_env, not both")
	case !peer.Only(c.Template, c.TemplateFile, c.Format):
		return errors.New("template: set one of template, template_file and format")
	}
	for k, v := range c.Headers {
		if !plainHeader(k, v) {
			return fmt.Errorf("headers: %q is no header with a plain value: use letters, digits and dashes, and a value of one line", k)
		}
		if http.CanonicalHeaderKey(k) == "Authorization" {
			return errors.New("headers: Authorization is a secret: use bearer_file or bearer_env")
		}
	}
	if err := format.JSON(c.Format); err != nil {
		return err
	}
	if c.Template != "" {
		if _, err := parse(c.Template, c.ContentType); err != nil {
			return err
		}
	}
	return c.HTTP.Validate("")
}

// plainHeader reports whether a header's name is a token (RFC 9110, 5.6.2) and
// its value visible characters.
func plainHeader(name, value string) bool {
	for _, r := range name {
		if !strings.ContainsRune("!#$%&'*+-.^_`|~", r) && (r > 'z' || r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a') {
			return false
		}
	}
	for _, r := range value {
		if r < ' ' || r > '~' {
			return false
		}
	}
	return name != ""
}

// Door implements peer.Configured.
func (c Config) Door() peer.Door {
	return peer.Door{HTTP: c.HTTP, Secret: peer.From("secret", c.SecretFile, c.SecretEnv)}
}

// Check reads what the configuration names and connects to the receiver.
func (c Config) Check(ctx context.Context) error {
	s, err := New("check", c, peer.Options{})
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	return c.HTTP.Check(ctx, "")
}

// Sink posts to one URL. It is safe for concurrent use.
type Sink struct {
	peer.Service // its Key signs; empty: nothing is signed
	bearer       config.Secret
	cfg          Config
	body         func(*event.Detection) ([]byte, error)
}

// New reads secrets, template and CA file; it makes no connection.
func New(name string, c Config, o peer.Options) (s *Sink, err error) {
	service, err := peer.Open(name, c, o)
	if err != nil {
		return nil, err
	}
	s = &Sink{Service: service, cfg: c}
	if s.bearer, err = peer.Secret("bearer", c.BearerFile, c.BearerEnv); err != nil {
		return nil, err
	}
	if s.body, err = c.body(); err != nil {
		return nil, err
	}
	return s, nil
}

// Deliver implements alert.Sink; peer.Client.Do sorts the answers.
func (s *Sink) Deliver(ctx context.Context, d *event.Detection) error {
	body, err := s.body(d)
	if err != nil {
		return err
	}
	h := http.Header{}
	for k, v := range s.cfg.Headers {
		h.Set(k, v)
	}
	if s.cfg.ContentType != "" {
		h.Set("Content-Type", s.cfg.ContentType)
	}
	h.Set("Idempotency-Key", fmt.Sprintf("%s-%d", d.ID, d.Revision))
	if !s.Key.Empty() {
		h.Set(SignatureHeader, Sign([]byte(s.Key.Reveal()), s.Now(), body))
	}
	if !s.bearer.Empty() {
		h.Set("Authorization", "Bearer "+s.bearer.Reveal())
	}
	_, err = s.Do(ctx, peer.Request{Header: h, Body: body})
	return err
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
