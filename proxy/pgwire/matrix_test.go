package pgwire

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"honeyrow/proxy/tlsconf"
	"honeyrow/proxy/tlsconf/tlstest"
)

const whoami = "select current_user"

func TestEveryMethodLogsInThroughEveryPairOfTLSModes(t *testing.T) {
	s, ca, pair := methods(t)
	client := tlsconf.Client{Mode: tlsconf.Allow, CertFile: pair.CertFile, KeyFile: pair.KeyFile}
	for _, mode := range []string{tlsconf.Disable, tlsconf.Prefer, tlsconf.Require, tlsconf.VerifyCA, tlsconf.VerifyFull} {
		srv := tlsconf.Server{Mode: mode}
		if mode != tlsconf.Disable && mode != tlsconf.Prefer {
			srv.CAFile = ca.CAFile()
		}
		d := openDoor(t, Config{TLS: client, Server: Server{Address: s.Addr(), TLS: srv}})
		for _, ssl := range []string{"disable", "verify-full"} {
			for _, user := range []string{"trust_u", "pw_u", "md5_u", "scram_u"} {
				t.Run(fmt.Sprintf("server=%s/client=%s/%s", mode, ssl, user), func(t *testing.T) {
					info := "host=127.0.0.1 dbname=postgres user=" + user + " sslmode=" + ssl + " sslrootcert=" + ca.CAFile()
					if got := d.psql(t, info, whoami, "PGPASSWORD=secret"); got != user {
						t.Errorf("psql said %q, want %q", got, user)
					}
					who := d.w.last()
					if (who.TLS != nil) != (ssl != "disable") {
						t.Errorf("the event's TLS facts are %+v with sslmode=%s", who.TLS, ssl)
					}
					if user != "scram_u" { // the others are the server's business alone
						return
					}
					got := d.psql(t, info, whoami, "PGPASSWORD=wrong")
					if !strings.Contains(got, fmt.Sprintf("password authentication failed for user %q", user)) {
						t.Errorf("wrong password: psql said %q", got)
					}
				})
			}
		}
	}
}

func TestPgxLogsInThroughEveryPairOfTLSModes(t *testing.T) {
	s, _, pair := methods(t)
	for _, mode := range []string{tlsconf.Disable, tlsconf.Require} {
		d := openDoor(t, Config{
			TLS:    tlsconf.Client{Mode: tlsconf.Allow, CertFile: pair.CertFile, KeyFile: pair.KeyFile},
			Server: Server{Address: s.Addr(), TLS: tlsconf.Server{Mode: mode}},
		})
		for _, ssl := range []string{"disable", "require"} {
			for _, user := range []string{"trust_u", "pw_u", "md5_u", "scram_u"} {
				t.Run(mode+"/"+ssl+"/"+user, func(t *testing.T) {
					c, err := pgconn.Connect(t.Context(), fmt.Sprintf("host=127.0.0.1 port=%s user=%s password=secret dbname=postgres sslmode=%s", d.port, user, ssl))
					if err != nil {
						t.Fatal(err)
					}
					r, err := c.Exec(t.Context(), whoami).ReadAll()
					if err != nil || string(r[0].Rows[0][0]) != user {
						t.Errorf("%v, %v", r, err)
					}
					if err := c.Close(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

func TestChannelBindingWorksWhereItCanAndSaysWhatToChangeWhereNot(t *testing.T) {
	s, ca, same := methods(t)
	other := ca.Issue(t, "proxy.example", "127.0.0.1")
	const helpful = "channel_binding=disable"
	for _, tt := range []struct {
		name    string
		cert    tlstest.Pair
		server  string
		policy  string
		info    string
		wantErr string // "": the login works
	}{
		{"same certificate", same, tlsconf.Require, "", "sslmode=require", ""},
		{"same certificate, binding required", same, tlsconf.Require, "", "sslmode=require channel_binding=require", ""},
		{"same certificate, no binding", same, tlsconf.Require, "", "sslmode=require channel_binding=disable", ""},
		{"same certificate, plaintext client", same, tlsconf.Require, "", "sslmode=disable", ""},
		{"other certificate", other, tlsconf.Require, "", "sslmode=require", helpful},
		{"other certificate, binding required", other, tlsconf.Require, "", "sslmode=require channel_binding=require", helpful},
		{"other certificate, no binding", other, tlsconf.Require, "", "sslmode=require channel_binding=disable", ""},
		{"other certificate, plaintext client", other, tlsconf.Require, "", "sslmode=disable", ""},
		{"other certificate, stripped", other, tlsconf.Require, BindingStrip, "sslmode=require", helpful},
		{"other certificate, stripped, no binding", other, tlsconf.Require, BindingStrip, "sslmode=require channel_binding=disable", ""},
		{"plaintext server", other, tlsconf.Disable, "", "sslmode=require", ""},
		{"plaintext server, binding required", other, tlsconf.Disable, "", "sslmode=require channel_binding=require", "channel binding"},
		{"plaintext everywhere", other, tlsconf.Disable, "", "sslmode=disable", ""},
		{"passed to a plaintext client", other, tlsconf.Require, BindingPass, "sslmode=disable", "non-SSL connection"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := openDoor(t, Config{
				TLS:            tlsconf.Client{Mode: tlsconf.Allow, CertFile: tt.cert.CertFile, KeyFile: tt.cert.KeyFile},
				Server:         Server{Address: s.Addr(), TLS: tlsconf.Server{Mode: tt.server}},
				ChannelBinding: tt.policy,
			})
			got := d.psql(t, "host=127.0.0.1 dbname=postgres user=scram_u "+tt.info, whoami, "PGPASSWORD=secret")
			switch {
			case tt.wantErr == "" && got != "scram_u":
				t.Errorf("psql said %q, want a login", got)
			case tt.wantErr != "" && !strings.Contains(got, tt.wantErr):
				t.Errorf("psql said %q, want an error with %q", got, tt.wantErr)
			}
			if tt.wantErr != "" || strings.Contains(tt.info, "disable") {
				return
			}
			c, err := pgconn.Connect(t.Context(), "host=127.0.0.1 port="+d.port+" user=scram_u password=secret dbname=postgres "+tt.info)
			if err != nil {
				t.Fatalf("pgx: %v", err)
			}
			c.Close(t.Context())
		})
	}
}
