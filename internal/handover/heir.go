package handover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Program is what a heir is started with.
type Program struct {
	Path string
	Args []string // the command line without the program's name
	Dir  string
	// Stdout and Stderr are the heir's; files are handed over as they are.
	Stdout, Stderr io.Writer
}

// Self is this program as it was started, found again by its name: a link that
// leads to a later version by now leads the heir there.
func Self() (Program, error) {
	dir, err := os.Getwd()
	if err != nil {
		return Program{}, fmt.Errorf("hand over: %w", err)
	}
	path, err := exec.LookPath(os.Args[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		if path, err = os.Executable(); err != nil {
			return Program{}, fmt.Errorf("hand over: find this program: %w", err)
		}
	}
	return Program{Path: path, Args: slices.Clone(os.Args[1:]), Dir: dir, Stdout: os.Stdout, Stderr: os.Stderr}, nil
}

// Heir is the new process, seen from the old one.
type Heir struct {
	News
	PID int

	l    *link
	cmd  *exec.Cmd
	gone chan struct{} // closed when the process has ended
	end  atomic.Bool   // it has told this process to end
	ends chan struct{} // closed then
	once sync.Once

	calls *calls
}

// waitTime is how long a heir that failed may take to end by itself.
const waitTime = 2 * time.Second

// Begin starts p and gives it the sockets. It returns once the heir could serve;
// on error there is none any more. names and gates belong together.
func Begin(ctx context.Context, p Program, names []string, gates []*Gate) (*Heir, error) {
	if os.Getpid() == 1 {
		return nil, errors.New("hand over: this process is the first of its container, which would end with it: start a second container and drain this one")
	}
	if len(gates) > maxSockets {
		return nil, fmt.Errorf("hand over: %d sockets are more than the %d that can be handed over", len(gates), maxSockets)
	}
	l, other, err := pair()
	if err != nil {
		return nil, fmt.Errorf("hand over: %w", err)
	}
	cmd := exec.Command(p.Path, p.Args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.Dir, p.Stdout, p.Stderr
	cmd.ExtraFiles = []*os.File{other} // descriptor 3
	for _, v := range os.Environ() {
		// The watchdog's process number is this one's.
		if !strings.HasPrefix(v, "WATCHDOG_PID=") && !strings.HasPrefix(v, heirEnv+"=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, heirEnv+"=3")
	err = cmd.Start()
	_ = other.Close()
	if err != nil {
		l.close()
		return nil, fmt.Errorf("hand over: start %s: %w", p.Path, err)
	}
	h := &Heir{PID: cmd.Process.Pid, l: l, cmd: cmd, gone: make(chan struct{}), ends: make(chan struct{}), calls: newCalls()}
	go func() { // ends with the process
		_ = cmd.Wait()
		close(h.gone)
	}()
	if err := h.prepare(ctx, names, gates); err != nil {
		return nil, fmt.Errorf("hand over: %w", h.fail(err))
	}
	return h, nil
}

// prepare sends the sockets and waits until the heir could serve.
func (h *Heir) prepare(ctx context.Context, names []string, gates []*Gate) error {
	if err := h.sendAll(names, gates, nil); err != nil {
		return fmt.Errorf("send the sockets: %w", err)
	}
	m, err := h.next(ctx)
	if err != nil {
		return err
	}
	if m.Prepared == nil {
		return errors.New("the new process does not answer as expected: is it a version that can be handed over to?")
	}
	h.News = *m.Prepared
	return nil
}

// sendAll collects the descriptors while each is held, and sends them.
func (h *Heir) sendAll(names []string, gates []*Gate, fds []int) error {
	if len(fds) == len(gates) {
		return h.l.send(message{Sockets: names}, fds...)
	}
	return gates[len(fds)].descriptor(func(fd int) error { return h.sendAll(names, gates, append(fds, fd)) })
}

// next reads one message, until ctx ends.
func (h *Heir) next(ctx context.Context) (message, error) {
	lift := context.AfterFunc(ctx, func() { _ = h.l.c.SetReadDeadline(time.Unix(1, 0)) })
	defer func() {
		lift()
		_ = h.l.c.SetReadDeadline(time.Time{})
	}()
	m, _, err := h.l.receive()
	switch {
	case ctx.Err() != nil:
		return m, errors.New("the new process was not ready in time")
	case err != nil:
		select {
		case <-h.gone:
			return m, fmt.Errorf("the new process has ended: %s", h.cmd.ProcessState)
		case <-time.After(waitTime):
		}
		return m, fmt.Errorf("the new process does not speak any more: %w", err)
	case m.Failed != "":
		return m, errors.New(m.Failed)
	}
	return m, nil
}

// fail ends a heir that has not taken over.
func (h *Heir) fail(err error) error {
	h.l.close()
	select {
	case <-h.gone:
	case <-time.After(waitTime):
		_ = h.cmd.Process.Kill()
		<-h.gone
	}
	return err
}

// Take has the heir accept connections; this process must have stopped to. On
// error there is no heir any more, and this process must go on.
func (h *Heir) Take(ctx context.Context) error {
	if err := h.l.send(message{Take: true}); err != nil {
		return h.fail(fmt.Errorf("hand over: %w", err))
	}
	m, err := h.next(ctx)
	if err == nil && !m.Serving {
		err = errors.New("the new process does not answer as expected")
	}
	if err != nil {
		return h.fail(fmt.Errorf("hand over: %w", err))
	}
	go h.listen()
	return nil
}

// listen follows what the heir tells until it ends.
func (h *Heir) listen() {
	for {
		m, files, err := h.l.receive()
		if err != nil {
			return
		}
		if m.Call {
			h.calls.ring(files)
		}
		if m.End {
			h.end.Store(true)
			h.once.Do(func() { close(h.ends) })
		}
	}
}

// Gone is closed when the heir's process has ended.
func (h *Heir) Gone() <-chan struct{} { return h.gone }

// Ends is closed when the heir ends in order and wants this process to do so too.
func (h *Heir) Ends() <-chan struct{} { return h.ends }

// Tell says how many sessions this process still has.
func (h *Heir) Tell(sessions int) error { return h.l.send(message{Sessions: &sessions}) }

// Sure tells the heir that the sockets are its own from now on.
func (h *Heir) Sure() error { return h.l.send(message{Sure: true}) }

// End has the heir end in order.
func (h *Heir) End() error { return h.l.send(message{End: true}) }
