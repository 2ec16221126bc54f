package sqlite

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/event"
)

// childEnv makes the test binary a proxy that is killed: see TestMain.
const childEnv = "HONEYROW_TEST_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(readOnlyEnv); path != "" {
		os.Exit(openReadOnly(path))
	}
	if dir := os.Getenv(childEnv); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// witness writes the ids of committed detections to standard output once Put
// has returned: from then on they must not be lost.
type witness struct {
	*Store
	mu *sync.Mutex
}

func (w witness) Put(ctx context.Context, ds []event.Detection, sinks []string) error {
	if err := w.Store.Put(ctx, ds, sinks); err != nil {
		return err
	}
	var b bytes.Buffer
	for _, d := range ds {
		fmt.Fprintln(&b, d.ID)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := os.Stdout.Write(b.Bytes())
	return err
}

// ledger is a sink that appends ids to a file, as slowly as a network.
type ledger struct{ f *os.File }

func (ledger) Name() string { return "ledger" }

func (l ledger) Deliver(ctx context.Context, d *event.Detection) error {
	select {
	case <-time.After(time.Duration(rand.IntN(3)) * time.Millisecond):
	case <-ctx.Done():
		return ctx.Err()
	}
	_, err := fmt.Fprintln(l.f, d.ID)
	return err
}

func (l ledger) Close() error { return l.f.Close() }

// child reports detections from several goroutines until it is killed, or,
// with the file "drain" in its folder, delivers what is left and ends.
func child(dir string) error {
	key, err := ParseKey(os.Getenv(KeyEnv))
	if err != nil {
		return err
	}
	s, err := Open(context.Background(), Options{Path: filepath.Join(dir, "honeyrow.db"), Key: key})
	if err != nil {
		return err
	}
	defer s.Close()
	f, err := os.OpenFile(filepath.Join(dir, "delivered"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	sinks := []alert.Route{{Sink: ledger{f}}}
	if exists(filepath.Join(dir, "drain")) {
		_, err := alert.NewLoop(s, sinks[0].Sink, alert.DefaultRetry(), zerolog.Nop(), alert.LoopOptions{}).Drain(context.Background())
		return err
	}
	desk := alert.NewDesk(witness{s, &sync.Mutex{}}, sinks, alert.DefaultConfig(), zerolog.New(os.Stderr), alert.DeskOptions{})
	for range 4 {
		go func() {
			for i := 0; ; i++ {
				desk.Report(alerttest.Detection(i))
				// Not so many that a slow machine has to deliver a thousand at the end.
				time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
			}
		}()
	}
	return desk.Run(context.Background(), time.Second)
}

func startChild(t *testing.T, dir string, key string) (*exec.Cmd, *bufio.Scanner, *bytes.Buffer) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir, KeyEnv+"="+key)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out), &stderr
}

func TestKilledProxyLosesNoCommittedDetectionAndDeliversEachAtLeastOnce(t *testing.T) {
	const kills = 6
	dir := t.TempDir()
	key := strings.Repeat("5a", 32)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	committed := map[event.ID]bool{}
	for range kills {
		cmd, lines, stderr := startChild(t, dir, key)
		want := 1 + random.IntN(40) // commits to see before the kill
		pause := time.Duration(random.IntN(5000)) * time.Microsecond
		seen := 0
		for lines.Scan() {
			committed[event.ID(lines.Text())] = true
			if seen++; seen == want {
				time.AfterFunc(pause, func() { _ = cmd.Process.Kill() }) // SIGKILL at a random moment
			}
		}
		if err := cmd.Wait(); err == nil || seen < want {
			t.Fatalf("child ended by itself after %d commits: %v\n%s", seen, err, stderr)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "drain"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, _, stderr := startChild(t, dir, key)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("last start: %v\n%s", err, stderr)
	}

	b, err := os.ReadFile(filepath.Join(dir, "delivered"))
	if err != nil {
		t.Fatal(err)
	}
	delivered := map[event.ID]int{}
	for line := range strings.Lines(string(b)) {
		delivered[event.ID(strings.TrimSuffix(line, "\n"))]++
	}
	lost, twice := 0, 0
	for id := range committed {
		if delivered[id] == 0 {
			lost++
		}
	}
	for _, n := range delivered {
		if n > 1 {
			twice += n - 1
		}
	}
	t.Logf("%d kills, %d commits seen, %d delivered, %d of them again", kills, len(committed), len(delivered), twice)
	if lost > 0 {
		t.Errorf("%d of %d committed detections were never delivered", lost, len(committed))
	}
	if twice > 2*kills {
		t.Errorf("%d deliveries were repeated, want at most the one under way at each kill", twice)
	}
	checkKilledStore(t, dir, key, committed)
}

// checkKilledStore finds every committed detection in the store, settled.
func checkKilledStore(t *testing.T, dir, hexKey string, committed map[event.ID]bool) {
	t.Helper()
	key, err := ParseKey(hexKey)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), Options{Path: filepath.Join(dir, "honeyrow.db"), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	es, err := s.Detections(t.Context(), alert.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := s.Verify(t.Context(), nil); err != nil || a.Broken != nil || a.Detections != len(es) {
		t.Errorf("audit of %d detections: %+v, %+v, %v", len(es), a, a.Broken, err)
	}
	kept := map[event.ID]bool{}
	entries := map[string]bool{} // each detection has its own number in an incident
	for _, e := range es {
		if m := e.Detection.Incident; m == nil || entries[fmt.Sprint(m.Number, " ", m.Entry)] {
			t.Errorf("detection %s has no place of its own in an incident: %+v", e.Detection.ID, m)
		} else {
			entries[fmt.Sprint(m.Number, " ", m.Entry)] = true
		}
		kept[e.Detection.ID] = true
	}
	for id := range committed {
		if !kept[id] {
			t.Errorf("committed detection %s is not in the store", id)
		}
	}
	st, err := s.Status(t.Context())
	if err != nil || len(st) != 1 || st[0].Pending != 0 || st[0].Dead != 0 {
		text, _ := json.Marshal(st)
		t.Errorf("after the last start: %s, %v, want nothing pending", text, err)
	}
}

// readOnlyEnv makes the test binary open a database as somebody who may not write.
const readOnlyEnv = "HONEYROW_TEST_READ_ONLY"

func openReadOnly(path string) int {
	key, err := ParseKey(os.Getenv(KeyEnv))
	if err == nil {
		_, err = Open(context.Background(), Options{Path: path, Key: key})
	}
	fmt.Println(err)
	return 0
}

// A registry that may only be read (a read-only file system, another owner) is
// named with what to do. Root may write whatever a file's mode says: for root the
// test runs as nobody.
func TestAReadOnlyRegistryIsNamedWithWhatToDo(t *testing.T) {
	dir, err := os.MkdirTemp("", "honeyrow-read-only-") // below a folder that nobody may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "state", "honeyrow.db")
	if err := openAt(t, path, nil).Close(); err != nil {
		t.Fatal(err)
	}
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, self, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = []string{readOnlyEnv + "=" + path, KeyEnv + "=" + fmt.Sprintf("%x", testKey.b)}
	owner := os.Getuid()
	if owner == 0 {
		owner = 65534
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(owner), Gid: uint32(owner), NoSetGroups: true}}
	}
	for p, mode := range map[string]os.FileMode{dir: 0o755, path: 0o400, filepath.Dir(path): 0o500} {
		if err := os.Chmod(p, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(p, owner, -1); err != nil && os.Getuid() == 0 {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Dir(path), 0o700) }) // so that it can be removed
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), path) || !strings.Contains(string(out), "let the user who runs honeyrow write") && !strings.Contains(string(out), "may write there") {
		t.Errorf("got %s (%v), want the file and what to do", out, err)
	}
}
