package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/faults.md names the test of every fault: one that is renamed or deleted is
// to be missed there.
func TestEveryFaultNamesATestThatExists(t *testing.T) {
	doc, err := os.ReadFile("../../docs/faults.md")
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err = filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(b, -1) {
			have[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`(Test\\w+)`").FindAllSubmatch(doc, -1)
	if len(names) < 20 {
		t.Errorf("%d tests are named, there were more", len(names))
	}
	for _, m := range names {
		if !have[string(m[1])] {
			t.Errorf("docs/faults.md names %s, which does not exist", m[1])
		}
	}
	for row := range strings.Lines(string(doc)) {
		if strings.HasPrefix(row, "| ") && !strings.HasPrefix(row, "| fault") && !strings.Contains(row, "`") && !strings.Contains(row, `"`) {
			t.Errorf("this fault has no test: %s", row)
		}
	}
}
