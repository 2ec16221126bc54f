package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"honeyrow/proxy/tlsconf"
)

// server checks that the server is reachable, its TLS, and how it
// authenticates whoever comes through the proxy.
func (x *exam) server(ctx context.Context, s *Server) {
	subject := "server " + s.Name
	user, database := "honeyrow_doctor", "postgres"
	if c, err := pgx.ParseConfig(s.DSN); err == nil && s.DSN != "" {
		user, database = c.User, c.Database
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	pr, err := ask(ctx, s.Address, s.TLS, user, database)
	if err != nil {
		x.fail(subject, "reachable", "check servers address, the server itself (pg_isready) and firewalls between", "%s can't be reached: %v", s.Address, err)
		return
	}
	x.probes[s.Name] = pr
	x.ok(subject, "reachable", "%s answers within %s", s.Address, pr.took.Round(100*time.Microsecond))
	x.serverTLS(subject, s, pr)
	x.auth(subject, s, pr, user)
}

func (x *exam) serverTLS(subject string, s *Server, pr *probe) {
	unencrypted := "passwords and rows cross the network between proxy and server in the clear"
	enable := "set ssl = on at the server"
	if s.Protocol == MySQL {
		enable = "give the server a certificate (ssl_cert, ssl_key)"
	}
	switch {
	case pr.offer == noTLS && s.TLS.Mode != tlsconf.Disable && s.TLS.Mode != tlsconf.Prefer:
		x.fail(subject, "tls", enable+", or set servers tls.mode to prefer", "the server offers no TLS but tls.mode is %s", s.TLS.Mode)
		return
	case pr.offer == noTLS && loopback(s.Address):
		x.ok(subject, "tls", "the server offers no TLS; the link stays on this machine")
		return
	case pr.offer == noTLS:
		x.warn(subject, "tls", enable+", then set servers tls.mode to verify-full", "the server offers no TLS: %s", unencrypted)
		return
	case pr.tlsErr != nil:
		x.fail(subject, "tls", "check the server's certificate and servers tls.min_version", "TLS with the server fails: %v", pr.tlsErr)
		return
	}
	version := "TLS"
	if pr.state != nil { // not looked at where it is not used (MySQL)
		x.expiry(subject, pr.state.PeerCertificates[0])
		version = tls.VersionName(pr.state.Version)
	}
	switch {
	case pr.verifyErr != nil:
		x.fail(subject, "tls", "correct servers tls.ca_file or tls.server_name, or the server's certificate", "the server's certificate is not accepted (tls.mode %s): %v", s.TLS.Mode, pr.verifyErr)
	case s.TLS.Mode == tlsconf.Disable && !loopback(s.Address):
		x.warn(subject, "tls", "set servers tls.mode to verify-full with ca_file", "the server offers TLS but tls.mode is disable: %s", unencrypted)
	case s.TLS.Mode == tlsconf.Disable:
		x.ok(subject, "tls", "the server offers %s, unused (tls.mode disable); the link stays on this machine", version)
	case !verifies(s.TLS) && !loopback(s.Address):
		x.warn(subject, "tls", "set servers tls.mode to verify-full with ca_file", "%s to the server, but nobody checks its certificate (tls.mode %s): somebody between could read along", version, s.TLS.Mode)
	default:
		x.ok(subject, "tls", "%s to the server (tls.mode %s)", version, s.TLS.Mode)
	}
}

func verifies(t tlsconf.Server) bool {
	return t.Mode == tlsconf.VerifyCA || t.Mode == tlsconf.VerifyFull || t.Mode == tlsconf.Require && t.CAFile != ""
}

func (x *exam) expiry(subject string, leaf *x509.Certificate) {
	if leaf == nil {
		return
	}
	switch left := leaf.NotAfter.Sub(x.now()); {
	case left <= 0:
		x.fail(subject, "certificate", "renew it", "the certificate of %q ended on %s", name(leaf), leaf.NotAfter.UTC().Format(time.DateOnly))
	case x.now().Before(leaf.NotBefore):
		x.fail(subject, "certificate", "check the clocks of both machines", "the certificate of %q is valid only from %s", name(leaf), leaf.NotBefore.UTC().Format(time.RFC3339))
	case left < expirySoon:
		x.warn(subject, "certificate", "renew it soon", "the certificate of %q ends on %s", name(leaf), leaf.NotAfter.UTC().Format(time.DateOnly))
	default:
		x.ok(subject, "certificate", "the certificate of %q is valid until %s", name(leaf), leaf.NotAfter.UTC().Format(time.DateOnly))
	}
}

func name(c *x509.Certificate) string {
	if c.Subject.CommonName != "" {
		return c.Subject.CommonName
	}
	if len(c.DNSNames) > 0 {
		return c.DNSNames[0]
	}
	return c.Subject.String()
}

// auth tells what the server asks of a client that comes from this machine.
// Since the server sees the proxy's address, its pg_hba.conf rule for that
// address now decides for every client behind the proxy.
func (x *exam) auth(subject string, s *Server, pr *probe, user string) {
	const check = "auth"
	switch pr.auth {
	case "trust":
		x.warn(subject, check, "give this machine's address scram-sha-256 in the server's pg_hba.conf", "the server trusts connections of this machine without a password: so whoever reaches the proxy is let in as any role")
	case "cleartext", "md5":
		advice := "set password_encryption = 'scram-sha-256', renew the passwords and use scram-sha-256 in pg_hba.conf"
		if pr.auth == "md5" || pr.state == nil {
			x.warn(subject, check, advice, "the server asks %q for a password by the weak method %s; it passes through the proxy", user, pr.auth)
			return
		}
		x.ok(subject, check, "the server asks %q for a password in the clear inside TLS; it passes through the proxy", user)
	case "sasl":
		x.ok(subject, check, "the server asks %q for %s; it passes through the proxy", user, strings.Join(pr.mechanisms, " or "))
	case "gss", "sspi":
		x.warn(subject, check, "let clients of the proxy use scram-sha-256, or register the service name for the proxy's host", "the server asks %q for %s: the ticket must be for the proxy's host name", user, pr.auth)
	case "error":
		x.authError(subject, pr)
	default:
		x.warn(subject, check, "use scram-sha-256 for this machine in pg_hba.conf", "the server asks %q for %s, which honeyrow does not know; it is passed on", user, pr.auth)
	}
}

func (x *exam) authError(subject string, pr *probe) {
	advice := "read the server's log for the reason"
	switch {
	case strings.Contains(pr.errText, "pg_hba.conf") || strings.Contains(pr.errText, "no encryption"):
		advice = "add a rule for this machine's address with scram-sha-256 to the server's pg_hba.conf, and reload it"
	case strings.Contains(pr.errText, "certificate"):
		advice = "the server wants client certificates, which end at the proxy: give the proxy its own (servers tls.cert_file, tls.key_file) and drop clientcert for this machine in pg_hba.conf"
	case strings.Contains(pr.errText, "Peer authentication") || strings.Contains(pr.errText, "Ident authentication"):
		advice = "the server asks who the process at the other end is, which is now the proxy: use scram-sha-256 in pg_hba.conf"
	case strings.Contains(pr.errText, "does not exist"):
		advice = "correct the user and database in the seed connection string"
	}
	x.fail(subject, "auth", advice, "the server turns this machine away: %s", pr.errText)
}

// binding warns where SCRAM channel binding breaks: a client on TLS binds to
// the proxy's certificate, the server checks its own (RFC 5929,
// tls-server-end-point). It works only if both are the same certificate.
func (x *exam) binding(subject string, l *Listener, own []byte) {
	pr := x.probes[l.Server]
	if pr == nil || pr.state == nil || !slices.Contains(pr.mechanisms, "SCRAM-SHA-256-PLUS") || pr.mode == tlsconf.Disable {
		return
	}
	leaf := pr.state.PeerCertificates[0]
	if !bytes.Equal(leaf.Raw, own) {
		x.warn(subject, "binding", "give the listener the server's own certificate and key; or let clients use channel_binding=disable; or set servers tls.mode to disable on a private link",
			"clients on TLS will fail with \"channel binding check failed\": the server offers SCRAM-SHA-256-PLUS, and the proxy's certificate (%s) is not the server's (%s)", nameOf(own), name(leaf))
		return
	}
	if leaf.PublicKeyAlgorithm == x509.Ed25519 {
		x.warn(subject, "binding", "use an RSA or ECDSA certificate", "the certificate has an Ed25519 key, for which channel binding is not defined: some clients fail")
		return
	}
	x.ok(subject, "binding", "SCRAM channel binding works: both sides show the same certificate")
}

func nameOf(der []byte) string {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return "unreadable"
	}
	return name(c)
}
