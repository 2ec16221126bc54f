// Package myserver runs a private MariaDB, or MySQL, for tests, benchmarks and the
// demo: a fresh data folder below a temporary one on a random loopback port,
// started without root's rights from the distribution's binaries or from those
// that HONEYROW_MY_BIN names, and removed with everything in it by Stop. It is
// never used on anybody's own database.
package myserver

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
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"honeyrow/internal/port"
)

// Options shape the server. The zero Options give one whose user "root" needs
// no password, over TCP and the unix socket alike.
type Options struct {
	// Settings are lines for the [mysqld] group, such as "binlog_format = ROW".
	// A file of Files is named by its path below the server's folder:
	// "ssl_cert = server.crt" (relative paths start in the data folder).
	Settings []string
	// Files are written into the data folder with mode 0600 before the start,
	// such as "server.crt".
	Files map[string][]byte
}

// Server is a running MariaDB or MySQL.
type Server struct {
	Host   string // "127.0.0.1"
	Port   int
	Dir    string // the temporary folder; Socket is in it
	Socket string // path of the unix socket
	Release

	found Found
	cmd   *exec.Cmd
	done  chan struct{}
	log   string
	cred  *syscall.Credential
}

// template is a data folder made once per process: making one takes seconds, a
// copy of it a fraction of one.
var template struct {
	once sync.Once
	dir  string
	err  error
}

// Start makes a server and waits until it accepts connections.
func Start(ctx context.Context, o Options) (*Server, error) {
	found, err := Find()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "honeyrow-my-")
	if err != nil {
		return nil, err
	}
	s := &Server{
		Host: "127.0.0.1", Dir: dir, Socket: filepath.Join(dir, "s"), Release: found.Release, found: found,
		done: make(chan struct{}), log: filepath.Join(dir, "log"),
	}
	if err := s.start(ctx, o); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// credential is the user that servers run as: nil unless this process is root.
func credential() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"mysql", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.Atoi(u.Uid)
			gid, _ := strconv.Atoi(u.Gid)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("running as root and there is no user mysql or nobody to drop to: run as another user")
}

func (s *Server) start(ctx context.Context, o Options) error {
	var err error
	if s.cred, err = credential(); err != nil {
		return err
	}
	if err := s.own(s.Dir, 0o755); err != nil {
		return err
	}
	if err := s.makeData(ctx); err != nil {
		return err
	}
	for name, b := range o.Files {
		if err := s.WriteFile(name, b); err != nil {
			return err
		}
	}
	if s.Port, err = port.Free(); err != nil {
		return err
	}
	conf := append([]string{
		"[mysqld]", "datadir = " + s.data(), "socket = " + s.Socket, "pid-file = " + filepath.Join(s.Dir, "pid"),
		"bind-address = 127.0.0.1", "port = " + strconv.Itoa(s.Port), "skip-name-resolve",
		"innodb_flush_log_at_trx_commit = 2", "innodb_flush_method = nosync", "innodb_buffer_pool_size = 64M",
		"max_connections = 300", "character-set-server = utf8mb4", "secure_file_priv =", "tmpdir = " + s.Dir,
	}, s.settings()...)
	conf = append(conf, o.Settings...)
	if err := os.WriteFile(s.conf(), []byte(strings.Join(conf, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	return s.run(ctx)
}

func (s *Server) data() string { return filepath.Join(s.Dir, "data") }
func (s *Server) conf() string { return filepath.Join(s.Dir, "my.cnf") }

// makeData copies the template's data folder, making that first if need be.
func (s *Server) makeData(ctx context.Context) error {
	template.once.Do(func() { template.dir, template.err = s.install(ctx) })
	if template.err != nil {
		return template.err
	}
	if out, err := exec.CommandContext(ctx, "cp", "-a", template.dir, s.data()).CombinedOutput(); err != nil {
		return fmt.Errorf("copy the data folder: %w\n%s", err, out)
	}
	return nil
}

// install makes a data folder. It is left for other servers of this process;
// Cleanup removes it.
func (s *Server) install(ctx context.Context) (string, error) {
	base, err := os.MkdirTemp("", "honeyrow-my-template-")
	if err != nil {
		return "", err
	}
	if s.cred != nil {
		if err := os.Chown(base, int(s.cred.Uid), int(s.cred.Gid)); err != nil {
			return "", err
		}
	}
	dir := filepath.Join(base, "data")
	first := filepath.Join(base, "first.sql")
	if err := os.WriteFile(first, []byte(firstSQL), 0o644); err != nil {
		return "", err
	}
	program, args := s.found.installer(dir, first)
	// On a machine under load MariaDB's first start fails now and then.
	var failed []error
	for range 2 {
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Dir = base
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
		out, err := cmd.CombinedOutput()
		if err == nil {
			return dir, nil
		}
		failed = append(failed, fmt.Errorf("%s: %w\n%s", program, err, out))
		if err := os.RemoveAll(dir); err != nil {
			failed = append(failed, err)
		}
	}
	_ = os.RemoveAll(base)
	return "", errors.Join(failed...)
}

// Cleanup removes what servers of this process share. Call it once, after the
// last Stop, from TestMain or at the end of main.
func Cleanup() {
	if template.dir != "" {
		_ = os.RemoveAll(filepath.Dir(template.dir))
	}
	template.once, template.dir = sync.Once{}, "" // a later Start makes them again
}

func (s *Server) own(path string, mode os.FileMode) error {
	if err := os.Chmod(path, mode); err != nil || s.cred == nil {
		return err
	}
	return os.Chown(path, int(s.cred.Uid), int(s.cred.Gid))
}

// WriteFile puts a file into the data folder, readable by the server alone.
func (s *Server) WriteFile(name string, b []byte) error {
	p := filepath.Join(s.data(), name)
	if err := os.WriteFile(p, b, 0o600); err != nil {
		return err
	}
	return s.own(p, 0o600)
}

func (s *Server) run(ctx context.Context) error {
	logf, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer logf.Close()
	cmd := exec.Command(s.found.Server, "--defaults-file="+s.conf())
	cmd.Dir = s.Dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	cmd.Stdout, cmd.Stderr = logf, logf
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.found.Server, err)
	}
	done := make(chan struct{})
	s.cmd, s.done = cmd, done
	go func() { // ends with the process
		_ = cmd.Wait()
		close(done)
	}()
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	last := errors.New("no answer")
	for {
		if c, err := net.Dial("unix", s.Socket); err == nil {
			c.Close()
			if _, err := s.Query(ctx, "", "select 1"); err == nil {
				return nil
			} else if ctx.Err() == nil {
				last = err
			}
		}
		select {
		case <-done:
			return fmt.Errorf("%s ended at its start:\n%s", s.found.Server, s.Log())
		case <-ctx.Done():
			return fmt.Errorf("%s did not accept connections within three minutes: %w\n%s", s.found.Server, last, s.Log())
		case <-tick.C:
		}
	}
}

// Restart stops the server at once, as a crash would, and starts it again on
// the same port with the same data.
func (s *Server) Restart(ctx context.Context) error {
	s.kill()
	return s.run(ctx)
}

// Stop ends the server and removes its folder. It may be called twice.
func (s *Server) Stop() {
	s.kill()
	_ = os.RemoveAll(s.Dir)
}

// kill ends the server without a word: nothing in its folder is worth an
// orderly end, which may wait for sessions.
func (s *Server) kill() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.done
}

// PID is the server's process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Log returns what the server has logged.
func (s *Server) Log() string {
	b, _ := os.ReadFile(s.log)
	return string(b)
}

// Addr is the server's TCP address.
func (s *Server) Addr() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// DSN returns a go-sql-driver/mysql connection string without TLS. Password
// and database may be empty.
func (s *Server) DSN(user, password, database string) string {
	return fmt.Sprintf("%s:%s@tcp(%s)/%s", user, password, s.Addr(), database)
}

// Exec runs SQL as root over the unix socket, stopping at the first error.
func (s *Server) Exec(ctx context.Context, database, sql string) error {
	_, err := s.Query(ctx, database, sql)
	return err
}

// Query is Exec that returns what the client prints: rows as lines of fields
// separated by tabs, without headers. The SQL may use what Release.Portable knows.
func (s *Server) Query(ctx context.Context, database, sql string) (string, error) {
	return s.Client(ctx, s.Portable(sql), append(s.NoTLS(), "--socket="+s.Socket, "--user=root", "--batch", "--skip-column-names", "--database="+database)...)
}

// NoTLS are the arguments that make a program of this kind go without TLS, which
// MariaDB's of 11 insist on otherwise.
func (s *Server) NoTLS() []string {
	if s.Kind == MySQL {
		if s.Version < 50723 { // the client has no such option yet, and the server no need of it
			return []string{"--ssl-mode=DISABLED"}
		}
		return []string{"--ssl-mode=DISABLED", "--get-server-public-key"}
	}
	return []string{"--skip-ssl"}
}

// VerifiedTLS are the arguments that make a program of this kind insist on a
// certificate of the authority in the file ca.
func (s *Server) VerifiedTLS(ca string) []string {
	if s.Kind == MySQL {
		return []string{"--ssl-mode=VERIFY_CA", "--ssl-ca=" + ca}
	}
	return []string{"--ssl", "--ssl-ca=" + ca, "--ssl-verify-server-cert"}
}

// Client runs the command line client with the given arguments and
// input, without anybody's option files.
func (s *Server) Client(ctx context.Context, input string, args ...string) (string, error) {
	return s.tool(ctx, s.found.Client, input, args)
}

// Tool runs another program of MariaDB's, such as mariadb-dump, in the same way;
// with MySQL, the one that is its like.
func (s *Server) Tool(ctx context.Context, name string, args ...string) (string, error) {
	path := lookup(s.Program(name))
	if path == "" {
		return "", fmt.Errorf("there is no %s: install it (Debian: apt-get install mariadb-client mariadb-server)", name)
	}
	return s.tool(ctx, path, "", args)
}

func (s *Server) tool(ctx context.Context, path, input string, args []string) (string, error) {
	cmd := exec.CommandContext(ctx, path, append([]string{"--no-defaults"}, args...)...)
	cmd.Dir = s.Dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC", "MYSQL_HISTFILE=/dev/null")
	cmd.Stdin = strings.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w\n%s", filepath.Base(path), err, stderr.String())
	}
	return string(out), nil
}
