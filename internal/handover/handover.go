// Package handover lets a process give its listening sockets to a new one that
// runs the same program, or a later version of it, while it keeps the sessions
// that it has. The two speak over a pair of sockets that the new process inherits:
//
//	old                                    new (the heir)
//	starts it, sends the sockets ────────▶ opens everything that can fail
//	stops accepting ◀──────── prepared, or why not
//	take ────────────────────────────────▶ accepts
//	remembers that it may have to go on ◀─ serving
//	sessions, as they end ───────────────▶ tells people
//	answers ◀───────────────────────────── calls: which are they, end that one
//	ends its sessions in order ◀────────── end
//
// Nobody is refused in between: connections wait in the kernel's queue, which
// belongs to the socket and not to a process. Whatever happens to the heir before
// it serves, the old process goes on.
package handover

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// heirEnv names the descriptor of the heir's end of the pair.
const heirEnv = "HONEYROW_HEIR"

// maxMessage bounds one message, maxSockets the sockets handed over (Linux passes
// 253 descriptors at once).
const (
	maxMessage = 64 << 10
	maxSockets = 250
)

// message is what the two tell each other, one JSON object a packet.
type message struct {
	Sockets  []string `json:"sockets,omitempty"` // names, in the order of the descriptors
	Prepared *News    `json:"prepared,omitempty"`
	Failed   string   `json:"failed,omitempty"`
	Take     bool     `json:"take,omitempty"`
	Serving  bool     `json:"serving,omitempty"`
	Sure     bool     `json:"sure,omitempty"` // this process will not take the sockets back
	Sessions *int     `json:"sessions,omitempty"`
	Call     bool     `json:"call,omitempty"` // with the other end of a connection
	End      bool     `json:"end,omitempty"`
}

// News is what a heir tells of itself when it could serve.
type News struct {
	Version string `json:"version"`
	// Taken are the sockets, by name, that it will serve; nobody will serve the others.
	Taken []string `json:"taken"`
}

// link is one end of the pair.
type link struct {
	c  *net.UnixConn
	mu sync.Mutex // one writer at a time
}

func newLink(f *os.File) (*link, error) {
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("it is no unix socket"), c.Close())
	}
	return &link{c: u}, nil
}

// pair returns two connected ends. Each Write is one packet.
func pair() (own *link, other *os.File, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a pair of sockets: %w", err)
	}
	other = os.NewFile(uintptr(fds[1]), "heir")
	if own, err = newLink(os.NewFile(uintptr(fds[0]), "predecessor")); err != nil {
		return nil, nil, errors.Join(err, other.Close())
	}
	return own, other, nil
}

// tellTime bounds a write: the other side reads all the time while it is well.
const tellTime = 5 * time.Second

func (l *link) send(m message, fds ...int) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if len(b) > maxMessage {
		return fmt.Errorf("a message of %d bytes, of at most %d", len(b), maxMessage)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.c.SetWriteDeadline(time.Now().Add(tellTime)); err != nil {
		return err
	}
	var rights []byte
	if len(fds) > 0 {
		rights = syscall.UnixRights(fds...)
	}
	_, _, err = l.c.WriteMsgUnix(b, rights, nil)
	return err
}

// receive returns the next message and the descriptors that came with it.
func (l *link) receive() (m message, files []*os.File, err error) {
	b := make([]byte, maxMessage)
	oob := make([]byte, syscall.CmsgSpace(4*maxSockets))
	n, on, _, _, err := l.c.ReadMsgUnix(b, oob)
	if err == nil && n == 0 {
		err = net.ErrClosed // the end, of a socket that has packets
	}
	if err != nil {
		return m, nil, err
	}
	if on > 0 {
		if files, err = received(oob[:on]); err != nil {
			return m, nil, err
		}
	}
	return m, files, json.Unmarshal(b[:n], &m)
}

func received(oob []byte) (files []*os.File, err error) {
	ms, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	for i := range ms {
		fds, err := syscall.ParseUnixRights(&ms[i])
		if err != nil {
			return files, err
		}
		for _, fd := range fds {
			syscall.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "inherited"))
		}
	}
	return files, nil
}

func (l *link) close() { _ = l.c.Close() }
