package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A family is a folder whose members must all stand in one list, so that
// adding a file is not forgotten halfway: the table "Where do I add..." of
// the documentation.

// packageFamilies are families with a folder for each member: a package that
// stands there and is not imported by the one that lists them is dead weight.
var packageFamilies = []struct {
	folder string
	// members picks the folders that count: their names' end, "" for all.
	members string
	not     []string // test helpers
	lists   []string // the packages that list the members by importing them
}{
	{folder: "alert/sink", not: []string{"sinktest"}, lists: []string{"alert/sink", "internal/app"}},
	{folder: "token", not: []string{"tokentest"}, lists: []string{"internal/app"}},
	{folder: "seeder", members: "db", lists: []string{"internal/app"}},
	{folder: "proxy", members: "wire", not: []string{"wire"}, lists: []string{"internal/app"}},
}

func TestEverySinkStoreAndProtocolStandsInItsList(t *testing.T) {
	pkgs := graph(t)
	for _, f := range packageFamilies {
		var listed []string
		for _, name := range f.lists {
			list := pkgs[module+"/"+name]
			if list == nil {
				t.Errorf("there is no package %s, which lists what is in %s", name, f.folder)
				continue
			}
			listed = append(listed, list.Imports...)
		}
		members := 0
		for path, p := range pkgs {
			name, ok := strings.CutPrefix(path, module+"/"+f.folder+"/")
			if !ok || strings.Contains(name, "/") || !strings.HasSuffix(name, f.members) || slices.Contains(f.not, name) {
				continue
			}
			members++
			if !slices.Contains(listed, p.ImportPath) {
				t.Errorf("%s/%s is not in the list of %s: add it there, or nobody can use it", f.folder, name, strings.Join(f.lists, " or "))
			}
		}
		if members == 0 {
			t.Errorf("nothing found in %s: did the folder move?", f.folder)
		}
	}
}

// typeFamilies are families with a type for each member: every type with the
// method must be made in the function All of list.go.
var typeFamilies = []struct {
	folder, method string
	not            []string // types that wrap members
}{
	{folder: "seeder/generate", method: "Kind"},
}

func TestEveryGeneratorStandsInItsList(t *testing.T) {
	for _, f := range typeFamilies {
		types, listed := members(t, filepath.Join("../..", f.folder), f.method)
		if len(types) == 0 || len(listed) == 0 {
			t.Errorf("%s: %d types have the method %s and %d stand in All of list.go: did something move?",
				f.folder, len(types), f.method, len(listed))
		}
		for _, name := range types {
			if !slices.Contains(listed, name) && !slices.Contains(f.not, name) {
				t.Errorf("%s.%s is not in All of %s/list.go: add it there, or it is never used", f.folder, name, f.folder)
			}
		}
	}
}

// members returns the types of a package that have the method, and those that
// the function All in list.go makes.
func members(t *testing.T, dir, method string) (types, listed []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if fn.Recv != nil && fn.Name.Name == method {
				typ := fn.Recv.List[0].Type
				if star, ok := typ.(*ast.StarExpr); ok {
					typ = star.X
				}
				if id, ok := typ.(*ast.Ident); ok {
					types = append(types, id.Name)
				}
			}
			if fn.Recv == nil && fn.Name.Name == "All" && e.Name() == "list.go" {
				ast.Inspect(fn, func(n ast.Node) bool {
					if lit, ok := n.(*ast.CompositeLit); ok {
						if id, ok := lit.Type.(*ast.Ident); ok {
							listed = append(listed, id.Name)
						}
					}
					return true
				})
			}
		}
	}
	return types, listed
}
