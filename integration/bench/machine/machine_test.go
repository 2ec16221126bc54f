package machine

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
)

func TestParseStatSurvivesAnyProcessName(t *testing.T) {
	line := "42 (evil) R 1) (x) S 7 1 1 0 -1 0 0 0 0 0 5 6 150 50 20 0 1 0 99 0 0"
	got, err := parseStat([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	if want := (stat{7, 2 * time.Second}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if _, err := parseStat([]byte("42 (x) S 7")); err == nil {
		t.Error("a short line was accepted")
	}
}

func TestParseBusyLeavesIdleAndWaitingOut(t *testing.T) {
	got := parseBusy([]byte("cpu  100 20 30 9999 888 4 5 6 77 88\ncpu0 1 1 1 1\n"))
	if want := 1650 * time.Millisecond; got != want {
		t.Errorf("busy %v, want %v", got, want)
	}
}

// worked is the processor time of this process, as exactly as the kernel knows it.
func worked(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func TestCPUTimeGrowsWithWorkAndCountsChildren(t *testing.T) {
	before, err := CPUTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	u := Begin()
	cmd := exec.Command("sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	child := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	for x, end := 0, worked(t)+50*time.Millisecond; worked(t) < end; x++ { // however long that takes
		runtime.KeepAlive(x)
	}
	after, err := CPUTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if after <= before {
		t.Errorf("CPU time %v, then %v after work", before, after)
	}
	own, foreign := u.End()
	if least := after - before + child/2; own < least {
		t.Errorf("own CPU %v, want at least %v with a child's %v in it", own, least, child)
	}
	if foreign < 0 || foreign > 1 {
		t.Errorf("foreign share %v", foreign)
	}
	if _, err := CPUTime(1<<22 + 1); err == nil {
		t.Error("an impossible process has a CPU clock")
	}
}

func TestTreeSeesDescendantsAndTheirMemory(t *testing.T) {
	cmd := exec.Command("sh", "-c", "echo; read x; true")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	tree := TreeOf(os.Getpid())
	var found bool
	for _, pid := range tree.pids {
		found = found || pid == cmd.Process.Pid
	}
	if !found {
		t.Errorf("child %d is not in %v", cmd.Process.Pid, tree.pids)
	}
	root, rest, err := tree.RSS()
	if err != nil || root == 0 || rest == 0 {
		t.Errorf("resident memory %d and %d, %v", root, rest, err)
	}
	in.Close()
	_ = cmd.Wait()
	if tree.CPU() <= 0 {
		t.Error("the tree used no CPU")
	}
	f := Describe()
	if f.Cores < 1 || f.Memory == 0 || f.Kernel == "" {
		t.Errorf("facts %+v", f)
	}
}
