// Package mail sends detections by e-mail, over SMTP with STARTTLS (RFC 3207)
// or with TLS from the first byte (RFC 8314).
//
// A message has a plain text and an HTML part. Its Message-ID is made of the
// detection's id and revision, so that a delivery made twice is one message to
// most readers; all messages of one incident refer to one thread.
package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"

	"honeyrow/alert"
	"honeyrow/alert/peer"
	"honeyrow/alert/render"
	"honeyrow/event"
	"honeyrow/internal/config"
)

var _ alert.IncidentSink = (*Sink)(nil)

const defaultTimeout = 30 * time.Second

// Config names the mail server and the people.
type Config struct {
	Address string `yaml:"address"` // host:port
	// Security is starttls (default), tls, or none for a relay on this machine.
	Security string   `yaml:"security"`
	From     string   `yaml:"from"`
	To       []string `yaml:"to"`
	// Username and one of PasswordFile and PasswordEnv, or none of them.
	Username     string        `yaml:"username"`
	PasswordFile string        `yaml:"password_file"`
	PasswordEnv  string        `yaml:"password_env"`
	Timeout      time.Duration `yaml:"timeout"` // 0: 30 s
	peer.TLS     `yaml:",inline"`
}

// Validate reports what cannot work.
func (c Config) Validate() error {
	host, port, err := net.SplitHostPort(c.Address)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || n == 0 || host == "" {
		return errors.New("address: set host and port of the mail server, such as mail.corp:587")
	}
	switch c.Security {
	case "", "starttls", "tls":
	case "none":
		if c.Username != "" {
			return errors.New("security: none would send the password in clear: use starttls or tls")
		}
	default:
		return fmt.Errorf("security: %q is unknown: use starttls, tls or none", c.Security)
	}
	if _, err := netmail.ParseAddress(c.From); err != nil {
		return errors.New("from: set the sender's address, such as honeyrow@corp.example")
	}
	if len(c.To) == 0 {
		return errors.New("to: name who gets alerts, such as [soc@corp.example]")
	}
	for _, to := range c.To {
		if _, err := netmail.ParseAddress(to); err != nil {
			return fmt.Errorf("to: %q is no address", to)
		}
	}
	if err := peer.Login(c.Username, c.PasswordFile, c.PasswordEnv); err != nil {
		return err
	}
	return c.TLS.Validate()
}

// Check reads the password and connects.
func (c Config) Check(ctx context.Context) error {
	if _, err := New("check", c, peer.Options{}); err != nil {
		return err
	}
	return peer.Reach(ctx, c.Address)
}

// Sink sends through one server. It is safe for concurrent use.
type Sink struct {
	name     string
	cfg      Config
	o        peer.Options
	tls      *tls.Config
	password config.Secret
	host     string
	port     int
	domain   string // of Message-IDs

	mu     sync.Mutex
	partly map[string][]string // messages that not all have, and who has them
}

// New reads password and certificates; it makes no connection.
func New(name string, c Config, o peer.Options) (*Sink, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Sink{name: name, cfg: c, o: o.Filled(), partly: map[string][]string{}}
	host, port, err := net.SplitHostPort(c.Address)
	if err != nil {
		return nil, err
	}
	if s.port, err = strconv.Atoi(port); err != nil {
		return nil, err
	}
	s.host = host
	if s.tls, err = c.Open(host); err != nil {
		return nil, err
	}
	if s.password, err = peer.Secret("password", c.PasswordFile, c.PasswordEnv); err != nil {
		return nil, err
	}
	if s.cfg.Timeout == 0 {
		s.cfg.Timeout = defaultTimeout
	}
	from, err := netmail.ParseAddress(c.From)
	if err != nil {
		return nil, err
	}
	_, s.domain, _ = strings.Cut(from.Address, "@")
	return s, nil
}

// Name implements alert.Sink.
func (s *Sink) Name() string { return s.name }

// Close implements alert.Sink.
func (s *Sink) Close() error { return nil }

// Deliver implements alert.Sink.
func (s *Sink) Deliver(ctx context.Context, d *event.Detection) error {
	return s.DeliverIncident(ctx, nil, d)
}

// DeliverIncident implements alert.IncidentSink. Where the server refuses some of
// the recipients, the others get the message: it is sent to each alone then, and
// another try goes to those that have not got it.
func (s *Sink) DeliverIncident(ctx context.Context, inc *event.Incident, d *event.Detection) error {
	l, err := render.Mail(inc, d)
	if err != nil {
		return alert.Permanent(fmt.Errorf("make a mail: %w", err))
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	left := s.left(l.ID)
	err = s.send(ctx, &l, left)
	if e, ok := errors.AsType[*gomail.SendError](err); ok && e.Reason == gomail.ErrSMTPRcptTo && len(s.cfg.To) > 1 {
		err = s.each(ctx, &l, left)
	}
	if err == nil {
		s.forget(l.ID)
		return nil
	}
	return s.judge(err)
}

// partly is the failure of a message that some of its recipients have.
type partly struct {
	got, all int
	err      error
}

// Error implements error.
func (p *partly) Error() string { return fmt.Sprintf("%d of %d: %v", p.got, p.all, p.err) }

// Unwrap gives the cause.
func (p *partly) Unwrap() error { return p.err }

// each sends a message to each recipient alone. Of the errors it returns one that
// may pass, if there is one.
func (s *Sink) each(ctx context.Context, l *render.Letter, to []string) error {
	var worst error
	for _, one := range to {
		err := s.send(ctx, l, []string{one})
		if err == nil {
			s.note(l.ID, one)
			continue
		}
		if e, ok := errors.AsType[*gomail.SendError](err); worst == nil || !ok || e.ErrorCode() < 500 {
			worst = err
		}
	}
	if got := len(s.cfg.To) - len(s.left(l.ID)); worst != nil && got > 0 {
		return &partly{got, len(s.cfg.To), worst}
	}
	return worst
}

// maxPartly bounds the messages of which is remembered who has them.
const maxPartly = 1024

// left are the recipients that have not got a message.
func (s *Sink) left(id string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.cfg.To), func(to string) bool { return slices.Contains(s.partly[id], to) })
}

func (s *Sink) note(id, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.partly) >= maxPartly {
		clear(s.partly)
	}
	s.partly[id] = append(s.partly[id], to)
}

func (s *Sink) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.partly, id)
}

// send speaks to the server. What comes after the server has taken the message
// is no failure.
func (s *Sink) send(ctx context.Context, l *render.Letter, to []string) error {
	msg, err := s.message(l, to)
	if err != nil {
		return alert.Permanent(fmt.Errorf("make a mail: %w", err))
	}
	by, _ := ctx.Deadline()
	client, err := gomail.NewClient(s.host, append(s.options(ctx), gomail.WithTimeout(max(time.Until(by), time.Millisecond)))...)
	if err != nil {
		return err
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return err
	}
	err = client.SendWithSMTPClient(conn, msg)
	_ = client.CloseWithSMTPClient(conn)
	return err
}

func (s *Sink) options(ctx context.Context) []gomail.Option {
	host, _ := os.Hostname()
	if host == "" {
		host = "localhost"
	}
	opts := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTLSConfig(s.tls), gomail.WithHELO(host), gomail.WithoutNoop(), gomail.WithoutRset(),
	}
	implicit := s.cfg.Security == "tls"
	switch s.cfg.Security {
	case "tls":
		// The dial below does the handshake; with WithSSL the library would take a
		// connection that it has not dialled itself for a plain one.
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	case "none":
		opts = append(opts, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		opts = append(opts, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.cfg.Username != "" {
		opts = append(opts, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.cfg.Username), gomail.WithPassword(s.password.Reveal()))
	}
	return append(opts, gomail.WithDialContextFunc(func(dctx context.Context, network, address string) (net.Conn, error) {
		conn, err := s.o.Dial(dctx, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { conn.Close() }) // the library looks at its context for the dial alone
		if !implicit {
			return conn, nil
		}
		t := tls.Client(conn, s.tls)
		if err := t.HandshakeContext(dctx); err != nil {
			conn.Close()
			return nil, err
		}
		return t, nil
	}))
}

// judge keeps the server's number and leaves its words out, which may repeat
// what was sent. A refused password, sender or recipient is for the owner to
// mend and worth another try; a refused text is not. Nor is a refused recipient
// where others have the message: it must not hold up what comes after.
func (s *Sink) judge(err error) error {
	if alert.IsPermanent(err) {
		return err
	}
	if e, ok := errors.AsType[*gomail.SendError](err); ok {
		code := e.ErrorCode()
		text := e.Reason == gomail.ErrSMTPData || e.Reason == gomail.ErrSMTPDataClose || e.Reason == gomail.ErrWriteContent
		some, _ := errors.AsType[*partly](err)
		switch {
		case some != nil && code >= 500:
			return alert.Permanent(fmt.Errorf("mail through %s: %d of %d recipients have it, the rest is refused with %d: check the addresses in to", s.cfg.Address, some.got, some.all, code))
		case some != nil:
			return fmt.Errorf("mail through %s: %d of %d recipients have it, the rest is answered with %d", s.cfg.Address, some.got, some.all, code)
		case text && slices.Contains([]int{552, 554, 541, 523}, code), code == 552 && e.Reason == gomail.ErrSMTPMailFrom:
			return alert.Permanent(fmt.Errorf("mail through %s: the server refuses the message with %d", s.cfg.Address, code))
		case code != 0:
			return fmt.Errorf("mail through %s: answer %d: check the addresses and what the account may do", s.cfg.Address, code)
		}
		return fmt.Errorf("mail through %s: the conversation broke off (%s)", s.cfg.Address, e.Reason)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("mail through %s: %w", s.cfg.Address, op)
	}
	if ce, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("mail through %s: %w", s.cfg.Address, ce)
	}
	return fmt.Errorf("mail through %s: login or TLS failed: check security, username and password", s.cfg.Address)
}

func (s *Sink) message(l *render.Letter, to []string) (*gomail.Msg, error) {
	m := gomail.NewMsg()
	if err := m.From(s.cfg.From); err != nil {
		return nil, err
	}
	if err := m.To(to...); err != nil {
		return nil, err
	}
	m.Subject(l.Subject)
	m.SetMessageIDWithValue(l.ID + "@" + s.domain)
	thread := "<" + l.Thread + "@" + s.domain + ">"
	m.SetGenHeader(gomail.HeaderInReplyTo, thread)
	m.SetGenHeader(gomail.HeaderReferences, thread)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834
	if l.Important {
		m.SetImportance(gomail.ImportanceHigh)
	}
	m.SetDate()
	m.SetBodyString(gomail.TypeTextPlain, l.Text)
	m.AddAlternativeString(gomail.TypeTextHTML, l.HTML)
	return m, nil
}
