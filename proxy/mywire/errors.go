package mywire

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/event"
	"honeyrow/proxy/wire"
)

// Error codes that the proxy itself gives, with their SQLSTATE. Clients reject
// codes from 2000 to 2999, which are their own.
const (
	codeTooMany      = mysql.ER_CON_COUNT_ERROR
	codeUnknown      = mysql.ER_UNKNOWN_ERROR
	codeDenied       = mysql.ER_ACCESS_DENIED_ERROR
	codeBadCommand   = mysql.ER_UNKNOWN_COM_ERROR
	codeShutdown     = mysql.ER_SERVER_SHUTDOWN
	codeForbidden    = mysql.ER_TABLEACCESS_DENIED_ERROR
	codeNeedGrant    = mysql.ER_SPECIFIC_ACCESS_DENIED_ERROR
	codeNoBinlog     = mysql.ER_MASTER_FATAL_ERROR_READING_BINLOG
	codeReadError    = mysql.ER_NET_READ_ERROR
	codeReadTimeout  = mysql.ER_NET_READ_INTERRUPTED
	codeConnect      = mysql.ER_CONNECT_TO_FOREIGN_DATA_SOURCE
	codeAuthMode     = mysql.ER_NOT_SUPPORTED_AUTH_MODE
	codeMalformed    = 1835 // ER_MALFORMED_PACKET
	codeTooBig       = mysql.ER_TOO_BIG_SELECT
	codeKilled       = 1927 // ER_CONNECTION_KILLED
	codeNeedTLS      = 3159 // ER_SECURE_TRANSPORT_REQUIRED
	stateGeneral     = "HY000"
	stateConnection  = "08S01"
	stateRejected    = "08004"
	stateDenied      = "28000"
	stateForbidden   = "42000"
	stateQueryEnd    = "70100"
	progressCode     = 0xffff // MariaDB: a progress report, not an error
	tellTimeout      = 2 * time.Second
	lingerMax        = 64 << 10 // bytes read from a client that has been told
	refusalMessage   = "command denied"
	malformedMessage = "the proxy can't follow this session any further; its log names the side and the packet"
)

// errPayload builds the payload of an ERR packet. An empty state leaves the
// SQLSTATE out, as servers do before the handshake.
func errPayload(code uint16, state, message string) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{mysql.ERR_HEADER}, code)
	if state != "" {
		b = append(append(b, '#'), state...)
	}
	return append(b, message...)
}

// refusal is the error that a client gets for what a rule refused, with the
// rule's own text. By itself it says nothing of honey rows: who reads one must
// not learn that it is one.
func refusal(says string, c wire.Charset) []byte {
	return errPayload(codeForbidden, stateForbidden, wire.Refusal(refusalMessage, says, c))
}

// refusal is that error for this session.
func (f *flow) refusal(says string) []byte {
	c := wire.ASCII
	if multibyte(f.charset.Load()) == unicode {
		c = wire.UTF8
	}
	return refusal(says, c)
}

// loginError is a failed login: what the log says, and the payload of the ERR
// packet that the client is told (nil: nothing, or it has been told).
type loginError struct {
	cause  wire.Error
	answer []byte
}

func (e *loginError) Error() string { return e.cause.Error() }
func (e *loginError) Unwrap() error { return &e.cause }

func fail(side wire.Side, op string, answer []byte, format string, args ...any) *loginError {
	return &loginError{cause: wire.Error{Side: side, Op: op, Err: fmt.Errorf(format, args...)}, answer: answer}
}

// malformed is a side that broke the protocol.
func malformed(side wire.Side, format string, args ...any) *loginError {
	what := fmt.Sprintf(format, args...)
	answer := errPayload(codeMalformed, stateGeneral, what)
	if side == wire.Server {
		answer = errPayload(codeMalformed, stateGeneral, "the server broke the protocol during login; the proxy's log has the details")
	}
	return &loginError{cause: wire.Error{Side: side, Op: "protocol", Err: errors.New(what)}, answer: answer}
}

// lost is a connection that failed or ended.
func lost(side wire.Side, op string, err error) *loginError {
	e := &loginError{cause: wire.Error{Side: side, Op: op, Err: err}}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && side == wire.Client:
		e.answer = errPayload(codeReadTimeout, stateConnection, "the login took too long")
	case errors.Is(err, os.ErrDeadlineExceeded):
		e.answer = errPayload(codeReadTimeout, stateConnection, "the server did not answer the login in time")
	case side == wire.Server:
		e.answer = errPayload(codeReadError, stateConnection, "the server closed the connection during login; the proxy's log has the details")
	}
	return e
}

// unreachable is a server that can't be connected to. The client learns the
// reason but no internal address.
func unreachable(op string, err error) *loginError {
	detail := "the proxy's log says why"
	var no syscall.Errno
	var ne net.Error
	switch {
	case errors.As(err, &no):
		detail = no.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &ne) && ne.Timeout():
		detail = "it did not answer in time"
	case op == "tls":
		detail = "TLS between the proxy and the server failed; the proxy's log says why"
	}
	return &loginError{
		cause:  wire.Error{Side: wire.Server, Op: op, Err: err},
		answer: errPayload(codeConnect, stateGeneral, "the proxy can't reach the database server ("+detail+"): ask the administrator whether the server is up and the proxy's server address and tls settings are right"),
	}
}

// tell writes the last packet to a client, for a short while, and waits a
// little for the client to close: closing a socket with unread bytes resets
// the connection, and the message would be lost.
func tell(c net.Conn, packet []byte) {
	_ = c.SetDeadline(time.Now().Add(tellTimeout))
	if _, err := c.Write(packet); err != nil {
		return
	}
	w, ok := c.(interface{ CloseWrite() error })
	if !ok || w.CloseWrite() != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c, lingerMax)
}

// farewell is the payload of the ERR packet that ends or turns away a session.
// about is the detection behind it, for whoever is asked why.
func farewell(r wire.Reason, about event.ID) []byte {
	switch r {
	case wire.TooMany:
		return errPayload(codeTooMany, stateRejected, "Too many connections to this proxy: wait for other sessions to end, or raise limits.connections of the listener")
	case wire.Shutdown:
		return errPayload(codeShutdown, stateConnection, "the proxy is shutting down: connect again")
	case wire.Malformed:
		return errPayload(codeMalformed, stateGeneral, malformedMessage)
	case wire.Refused:
		return refusal("", wire.ASCII)
	case wire.Killed:
		whom := "the administrator of the proxy in front of this server"
		if about != "" {
			whom += " about " + string(about)
		}
		return errPayload(codeKilled, stateQueryEnd, "Connection was killed: ask "+whom)
	case wire.ServerGone:
		return errPayload(codeReadError, stateConnection, "the connection to the server was lost: connect again; if it persists, check that the proxy reaches the server")
	}
	return errPayload(codeUnknown, stateGeneral, "the proxy ended this session after an internal error; its log has the details")
}

// ended reports whether err only says that a peer is gone.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed)
}
