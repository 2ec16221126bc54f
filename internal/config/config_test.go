package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"honeyrow/event"
)

type listener struct {
	Name  string        `yaml:"name"`
	Limit int           `yaml:"limit"`
	Wait  time.Duration `yaml:"wait"`
	TLS   struct {
		Mode     string `yaml:"mode"`
		CertFile string `yaml:"cert_file"`
	} `yaml:"tls"`
}

func (l *listener) SetDefaults() { l.Limit, l.Wait = 7, 5*time.Second }

type whole struct {
	Path      string                  `yaml:"path"`
	Listeners []listener              `yaml:"listeners"`
	Rules     map[string]event.Action `yaml:"rules"`
	Sink      Section                 `yaml:"sink"`
	Loud      *bool                   `yaml:"loud"`
	Words     []string                `yaml:"words"`
}

func decode(t *testing.T, text string) (whole, *File, error) {
	t.Helper()
	f, err := Parse("/etc/honeyrow/h.yaml", []byte(text))
	if err != nil {
		return whole{}, nil, err
	}
	var w whole
	err = f.Decode(&w)
	return w, f, err
}

func TestAFileIsDecodedOverItsDefaults(t *testing.T) {
	w, f, err := decode(t, `
path: data/h.db
listeners:
  - &first
    name: a
    limit: 1MiB
    wait: 1m30s
    tls: {mode: off, cert_file: c.pem}
  - {<<: *first, name: b, wait: 0s}
  - name: c
    tls: {cert_file: /abs/c.pem}
rules: {read: block}
sink: {type: file, size: 2KiB, path: x.log}
loud: false
words:
`)
	if err != nil {
		t.Fatal(err)
	}
	if w.Path != "/etc/honeyrow/data/h.db" {
		t.Errorf("path = %q, want it relative to the file's folder", w.Path)
	}
	a, b, c := w.Listeners[0], w.Listeners[1], w.Listeners[2]
	if a.Limit != 1<<20 || a.Wait != 90*time.Second || a.TLS.Mode != "off" || a.TLS.CertFile != "/etc/honeyrow/c.pem" {
		t.Errorf("first listener = %+v", a)
	}
	if b.Name != "b" || b.Limit != 1<<20 || b.Wait != 0 || b.TLS.Mode != "off" {
		t.Errorf("merged listener = %+v", b)
	}
	if c.Limit != 7 || c.Wait != 5*time.Second || c.TLS.CertFile != "/abs/c.pem" {
		t.Errorf("listener with defaults = %+v", c)
	}
	if w.Rules["read"] != event.Block || w.Loud == nil || *w.Loud {
		t.Errorf("rules %v, loud %v", w.Rules, w.Loud)
	}
	if got := f.Line("listeners[2].tls.mode"); got != 11 {
		t.Errorf("line of an absent key = %d, want its parent's, 11", got)
	}
	if !f.Has("loud") || f.Has("listeners[2].limit") {
		t.Error("Has does not tell given keys from absent ones")
	}
	var sink struct {
		Size int    `yaml:"size"`
		Path string `yaml:"path"`
	}
	if w.Sink.Scalar("type") != "file" {
		t.Errorf("type = %q", w.Sink.Scalar("type"))
	}
	if err := w.Sink.Without("type").Decode(&sink); err != nil || sink.Size != 2048 || sink.Path != "/etc/honeyrow/x.log" {
		t.Errorf("section = %+v, %v", sink, err)
	}
	if err := w.Sink.Decode(&sink); err == nil || !strings.HasPrefix(err.Error(), "/etc/honeyrow/h.yaml:13: sink.type: unknown key") {
		t.Errorf("unknown key in a section: %v", err)
	}
}

func TestAMistakeIsNamedWithItsLineAndTheWayOut(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"misspelt key", "listeners:\n  - name: a\n    tls: {mdoe: off}\n", `h.yaml:3: listeners[0].tls.mdoe: unknown key: did you mean "mode"?`},
		{"unknown key", "path: x\nnonsense: 1\n", `h.yaml:2: nonsense: unknown key: known here are listeners, loud, path, rules, sink, words`},
		{"twice", "path: x\npath: y\n", `h.yaml:2: path: given twice, first on line 1: keep one`},
		{"not a number", "listeners:\n- limit: many\n", `h.yaml:2: listeners[0].limit: wants a whole number, or a size such as 64KiB, found "many"`},
		{"no unit", "listeners:\n- wait: 30\n", `h.yaml:2: listeners[0].wait: wants a duration with its unit, such as 30s or 1m30s, found "30"`},
		{"negative duration", "listeners:\n- wait: -1s\n", `h.yaml:2: listeners[0].wait: wants a duration with its unit, such as 30s or 1m30s, found "-1s"`},
		{"no list", "listeners: {name: a}\n", `h.yaml:1: listeners: wants a list, found keys and values: put [ ] around it, or start each entry with a dash`},
		{"no keys", "listeners: [a]\n", `h.yaml:1: listeners[0]: wants keys (limit, name, tls, wait), found "a"`},
		{"system authorities", "listeners:\n- tls: {cert_file: system, x: 1}\n", `h.yaml:2: listeners[0].tls.x: unknown key: known here are cert_file, mode`},
		{"text type", "rules: {read: explode}\n", `h.yaml:1: rules.read: unknown action "explode": use pass, alert, block or kill`},
		{"bool", "loud: maybe\n", `h.yaml:1: loud: wants true or false, found "maybe"`},
		{"list for a word", "path: [a]\n", `h.yaml:1: path: wants a word or text, found a list`},
		{"syntax", "path: x\n  y: : z\n", `h.yaml:2: not valid YAML: mapping values are not allowed in this context`},
		{"empty", "", "h.yaml: the file is empty: write one with `honeyrow init --force`"},
		{"two documents", "path: x\n---\npath: y\n", `h.yaml:2: a second YAML document starts here: keep one`},
		{"two mistakes", "loud: maybe\nnonsens: 1\nrules: {r: x}\n", `h.yaml:1: loud: wants true or false, found "maybe"` +
			"\n/etc/honeyrow/h.yaml:2: nonsens: unknown key: known here are listeners, loud, path, rules, sink, words" +
			"\n/etc/honeyrow/h.yaml:3: rules.r: unknown action \"x\": use pass, alert, block or kill"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := decode(t, tc.text)
			if err == nil || err.Error() != "/etc/honeyrow/"+tc.want {
				t.Errorf("got  %v\nwant /etc/honeyrow/%s", err, tc.want)
			}
		})
	}
}

func TestAnAliasThatContainsItselfEnds(t *testing.T) {
	for _, text := range []string{"listeners: &a [*a]\n", "rules: &r\n  <<: *r\n", "listeners: &a\n- tls: *a\n"} {
		if _, _, err := decode(t, text); text != "rules: &r\n  <<: *r\n" && err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestAMissingFileSaysHowToMakeOne(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "no.yaml"))
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "honeyrow init") {
		t.Fatalf("got %v", err)
	}
}

func TestSizesAreReadAsPeopleWriteThem(t *testing.T) {
	for in, want := range map[string]int64{"0": 0, "512": 512, "64KiB": 65536, "1 MiB": 1 << 20, "1.5MB": 1500000, "2GiB": 2 << 30, "9B": 9} {
		if got, err := ParseSize(in); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "KiB", "-1KiB", "1XB", "99999999999TiB"} {
		if got, err := ParseSize(in); err == nil {
			t.Errorf("ParseSize(%q) = %d, want an error", in, got)
		}
	}
}

func TestASecretIsNeverPrinted(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "dsn")
	if err := os.WriteFile(file, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := ReadSecret("dsn", file, "")
	if err != nil || s.Reveal() != "hunter2" {
		t.Fatalf("got %v, %v", s.Reveal(), err)
	}
	js, _ := json.Marshal(map[string]any{"s": s})
	for _, got := range []string{fmt.Sprint(s), fmt.Sprintf("%#v", s), fmt.Sprintf("%+v", struct{ S Secret }{s}), string(js)} {
		if strings.Contains(got, "hunter2") {
			t.Errorf("printed as %s", got)
		}
	}
	t.Setenv("HONEYROW_TEST_SECRET", "swordfish")
	if s, err := ReadSecret("dsn", "", "HONEYROW_TEST_SECRET"); err != nil || s.Reveal() != "swordfish" {
		t.Errorf("from the environment: %v", err)
	}
	if _, err := ReadSecret("dsn", "", ""); !errors.Is(err, ErrNoSecret) {
		t.Errorf("neither: %v", err)
	}
	for _, args := range [][2]string{{file, "X"}, {file + "x", ""}, {"", "HONEYROW_TEST_UNSET"}} {
		if _, err := ReadSecret("dsn", args[0], args[1]); err == nil || errors.Is(err, ErrNoSecret) {
			t.Errorf("ReadSecret(%q) = %v, want an error that says what to do", args, err)
		}
	}
}

func TestKeysListsWhatAStructureAccepts(t *testing.T) {
	want := []Key{
		{"path", "x"},
		{"listeners[].name", ""},
		{"listeners[].limit", "7"},
		{"listeners[].wait", "5s"},
		{"listeners[].tls.mode", ""},
		{"listeners[].tls.cert_file", ""},
		{"rules.*", ""},
		{"sink", ""},
		{"loud", ""},
		{"words[]", ""},
	}
	if got := Keys(&whole{Path: "x"}); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func FuzzDecodeNeverPanics(f *testing.F) {
	f.Add("path: x\nlisteners: [{name: a, tls: {mode: off}}]\n")
	f.Add("a: &a [*a]\n")
	f.Add("<<: {path: x}\n")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("h.yaml", []byte(text))
		if err != nil {
			return
		}
		var w whole
		_ = file.Decode(&w)
	})
}

// animal has keys that depend on its kind.
type animal struct {
	Kind string `yaml:"kind"`
	part any
}

type bird struct {
	Wings int `yaml:"wings"`
}

type fish struct {
	Fins int    `yaml:"fins"`
	Path string `yaml:"path"`
}

func (*animal) Selector() string { return "kind" }
func (*animal) Variants() []any  { return []any{&bird{}, &fish{}} }
func (a *animal) Variant(kind string) any {
	switch kind {
	case "bird":
		a.part = &bird{}
	case "fish":
		a.part = &fish{}
	default:
		return nil
	}
	return a.part
}

func TestKeysThatDependOnAnotherAreThoseOfTheChosenKind(t *testing.T) {
	parse := func(text string) (animal, error) {
		f, err := Parse("/etc/zoo/zoo.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var a animal
		return a, f.Decode(&a)
	}
	f, err := Parse("/etc/zoo/zoo.yaml", []byte("fins: 2\npath: pond\nkind: fish\n"))
	if err != nil {
		t.Fatal(err)
	}
	var a animal
	if err := f.Decode(&a); err != nil || *a.part.(*fish) != (fish{2, "/etc/zoo/pond"}) {
		t.Errorf("got %+v, %v", a.part, err)
	}
	for text, want := range map[string]string{
		"kind: bird\nfins: 2\n":  "zoo.yaml:2: fins: unknown key",
		"kind: bird\nwngs: 2\n":  `did you mean "wings"?`,
		"kind: bird\nwings: x\n": "zoo.yaml:2: wings: wants a whole number",
	} {
		if _, err := parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	if _, err := parse("kind: cat\nfins: 2\n"); err != nil {
		t.Errorf("an unknown kind is for the feature to tell: %v", err)
	}
	var names []string
	for _, k := range Keys(&animal{}) {
		names = append(names, k.Name)
	}
	if got := strings.Join(names, " "); got != "kind wings fins path" {
		t.Errorf("keys are %q", got)
	}
}
