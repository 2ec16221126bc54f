package pgsql

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"

	"honeyrow/engine/sqlfacts"
)

// call converts a call of a function. What the grammar makes of special syntax
// (EXTRACT, TRIM, AT TIME ZONE) is the function that it stands for.
func (c *conv) call(x *pg.FuncCall) *sqlfacts.Node {
	qualifier, name := qualified(x.GetFuncname())
	n := c.make(sqlfacts.Func, strings.ToLower(name), c.list(x.GetArgs())...)
	if x.GetFuncformat() != pg.CoercionForm_COERCE_SQL_SYNTAX {
		n.Qualifier = qualifier
	}
	if x.GetAggStar() {
		n.Args = append(n.Args, c.make(sqlfacts.Star, ""))
	}
	switch {
	case x.GetAggDistinct():
		n.Flag = "distinct"
	case x.GetFuncVariadic():
		n.Flag = "variadic"
	}
	n.Args = appendSome(n.Args,
		c.clause(sqlfacts.Order, "", x.GetAggOrder()),
		c.around(sqlfacts.Where, "", c.node(x.GetAggFilter())),
		c.window(x.GetOver()))
	return n
}

// window converts OVER (...) and a WINDOW clause's definition.
func (c *conv) window(x *pg.WindowDef) *sqlfacts.Node {
	if x == nil {
		return nil
	}
	n := c.make(sqlfacts.Window, x.GetName(),
		c.clause(sqlfacts.Group, "", x.GetPartitionClause()),
		c.clause(sqlfacts.Order, "", x.GetOrderClause()),
		c.node(x.GetStartOffset()), c.node(x.GetEndOffset()))
	n.Qualifier = x.GetRefname()
	return n
}

// function converts what is a function by its looks and has a node of its own,
// and says whether n was one.
func (c *conv) function(n *pg.Node) (*sqlfacts.Node, bool) {
	f := func(name string, m proto.Message) (*sqlfacts.Node, bool) {
		return c.make(sqlfacts.Func, name, c.children(m.ProtoReflect())...), true
	}
	switch x := n.Node.(type) {
	case *pg.Node_CoalesceExpr:
		return f("coalesce", x.CoalesceExpr)
	case *pg.Node_MinMaxExpr:
		return f(enum(x.MinMaxExpr.GetOp(), "IS_"), x.MinMaxExpr)
	case *pg.Node_SqlvalueFunction:
		name := strings.TrimSuffix(strings.TrimPrefix(x.SqlvalueFunction.GetOp().String(), "SVFOP_"), "_N")
		return f(strings.ToLower(name), x.SqlvalueFunction)
	case *pg.Node_GroupingFunc:
		return f("grouping", x.GroupingFunc)
	case *pg.Node_MergeSupportFunc:
		return f("merge_action", x.MergeSupportFunc)
	case *pg.Node_XmlExpr:
		return c.xml(x.XmlExpr), true
	case *pg.Node_XmlSerialize:
		return f("xmlserialize", x.XmlSerialize)
	case *pg.Node_JsonObjectConstructor:
		return f("json_object", x.JsonObjectConstructor)
	case *pg.Node_JsonArrayConstructor:
		return f("json_array", x.JsonArrayConstructor)
	case *pg.Node_JsonArrayQueryConstructor:
		return f("json_array", x.JsonArrayQueryConstructor)
	case *pg.Node_JsonObjectAgg:
		return f("json_objectagg", x.JsonObjectAgg)
	case *pg.Node_JsonArrayAgg:
		return f("json_arrayagg", x.JsonArrayAgg)
	case *pg.Node_JsonParseExpr:
		return f("json", x.JsonParseExpr)
	case *pg.Node_JsonScalarExpr:
		return f("json_scalar", x.JsonScalarExpr)
	case *pg.Node_JsonSerializeExpr:
		return f("json_serialize", x.JsonSerializeExpr)
	case *pg.Node_JsonFuncExpr:
		name := strings.TrimSuffix(x.JsonFuncExpr.GetOp().String(), "_OP")
		return f(strings.ToLower(name), x.JsonFuncExpr)
	case *pg.Node_JsonIsPredicate:
		return c.make(sqlfacts.Unary, "is json", c.node(x.JsonIsPredicate.GetExpr())), true
	case *pg.Node_GroupingSet:
		name := enum(x.GroupingSet.GetKind(), "GROUPING_SET_")
		if name == "sets" {
			name = "grouping sets"
		}
		return c.make(sqlfacts.Other, name, c.list(x.GroupingSet.GetContent())...), true
	case *pg.Node_SetToDefault:
		return c.make(sqlfacts.Other, "default"), true
	case *pg.Node_CurrentOfExpr:
		o := c.make(sqlfacts.Other, "current of")
		o.Qualifier = x.CurrentOfExpr.GetCursorName()
		return o, true
	}
	return nil, false
}

// xml converts XMLELEMENT and its kin: an element's or instruction's name is in Alias of a name.
func (c *conv) xml(x *pg.XmlExpr) *sqlfacts.Node {
	args := append(c.list(x.GetNamedArgs()), c.list(x.GetArgs())...)
	name := enum(x.GetOp(), "IS_")
	if x.GetOp() == pg.XmlExprOp_IS_DOCUMENT {
		return c.make(sqlfacts.Unary, "is document", args...)
	}
	return c.make(sqlfacts.Func, name, append(appendSome(nil, c.name("name", x.GetName())), args...)...)
}
