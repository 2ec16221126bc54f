package mywire

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"honeyrow/inspect/inspecttest"
	"honeyrow/internal/myserver"
)

// pamServer starts a MariaDB whose PAM has one service of the test's own,
// honeyrow, that takes the password "secret": it sees another folder in the
// place of /etc/pam.d, in a mount namespace that nobody else is in. Where that is
// not to be had, or the server has no PAM plugin, it says so and returns nil.
//
// plugin is auth_pam_v1, which asks PAM itself, or auth_pam, which has a program
// ask it: that is setuid root, for services that need root, and this one does not.
func pamServer(t *testing.T, plugin, cleartext string) *myserver.Server {
	t.Helper()
	shared, ca, pair := realServer(t)
	if !installable(t, shared, "pam") {
		return nil
	}
	unshare := []string{"-U", "-m", "--map-current-user", "--keep-caps"}
	if out, err := exec.Command("unshare", append(unshare, "mount", "--bind", "/etc", "/etc")...).CombinedOutput(); err != nil {
		t.Logf("left out: no private mount namespace on this machine: %v %s", err, out)
		return nil
	}
	found, err := myserver.Find()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "honeyrow-pam-") // t.TempDir can't be read by the server's user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	install := filepath.Join(filepath.Dir(found.Client), "mariadb-install-db")
	for name, text := range map[string]string{
		"pam.d/honeyrow":         fmt.Sprintf("auth required pam_exec.so quiet expose_authtok %s/check\naccount required pam_permit.so\n", dir),
		"check":                  "#!/bin/sh\n[ \"$(tr -d '\\0')\" = secret ]\n",
		"bin/mariadbd":           fmt.Sprintf("#!/bin/sh\nexec unshare %s sh -c 'mount --bind %s/pam.d /etc/pam.d && exec %s \"$@\"' sh \"$@\"\n", strings.Join(unshare, " "), dir, found.Server),
		"bin/mariadb":            fmt.Sprintf("#!/bin/sh\nexec %s \"$@\"\n", found.Client),
		"bin/mariadb-install-db": fmt.Sprintf("#!/bin/sh\nexec %s \"$@\"\n", install),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HONEYROW_MY_BIN", filepath.Join(dir, "bin"))
	s, err := myserver.Start(t.Context(), myserver.Options{
		Settings: []string{"ssl_cert = server.crt", "ssl_key = server.key", "ssl_ca = ca.crt", "plugin_load_add = " + plugin, "pam_use_cleartext_plugin = " + cleartext},
		Files:    map[string][]byte{"server.crt": pair.Cert, "server.key": pair.Key, "ca.crt": ca.PEM},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// The server's plugin asks through the client's plugin dialog, or through
// mysql_clear_password. The client sends the password in the clear.
func TestPAMLoginsOfARealServer(t *testing.T) {
	if shared, _, _ := realServer(t); !applies(t, shared.Release) {
		return
	}
	for _, c := range []struct{ client, server, cleartext string }{
		{"dialog", "auth_pam_v1", "OFF"}, {"mysql_clear_password", "auth_pam_v1", "ON"}, {"dialog", "auth_pam", "OFF"},
	} {
		t.Run(c.client+", "+c.server, func(t *testing.T) {
			s := pamServer(t, c.server, c.cleartext)
			if s == nil {
				return
			}
			if file, err := s.Query(t.Context(), "", "select plugin_library from information_schema.plugins where plugin_name = 'pam'"); err != nil || file != c.server+".so\n" {
				t.Fatalf("the plugin is %q, %v", file, err)
			}
			if err := s.Exec(t.Context(), "", "create user pam_u identified via pam using 'honeyrow'"); err != nil {
				t.Fatal(err)
			}
			legs(t, s, func(what, addr string, rec *inspecttest.Recorder, args []string) {
				for _, password := range []string{"secret", "wrong"} {
					rec.Reset()
					out, err := client(t, s, addr, "select substring_index(user(), '@', 1)", append(args, "--user=pam_u", "--password="+password)...)
					opens := rec.Calls("Open")
					switch {
					case password == "wrong" && (err == nil || !strings.Contains(err.Error(), "1045") || len(opens) != 0):
						t.Errorf("%s, wrong password: %q, %v, opened %+v", what, out, err, opens)
					case password == "secret" && (err != nil || out != "pam_u\n" || len(opens) != 1 || opens[0].Client.User != "pam_u"):
						t.Errorf("%s: %q, %v, opened %+v", what, out, err, opens)
					}
				}
			})
		})
	}
}
