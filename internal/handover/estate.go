package handover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// Estate is what a process has from its predecessor. A nil *Estate is that of a
// process that has none.
type Estate struct {
	l *link

	mu      sync.Mutex
	sockets map[string]*os.File
	taken   []string

	sure     atomic.Bool
	serving  atomic.Bool // the predecessor listens to more than the steps of the hand-over
	sessions atomic.Int64
	gone     chan struct{}
	ended    chan struct{} // the predecessor wants this process to end
	once     sync.Once
}

// Inherit returns what the predecessor has left this process, nil if it was
// started by somebody else. It is called once, before anything is opened.
func Inherit() (*Estate, error) {
	text := os.Getenv(heirEnv)
	if text == "" {
		return nil, nil
	}
	if err := os.Unsetenv(heirEnv); err != nil { // not for the processes that this one starts
		return nil, err
	}
	fd, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("take over: %s=%q is no descriptor: leave it unset", heirEnv, text)
	}
	l, err := newLink(os.NewFile(uintptr(fd), "predecessor"))
	if err != nil {
		return nil, fmt.Errorf("take over: %s=%q: %w: leave it unset", heirEnv, text, err)
	}
	e := &Estate{l: l, sockets: map[string]*os.File{}, gone: make(chan struct{}), ended: make(chan struct{})}
	m, files, err := l.receive()
	if err == nil && len(files) != len(m.Sockets) {
		err = fmt.Errorf("%d sockets for %d names", len(files), len(m.Sockets))
	}
	if err != nil {
		l.close()
		return nil, fmt.Errorf("take over: %w", err)
	}
	for i, name := range m.Sockets {
		e.sockets[name] = files[i]
	}
	return e, nil
}

// Socket returns the listening socket of a name; nil: there is none, open one.
func (e *Estate) Socket(name string) (Listener, error) {
	if e == nil {
		return nil, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	f := e.sockets[name]
	if f == nil {
		return nil, nil
	}
	delete(e.sockets, name)
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("take over the socket of %s: %w", name, err)
	}
	own, ok := l.(Listener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("take over the socket of %s: it is of another kind", name), l.Close())
	}
	e.taken = append(e.taken, name)
	return own, nil
}

// Fail tells the predecessor why this process can't serve. It goes on then.
func (e *Estate) Fail(err error) {
	if e != nil {
		_ = e.l.send(message{Failed: err.Error()})
	}
}

// Prepared tells the predecessor that this process could serve and waits until it
// may: the predecessor has stopped accepting, or is gone. The sockets that were
// not asked for are closed.
func (e *Estate) Prepared(ctx context.Context, version string) error {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	for name, f := range e.sockets {
		_ = f.Close()
		delete(e.sockets, name)
	}
	taken := slices.Clone(e.taken)
	e.mu.Unlock()
	lift := context.AfterFunc(ctx, e.l.close)
	defer lift()
	if err := e.l.send(message{Prepared: &News{Version: version, Taken: taken}}); err != nil {
		close(e.gone)
		return nil // it has crashed: all the more
	}
	m, _, err := e.l.receive()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil || !m.Take {
		close(e.gone)
		return nil
	}
	return nil
}

// Serving tells the predecessor that this process accepts connections, and
// follows what it tells from then on.
func (e *Estate) Serving() {
	if e == nil {
		return
	}
	select {
	case <-e.gone:
		return
	default:
	}
	_ = e.l.send(message{Serving: true})
	e.serving.Store(true)
	go e.listen()
}

// listen ends with the predecessor.
func (e *Estate) listen() {
	defer close(e.gone)
	defer e.l.close()
	for {
		m, _, err := e.l.receive()
		if err != nil {
			e.sessions.Store(0)
			return
		}
		if m.Sessions != nil {
			e.sessions.Store(int64(*m.Sessions))
		}
		if m.Sure {
			e.sure.Store(true)
		}
		if m.End {
			e.once.Do(func() { close(e.ended) })
		}
	}
}

// Sessions is how many the predecessors still have, as they told last.
func (e *Estate) Sessions() int {
	if e == nil {
		return 0
	}
	return int(e.sessions.Load())
}

// Present reports whether the predecessor is still there.
func (e *Estate) Present() bool {
	if e == nil {
		return false
	}
	select {
	case <-e.gone:
		return false
	default:
		return true
	}
}

// Sure reports whether the predecessor will not take the sockets back.
func (e *Estate) Sure() bool { return !e.Present() || e.sure.Load() }

// Gone is closed when the predecessor has ended; nil for a process without one.
func (e *Estate) Gone() <-chan struct{} {
	if e == nil {
		return nil
	}
	return e.gone
}

// Ended is closed when the predecessor was told to end before it was sure of this
// process, which is to end too.
func (e *Estate) Ended() <-chan struct{} {
	if e == nil {
		return nil
	}
	return e.ended
}

// End has the predecessor end its sessions in order.
func (e *Estate) End() {
	if e.Present() {
		_ = e.l.send(message{End: true})
	}
}
