package pgsql

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"honeyrow/engine/sqlfacts"
)

// kill sends SIGKILL to a worker.
func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// gone waits until the process behind a pidfd has ended, reaped or not.
func gone(t *testing.T, pidfd int) {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 120_000)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			t.Fatalf("the worker still runs after two minutes (%v)", err)
		}
		return
	}
}

func open(t *testing.T, pid int) int {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

func TestATextThatKillsTheWorkerIsNotTriedAgain(t *testing.T) {
	cases := []struct {
		text, reason string
	}{
		{"spin", "took longer than"},
		{"crash", "SIGSEGV"},
		{"exhaust", "exit status"}, // said in other words by the race detector,
		{"exit", "exit status 9"},
		{"garbage", "frame of 4294967295 bytes"},
		{"wrong number", "request"},
		{"no body", "sent a reply of 0 bytes"},
		{"unknown status", "unknown status 0x3f"},
		{"broken trees", "not a tree"},
	}
	for _, c := range cases {
		t.Run(c.text, func(t *testing.T) {
			var p *Parser
			var deaths chan Death
			var err error
			lives := uint64(1)
			for timeout := time.Second; ; timeout *= 2 {
				p, deaths = start(t, naughty)
				if _, err := ask(p, "SELECT 1"); err != nil {
					t.Fatal(err)
				}
				if c.text == "spin" {
					p.config.Timeout = timeout
					lives = 2 // the first time it may have been the machine's fault
				}
				// A busy machine may not let the worker spin for long enough to be blamed.
				if _, err = ask(p, c.text); lives == 1 || !errors.Is(err, ErrUnavailable) || timeout > time.Minute {
					break
				}
			}
			if !errors.Is(err, ErrKilled) || !errors.Is(err, sqlfacts.ErrKiller) || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, want %v: ...%s", err, ErrKilled, c.reason)
			}
			if lives == 2 {
				if d := <-deaths; d.Blamed {
					t.Errorf("reported first %+v", d)
				}
			}
			if d := <-deaths; !d.Blamed || string(d.Text) != c.text || d.Pause != p.config.Pause || !strings.Contains(d.Reason, c.reason) {
				t.Errorf("reported %+v", d)
			}
			if _, err := ask(p, c.text); !errors.Is(err, ErrKiller) {
				t.Errorf("again: %v", err)
			}
			p.config.Timeout = patient
			recovers(t, p)
			if s := p.Stats(); s.Deaths != lives || s.Starts != lives+1 || s.Blamed != 1 {
				t.Errorf("counted %+v", s)
			}
		})
	}
}

func TestAWorkerThatStandsStillIsNotTheTextsFault(t *testing.T) {
	p, deaths := start(t, naughty)
	if _, err := ask(p, "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	p.config.Timeout = 3 * time.Second
	if _, err := ask(p, "sleep"); !errors.Is(err, ErrUnavailable) || errors.Is(err, sqlfacts.ErrKiller) {
		t.Errorf("got %v", err)
	}
	for range 2 {
		if d := <-deaths; d.Blamed {
			t.Errorf("reported %+v", d)
		}
	}
	p.config.Timeout = patient
	recovers(t, p)
}

// recovers waits until the parser works again.
func recovers(t *testing.T, p *Parser) {
	t.Helper()
	for deadline := time.Now().Add(patient); ; {
		got, err := ask(p, "SELECT b")
		if err == nil && got == "(select (targets (column b)))" {
			return
		}
		if !errors.Is(err, ErrUnavailable) || time.Now().After(deadline) {
			t.Fatalf("after a death: %s, %v", got, err)
		}
	}
}

func TestWhatCCodePrintsDoesNotReachThePipe(t *testing.T) {
	p, deaths := start(t, naughty)
	_, err := ask(p, "chatter")
	var refused *SyntaxError
	if !errors.As(err, &refused) || len(deaths) != 0 {
		t.Errorf("got %v, %d deaths", err, len(deaths))
	}
}

func TestAWorkerThatIsKilledWhileIdleIsReplacedWithoutAWord(t *testing.T) {
	p, deaths := start(t, nil)
	for range 2 {
		if _, err := ask(p, "SELECT 1"); err != nil {
			t.Fatal(err)
		}
		fd := open(t, p.pid())
		kill(t, p.pid())
		gone(t, fd)
	}
	if got, err := ask(p, "SELECT a"); err != nil || got != "(select (targets (column a)))" {
		t.Errorf("got %s, %v", got, err)
	}
	for range 2 {
		if d := <-deaths; d.Blamed || !strings.Contains(d.Reason, "killed") {
			t.Errorf("reported %+v", d)
		}
	}
	if s := p.Stats(); s.Deaths != 2 || s.Starts != 3 {
		t.Errorf("counted %+v", s)
	}
}

func TestAWorkerKilledInTheMiddleOfAStatementTwiceIsTheStatementsFault(t *testing.T) {
	p, deaths := start(t, naughty)
	if _, err := ask(p, "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := ask(p, "sleep")
		done <- err
	}()
	first := p.pid()
	kill(t, first)
	if d := <-deaths; d.Blamed {
		t.Errorf("reported %+v", d)
	}
	for p.pid() == first || p.Stats().Starts < 2 { // the second try begins
		select {
		case err := <-done:
			t.Fatal(err)
		case <-time.After(time.Millisecond):
		}
	}
	kill(t, p.pid())
	if err := <-done; !errors.Is(err, ErrKilled) && !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	recovers(t, p)
}

func TestWhereNoWorkerStartsTheCallerIsToldAtOnce(t *testing.T) {
	cases := []struct {
		name, path, mischief, reason string
	}{
		{"no such file", "/nonexistent/honeyrow", "", "no such file"},
		{"not executable", "/dev/null", "", "permission denied"},
		{"another program", "/bin/true", "", "exit status 0"},
		{"ends at once", "", "quit", "exit status 7"},
		{"says something else", "", "babble", "did not greet"},
		{"says nothing", "", "silent", "said nothing for 200ms"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, deaths := start(t, func(p *Parser) {
				p.path = c.path
				if c.mischief != "" {
					p.env = []string{mischiefEnv + "=" + c.mischief}
				}
				if c.mischief == "silent" {
					p.patience = 200 * time.Millisecond
				}
			})
			_, err := ask(p, "SELECT 1")
			if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, want %v ... %s", err, ErrUnavailable, c.reason)
			}
			if d := <-deaths; d.Blamed || d.Text != nil || d.Pause != p.config.Pause {
				t.Errorf("reported %+v", d)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPausesGrowAndAreNotWaitedFor(t *testing.T) {
	p, deaths := start(t, func(p *Parser) { p.path = "/nonexistent/honeyrow" })
	for want := p.config.Pause; want <= 8*p.config.Pause; {
		_, err := ask(p, "SELECT 1")
		if !errors.Is(err, ErrUnavailable) {
			t.Fatal(err)
		}
		select {
		case d := <-deaths:
			if d.Pause != want {
				t.Errorf("paused %s, want %s", d.Pause, want)
			}
			want *= 2
		default: // it pauses
		}
	}
	w := &worker{parser: p}
	for range 100 {
		w.fall()
	}
	if got := w.fall(); got != p.config.LongestPause {
		t.Errorf("the longest pause is %s, want %s", got, p.config.LongestPause)
	}
}

func TestAProgramThatDoesNotServeIsNotStartedAgain(t *testing.T) {
	wired.Store(false)
	defer wired.Store(true)
	p, _ := start(t, nil)
	if _, err := ask(p, "SELECT 1"); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "ServeIfWorker") {
		t.Errorf("got %v", err)
	}
	if s := p.Stats(); s.Starts != 0 {
		t.Errorf("counted %+v", s)
	}
}

func TestACallerWhoseTimeIsUpDoesNotWait(t *testing.T) {
	p, deaths := start(t, naughty)
	if _, err := ask(p, "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if _, err := p.Parse(ctx, []byte("sleep"), sqlfacts.Env{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	// The only worker sleeps: the next one waits for it no longer than it may.
	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Parse(ctx, []byte("SELECT 1"), sqlfacts.Env{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if d := time.Since(begun); d > time.Minute {
		t.Errorf("waited %s", d)
	}
	if len(deaths) != 0 {
		t.Errorf("%d deaths: a caller's impatience is no reason to kill", len(deaths))
	}
	if _, err := p.Parse(ctx, []byte("SELECT 1"), sqlfacts.Env{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

// However late this process looks: what it did not kill has ended by itself.
func TestAWorkerThatEndedByItselfWasNotKilledThoughItsTimeIsOver(t *testing.T) {
	for script, want := range map[string]string{
		"exit 9": "exit status 9", "kill -SEGV $$": "signal: segmentation fault", "kill -KILL $$": "EOF",
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		x := &process{cmd: exec.Command("/bin/sh", "-c", script), stderr: r}
		_ = x.cmd.Run() // its state says how it ended
		_ = w.Close()
		if got := x.account(io.EOF, false, true); !strings.HasPrefix(got.reason, want) || got.foreign {
			t.Errorf("%s: %+v, want %s", script, got, want)
		}
		if got := x.account(io.EOF, false, false); got.foreign != (want == "EOF") {
			t.Errorf("%s, in time: %+v", script, got)
		}
		_ = r.Close()
	}
}

func TestCloseDoesNotWaitForAStatement(t *testing.T) {
	p, deaths := start(t, naughty)
	if _, err := ask(p, "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	pid := p.pid()
	fd := open(t, pid)
	done := make(chan error, 2)
	for _, text := range []string{"sleep", "SELECT 1"} { // one is being parsed, one waits for its turn
		go func() {
			_, err := ask(p, text)
			done <- err
		}()
	}
	for len(p.slots) > 0 {
		time.Sleep(time.Millisecond)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-done; err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("got %v", err)
		}
	}
	gone(t, fd)
	if len(deaths) != 0 {
		t.Errorf("reported %+v", <-deaths)
	}
}

// parent is a program with a worker that never finishes.
func parent() {
	config := DefaultConfig()
	config.Workers = 1
	config.Timeout = time.Minute
	p := New(config, nil)
	naughty(p)
	if _, err := ask(p, "SELECT 1"); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.pid())
	_, _ = ask(p, "spin")
}

func TestAWorkerDiesWithTheProgramEvenInTheMiddleOfAStatement(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), parentEnv+"=yes")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	fd := open(t, pid)
	kill(t, cmd.Process.Pid)
	_ = cmd.Wait()
	gone(t, fd)
}

func TestAWorkerIsConfined(t *testing.T) {
	t.Setenv("PGPASSWORD", "hunter2")
	p, _ := start(t, naughty)
	if _, err := ask(p, "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	dir := fmt.Sprintf("/proc/%d/", p.pid())
	env, err := os.ReadFile(dir + "environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range strings.Split(strings.TrimRight(string(env), "\x00"), "\x00") {
		name, _, _ := strings.Cut(e, "=")
		switch name {
		case workerEnv, mischiefEnv, "GOTRACEBACK", "GOMAXPROCS", "MALLOC_ARENA_MAX":
		default:
			t.Errorf("the worker's environment has %s", name)
		}
	}
	limits, err := os.ReadFile(dir + "limits")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Max core file size": "0", "Max file size": "0", "Max open files": "16",
	} {
		if got := limit(string(limits), name); got != want {
			t.Errorf("%s is %q, want %s", name, got, want)
		}
	}
	for _, name := range []string{"Max address space", "Max cpu time"} {
		if got := limit(string(limits), name); got == "unlimited" || got == "" {
			t.Errorf("%s is %q", name, got)
		}
	}
	status, err := os.ReadFile(dir + "status")
	if err != nil || !strings.Contains(string(status), "NoNewPrivs:\t1") {
		t.Errorf("may gain privileges (%v)", err)
	}
	fds, err := os.ReadDir(dir + "fd")
	if err != nil || len(fds) > 12 {
		t.Errorf("has %d files open (%v)", len(fds), err)
	}
	if _, err := ask(p, "write file"); err != nil && strings.Contains(err.Error(), "could write") {
		t.Error(err)
	}
	_ = os.Remove(os.TempDir() + "/honeyrow-worker-wrote")
}

// limit is the soft limit of that name in /proc/<pid>/limits.
func limit(limits, name string) string {
	for line := range strings.Lines(limits) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			if f := strings.Fields(rest); len(f) > 0 {
				return f[0]
			}
		}
	}
	return ""
}

func TestATerminalsInterruptDoesNotKillTheWorker(t *testing.T) {
	p, deaths := start(t, nil)
	if _, err := ask(p, "SELECT 1"); err != nil {
		t.Fatal(err)
	}
	pid := p.pid()
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if err := syscall.Kill(pid, s); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ask(p, "SELECT 2"); err != nil || p.pid() != pid || len(deaths) != 0 {
		t.Errorf("%v, process %d is now %d", err, pid, p.pid())
	}
	if group, err := syscall.Getpgid(pid); err != nil || group == syscall.Getpgrp() {
		t.Errorf("in the program's process group (%v)", err)
	}
}

func TestTheMemoryOfKillersIsBounded(t *testing.T) {
	k := newKillers()
	for i := range uint64(3 * maxKillers) {
		k.add(i)
		k.add(i)
		if !k.has(i) {
			t.Fatalf("%d was forgotten at once", i)
		}
	}
	if len(k.set) != maxKillers || len(k.ring) != maxKillers {
		t.Errorf("%d are remembered, want %d", len(k.set), maxKillers)
	}
	if k.has(0) || !k.has(2*maxKillers) {
		t.Error("not the oldest were forgotten")
	}
}
