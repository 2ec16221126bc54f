package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// entry is one statement of a corpus.
type entry struct {
	Dialect   string `json:"dialect"` // pg, my
	SQL       string `json:"sql"`
	Technique string `json:"technique"`
	Source    string `json:"source"`
	Frag      string `json:"frag"`
	Syntax    string `json:"syntax"`
	Inert     bool   `json:"inert"`

	// Of a hard set:
	parameters bool   // the statement has placeholders
	unseen     bool   // its effect is neither in the answer nor in the tables
	honest     string // the statement with what an honest user sends; "" if not known
	fixed      string // the text that held judges: without the folder of this run
}

// corpus is one file.
type corpus struct {
	name    string // without the extension
	attack  bool
	public  bool
	hard    bool // written by hand, see hard.go
	entries []entry
}

// class is what the report groups by.
func (c *corpus) class(e *entry) string {
	switch {
	case c.attack && e.Technique != "":
		return e.Technique
	case e.Source != "":
		return e.Source
	}
	return "all"
}

// effective statements are those that the server would run and whose structure
// the attacker changed.
func (e *entry) effective() bool { return e.Syntax != "bad" && !e.Inert }

// load reads all corpora of a folder, packed and plain.
func load(folder string, public bool) ([]*corpus, error) {
	var paths []string
	for _, pattern := range []string{"*.jsonl.gz", "*.jsonl"} {
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			return nil, err
		}
		paths = append(paths, found...)
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no *.jsonl.gz and no *.jsonl in %s: name the folder that holds the corpora", folder)
	}
	var out []*corpus
	for _, p := range paths {
		name := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(p), ".gz"), ".jsonl")
		c := &corpus{name: name, public: public}
		var err error
		if c.entries, err = read(p); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		// Whatever a file is called: only attacks have a technique.
		c.attack = slices.ContainsFunc(c.entries, func(e entry) bool { return e.Technique != "" })
		out = append(out, c)
	}
	return out, nil
}

func read(path string) ([]entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return nil, err
		}
	}
	s := bufio.NewScanner(in)
	s.Buffer(nil, 16<<20)
	var out []entry
	for s.Scan() {
		var e entry
		if err := json.Unmarshal(s.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(out)+1, err)
		}
		out = append(out, e)
	}
	return out, s.Err()
}
