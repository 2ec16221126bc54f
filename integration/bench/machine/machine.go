// Package machine reads from Linux what the benchmark must know of the machine
// and its processes: CPU time in nanoseconds, resident memory, and how much of
// the CPUs went to work that is not the benchmark's.
package machine

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// ticks a second in /proc (USER_HZ, fixed at 100 on Linux).
const userHz = 100

// Facts describe the machine of a run.
type Facts struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Memory uint64 `json:"memory_bytes"`
	Go     string `json:"go"`
}

// Describe returns this machine's facts; what cannot be read stays empty.
func Describe() Facts {
	f := Facts{Cores: runtime.NumCPU(), Go: runtime.Version(), CPU: field("/proc/cpuinfo", "model name")}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		f.Kernel = "Linux " + strings.TrimSpace(string(b))
	}
	if kb, err := strconv.ParseUint(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"), 10, 64); err == nil {
		f.Memory = kb << 10
	}
	return f
}

// LoadAverage returns the load of the last minute.
func LoadAverage() float64 {
	b, _ := os.ReadFile("/proc/loadavg")
	x, _ := strconv.ParseFloat(string(b[:max(0, bytes.IndexByte(b, ' '))]), 64)
	return x
}

// field returns the value of the first "name : value" line.
func field(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		k, v, ok := strings.Cut(s.Text(), ":")
		if ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// CPUTime returns the CPU time that a process has used on all its threads,
// ended ones included, from the kernel's clock of that process (the clock id
// of clock_getcpuclockid(3)): nanoseconds, where /proc/PID/stat counts in 10 ms.
func CPUTime(pid int) (time.Duration, error) {
	const cpuClockSched = 2
	var ts syscall.Timespec
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, uintptr(int32(^pid)<<3|cpuClockSched), uintptr(unsafe.Pointer(&ts)), 0)
	if errno != 0 {
		return 0, fmt.Errorf("CPU clock of process %d: %w", pid, errno)
	}
	return time.Duration(ts.Nano()), nil
}

// stat is what is needed of /proc/PID/stat.
type stat struct {
	ppid     int
	children time.Duration // CPU time of children that ended and were waited for
}

func readStat(pid int) (stat, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, err
	}
	return parseStat(b)
}

func parseStat(b []byte) (stat, error) {
	// The name stands in parentheses and may hold anything: fields count from the last one.
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 15 {
		return stat{}, fmt.Errorf("/proc/PID/stat has %d fields", len(f))
	}
	ppid, err := strconv.Atoi(f[1])
	if err != nil {
		return stat{}, err
	}
	var sum uint64
	for _, s := range f[13:15] { // cutime, cstime
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return stat{}, err
		}
		sum += n
	}
	return stat{ppid, time.Duration(sum) * time.Second / userHz}, nil
}

// Tree is a process and its descendants.
type Tree struct {
	pids []int // the root first
	last map[int]time.Duration
}

// TreeOf returns the tree as it is now; processes that start later are not in it.
func TreeOf(root int) *Tree {
	kids := map[int][]int{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		pid, err := strconv.Atoi(filepath.Base(d))
		if err != nil {
			continue
		}
		if s, err := readStat(pid); err == nil {
			kids[s.ppid] = append(kids[s.ppid], pid)
		}
	}
	t := &Tree{pids: []int{root}, last: map[int]time.Duration{}}
	for i := 0; i < len(t.pids); i++ {
		t.pids = append(t.pids, kids[t.pids[i]]...)
	}
	return t
}

// CPU returns the CPU time of the tree's processes so far. One that ended
// counts as last seen.
func (t *Tree) CPU() time.Duration {
	var sum time.Duration
	for _, pid := range t.pids {
		if d, err := CPUTime(pid); err == nil {
			t.last[pid] = d
		}
		sum += t.last[pid]
	}
	return sum
}

// withEnded adds the children that were waited for.
func (t *Tree) withEnded() time.Duration {
	sum := t.CPU()
	for _, pid := range t.pids {
		if s, err := readStat(pid); err == nil {
			sum += s.children
		}
	}
	return sum
}

// RSS returns the resident memory of the root and of its descendants, in bytes.
func (t *Tree) RSS() (root, rest uint64, err error) {
	for i, pid := range t.pids {
		n, e := RSS(pid)
		switch {
		case i == 0:
			root, err = n, e
		case e == nil:
			rest += n
		}
	}
	return root, rest, err
}

// RSS returns a process's resident memory in bytes: the exact sum over its
// mappings where the kernel gives it, else the kernel's running estimate.
func RSS(pid int) (uint64, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	for _, name := range []string{"smaps_rollup", "status"} {
		for _, key := range []string{"Rss", "VmRSS"} {
			if kb, err := strconv.ParseUint(strings.TrimSuffix(field(filepath.Join(dir, name), key), " kB"), 10, 64); err == nil {
				return kb << 10, nil
			}
		}
	}
	return 0, fmt.Errorf("resident memory of process %d cannot be read", pid)
}

// PeakRSS returns the most resident memory that a process has had, in bytes.
func PeakRSS(pid int) (uint64, error) {
	kb, err := strconv.ParseUint(strings.TrimSuffix(field("/proc/"+strconv.Itoa(pid)+"/status", "VmHWM"), " kB"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("peak memory of process %d cannot be read: %w", pid, err)
	}
	return kb << 10, nil
}

// Usage measures CPU use between Begin and End.
type Usage struct {
	at        time.Time
	busy, own time.Duration
}

// Begin starts a measurement.
func Begin() Usage {
	return Usage{time.Now(), busy(), TreeOf(os.Getpid()).withEnded()}
}

// End returns the CPU time that this process and its descendants used since
// Begin, and the share of the machine's CPUs (0 to 1) that anything else used
// meanwhile, stolen time of a virtual machine included.
func (u Usage) End() (own time.Duration, foreign float64) {
	own = TreeOf(os.Getpid()).withEnded() - u.own
	total := busy() - u.busy
	wall := time.Since(u.at) * time.Duration(runtime.NumCPU())
	if wall <= 0 {
		return own, 0
	}
	return own, min(1, max(0, float64(total-own)/float64(wall)))
}

// busy is the time for which the machine's CPUs were not idle.
func busy() time.Duration {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	return parseBusy(b)
}

func parseBusy(b []byte) time.Duration {
	line, _, _ := strings.Cut(string(b), "\n")
	var sum uint64
	for i, s := range strings.Fields(line) {
		switch i {
		case 1, 2, 3, 6, 7, 8: // user, nice, system, irq, softirq, steal
			n, _ := strconv.ParseUint(s, 10, 64)
			sum += n
		}
	}
	return time.Duration(sum) * time.Second / userHz
}
