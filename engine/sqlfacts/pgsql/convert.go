package pgsql

import (
	"fmt"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"honeyrow/engine/sqlfacts"
)

// conv turns one parse tree of PostgreSQL's into the common one.
//
// What the common tree has no kind for becomes Other, with the parser's name
// for it in lower case ("alterpolicystmt"), and whatever stands in it is
// converted all the same: no part of a statement is dropped because nobody
// thought of it. Beside what tree.go says:
//
//   - Names that are not columns or tables (of roles, options, cursors, aliased
//     columns) are Other with the sort in Name ("role") and the name in Alias.
//     Within expressions, where Alias is taken, Other "field", "collate",
//     "argument" and "current of" have theirs in Qualifier.
//   - A set operation's With, Order, Limit and Locking stand among its arms.
//   - NOT IN, NOT LIKE, IS NOT NULL are Unary "not" around Binary.
//   - A Column with a schema has it in Flag. A Func's window, filter and order
//     are clauses behind its arguments.
//   - A negative number is Unary "-" around the number.
type conv struct {
	nodes, depth int
	err          error
}

// convert converts all statements of a parse. Err wraps ErrLimit.
func convert(r *pg.ParseResult) ([]*sqlfacts.Node, error) {
	c := &conv{}
	trees := make([]*sqlfacts.Node, 0, len(r.GetStmts()))
	for _, s := range r.GetStmts() {
		if n := c.node(s.GetStmt()); n != nil {
			trees = append(trees, n)
		}
	}
	return trees, c.err
}

// make returns a node, without those args that are nil.
func (c *conv) make(kind sqlfacts.Kind, name string, args ...*sqlfacts.Node) *sqlfacts.Node {
	if c.nodes++; c.nodes > maxNodes && c.err == nil {
		c.err = fmt.Errorf("%w: more than %d nodes", ErrLimit, maxNodes)
	}
	n := &sqlfacts.Node{Kind: kind, Name: name, Slot: -1}
	n.Args = appendSome(nil, args...)
	return n
}

// appendSome appends those that are not nil.
func appendSome(to []*sqlfacts.Node, some ...*sqlfacts.Node) []*sqlfacts.Node {
	for _, a := range some {
		if a != nil {
			to = append(to, a)
		}
	}
	return to
}

// clause returns a node of kind with the list converted, nil for an empty list.
func (c *conv) clause(kind sqlfacts.Kind, name string, list []*pg.Node) *sqlfacts.Node {
	if len(list) == 0 {
		return nil
	}
	return c.make(kind, name, c.list(list)...)
}

// around returns a node of kind around n, nil for nil.
func (c *conv) around(kind sqlfacts.Kind, name string, n *sqlfacts.Node) *sqlfacts.Node {
	if n == nil {
		return nil
	}
	return c.make(kind, name, n)
}

// list converts each of list.
func (c *conv) list(list []*pg.Node) []*sqlfacts.Node {
	out := make([]*sqlfacts.Node, 0, len(list))
	for _, n := range list {
		out = appendSome(out, c.node(n))
	}
	return out
}

// name returns Other for a name of some sort, nil for an empty one. A text that
// stands for a literal of the statement becomes that.
func (c *conv) name(sort, name string) *sqlfacts.Node {
	if name == "" {
		return nil
	}
	if slot := slotOf(sqlfacts.String, name); slot >= 0 {
		n := c.make(sqlfacts.String, "")
		n.Slot = slot
		return n
	}
	n := c.make(sqlfacts.Other, sort)
	n.Alias = name
	return n
}

// text returns the literal of a text that the grammar takes as one: a file's
// name, a comment, a payload.
func (c *conv) text(s string) *sqlfacts.Node {
	n := c.make(sqlfacts.String, "")
	n.Slot = slotOf(sqlfacts.String, s)
	return n
}

// node converts what a Node of the parser's holds: nil for nothing.
func (c *conv) node(n *pg.Node) *sqlfacts.Node {
	if n == nil || n.Node == nil || c.err != nil {
		return nil
	}
	if c.depth++; c.depth > maxDepth/2 {
		c.err = fmt.Errorf("%w: a tree of more than %d levels", ErrLimit, maxDepth/2)
		return nil
	}
	defer func() { c.depth-- }()
	if e, ok := c.expression(n); ok {
		return e
	}
	m := n.ProtoReflect()
	field := m.WhichOneof(m.Descriptor().Oneofs().Get(0))
	return c.message(m.Get(field).Message().Interface())
}

// message converts a message of the parser's that no Node need be around.
func (c *conv) message(m proto.Message) *sqlfacts.Node {
	if c.err != nil {
		return nil
	}
	if n, ok := c.statement(m); ok {
		return n
	}
	if n, ok := c.relation(m); ok {
		return n
	}
	if n, ok := c.part(m); ok {
		return n
	}
	return c.generic(m)
}

// part converts the small parts that stand in many statements.
func (c *conv) part(m proto.Message) (*sqlfacts.Node, bool) {
	switch x := m.(type) {
	case *pg.Node:
		return c.node(x), true
	case *pg.TypeName:
		return c.typeName(x), true
	case *pg.RoleSpec:
		name := x.GetRolename()
		if name == "" {
			name = enum(x.GetRoletype(), "ROLESPEC_")
		}
		return c.name("role", name), true
	case *pg.DefElem:
		n := c.make(sqlfacts.Other, "option", c.node(x.GetArg()))
		n.Alias, n.Qualifier = x.GetDefname(), x.GetDefnamespace()
		return n, true
	case *pg.AccessPriv:
		n := c.make(sqlfacts.Other, "privilege", c.list(x.GetCols())...)
		if n.Alias = x.GetPrivName(); n.Alias == "" {
			n.Alias = "all"
		}
		return n, true
	case *pg.ObjectWithArgs:
		return c.object(x.GetObjname(), c.list(x.GetObjargs())...), true
	case *pg.AlterTableCmd:
		n := c.make(sqlfacts.Other, enum(x.GetSubtype(), "AT_"), c.children(x.ProtoReflect(), "name")...)
		n.Alias = x.GetName()
		return n, true
	case *pg.List:
		return c.make(sqlfacts.Other, "list", c.list(x.GetItems())...), true
	case *pg.Alias:
		return c.name("name", x.GetAliasname()), true
	case *pg.WithClause:
		return c.with(x), true
	case *pg.WindowDef:
		return c.window(x), true
	case *pg.JsonValueExpr:
		return c.node(x.GetRawExpr()), true
	case *pg.JsonFormat:
		return nil, true // FORMAT JSON: holds nothing
	}
	return nil, false
}

// generic converts a message that has no case of its own.
func (c *conv) generic(m proto.Message) *sqlfacts.Node {
	r := m.ProtoReflect()
	return c.make(sqlfacts.Other, strings.ToLower(string(r.Descriptor().Name())), c.children(r)...)
}

// children converts whatever stands in a message, in the order of its fields,
// but for the fields named. Texts become names with the field as their sort;
// numbers and switches are the parser's own and left out.
func (c *conv) children(m protoreflect.Message, but ...protoreflect.Name) []*sqlfacts.Node {
	if c.depth++; c.depth > maxDepth/2 {
		if c.err == nil {
			c.err = fmt.Errorf("%w: a tree of more than %d levels", ErrLimit, maxDepth/2)
		}
		return nil
	}
	defer func() { c.depth-- }()
	var out []*sqlfacts.Node
	fields := m.Descriptor().Fields()
next:
	for i := range fields.Len() {
		f := fields.Get(i)
		for _, b := range but {
			if f.Name() == b {
				continue next
			}
		}
		if !m.Has(f) {
			continue
		}
		v := m.Get(f)
		switch {
		case f.IsList() && f.Kind() == protoreflect.MessageKind:
			for j := range v.List().Len() {
				out = appendSome(out, c.message(v.List().Get(j).Message().Interface()))
			}
		case f.IsList():
		case f.Kind() == protoreflect.MessageKind:
			out = appendSome(out, c.message(v.Message().Interface()))
		case f.Kind() == protoreflect.StringKind:
			out = appendSome(out, c.name(string(f.Name()), v.String()))
		}
	}
	return out
}

// object returns Other "object" for a name of up to three parts.
func (c *conv) object(parts []*pg.Node, args ...*sqlfacts.Node) *sqlfacts.Node {
	n := c.make(sqlfacts.Other, "object", args...)
	n.Qualifier, n.Alias = qualified(parts)
	return n
}

// qualified splits a name into what stands before the last dot and what behind.
func qualified(parts []*pg.Node) (qualifier, name string) {
	if len(parts) == 0 {
		return "", ""
	}
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.GetString_().GetSval()
		if p.GetAStar() != nil {
			names[i] = "*"
		}
	}
	last := len(names) - 1
	return strings.Join(names[:last], "."), names[last]
}

// enum returns an enum's name as people write it: TRANS_STMT_ROLLBACK_TO is
// "rollback to" with the prefix TRANS_STMT_.
func enum(e interface{ String() string }, prefix string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(e.String(), prefix)), "_", " ")
}
