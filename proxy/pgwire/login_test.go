package pgwire

import (
	"context"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/event"
	"honeyrow/inspect"
	"honeyrow/proxy/wire"
)

// greeter is an inspector that lets everything through and remembers who came.
type greeter struct {
	mu     sync.Mutex
	who    []event.Client
	closed int
	deny   string // the user to refuse
}

func (w *greeter) Open(c event.Client) (inspect.Session, event.Verdict) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.who = append(w.who, c)
	if w.deny != "" && c.User == w.deny {
		return &blind{w}, event.Verdict{Action: event.Block, Rule: "no-" + c.User}
	}
	return &blind{w}, event.Verdict{}
}

func (w *greeter) last() event.Client {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.who) == 0 {
		return event.Client{}
	}
	return w.who[len(w.who)-1]
}

type blind struct{ w *greeter }

func (*blind) Prepare([]byte, int) (inspect.Statement, event.Verdict) {
	return blindStatement{}, event.Verdict{}
}
func (*blind) Present(event.Channel, []byte, bool) event.Verdict { return event.Verdict{} }
func (*blind) Describe([]inspect.Column) inspect.Layout          { return struct{}{} }
func (*blind) Set(string, string)                                {}
func (*blind) Text(event.Channel, []byte) event.Verdict          { return event.Verdict{} }
func (b *blind) Close() {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	b.w.closed++
}

type blindStatement struct{}

func (blindStatement) Run([]byte, []inspect.Param) (inspect.Run, event.Verdict) {
	return blindRun{}, event.Verdict{}
}
func (blindStatement) Bind([]byte, bool) event.Verdict { return event.Verdict{} }
func (blindStatement) Failed(string)                   {}
func (blindStatement) Release()                        {}

type blindRun struct{}

func (blindRun) Columns(event.Channel, inspect.Layout) (inspect.Rows, event.Verdict) {
	return nil, event.Verdict{}
}
func (blindRun) Stream(event.Channel, uint64, []byte, bool) event.Verdict { return event.Verdict{} }
func (blindRun) Text(event.Channel, []byte) event.Verdict                 { return event.Verdict{} }
func (blindRun) Done(uint64, string)                                      {}

// door is a protocol behind a socket of its own.
type door struct {
	*Protocol
	w    *greeter
	addr string
	port string
	errs chan error // of logins that failed
	wg   sync.WaitGroup
}

// openDoor serves c until the test ends; each session is pumped.
func openDoor(t *testing.T, c Config) *door {
	t.Helper()
	w := &greeter{}
	p, err := New(c, Deps{Inspector: w, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{Protocol: p, w: w, addr: ln.Addr().String(), errs: make(chan error, 100)}
	_, d.port, _ = net.SplitHostPort(d.addr)
	ctx, cancel := context.WithCancel(context.Background())
	d.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			d.wg.Go(func() { d.serve(ctx, conn) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		cancel()
		d.wg.Wait()
		if n := p.keys.len(); n != 0 {
			t.Errorf("%d cancel keys are left after the last session", n)
		}
	})
	return d
}

func (d *door) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	s, err := d.Login(ctx, conn, wire.Origin{Listener: "test", Address: conn.RemoteAddr().String()})
	if err != nil {
		d.errs <- err
		return
	}
	if s == nil {
		return
	}
	pump := wire.NewPump(s, wire.Options{})
	stop := context.AfterFunc(ctx, func() { pump.Kill(wire.Shutdown) })
	defer stop()
	_ = pump.Run()
}

// psql runs one query through the door and returns what psql prints, its
// errors included.
func (d *door) psql(t *testing.T, conninfo, sql string, env ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "psql", "-X", "-A", "-t", "-w", "-c", sql, "port="+d.port+" "+conninfo)
	cmd.Env = append(os.Environ(), append([]string{"HOME=/nonexistent", "LC_ALL=C"}, env...)...)
	out, _ := cmd.CombinedOutput()
	return strings.TrimSpace(string(out))
}

func TestLoginWithTrustJoinsAClientToItsServer(t *testing.T) {
	s, _, _ := methods(t)
	d := openDoor(t, Config{Listener: "main", Server: Server{Name: "crm", Address: s.Addr()}})
	got := d.psql(t, "host=127.0.0.1 user=trust_u dbname=postgres application_name=probe", "select pg_backend_pid()")
	who := d.w.last()
	if got != strconv.Itoa(int(who.BackendPID)) {
		t.Errorf("psql saw process %q, the event says %d", got, who.BackendPID)
	}
	if who.User != "trust_u" || who.Database != "postgres" || who.Application != "probe" || who.Server != "crm" || who.Listener != "test" {
		t.Errorf("client = %+v", who)
	}
	if got := d.psql(t, "host=127.0.0.1 user=trust_u dbname=none", "select 1"); !strings.Contains(got, `database "none" does not exist`) {
		t.Errorf("unknown database: psql said %q", got)
	}
	if got := d.psql(t, "host=127.0.0.1 user=nobody dbname=postgres", "select 1"); !strings.Contains(got, "no pg_hba.conf entry") {
		t.Errorf("unknown role: psql said %q", got)
	}
}
