// Package syslog sends detections to a log server, by RFC 5424: over UDP
// (RFC 5426), TCP with octet counting (RFC 6587, 3.4.1) or TLS (RFC 5425).
//
// Syslog has no receipts. Over TCP and TLS each detection has a connection of
// its own: this side ends its half after the message, and the server's own end
// tells that it has read all of it; a reset tells that it has not. A server
// that keeps its half open is believed after confirmTime. Over UDP nobody
// tells anything: use it only where there is nothing else.
package syslog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"honeyrow/alert"
	"honeyrow/alert/format"
	"honeyrow/alert/peer"
	"honeyrow/event"
)

var _ alert.Sink = (*Sink)(nil)

const (
	confirmTime    = 2 * time.Second
	defaultTimeout = 10 * time.Second
	// maxUDP is the largest datagram's payload over IPv4.
	maxUDP = 65507
	// defaultSize is what a receiver should take (RFC 5425, 4.3.1) and what rsyslog
	// takes unless it is told otherwise: it cuts what is longer, and a form that is
	// cut in the middle is none.
	defaultSize = 8 << 10
)

// Config says where to send and how.
type Config struct {
	Address   string `yaml:"address"`   // host:port
	Transport string `yaml:"transport"` // tls (default), tcp or udp
	// Format of the message: json (default), ecs, ocsf, cef or leef.
	Format   string `yaml:"format"`
	Facility string `yaml:"facility"` // kern ... local7; empty: local0
	Hostname string `yaml:"hostname"` // empty: this machine's
	// MaxSize of a message in bytes; 0: 8 KiB.
	MaxSize  int64         `yaml:"max_size"`
	Timeout  time.Duration `yaml:"timeout"` // 0: 10 s
	peer.TLS `yaml:",inline"`
}

// facilities are RFC 5424's, table 1, by their usual names.
var facilities = strings.Fields("kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock " +
	"local0 local1 local2 local3 local4 local5 local6 local7")

// Validate reports what cannot work.
func (c Config) Validate() error {
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		return errors.New("address: set host and port of the log server, such as logs.corp:6514")
	}
	if !slices.Contains([]string{"", "tls", "tcp", "udp"}, c.Transport) {
		return fmt.Errorf("transport: %q is unknown: use tls, tcp or udp", c.Transport)
	}
	if c.secure() {
		if err := c.TLS.Validate(); err != nil {
			return err
		}
	} else if c.TLS != (peer.TLS{}) {
		return errors.New("ca_file: certificates are for transport tls: remove them or change it")
	}
	if c.Facility != "" && !slices.Contains(facilities, c.Facility) {
		return fmt.Errorf("facility: %q is unknown: use one of %s", c.Facility, strings.Join(facilities, ", "))
	}
	if c.MaxSize < 0 || c.MaxSize > 0 && c.MaxSize < 2048 {
		return errors.New("max_size: set what the log server takes, 2KiB or more, such as 64KiB")
	}
	return format.Any(c.Format)
}

func (c Config) secure() bool { return c.Transport == "" || c.Transport == "tls" }

// Check reads the certificates and connects.
func (c Config) Check(ctx context.Context) error {
	if c.Transport == "udp" {
		return nil
	}
	if c.secure() {
		if _, err := c.Open(""); err != nil {
			return err
		}
	}
	return peer.Reach(ctx, c.Address)
}

// Sink sends to one server. It is safe for concurrent use.
type Sink struct {
	name     string
	cfg      Config
	o        peer.Options
	tls      *tls.Config // nil: none
	facility int
	host     string
}

// New reads the certificates; it makes no connection.
func New(name string, c Config, o peer.Options) (*Sink, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	s := &Sink{name: name, cfg: c, o: o.Filled(), facility: 16, host: c.Hostname}
	if c.Facility != "" {
		s.facility = slices.Index(facilities, c.Facility)
	}
	if s.host == "" {
		s.host, _ = os.Hostname() // without one: the nil value
	}
	if s.cfg.Timeout == 0 {
		s.cfg.Timeout = defaultTimeout
	}
	if s.cfg.MaxSize == 0 {
		s.cfg.MaxSize = defaultSize
	}
	if c.secure() {
		host, _, err := net.SplitHostPort(c.Address)
		if err != nil {
			return nil, err
		}
		if s.tls, err = c.Open(host); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Name implements alert.Sink.
func (s *Sink) Name() string { return s.name }

// Close implements alert.Sink.
func (s *Sink) Close() error { return nil }

// Deliver implements alert.Sink.
func (s *Sink) Deliver(ctx context.Context, d *event.Detection) error {
	msg, err := s.message(d)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	if err := s.send(ctx, msg); err != nil {
		return fmt.Errorf("syslog to %s: %w", s.cfg.Address, err)
	}
	return nil
}

func (s *Sink) send(ctx context.Context, msg []byte) error {
	network := "tcp"
	if s.cfg.Transport == "udp" {
		network = "udp"
	}
	conn, err := s.o.Dial(ctx, network, s.cfg.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if at, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(at); err != nil {
			return err
		}
	}
	if network == "udp" {
		_, err := conn.Write(msg)
		return err
	}
	if s.tls != nil {
		t := tls.Client(conn, s.tls)
		if err := t.HandshakeContext(ctx); err != nil {
			return err
		}
		conn = t
	}
	// RFC 6587: MSG-LEN SP SYSLOG-MSG.
	if _, err := conn.Write(append([]byte(strconv.Itoa(len(msg))+" "), msg...)); err != nil {
		return err
	}
	return confirm(ctx, conn)
}

// confirm ends this half and waits for the server's end.
func confirm(ctx context.Context, conn net.Conn) error {
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		return nil
	}
	if err := half.CloseWrite(); err != nil {
		return err
	}
	by := time.Now().Add(confirmTime)
	if at, ok := ctx.Deadline(); ok && at.Before(by) {
		by = at
	}
	if err := conn.SetReadDeadline(by); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, io.LimitReader(conn, 64<<10))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

// levels are RFC 5424's severities, table 2.
var levels = map[event.Severity]int{event.Info: 6, event.Low: 5, event.Medium: 4, event.High: 3, event.Critical: 2}

// message makes one SYSLOG-MSG without a line feed.
func (s *Sink) message(d *event.Detection) ([]byte, error) {
	worst := d.Severity
	if d.Incident != nil {
		worst = max(worst, d.Incident.Severity)
	}
	head := fmt.Sprintf("<%d>1 %s %s honeyrow %d %s %s ", s.facility*8+levels[worst],
		d.Time.UTC().Format("2006-01-02T15:04:05.000000Z"), printable(s.host, 255), os.Getpid(), printable(d.Rule, 32), structured(d, worst))
	body, err := format.EncodeWithin(s.cfg.Format, d, int(s.cfg.MaxSize)-len(head))
	if err != nil {
		return nil, err
	}
	if s.cfg.Transport == "udp" && len(head)+len(body) > maxUDP {
		return nil, alert.Permanent(errors.New("the message does not fit into a datagram: use transport tls or tcp"))
	}
	return append([]byte(head), strings.TrimSuffix(string(body), "\n")...), nil
}

// printable makes a header field of PRINTUSASCII (RFC 5424, 6) of up to max bytes.
func printable(s string, max int) string {
	out := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, s)
	if out == "" {
		return "-"
	}
	return out[:min(len(out), max)]
}

// structured is the STRUCTURED-DATA (RFC 5424, 6.3). 32473 is the number that
// RFC 5612 keeps for documents: honeyrow has none of its own.
func structured(d *event.Detection, worst event.Severity) string {
	var b strings.Builder
	b.WriteString("[honeyrow@32473")
	param := func(name, value string) {
		if value != "" {
			b.WriteString(" " + name + `="` + escape.Replace(clean(format.Cut(value, 255))) + `"`)
		}
	}
	param("id", string(d.ID))
	param("revision", strconv.Itoa(d.Revision))
	param("severity", worst.String())
	param("rule", d.Rule)
	param("user", d.Client.User)
	param("client", d.Client.Address)
	param("database", d.Client.Database)
	if d.Incident != nil {
		param("incident", string(d.Incident.ID))
	}
	if d.Drill {
		param("drill", "true")
	}
	b.WriteString("]")
	return b.String()
}

var escape = strings.NewReplacer(`"`, `\"`, `\`, `\\`, `]`, `\]`)

// clean replaces control characters, which RFC 5424, 6.3.3 advises against.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
