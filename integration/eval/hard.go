package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// A hard set is a text file of statements that people wrote by hand, to be told
// apart where the habits of tools do not help: "evasion-*" are effective
// injections, "lookalike-*" are ordinary statements that resemble them.
//
//	#: class | flag flag
//	the statement, on one line or several
//
// Flags: bytes (the text {0b} stands for that byte), parameters (the statement
// has placeholders), unseen (what an evasion does shows neither in what is
// answered nor in the tables). In any statement /{dir}/ stands for a folder that the
// server may write to. An evasion may show where it was put in, and what an
// honest user sends there: WHERE id = «7¦7 OR id IS NOT NULL».
//
// A set whose name ends in "-held" is the part of the one without it that nobody
// tunes on: which statements those are, their hashes say (see held).

// webRoot is what /{dir}/ reads as when nothing is executed.
const webRoot = "/var/www/html/"

var (
	hexByte = regexp.MustCompile(`\{[0-9a-f]{2}\}`)
	putIn   = regexp.MustCompile(`(?s)«([^¦»]*)¦([^»]*)»`)
)

// held reports whether a statement of a split set belongs to its kept-back part, a
// third of the third set, of the seventh and of the ninth, a half of the others: nobody
// chose, and nobody can move one over. set is its name, with "-held" or without.
func held(set, sql string) bool {
	parts := uint32(2)
	switch name := strings.TrimSuffix(set, "-held"); {
	case strings.HasSuffix(name, "-third"), strings.HasSuffix(name, "-seventh"), strings.HasSuffix(name, "-ninth"):
		parts = 3
	}
	h := sha256.Sum256([]byte(sql))
	return binary.BigEndian.Uint32(h[:])%parts == 0
}

// loadHard reads the hard sets of a folder.
func loadHard(folder string) ([]*corpus, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil {
		return nil, err
	}
	var out []*corpus
	for _, p := range paths {
		name := strings.TrimSuffix(filepath.Base(p), ".txt")
		c := &corpus{name: name, hard: true, attack: strings.HasPrefix(name, "evasion")}
		if c.entries, err = readHard(p, webRoot); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// readHard reads one hard set; dir, with a slash at both ends, is put in for /{dir}/.
func readHard(path, dir string) ([]entry, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	dialect := ""
	for _, part := range strings.Split(filepath.Base(path), "-") {
		if part == "pg" || part == "my" {
			dialect = part
		}
	}
	head, rest, found := strings.Cut("\n"+string(b), "\n#: ")
	if !found || strings.TrimSpace(head) != "" || dialect == "" {
		return nil, fmt.Errorf("%s: want a name such as evasion-pg-x.txt and a first line such as \"#: class\"", path)
	}
	var out []entry
	for _, part := range strings.Split(rest, "\n#: ") {
		first, sql, _ := strings.Cut(part, "\n")
		class, flags, _ := strings.Cut(first, " | ")
		e := entry{Dialect: dialect, Technique: class, Source: class, Syntax: "ok"}
		sql = strings.TrimSuffix(sql, "\n")
		if at := putIn.FindStringSubmatch(sql); at != nil {
			e.honest = strings.ReplaceAll(putIn.ReplaceAllString(sql, "$1"), "/{dir}/", dir)
			sql = putIn.ReplaceAllString(sql, "$2")
		}
		e.fixed = sql
		e.SQL = strings.ReplaceAll(sql, "/{dir}/", dir)
		if e.SQL == "" {
			return nil, fmt.Errorf("%s: entry %d (%s) has no statement", path, len(out)+1, class)
		}
		for _, flag := range strings.Fields(flags) {
			switch flag {
			case "bytes":
				e.SQL = hexByte.ReplaceAllStringFunc(e.SQL, func(s string) string {
					n, _ := strconv.ParseUint(s[1:3], 16, 8)
					return string([]byte{byte(n)})
				})
			case "parameters":
				e.parameters = true
			case "unseen":
				e.unseen = true
			default:
				return nil, fmt.Errorf("%s: entry %d has the flag %q: bytes, parameters and unseen are known", path, len(out)+1, flag)
			}
		}
		out = append(out, e)
	}
	return out, nil
}
