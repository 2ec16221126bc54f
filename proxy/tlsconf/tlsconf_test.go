package tlsconf

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"honeyrow/proxy/tlsconf/tlstest"
)

func TestHostNamesMatchAsInLibpq(t *testing.T) {
	ca := tlstest.New(t, t.TempDir())
	for _, tt := range []struct {
		cn    string
		names []string
		host  string
		want  bool
	}{
		{"db.example", nil, "db.example", true},
		{"db.example", nil, "DB.Example", true},
		{"db.example", []string{"other.example"}, "db.example", false}, // an alternative name rules the common name out
		{"db.example", []string{"10.0.0.1"}, "db.example", true},       // but only one of its type
		{"x", []string{"other.example", "db.example"}, "db.example", true},
		{"x", []string{"*.example"}, "db.example", true},
		{"x", []string{"*.example"}, "a.db.example", false},
		{"x", []string{"*.example"}, "example", false},
		{"x", []string{"d*.example"}, "db.example", false},
		{"*", nil, "db", false},
		{"x", []string{"10.0.0.1"}, "10.0.0.1", true},
		{"x", []string{"10.0.0.2"}, "10.0.0.1", false},
		{"10.0.0.1", nil, "10.0.0.1", true},
		{"10.0.0.1", []string{"db.example"}, "10.0.0.1", true},
		{"10.0.0.1", []string{"10.0.0.2"}, "10.0.0.1", false},
		{"", nil, "db.example", false},
	} {
		err := verifyHost(ca.Issue(t, tt.cn, tt.names...).X509, tt.host)
		if (err == nil) != tt.want {
			t.Errorf("cn %q, names %q, host %q: %v, want match %v", tt.cn, tt.names, tt.host, err, tt.want)
		}
	}
}

func TestChainsThroughAnIntermediateAndSelfSignedOnesAreVerified(t *testing.T) {
	ca, other := tlstest.New(t, t.TempDir()), tlstest.New(t, t.TempDir())
	pair := ca.Issue(t, "db.example")
	for _, tt := range []struct {
		name string
		conf Server
		ok   bool
	}{
		{"its authority", Server{Mode: VerifyCA, CAFile: ca.CAFile()}, true},
		{"another authority", Server{Mode: VerifyCA, CAFile: other.CAFile()}, false},
		{"the certificate itself as authority", Server{Mode: VerifyCA, CAFile: pair.CertFile}, true},
		{"the system's authorities", Server{Mode: VerifyFull, CAFile: System}, false},
		{"nothing to verify", Server{Mode: Require}, true},
		{"prefer never verifies", Server{Mode: Prefer, CAFile: other.CAFile()}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.conf.SetDefaults()
			if err := tt.conf.Validate(); err != nil {
				t.Fatal(err)
			}
			conf, err := tt.conf.Load("db.example")
			if err != nil {
				t.Fatal(err)
			}
			srv := Client{Mode: Require, CertFile: pair.CertFile, KeyFile: pair.KeyFile}
			srv.SetDefaults()
			sconf, err := srv.Load()
			if err != nil {
				t.Fatal(err)
			}
			ln, err := tls.Listen("tcp", "127.0.0.1:0", sconf)
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			go func() {
				if c, err := ln.Accept(); err == nil {
					_ = c.(*tls.Conn).Handshake()
					c.Close()
				}
			}()
			a, err := net.DialTimeout("tcp", ln.Addr().String(), time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			_ = a.SetDeadline(time.Now().Add(time.Minute))
			if err := tls.Client(a, conf).Handshake(); (err == nil) != tt.ok {
				t.Errorf("handshake: %v, want success %v", err, tt.ok)
			}
		})
	}
}

func TestMistakesAreNamedWithWhatToDo(t *testing.T) {
	type checked interface {
		SetDefaults()
		Validate() error
	}
	for _, tt := range []struct {
		conf checked
		want string // "": valid
	}{
		{&Client{}, ""},
		{&Client{Mode: "on"}, "use off, allow or require"},
		{&Client{Mode: Require}, "tls.cert_file"},
		{&Client{Mode: Require, CertFile: "c", KeyFile: "k"}, ""},
		{&Client{Mode: Require, CertFile: "c", KeyFile: "k", MinVersion: "1.1"}, "use 1.2 or 1.3"},
		{&Client{Mode: Require, CertFile: "c", KeyFile: "k", ClientAuth: "yes"}, "use none, optional or require"},
		{&Client{Mode: Require, CertFile: "c", KeyFile: "k", ClientAuth: CertRequired}, "tls.client_ca_file"},
		{&Client{Mode: Allow, CertFile: "c", KeyFile: "k", ClientAuth: CertRequired, ClientCAFile: "a"}, "set tls.mode to require"},
		{&Client{ClientAuth: CertOptional}, "tls.mode is off"},
		{&Server{}, ""},
		{&Server{Mode: "verify"}, "use disable, prefer"},
		{&Server{Mode: VerifyFull}, "tls.ca_file"},
		{&Server{Mode: VerifyCA, CAFile: System}, "use verify-full"},
		{&Server{CertFile: "c"}, "set both or neither"},
		{&Server{MinVersion: "2"}, "use 1.2 or 1.3"},
		{&Server{Negotiation: NegotiateDirect}, "use require"},
		{&Server{Mode: Require, Negotiation: NegotiateDirect}, ""},
		{&Server{Negotiation: "tls"}, "use postgres or direct"},
	} {
		tt.conf.SetDefaults()
		err := tt.conf.Validate()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%+v: %v, want %q", tt.conf, err, tt.want)
		}
	}
}

func TestMissingFilesAreNamed(t *testing.T) {
	none := t.TempDir() + "/none.pem"
	pair := tlstest.New(t, t.TempDir()).Issue(t, "x")
	c := Client{Mode: Require, CertFile: none, KeyFile: none}
	if _, err := c.Load(); err == nil || !strings.Contains(err.Error(), none) {
		t.Errorf("client: %v", err)
	}
	c = Client{Mode: Require, MinVersion: "1.2", CertFile: pair.CertFile, KeyFile: pair.KeyFile, ClientAuth: CertOptional, ClientCAFile: pair.KeyFile}
	if _, err := c.Load(); err == nil || !strings.Contains(err.Error(), "no PEM certificate") {
		t.Errorf("client authority: %v", err)
	}
	s := Server{Mode: VerifyCA, MinVersion: "1.2", CAFile: none}
	if _, err := s.Load("x"); err == nil || !strings.Contains(err.Error(), none) {
		t.Errorf("server: %v", err)
	}
}
