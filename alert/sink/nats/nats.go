// Package nats publishes detections to a subject of NATS.
//
// Sources: NATS, "Client Protocol" and "JetStream, Publishing" (a stream
// acknowledges what it has stored; the header Nats-Msg-Id tells it of repeats
// within its duplicate window). Without JetStream nobody tells whether anybody
// has the message: it counts as delivered when the server has read it.
package nats

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	client "github.com/nats-io/nats.go"

	"honeyrow/alert"
	"honeyrow/alert/format"
	"honeyrow/alert/peer"
	"honeyrow/alert/render"
	"honeyrow/event"
	"honeyrow/internal/config"
)

var _ alert.Sink = (*Sink)(nil)

const (
	defaultTimeout = 10 * time.Second
	// headers is what they may take of the server's max_payload.
	headers = 1024
)

// Config names the servers and the subject.
type Config struct {
	Servers []string `yaml:"servers"` // host:port
	Subject string   `yaml:"subject"`
	// Core publishes without JetStream: nothing tells that a message is stored.
	Core bool `yaml:"core"`
	// Plain does without TLS.
	Plain    bool   `yaml:"plain"`
	Format   string `yaml:"format"` // json (default), ecs or ocsf
	peer.TLS `yaml:",inline"`
	// TokenFile or TokenEnv holds a token, or Username is a user and PasswordFile
	// or PasswordEnv holds the password, or CredentialsFile is of a user with a JWT.
	TokenFile       string        `yaml:"token_file"`
	TokenEnv        string        `yaml:"token_env"`
	Username        string        `yaml:"username"`
	PasswordFile    string        `yaml:"password_file"`
	PasswordEnv     string        `yaml:"password_env"`
	CredentialsFile string        `yaml:"credentials_file"`
	Timeout         time.Duration `yaml:"timeout"` // of one delivery; 0: 10 s
}

// Validate reports what cannot work.
func (c Config) Validate() error {
	if err := peer.Hosts("servers", c.Servers, "nats.corp:4222"); err != nil {
		return err
	}
	if err := peer.Login(c.Username, c.PasswordFile, c.PasswordEnv); err != nil {
		return err
	}
	switch {
	case c.Subject == "" || strings.ContainsAny(c.Subject, " \t\r\n*>") || strings.HasPrefix(c.Subject, ".") || strings.HasSuffix(c.Subject, ".") || strings.Contains(c.Subject, ".."):
		return errors.New("subject: set a subject without wildcards, such as alerts.honeyrow")
	case !peer.Only(c.TokenFile, c.TokenEnv, c.Username, c.CredentialsFile):
		return errors.New("token_file: set one of token_file, token_env, username and credentials_file")
	case c.Plain && c.TLS != (peer.TLS{}):
		return errors.New("plain: there are certificates: remove them or it")
	}
	if err := format.JSON(c.Format); err != nil {
		return err
	}
	return c.TLS.Validate()
}

// Check reads the secrets and connects to the first server.
func (c Config) Check(ctx context.Context) error {
	if _, err := New("check", c, peer.Options{}); err != nil {
		return err
	}
	return peer.Reach(ctx, c.Servers[0])
}

// Sink publishes to one subject. It is safe for concurrent use.
type Sink struct {
	name     string
	cfg      Config
	o        peer.Options
	tls      *tls.Config
	token    config.Secret
	password config.Secret

	mu   sync.Mutex
	conn *client.Conn // nil: not connected
}

// New reads the secrets; it makes no connection.
func New(name string, c Config, o peer.Options) (s *Sink, err error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s = &Sink{name: name, cfg: c, o: o.Filled()}
	if s.cfg.Timeout == 0 {
		s.cfg.Timeout = defaultTimeout
	}
	if s.token, err = peer.Secret("token", c.TokenFile, c.TokenEnv); err != nil {
		return nil, err
	}
	if s.password, err = peer.Secret("password", c.PasswordFile, c.PasswordEnv); err != nil {
		return nil, err
	}
	if !c.Plain {
		if s.tls, err = c.Open(""); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Name implements alert.Sink.
func (s *Sink) Name() string { return s.name }

// Close implements alert.Sink.
func (s *Sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
	return nil
}

func (s *Sink) drop() {
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

// dialer bounds a dial by the delivery's context.
type dialer struct {
	ctx  context.Context
	dial peer.Dial
}

// Dial implements the library's CustomDialer. The connection is cut when the
// context ends before the handshake is done: the library bounds only its parts.
func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.dial(d.ctx, network, address)
}

// connect returns a living connection. It is called with mu held.
func (s *Sink) connect(ctx context.Context) (*client.Conn, error) {
	if s.conn != nil && s.conn.IsConnected() {
		return s.conn, nil
	}
	s.drop()
	by, _ := ctx.Deadline()
	opts := []client.Option{
		client.Name("honeyrow"), client.NoReconnect(), client.Timeout(max(time.Until(by), time.Millisecond)), client.SetCustomDialer(dialer{ctx, s.o.Dial}),
		client.ErrorHandler(func(*client.Conn, *client.Subscription, error) {}), // the library's own prints
	}
	if s.tls != nil {
		opts = append(opts, client.Secure(s.tls))
	}
	switch {
	case !s.token.Empty():
		opts = append(opts, client.Token(s.token.Reveal()))
	case s.cfg.Username != "":
		opts = append(opts, client.UserInfo(s.cfg.Username, s.password.Reveal()))
	case s.cfg.CredentialsFile != "":
		opts = append(opts, client.UserCredentials(s.cfg.CredentialsFile))
	}
	scheme := "tls://"
	if s.cfg.Plain {
		scheme = "nats://"
	}
	conn, err := client.Connect(scheme+strings.Join(s.cfg.Servers, ","+scheme), opts...)
	if err != nil {
		return nil, err
	}
	s.conn = conn
	return conn, nil
}

// Deliver implements alert.Sink.
func (s *Sink) Deliver(ctx context.Context, d *event.Detection) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	conn, err := s.connect(ctx)
	if err != nil {
		return s.explain(err)
	}
	limit := conn.MaxPayload() - headers
	if limit <= 0 {
		limit = math.MaxInt
	}
	body, err := format.EncodeWithin(s.cfg.Format, d, int(limit))
	if err != nil {
		return err
	}
	msg := &client.Msg{Subject: s.cfg.Subject, Data: body, Header: client.Header{}}
	msg.Header.Set("Nats-Msg-Id", string(d.ID)+"-"+strconv.Itoa(d.Revision))
	msg.Header.Set("Honeyrow-Incident", render.Key(nil, d))
	if err := s.publish(ctx, conn, msg); err != nil {
		if !alert.IsPermanent(err) {
			s.drop()
		}
		return err
	}
	return nil
}

func (s *Sink) publish(ctx context.Context, conn *client.Conn, msg *client.Msg) error {
	if s.cfg.Core {
		err := conn.PublishMsg(msg)
		if err == nil {
			err = conn.FlushWithContext(ctx)
		}
		return s.explain(err)
	}
	reply, err := conn.RequestMsgWithContext(ctx, msg)
	if err != nil {
		return s.explain(err)
	}
	var ack struct {
		Stream string `json:"stream"`
		Error  *struct {
			Code int `json:"code"`
		} `json:"error"`
	}
	switch err := json.Unmarshal(reply.Data, &ack); {
	case err == nil && ack.Error != nil:
		return fmt.Errorf("nats to %s: the stream answers %d: look at its limits", s.cfg.Servers[0], ack.Error.Code)
	case err != nil || ack.Stream == "":
		return fmt.Errorf("nats to %s: somebody else than a stream answers on %s: make a stream for it, or set core", s.cfg.Servers[0], s.cfg.Subject)
	}
	return nil
}

// explain keeps of an error what can't hold a secret.
func (s *Sink) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, client.ErrMaxPayload):
		return alert.Permanent(fmt.Errorf("nats to %s: the message is larger than the server's max_payload", s.cfg.Servers[0]))
	case errors.Is(err, client.ErrNoResponders):
		return fmt.Errorf("nats to %s: no stream listens on %s: make one, or set core", s.cfg.Servers[0], s.cfg.Subject)
	case errors.Is(err, client.ErrAuthorization), errors.Is(err, client.ErrAuthExpired):
		return fmt.Errorf("nats to %s: the server refuses the login: check the credentials", s.cfg.Servers[0])
	case errors.Is(err, client.ErrSecureConnWanted), errors.Is(err, client.ErrSecureConnRequired):
		return fmt.Errorf("nats to %s: one side wants TLS and the other does not: see plain", s.cfg.Servers[0])
	}
	return fmt.Errorf("nats to %s: %w", s.cfg.Servers[0], err)
}
