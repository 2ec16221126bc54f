package arch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "honeyrow"

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath string
	Imports    []string
	CgoFiles   []string
	Standard   bool
}

// graph lists every package of the module and everything that it imports.
func graph(t *testing.T) map[string]*pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Imports,CgoFiles,Standard", "./...")
	cmd.Dir = "../.."
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=1")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	pkgs := map[string]*pkg{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			if err == io.EOF {
				return pkgs
			}
			t.Fatal(err)
		}
		if len(p.CgoFiles) > 0 && !p.Standard && !slices.Contains(p.Imports, "C") {
			p.Imports = append(p.Imports, "C")
		}
		if p.Standard { // the standard library's own cgo has a static twin
			p.Imports = nil
		}
		pkgs[p.ImportPath] = &p
	}
}

// full gives a pattern's import path: "proxy/wire" is of this module, "net/http" is not.
func full(pattern string, pkgs map[string]*pkg) string {
	base := strings.TrimSuffix(pattern, "/...")
	if base == module || base == "C" || strings.HasPrefix(base, module+"/") {
		return pattern
	}
	first, _, _ := strings.Cut(base, "/")
	if strings.Contains(first, ".") {
		return pattern
	}
	if p := pkgs[base]; p != nil && p.Standard || slices.Contains(hot, pattern) {
		return pattern
	}
	return module + "/" + pattern
}

// matches reports whether path is one of the packages that the patterns name.
func matches(path string, patterns []string, pkgs map[string]*pkg) bool {
	for _, p := range patterns {
		p = full(p, pkgs)
		base, below := strings.CutSuffix(p, "/...")
		if path == base || below && strings.HasPrefix(path, base+"/") {
			return true
		}
	}
	return false
}

func ours(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

// violations returns one line for each forbidden import that from reaches,
// with the chain of packages that leads to it.
func violations(r rule, pkgs map[string]*pkg) []string {
	cgo := slices.Contains(r.Never, "C")
	var found []string
	for _, path := range sorted(pkgs) {
		if !ours(path) || !matches(path, r.From, pkgs) || matches(path, r.Except, pkgs) {
			continue
		}
		chain := map[string]string{path: ""} // package -> who imports it
		queue := []string{path}
		for len(queue) > 0 {
			at := queue[0]
			queue = queue[1:]
			for _, imp := range pkgs[at].Imports {
				if _, seen := chain[imp]; seen {
					continue
				}
				if r.forbids(path, imp, pkgs) {
					found = append(found, fmt.Sprintf("%s -> %s", trail(chain, at), imp))
					continue
				}
				// A package that the rule does not bind answers for itself;
				// what lies behind it is its own choice.
				if matches(imp, r.Except, pkgs) || pkgs[imp] == nil {
					continue
				}
				if ours(imp) || cgo {
					chain[imp] = at
					queue = append(queue, imp)
				}
			}
		}
	}
	return found
}

// forbids reports whether the rule keeps path from reaching imp.
func (r rule) forbids(path, imp string, pkgs map[string]*pkg) bool {
	if r.Siblings {
		parent := strings.TrimSuffix(full(r.From[0], pkgs), "/...") + "/"
		mine, ok1 := strings.CutPrefix(path, parent)
		other, ok2 := strings.CutPrefix(imp, parent)
		mine, _, _ = strings.Cut(mine, "/")
		other, _, _ = strings.Cut(other, "/")
		return ok1 && ok2 && mine != other
	}
	return matches(imp, r.Never, pkgs) && !matches(imp, r.But, pkgs)
}

func trail(chain map[string]string, at string) string {
	s := at
	for at = chain[at]; at != ""; at = chain[at] {
		s = at + " -> " + s
	}
	return s
}

func sorted(pkgs map[string]*pkg) []string {
	names := make([]string, 0, len(pkgs))
	for n := range pkgs {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func TestNoPackageImportsWhatTheTableForbids(t *testing.T) {
	pkgs := graph(t)
	for _, r := range rules {
		if r.Why == "" {
			t.Errorf("the rule for %v gives no reason", r.From)
		}
		for _, v := range violations(r, pkgs) {
			t.Errorf("%s\n\tnever: %s", v, r.Why)
		}
	}
}

func TestEveryPackageThatTheTableNamesExists(t *testing.T) {
	pkgs := graph(t)
	exists := func(pattern string) bool {
		for path := range pkgs {
			if matches(path, []string{pattern}, pkgs) {
				return true
			}
		}
		return false
	}
	named := map[string]bool{}
	for _, r := range rules {
		for _, list := range [][]string{r.From, r.Except, r.Never, r.But} {
			for _, p := range list {
				named[p] = true
			}
		}
	}
	for p := range named {
		switch {
		// What is forbidden for good need not be imported anywhere.
		case slices.Contains(hot, p) || p == "C" || p == "github.com/rs/zerolog/log":
		case slices.Contains(planned, p):
		case !exists(p):
			t.Errorf("the table names %s, which no longer exists: was it renamed? Then its rules bind nobody", p)
		}
	}
	for _, p := range planned {
		if !named[p] {
			t.Errorf("%s is planned, yet no rule names it: take it off the list", p)
		}
		if exists(p) {
			t.Errorf("%s exists now: take it off the list of planned packages, so that a later renaming shows", p)
		}
	}
}

// The tests above can only be trusted if a forbidden import is found: the same
// search on a graph made for it.
func TestForbiddenImportsAreFoundThroughOtherPackages(t *testing.T) {
	pkgs := map[string]*pkg{
		"honeyrow/proxy/wire":   {ImportPath: "honeyrow/proxy/wire", Imports: []string{"net", "honeyrow/helper"}},
		"honeyrow/helper":       {ImportPath: "honeyrow/helper", Imports: []string{"net/http", "honeyrow/token", "example.org/c"}},
		"honeyrow/token":        {ImportPath: "honeyrow/token"},
		"honeyrow/internal/app": {ImportPath: "honeyrow/internal/app", Imports: []string{"honeyrow/token/sqlite"}},
		"honeyrow/cmd/honeyrow": {ImportPath: "honeyrow/cmd/honeyrow", Imports: []string{"honeyrow/internal/app"}},
		"honeyrow/token/sqlite": {ImportPath: "honeyrow/token/sqlite"},
		"honeyrow/sink/a":       {ImportPath: "honeyrow/sink/a", Imports: []string{"honeyrow/sink/a/codec", "honeyrow/sink/b", "honeyrow/sink"}},
		"honeyrow/sink/a/codec": {ImportPath: "honeyrow/sink/a/codec"},
		"honeyrow/sink/b":       {ImportPath: "honeyrow/sink/b"},
		"honeyrow/sink":         {ImportPath: "honeyrow/sink"},
		"example.org/c":         {ImportPath: "example.org/c", Imports: []string{"C", "net/http"}},
		"net":                   {ImportPath: "net", Standard: true},
		"net/http":              {ImportPath: "net/http", Standard: true},
	}
	stores := rule{From: []string{"honeyrow/..."}, Except: []string{"internal/app"}, Never: []string{"token/sqlite"}}
	for _, tc := range []struct {
		name string
		rule rule
		want []string
	}{
		{
			"through a helper of this module",
			rule{From: []string{"proxy/..."}, Never: []string{"token/..."}},
			[]string{"honeyrow/proxy/wire -> honeyrow/helper -> honeyrow/token"},
		},
		{
			"the standard library, through a helper only",
			rule{From: []string{"proxy/wire"}, Never: []string{"net/http/..."}},
			[]string{"honeyrow/proxy/wire -> honeyrow/helper -> net/http"},
		},
		{
			"cgo in somebody else's module",
			rule{From: []string{"proxy/wire"}, Never: []string{"C"}},
			[]string{"honeyrow/proxy/wire -> honeyrow/helper -> example.org/c -> C"},
		},
		{
			"an allowed package of a forbidden family",
			rule{From: []string{"proxy/wire"}, Never: []string{"token/..."}, But: []string{"token"}},
			nil,
		},
		{
			"one sink through another",
			rule{From: []string{"sink/..."}, Siblings: true},
			[]string{"honeyrow/sink/a -> honeyrow/sink/b"},
		},
		{"through the one place that may", stores, nil},
		{
			"past the one place that may",
			rule{From: []string{"honeyrow/..."}, Except: []string{"cmd/..."}, Never: []string{"token/sqlite"}},
			[]string{"honeyrow/internal/app -> honeyrow/token/sqlite"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := violations(tc.rule, pkgs); !slices.Equal(got, tc.want) {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}
