package app

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"honeyrow/alert/sink"
	"honeyrow/internal/config"
)

// sections returns the parts of docs/sinks.md by their titles; "" is the head.
func sections(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile("../../docs/sinks.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for i, part := range strings.Split(string(b), "\n## ") {
		title, text, _ := strings.Cut(part, "\n")
		if i == 0 {
			title, text = "", part
		}
		out[title] = text
	}
	return out
}

var keyRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")

func keyRows(text string) map[string]bool {
	keys := map[string]bool{}
	for _, m := range keyRow.FindAllStringSubmatch(text, -1) {
		keys[m[1]] = true
	}
	return keys
}

func TestEveryTypeOfSinkHasItsKeysAndAnExampleThatLoads(t *testing.T) {
	parts := sections(t)
	shared := keyRows(parts[""])
	for i, name := range sink.Types() {
		text, ok := parts[name]
		if !ok {
			t.Errorf("docs/sinks.md has no section for %s", name)
			continue
		}
		own := keyRows(text)
		for _, k := range config.Keys((&sink.Config{}).Variants()[i]) {
			if !own[k.Name] && !shared[k.Name] {
				t.Errorf("docs/sinks.md does not describe %s of %s", k.Name, name)
			}
			delete(own, k.Name)
		}
		for k := range own {
			t.Errorf("docs/sinks.md describes %s of %s, which does not exist", k, name)
		}
		examples := yamlBlock.FindAllStringSubmatch(text, -1)
		if len(examples) == 0 {
			t.Errorf("docs/sinks.md has no example of %s", name)
		}
		for _, e := range examples {
			load(t, name, "- "+strings.ReplaceAll(strings.TrimSpace(e[1]), "\n", "\n  "))
		}
	}
	if e := yamlBlock.FindStringSubmatch(parts[""]); e == nil || !strings.HasPrefix(e[1], "alerts:") {
		t.Error("docs/sinks.md does not begin with an example")
	} else if _, err := ParseConfig(filepath.Join(t.TempDir(), "h.yaml"), []byte(minimalWithoutAlerts+e[1])); err != nil {
		t.Error(err)
	}
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

const minimalWithoutAlerts = "servers: [{name: crm, address: 'db:5432'}]\n"

func load(t *testing.T, kind, list string) {
	t.Helper()
	text := fmt.Sprintf("%salerts:\n  sinks:\n    %s\n", minimalWithoutAlerts, strings.ReplaceAll(list, "\n", "\n    "))
	c, err := ParseConfig(filepath.Join(t.TempDir(), "h.yaml"), []byte(text))
	if err != nil {
		t.Errorf("the example of %s does not load: %v\n%s", kind, err, text)
		return
	}
	if got := c.Alerts.Sinks[0].Type; got != kind {
		t.Errorf("the example of %s is one of %s", kind, got)
	}
}
