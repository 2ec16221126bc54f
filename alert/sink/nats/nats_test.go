package nats

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/alert/peer"
	"honeyrow/alert/sinktest"
	"honeyrow/event"
)

const token = "n4ts-t0ken"

// server speaks as much of NATS' client protocol as a publisher needs, with a
// stream on one subject.
type server struct {
	sinktest.Ledger
	t      *testing.T
	tls    *tls.Config
	answer string // of the stream; empty: an acknowledgement
}

func (s *server) Serve(conn net.Conn) {
	_, _ = io.WriteString(conn, fmt.Sprintf("INFO {\"server_id\":\"x\",\"version\":\"2.11.0\",\"proto\":1,\"headers\":true,\"max_payload\":1048576,\"auth_required\":true,\"tls_required\":%v}\r\n", s.tls != nil))
	if s.tls != nil {
		t := tls.Server(conn, s.tls)
		if t.Handshake() != nil {
			return
		}
		conn = t
	}
	in := bufio.NewReader(conn)
	known, sid := false, ""
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		f := strings.Fields(line)
		switch strings.ToUpper(f[0]) {
		case "CONNECT":
			var c struct {
				Token string `json:"auth_token"`
			}
			if err := json.Unmarshal([]byte(strings.TrimSpace(line)[len("CONNECT "):]), &c); err != nil || c.Token != token {
				_, _ = io.WriteString(conn, "-ERR 'Authorization Violation'\r\n")
				return
			}
			known = true
		case "PING":
			_, _ = io.WriteString(conn, "PONG\r\n")
		case "PONG", "UNSUB":
		case "SUB":
			sid = f[len(f)-1]
		case "HPUB": // subject, reply, size of headers, size of all
			var head, total int
			if _, err := fmt.Sscan(f[3]+" "+f[4], &head, &total); err != nil || f[1] != "alerts.honeyrow" || !known {
				s.t.Errorf("%q, logged in %v", line, known)
				return
			}
			b := make([]byte, total+2)
			if _, err := io.ReadFull(in, b); err != nil {
				return
			}
			var d event.Detection
			if err := json.Unmarshal(b[head:total], &d); err != nil || !strings.Contains(string(b[:head]), fmt.Sprintf("Nats-Msg-Id: %s-%d\r\n", d.ID, d.Revision)) || total > 1048576 {
				s.t.Errorf("%v, headers %q, %d bytes", err, b[:head], total)
			}
			reply := s.answer
			if reply == "" {
				s.Take(d.ID)
				reply = `{"stream":"ALERTS","seq":1}`
			}
			fmt.Fprintf(conn, "MSG %s %s %d\r\n%s\r\n", f[2], sid, len(reply), reply)
		default:
			s.t.Errorf("operation %q", line)
			return
		}
	}
}

func open(t *testing.T, w sinktest.Where) *Sink {
	c := Config{Servers: []string{w.Address}, Subject: "alerts.honeyrow", Timeout: time.Minute /* machines are busy */, Plain: !w.TLS, TokenFile: sinktest.Secret(t, token), TLS: peer.TLS{CAFile: w.CAFile}}
	s, err := New("bus", c, w.Options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNATSBehavesAsEverySinkMust(t *testing.T) {
	cfg, ca := sinktest.Identity(t)
	sinktest.Run(t, sinktest.Suite{
		Secrets: []string{token}, OwnTLS: true,
		Open: func(t *testing.T, w sinktest.Where) alert.Sink { return open(t, w) },
		Fake: func(t *testing.T) sinktest.Fake { return &server{t: t} },
	})
	d := alerttest.Detection(1)
	for _, file := range []string{ca, ""} { // TLS comes after the server's first line
		srv := &server{t: t, tls: cfg}
		w := sinktest.At(t, srv)
		w.TLS, w.CAFile = true, file
		s := open(t, w)
		if err := s.Deliver(t.Context(), &d); (err == nil) != (file == ca) || alert.IsPermanent(err) || len(srv.Taken()) > 0 != (file == ca) {
			t.Errorf("with the authority %q: %v", file, err)
		}
		s.Close()
	}
}

func TestOnlyAStreamsAcknowledgementCounts(t *testing.T) {
	d := alerttest.Detection(1)
	for answer, want := range map[string]string{
		`{"error":{"code":503,"description":"secret"}}`: "answers 503",
		`hello`: "somebody else",
		`{}`:    "somebody else",
	} {
		s := open(t, sinktest.At(t, &server{t: t, answer: answer}))
		if err := s.Deliver(t.Context(), &d); err == nil || alert.IsPermanent(err) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v", answer, err)
		}
		s.Close()
	}
}

func TestConfigThatCannotWorkIsRefused(t *testing.T) {
	at := []string{"nats:4222"}
	for name, c := range map[string]Config{
		"no server":       {Subject: "a"},
		"no port":         {Servers: []string{"nats"}, Subject: "a"},
		"no subject":      {Servers: at},
		"wildcard":        {Servers: at, Subject: "a.*"},
		"space":           {Servers: at, Subject: "a b"},
		"two credentials": {Servers: at, Subject: "a", TokenFile: "x", Username: "u", PasswordEnv: "P"},
		"no password":     {Servers: at, Subject: "a", Username: "u"},
		"plain with CA":   {Servers: at, Subject: "a", Plain: true, TLS: peer.TLS{CAFile: "x"}},
		"no such file":    {Servers: at, Subject: "a", TokenFile: "/nonexistent"},
	} {
		if _, err := New("bus", c, peer.Options{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
