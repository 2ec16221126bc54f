package arch

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The README has a row for each module that the program is built on: its
// version, and why it is there. A module that comes without a reason, or a
// version that is no longer the one in use, would make the table worthless to
// whoever reviews the supply chain.

var (
	direct  = regexp.MustCompile(`^\t(?:require )?(\S+) (v\S+)$`) // indirect ones have a comment behind
	quoted  = regexp.MustCompile("`([^`]+)`")
	pseudo  = regexp.MustCompile(`^v0\.0\.0-(\d{4})(\d\d)(\d\d)\d{6}-[0-9a-f]{12}$`)
	ofTable = "## Dependencies\n"
)

func TestTheReadmeSaysWhyEachModuleIsThere(t *testing.T) {
	required := map[string]string{} // the version by the module's path
	for _, line := range strings.Split(read(t, "../../go.mod"), "\n") {
		if m := direct.FindStringSubmatch(line); m != nil {
			required[m[1]] = m[2]
			if d := pseudo.FindStringSubmatch(m[2]); d != nil {
				required[m[1]] = d[1] + "-" + d[2] + "-" + d[3] // a commit's day will do
			}
		}
	}
	if len(required) < 10 {
		t.Fatalf("go.mod requires %d modules: is it read rightly?", len(required))
	}
	_, section, ok := strings.Cut(read(t, "../../README.md"), ofTable)
	if !ok {
		t.Fatalf("README.md has no section %q", strings.TrimSpace(ofTable))
	}
	told := map[string]bool{}
	for _, line := range strings.Split(section, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 5 {
			continue
		}
		modules := quoted.FindAllStringSubmatch(cells[1], -1)
		versions := strings.Split(cells[2], ",")
		for i, m := range modules {
			told[m[1]] = true
			switch want, ok := required[m[1]]; {
			case !ok:
				t.Errorf("README.md says why %s is there, and go.mod does not require it", m[1])
			case want != strings.TrimSpace(versions[min(i, len(versions)-1)]):
				t.Errorf("README.md says %s of %s, go.mod %s", strings.TrimSpace(cells[2]), m[1], want)
			}
			if strings.TrimSpace(cells[3]) == "" {
				t.Errorf("README.md does not say why %s is there", m[1])
			}
		}
	}
	for module := range required {
		if !told[module] {
			t.Errorf("README.md's table of dependencies has no row for %s: say why it is there", module)
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
