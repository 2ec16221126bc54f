package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"honeyrow/integration/bench/machine"
	"honeyrow/internal/port"
)

// target is something to send the work through.
type target struct {
	name, about string
	// start runs it in front of server (host:port).
	start func(ctx context.Context, l *lane, server string) (*proc, error)
}

// proc is a running target.
type proc struct {
	name string
	addr string
	cmd  *exec.Cmd // nil for direct
	done chan struct{}
	log  string // file with its output
	// pprof is where it serves profiles; empty if it does not.
	pprof string
}

// findTargets decides what can be measured here.
func (l *lane) findTargets(ctx context.Context) error {
	find := map[string]func(context.Context) (target, error){
		"direct": func(context.Context) (target, error) {
			return target{"direct", "no proxy", func(_ context.Context, _ *lane, server string) (*proc, error) { return &proc{addr: server}, nil }}, nil
		},
		"relay": l.findRelay, "pgbouncer": l.findBouncer, "haproxy": l.findHAProxy,
	}
	for name, v := range variants {
		find[name] = func(ctx context.Context) (target, error) { return l.findHoneyrow(ctx, name, v) }
	}
	for _, name := range common(l.of.targets, l.targets) {
		t, err := find[name](ctx)
		var gone *missing
		switch {
		case err == nil:
			l.all = append(l.all, t)
			l.bench.about = append(l.bench.about, targetNote{l.of.name, t.name, t.about})
		case errors.As(err, &gone) && !l.named:
			note := "Not measured: " + err.Error() + "."
			if !slices.Contains(l.notes, note) {
				l.notes = append(l.notes, note)
			}
			l.note("%v", err)
		default:
			return err
		}
	}
	return nil
}

// missing says that a target is not installed here.
type missing struct{ what, hint string }

func (m *missing) Error() string { return m.what + " is not there (" + m.hint + ")" }

func lookup(name string) (string, error) {
	if p, err := exec.LookPath(name); err == nil {
		return p, nil
	}
	p := filepath.Join("/usr/sbin", name) // not on every user's PATH
	if _, err := os.Stat(p); err == nil {
		return p, nil
	}
	return "", &missing{name, "Debian: apt-get install " + name}
}

// version keeps the first line of what a program says of itself.
func (b *bench) version(ctx context.Context, bin string, args ...string) {
	out, err := exec.CommandContext(ctx, bin, args...).Output()
	if line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n"); err == nil && line != "" {
		line, _, _ = strings.Cut(line, " - ")
		if name := filepath.Base(bin); line[0] >= '0' && line[0] <= '9' {
			line = name + " " + line
		}
		if !slices.Contains(b.versions, line) {
			b.versions = append(b.versions, line)
		}
	}
}

func (l *lane) findRelay(ctx context.Context) (target, error) {
	bin := filepath.Join(l.bench.dir, "relay")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", bin, "honeyrow/integration/bench/relay")
	if out, err := build.CombinedOutput(); err != nil {
		return target{}, fmt.Errorf("build the relay: %w (run the benchmark inside the honeyrow repository)\n%s", err, out)
	}
	return target{"relay", "frames messages after login, inspects nothing (integration/bench/relay)", func(ctx context.Context, l *lane, server string) (*proc, error) {
		addr, err := port.FreeAddress()
		if err != nil {
			return nil, err
		}
		return l.launch(ctx, "relay", addr, exec.Command(bin, "-listen", addr, "-server", server, "-protocol", l.of.protocol))
	}}, nil
}

func (l *lane) findBouncer(ctx context.Context) (target, error) {
	bin, err := lookup("pgbouncer")
	if err != nil {
		return target{}, err
	}
	l.version(ctx, bin, "--version")
	return target{"pgbouncer", "session pooling; keeps its connections to the server", func(ctx context.Context, l *lane, server string) (*proc, error) {
		return l.startBouncer(ctx, bin, server)
	}}, nil
}

func (l *lane) startBouncer(ctx context.Context, bin, server string) (*proc, error) {
	addr, err := port.FreeAddress()
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(addr)
	toHost, toPort, _ := net.SplitHostPort(server)
	users, err := l.file("pgbouncer.users", fmt.Sprintf("%q %q\n", l.of.user, ""))
	if err != nil {
		return nil, err
	}
	size := slices.Max(l.sessions) + 100
	ini, err := l.file("pgbouncer.ini", fmt.Sprintf(`[databases]
* = host=%s port=%s
[pgbouncer]
listen_addr = %s
listen_port = %s
unix_socket_dir =
auth_type = trust
auth_file = %s
pool_mode = session
default_pool_size = %d
max_client_conn = %d
log_connections = 0
log_disconnections = 0
ignore_startup_parameters = extra_float_digits
`, toHost, toPort, host, port, users, size, size))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(bin, "-q", ini)
	if os.Geteuid() == 0 { // it refuses root
		if cmd.SysProcAttr, err = unprivileged(); err != nil {
			return nil, err
		}
	}
	return l.launch(ctx, "pgbouncer", addr, cmd)
}

// unprivileged runs a program as the user that PostgreSQL runs as.
func unprivileged() (*syscall.SysProcAttr, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := osuser.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, errors.Join(err1, err2)
	}
	return nil, errors.New("running as root and there is no user postgres or nobody to drop to")
}

func (l *lane) findHAProxy(ctx context.Context) (target, error) {
	bin, err := lookup("haproxy")
	if err != nil {
		return target{}, err
	}
	l.version(ctx, bin, "-v")
	return target{"haproxy", "mode tcp; does not look at bytes", func(ctx context.Context, l *lane, server string) (*proc, error) {
		addr, err := port.FreeAddress()
		if err != nil {
			return nil, err
		}
		cfg, err := l.file("haproxy.cfg", fmt.Sprintf(`global
	maxconn %d
defaults
	mode tcp
	timeout connect 10s
	timeout client 1h
	timeout server 1h
listen bench
	bind %s
	server db %s
`, slices.Max(l.sessions)+100, addr, server))
		if err != nil {
			return nil, err
		}
		return l.launch(ctx, "haproxy", addr, exec.Command(bin, "-db", "-q", "-f", cfg))
	}}, nil
}

// file writes a configuration file that everybody can read.
func (l *lane) file(name, text string) (string, error) {
	p := filepath.Join(l.dir, name)
	return p, os.WriteFile(p, []byte(text), 0o644)
}

// startWait is how long a target may take: a million tokens are read first.
const startWait = 2 * time.Minute

// launch starts cmd and returns when a client can log in at addr.
func (l *lane) launch(ctx context.Context, name, addr string, cmd *exec.Cmd) (*proc, error) {
	p := &proc{name: name, addr: addr, cmd: cmd, done: make(chan struct{}), log: filepath.Join(l.dir, name+".log")}
	f, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr, cmd.Dir = f, f, l.dir
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { // ends with the process
		_ = cmd.Wait()
		close(p.done)
	}()
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := l.of.dial(ctx, addr, 1<<10)
		if err == nil {
			_ = c.Close()
			return p, nil
		}
		select {
		case <-p.done:
			return nil, fmt.Errorf("it ended at its start\n%s", p.tail())
		case <-ctx.Done():
			p.stop()
			return nil, fmt.Errorf("no login within %s: %w\n%s", startWait, err, p.tail())
		case <-tick.C:
		}
	}
}

// stop ends the target's process. It may be called twice.
func (p *proc) stop() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(3 * time.Second): // some wait for sessions that will not end
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// tail is the end of what the target wrote.
func (p *proc) tail() string {
	b, _ := os.ReadFile(p.log)
	return string(bytes.TrimSpace(b[max(0, len(b)-2000):]))
}

// tree is the target's process with its children; nil for direct.
func (p *proc) tree() *machine.Tree {
	if p.cmd == nil {
		return nil
	}
	return machine.TreeOf(p.cmd.Process.Pid)
}

// warm runs one query, so that what is made on first use is made.
func (l *lane) warm(ctx context.Context, p *proc) error {
	c, err := l.of.dial(ctx, p.addr, 1<<10)
	if err != nil {
		return err
	}
	if _, err := c.Query("SELECT 1"); err != nil {
		c.Abort()
		return err
	}
	return c.Close()
}
