// Package pgserver runs a private PostgreSQL for tests, benchmarks and the
// demo: a fresh cluster in a temporary folder on a random loopback port,
// started from the distribution's binaries without root's rights and removed
// with everything in it by Stop. It is never used on anybody's own database.
package pgserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"honeyrow/internal/port"
)

// Options shape the cluster. The zero Options give a server with trust
// authentication for the superuser "postgres".
type Options struct {
	// Bin is the folder with postgres and initdb; empty: found by Find.
	Bin string
	// HBA replaces pg_hba.conf, one rule a line. Empty trusts everybody on loopback.
	HBA []string
	// Settings are lines for postgresql.conf, such as "ssl = on".
	Settings []string
	// Files are written into the data folder with mode 0600 before the start,
	// such as "server.crt".
	Files map[string][]byte
}

// Server is a running cluster.
type Server struct {
	Host string // "127.0.0.1"
	Port int
	Dir  string // the temporary folder; Socket is in it
	// Socket is the folder of the unix socket.
	Socket string
	Bin    string

	cmd  *exec.Cmd
	done chan struct{}
	log  string
	cred *syscall.Credential
}

// template is a data folder that servers of this process begin with a copy of.
var template struct {
	mu  sync.Mutex
	on  bool
	dir string // empty: not made yet
}

// Template has the servers of this process that start from now on begin with a copy
// of one fresh data folder: initdb takes a second of a processor, a copy a tenth. Call
// the function that it returns after the last Stop, from TestMain.
func Template() (remove func()) {
	template.mu.Lock()
	defer template.mu.Unlock()
	template.on = true
	return func() {
		template.mu.Lock()
		defer template.mu.Unlock()
		if template.dir != "" {
			_ = os.RemoveAll(template.dir)
		}
		template.on, template.dir = false, ""
	}
}

// makeData makes the data folder.
func (s *Server) makeData(ctx context.Context, data string) error {
	template.mu.Lock()
	defer template.mu.Unlock()
	if !template.on {
		return s.initdb(ctx, data)
	}
	if template.dir == "" {
		dir, err := os.MkdirTemp("", "honeyrow-pg-template-")
		if err != nil {
			return err
		}
		if s.cred != nil {
			err = os.Chown(dir, int(s.cred.Uid), int(s.cred.Gid))
		}
		if err == nil {
			err = s.initdb(ctx, filepath.Join(dir, "data"))
		}
		if err != nil {
			return errors.Join(err, os.RemoveAll(dir))
		}
		template.dir = dir
	}
	cp := exec.CommandContext(ctx, "cp", "-a", filepath.Join(template.dir, "data"), data)
	if out, err := cp.CombinedOutput(); err != nil {
		return fmt.Errorf("copy the data folder: %w\n%s", err, out)
	}
	return nil
}

func (s *Server) initdb(ctx context.Context, data string) error {
	initdb := s.command(ctx, "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// Find returns the folder with the newest PostgreSQL server binaries:
// $HONEYROW_PG_BIN, the distribution's folders, or the PATH.
func Find() (string, error) {
	if dir := os.Getenv("HONEYROW_PG_BIN"); dir != "" {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
			return "", fmt.Errorf("HONEYROW_PG_BIN=%s holds no initdb: %w", dir, err)
		}
		return dir, nil
	}
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	sort.Slice(dirs, func(i, j int) bool { return major(dirs[i]) > major(dirs[j]) })
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			return dir, nil
		}
	}
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			return filepath.Dir(p), nil
		}
	}
	return "", errors.New("no PostgreSQL server found: install it (Debian: apt-get install postgresql) or set HONEYROW_PG_BIN to the folder that holds initdb")
}

func major(dir string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
	return n
}

// Start makes a cluster and waits until it accepts connections.
func Start(ctx context.Context, o Options) (*Server, error) {
	bin := o.Bin
	if bin == "" {
		var err error
		if bin, err = Find(); err != nil {
			return nil, err
		}
	}
	dir, err := os.MkdirTemp("", "honeyrow-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{Host: "127.0.0.1", Dir: dir, Socket: dir, Bin: bin, done: make(chan struct{}), log: filepath.Join(dir, "log")}
	if err := s.start(ctx, o); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, o Options) error {
	if os.Geteuid() == 0 { // initdb and postgres refuse root
		u, err := user.Lookup("postgres")
		if err != nil {
			if u, err = user.Lookup("nobody"); err != nil {
				return fmt.Errorf("running as root and there is no user to drop to: %w", err)
			}
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		s.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(s.Dir, uid, gid); err != nil {
			return err
		}
		if err := os.Chmod(s.Dir, 0o755); err != nil {
			return err
		}
	}
	data := filepath.Join(s.Dir, "data")
	if err := s.makeData(ctx, data); err != nil {
		return err
	}
	var err error
	if s.Port, err = port.Free(); err != nil {
		return err
	}
	conf := append([]string{
		"listen_addresses = '127.0.0.1'", "port = " + strconv.Itoa(s.Port),
		"unix_socket_directories = '" + s.Dir + "'",
		"fsync = off", "synchronous_commit = off", "full_page_writes = off",
		"max_connections = 300", "shared_buffers = 128MB", "log_min_messages = fatal",
		"wal_level = logical", "max_wal_senders = 10",
	}, o.Settings...)
	if err := appendFile(filepath.Join(data, "postgresql.conf"), strings.Join(conf, "\n")+"\n"); err != nil {
		return err
	}
	if len(o.HBA) > 0 {
		hba := strings.Join(o.HBA, "\n") + "\n"
		if err := os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(hba), 0o600); err != nil {
			return err
		}
	}
	for name, b := range o.Files {
		if err := s.WriteFile(name, b); err != nil {
			return err
		}
	}
	return s.run(ctx)
}

// WriteFile puts a file into the data folder, readable by the server alone.
func (s *Server) WriteFile(name string, b []byte) error {
	p := filepath.Join(s.Dir, "data", name)
	if err := os.WriteFile(p, b, 0o600); err != nil {
		return err
	}
	if s.cred != nil {
		return os.Chown(p, int(s.cred.Uid), int(s.cred.Gid))
	}
	return nil
}

func (s *Server) run(ctx context.Context) error {
	logf, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer logf.Close()
	cmd := s.command(context.Background(), "postgres", "-D", filepath.Join(s.Dir, "data"))
	cmd.Stdout, cmd.Stderr = logf, logf
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	done := make(chan struct{})
	s.cmd, s.done = cmd, done
	go func() { // ends with the process
		_ = cmd.Wait()
		close(done)
	}()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		probe := s.command(ctx, "pg_isready", "-q", "-h", s.Dir, "-p", strconv.Itoa(s.Port))
		if probe.Run() == nil {
			return nil
		}
		select {
		case <-done:
			return fmt.Errorf("postgres ended at its start:\n%s", s.Log())
		case <-ctx.Done():
			return fmt.Errorf("postgres did not accept connections within two minutes:\n%s", s.Log())
		case <-tick.C:
		}
	}
}

// Restart stops the server at once, as a crash would, and starts it again on
// the same port with the same data.
func (s *Server) Restart(ctx context.Context) error {
	s.kill(syscall.SIGQUIT)
	return s.run(ctx)
}

// Stop ends the server and removes its folder. It may be called twice.
func (s *Server) Stop() {
	s.kill(syscall.SIGQUIT)
	_ = os.RemoveAll(s.Dir)
}

func (s *Server) kill(sig syscall.Signal) {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Signal(sig)
	select {
	case <-s.done:
	case <-time.After(time.Minute):
		_ = s.cmd.Process.Kill()
		<-s.done
	}
}

// PID is the server's main process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Log returns what the server has logged.
func (s *Server) Log() string {
	b, _ := os.ReadFile(s.log)
	return string(b)
}

// Addr is the server's TCP address.
func (s *Server) Addr() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// DSN returns a connection string for the given user and database without TLS.
func (s *Server) DSN(user, database string) string {
	return fmt.Sprintf("host=%s port=%d user=%s dbname=%s sslmode=disable", s.Host, s.Port, user, database)
}

// Exec runs SQL as the superuser over the unix socket with psql, stopping at the first error.
func (s *Server) Exec(ctx context.Context, database, sql string) error {
	_, err := s.Query(ctx, database, sql)
	return err
}

// Query is Exec that returns what psql prints, unaligned and without headers.
func (s *Server) Query(ctx context.Context, database, sql string) (string, error) {
	cmd := s.command(ctx, "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", s.Dir,
		"-p", strconv.Itoa(s.Port), "-U", "postgres", "-d", database, "-f", "-")
	cmd.Stdin = strings.NewReader(sql)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("psql: %w\n%s", err, stderr.String())
	}
	return string(out), nil
}

func (s *Server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.Bin, name), args...)
	cmd.Dir = s.Dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	return cmd
}

func appendFile(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
