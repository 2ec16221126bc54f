// Package wire moves bytes between the two ends of a session and knows no
// protocol. A Protocol logs a client in and yields a Flow; the pump reads
// chunks, shows each to the Flow, and writes what the Flow lets through.
//
//	client ──read──▶ chunk ──Flow.Chunk(Client)──▶ one write ──▶ server
//	client ◀── one write ◀──Flow.Chunk(Server)── chunk ◀──read── server
//
// Two goroutines per session, one per direction, and no others.
package wire

import (
	"context"
	"net"
	"time"

	"honeyrow/event"
)

// Side is one end of a session.
type Side uint8

// The two ends.
const (
	Client Side = iota
	Server
)

// String names the side in errors and counters.
func (s Side) String() string {
	if s == Client {
		return "client"
	}
	return "server"
}

// Origin is where a connection came from, as the listener saw it.
type Origin struct {
	Listener string
	Address  string // see event.Client.Address
	Balancer string // see event.Client.Balancer
	Peer     *event.Peer
}

// Protocol joins clients to a server. One Protocol serves one listener.
type Protocol interface {
	// Login negotiates TLS on both legs, relays the client's credentials and
	// returns the session ready for the pump. A nil Session with a nil error
	// means that the connection has been served to its end (a cancel request).
	// On error the client has been told in the protocol's terms where that is
	// possible; the caller closes client. Login honours ctx's deadline.
	Login(ctx context.Context, client net.Conn, o Origin) (*Session, error)
	// Reject tells a client that has not logged in why it can't be served
	// ("too many connections", "shutting down"), as far as the protocol allows.
	Reject(ctx context.Context, client net.Conn, reason Reason)
}

// Reason is why a connection is turned away or ended by the proxy itself.
type Reason uint8

// The reasons.
const (
	TooMany    Reason = iota // the connection limit is reached
	Shutdown                 // the proxy is going down
	Malformed                // one side broke the protocol
	Refused                  // a rule ended the session
	Broken                   // a panic in the proxy
	ServerGone               // the server's connection failed
	Killed                   // a rule, or the operator, ended the session
)

// Session is a client joined to its own server connection.
type Session struct {
	Who            event.Client
	Client, Server net.Conn // after TLS, login done
	// FromClient and FromServer were read during login but belong to the
	// session: the pump shows them to the Flow before it reads.
	FromClient, FromServer []byte
	Flow                   Flow
	// HoldTime bounds how long the Flow, which is a Holder then, may keep
	// something back; 0: it never does.
	HoldTime time.Duration
}

// Step is what the pump does with a chunk: write buf[:Pass] to the other side,
// then Inject to that same side, and forget buf[Pass:Pass+Skip]. What remains
// is shown again, alone or with more behind it.
type Step struct {
	Pass, Skip int
	// Hold is how many bytes are kept back instead of being written: the last
	// of those that pass, with those kept back by earlier Steps before them.
	// They are not shown again. What is kept back leaves, in its order, as soon
	// as a Step's Hold no longer covers it. Only for bytes from the server, and
	// not together with Inject or Reply.
	Hold int
	// Discard forgets what earlier Steps have kept back.
	Discard bool
	// Inject belongs to the Flow and is valid until the next Chunk from the
	// same side.
	Inject []byte
	// Reply is written back to the side that the chunk came from, after the
	// rest. It belongs to the Flow as Inject does. Only for a moment in which
	// nothing else can be on its way to that side.
	Reply []byte
	// Need asks for a buffer of at least so many bytes, counted from what
	// remains after Pass and Skip, before Chunk is called again; 0: any more
	// bytes will do. The Flow bounds it.
	Need int
	// Cut ends the session after the write, with a Farewell for this reason.
	Cut    bool
	Reason Reason
}

// Flow is a session's protocol state. Chunk(Client) and Chunk(Server) are
// called from one goroutine each, the other methods from any.
type Flow interface {
	// Chunk inspects buf, what has arrived from one side and was not yet
	// passed or skipped; buf belongs to the pump and is reused afterwards. A
	// Step with Pass, Skip and Inject all zero asks for more bytes. An error
	// means that the side broke the protocol: the pump ends the session.
	Chunk(from Side, buf []byte) (Step, error)
	// AtRest reports whether the session is between transactions with nothing
	// in flight, so that ending it loses no work.
	AtRest() bool
	// Farewell is the message that tells the client why the session ends, or
	// nil if none can be sent now (in the middle of a frame). about is the
	// detection behind it, if there is one. A rule that refuses may order the
	// session's end as well, which comes sooner than an answer for which the
	// server must be asked: if the client still waits for a refusal, that comes
	// first here.
	Farewell(r Reason, about event.ID) []byte
	// Close releases the session's inspector. It comes after both goroutines.
	Close()
}

// Holder is a Flow that keeps results back (Step.Hold).
type Holder interface {
	// Overdue says what becomes of what has been kept back for
	// Session.HoldTime. It is called by the goroutine of Chunk(Server); Pass
	// and Skip are zero.
	Overdue() Step
}

// Identity is a Flow whose client may log in as somebody else.
type Identity interface {
	// Who is the client as of now. It may be called by any goroutine.
	Who() event.Client
}
