package pgwire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/proxy/wire"
)

// SQLSTATE codes of the errors that the proxy itself gives (manual, Appendix A).
const (
	codeConnect   = "08001" // the server can't be reached
	codeProtocol  = "08P01"
	codeAuth      = "28000" // invalid authorization specification
	codeForbidden = "42501"
	codeTooMany   = "53300"
	codeTimeout   = "57014"
	codeNotNow    = "57P03" // libpq tries its next host
	codeSystem    = "58000"
)

// tellTimeout bounds the write of the last message to a client.
const tellTimeout = 2 * time.Second

// lingerMax bounds in bytes what is read from a client that has been told.
const lingerMax = 64 << 10

// loginError is a failed login: what the log says, and what the client is told
// (nil: nothing, or it has been told).
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
	answer := fatal(codeProtocol, what, "", "")
	if side == wire.Server {
		answer = fatal(codeProtocol, "the server broke the protocol during login", "", "The proxy's log has the details.")
	}
	return &loginError{cause: wire.Error{Side: side, Op: "protocol", Err: errors.New(what)}, answer: answer}
}

// lost is a connection that failed or ended.
func lost(side wire.Side, op string, err error) *loginError {
	e := &loginError{cause: wire.Error{Side: side, Op: op, Err: err}}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && side == wire.Client:
		e.answer = fatal(codeTimeout, "canceling authentication due to timeout", "", "")
	case errors.Is(err, os.ErrDeadlineExceeded):
		e.answer = fatal(codeTimeout, "the server did not answer the login in time", "", "")
	case side == wire.Server:
		e.answer = fatal(codeConnect, "the server closed the connection during login", "", "The proxy's log has the details.")
	}
	return e
}

// unreachable is a server that can't be connected to. The client learns the
// reason but no internal address.
func unreachable(op string, err error) *loginError {
	detail := "The proxy's log says why."
	var no syscall.Errno
	var ne net.Error
	switch {
	case errors.As(err, &no):
		detail = "Connecting to the server: " + no.Error() + "."
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &ne) && ne.Timeout():
		detail = "The server did not answer in time."
	case op == "tls":
		detail = "TLS between the proxy and the server failed; the proxy's log says why."
	}
	return &loginError{
		cause:  wire.Error{Side: wire.Server, Op: op, Err: err},
		answer: fatal(codeConnect, "the proxy can't reach the database server", detail, "Ask the administrator whether the server is up and the proxy's server address and tls settings are right."),
	}
}

// fatal builds an ErrorResponse that ends a session.
func fatal(code, message, detail, hint string) []byte {
	return encodeError(&pgproto3.ErrorResponse{
		Severity: "FATAL", SeverityUnlocalized: "FATAL",
		Code: code, Message: message, Detail: detail, Hint: hint,
	})
}

// tell writes the last message to a client, for a short while, and waits a
// little for the client to close: closing a socket with unread bytes resets
// the connection, and the message would be lost.
func tell(c net.Conn, m []byte) {
	if m == nil {
		return
	}
	_ = c.SetDeadline(time.Now().Add(tellTimeout))
	if _, err := c.Write(m); err != nil {
		return
	}
	w, ok := c.(interface{ CloseWrite() error })
	if !ok || w.CloseWrite() != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c, lingerMax)
}

// rejection is what a client that has not logged in is told.
func rejection(r wire.Reason) []byte {
	switch r {
	case wire.TooMany:
		return fatal(codeTooMany, "sorry, too many clients already", "The proxy's connection limit is reached.", "Wait for other sessions to end, or raise the listener's limits.")
	case wire.Shutdown:
		return fatal(codeNotNow, "the proxy is shutting down", "", "Connect again later, or to another proxy.")
	case wire.Broken:
		return fatal(codeSystem, "internal error in the proxy", "", "The proxy's log has the details.")
	}
	return farewell(r, "")
}

// ended reports whether err only says that a peer is gone.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed)
}
