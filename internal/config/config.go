// Package config reads honeyrow's configuration file. It is strict: an unknown
// key, a value of the wrong kind or a key given twice is an error that names
// the file, the line and what to do. It knows no feature: whoever asks hands
// in the structure to fill (fields tagged `yaml:"..."`), and a part whose
// structure depends on its contents is kept as a Section for its owner to
// decode.
//
// Three conventions hold for every structure, so that no feature implements
// them again:
//
//   - a key named path, or ending in _file, is a file name relative to the
//     folder of the configuration file ("system" as a ca_file is none);
//   - a whole number may be written as a size: 64KiB, 1MiB, 2GB;
//   - a duration needs its unit: 30s, 1m30s, 250ms.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// MaxBytes bounds a configuration file.
const MaxBytes = 4 << 20

// File is a parsed configuration file. It is not safe for concurrent use
// while Decode runs.
type File struct {
	// Name is the path as the user gave it; Dir the absolute folder that
	// relative paths start from.
	Name, Dir string

	root  *yaml.Node
	lines map[string]int // key path to line
}

// Error is one mistake in a configuration file.
type Error struct {
	File string
	Line int    // 0: unknown
	Key  string // such as "listeners[0].tls.mode"; empty for the whole file
	Err  error
}

// Error names the place first, as compilers do.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	b.WriteString(": ")
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Err.Error())
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Load reads and parses the file called name.
func Load(name string) (*File, error) {
	f, err := os.Open(name)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("there is no configuration file %s: write one with `honeyrow init`, or name yours with --config: %w", name, err)
		}
		return nil, fmt.Errorf("read the configuration: %w: run honeyrow as the file's owner, or let the user who runs it read the file", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	if len(b) > MaxBytes {
		return nil, &Error{File: name, Err: fmt.Errorf("the file is larger than %d bytes: is it a honeyrow configuration?", MaxBytes)}
	}
	return Parse(name, b)
}

// Parse parses the contents b of the file called name. b is not kept.
func Parse(name string, b []byte) (*File, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return nil, fmt.Errorf("find the folder of %s: %w", name, err)
	}
	f := &File{Name: name, Dir: filepath.Dir(abs), lines: map[string]int{}}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	var doc yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, &Error{File: name, Err: errors.New("the file is empty: write one with `honeyrow init --force`")}
	case err != nil:
		return nil, f.syntax(err)
	}
	var more yaml.Node
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, f.syntax(err)
		}
		return nil, &Error{File: name, Line: more.Line, Err: errors.New("a second YAML document starts here: keep one")}
	}
	f.root = doc.Content[0]
	return f, nil
}

var lineRE = regexp.MustCompile(`^yaml: (?:unmarshal errors:\n  )?line (\d+): (.*)`)

// syntax turns the library's "yaml: line 3: ..." into an Error.
func (f *File) syntax(err error) error {
	if m := lineRE.FindStringSubmatch(err.Error()); m != nil {
		n, _ := strconv.Atoi(m[1])
		return &Error{File: f.Name, Line: n, Err: fmt.Errorf("not valid YAML: %s", m[2])}
	}
	return &Error{File: f.Name, Err: fmt.Errorf("not valid YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))}
}

// Decode fills into, a pointer to a structure that already holds its
// defaults. It returns every mistake that it finds, joined, in file order.
func (f *File) Decode(into any) error { return f.decode(f.root, "", into) }

// Errorf returns an *Error at the line of key (or of its nearest parent that
// is in the file).
func (f *File) Errorf(key, format string, args ...any) error {
	return f.Wrap(key, fmt.Errorf(format, args...))
}

// Wrap returns err as an *Error at the line of key; nil stays nil.
func (f *File) Wrap(key string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{File: f.Name, Line: f.Line(key), Key: key, Err: err}
}

// Line returns the line of key, or of its nearest parent in the file, or 0.
func (f *File) Line(key string) int {
	for key != "" {
		if n, ok := f.lines[key]; ok {
			return n
		}
		i := strings.LastIndexAny(key, ".[")
		if i < 0 {
			break
		}
		key = key[:i]
	}
	return 0
}

// Has reports whether the file itself gives key, for defaults that depend on
// whether the user spoke.
func (f *File) Has(key string) bool { _, ok := f.lines[key]; return ok }

// Abs returns path as seen from the file's folder; empty stays empty.
func (f *File) Abs(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(f.Dir, path)
}

// Section is a part of a file that its owner decodes later.
type Section struct {
	// Key is the section's place, such as "alerts.sinks[0]".
	Key  string
	file *File
	node *yaml.Node
}

// Present reports whether the file has the section.
func (s Section) Present() bool { return s.node != nil }

// Decode fills into as File.Decode does. An absent section leaves it as it is.
func (s Section) Decode(into any) error {
	if s.node == nil {
		return nil
	}
	return s.file.decode(s.node, s.Key, into)
}

// Scalar returns the text of a plain value directly below the section, such
// as its "type", or "".
func (s Section) Scalar(key string) string {
	if s.node == nil {
		return ""
	}
	n := resolve(s.node)
	if n.Kind != yaml.MappingNode {
		return ""
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if v := resolve(n.Content[i+1]); n.Content[i].Value == key && v.Kind == yaml.ScalarNode {
			return v.Value
		}
	}
	return ""
}

// Without returns the section less the given keys, for owners that share it.
func (s Section) Without(keys ...string) Section {
	return s.filter(func(key string) bool { return !slices.Contains(keys, key) })
}

func (s Section) filter(keep func(key string) bool) Section {
	if s.node == nil || resolve(s.node).Kind != yaml.MappingNode {
		return s
	}
	n := *resolve(s.node)
	n.Content = nil
	for i, all := 0, resolve(s.node).Content; i+1 < len(all); i += 2 {
		if keep(all[i].Value) {
			n.Content = append(n.Content, all[i], all[i+1])
		}
	}
	return Section{Key: s.Key, file: s.file, node: &n}
}

// Errorf is File.Errorf with key below the section; an empty key is the
// section itself.
func (s Section) Errorf(key, format string, args ...any) error {
	return s.Wrap(key, fmt.Errorf(format, args...))
}

// Wrap is File.Wrap with key below the section.
func (s Section) Wrap(key string, err error) error {
	if s.file == nil {
		return err
	}
	return s.file.Wrap(join(s.Key, key), err)
}

func join(parent, key string) string {
	switch {
	case parent == "":
		return key
	case key == "":
		return parent
	}
	return parent + "." + key
}

func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}
