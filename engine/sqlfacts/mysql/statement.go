package mysql

import (
	"fmt"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"honeyrow/engine/sqlfacts"
)

// statement converts a statement of any kind.
func (c *converter) statement(s ast.Node) *sqlfacts.Node {
	switch x := s.(type) {
	case *ast.SelectStmt:
		return c.selectStmt(x)
	case *ast.SetOprStmt:
		return c.union(x)
	case *ast.InsertStmt:
		return c.insert(x)
	case *ast.UpdateStmt:
		return c.update(x)
	case *ast.DeleteStmt:
		return c.delete(x)
	case *ast.LoadDataStmt:
		return c.load(x)
	case *ast.CallStmt:
		f := c.expr(x.Procedure)
		return node(sqlfacts.Call, f.Name, f)
	case *ast.DoStmt:
		return node(sqlfacts.Call, "", c.exprs(x.Exprs)...)
	case *ast.ExecuteStmt:
		return node(sqlfacts.Call, strings.ToLower(x.Name), c.exprs(x.UsingVars)...)
	case *ast.SetStmt:
		return c.set(x)
	case *ast.ExplainStmt:
		if show, ok := x.Stmt.(*ast.ShowStmt); ok { // DESCRIBE t
			return c.show(show)
		}
		return node(sqlfacts.Explain, "", c.statement(x.Stmt))
	case *ast.PrepareStmt:
		if x.SQLVar != nil {
			return node(sqlfacts.Prepare, strings.ToLower(x.Name), c.expr(x.SQLVar))
		}
		return node(sqlfacts.Prepare, strings.ToLower(x.Name), text(x.SQLText))
	case *ast.ShowStmt:
		return c.show(x)
	case *ast.GrantStmt:
		return node(sqlfacts.Grant, "grant", c.level(x.Level))
	case *ast.RevokeStmt:
		return node(sqlfacts.Grant, "revoke", c.level(x.Level))
	case *ast.CreateViewStmt:
		return node(sqlfacts.Define, "create view", c.table(x.ViewName), c.statement(x.Select))
	}
	return c.other(s)
}

// begins are statements of transaction control by the parser's name for them.
var begins = map[string]string{
	"beginstmt": "begin", "commitstmt": "commit", "rollbackstmt": "rollback",
	"savepointstmt": "savepoint", "releasesavepointstmt": "release savepoint",
}

// other converts a statement for which nothing special is known: its kind by
// the parser's name for it, its tables, sub-queries and expressions as they
// come.
func (c *converter) other(s ast.Node) *sqlfacts.Node {
	kind := strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", s), "*ast."))
	n := node(sqlfacts.Other, kind)
	if b, ok := begins[kind]; ok {
		n.Kind, n.Name = sqlfacts.Begin, b
		return n
	}
	base := strings.TrimSuffix(kind, "stmt")
	for _, v := range []string{"create", "alter", "drop", "truncate", "rename", "recover"} {
		if rest, ok := strings.CutPrefix(base, v); ok {
			n.Kind, n.Name = sqlfacts.Define, v+" "+rest
			break
		}
	}
	switch base {
	case "grantrole", "revokerole", "grantproxy", "setdefaultrole":
		n.Kind, n.Name = sqlfacts.Grant, base
	case "locktables", "unlocktables", "flush", "kill", "analyzetable", "optimizetable", "repairtable", "admin", "shutdown":
		n.Kind, n.Name = sqlfacts.Lock, strings.TrimSuffix(strings.TrimSuffix(base, "tables"), "table")
	case "use", "setpwd", "setrole", "setcharset":
		n.Kind, n.Name = sqlfacts.Set, base
	case "explainfor":
		n.Kind, n.Name = sqlfacts.Explain, ""
	case "importinto":
		n.Kind = sqlfacts.Load
	}
	n.Args = c.parts(s)
	if u, ok := s.(*ast.SetPwdStmt); ok {
		n.Name = "password"
		n.Args = append(n.Args, text(u.Password))
	}
	return n
}

// parts collects the tables, statements and expressions in any node.
func (c *converter) parts(s ast.Node) []*sqlfacts.Node {
	v := &parts{c: c, root: s}
	s.Accept(v)
	return v.out
}

type parts struct {
	c    *converter
	root ast.Node
	out  []*sqlfacts.Node
}

// Enter implements ast.Visitor.
func (p *parts) Enter(n ast.Node) (ast.Node, bool) {
	if n == p.root {
		return n, false
	}
	switch x := n.(type) {
	case *ast.TableName:
		p.out = append(p.out, p.c.table(x))
	case *ast.SelectStmt, *ast.SetOprStmt, *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt:
		p.out = append(p.out, p.c.statement(n))
	case *ast.ColumnName:
	case ast.ExprNode:
		p.out = append(p.out, p.c.expr(x))
	default:
		return n, false
	}
	return n, true
}

// Leave implements ast.Visitor.
func (p *parts) Leave(n ast.Node) (ast.Node, bool) { return n, true }

func (c *converter) level(l *ast.GrantLevel) *sqlfacts.Node {
	if l == nil || l.TableName == "" {
		return nil
	}
	return &sqlfacts.Node{Kind: sqlfacts.Table, Qualifier: strings.ToLower(l.DBName), Name: strings.ToLower(l.TableName), Slot: -1}
}

// shows are the names of the more telling SHOW statements.
var shows = map[ast.ShowStmtType]string{
	ast.ShowDatabases: "databases", ast.ShowTables: "tables", ast.ShowTableStatus: "table status", ast.ShowColumns: "columns",
	ast.ShowVariables: "variables", ast.ShowStatus: "status", ast.ShowCreateTable: "create table", ast.ShowGrants: "grants",
	ast.ShowProcessList: "processlist", ast.ShowWarnings: "warnings", ast.ShowErrors: "errors", ast.ShowIndex: "index",
	ast.ShowCreateUser: "create user", ast.ShowCreateDatabase: "create database", ast.ShowEngines: "engines",
	ast.ShowCharset: "charset", ast.ShowCollation: "collation", ast.ShowCreateView: "create view", ast.ShowTriggers: "triggers",
	ast.ShowProcedureStatus: "procedure status", ast.ShowFunctionStatus: "function status", ast.ShowEvents: "events",
	ast.ShowPlugins: "plugins", ast.ShowPrivileges: "privileges", ast.ShowOpenTables: "open tables",
}

func (c *converter) show(s *ast.ShowStmt) *sqlfacts.Node {
	n := node(sqlfacts.Show, shows[s.Tp])
	n.Qualifier = strings.ToLower(s.DBName)
	n.Args = c.parts(s)
	return n
}

func (c *converter) selectStmt(s *ast.SelectStmt) *sqlfacts.Node {
	n := node(sqlfacts.Select, "", c.with(s.With))
	add := func(x *sqlfacts.Node) {
		if x != nil {
			n.Args = append(n.Args, x)
		}
	}
	switch s.Kind {
	case ast.SelectStmtKindValues:
		v := node(sqlfacts.Values, "")
		for _, r := range s.Lists {
			v.Args = append(v.Args, node(sqlfacts.Row, "row", c.exprs(r.Values)...))
		}
		add(v)
	case ast.SelectStmtKindSelect:
		if s.Distinct {
			n.Flag = "distinct"
		}
		add(c.fields(s.Fields))
	}
	add(c.from(s.From))
	add(c.where(s.Where))
	if s.GroupBy != nil {
		add(node(sqlfacts.Group, "", c.items(s.GroupBy.Items)...))
	}
	if s.Having != nil {
		add(node(sqlfacts.Having, "", c.expr(s.Having.Expr)))
	}
	for i := range s.WindowSpecs {
		add(c.window(&s.WindowSpecs[i]))
	}
	add(c.order(s.OrderBy))
	add(c.limit(s.Limit))
	if s.SelectIntoOpt != nil {
		names := map[ast.SelectIntoType]string{ast.SelectIntoOutfile: "outfile", ast.SelectIntoDumpfile: "dumpfile", ast.SelectIntoVars: "variable"}
		into := node(sqlfacts.Into, names[s.SelectIntoOpt.Tp])
		if s.SelectIntoOpt.FileName != "" {
			into.Args = append(into.Args, text(s.SelectIntoOpt.FileName))
		}
		add(into)
	}
	if s.LockInfo != nil && s.LockInfo.LockType != ast.SelectLockNone {
		add(node(sqlfacts.Locking, strings.ToLower(s.LockInfo.LockType.String())))
	}
	return n
}

func (c *converter) fields(f *ast.FieldList) *sqlfacts.Node {
	n := node(sqlfacts.Targets, "")
	if f == nil {
		return n
	}
	for _, x := range f.Fields {
		if x.WildCard != nil {
			n.Args = append(n.Args, &sqlfacts.Node{Kind: sqlfacts.Star, Qualifier: name(x.WildCard.Table), Slot: -1})
			continue
		}
		e := c.expr(x.Expr)
		if x.AsName.L != "" {
			e = aliased(e, name(x.AsName))
		}
		n.Args = append(n.Args, e)
	}
	return n
}

func aliased(n *sqlfacts.Node, alias string) *sqlfacts.Node {
	n.Alias = alias
	return n
}

func (c *converter) with(w *ast.WithClause) *sqlfacts.Node {
	if w == nil {
		return nil
	}
	n := node(sqlfacts.With, "")
	for _, cte := range w.CTEs {
		d := node(sqlfacts.Derived, "", c.result(cte.Query.Query))
		d.Alias = name(cte.Name)
		n.Args = append(n.Args, d)
	}
	return n
}

// result converts what gives rows: a statement, a table, a join.
func (c *converter) result(r ast.Node) *sqlfacts.Node {
	switch x := r.(type) {
	case nil:
		return nil
	case *ast.SelectStmt, *ast.SetOprStmt:
		return c.statement(x)
	case *ast.SubqueryExpr:
		return c.result(x.Query)
	case *ast.TableSource:
		n := c.result(x.Source)
		switch {
		case n == nil:
			return nil
		case n.Kind == sqlfacts.Select || n.Kind == sqlfacts.Union:
			n = node(sqlfacts.Derived, "", n)
		}
		if x.AsName.L != "" {
			n.Alias = name(x.AsName)
		}
		return n
	case *ast.TableName:
		return c.table(x)
	case *ast.Join:
		return c.join(x)
	case *ast.SetOprSelectList:
		n := c.union(&ast.SetOprStmt{SelectList: x, OrderBy: x.OrderBy, Limit: x.Limit, With: x.With})
		return n
	}
	return node(sqlfacts.Other, strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", r), "*ast.")), c.parts(r)...)
}

func (c *converter) table(t *ast.TableName) *sqlfacts.Node {
	if t == nil {
		return nil
	}
	return &sqlfacts.Node{Kind: sqlfacts.Table, Qualifier: name(t.Schema), Name: name(t.Name), Slot: -1}
}

func (c *converter) from(r *ast.TableRefsClause) *sqlfacts.Node {
	if r == nil || r.TableRefs == nil {
		return nil
	}
	return node(sqlfacts.From, "", c.comma(r.TableRefs)...)
}

// comma takes the joins apart that the parser makes of a, b, c.
func (c *converter) comma(j *ast.Join) []*sqlfacts.Node {
	if j.Right == nil {
		if in, ok := j.Left.(*ast.Join); ok {
			return c.comma(in)
		}
		return []*sqlfacts.Node{c.result(j.Left)}
	}
	if j.Tp == ast.CrossJoin && j.On == nil && len(j.Using) == 0 && !j.NaturalJoin && !j.StraightJoin && !j.ExplicitParens {
		if l, ok := j.Left.(*ast.Join); ok {
			return append(c.comma(l), c.result(j.Right))
		}
		return []*sqlfacts.Node{c.result(j.Left), c.result(j.Right)}
	}
	return []*sqlfacts.Node{c.join(j)}
}

func (c *converter) join(j *ast.Join) *sqlfacts.Node {
	if j.Right == nil {
		return c.result(j.Left)
	}
	kind := "cross"
	switch {
	case j.NaturalJoin:
		kind = "natural"
	case j.Tp == ast.LeftJoin:
		kind = "left"
	case j.Tp == ast.RightJoin:
		kind = "right"
	case j.On != nil || len(j.Using) > 0:
		kind = "inner"
	}
	n := node(sqlfacts.Join, kind, c.result(j.Left), c.result(j.Right))
	if j.On != nil {
		n.Args = append(n.Args, c.expr(j.On.Expr))
	}
	if len(j.Using) > 0 {
		n.Args = append(n.Args, node(sqlfacts.Row, "row", c.columns(j.Using)...))
	}
	return n
}

func (c *converter) columns(list []*ast.ColumnName) []*sqlfacts.Node {
	var out []*sqlfacts.Node
	for _, x := range list {
		out = append(out, c.column(x))
	}
	return out
}

func (c *converter) column(x *ast.ColumnName) *sqlfacts.Node {
	return &sqlfacts.Node{Kind: sqlfacts.Column, Qualifier: name(x.Table), Name: name(x.Name), Flag: name(x.Schema), Slot: -1}
}

func (c *converter) where(e ast.ExprNode) *sqlfacts.Node {
	if e == nil {
		return nil
	}
	return node(sqlfacts.Where, "", c.expr(e))
}

func (c *converter) items(list []*ast.ByItem) []*sqlfacts.Node {
	var out []*sqlfacts.Node
	for _, i := range list {
		out = append(out, c.expr(i.Expr))
	}
	return out
}

func (c *converter) order(o *ast.OrderByClause) *sqlfacts.Node {
	if o == nil {
		return nil
	}
	return node(sqlfacts.Order, "", c.items(o.Items)...)
}

func (c *converter) limit(l *ast.Limit) *sqlfacts.Node {
	if l == nil {
		return nil
	}
	n := node(sqlfacts.Limit, "")
	for _, e := range []ast.ExprNode{l.Count, l.Offset} {
		if e != nil {
			n.Args = append(n.Args, c.expr(e))
		}
	}
	return n
}

func (c *converter) window(w *ast.WindowSpec) *sqlfacts.Node {
	n := node(sqlfacts.Window, name(w.Name))
	if w.PartitionBy != nil {
		n.Args = append(n.Args, node(sqlfacts.Group, "", c.items(w.PartitionBy.Items)...))
	}
	if o := c.order(w.OrderBy); o != nil {
		n.Args = append(n.Args, o)
	}
	return n
}

// union flattens UNIONs; With, Order and Limit stand among the arms.
func (c *converter) union(s *ast.SetOprStmt) *sqlfacts.Node {
	n := node(sqlfacts.Union, "", c.with(s.With))
	if s.SelectList != nil {
		if s.With == nil {
			if w := c.with(s.SelectList.With); w != nil {
				n.Args = append(n.Args, w)
			}
		}
		c.arms(n, s.SelectList)
	}
	if o := c.order(s.OrderBy); o != nil {
		n.Args = append(n.Args, o)
	}
	if l := c.limit(s.Limit); l != nil {
		n.Args = append(n.Args, l)
	}
	return n
}

func (c *converter) arms(n *sqlfacts.Node, list *ast.SetOprSelectList) {
	for _, s := range list.Selects {
		var op *ast.SetOprType
		switch x := s.(type) {
		case *ast.SelectStmt:
			op = x.AfterSetOperator
			n.Args = append(n.Args, c.selectStmt(x))
		case *ast.SetOprSelectList:
			op = x.AfterSetOperator
			if x.OrderBy == nil && x.Limit == nil && x.With == nil {
				c.arms(n, x)
			} else {
				n.Args = append(n.Args, c.result(x))
			}
		default:
			n.Args = append(n.Args, c.result(s))
		}
		if op != nil {
			if o := strings.ToLower(op.String()); n.Name == "" || n.Name == "union" {
				n.Name = o
			}
		}
	}
}
