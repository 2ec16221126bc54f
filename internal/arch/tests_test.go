package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// A test that is skipped where a server is missing proves nothing and says
// so to nobody: what a test needs is installed, or the run fails.
func TestNoTestCanBeSkipped(t *testing.T) {
	files := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata" || d.Name() == "bin" || d.Name() == "tmp") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files++
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			// A fuzz target may pass over an input that is of no interest.
			if !ok || strings.HasPrefix(fn.Name.Name, "Fuzz") {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				sel, ok := call.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				on, _ := sel.X.(*ast.Ident)
				switch sel.Sel.Name {
				case "Skip", "Skipf", "SkipNow":
					if on != nil && (on.Name == "t" || on.Name == "tb" || on.Name == "b") {
						t.Errorf("%s: %s.%s: install what the test needs, or let it fail and say what is missing",
							fset.Position(call.Pos()), on.Name, sel.Sel.Name)
					}
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 5 {
		t.Fatalf("only %d test files found: is the walk in the wrong folder?", files)
	}
}
