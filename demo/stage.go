package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

// decoyDomain looks like the other mail domains of the business.
const decoyDomain = "harborpost.example"

// stage is honeyrow itself, used as a person would: its command line, its
// configuration file, a running proxy.
type stage struct {
	dir      string // for its files
	honeyrow string // the program's absolute path
	houses   []*business
	proxy    *exec.Cmd
	ended    chan struct{} // closed once the proxy has ended
	exit     error         // valid after ended
	log      *tailBuffer
}

func (s *stage) config() string { return filepath.Join(s.dir, "honeyrow.yaml") }
func (s *stage) alerts() string { return filepath.Join(s.dir, "alerts.jsonl") }

// run executes one honeyrow command and returns its standard output.
func (s *stage) run(ctx context.Context, args ...string) ([]byte, error) {
	return s.cli().run(ctx, args...)
}

func (s *stage) cli() cli { return cli{program: s.honeyrow, config: s.config(), dir: s.dir} }

// cli is honeyrow's command line with one configuration.
type cli struct {
	program, config string
	dir             string // to run in; empty: here
}

// run executes one honeyrow command and returns its standard output.
func (c cli) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.program, append([]string{"--config", c.config}, args...)...)
	cmd.Dir = c.dir
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("honeyrow %s: %w\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return out, nil
}

// configure lets `honeyrow init` write the configuration, then changes it
// where these databases differ from the usual, as their owner would: TLS, and
// a second server with a listener of its own. It returns init's command line
// and what that printed.
func (s *stage) configure(ctx context.Context) (line string, printed []byte, err error) {
	first := s.houses[0]
	args := []string{"init", "--name", first.server, "--server-address", first.address(), "--listen", first.listen, "--domain", decoyDomain}
	if printed, err = s.run(ctx, args...); err != nil {
		return "", nil, err
	}
	text, err := os.ReadFile(s.config())
	if err != nil {
		return "", nil, err
	}
	edited := string(text)
	for _, e := range []struct{ line, with string }{
		{"    protocol: postgres", "    protocol: " + first.product.protocol()},
		{"      mode: prefer", "      mode: verify-full\n      ca_file: server.crt"},
		{`      mode: "off"`, "      mode: allow\n      cert_file: server.crt\n      key_file: server.key"},
		{"    - {name: console, type: console, format: text}\n", ""},
	} {
		at := strings.Index(edited, e.line)
		if at < 0 {
			return "", nil, fmt.Errorf("the configuration that init wrote has no line %q: adapt demo/stage.go", e.line)
		}
		end := at + len(e.line)
		if !strings.HasSuffix(e.line, "\n") { // the line's comment goes with it
			end = at + strings.IndexByte(edited[at:], '\n')
		}
		edited = edited[:at] + e.with + edited[end:]
	}
	for _, b := range s.houses[1:] {
		if edited, err = b.join(edited); err != nil {
			return "", nil, err
		}
	}
	if err := os.WriteFile(s.config(), []byte(edited), 0o600); err != nil {
		return "", nil, err
	}
	for i, b := range s.houses {
		if err := os.WriteFile(filepath.Join(s.dir, b.dsnFile(i == 0)), []byte(b.product.seedDSN(b.way)+"\n"), 0o600); err != nil {
			return "", nil, err
		}
	}
	return "honeyrow " + strings.Join(args, " "), printed, nil
}

// dsnFile holds the planting role's connection string.
func (b *business) dsnFile(first bool) string {
	if first {
		return "seed.dsn" // as init has it
	}
	return "seed-" + b.server + ".dsn"
}

// join adds the server and a listener for it to a configuration.
func (b *business) join(text string) (string, error) {
	for _, e := range []struct{ before, block string }{
		{"\nlisteners:\n", fmt.Sprintf("  - name: %s\n    protocol: %s\n    address: %s\n    tls: {mode: verify-full, ca_file: server.crt}\n    seed: {dsn_file: %s}\n",
			b.server, b.product.protocol(), b.address(), b.dsnFile(false))},
		{"\n# What happens when", fmt.Sprintf("  - name: %s\n    server: %s\n    address: %s\n    tls: {mode: allow, cert_file: server.crt, key_file: server.key}\n",
			b.server, b.server, b.listen)},
	} {
		if strings.Count(text, e.before) != 1 {
			return "", fmt.Errorf("the configuration that init wrote has no single %q: adapt demo/stage.go", e.before)
		}
		text = strings.Replace(text, e.before, e.block+e.before, 1)
	}
	return text, nil
}

// start runs the proxy and waits until all its listeners accept connections.
func (s *stage) start(ctx context.Context) error {
	cmd := exec.Command(s.honeyrow, "--config", s.config(), "proxy")
	cmd.Dir = s.dir
	// A group of its own: Ctrl-C reaches the demo alone, which then ends
	// everything in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.log = &tailBuffer{max: 64 << 10}
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := cmd.Start(); err != nil {
		return err
	}
	s.proxy, s.ended = cmd, make(chan struct{})
	go func() { // ends with the process
		s.exit = cmd.Wait()
		close(s.ended)
	}()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for _, b := range s.houses {
		if err := s.answers(ctx, tick.C, b.listen); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) answers(ctx context.Context, tick <-chan time.Time, address string) error {
	for {
		var d net.Dialer
		if c, err := d.DialContext(ctx, "tcp", address); err == nil {
			return c.Close()
		}
		select {
		case <-tick:
		case <-s.ended:
			return fmt.Errorf("the proxy ended at its start: %w\n%s", s.exit, s.log)
		case <-ctx.Done():
			return fmt.Errorf("the proxy did not accept connections on %s: %w\n%s", address, ctx.Err(), s.log)
		}
	}
}

// react changes what the rule honey-row-read does, in the configuration, and
// has the running proxy take it over.
func (s *stage) react(ctx context.Context, action string) error {
	text, err := os.ReadFile(s.config())
	if err != nil {
		return err
	}
	rule := regexp.MustCompile(`(honey-row-read: *\{action:) *\w+`)
	if !rule.Match(text) {
		return errors.New("the configuration that init wrote does not name the rule honey-row-read: adapt demo/stage.go")
	}
	if err := os.WriteFile(s.config(), rule.ReplaceAll(text, []byte("${1} "+action)), 0o600); err != nil {
		return err
	}
	const taken = "configuration taken over"
	before := strings.Count(s.log.String(), taken)
	if err := s.proxy.Process.Signal(syscall.SIGHUP); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for strings.Count(s.log.String(), taken) == before {
		select {
		case <-tick.C:
		case <-s.ended:
			return s.running()
		case <-ctx.Done():
			return fmt.Errorf("the proxy did not take the changed configuration over: %w\n%s", ctx.Err(), s.log)
		}
	}
	return nil
}

// stop ends the proxy as a service manager would and waits for it: it lets
// sessions finish and delivers what it has committed.
func (s *stage) stop() error {
	if s.proxy == nil {
		return nil
	}
	_ = s.proxy.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(40 * time.Second):
		_ = s.proxy.Process.Kill()
		<-s.ended
		return fmt.Errorf("the proxy did not end within 40 s of SIGTERM\n%s", s.log)
	}
	s.proxy = nil
	if s.exit != nil {
		return fmt.Errorf("the proxy ended with %w\n%s", s.exit, s.log)
	}
	return nil
}

// running reports whether the proxy still runs, with its last words if not.
func (s *stage) running() error {
	select {
	case <-s.ended:
		return fmt.Errorf("the proxy has ended: %w\n%s", s.exit, s.log)
	default:
		return nil
	}
}

// tokens reads the live tokens of a server (empty: of all) with their values
// from `honeyrow tokens export`.
func (c cli) tokens(ctx context.Context, server string) ([]token.Token, error) {
	out, err := c.run(ctx, "tokens", "export", "--state", "live")
	if err != nil {
		return nil, err
	}
	var ts []token.Token
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var t token.Token
		if err := json.Unmarshal(lines.Bytes(), &t); err != nil {
			return nil, fmt.Errorf("honeyrow tokens export: %w in %q", err, lines.Text())
		}
		if server == "" || t.Place.Server == server {
			ts = append(ts, t)
		}
	}
	return ts, nil
}

// decoys finds out what the acts need to know about the honey rows of b.
func (s *stage) decoys(ctx context.Context, b *business) (decoys, error) {
	ts, err := s.cli().tokens(ctx, b.server)
	if err != nil {
		return decoys{}, err
	}
	db, err := b.openOwner()
	if err != nil {
		return decoys{}, err
	}
	defer db.Close()
	return findDecoys(ctx, ts, b.product, db)
}

// findDecoys is decoys for live tokens and connections to their database.
func findDecoys(ctx context.Context, ts []token.Token, p product, db *sql.DB) (decoys, error) {
	d := decoys{towns: map[string]bool{}}
	tables, rows := map[string]bool{}, map[event.ID]bool{}
	for _, t := range ts {
		if name := place(t.Place); !tables[name] {
			tables[name] = true
			d.tables = append(d.tables, name)
		}
		rows[t.Row] = true
		if t.Place.Table == "customers" && t.Place.Column == "email" {
			d.emails = append(d.emails, t.Value)
		}
	}
	d.rows = len(rows)
	if len(d.emails) == 0 {
		return d, fmt.Errorf("none of the %d live tokens is an e-mail address in customers", len(ts))
	}
	_, by, _ := strings.Cut(p.script().lookup, "WHERE")
	for _, email := range d.emails {
		var town string
		if err := db.QueryRowContext(ctx, "SELECT city FROM customers WHERE"+by, email).Scan(&town); err != nil {
			return d, fmt.Errorf("find a decoy's town: %w", err)
		}
		d.towns[town] = true
	}
	return d, nil
}

// tailBuffer keeps the last max bytes written to it.
type tailBuffer struct {
	mu  sync.Mutex
	max int
	b   []byte
}

func (t *tailBuffer) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if n := len(t.b) - t.max; n > 0 {
		t.b = append(t.b[:0], t.b[n:]...)
	}
	return len(p), nil
}

func (t *tailBuffer) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
