package tlsconf

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"

	"honeyrow/event"
)

// Facts describes a client's side of an encrypted connection for events. The
// certificate appears only if it was verified.
func Facts(cs *tls.ConnectionState) *event.TLS {
	t := &event.TLS{
		Version: tls.VersionName(cs.Version), Cipher: tls.CipherSuiteName(cs.CipherSuite), ServerName: cs.ServerName,
	}
	if len(cs.VerifiedChains) > 0 {
		c := cs.PeerCertificates[0]
		sum := sha256.Sum256(c.Raw)
		t.Subject, t.Issuer, t.Fingerprint = c.Subject.String(), c.Issuer.String(), hex.EncodeToString(sum[:])
	}
	return t
}
