package pgsql

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"

	"honeyrow/engine/sqlfacts"
)

// statement converts the statements, and says whether m was one.
func (c *conv) statement(m proto.Message) (*sqlfacts.Node, bool) {
	switch x := m.(type) {
	case *pg.SelectStmt:
		return c.selectStmt(x), true
	case *pg.InsertStmt:
		return c.insert(x), true
	case *pg.UpdateStmt:
		return c.make(sqlfacts.Update, "", c.with(x.GetWithClause()), c.table(x.GetRelation()),
			c.assignments(x.GetTargetList()),
			c.clause(sqlfacts.From, "", x.GetFromClause()),
			c.around(sqlfacts.Where, "", c.node(x.GetWhereClause())),
			c.clause(sqlfacts.Return, "", x.GetReturningList())), true
	case *pg.DeleteStmt:
		return c.make(sqlfacts.Delete, "", c.with(x.GetWithClause()), c.table(x.GetRelation()),
			c.clause(sqlfacts.From, "", x.GetUsingClause()),
			c.around(sqlfacts.Where, "", c.node(x.GetWhereClause())),
			c.clause(sqlfacts.Return, "", x.GetReturningList())), true
	case *pg.MergeStmt:
		return c.merge(x), true
	case *pg.CopyStmt:
		return c.copyStmt(x), true
	}
	return c.utility(m)
}

func (c *conv) selectStmt(x *pg.SelectStmt) *sqlfacts.Node {
	if x == nil || c.err != nil {
		return nil
	}
	if c.depth++; c.depth > maxDepth/2 {
		c.err = ErrLimit
		return nil
	}
	defer func() { c.depth-- }()
	var n *sqlfacts.Node
	if x.GetOp() > pg.SetOperation_SETOP_NONE {
		n = c.make(sqlfacts.Union, setName(x), c.with(x.GetWithClause()))
		n.Args = c.arms(n.Args, x)
	} else {
		n = c.make(sqlfacts.Select, "", c.with(x.GetWithClause()))
		c.distinct(n, x.GetDistinctClause())
		n.Args = appendSome(n.Args,
			c.clause(sqlfacts.Targets, "", x.GetTargetList()),
			c.into(x.GetIntoClause()),
			c.clause(sqlfacts.From, "", x.GetFromClause()),
			c.around(sqlfacts.Where, "", c.node(x.GetWhereClause())),
			c.clause(sqlfacts.Group, "", x.GetGroupClause()),
			c.around(sqlfacts.Having, "", c.node(x.GetHavingClause())),
			c.clause(sqlfacts.Window, "", x.GetWindowClause()),
			c.values(x.GetValuesLists()))
	}
	n.Args = appendSome(n.Args, c.clause(sqlfacts.Order, "", x.GetSortClause()), c.limit(x))
	for _, l := range x.GetLockingClause() {
		n.Args = append(n.Args, c.locking(l.GetLockingClause()))
	}
	return n
}

// setName is "union", "union all", "intersect" and so on.
func setName(x *pg.SelectStmt) string {
	name := enum(x.GetOp(), "SETOP_")
	if x.GetAll() {
		name += " all"
	}
	return name
}

// arms appends the arms of a set operation. An arm that is the same operation,
// without clauses of its own, gives its arms in its place, on the right side
// only where the order does not matter. The left side is the one that grows
// with the text, so it is walked without recursion.
func (c *conv) arms(to []*sqlfacts.Node, x *pg.SelectStmt) []*sqlfacts.Node {
	name := setName(x)
	chain := []*pg.SelectStmt{x}
	for same(x.GetLarg(), name) {
		x = x.GetLarg()
		chain = append(chain, x)
	}
	to = appendSome(to, c.selectStmt(x.GetLarg()))
	for i := len(chain) - 1; i >= 0; i-- {
		r := chain[i].GetRarg()
		if !strings.HasPrefix(name, "except") && same(r, name) {
			to = c.arms(to, r)
			continue
		}
		to = appendSome(to, c.selectStmt(r))
	}
	return to
}

// same says whether x is nothing but the set operation of that name.
func same(x *pg.SelectStmt, name string) bool {
	return x.GetOp() > pg.SetOperation_SETOP_NONE && setName(x) == name && x.GetWithClause() == nil &&
		len(x.GetSortClause()) == 0 && len(x.GetLockingClause()) == 0 && x.GetLimitCount() == nil && x.GetLimitOffset() == nil
}

// distinct marks DISTINCT; DISTINCT ON (...) has Options "distinct on".
func (c *conv) distinct(n *sqlfacts.Node, on []*pg.Node) {
	if len(on) == 0 {
		return
	}
	n.Flag = "distinct"
	if exprs := c.clause(sqlfacts.Options, "distinct on", on); len(exprs.Args) > 0 {
		n.Args = append(n.Args, exprs)
	}
}

func (c *conv) values(rows []*pg.Node) *sqlfacts.Node {
	if len(rows) == 0 {
		return nil
	}
	n := c.make(sqlfacts.Values, "")
	for _, r := range rows {
		n.Args = append(n.Args, c.make(sqlfacts.Row, "row", c.list(r.GetList().GetItems())...))
	}
	return n
}

func (c *conv) limit(x *pg.SelectStmt) *sqlfacts.Node {
	if x.GetLimitCount() == nil && x.GetLimitOffset() == nil {
		return nil
	}
	n := c.make(sqlfacts.Limit, "", c.orMissing(x.GetLimitCount()), c.node(x.GetLimitOffset()))
	if x.GetLimitOption() == pg.LimitOption_LIMIT_OPTION_WITH_TIES {
		n.Flag = "with ties"
	}
	return n
}

func (c *conv) locking(x *pg.LockingClause) *sqlfacts.Node {
	n := c.make(sqlfacts.Locking, strings.TrimPrefix(enum(x.GetStrength(), "LCS_"), "for"))
	switch x.GetWaitPolicy() {
	case pg.LockWaitPolicy_LockWaitSkip:
		n.Flag = "skip locked"
	case pg.LockWaitPolicy_LockWaitError:
		n.Flag = "nowait"
	}
	for _, r := range x.GetLockedRels() { // FOR UPDATE OF t: aliases, not tables
		n.Args = appendSome(n.Args, c.name("name", r.GetRangeVar().GetRelname()))
	}
	return n
}

func (c *conv) into(x *pg.IntoClause) *sqlfacts.Node {
	if x == nil {
		return nil
	}
	return c.make(sqlfacts.Into, "table", c.table(x.GetRel()))
}

// insert converts INSERT: a plain VALUES stands among its clauses, any other
// source is a statement.
func (c *conv) insert(x *pg.InsertStmt) *sqlfacts.Node {
	n := c.make(sqlfacts.Insert, "", c.with(x.GetWithClause()), c.table(x.GetRelation()),
		c.clause(sqlfacts.Targets, "", x.GetCols()))
	source := c.node(x.GetSelectStmt())
	switch {
	case source == nil:
		source = c.make(sqlfacts.Options, "default values")
	case source.Kind == sqlfacts.Select && len(source.Args) == 1 && source.Args[0].Kind == sqlfacts.Values:
		source = source.Args[0]
	}
	n.Args = append(n.Args, source)
	if o := x.GetOnConflictClause(); o != nil {
		n.Args = append(n.Args, c.conflict(o))
	}
	n.Args = appendSome(n.Args, c.clause(sqlfacts.Return, "", x.GetReturningList()))
	return n
}

func (c *conv) conflict(x *pg.OnConflictClause) *sqlfacts.Node {
	var infer *sqlfacts.Node
	if i := x.GetInfer(); i != nil {
		infer = c.make(sqlfacts.Options, "conflict target", c.indexed(i.GetIndexElems())...)
		infer.Args = appendSome(infer.Args, c.name("constraint", i.GetConname()), c.node(i.GetWhereClause()))
	}
	return c.make(sqlfacts.Conflict, enum(x.GetAction(), "ONCONFLICT_"), infer,
		c.assignments(x.GetTargetList()),
		c.around(sqlfacts.Where, "", c.node(x.GetWhereClause())))
}

// indexed converts the columns and expressions of an index.
func (c *conv) indexed(elems []*pg.Node) []*sqlfacts.Node {
	var out []*sqlfacts.Node
	for _, e := range elems {
		if i := e.GetIndexElem(); i.GetName() != "" {
			out = append(out, c.make(sqlfacts.Column, i.GetName()))
		} else {
			out = appendSome(out, c.node(i.GetExpr()))
		}
	}
	return out
}

// assignments converts the SET of UPDATE. Of (a, b) = (SELECT ...) the first
// column has the query, the others have Missing.
func (c *conv) assignments(list []*pg.Node) *sqlfacts.Node {
	if len(list) == 0 {
		return nil
	}
	n := c.make(sqlfacts.Targets, "")
	for _, t := range list {
		target := t.GetResTarget()
		var value *sqlfacts.Node
		if m := target.GetVal().GetMultiAssignRef(); m != nil {
			value = c.oneOf(m)
		} else {
			value = c.orMissing(target.GetVal())
		}
		a := c.make(sqlfacts.Assign, target.GetName(), value)
		if len(target.GetIndirection()) > 0 {
			a.Args = append(a.Args, c.clause(sqlfacts.Options, "indirection", target.GetIndirection()))
		}
		n.Args = append(n.Args, a)
	}
	return n
}

func (c *conv) oneOf(m *pg.MultiAssignRef) *sqlfacts.Node {
	if row := m.GetSource().GetRowExpr(); row != nil {
		if i := int(m.GetColno()) - 1; i >= 0 && i < len(row.GetArgs()) {
			return c.orMissing(row.GetArgs()[i])
		}
	}
	if m.GetColno() == 1 {
		return c.orMissing(m.GetSource())
	}
	return c.make(sqlfacts.Missing, "")
}

// merge converts MERGE: the table, From with the source, Where with the
// condition, and for each WHEN a When of its condition (or Missing) and what is
// done: Update, Insert, Delete, or Other "nothing".
func (c *conv) merge(x *pg.MergeStmt) *sqlfacts.Node {
	n := c.make(sqlfacts.Merge, "", c.with(x.GetWithClause()), c.table(x.GetRelation()),
		c.around(sqlfacts.From, "", c.node(x.GetSourceRelation())),
		c.around(sqlfacts.Where, "", c.node(x.GetJoinCondition())))
	for _, w := range x.GetMergeWhenClauses() {
		when := w.GetMergeWhenClause()
		var action *sqlfacts.Node
		switch when.GetCommandType() {
		case pg.CmdType_CMD_UPDATE:
			action = c.make(sqlfacts.Update, "", c.assignments(when.GetTargetList()))
		case pg.CmdType_CMD_DELETE:
			action = c.make(sqlfacts.Delete, "")
		case pg.CmdType_CMD_INSERT:
			action = c.make(sqlfacts.Insert, "", c.clause(sqlfacts.Targets, "", when.GetTargetList()))
			if len(when.GetValues()) > 0 {
				action.Args = append(action.Args, c.make(sqlfacts.Values, "", c.make(sqlfacts.Row, "row", c.list(when.GetValues())...)))
			}
		default:
			action = c.make(sqlfacts.Other, "nothing")
		}
		n.Args = append(n.Args, c.make(sqlfacts.When, enum(when.GetMatchKind(), "MERGE_WHEN_"),
			c.orMissing(when.GetCondition()), action))
	}
	n.Args = appendSome(n.Args, c.clause(sqlfacts.Return, "", x.GetReturningList()))
	return n
}

// copyStmt converts COPY. Flag of it is "program", "file", "stdin" or "stdout",
// and of the String that names a program or file too.
func (c *conv) copyStmt(x *pg.CopyStmt) *sqlfacts.Node {
	n := c.make(sqlfacts.Copy, "to", c.table(x.GetRelation()),
		c.around(sqlfacts.Query, "", c.node(x.GetQuery())))
	if q := len(n.Args) - 1; q >= 0 && n.Args[q].Kind == sqlfacts.Query {
		n.Args[q] = n.Args[q].Args[0] // the statement itself
	}
	n.Flag = "stdout"
	if x.GetIsFrom() {
		n.Name, n.Flag = "from", "stdin"
	}
	if cols := c.clause(sqlfacts.Targets, "", x.GetAttlist()); cols != nil {
		for i, a := range x.GetAttlist() {
			if i < len(cols.Args) {
				cols.Args[i] = c.make(sqlfacts.Column, a.GetString_().GetSval())
			}
		}
		n.Args = append(n.Args, cols)
	}
	if x.GetIsProgram() || x.GetFilename() != "" {
		n.Flag = "file"
		if x.GetIsProgram() {
			n.Flag = "program"
		}
		file := c.text(x.GetFilename())
		file.Flag = n.Flag
		n.Args = append(n.Args, file)
	}
	n.Args = appendSome(n.Args, c.clause(sqlfacts.Options, "", x.GetOptions()),
		c.around(sqlfacts.Where, "", c.node(x.GetWhereClause())))
	return n
}
