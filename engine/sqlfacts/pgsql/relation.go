package pgsql

import (
	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"

	"honeyrow/engine/sqlfacts"
)

// relation converts what may stand in FROM, and says whether m was that.
func (c *conv) relation(m proto.Message) (*sqlfacts.Node, bool) {
	switch x := m.(type) {
	case *pg.RangeVar:
		return c.table(x), true
	case *pg.RangeSubselect:
		n := c.make(sqlfacts.Derived, "", c.node(x.GetSubquery()))
		return c.aliased(n, x.GetAlias(), x.GetLateral()), true
	case *pg.RangeFunction:
		return c.rangeFunction(x), true
	case *pg.RangeTableFunc:
		n := c.make(sqlfacts.Func, "xmltable", c.children(x.ProtoReflect(), "alias")...)
		return c.aliased(n, x.GetAlias(), x.GetLateral()), true
	case *pg.JsonTable:
		n := c.make(sqlfacts.Func, "json_table", c.children(x.ProtoReflect(), "alias")...)
		return c.aliased(n, x.GetAlias(), x.GetLateral()), true
	case *pg.RangeTableSample:
		return c.sample(x), true
	case *pg.JoinExpr:
		return c.join(x), true
	case *pg.CommonTableExpr:
		return c.cte(x), true
	}
	return nil, false
}

func (c *conv) table(x *pg.RangeVar) *sqlfacts.Node {
	if x == nil {
		return nil
	}
	n := c.make(sqlfacts.Table, x.GetRelname())
	n.Qualifier = x.GetSchemaname()
	return c.aliased(n, x.GetAlias(), false)
}

// aliased gives a relation its alias: AS t (a, b) has Options "columns" behind
// its other args.
func (c *conv) aliased(n *sqlfacts.Node, a *pg.Alias, lateral bool) *sqlfacts.Node {
	n.Alias = a.GetAliasname()
	if lateral {
		n.Flag = "lateral"
	}
	n.Args = appendSome(n.Args, c.clause(sqlfacts.Options, "columns", a.GetColnames()))
	return n
}

// rangeFunction converts f(x) AS t and ROWS FROM (f(x), g(y)).
func (c *conv) rangeFunction(x *pg.RangeFunction) *sqlfacts.Node {
	var calls []*sqlfacts.Node
	for _, f := range x.GetFunctions() {
		items := f.GetList().GetItems() // the call, its column definitions
		if len(items) == 0 {
			calls = appendSome(calls, c.node(f))
			continue
		}
		call := c.node(items[0])
		if call == nil {
			continue
		}
		for _, defs := range items[1:] {
			call.Args = appendSome(call.Args, c.around(sqlfacts.Options, "definitions", c.node(defs)))
		}
		calls = append(calls, call)
	}
	var n *sqlfacts.Node
	if len(calls) == 1 {
		n = calls[0]
	} else {
		n = c.make(sqlfacts.Other, "rows from", calls...)
	}
	n.Args = appendSome(n.Args, c.clause(sqlfacts.Options, "definitions", x.GetColdeflist()))
	return c.aliased(n, x.GetAlias(), x.GetLateral())
}

// sample converts t TABLESAMPLE method (...) REPEATABLE (...): the relation, with
// the method as a Func behind its args.
func (c *conv) sample(x *pg.RangeTableSample) *sqlfacts.Node {
	n := c.node(x.GetRelation())
	if n == nil {
		return nil
	}
	_, method := qualified(x.GetMethod())
	f := c.make(sqlfacts.Func, method, append(c.list(x.GetArgs()), appendSome(nil, c.node(x.GetRepeatable()))...)...)
	n.Args = append(n.Args, c.make(sqlfacts.Options, "tablesample", f))
	return n
}

func (c *conv) join(x *pg.JoinExpr) *sqlfacts.Node {
	kind := enum(x.GetJointype(), "JOIN_")
	condition := c.node(x.GetQuals())
	if using := c.clause(sqlfacts.Other, "using", x.GetUsingClause()); using != nil {
		for i, name := range x.GetUsingClause() {
			if i < len(using.Args) {
				using.Args[i] = c.make(sqlfacts.Column, name.GetString_().GetSval())
			}
		}
		condition = using
	}
	if kind == "inner" && condition == nil {
		kind = "cross"
	}
	n := c.make(sqlfacts.Join, kind, c.orMissing(x.GetLarg()), c.orMissing(x.GetRarg()), condition)
	if x.GetIsNatural() {
		n.Name, n.Flag = "natural", enum(x.GetJointype(), "JOIN_")
	}
	return c.aliased(n, x.GetAlias(), false)
}

func (c *conv) with(x *pg.WithClause) *sqlfacts.Node {
	if x == nil {
		return nil
	}
	n := c.make(sqlfacts.With, "", c.list(x.GetCtes())...)
	if x.GetRecursive() {
		n.Flag = "recursive"
	}
	return n
}

func (c *conv) cte(x *pg.CommonTableExpr) *sqlfacts.Node {
	n := c.make(sqlfacts.Derived, "", c.node(x.GetCtequery()),
		c.clause(sqlfacts.Options, "columns", x.GetAliascolnames()))
	n.Alias = x.GetCtename()
	if s := x.GetSearchClause(); s != nil {
		n.Args = append(n.Args, c.generic(s))
	}
	if s := x.GetCycleClause(); s != nil {
		n.Args = append(n.Args, c.generic(s))
	}
	return n
}
