package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"honeyrow/token"
)

// expirySoon is how long before its end a certificate is worth a warning.
const expirySoon = 21 * 24 * time.Hour

func (x *exam) files() {
	x.ok("config", "config", "%s is valid", x.p.ConfigFile)
	if st, err := os.Stat(x.p.ConfigFile); err == nil && st.Mode().Perm()&0o022 != 0 {
		x.warn("config", "mode", "chmod 600 "+x.p.ConfigFile, "%s can be changed by other users (mode %04o)", x.p.ConfigFile, st.Mode().Perm())
	}
	for _, name := range x.p.Secrets { // one that is missing is told where it is needed
		if st, err := os.Stat(name); err == nil && st.Mode().Perm()&0o007 != 0 {
			x.warn("config", "secret", "chmod 600 "+name, "%s holds a secret and is open to every user of this machine (mode %04o)", name, st.Mode().Perm())
		}
	}
	if y := x.now().Year(); y < 2025 || y > 2100 {
		x.fail("clock", "clock", "set the clock (timedatectl set-ntp true)", "the system clock says %s", x.now().Format(time.RFC3339))
	}
}

// registry checks the files' modes, the key, and what is watched.
func (x *exam) registry(ctx context.Context) {
	const subject = "registry"
	r := x.p.Registry
	for _, f := range []struct{ path, what string }{{r.Path, "registry"}, {r.KeyFile, "key"}} {
		st, err := os.Stat(f.path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && f.what == "key" && os.Getenv("HONEYROW_KEY") != "":
			continue
		case errors.Is(err, fs.ErrNotExist):
			x.fail(subject, "file", "make it with `honeyrow init`, or restore it from your backup", "the %s file %s does not exist", f.what, f.path)
			return
		case err != nil:
			x.fail(subject, "file", "let the user who runs honeyrow read it", "the %s file can't be looked at: %v", f.what, err)
			return
		case st.Mode().Perm()&0o077 != 0:
			x.warn(subject, "mode", "chmod 600 "+f.path, "the %s file %s is open to other users (mode %04o)", f.what, f.path, st.Mode().Perm())
		}
	}
	book, err := r.Open(ctx)
	if err != nil {
		x.fail(subject, "open", "mend what it names; registry.path and registry.key_file must belong together", "the registry can't be opened: %v", err)
		return
	}
	defer book.Close()
	if x.snapshot, err = book.Snapshot(ctx); err != nil {
		x.fail(subject, "open", "use the key that the registry was made with", "the registry can't be read: %v", err)
		return
	}
	if x.watchers, err = book.Watchers(ctx); err != nil {
		x.fail(subject, "open", "look at the file system and the rights of the registry's folder", "the running proxies can't be read from the registry: %v", err)
		return
	}
	rows := map[any]bool{}
	for i := range x.snapshot.Tokens {
		rows[x.snapshot.Tokens[i].Row] = true
	}
	x.ok(subject, "open", "readable with its key: %d tokens in %d honey rows are to be watched", len(x.snapshot.Tokens), len(rows))
	if len(x.watchers) == 0 {
		level := x.ok
		if len(rows) > 0 {
			level = func(s, c, f string, a ...any) { x.warn(s, c, "start it with `honeyrow proxy`", f, a...) }
		}
		level(subject, "proxy", "no proxy is running: none has given a sign of life in the last ten seconds")
	}
	for _, w := range x.watchers {
		if w.Version != x.snapshot.Version {
			x.warn(subject, "proxy", "look at the proxy's log: it could not take the latest tokens",
				"the proxy on %s (pid %d) watches version %d of the registry, the latest is %d", w.Host, w.PID, w.Version, x.snapshot.Version)
			continue
		}
		x.ok(subject, "proxy", "the proxy on %s (pid %d) watches for %s", w.Host, w.PID, strings.Join(w.Servers, ", "))
	}
}

// running returns a proxy on this machine that stands before server.
func (x *exam) running(server string) (token.Watcher, bool) {
	host, _ := os.Hostname()
	for _, w := range x.watchers {
		if w.Host != host {
			continue
		}
		for _, s := range w.Servers {
			if s == server {
				return w, true
			}
		}
	}
	return token.Watcher{}, false
}

// elsewhere returns a proxy on another machine, or in another container, that stands
// before server.
func (x *exam) elsewhere(server string) (token.Watcher, bool) {
	host, _ := os.Hostname()
	for _, w := range x.watchers {
		if w.Host != host && slices.Contains(w.Servers, server) {
			return w, true
		}
	}
	return token.Watcher{}, false
}

// listener checks the socket, the certificate, and channel binding.
func (x *exam) listener(ctx context.Context, l *Listener) {
	subject := "listener " + l.Name
	x.socket(ctx, subject, l)
	if l.RSAKeyFile != "" {
		if f, err := os.Open(l.RSAKeyFile); err != nil {
			x.fail(subject, "rsa_key", "let the proxy's user read it, or leave rsa_key_file out", "the RSA key can't be read: %v", err)
		} else {
			f.Close()
		}
	}
	conf, err := l.TLS.Load()
	if err != nil {
		x.fail(subject, "tls", "name a PEM certificate and its key that the proxy's user can read", "TLS for clients can't be set up: %v", err)
		return
	}
	if conf == nil {
		if !loopback(l.Address) {
			x.warn(subject, "tls", "set listeners tls.mode to require, with cert_file and key_file", "clients connect to %s without TLS: passwords and rows cross the network in the clear", l.Address)
		}
		return
	}
	x.expiry(subject, conf.Certificates[0].Leaf)
	x.binding(subject, l, conf.Certificates[0].Certificate[0])
	x.fingerprint(subject, l, conf.Certificates[0].Leaf)
}

func (x *exam) socket(ctx context.Context, subject string, l *Listener) {
	network, addr := split(l.Address)
	w, runs := x.running(l.Server)
	if network == "unix" {
		if c, err := net.Dial("unix", addr); err == nil {
			c.Close()
			if runs {
				x.ok(subject, "socket", "%s is held by the running proxy (pid %d)", addr, w.PID)
			} else {
				x.fail(subject, "socket", "choose another path, or end the program that listens there", "%s is held by another program", addr)
			}
			return
		}
		if err := writableDir(filepath.Dir(addr)); err != nil {
			x.fail(subject, "socket", "make the folder and let the proxy's user write in it", "the socket can't be made: %v", err)
			return
		}
		x.ok(subject, "socket", "%s is free", addr)
		return
	}
	lis, err := (&net.ListenConfig{}).Listen(ctx, network, addr)
	if err == nil {
		lis.Close()
	}
	far, abroad := x.elsewhere(l.Server)
	switch {
	case abroad && !runs && (err == nil || errors.Is(err, syscall.EADDRNOTAVAIL)):
		x.ok(subject, "socket", "%s is for the proxy on %s (pid %d), another machine or container than this: the doctor can't look at it from here", addr, far.Host, far.PID)
	case err == nil:
		x.ok(subject, "socket", "%s is free", addr)
	case errors.Is(err, syscall.EADDRINUSE) && runs:
		x.ok(subject, "socket", "%s is held by the running proxy (pid %d)", addr, w.PID)
	case errors.Is(err, syscall.EADDRINUSE) && x.snapshot == nil:
		x.warn(subject, "socket", "mend the registry first: it says which proxies run", "%s is held by a program: whether by the proxy can't be known without the registry", addr)
	case errors.Is(err, syscall.EADDRINUSE):
		x.fail(subject, "socket", "choose another port, or end the program that listens there (ss -ltnp)", "%s is held by another program", addr)
	default:
		x.fail(subject, "socket", "use an address of this machine and a port that the proxy's user may open", "can't listen on %s: %v", addr, err)
	}
}

func writableDir(dir string) error {
	f, err := os.CreateTemp(dir, ".honeyrow-doctor-*")
	if p, ok := errors.AsType[*fs.PathError](err); ok { // not the name that nobody knows
		return fmt.Errorf("the folder %s can't be written: %w", dir, p.Err)
	}
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

// split turns a configured address into a network and an address to dial.
func split(addr string) (network, address string) {
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		return "unix", path
	}
	return "tcp", addr
}

// loopback reports whether only this machine can reach addr.
func loopback(addr string) bool {
	network, a := split(addr)
	if network == "unix" {
		return true
	}
	host, _, err := net.SplitHostPort(a)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
