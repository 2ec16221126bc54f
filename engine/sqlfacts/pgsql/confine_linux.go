package pgsql

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// mainStack is how far the first thread's stack may grow, in bytes.
const mainStack = 64 << 20

// confine limits the worker: memory bytes of address space beyond what it has
// now (0: no limit), the processor time of a statement, no core dump, no new
// files, no new privileges.
func confine(memory int64) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	limits := []struct {
		what   int
		name   string
		amount uint64
	}{
		{unix.RLIMIT_CORE, "core", 0},
		{unix.RLIMIT_FSIZE, "file size", 0},
		{unix.RLIMIT_NOFILE, "files", 16},
	}
	if memory > 0 {
		has, err := addressSpace()
		if err != nil {
			return err
		}
		limits = append(limits, struct {
			what   int
			name   string
			amount uint64
		}{unix.RLIMIT_AS, "memory", has + uint64(memory)})
	}
	for _, l := range limits {
		if err := lower(l.what, l.amount); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	// A soft limit above the hard one is refused: then it stays as it is.
	var stack unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_STACK, &stack); err == nil && stack.Cur < mainStack {
		stack.Cur = min(mainStack, stack.Max)
		_ = unix.Setrlimit(unix.RLIMIT_STACK, &stack)
	}
	tired := make(chan os.Signal, 1)
	signal.Notify(tired, syscall.SIGXCPU)
	go func() {
		<-tired
		fmt.Fprintln(os.Stderr, "honeyrow "+Command+": out of processor time")
		os.Exit(3)
	}()
	return renew()
}

// lower sets both limits, the hard one too where it is higher.
func lower(what int, amount uint64) error {
	var l unix.Rlimit
	if err := unix.Getrlimit(what, &l); err != nil {
		return err
	}
	l.Cur, l.Max = min(amount, l.Max), min(amount, l.Max)
	return unix.Setrlimit(what, &l)
}

// renew lets the worker have cpuSeconds more of processor time than it has used.
func renew() error {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		return err
	}
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CPU, &l); err != nil {
		return err
	}
	l.Cur = min(uint64(used.Utime.Sec+used.Stime.Sec)+1+cpuSeconds, l.Max)
	return unix.Setrlimit(unix.RLIMIT_CPU, &l)
}

// addressSpace is the size of this process's, in bytes (proc(5), statm).
func addressSpace() (uint64, error) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	first, _, _ := bytes.Cut(b, []byte(" "))
	pages, err := strconv.ParseUint(string(first), 10, 64)
	return pages * uint64(os.Getpagesize()), err
}

// divert returns the pipe behind a standard output and puts the standard error
// in its place: the C parser prints to it when it runs out of memory.
func divert(stdout *os.File) (*os.File, error) {
	fd, err := unix.Dup(int(stdout.Fd()))
	if err != nil {
		return nil, err
	}
	unix.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "replies"), unix.Dup3(int(os.Stderr.Fd()), int(stdout.Fd()), 0)
}

// program is the file to start: this very program, even if another stands at
// its place by now.
func program() (string, error) {
	const self = "/proc/self/exe"
	if _, err := os.Stat(self); err == nil {
		return self, nil
	}
	return os.Executable()
}

// bind makes the worker die with the thread that starts it, and keeps the
// terminal's signals from it.
func bind(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
