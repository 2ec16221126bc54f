package pgsql

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"honeyrow/engine/sqlfacts"
)

// expression converts the expressions, and says whether n was one.
func (c *conv) expression(n *pg.Node) (*sqlfacts.Node, bool) {
	switch x := n.Node.(type) {
	case *pg.Node_ColumnRef:
		return c.column(x.ColumnRef), true
	case *pg.Node_AConst:
		return c.constant(x.AConst), true
	case *pg.Node_ParamRef:
		n := c.make(sqlfacts.Param, "$"+strconv.Itoa(int(x.ParamRef.GetNumber())))
		n.Slot = int(x.ParamRef.GetNumber()) - 1
		return n, true
	case *pg.Node_AExpr:
		return c.operation(x.AExpr), true
	case *pg.Node_BoolExpr:
		return c.logic(x.BoolExpr), true
	case *pg.Node_FuncCall:
		return c.call(x.FuncCall), true
	case *pg.Node_TypeCast:
		return c.cast(x.TypeCast), true
	case *pg.Node_SubLink:
		return c.subLink(x.SubLink), true
	case *pg.Node_CaseExpr:
		return c.caseExpr(x.CaseExpr), true
	case *pg.Node_NullTest:
		is := c.make(sqlfacts.Binary, "is", c.node(x.NullTest.GetArg()), c.make(sqlfacts.Null, ""))
		return c.negate(is, x.NullTest.GetNulltesttype() == pg.NullTestType_IS_NOT_NULL), true
	case *pg.Node_BooleanTest:
		return c.booleanTest(x.BooleanTest), true
	case *pg.Node_RowExpr:
		return c.make(sqlfacts.Row, "row", c.list(x.RowExpr.GetArgs())...), true
	case *pg.Node_AArrayExpr:
		return c.make(sqlfacts.Row, "array", c.list(x.AArrayExpr.GetElements())...), true
	case *pg.Node_AIndirection:
		return c.indirection(c.node(x.AIndirection.GetArg()), x.AIndirection.GetIndirection()), true
	case *pg.Node_CollateClause:
		o := c.make(sqlfacts.Other, "collate", c.node(x.CollateClause.GetArg()))
		_, o.Qualifier = qualified(x.CollateClause.GetCollname())
		return o, true
	case *pg.Node_NamedArgExpr:
		o := c.make(sqlfacts.Other, "argument", c.node(x.NamedArgExpr.GetArg()))
		o.Qualifier = x.NamedArgExpr.GetName()
		return o, true
	case *pg.Node_ResTarget:
		return c.target(x.ResTarget), true
	case *pg.Node_SortBy:
		return c.sortBy(x.SortBy), true
	case *pg.Node_AStar:
		return c.make(sqlfacts.Star, ""), true
	}
	if l, ok := c.literal(n); ok {
		return l, true
	}
	return c.function(n)
}

// literal converts the parser's bare values, which stand in utility statements.
func (c *conv) literal(n *pg.Node) (*sqlfacts.Node, bool) {
	switch x := n.Node.(type) {
	case *pg.Node_String_:
		if x.String_.GetSval() == "" {
			return c.text(""), true
		}
		return c.name("name", x.String_.GetSval()), true
	case *pg.Node_Integer:
		return c.number(strconv.Itoa(int(x.Integer.GetIval()))), true
	case *pg.Node_Float:
		return c.number(x.Float.GetFval()), true
	case *pg.Node_Boolean:
		return c.make(sqlfacts.Bool, strconv.FormatBool(x.Boolean.GetBoolval())), true
	case *pg.Node_BitString:
		return c.bits(x.BitString.GetBsval()), true
	}
	return nil, false
}

func (c *conv) constant(x *pg.A_Const) *sqlfacts.Node {
	switch v := x.GetVal().(type) {
	case *pg.A_Const_Ival:
		return c.number(strconv.Itoa(int(v.Ival.GetIval())))
	case *pg.A_Const_Fval:
		return c.number(v.Fval.GetFval())
	case *pg.A_Const_Sval:
		return c.text(v.Sval.GetSval())
	case *pg.A_Const_Bsval:
		return c.bits(v.Bsval.GetBsval())
	case *pg.A_Const_Boolval:
		return c.make(sqlfacts.Bool, strconv.FormatBool(v.Boolval.GetBoolval()))
	}
	return c.make(sqlfacts.Null, "")
}

// number returns a number. The grammar folds a minus into it: that is taken out.
func (c *conv) number(text string) *sqlfacts.Node {
	positive, minus := strings.CutPrefix(text, "-")
	n := c.make(sqlfacts.Number, "")
	n.Slot = slotOf(sqlfacts.Number, positive)
	if minus {
		return c.make(sqlfacts.Unary, "-", n)
	}
	return n
}

func (c *conv) bits(text string) *sqlfacts.Node {
	n := c.make(sqlfacts.Hex, "")
	n.Slot = slotOf(sqlfacts.Hex, text)
	return n
}

func (c *conv) column(x *pg.ColumnRef) *sqlfacts.Node {
	qualifier, name := qualified(x.GetFields())
	n := c.make(sqlfacts.Column, name)
	if name == "*" && x.GetFields()[len(x.GetFields())-1].GetAStar() != nil {
		n.Kind, n.Name = sqlfacts.Star, ""
	}
	n.Qualifier = qualifier
	if i := strings.LastIndexByte(qualifier, '.'); i >= 0 {
		n.Flag, n.Qualifier = qualifier[:i], qualifier[i+1:]
	}
	return n
}

// likes are the operators behind LIKE and ILIKE, and whether they are negated.
var likes = map[string]bool{"~~": false, "~~*": false, "~": false, "!~~": true, "!~~*": true, "!~": true}

func (c *conv) operation(x *pg.A_Expr) *sqlfacts.Node {
	qualifier, op := qualified(x.GetName())
	l, r := c.node(x.GetLexpr()), x.GetRexpr()
	switch x.GetKind() {
	case pg.A_Expr_Kind_AEXPR_OP_ANY:
		return c.make(sqlfacts.Binary, op, l, c.make(sqlfacts.Unary, "any", c.node(r)))
	case pg.A_Expr_Kind_AEXPR_OP_ALL:
		return c.make(sqlfacts.Binary, op, l, c.make(sqlfacts.Unary, "all", c.node(r)))
	case pg.A_Expr_Kind_AEXPR_DISTINCT:
		return c.make(sqlfacts.Binary, "is distinct from", l, c.node(r))
	case pg.A_Expr_Kind_AEXPR_NOT_DISTINCT:
		return c.negate(c.make(sqlfacts.Binary, "is distinct from", l, c.node(r)), true)
	case pg.A_Expr_Kind_AEXPR_NULLIF:
		return c.make(sqlfacts.Func, "nullif", l, c.node(r))
	case pg.A_Expr_Kind_AEXPR_IN:
		return c.negate(c.several("in", l, r), op == "<>")
	case pg.A_Expr_Kind_AEXPR_LIKE:
		return c.negate(c.pattern("like", l, r), likes[op])
	case pg.A_Expr_Kind_AEXPR_ILIKE:
		return c.negate(c.pattern("ilike", l, r), likes[op])
	case pg.A_Expr_Kind_AEXPR_SIMILAR:
		return c.negate(c.pattern("similar to", l, r), likes[op])
	case pg.A_Expr_Kind_AEXPR_BETWEEN, pg.A_Expr_Kind_AEXPR_BETWEEN_SYM,
		pg.A_Expr_Kind_AEXPR_NOT_BETWEEN, pg.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM:
		n := c.several("between", l, r)
		if strings.HasSuffix(op, "SYMMETRIC") {
			n.Flag = "symmetric"
		}
		return c.negate(n, strings.HasPrefix(op, "NOT"))
	}
	if x.GetLexpr() == nil {
		n := c.make(sqlfacts.Unary, op, c.node(r))
		n.Qualifier = qualifier
		return n
	}
	n := c.make(sqlfacts.Binary, op)
	n.Qualifier = qualifier
	// a || b || c is one text of three parts.
	if op == "||" && l != nil && l.Kind == sqlfacts.Binary && l.Name == op && l.Qualifier == qualifier && l.Alias == "" {
		n.Args = l.Args
	} else {
		n.Args = appendSome(n.Args, l)
	}
	n.Args = appendSome(n.Args, c.node(r))
	return n
}

// several returns the operator over l and each of the list that r is.
func (c *conv) several(op string, l *sqlfacts.Node, r *pg.Node) *sqlfacts.Node {
	n := c.make(sqlfacts.Binary, op, l)
	if list := r.GetList(); list != nil {
		n.Args = append(n.Args, c.list(list.GetItems())...)
	} else {
		n.Args = appendSome(n.Args, c.node(r))
	}
	return n
}

// pattern takes the function off that the grammar puts around a pattern with ESCAPE.
func (c *conv) pattern(op string, l *sqlfacts.Node, r *pg.Node) *sqlfacts.Node {
	if f := r.GetFuncCall(); f != nil {
		if _, name := qualified(f.GetFuncname()); name == "like_escape" || name == "similar_to_escape" {
			return c.make(sqlfacts.Binary, op, append([]*sqlfacts.Node{l}, c.list(f.GetArgs())...)...)
		}
	}
	return c.make(sqlfacts.Binary, op, l, c.node(r))
}

func (c *conv) negate(n *sqlfacts.Node, not bool) *sqlfacts.Node {
	if !not {
		return n
	}
	return c.make(sqlfacts.Unary, "not", n)
}

func (c *conv) logic(x *pg.BoolExpr) *sqlfacts.Node {
	switch x.GetBoolop() {
	case pg.BoolExprType_AND_EXPR:
		return c.make(sqlfacts.Binary, "and", c.list(x.GetArgs())...)
	case pg.BoolExprType_OR_EXPR:
		return c.make(sqlfacts.Binary, "or", c.list(x.GetArgs())...)
	}
	return c.make(sqlfacts.Unary, "not", c.list(x.GetArgs())...)
}

func (c *conv) booleanTest(x *pg.BooleanTest) *sqlfacts.Node {
	arg := c.node(x.GetArg())
	is := func(v *sqlfacts.Node, not bool) *sqlfacts.Node {
		return c.negate(c.make(sqlfacts.Binary, "is", arg, v), not)
	}
	switch x.GetBooltesttype() {
	case pg.BoolTestType_IS_TRUE, pg.BoolTestType_IS_NOT_TRUE:
		return is(c.make(sqlfacts.Bool, "true"), x.GetBooltesttype() == pg.BoolTestType_IS_NOT_TRUE)
	case pg.BoolTestType_IS_FALSE, pg.BoolTestType_IS_NOT_FALSE:
		return is(c.make(sqlfacts.Bool, "false"), x.GetBooltesttype() == pg.BoolTestType_IS_NOT_FALSE)
	}
	return is(c.make(sqlfacts.Null, "unknown"), x.GetBooltesttype() == pg.BoolTestType_IS_NOT_UNKNOWN)
}

func (c *conv) subLink(x *pg.SubLink) *sqlfacts.Node {
	query := c.make(sqlfacts.Query, "", c.node(x.GetSubselect()))
	_, op := qualified(x.GetOperName())
	test := c.node(x.GetTestexpr())
	switch x.GetSubLinkType() {
	case pg.SubLinkType_EXISTS_SUBLINK:
		return c.make(sqlfacts.Unary, "exists", query)
	case pg.SubLinkType_ANY_SUBLINK:
		if op == "" {
			return c.make(sqlfacts.Binary, "in", test, query)
		}
		return c.make(sqlfacts.Binary, op, test, c.make(sqlfacts.Unary, "any", query))
	case pg.SubLinkType_ALL_SUBLINK:
		return c.make(sqlfacts.Binary, op, test, c.make(sqlfacts.Unary, "all", query))
	case pg.SubLinkType_ARRAY_SUBLINK:
		return c.make(sqlfacts.Row, "array", query)
	}
	if test != nil {
		return c.make(sqlfacts.Binary, op, test, query)
	}
	return query
}

func (c *conv) caseExpr(x *pg.CaseExpr) *sqlfacts.Node {
	n := c.make(sqlfacts.Case, "", c.orMissing(x.GetArg()))
	for _, a := range x.GetArgs() {
		w := a.GetCaseWhen()
		n.Args = append(n.Args, c.make(sqlfacts.When, "", c.node(w.GetExpr()), c.node(w.GetResult())))
	}
	n.Args = appendSome(n.Args, c.node(x.GetDefresult()))
	return n
}

// orMissing converts n, Missing for nothing.
func (c *conv) orMissing(n *pg.Node) *sqlfacts.Node {
	if x := c.node(n); x != nil {
		return x
	}
	return c.make(sqlfacts.Missing, "")
}

// indirection wraps n in Other "field" and "subscript", one a step.
func (c *conv) indirection(n *sqlfacts.Node, steps []*pg.Node) *sqlfacts.Node {
	for _, s := range steps {
		switch {
		case s.GetString_() != nil:
			n = c.make(sqlfacts.Other, "field", n)
			n.Qualifier = s.GetString_().GetSval()
		case s.GetAIndices() != nil:
			n = c.make(sqlfacts.Other, "subscript", n, c.node(s.GetAIndices().GetLidx()), c.node(s.GetAIndices().GetUidx()))
		default:
			n = c.make(sqlfacts.Other, "field", n, c.node(s))
		}
	}
	return n
}

func (c *conv) cast(x *pg.TypeCast) *sqlfacts.Node {
	qualifier, name := typeNames(x.GetTypeName())
	n := c.make(sqlfacts.Cast, name, c.node(x.GetArg()), c.clause(sqlfacts.Options, "", x.GetTypeName().GetTypmods()))
	n.Qualifier = qualifier
	return n
}

// typeNames returns a type's schema and name: "int4", "text[]". The parser's own
// schema, which it puts before the types of the grammar, is left out.
func typeNames(t *pg.TypeName) (qualifier, name string) {
	qualifier, name = qualified(t.GetNames())
	if qualifier == "pg_catalog" {
		qualifier = ""
	}
	return qualifier, strings.ToLower(name) + strings.Repeat("[]", len(t.GetArrayBounds()))
}

func (c *conv) typeName(t *pg.TypeName) *sqlfacts.Node {
	n := c.make(sqlfacts.Other, "type", c.list(t.GetTypmods())...)
	n.Qualifier, n.Alias = typeNames(t)
	return n
}

// target converts one of a select list or a RETURNING.
func (c *conv) target(x *pg.ResTarget) *sqlfacts.Node {
	n := c.node(x.GetVal())
	if n == nil { // a column of INSERT
		n = c.make(sqlfacts.Column, x.GetName())
		return c.indirection(n, x.GetIndirection())
	}
	n = c.indirection(n, x.GetIndirection())
	n.Alias = x.GetName()
	return n
}

func (c *conv) sortBy(x *pg.SortBy) *sqlfacts.Node {
	n := c.node(x.GetNode())
	if n != nil && n.Flag == "" && x.GetSortbyDir() == pg.SortByDir_SORTBY_DESC {
		n.Flag = "desc"
	}
	return n
}
