package admin

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"

	"honeyrow/internal/config"
)

// Config is where the proxy tells of itself and takes orders. The zero Config
// serves nothing.
type Config struct {
	// Address is unix:/path of a socket (mode 0600: whoever may open it may do
	// everything), or host:port.
	Address string `yaml:"address"`
	// TokenFile or TokenEnv hold what callers over TCP must show as a bearer
	// token for anything but metrics and health. Without one, nothing else is
	// served over TCP.
	TokenFile string `yaml:"token_file"`
	TokenEnv  string `yaml:"token_env"`
	// CertFile and KeyFile make it HTTPS. Beyond this machine, a token is only
	// taken over HTTPS.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// Pprof serves Go's profiles too, to callers who may give orders.
	Pprof bool `yaml:"pprof"`
}

// Enabled reports whether there is an admin listener at all.
func (c Config) Enabled() bool { return c.Address != "" }

// guarded reports whether a token is configured.
func (c Config) guarded() bool { return c.TokenFile != "" || c.TokenEnv != "" }

// Validate returns every mistake, with what to do. It opens nothing.
func (c Config) Validate() error {
	if !c.Enabled() {
		if c != (Config{}) {
			return errors.New("address is missing: give unix:/run/honeyrow/admin.sock or 127.0.0.1:9180, or drop the section")
		}
		return nil
	}
	var errs []error
	if c.TokenFile != "" && c.TokenEnv != "" {
		errs = append(errs, errors.New("both token_file and token_env are given: keep one"))
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		errs = append(errs, errors.New("cert_file and key_file belong together: give both or neither"))
	}
	network, addr, err := Split(c.Address)
	switch {
	case err != nil:
		errs = append(errs, err)
	case network == "unix":
		if c.guarded() || c.CertFile != "" {
			errs = append(errs, errors.New("a unix socket is guarded by its permissions: leave out token and certificate"))
		}
	default:
		if c.guarded() && c.CertFile == "" && !local(addr) {
			errs = append(errs, fmt.Errorf("a token over plain HTTP on %s can be read on its way: give cert_file and key_file, or listen on 127.0.0.1", addr))
		}
		if c.Pprof && !c.guarded() {
			errs = append(errs, errors.New("pprof over TCP needs token_file: profiles show what passes"))
		}
	}
	return errors.Join(errs...)
}

// Split turns an address of the configuration into what net.Dial takes.
func Split(address string) (network, addr string, err error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		if !filepath.IsAbs(path) {
			return "", "", fmt.Errorf("address %q: use unix: and an absolute path", address)
		}
		return "unix", path, nil
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return "", "", fmt.Errorf("address %q is neither host:port nor unix:/path: %w", address, err)
	}
	return "tcp", address, nil
}

// local reports whether only this machine can reach addr.
func local(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// token reads the secret; empty if none is configured.
func (c Config) token() (config.Secret, error) {
	s, err := config.ReadSecret("token", c.TokenFile, c.TokenEnv)
	if errors.Is(err, config.ErrNoSecret) {
		return config.Secret{}, nil
	}
	if err != nil {
		return config.Secret{}, fmt.Errorf("admin: %w", err)
	}
	return s, nil
}
