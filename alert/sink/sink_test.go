package sink

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"honeyrow/alert/alerttest"
	"honeyrow/internal/config"
)

// parse reads a list of sinks as the configuration file has it.
func parse(text string) ([]Config, error) {
	f, err := config.Parse("honeyrow.yaml", []byte("sinks: "+strings.ReplaceAll(text, "\n", "\n  ")))
	if err != nil {
		return nil, err
	}
	var c struct {
		Sinks []Config `yaml:"sinks"`
	}
	err = f.Decode(&c)
	return c.Sinks, err
}

func TestEveryFolderIsInTheList(t *testing.T) {
	es, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, e := range es {
		if e.IsDir() {
			folders = append(folders, e.Name())
		}
	}
	if got := Types(); !slices.Equal(got, folders) {
		t.Errorf("list has %v, folders are %v", got, folders)
	}
}

func TestConfiguredSinksTakeDetections(t *testing.T) {
	dir := t.TempDir()
	cs, err := parse(`
- {name: archive, type: file, path: ` + filepath.Join(dir, "a.jsonl") + `, max_size: 1048576, keep: 3}
- {name: screen, type: console, format: text, color: never}
- {name: siem, type: webhook, url: "http://127.0.0.1:1/x", timeout: 2s}
`)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	sinks, err := NewAll(cs, Deps{Console: &out})
	if err != nil {
		t.Fatal(err)
	}
	d := alerttest.Detection(0)
	for i, r := range sinks {
		s := r.Sink
		if s.Name() != cs[i].Name {
			t.Errorf("got name %s, want %s", s.Name(), cs[i].Name)
		}
		if err := s.Deliver(t.Context(), &d); (err == nil) != (cs[i].Type != "webhook") {
			t.Errorf("%s: %v", s.Name(), err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if b, err := os.ReadFile(filepath.Join(dir, "a.jsonl")); err != nil || len(b) == 0 || out.Len() == 0 {
		t.Errorf("file has %d bytes (%v), console %d", len(b), err, out.Len())
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"[{type: file, path: x}]":                                                           "name:",
		"[{name: a, type: pager}]":                                                          "use one of console, ",
		"[{name: a, type: file}]":                                                           "path:",
		"[{name: a, type: file, path: x, url: 'https://a'}]":                                `unknown key: known here are`,
		"[{name: a, type: console, format: xml}]":                                           "format:",
		"[{name: a, type: webhook}]":                                                        "url:",
		"[{name: a, type: console}, {name: a, type: file, path: x}]":                        "the name is taken",
		"[{name: a, type: console}, {name: b, type: file, path: /dev/null/x/alerts.jsonl}]": "sink b:",
	} {
		cs, err := parse(text)
		if err == nil {
			_, err = NewAll(cs, Deps{Console: &bytes.Buffer{}})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
