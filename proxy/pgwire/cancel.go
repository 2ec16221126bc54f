package pgwire

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/jackc/pgx/v5/pgproto3"

	"honeyrow/proxy/wire"
)

// Lengths of a cancel key in bytes: four up to protocol 3.0, any up to 256
// from 3.2 on.
const (
	keyMin = 4
	keyMax = 256
)

// cancelKey is what a server gave a session for cancelling, and where it runs.
type cancelKey struct {
	set    *settings
	pid    uint32
	secret []byte
}

// registry finds a session by its cancel key. Two servers may give the same
// process number, so a number may have several keys.
type registry struct {
	mu   sync.Mutex
	keys map[uint32][]*cancelKey
}

func (r *registry) add(k *cancelKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.keys == nil {
		r.keys = make(map[uint32][]*cancelKey)
	}
	r.keys[k.pid] = append(r.keys[k.pid], k)
}

// remove forgets k. It may be called more than once.
func (r *registry) remove(k *cancelKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.keys[k.pid]
	for i, have := range list {
		if have == k {
			list = append(list[:i:i], list[i+1:]...)
			break
		}
	}
	if len(list) == 0 {
		delete(r.keys, k.pid)
		return
	}
	r.keys[k.pid] = list
}

// find compares whole keys in constant time.
func (r *registry) find(pid uint32, secret []byte) *cancelKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.keys[pid] {
		if subtle.ConstantTimeCompare(k.secret, secret) == 1 {
			return k
		}
	}
	return nil
}

func (r *registry) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, l := range r.keys {
		n += len(l)
	}
	return n
}

// parseCancel decodes a whole CancelRequest packet.
func parseCancel(packet []byte) (pid uint32, secret []byte, err error) {
	var m pgproto3.CancelRequest
	if err := m.Decode(packet[4:]); err != nil {
		return 0, nil, err
	}
	if len(m.SecretKey) < keyMin || len(m.SecretKey) > keyMax {
		return 0, nil, fmt.Errorf("cancel key of %d bytes", len(m.SecretKey))
	}
	return m.ProcessID, m.SecretKey, nil
}

// parseKey decodes a whole BackendKeyData message.
func parseKey(frame []byte) (pid uint32, secret []byte, err error) {
	n := len(frame) - header - 4
	if n < keyMin || n > keyMax {
		return 0, nil, fmt.Errorf("BackendKeyData with a key of %d bytes", n)
	}
	return binary.BigEndian.Uint32(frame[header:]), append([]byte(nil), frame[header+4:]...), nil
}

// cancel passes a client's request to the server of the session that has the
// key. As with a server, the client is told nothing either way.
func (p *Protocol) cancel(ctx context.Context, packet []byte) error {
	pid, secret, err := parseCancel(packet)
	if err != nil {
		return fail(wire.Client, "protocol", nil, "%w", err)
	}
	k := p.keys.find(pid, secret)
	if k == nil && p.deps.Elsewhere != nil && p.deps.Elsewhere() {
		k = &cancelKey{set: p.set.Load(), pid: pid, secret: secret}
	}
	if k == nil {
		p.Counters.CancelsUnknown.Add(1)
		return nil
	}
	if err := k.send(ctx); err != nil {
		p.Counters.CancelsFailed.Add(1)
		return err
	}
	p.Counters.Cancels.Add(1)
	return nil
}

// send asks the server to cancel and waits until it has closed that
// connection: by then the signal has been sent.
func (k *cancelKey) send(ctx context.Context) error {
	link, err := k.set.dial(ctx)
	if err != nil {
		return err
	}
	defer link.raw.Close()
	lift := guard(ctx, link.raw)
	defer lift()
	packet, err := (&pgproto3.CancelRequest{ProcessID: k.pid, SecretKey: k.secret}).Encode(nil)
	if err != nil {
		return err
	}
	if _, err := link.conn.Write(packet); err != nil {
		return unreachable("write", fmt.Errorf("cancel request: %w", err))
	}
	var b [64]byte
	for {
		if _, err := link.conn.Read(b[:]); err != nil {
			if errors.Is(err, io.EOF) || ended(err) {
				return nil
			}
			return unreachable("read", fmt.Errorf("cancel request: %w", err))
		}
	}
}
