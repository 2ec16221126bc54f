package mail

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	netmail "net/mail"
	"strings"
	"testing"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/alert/peer"
	"honeyrow/alert/sinktest"
	"honeyrow/event"
)

const password = "smtp-s3cr3t-p4ss"

// server is a mail server (RFC 5321): commands in order, two recipients, lines
// of up to 998 bytes, a login where TLS is on.
type server struct {
	sinktest.Ledger
	t *testing.T
	// tls is for STARTTLS; login demands a password.
	tls    *tls.Config
	login  bool
	refuse map[string]string // command, or recipient, to answer
	got    []string          // recipients of what was taken
	seen   func(headers netmail.Header, plain, html string)
}

func (s *server) Serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	say := func(text string) { _, _ = io.WriteString(conn, text+"\r\n") }
	say("220 service.test ESMTP")
	secure, loggedIn, from, rcpts := false, false, false, 0
	var to []string
	if _, ok := conn.(*tls.Conn); ok {
		secure = true
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, arg, _ := strings.Cut(line, " ")
		verb = strings.ToUpper(verb)
		if answer := s.refuse[verb]; answer != "" {
			say(answer)
			continue
		}
		switch verb {
		case "EHLO":
			say("250-service.test")
			if s.tls != nil && !secure {
				say("250-STARTTLS")
			}
			if secure {
				say("250-AUTH PLAIN")
			}
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go on")
			t := tls.Server(conn, s.tls)
			if t.Handshake() != nil {
				return
			}
			conn, in, secure = t, bufio.NewReader(t), true
		case "AUTH":
			b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(arg, "PLAIN "))
			if err != nil || string(b) != "\x00bot\x00"+password {
				say("535 5.7.8 bad credentials " + password)
				continue
			}
			loggedIn = true
			say("235 welcome")
		case "MAIL":
			from = !s.login || loggedIn
			if !from || !strings.HasPrefix(arg, "FROM:<honeyrow@corp.example>") {
				s.t.Errorf("MAIL %s, logged in %v", arg, loggedIn)
			}
			say("250 ok")
		case "RCPT":
			if answer := s.refuse[strings.Trim(strings.TrimPrefix(arg, "TO:"), "<>")]; answer != "" {
				say(answer)
				continue
			}
			rcpts++
			to = append(to, strings.Trim(strings.TrimPrefix(arg, "TO:"), "<>"))
			if arg != "TO:<soc@corp.example>" && arg != "TO:<cto@corp.example>" {
				s.t.Errorf("recipient %s", arg)
			}
			say("250 ok")
		case "DATA":
			if !from || rcpts == 0 {
				s.t.Error("DATA out of order")
			}
			say("354 go on")
			text, ok := s.data(in)
			if !ok {
				return
			}
			if id := s.judge(text); id != "" {
				s.Take(id)
			}
			s.got = append(s.got, to...)
			from, rcpts, to = false, 0, nil
			say("250 taken")
		case "*": // the end of a login (RFC 4954)
			say("501 cancelled")
		case "NOOP", "RSET":
			rcpts, to = 0, nil
			say("250 ok")
		case "QUIT":
			say("221 bye")
			return
		default:
			s.t.Errorf("command %q", line)
			say("500 what")
		}
	}
}

func (s *server) data(in *bufio.Reader) (string, bool) {
	var b strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return "", false
		}
		if line == ".\r\n" {
			return b.String(), true
		}
		if len(line) > 1000 || !strings.HasSuffix(line, "\r\n") {
			s.t.Errorf("a line of %d bytes, or without CR", len(line))
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
}

// judge reads a message as a mail reader does and returns the detection's id.
func (s *server) judge(text string) event.ID {
	m, err := netmail.ReadMessage(strings.NewReader(text))
	if err != nil {
		s.t.Error(err)
		return ""
	}
	for _, h := range []string{"From", "To", "Date", "Message-Id", "Subject", "Mime-Version", "In-Reply-To"} {
		if len(m.Header[h]) != 1 {
			s.t.Errorf("%d headers %s", len(m.Header[h]), h)
		}
	}
	if m.Header.Get("Bcc") != "" || m.Header.Get("Auto-Submitted") != "auto-generated" {
		s.t.Errorf("headers %v", m.Header)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		s.t.Error(err)
	}
	var parts []string
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			s.t.Error(err)
			return ""
		}
		b, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			s.t.Error(err)
		}
		parts = append(parts, string(b))
	}
	if len(parts) != 2 {
		s.t.Errorf("%d parts", len(parts))
		return ""
	}
	if s.seen != nil {
		s.seen(m.Header, parts[0], parts[1])
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(m.Header.Get("Message-Id"), "<"), ".")
	return event.ID(id)
}

func open(t *testing.T, w sinktest.Where, security string) *Sink {
	c := Config{
		Address: w.Address, Security: security, From: "honeyrow <honeyrow@corp.example>", To: []string{"soc@corp.example", "cto@corp.example"},
		TLS: peer.TLS{CAFile: w.CAFile},
	}
	if security != "none" {
		c.Username, c.PasswordFile = "bot", sinktest.Secret(t, password)
	}
	s, err := New("mail", c, w.Options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMailBehavesAsEverySinkMust(t *testing.T) {
	sinktest.Run(t, sinktest.Suite{
		Secrets: []string{password},
		Open: func(t *testing.T, w sinktest.Where) alert.Sink {
			if w.TLS {
				return open(t, w, "tls")
			}
			return open(t, w, "none")
		},
		Fake: func(t *testing.T) sinktest.Fake { return &server{t: t} },
	})
}

func TestSTARTTLSIsDemandedBeforeThePassword(t *testing.T) {
	cfg, ca := sinktest.Identity(t)
	d := alerttest.Detection(1)
	for name, c := range map[string]struct {
		srv *server
		ca  string
		ok  bool
	}{
		"trusted":       {&server{t: t, tls: cfg, login: true}, ca, true},
		"not trusted":   {&server{t: t, tls: cfg, login: true}, "", false},
		"without TLS":   {&server{t: t, login: true}, ca, false},
		"wrong account": {&server{t: t, tls: cfg, login: true, refuse: map[string]string{"AUTH": "535 5.7.8 no " + password}}, ca, false},
	} {
		w := sinktest.At(t, c.srv)
		w.CAFile = c.ca
		s := open(t, w, "")
		err := s.Deliver(t.Context(), &d)
		if (err == nil) != c.ok || alert.IsPermanent(err) || strings.Contains(fmt.Sprintf("%+v", err), password) {
			t.Errorf("%s: got %v", name, err)
		}
		if got := len(c.srv.Taken()); (got == 1) != c.ok {
			t.Errorf("%s: %d taken", name, got)
		}
	}
}

func TestServersAnswersAreSorted(t *testing.T) {
	d := alerttest.Detection(1)
	for command, c := range map[string]map[string]bool{ // answer to permanent
		"MAIL": {"451 later": false, "550 no": false, "552 too large": true},
		"RCPT": {"450 later": false, "550 nobody": false, "554 5.7.1 relay access denied": false},
		"DATA": {"451 later": false, "554 spam": true},
	} {
		for answer, permanent := range c {
			s := open(t, sinktest.At(t, &server{t: t, refuse: map[string]string{command: answer + " " + d.Client.User}}), "none")
			err := s.Deliver(t.Context(), &d)
			if err == nil || alert.IsPermanent(err) != permanent || !strings.Contains(err.Error(), answer[:3]) || strings.Contains(err.Error(), d.Client.User) {
				t.Errorf("%s answered by %s: got %v", command, answer, err)
			}
		}
	}
}

func TestOneRecipientWhoIsGoneKeepsTheMessageFromNobody(t *testing.T) {
	d := alerttest.Detection(1)
	for name, c := range map[string]struct {
		answer    string
		permanent bool
	}{
		"for good": {"550 5.1.1 no such user", true},
		"greylist": {"450 4.2.0 later", false},
	} {
		srv := &server{t: t, refuse: map[string]string{"soc@corp.example": c.answer}}
		s := open(t, sinktest.At(t, srv), "none")
		err := s.Deliver(t.Context(), &d)
		if err == nil || alert.IsPermanent(err) != c.permanent || !strings.Contains(err.Error(), "1 of 2 recipients have it") || strings.Contains(err.Error(), "soc@") {
			t.Errorf("%s: got %v", name, err)
		}
		srv.refuse = nil
		if err := s.Deliver(t.Context(), &d); err != nil {
			t.Errorf("%s, again: %v", name, err)
		}
		if got := strings.Join(srv.got, " "); got != "cto@corp.example soc@corp.example" {
			t.Errorf("%s: %s have got it, want each once", name, got)
		}
		if len(s.partly) != 0 {
			t.Errorf("%s: %v is still remembered", name, s.partly)
		}
	}
}

func TestTextOfAThiefIsNeitherHeaderNorMarkup(t *testing.T) {
	seen := 0
	srv := &server{t: t, seen: func(h netmail.Header, plain, html string) {
		seen++
		if strings.Contains(html, "<script") || strings.Contains(html, "<https") || strings.Count(html, "<p>") != 1 {
			t.Errorf("markup of a thief: %s", html)
		}
		if strings.ContainsAny(plain, "\x00\x1b\u202e") {
			t.Errorf("control characters: %q", plain)
		}
	}}
	s := open(t, sinktest.At(t, srv), "none")
	d := sinktest.Hostile()
	inc := sinktest.Incident(event.Open)
	inc.Containment = []event.Command{{Title: "End the session", Database: "crm", SQL: "SELECT pg_terminate_backend(4711)"}}
	for _, d := range []*event.Detection{&d, nil} {
		if err := s.DeliverIncident(t.Context(), inc, d); err != nil {
			t.Fatal(err)
		}
	}
	if seen != 2 {
		t.Errorf("%d messages, want 2", seen)
	}
}

func TestConfigThatCannotWorkIsRefused(t *testing.T) {
	good := Config{Address: "mail:587", From: "a@x.test", To: []string{"b@x.test"}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Config){
		"no port":           func(c *Config) { c.Address = "mail" },
		"no sender":         func(c *Config) { c.From = "" },
		"nobody":            func(c *Config) { c.To = nil },
		"no address":        func(c *Config) { c.To = []string{"soc"} },
		"security":          func(c *Config) { c.Security = "ssl" },
		"password in clear": func(c *Config) { c.Security, c.Username, c.PasswordEnv = "none", "u", "P" },
		"no password":       func(c *Config) { c.Username = "u" },
		"no such file":      func(c *Config) { c.Username, c.PasswordFile = "u", "/nonexistent" },
	} {
		c := good
		spoil(&c)
		if _, err := New("mail", c, peer.Options{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
