package rules

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"honeyrow/internal/config"
)

//go:embed builtin/*.yaml
var shipped embed.FS

// Schema is the JSON Schema of rule files.
//
//go:embed schema.json
var Schema []byte

// File is a rule file.
type File struct {
	Rules []Rule `yaml:"rules"`
}

// source is a decoded rule file.
type source struct {
	File
	name string
	file *config.File
}

func (s *source) errorf(key, format string, args ...any) error {
	return s.file.Errorf(key, format, args...)
}

// wrap places an error at its key, or at the line that it knows itself.
func (s *source) wrap(key string, err error) error {
	line := s.file.Line(key)
	if ce, ok := errors.AsType[*conditionError](err); ok && ce.line > 0 {
		line = ce.line
	}
	return &config.Error{File: s.name, Line: line, Key: key, Err: err}
}

// builtinOrder is the order of the shipped files in listings; others follow by name.
var builtinOrder = []string{"honey.yaml", "injection.yaml"}

// load reads the shipped files and those that the patterns name.
func load(patterns []string) ([]*source, error) {
	out, err := shippedFiles()
	errs := []error{err}
	seen := map[string]bool{}
	for _, p := range patterns {
		names, err := filepath.Glob(p)
		if err != nil {
			errs = append(errs, fmt.Errorf("rules: rule_files: %q is no pattern: use names such as rules/*.yaml", p))
		}
		if len(names) == 0 && err == nil {
			errs = append(errs, fmt.Errorf("rules: rule_files: there is no file %s: write one, or take it out of the configuration", p))
		}
		slices.Sort(names)
		for _, n := range names {
			if seen[n] {
				continue
			}
			seen[n] = true
			s, err := open(n)
			errs = append(errs, err)
			if s != nil {
				out = append(out, s)
			}
		}
	}
	return out, errors.Join(errs...)
}

// shippedFiles decodes the rule files inside the program.
func shippedFiles() ([]*source, error) {
	names, err := fs.Glob(shipped, "builtin/*.yaml")
	if err != nil {
		return nil, err
	}
	rank := func(n string) int {
		if i := slices.Index(builtinOrder, path.Base(n)); i >= 0 {
			return i
		}
		return len(builtinOrder)
	}
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	var out []*source
	var errs []error
	for _, n := range names {
		b, err := shipped.ReadFile(n)
		if err != nil {
			return nil, err
		}
		s, err := decode(n, b)
		errs = append(errs, err)
		if s != nil {
			out = append(out, s)
		}
	}
	return out, errors.Join(errs...)
}

func open(name string) (*source, error) {
	f, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("rules: read %s: %w", name, err)
	}
	if f.Size() > config.MaxBytes || !f.Mode().IsRegular() {
		return nil, fmt.Errorf("rules: %s is no rule file: name a file of up to %d bytes", name, config.MaxBytes)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("rules: read %s: %w", name, err)
	}
	return decode(name, b)
}

// decode reads the contents b of a rule file; nil on error.
func decode(name string, b []byte) (*source, error) {
	f, err := config.Parse(name, b)
	if err != nil {
		return nil, err
	}
	s := &source{name: name, file: f}
	if err := f.Decode(&s.File); err != nil {
		return nil, err
	}
	if len(s.Rules) == 0 {
		return nil, f.Errorf("rules", "no rule in it: begin with rules: and one entry a rule")
	}
	return s, nil
}
