package mysql

import (
	"fmt"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	tidb "github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/pingcap/tidb/pkg/parser/opcode"
	driver "github.com/pingcap/tidb/pkg/parser/test_driver"

	"honeyrow/engine/sqlfacts"
)

func (c *converter) exprs(list []ast.ExprNode) []*sqlfacts.Node {
	var out []*sqlfacts.Node
	for _, e := range list {
		out = append(out, c.expr(e))
	}
	return out
}

// expr converts an expression; it never returns nil.
func (c *converter) expr(e ast.ExprNode) *sqlfacts.Node {
	switch x := e.(type) {
	case nil:
		return node(sqlfacts.Missing, "")
	case *driver.ValueExpr:
		return c.literal(x)
	case *driver.ParamMarkerExpr:
		n := node(sqlfacts.Param, "")
		n.Slot = x.Offset // NewFacts makes it the place's number
		return n
	case *ast.ParenthesesExpr:
		return c.expr(x.Expr)
	case *ast.BinaryOperationExpr:
		return c.binary(x)
	case *ast.UnaryOperationExpr:
		return node(sqlfacts.Unary, unaries[x.Op], c.expr(x.V))
	case *ast.ColumnNameExpr:
		return c.column(x.Name)
	case *ast.TableNameExpr:
		return c.table(x.Name)
	case *ast.FuncCallExpr:
		return c.call(x)
	case *ast.AggregateFuncExpr:
		n := node(sqlfacts.Func, strings.ToLower(x.F), c.exprs(x.Args)...)
		if x.Distinct {
			n.Flag = "distinct"
		}
		if o := c.order(x.Order); o != nil {
			n.Args = append(n.Args, o)
		}
		return n
	case *ast.WindowFuncExpr:
		n := node(sqlfacts.Func, strings.ToLower(x.Name), c.exprs(x.Args)...)
		n.Args = append(n.Args, c.window(&x.Spec))
		return n
	case *ast.FuncCastExpr:
		return c.cast(x)
	case *ast.VariableExpr:
		return c.variable(x)
	case *ast.RowExpr:
		return node(sqlfacts.Row, "row", c.exprs(x.Values)...)
	case *ast.CaseExpr:
		return c.caseExpr(x)
	case *ast.SubqueryExpr:
		return node(sqlfacts.Query, "", c.result(x.Query))
	case *ast.ExistsSubqueryExpr:
		return c.negate(node(sqlfacts.Unary, "exists", c.expr(x.Sel)), x.Not)
	case *ast.CompareSubqueryExpr:
		quantifier := "any"
		if x.All {
			quantifier = "all"
		}
		return node(sqlfacts.Binary, operators[x.Op], c.expr(x.L), node(sqlfacts.Unary, quantifier, c.expr(x.R)))
	}
	return c.predicate(e)
}

// predicate converts comparisons other than by operators, and the rest.
func (c *converter) predicate(e ast.ExprNode) *sqlfacts.Node {
	switch x := e.(type) {
	case *ast.BetweenExpr:
		return c.negate(node(sqlfacts.Binary, "between", c.expr(x.Expr), c.expr(x.Left), c.expr(x.Right)), x.Not)
	case *ast.PatternInExpr:
		n := node(sqlfacts.Binary, "in", c.expr(x.Expr))
		if x.Sel != nil {
			n.Args = append(n.Args, c.expr(x.Sel))
		} else {
			n.Args = append(n.Args, c.exprs(x.List)...)
		}
		return c.negate(n, x.Not)
	case *ast.PatternLikeOrIlikeExpr:
		op := "like"
		if !x.IsLike {
			op = "ilike"
		}
		return c.negate(node(sqlfacts.Binary, op, c.expr(x.Expr), c.expr(x.Pattern)), x.Not)
	case *ast.PatternRegexpExpr:
		return c.negate(node(sqlfacts.Binary, "regexp", c.expr(x.Expr), c.expr(x.Pattern)), x.Not)
	case *ast.IsNullExpr:
		return c.negate(node(sqlfacts.Binary, "is", c.expr(x.Expr), node(sqlfacts.Null, "")), x.Not)
	case *ast.IsTruthExpr:
		truth := "true"
		if x.True == 0 {
			truth = "false"
		}
		return c.negate(node(sqlfacts.Binary, "is", c.expr(x.Expr), node(sqlfacts.Bool, truth)), x.Not)
	case *ast.SetCollationExpr:
		return c.expr(x.Expr)
	case *ast.ValuesExpr:
		return node(sqlfacts.Func, "values", c.column(x.Column.Name))
	case *ast.DefaultExpr:
		if x.Name != nil {
			return node(sqlfacts.Func, "default", c.column(x.Name))
		}
		return node(sqlfacts.Other, "default")
	case *ast.MatchAgainst:
		n := node(sqlfacts.Func, "match", c.columns(x.ColumnNames)...)
		n.Args = append(n.Args, c.expr(x.Against))
		return n
	case *ast.TimeUnitExpr:
		return node(sqlfacts.Interval, strings.ToLower(x.Unit.String()))
	case *ast.TrimDirectionExpr:
		return node(sqlfacts.Other, "trim")
	case *ast.GetFormatSelectorExpr:
		return node(sqlfacts.Other, "format")
	case *ast.MaxValueExpr:
		return node(sqlfacts.Other, "maxvalue")
	case *ast.PositionExpr:
		// ORDER BY 1: the parser makes a number of the literal.
		if x.P != nil {
			return c.expr(x.P)
		}
		n := node(sqlfacts.Number, "")
		n.Slot, _ = sqlfacts.SlotOfInt(int64(x.N))
		return n
	}
	return node(sqlfacts.Other, strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", e), "*ast.")), c.parts(e)...)
}

func (c *converter) negate(n *sqlfacts.Node, not bool) *sqlfacts.Node {
	if not {
		return node(sqlfacts.Unary, "not", n)
	}
	return n
}

var operators = map[opcode.Op]string{
	opcode.LogicAnd: "and", opcode.LogicOr: "or", opcode.LogicXor: "xor", opcode.LeftShift: "<<", opcode.RightShift: ">>",
	opcode.GE: ">=", opcode.LE: "<=", opcode.EQ: "=", opcode.NE: "<>", opcode.LT: "<", opcode.GT: ">", opcode.Plus: "+",
	opcode.Minus: "-", opcode.And: "&", opcode.Or: "|", opcode.Mod: "%", opcode.Xor: "^", opcode.Div: "/", opcode.Mul: "*",
	opcode.IntDiv: "div", opcode.NullEQ: "<=>", opcode.In: "in", opcode.Like: "like", opcode.Regexp: "regexp",
}

var unaries = map[opcode.Op]string{
	opcode.Not: "not", opcode.Not2: "not", opcode.BitNeg: "~", opcode.Minus: "-", opcode.Plus: "+",
}

// binary flattens AND and OR: a OR b OR c has three arguments.
func (c *converter) binary(x *ast.BinaryOperationExpr) *sqlfacts.Node {
	op := operators[x.Op]
	if x.Op != opcode.LogicAnd && x.Op != opcode.LogicOr {
		return node(sqlfacts.Binary, op, c.expr(x.L), c.expr(x.R))
	}
	n := node(sqlfacts.Binary, op)
	var right []ast.ExprNode
	left := ast.ExprNode(x)
	for {
		b, ok := left.(*ast.BinaryOperationExpr)
		if !ok || b.Op != x.Op {
			break
		}
		right = append(right, b.R)
		left = b.L
	}
	n.Args = append(n.Args, c.expr(left))
	for i := len(right) - 1; i >= 0; i-- {
		n.Args = append(n.Args, c.expr(right[i]))
	}
	return n
}

// literal converts a value: the slot that it stands for.
func (c *converter) literal(v *driver.ValueExpr) *sqlfacts.Node {
	n := &sqlfacts.Node{Kind: sqlfacts.Number, Slot: -1}
	switch v.Kind() {
	case driver.KindNull:
		n.Kind = sqlfacts.Null
	case driver.KindInt64:
		if v.Type.GetFlag()&tidb.IsBooleanFlag != 0 {
			n.Kind, n.Name = sqlfacts.Bool, "false"
			if v.GetInt64() != 0 {
				n.Name = "true"
			}
			break
		}
		n.Slot, _ = sqlfacts.SlotOfInt(v.GetInt64())
	case driver.KindUint64:
		if u := v.GetUint64(); u < 1<<31 {
			n.Slot, _ = sqlfacts.SlotOfInt(int64(u))
		}
	case driver.KindFloat64, driver.KindFloat32:
		n.Slot, _ = sqlfacts.SlotOfInt(int64(v.GetFloat64()))
	case driver.KindMysqlDecimal:
		n.Slot, _ = sqlfacts.SlotOfNumber(v.GetMysqlDecimal().String())
	case driver.KindString, driver.KindBytes:
		n.Kind = sqlfacts.String
		n.Slot, _ = sqlfacts.SlotOfString(v.GetString())
	case driver.KindBinaryLiteral, driver.KindMysqlBit:
		n.Kind = sqlfacts.Hex
		n.Slot, _ = sqlfacts.SlotOfBytes(v.GetBytes())
	}
	return n
}

func (c *converter) call(x *ast.FuncCallExpr) *sqlfacts.Node {
	switch fn := x.FnName.L; fn {
	case ast.DateLiteral, ast.TimeLiteral, ast.TimestampLiteral:
		kind := map[string]string{ast.DateLiteral: "date", ast.TimeLiteral: "time", ast.TimestampLiteral: "timestamp"}[fn]
		return node(sqlfacts.Cast, kind, c.exprs(x.Args)...)
	default:
		args := x.Args
		if (fn == "date_add" || fn == "date_sub" || fn == "adddate" || fn == "subdate" || fn == "timestampadd") && len(args) == 3 {
			if u, ok := args[2].(*ast.TimeUnitExpr); ok {
				return node(sqlfacts.Func, fn, c.expr(args[0]), node(sqlfacts.Interval, strings.ToLower(u.Unit.String()), c.expr(args[1])))
			}
		}
		if fn == "convert" && len(args) == 2 { // CONVERT(x USING charset)
			n := node(sqlfacts.Cast, "", c.expr(args[0]))
			n.Flag = "using"
			if cs, ok := args[1].(*driver.ValueExpr); ok {
				n.Name = plain(strings.ToLower(cs.GetString()))
			}
			return n
		}
		if fn == "char_func" || fn == "char" { // the last one is the character set
			fn = "char"
			if n := len(args); n > 1 {
				args = args[:n-1]
			}
		}
		n := node(sqlfacts.Func, plain(fn), c.exprs(args)...)
		n.Qualifier = name(x.Schema)
		return n
	}
}

func (c *converter) cast(x *ast.FuncCastExpr) *sqlfacts.Node {
	switch x.FunctionType {
	case ast.CastBinaryOperator:
		return node(sqlfacts.Unary, "binary", c.expr(x.Expr))
	}
	kind := ""
	if x.Tp != nil {
		kind = strings.ToLower(x.Tp.CompactStr())
		if i := strings.IndexAny(kind, "( "); i > 0 {
			kind = kind[:i]
		}
		switch {
		case kind == "bigint" && x.Tp.GetFlag()&tidb.UnsignedFlag != 0:
			kind = "unsigned"
		case kind == "bigint":
			kind = "signed"
		case kind == "var_string" && x.Tp.GetCharset() == "binary", kind == "varbinary":
			kind = "binary"
		case kind == "var_string" || kind == "varchar":
			kind = "char"
		}
	}
	return node(sqlfacts.Cast, kind, c.expr(x.Expr))
}

func (c *converter) variable(x *ast.VariableExpr) *sqlfacts.Node {
	prefix := "@"
	if x.IsSystem {
		prefix = "@@"
	}
	n := node(sqlfacts.Variable, prefix+strings.ToLower(plain(x.Name)))
	if x.IsGlobal {
		n.Qualifier = "global"
	}
	if x.Value != nil {
		return node(sqlfacts.Binary, ":=", n, c.expr(x.Value))
	}
	return n
}

func (c *converter) caseExpr(x *ast.CaseExpr) *sqlfacts.Node {
	n := node(sqlfacts.Case, "", c.expr(x.Value))
	for _, w := range x.WhenClauses {
		n.Args = append(n.Args, node(sqlfacts.When, "", c.expr(w.Expr), c.expr(w.Result)))
	}
	if x.ElseClause != nil {
		n.Args = append(n.Args, c.expr(x.ElseClause))
	}
	return n
}
