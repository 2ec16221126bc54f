// Package packaging makes the Debian package: deb.sh, the unit and the scripts of
// the package. There is no program in it.
package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program stands in for honeyrow: deb.sh asks it for its version and its help.
const program = `#!/bin/sh
case $1 in
version) echo '{ "version": "0.2.0-rc1" }' ;;
completion) echo "script of $2" ;;
*) printf '%s\n' 'Usage: honeyrow <command>' '' 'Plants honey rows.' '  -c, --config=FILE   A \ file.' '.hidden' ;;
esac
`

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func TestThePackageHasWhatAnAdministratorLooksFor(t *testing.T) {
	dir := t.TempDir()
	stub := filepath.Join(dir, "honeyrow")
	if err := os.WriteFile(stub, []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	file := strings.TrimSpace(run(t, "./deb.sh", stub, dir))
	if !strings.Contains(filepath.Base(file), "honeyrow_0.2.0~rc1_") {
		t.Errorf("made %s: a release candidate must sort before its release", file)
	}
	list := run(t, "dpkg-deb", "--contents", file)
	for _, want := range []string{
		"-rwxr-xr-x root/root ./usr/bin/honeyrow", "-rw-r--r-- root/root ./lib/systemd/system/honeyrow.service",
		"-rw-r--r-- root/root ./usr/share/man/man1/honeyrow.1.gz", "-rw-r--r-- root/root ./usr/share/doc/honeyrow/copyright",
		"-rw-r--r-- root/root ./usr/share/doc/honeyrow/changelog.gz", "-rw-r--r-- root/root ./usr/share/doc/honeyrow/SECURITY.md",
		"-rw-r--r-- root/root ./usr/share/bash-completion/completions/honeyrow", "-rw-r--r-- root/root ./usr/share/zsh/vendor-completions/_honeyrow",
		"-rw-r--r-- root/root ./usr/share/fish/vendor_completions.d/honeyrow.fish",
		"-rw-r--r-- root/root ./usr/share/doc/honeyrow/docs/incident.schema.json", "-rw-r--r-- root/root ./usr/share/doc/honeyrow/docs/playbooks/honey-read.md",
	} {
		mode, path, _ := strings.Cut(want, " ./")
		found := false
		for line := range strings.Lines(list) {
			found = found || strings.HasPrefix(line, mode) && strings.HasSuffix(line, " ./"+path+"\n")
		}
		if !found {
			t.Errorf("no %q in\n%s", want, list)
		}
	}
	root := filepath.Join(dir, "root")
	run(t, "dpkg-deb", "--extract", file, root)
	page := run(t, "gzip", "-dc", filepath.Join(root, "usr/share/man/man1/honeyrow.1.gz"))
	for _, want := range []string{"\nPlants honey rows.\n", "\n  \\-c, \\-\\-config=FILE   A \\e file.\n", "\n\\&.hidden\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in the manual page:\n%s", want, page)
		}
	}
	control := filepath.Join(dir, "control")
	run(t, "dpkg-deb", "--control", file, control)
	for _, script := range []string{"postinst", "prerm", "postrm"} {
		run(t, "sh", "-n", filepath.Join(control, script))
	}
	sums, err := os.ReadFile(filepath.Join(control, "md5sums"))
	if err != nil || !strings.Contains(string(sums), "  usr/bin/honeyrow\n") {
		t.Errorf("checksums: %v\n%s", err, sums)
	}
}

// Alerts that the registry's disk can't take wait in the runtime folder: systemd would
// remove it whenever the service stops, as it must for the disk's repair.
func TestTheServicesRuntimeFolderOutlivesIt(t *testing.T) {
	unit, err := os.ReadFile("honeyrow.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"\nRuntimeDirectory=honeyrow\n", "\nRuntimeDirectoryPreserve=yes\n"} {
		if !strings.Contains(string(unit), line) {
			t.Errorf("the unit lacks %q", strings.TrimSpace(line))
		}
	}
}
