package pgsql

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a running worker, used by one goroutine; interrupt alone may be
// called by others.
type process struct {
	cmd    *exec.Cmd
	in     *os.File // requests
	out    *os.File // replies
	stderr *os.File
	r      *bufio.Reader
	id     uint32
	buf    []byte // the last reply
	frame  []byte // the last request
}

// spawner starts processes. They die with the thread that started them, so that
// it is one thread for all, which ends when run does.
type spawner struct {
	asked chan *spawn
	gone  chan struct{}
}

type spawn struct {
	cmd  *exec.Cmd
	done chan error
}

func newSpawner() spawner { return spawner{asked: make(chan *spawn), gone: make(chan struct{})} }

func (s spawner) run() {
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	defer close(s.gone)
	for r := range s.asked {
		r.done <- r.cmd.Start()
	}
}

// launch starts a worker: this program again, with nothing of its environment.
func (p *Parser) launch() (*process, error) {
	if !wired.Load() {
		return nil, errors.New("this program cannot serve as a parser worker: pgsql.ServeIfWorker must be the first call of its main, or TestMain")
	}
	path := p.path
	if path == "" {
		var err error
		if path, err = program(); err != nil {
			return nil, err
		}
	}
	var theirs, ours [3]*os.File
	closeAll := func(files [3]*os.File) {
		for _, f := range files {
			if f != nil {
				_ = f.Close()
			}
		}
	}
	for i := range theirs {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(theirs)
			closeAll(ours)
			return nil, err
		}
		if theirs[i], ours[i] = w, r; i == 0 {
			theirs[i], ours[i] = r, w
		}
	}
	cmd := exec.Command(path, Command)
	cmd.Args[0] = "honeyrow"
	cmd.Env = append([]string{
		workerEnv + "=" + strconv.FormatInt(max(p.config.Memory, 1), 10),
		"GOTRACEBACK=none", "GOMAXPROCS=1", "MALLOC_ARENA_MAX=1",
	}, p.env...)
	cmd.Dir = "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs[0], theirs[1], theirs[2]
	bind(cmd)
	s := &spawn{cmd: cmd, done: make(chan error, 1)}
	p.spawner.asked <- s
	err := <-s.done
	closeAll(theirs)
	if err != nil {
		closeAll(ours)
		return nil, err
	}
	return &process{cmd: cmd, in: ours[0], out: ours[1], stderr: ours[2], r: bufio.NewReaderSize(ours[1], 16<<10)}, nil
}

// greet waits for the worker's first frame.
func (x *process) greet(patience time.Duration) error {
	_ = x.out.SetReadDeadline(time.Now().Add(patience))
	id, body, grown, err := readFrame(x.r, x.buf, 64)
	x.buf = grown
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("said nothing for %s", patience)
	case err != nil:
		return err
	case id != 0 || string(body) != string(replyHello)+hello:
		return errors.New("is no parser worker: is ServeIfWorker the first call of its main?")
	}
	return nil
}

// ask sends a text and returns the reply's status and body, which is valid until
// the next call. After an error the process is of no use any more.
func (x *process) ask(text []byte, timeout time.Duration) (status byte, body []byte, err error) {
	x.id++
	if x.id == 0 {
		x.id = 1
	}
	x.frame = append(appendHead(x.frame[:0], x.id, len(text)), text...)
	deadline := time.Now().Add(timeout)
	_ = x.in.SetWriteDeadline(deadline)
	_ = x.out.SetReadDeadline(deadline)
	if cap(x.buf) > 256<<10 {
		x.buf = nil
	}
	var id uint32
	if _, err = x.in.Write(x.frame); err == nil {
		id, body, x.buf, err = readFrame(x.r, x.buf, maxReply)
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, nil, lateError(timeout)
	case err != nil:
		return 0, nil, err
	case id != x.id || len(body) == 0:
		return 0, nil, fmt.Errorf("sent a reply of %d bytes to request %d after request %d", len(body), id, x.id)
	}
	return body[0], body[1:], nil
}

// lateError says that a worker has not answered in time.
type lateError time.Duration

func (e lateError) Error() string { return "took longer than " + time.Duration(e).String() }

func (x *process) interrupt() {
	past := time.Unix(1, 0)
	_ = x.in.SetWriteDeadline(past)
	_ = x.out.SetReadDeadline(past)
}

// ending is how a process ended.
type ending struct {
	reason string
	// foreign: it was killed, and not by us.
	foreign bool
	// late: it did not answer in time; ran is the processor time of its whole life.
	late bool
	ran  time.Duration
}

// grace is how long a worker that closed its pipe has to end by itself, so that
// its own reason is learned.
const grace = 5 * time.Second

// end ends the process after err and returns when it is gone.
func (x *process) end(err error) ending {
	broken := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.EPIPE)
	_ = x.in.Close()
	_ = x.out.Close()
	ours := !broken
	if ours {
		_ = x.cmd.Process.Kill()
	}
	late := time.AfterFunc(grace, func() { _ = x.cmd.Process.Kill() })
	_ = x.cmd.Wait()
	over := !late.Stop()
	defer x.stderr.Close()
	return x.account(err, ours, over)
}

// account says how the process ended, which is gone: ours says that it was killed
// here, over that it was tried when its grace was over. Where this process was kept
// waiting, the other one may have ended by itself long before that.
func (x *process) account(err error, ours, over bool) ending {
	state := x.cmd.ProcessState
	if ours || over && sigkilled(state) {
		var late lateError
		return ending{reason: err.Error(), late: errors.As(err, &late), ran: state.UserTime() + state.SystemTime()}
	}
	end := ending{reason: state.String(), foreign: sigkilled(state)}
	if last := x.words(); last != "" {
		end.reason += ": " + last
	}
	return end
}

func sigkilled(state *os.ProcessState) bool {
	s, ok := state.Sys().(syscall.WaitStatus)
	return ok && s.Signaled() && s.Signal() == syscall.SIGKILL
}

// words is the first line that the process wrote to its standard error, but for
// the C parser's accounts of its memory.
func (x *process) words() string {
	// It has ended: what it wrote is there, and the end behind it.
	_ = x.stderr.SetReadDeadline(time.Now().Add(grace))
	b, _ := io.ReadAll(io.LimitReader(x.stderr, 4<<10))
	for line := range strings.Lines(strings.ToValidUTF8(string(b), "")) {
		if line = strings.TrimSpace(line); line != "" && !strings.Contains(line, " total in ") && !strings.HasPrefix(line, "Grand total") {
			return short(line)
		}
	}
	return ""
}
