package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/alert"
)

// childArg makes the test binary run as a proxy of its own.
const childArg = "run-as-proxy"

// child is the proxy process: it prints the listener's address and works until
// it is killed.
func child(file string) int {
	c, err := LoadConfig(file)
	if err == nil {
		var a *App
		if a, err = New(context.Background(), c, Options{Log: zerolog.New(os.Stderr), Stdout: io.Discard}); err == nil {
			err = a.Run(context.Background(), func() { fmt.Println(a.Addrs()["crm"]) })
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// spawn starts a proxy process and returns its address.
func (s *site) spawn() (*exec.Cmd, string) {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(self, childArg, s.file)
	cmd.Stderr = s.logs
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.t.Fatalf("the proxy did not start: %v\n%s", err, s.logs)
	}
	return cmd, strings.TrimSpace(line)
}

// A kill -9 loses nothing that was committed: what the first process has in
// its outbox and could not deliver, the second one delivers.
func TestAKilledProxyLosesNoCommittedDetection(t *testing.T) {
	s := newSite(t, "")
	s.plant()
	blocked := strings.Replace(configText(""), "{name: file, type: file, path: alerts.jsonl}", "{name: file, type: webhook, url: \"http://127.0.0.1:1/\"}", 1)
	s.configure(blocked)
	cmd, addr := s.spawn()
	c := connect(t, addr, true)
	for i := range 20 {
		count(t, c, fmt.Sprintf("select *, %d from customers where id = 4711", i))
	}
	pending := func() (n int) {
		s.withStore(func(st *Store) error {
			ss, err := st.Status(context.Background())
			for _, x := range ss {
				n += x.Pending
			}
			return err
		})
		return n
	}
	whole := func() (n int) { // committed with the end of their runs
		s.withStore(func(st *Store) error {
			es, err := st.Detections(context.Background(), alert.Query{})
			for _, e := range es {
				if e.Detection.Run.Done {
					n++
				}
			}
			return err
		})
		return n
	}
	await(t, 10*time.Second, "20 detections are committed", func() bool { return pending() == 20 && whole() == 20 })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed: the error says so
	if len(s.detections()) != 0 {
		t.Fatal("the sink that is down has delivered")
	}

	s.configure(configText(""))
	s.start()
	seen := map[string]bool{}
	for _, d := range s.awaitDetections(20) {
		seen[d.Statement.Text] = true
	}
	if len(seen) != 20 {
		t.Errorf("%d different statements delivered, want 20", len(seen))
	}
	await(t, 5*time.Second, "every delivery is settled", func() bool { return pending() == 0 })
}
