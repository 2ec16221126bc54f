package docker

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"honeyrow/alert/sink/file"
	"honeyrow/alert/sink/webhook"
	"honeyrow/internal/app"
)

func TestTheConfigurationFitsTheContainers(t *testing.T) {
	c := load(t)
	text, err := os.ReadFile("config/honeyrow.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := app.ParseConfig("/etc/honeyrow/honeyrow.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	proxy := c.Services["honeyrow"]
	if st, err := os.Stat("config/honeyrow.yaml"); err != nil || st.Mode().Perm()&0o004 == 0 || st.Mode().Perm()&0o022 != 0 {
		t.Errorf("the containers' user can't read the configuration, or others can write it: %v, %v", st.Mode(), err)
	}
	if !slices.Contains(app.DefaultPaths, "/etc/honeyrow/honeyrow.yaml") || !mounts(proxy, "/etc/honeyrow/honeyrow.yaml") {
		t.Error("honeyrow does not find its configuration by itself")
	}

	if len(cfg.Servers) != 2 || len(cfg.Listeners) != 2 || len(proxy.Ports) != 2 {
		t.Fatalf("%d servers, %d listeners and %d published ports, want a PostgreSQL and a MySQL", len(cfg.Servers), len(cfg.Listeners), len(proxy.Ports))
	}
	for i, want := range []struct{ protocol, address, seed string }{
		{"postgres", "db:5432", "/secrets/seed/seed.dsn"},
		{"mysql", "mysql:3306", "/secrets/seed/mysql.dsn"},
	} {
		s, l := cfg.Servers[i], cfg.Listeners[i]
		if s.Protocol != want.protocol || s.Address != want.address || s.TLS.Mode != "verify-full" || s.Seed.File != want.seed {
			t.Errorf("the server is %s at %s with TLS mode %s, planted with %s; want %+v", s.Protocol, s.Address, s.TLS.Mode, s.Seed.File, want)
		}
		_, port, err := net.SplitHostPort(l.Address)
		if err != nil || fmt.Sprint(proxy.Ports[i].Target) != port || l.TLS.Mode != "require" || l.Server != s.Name {
			t.Errorf("the listener of %s is on %s with TLS %s, published is %v", l.Server, l.Address, l.TLS.Mode, proxy.Ports[i])
		}
		for what, file := range map[string]string{
			"servers tls.ca_file": s.TLS.CAFile, "listeners tls.cert_file": l.TLS.CertFile, "listeners tls.key_file": l.TLS.KeyFile,
		} {
			if !mounts(proxy, file) {
				t.Errorf("%s is %s, where the proxy has no volume", what, file)
			}
		}
		if mounts(proxy, s.Seed.File) || !mounts(c.Services["seed"], s.Seed.File) || !mounts(c.Services["seed-mysql"], s.Seed.File) {
			t.Errorf("the planting role's secret %s is for the seeder and not for the proxy", s.Seed.File)
		}
	}
	for what, file := range map[string]string{"registry.path": cfg.Registry.Path, "registry.key_file": cfg.Registry.KeyFile} {
		if !mounts(proxy, file) {
			t.Errorf("%s is %s, where the proxy has no volume", what, file)
		}
	}

	// An engine that runs without root, or a machine with a lower limit of its
	// own, starts no container that asks for more files than it may give.
	sessions := 0
	for _, l := range cfg.Listeners {
		sessions += l.Limits.Connections
	}
	if n := proxy.Ulimits["nofile"]; n.Soft < 4*sessions || n.Soft != n.Hard || n.Hard > 16384 {
		t.Errorf("%d sessions need three files each, and the container may open %+v", sessions, n)
	}

	posts := 0
	for _, k := range cfg.Alerts.Sinks {
		switch k := k.Options.(type) {
		case *webhook.Config:
			posts++
			u, err := url.Parse(k.URL)
			if err != nil || c.Services[u.Hostname()] == nil || !slices.Contains(c.Services[u.Hostname()].Command, "0.0.0.0:"+u.Port()) {
				t.Errorf("nobody listens at %s: %v", k.URL, err)
			}
			if !mounts(proxy, k.SecretFile) {
				t.Errorf("the signature's secret is %s, where the proxy has no volume", k.SecretFile)
			}
		case *file.Config:
			if !strings.HasPrefix(k.Path, "/var/lib/honeyrow/") {
				t.Errorf("alerts are written to %s, which is read-only", k.Path)
			}
		}
	}
	if posts != 1 {
		t.Errorf("%d webhooks, want the receiver's", posts)
	}
}

// mounts reports whether the service has a volume that holds file.
func mounts(s *service, file string) bool {
	for _, v := range s.Volumes {
		if strings.HasPrefix(file, v.Target+"/") {
			return true
		}
	}
	return false
}
