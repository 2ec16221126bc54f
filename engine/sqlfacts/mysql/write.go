package mysql

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"honeyrow/engine/sqlfacts"
)

func (c *converter) insert(s *ast.InsertStmt) *sqlfacts.Node {
	n := node(sqlfacts.Insert, "")
	if s.IsReplace {
		n.Flag = "replace"
	}
	if s.Table != nil && s.Table.TableRefs != nil {
		n.Args = append(n.Args, c.comma(s.Table.TableRefs)...)
	}
	if s.Setlist {
		t := node(sqlfacts.Targets, "")
		for i, col := range s.Columns {
			if len(s.Lists) > 0 && i < len(s.Lists[0]) {
				t.Args = append(t.Args, node(sqlfacts.Assign, name(col.Name), c.expr(s.Lists[0][i])))
			}
		}
		n.Args = append(n.Args, t)
	} else {
		if len(s.Columns) > 0 {
			n.Args = append(n.Args, node(sqlfacts.Targets, "", c.columns(s.Columns)...))
		}
		if len(s.Lists) > 0 {
			v := node(sqlfacts.Values, "")
			for _, l := range s.Lists {
				v.Args = append(v.Args, node(sqlfacts.Row, "row", c.exprs(l)...))
			}
			n.Args = append(n.Args, v)
		}
	}
	if s.Select != nil {
		n.Args = append(n.Args, c.result(s.Select))
	}
	if len(s.OnDuplicate) > 0 {
		n.Args = append(n.Args, node(sqlfacts.Conflict, "", c.assigns(s.OnDuplicate)...))
	}
	return n
}

func (c *converter) assigns(list []*ast.Assignment) []*sqlfacts.Node {
	var out []*sqlfacts.Node
	for _, a := range list {
		n := node(sqlfacts.Assign, name(a.Column.Name), c.expr(a.Expr))
		n.Qualifier = name(a.Column.Table)
		out = append(out, n)
	}
	return out
}

func (c *converter) update(s *ast.UpdateStmt) *sqlfacts.Node {
	n := node(sqlfacts.Update, "", c.with(s.With))
	if s.TableRefs != nil && s.TableRefs.TableRefs != nil {
		n.Args = append(n.Args, c.comma(s.TableRefs.TableRefs)...)
	}
	n.Args = append(n.Args, node(sqlfacts.Targets, "", c.assigns(s.List)...))
	for _, x := range []*sqlfacts.Node{c.where(s.Where), c.order(s.Order), c.limit(s.Limit)} {
		if x != nil {
			n.Args = append(n.Args, x)
		}
	}
	return n
}

func (c *converter) delete(s *ast.DeleteStmt) *sqlfacts.Node {
	n := node(sqlfacts.Delete, "", c.with(s.With))
	switch {
	case s.IsMultiTable && s.Tables != nil:
		for _, t := range s.Tables.Tables {
			n.Args = append(n.Args, c.table(t))
		}
		if f := c.from(s.TableRefs); f != nil {
			n.Args = append(n.Args, f)
		}
	case s.TableRefs != nil && s.TableRefs.TableRefs != nil:
		n.Args = append(n.Args, c.comma(s.TableRefs.TableRefs)...)
	}
	for _, x := range []*sqlfacts.Node{c.where(s.Where), c.order(s.Order), c.limit(s.Limit)} {
		if x != nil {
			n.Args = append(n.Args, x)
		}
	}
	return n
}

func (c *converter) load(s *ast.LoadDataStmt) *sqlfacts.Node {
	n := node(sqlfacts.Load, "", text(s.Path), c.table(s.Table))
	if s.FileLocRef == ast.FileLocClient {
		n.Flag = "local"
	}
	if len(s.ColumnAssignments) > 0 {
		n.Args = append(n.Args, node(sqlfacts.Targets, "", c.assigns(s.ColumnAssignments)...))
	}
	return n
}

func (c *converter) set(s *ast.SetStmt) *sqlfacts.Node {
	n := node(sqlfacts.Set, "")
	t := node(sqlfacts.Targets, "")
	for i, v := range s.Variables {
		variable := strings.ToLower(plain(v.Name))
		if i == 0 {
			n.Name = variable
			switch {
			case v.IsGlobal:
				n.Qualifier = "global"
			case v.IsSystem:
				n.Qualifier = "session"
			}
		}
		a := node(sqlfacts.Assign, variable)
		if v.IsGlobal {
			a.Qualifier = "global"
		}
		if v.Value != nil {
			a.Args = []*sqlfacts.Node{c.expr(v.Value)}
		}
		t.Args = append(t.Args, a)
	}
	n.Args = []*sqlfacts.Node{t}
	return n
}
