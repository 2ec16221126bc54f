// Package mail sends detections by e-mail, over SMTP with STARTTLS (RFC 3207)
// or with TLS from the first byte (RFC 8314).
//
// A message has a plain text and an HTML part. Its Message-ID is made of the
// detection's id and revision, so that a delivery made twice is one message to
// most readers; all messages of one incident refer to one thread.
package mail

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html/template"
	"net"
	netmail "net/mail"
	"os"
	"strconv"
	"strings"
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
	if (c.Username != "") != (peer.Count(c.PasswordFile, c.PasswordEnv) == 1) {
		return errors.New("username: set it and one of password_file and password_env, or none of them")
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
}

// New reads password and certificates; it makes no connection.
func New(name string, c Config, o peer.Options) (*Sink, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Sink{name: name, cfg: c, o: o.Filled()}
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

// DeliverIncident implements alert.IncidentSink.
func (s *Sink) DeliverIncident(ctx context.Context, inc *event.Incident, d *event.Detection) error {
	msg, err := s.message(inc, d)
	if err != nil {
		return alert.Permanent(fmt.Errorf("make a mail: %w", err))
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	if err := s.send(ctx, msg); err != nil {
		return s.judge(err)
	}
	return nil
}

// send speaks to the server. What comes after the server has taken the message
// is no failure.
func (s *Sink) send(ctx context.Context, msg *gomail.Msg) error {
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
// mend and worth another try; a refused text is not.
func (s *Sink) judge(err error) error {
	code := 0
	if e, ok := errors.AsType[*gomail.SendError](err); ok {
		code = e.ErrorCode()
		switch {
		case code == 552, code == 554, code == 541, code == 523:
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

func (s *Sink) message(inc *event.Incident, d *event.Detection) (*gomail.Msg, error) {
	m := gomail.NewMsg()
	if err := m.From(s.cfg.From); err != nil {
		return nil, err
	}
	if err := m.To(s.cfg.To...); err != nil {
		return nil, err
	}
	n, id, text := render.Note{}, "", ""
	if d != nil {
		n, id = render.Brief(inc, d), fmt.Sprintf("%s.%d", d.ID, d.Revision)
		text = render.Text(d, render.Options{})
	} else {
		n, id = render.Change(inc), fmt.Sprintf("%s.%d", inc.ID, inc.Revision)
		text = n.Lines()
	}
	m.Subject(render.Cut(n.Title+": "+n.Summary, 200))
	m.SetMessageIDWithValue(id + "@" + s.domain)
	thread := "<" + render.Key(inc, d) + "@" + s.domain + ">"
	m.SetGenHeader(gomail.HeaderInReplyTo, thread)
	m.SetGenHeader(gomail.HeaderReferences, thread)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834
	if n.Severity >= event.High {
		m.SetImportance(gomail.ImportanceHigh)
	}
	if inc != nil && len(inc.Containment) > 0 {
		text += "\n" + containment(inc)
	}
	m.SetDate()
	m.SetBodyString(gomail.TypeTextPlain, text)
	var html bytes.Buffer
	if err := page.Execute(&html, n); err != nil {
		return nil, err
	}
	m.AddAlternativeString(gomail.TypeTextHTML, html.String())
	return m, nil
}

// containment are the commands that nobody runs but a person.
func containment(inc *event.Incident) string {
	var b strings.Builder
	b.WriteString("To contain it, ready to paste, after a look:\n")
	for _, c := range inc.Containment {
		fmt.Fprintf(&b, "\n  %s", render.Clean(c.Title))
		if c.Database != "" {
			fmt.Fprintf(&b, " (in %s)", render.Clean(c.Database))
		}
		fmt.Fprintf(&b, "\n    %s\n", render.Clean(c.SQL))
	}
	return b.String()
}

// page is the HTML part. html/template escapes by the place where a value
// stands; no value stands in a URL, a style or a script.
var page = template.Must(template.New("mail").Parse(`<!DOCTYPE html>
<html><body style="font-family: sans-serif">
<h3>{{.Title}}</h3>
<p>{{.Summary}}</p>
<table>{{range .Facts}}
<tr><td style="color: #666; vertical-align: top; padding-right: 1em">{{.Name}}</td><td>{{.Value}}</td></tr>{{end}}
</table>
{{if .Statement}}<pre style="white-space: pre-wrap; background: #f4f4f4; padding: 0.5em">{{.Statement}}</pre>{{end}}
<p style="color: #666; font-size: small">{{.Foot}}</p>
</body></html>
`))
