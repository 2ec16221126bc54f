package sink

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"honeyrow/alert/alerttest"
)

func parse(t *testing.T, text string) []Config {
	t.Helper()
	var cs []Config
	dec := yaml.NewDecoder(strings.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&cs); err != nil {
		t.Fatal(err)
	}
	return cs
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
	cs := parse(t, `
- {name: archive, type: file, path: `+filepath.Join(dir, "a.jsonl")+`, max_size: 1048576, keep: 3}
- {name: screen, type: console, format: text, color: never}
- {name: siem, type: webhook, url: "http://127.0.0.1:1/x", timeout: 2s}
`)
	var out bytes.Buffer
	sinks, err := NewAll(cs, Deps{Console: &out})
	if err != nil {
		t.Fatal(err)
	}
	d := alerttest.Detection(0)
	for i, s := range sinks {
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
		"[{name: a, type: pager}]":                                                          "use one of console, file, program, webhook",
		"[{name: a, type: file}]":                                                           "path:",
		"[{name: a, type: file, path: x, url: 'https://a'}]":                                "fields of another type",
		"[{name: a, type: console, format: xml}]":                                           "format:",
		"[{name: a, type: webhook}]":                                                        "url:",
		"[{name: a, type: console}, {name: a, type: file, path: x}]":                        "the name is taken",
		"[{name: a, type: console}, {name: b, type: file, path: /dev/null/x/alerts.jsonl}]": "sink b:",
	} {
		if _, err := NewAll(parse(t, text), Deps{Console: &bytes.Buffer{}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
