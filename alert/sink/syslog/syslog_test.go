package syslog

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/alert/peer"
	"honeyrow/alert/sinktest"
	"honeyrow/event"
)

// header is RFC 5424's, with the structured data as 6.3 has it.
var header = regexp.MustCompile(`^<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) (\[[!-~]+?@32473(?: [a-z]+="(?:[^"\\\]]|\\["\\\]])*")*\]) `)

var idParam = regexp.MustCompile(`^\[honeyrow@32473 id="([^"]+)"`)

// server is a log server: it takes messages that are whole and well-formed.
type server struct {
	sinktest.Ledger
	t *testing.T
}

func (s *server) Serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		size, err := in.ReadString(' ')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(size, " "))
		if err != nil || n <= 0 || size[0] == '0' {
			s.t.Errorf("frame begins with %q, want MSG-LEN SP", size)
			return
		}
		msg := make([]byte, n)
		if _, err := io.ReadFull(in, msg); err != nil {
			return
		}
		if id := judge(s.t, msg); id != "" {
			s.Take(id)
		}
	}
}

func judge(t *testing.T, msg []byte) event.ID {
	m := header.FindSubmatch(msg)
	if m == nil {
		t.Errorf("no syslog message: %.300q", msg)
		return ""
	}
	if pri, _ := strconv.Atoi(string(m[1])); pri > 191 {
		t.Errorf("priority %d", pri)
	}
	if !json.Valid(msg[len(m[0]):]) || strings.ContainsAny(string(msg), "\r\n\x00") {
		t.Errorf("message %.300q", msg[len(m[0]):])
	}
	id := idParam.FindSubmatch(m[7])
	if id == nil {
		t.Errorf("structured data %q has no id first", m[7])
		return ""
	}
	return event.ID(id[1])
}

func TestSyslogBehavesAsEverySinkMust(t *testing.T) {
	sinktest.Run(t, sinktest.Suite{
		Mute: true,
		Open: func(t *testing.T, w sinktest.Where) alert.Sink {
			c := Config{Address: w.Address, Transport: "tcp"}
			if w.TLS {
				c.Transport, c.TLS = "tls", peer.TLS{CAFile: w.CAFile}
			}
			s, err := New("siem", c, w.Options)
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		Fake: func(t *testing.T) sinktest.Fake { return &server{t: t} },
	})
}

func TestDatagramIsOneMessageHoweverLongTheStatement(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s, err := New("siem", Config{Address: conn.LocalAddr().String(), Transport: "udp", Facility: "auth", Hostname: "proxy 1"}, peer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"SELECT 1", strings.Repeat("x", 100_000)} {
		d := alerttest.Detection(1)
		d.Statement.Text = text
		if err := s.Deliver(t.Context(), &d); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 1<<16)
		if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		if n > 8<<10 {
			t.Errorf("%d bytes, rsyslog cuts what is longer than 8 KiB", n)
		}
		if id := judge(t, buf[:n]); id != d.ID || !strings.HasPrefix(string(buf[:n]), "<35>1 ") || !strings.Contains(string(buf[:n]), " proxy_1 honeyrow ") {
			t.Errorf("got %.200q", buf[:n])
		}
	}
}

func TestConfigThatCannotWorkIsRefused(t *testing.T) {
	for name, c := range map[string]Config{
		"no address":       {},
		"no port":          {Address: "logs"},
		"transport":        {Address: "logs:1", Transport: "http"},
		"facility":         {Address: "logs:1", Facility: "local9"},
		"format":           {Address: "logs:1", Format: "text"},
		"tiny":             {Address: "logs:1", MaxSize: 480},
		"TLS over UDP":     {Address: "logs:1", Transport: "udp", TLS: peer.TLS{CAFile: "x"}},
		"no authority":     {Address: "logs:1", TLS: peer.TLS{CAFile: "/nonexistent"}},
		"half of the pair": {Address: "logs:1", TLS: peer.TLS{CertFile: "x"}},
	} {
		if _, err := New("siem", c, peer.Options{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
