package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/rs/zerolog"

	"honeyrow/event"
	"honeyrow/proxy/wire"
)

// reportLogin counts and logs a login that failed: once, and only here.
func (l *Listener) reportLogin(o wire.Origin, err error) {
	e := coded(err)
	switch {
	case e.Op == "panic":
		l.Counters.Panics.Add(1)
	case e.Op == "protocol" && e.Side == wire.Client:
		l.Counters.MalformedClient.Add(1)
	case e.Op == "protocol":
		l.Counters.MalformedServer.Add(1)
	}
	switch {
	case e.Side == wire.Server:
		l.Counters.LoginsFailedServer.Add(1)
	case !ended(e): // a client that leaves before it has logged in has not failed
		l.Counters.LoginsFailedClient.Add(1)
	}
	ev := l.at(e).Str("client", o.Address)
	if o.Balancer != "" {
		ev = ev.Str("balancer", o.Balancer)
	}
	if o.Peer != nil {
		ev = ev.Int32("peer_pid", o.Peer.PID).Uint32("peer_uid", o.Peer.UID)
	}
	fields(ev, e).Msg("login failed")
}

// report logs how a session ended. The pump has counted it.
func (l *Listener) report(who *event.Client, err error) {
	if err == nil {
		l.log.Debug().Str("session", string(who.Session)).Msg("session ended")
		return
	}
	e := coded(err)
	ev := l.at(e).Str("session", string(who.Session)).Str("client", who.Address).Str("user", who.User).Str("database", who.Database)
	fields(ev, e).Msg("session ended")
}

// coded finds the wire.Error in err, or makes one.
func coded(err error) *wire.Error {
	var e *wire.Error
	if errors.As(err, &e) {
		return e
	}
	return &wire.Error{Side: wire.Client, Op: "login", Err: err}
}

func fields(ev *zerolog.Event, e *wire.Error) *zerolog.Event {
	ev = ev.Stringer("side", e.Side).Str("op", e.Op).AnErr("error", e.Err)
	if e.Stack != nil {
		ev = ev.Bytes("stack", e.Stack)
	}
	return ev
}

// at chooses the level: what an operator must see stands out from what any
// client can cause.
func (l *Listener) at(e *wire.Error) *zerolog.Event {
	switch {
	case e.Op == "panic":
		return l.log.Error()
	case e.Op == "protocol":
		return l.log.Warn()
	case e.Op == "refused", e.Op == "killed", e.Op == "login", e.Op == "policy":
		return l.log.Info()
	case e.Side == wire.Server:
		return l.log.Warn()
	case ended(e):
		return l.log.Debug()
	}
	return l.log.Info()
}

// ended reports whether err only says that a peer is gone.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded)
}
