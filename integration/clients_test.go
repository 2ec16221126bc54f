package integration

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// script runs somebody else's client against one end and returns what it printed.
func script(t *testing.T, at End, dir string, name string, args ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "TZ=UTC", "LC_ALL=C.UTF-8", "PYTHONHASHSEED=0")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil || !strings.Contains(out.String(), "done") {
		t.Fatalf("%s: %v\n%s\n%s", at.Name, err, errs.String(), out.String())
	}
	return out.String()
}

func need(t *testing.T, what string, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", what, err, out)
	}
}

func same(t *testing.T, play func(End) string) {
	t.Helper()
	direct := play(stand.Direct())
	for _, at := range ends() {
		wantSame(t, at.Name, play(at), direct)
	}
	wantDetections(t)
}

func TestPythonClientsSeeTheSame(t *testing.T) {
	const python = "/usr/bin/python3" // the distribution's, whose packages these are
	if exec.Command(python, "-c", "import psycopg, psycopg2").Run() != nil {
		need(t, "install python3-psycopg and python3-psycopg2", exec.Command("../scripts/need.sh", "python3-psycopg", "python3-psycopg2"))
	}
	for _, name := range []string{"psycopg3.py", "psycopg_2.py"} {
		t.Run(name, func(t *testing.T) {
			same(t, func(at End) string { return script(t, at, "clients", python, name, at.DSN("postgres", "app")) })
		})
	}
}

func TestNodeClientsSeeTheSame(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"package.json", "node.js"} {
		b, err := os.ReadFile(filepath.Join("clients", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	need(t, "install node and npm", exec.Command("../scripts/need.sh", "node", "npm"))
	install := exec.Command("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=optional")
	install.Dir = dir
	need(t, "npm install", install)
	same(t, func(at End) string { return script(t, at, dir, "node", "node.js", at.Host, at.Port, at.SSLMode) })
}
