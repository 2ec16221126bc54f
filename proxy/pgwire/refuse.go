package pgwire

import (
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/event"
	"honeyrow/proxy/wire"
)

// refusedText is what the server is sent in place of a refused statement. It
// can't be parsed in any state of a transaction, so that the server itself
// answers with an error at the right place and its transaction fails as after
// any other error; the proxy puts its own error in the place of that one. The
// text appears in the server's log, for the DBA who wonders.
const refusedText = "refused by the proxy in front of this server"

// failing returns a message of the given type that the server will refuse.
func (f *flow) failing(typ byte) []byte {
	var m pgproto3.FrontendMessage = &pgproto3.Query{String: refusedText}
	if typ == 'P' {
		m = &pgproto3.Parse{Query: refusedText}
	}
	b, err := m.Encode(f.inject[:0])
	if err != nil { // only for messages over 1 GiB
		panic(err)
	}
	f.inject = b
	return b
}

// failTransaction makes the server's transaction fail, as it would have after an
// error of the server's own: the client has had an error in the place of a result
// that the server has sent to its end. The server is sent a statement that can't
// be parsed; its answer, up to a ReadyForQuery that says so, takes the place of
// the one in hand. Not if the client has sent more already: then the transaction
// stays open, which ReadyForQuery tells the client.
func (f *flow) failTransaction() bool {
	if f.opts.Send == nil {
		return false
	}
	f.mu.Lock() // the client's goroutine waits before it sends more
	defer f.mu.Unlock()
	if f.queue.len() > 0 || f.copyIn {
		return false
	}
	b, err := (&pgproto3.Query{String: refusedText}).Encode(nil)
	if err != nil || f.opts.Send(b) != nil {
		return false
	}
	f.pushLocked(request{kind: simpleQuery, hidden: true})
	f.nextLocked()
	return true
}

// denied is what a server says by itself.
const denied = "permission denied"

// refusal is the error that a client gets for what a rule refused, with the
// rule's own text. By itself it says nothing of honey rows: who reads one must
// not learn that it is one.
func (f *flow) refusal(severity, says string) []byte {
	return refusal(severity, wire.Refusal(denied, says, wire.Charset(f.charset.Load())))
}

func refusal(severity, text string) []byte {
	return encodeError(&pgproto3.ErrorResponse{Severity: severity, SeverityUnlocalized: severity, Code: "42501", Message: text})
}

// charsetOf tells the character set from the name of a client_encoding.
func charsetOf(encoding string) wire.Charset {
	switch strings.ToUpper(encoding) {
	case "UTF8", "UNICODE":
		return wire.UTF8
	case "LATIN1", "WIN1252":
		return wire.Latin1
	}
	return wire.ASCII
}

func encodeError(m *pgproto3.ErrorResponse) []byte {
	b, err := m.Encode(nil)
	if err != nil {
		panic(err)
	}
	return b
}

// farewell is the error that ends a session (PostgreSQL's Appendix A gives the codes).
// about is the detection behind it, for whoever is asked why.
func farewell(r wire.Reason, about event.ID) []byte {
	m := &pgproto3.ErrorResponse{Severity: "FATAL", SeverityUnlocalized: "FATAL"}
	switch r {
	case wire.TooMany:
		m.Code, m.Message = "53300", "too many connections to this proxy"
		m.Hint = "Wait for other sessions to end, or raise limits.connections of the listener."
	case wire.Shutdown:
		m.Code, m.Message = "57P01", "terminating connection: the proxy is shutting down"
		m.Hint = "Connect again."
	case wire.Malformed:
		m.Code, m.Message = "08P01", "protocol violation: the proxy can't follow this session any further"
		m.Hint = "The proxy's log names the side and the message."
	case wire.Refused:
		m.Code, m.Message = "42501", denied
	case wire.Killed:
		m.Code, m.Message = "57P01", "terminating connection due to administrator command"
		m.Hint = "Ask the administrator of the proxy in front of this server."
		if about != "" {
			m.Hint = "Ask the administrator of the proxy in front of this server about " + string(about) + "."
		}
	case wire.ServerGone:
		m.Code, m.Message = "08006", "the connection to the server was lost"
		m.Hint = "Connect again; if it persists, check that the proxy reaches the server."
	default:
		m.Code, m.Message = "XX000", "the proxy ended this session after an internal error"
		m.Hint = "Connect again; the proxy's log has the details."
	}
	return encodeError(m)
}
