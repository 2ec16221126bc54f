package pgwire

import (
	"bytes"
	"encoding/binary"

	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/proxy/wire"
)

// SASL mechanisms that bind a channel.
const scramPlus = "SCRAM-SHA-256-PLUS"

// Channel binding proves that client and server see the same TLS connection's
// certificate. A proxy that ends TLS breaks it unless both legs show the same
// one. What works (measured with libpq 15 and PostgreSQL 15):
//
//	client   server   certificates  list          outcome
//	plain    plain    -             no PLUS       works
//	plain    TLS      -             PLUS removed  works (gs2 flag n)
//	TLS      plain    -             no PLUS       works; channel_binding=require can't
//	TLS      TLS      same          passed        works, bound
//	TLS      TLS      different     passed        clients that don't bind work; others are
//	                                              told what to change
type binding struct {
	impossible bool // both legs are TLS with different certificates
	offered    bool // the server offers PLUS
	flag       byte // the client's gs2 flag: n, y or p; 0 before it is known
}

// offer rewrites an AuthenticationSASL's list of mechanisms for the client.
// frame is the whole message and is returned as it is if nothing changes.
func (l *login) offer(frame []byte) ([]byte, error) {
	var m pgproto3.AuthenticationSASL
	if err := m.Decode(frame[header:]); err != nil {
		return nil, malformed(wire.Server, "AuthenticationSASL: %v", err)
	}
	var kept []string
	for _, mech := range m.AuthMechanisms {
		if mech == scramPlus {
			l.bind.offered = true
			continue
		}
		kept = append(kept, mech)
	}
	l.bind.impossible = l.clientTLS != nil && l.serverTLS != nil && !sameCertificate(l.set.clientTLS, l.serverTLS)
	if !l.bind.offered {
		return frame, nil
	}
	strip := l.clientTLS == nil // a client without TLS must not be offered it
	switch l.set.ChannelBinding {
	case BindingStrip:
		strip = true
	case BindingPass:
		strip = false
	}
	if !strip {
		return frame, nil
	}
	if len(kept) == 0 {
		return nil, fail(wire.Server, "policy", bindingError(), "the server offers %s only, which can't pass this listener", scramPlus)
	}
	out, err := (&pgproto3.AuthenticationSASL{AuthMechanisms: kept}).Encode(nil)
	if err != nil {
		return nil, malformed(wire.Server, "AuthenticationSASL: %v", err)
	}
	return out, nil
}

// choice looks at the client's SASLInitialResponse: its mechanism and gs2 flag
// (RFC 5802, section 6), never its secrets.
func (l *login) choice(frame []byte) error {
	mech, rest, ok := bytes.Cut(frame[header:], []byte{0})
	if !ok || len(rest) < 4 {
		return malformed(wire.Client, "malformed SASLInitialResponse")
	}
	if n := int32(binary.BigEndian.Uint32(rest)); n > 0 && len(rest) > 4 {
		l.bind.flag = rest[4]
	}
	if string(mech) == scramPlus && l.bind.impossible {
		return fail(wire.Client, "policy", bindingError(), "channel binding needs the server's certificate on both legs")
	}
	return nil
}

// bindingFailed reports whether the server's error is the consequence of
// channel binding that can't work. The message is localized, so it is told
// from what the client sent: with flag y the server suspects a downgrade, with
// p the certificates differ.
func (l *login) bindingFailed(e *pgproto3.ErrorResponse) bool {
	return l.bind.impossible && l.bind.offered && (l.bind.flag == 'y' || l.bind.flag == 'p') && e.Code == codeAuth
}

func bindingError() []byte {
	return fatal(codeAuth, "channel binding can't pass this proxy",
		"Both connections are encrypted, and the proxy's certificate is not the server's, so SCRAM-SHA-256-PLUS detects the proxy.",
		"Connect with channel_binding=disable; or the administrator gives the proxy the server's own certificate and key, or sets the proxy's server tls.mode to disable on a private link.")
}
