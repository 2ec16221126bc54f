package pgsql

import (
	"strings"
	"unicode"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"

	"honeyrow/engine/sqlfacts"
)

// utility converts the statements that no planner sees, and says whether m was one.
func (c *conv) utility(m proto.Message) (*sqlfacts.Node, bool) {
	switch x := m.(type) {
	case *pg.TransactionStmt:
		return c.transaction(x), true
	case *pg.VariableSetStmt:
		return c.set(x), true
	case *pg.VariableShowStmt:
		return c.make(sqlfacts.Show, x.GetName()), true
	case *pg.ExplainStmt:
		n := c.make(sqlfacts.Explain, "", c.clause(sqlfacts.Options, "", x.GetOptions()), c.node(x.GetQuery()))
		for _, o := range x.GetOptions() {
			if o.GetDefElem().GetDefname() == "analyze" {
				n.Flag = "analyze"
			}
		}
		return n, true
	case *pg.CallStmt:
		n := c.make(sqlfacts.Call, "", c.list(x.GetFunccall().GetArgs())...)
		n.Qualifier, n.Name = qualified(x.GetFunccall().GetFuncname())
		n.Flag = "call"
		return n, true
	case *pg.ExecuteStmt:
		n := c.make(sqlfacts.Call, x.GetName(), c.list(x.GetParams())...)
		n.Flag = "execute"
		return n, true
	case *pg.DoStmt:
		n := c.make(sqlfacts.Call, "", c.list(x.GetArgs())...)
		n.Flag = "do"
		return n, true
	case *pg.PrepareStmt:
		n := c.make(sqlfacts.Prepare, x.GetName(), c.node(x.GetQuery()))
		n.Args = appendSome(n.Args, c.clause(sqlfacts.Options, "types", x.GetArgtypes()))
		return n, true
	case *pg.LoadStmt:
		n := c.make(sqlfacts.Load, "library", c.text(x.GetFilename()))
		return n, true
	case *pg.NotifyStmt:
		n := c.called(sqlfacts.Other, "notify", x.GetConditionname())
		if x.GetPayload() != "" {
			n.Args = append(n.Args, c.text(x.GetPayload()))
		}
		return n, true
	}
	if n, ok := c.cursor(m); ok {
		return n, true
	}
	if n, ok := c.maintenance(m); ok {
		return n, true
	}
	return c.define(m)
}

// called returns a node whose Alias is the name that the statement gives or asks for.
func (c *conv) called(kind sqlfacts.Kind, what, name string, args ...*sqlfacts.Node) *sqlfacts.Node {
	n := c.make(kind, what, args...)
	n.Alias = name
	return n
}

// cursor converts what is about cursors, prepared statements and channels: Other
// with the command as its Name and the cursor's or channel's name as its Alias.
func (c *conv) cursor(m proto.Message) (*sqlfacts.Node, bool) {
	switch x := m.(type) {
	case *pg.DeclareCursorStmt:
		return c.called(sqlfacts.Other, "declare cursor", x.GetPortalname(), c.node(x.GetQuery())), true
	case *pg.FetchStmt:
		n := c.called(sqlfacts.Other, "fetch", x.GetPortalname())
		if x.GetIsmove() {
			n.Name = "move"
		}
		n.Flag = enum(x.GetDirection(), "FETCH_")
		return n, true
	case *pg.ClosePortalStmt:
		return c.called(sqlfacts.Other, "close", x.GetPortalname()), true
	case *pg.DeallocateStmt:
		return c.called(sqlfacts.Other, "deallocate", x.GetName()), true
	case *pg.ListenStmt:
		return c.called(sqlfacts.Other, "listen", x.GetConditionname()), true
	case *pg.UnlistenStmt:
		return c.called(sqlfacts.Other, "unlisten", x.GetConditionname()), true
	}
	return nil, false
}

func (c *conv) maintenance(m proto.Message) (*sqlfacts.Node, bool) {
	name := ""
	switch x := m.(type) {
	case *pg.LockStmt:
		name = "lock"
	case *pg.VacuumStmt:
		if name = "analyze"; x.GetIsVacuumcmd() {
			name = "vacuum"
		}
	case *pg.ClusterStmt:
		name = "cluster"
	case *pg.ReindexStmt:
		name = "reindex"
	case *pg.CheckPointStmt:
		name = "checkpoint"
	case *pg.DiscardStmt:
		return c.make(sqlfacts.Lock, "discard", c.name("what", enum(x.GetTarget(), "DISCARD_"))), true
	default:
		return nil, false
	}
	return c.make(sqlfacts.Lock, name, c.children(m.ProtoReflect())...), true
}

func (c *conv) transaction(x *pg.TransactionStmt) *sqlfacts.Node {
	n := c.make(sqlfacts.Begin, enum(x.GetKind(), "TRANS_STMT_"), c.clause(sqlfacts.Options, "", x.GetOptions()))
	switch x.GetKind() {
	case pg.TransactionStmtKind_TRANS_STMT_START:
		n.Name = "begin"
	case pg.TransactionStmtKind_TRANS_STMT_PREPARE:
		n.Name = "prepare transaction"
	}
	n.Alias = x.GetSavepointName()
	if x.GetGid() != "" {
		n.Args = append(n.Args, c.text(x.GetGid()))
	}
	return n
}

func (c *conv) set(x *pg.VariableSetStmt) *sqlfacts.Node {
	n := c.make(sqlfacts.Set, strings.ToLower(x.GetName()), c.list(x.GetArgs())...)
	n.Qualifier = "session"
	if x.GetIsLocal() {
		n.Qualifier = "local"
	}
	switch x.GetKind() {
	case pg.VariableSetKind_VAR_SET_DEFAULT:
		n.Flag = "default"
	case pg.VariableSetKind_VAR_SET_CURRENT:
		n.Flag = "from current"
	case pg.VariableSetKind_VAR_RESET:
		n.Flag = "reset"
	case pg.VariableSetKind_VAR_RESET_ALL:
		n.Name, n.Flag = "all", "reset"
	}
	return n
}

// relations are the objects that stand in FROM.
var relations = map[pg.ObjectType]bool{
	pg.ObjectType_OBJECT_TABLE: true, pg.ObjectType_OBJECT_VIEW: true, pg.ObjectType_OBJECT_MATVIEW: true,
	pg.ObjectType_OBJECT_FOREIGN_TABLE: true, pg.ObjectType_OBJECT_SEQUENCE: true,
}

// sort is an object type as people write it.
func sort(t pg.ObjectType) string {
	switch t {
	case pg.ObjectType_OBJECT_MATVIEW:
		return "materialized view"
	case pg.ObjectType_OBJECT_FDW:
		return "foreign data wrapper"
	case pg.ObjectType_OBJECT_FOREIGN_SERVER:
		return "server"
	case pg.ObjectType_OBJECT_TABCONSTRAINT, pg.ObjectType_OBJECT_DOMCONSTRAINT:
		return "constraint"
	}
	return enum(t, "OBJECT_")
}

// define converts what makes, changes, drops and grants: Define with the command
// as its Name, then the objects: Table for what stands in FROM, else Other
// "object". What the parser has no fixed form for follows as it stands.
func (c *conv) define(m proto.Message) (*sqlfacts.Node, bool) {
	switch x := m.(type) {
	case *pg.CreateTableAsStmt:
		n := c.make(sqlfacts.Define, "create "+sort(x.GetObjtype()), c.table(x.GetInto().GetRel()), c.node(x.GetQuery()))
		return n, true
	case *pg.ViewStmt:
		return c.make(sqlfacts.Define, "create view", append(appendSome(nil, c.table(x.GetView()), c.node(x.GetQuery())),
			c.children(x.ProtoReflect(), "view", "query")...)...), true
	case *pg.DropStmt:
		n := c.make(sqlfacts.Define, "drop "+sort(x.GetRemoveType()))
		for _, o := range x.GetObjects() {
			n.Args = appendSome(n.Args, c.subject(x.GetRemoveType(), o))
		}
		return n, true
	case *pg.TruncateStmt:
		return c.make(sqlfacts.Define, "truncate", c.list(x.GetRelations())...), true
	case *pg.CommentStmt:
		return c.make(sqlfacts.Define, "comment", c.subject(x.GetObjtype(), x.GetObject()), c.text(x.GetComment())), true
	case *pg.GrantStmt:
		return c.grant(x), true
	case *pg.GrantRoleStmt:
		return c.make(sqlfacts.Grant, grantName(x.GetIsGrant()), c.children(x.ProtoReflect())...), true
	case *pg.CreateFunctionStmt:
		name := "create function"
		if x.GetIsProcedure() {
			name = "create procedure"
		}
		return c.make(sqlfacts.Define, name, append(appendSome(nil, c.object(x.GetFuncname())),
			c.children(x.ProtoReflect(), "funcname")...)...), true
	}
	name, ok := command(m)
	if !ok {
		return nil, false
	}
	return c.make(sqlfacts.Define, name, c.children(m.ProtoReflect())...), true
}

func grantName(grant bool) string {
	if grant {
		return "grant"
	}
	return "revoke"
}

func (c *conv) grant(x *pg.GrantStmt) *sqlfacts.Node {
	n := c.make(sqlfacts.Grant, grantName(x.GetIsGrant()), c.list(x.GetPrivileges())...)
	n.Qualifier = sort(x.GetObjtype())
	if len(x.GetPrivileges()) == 0 {
		n.Args = append(n.Args, c.called(sqlfacts.Other, "privilege", "all"))
	}
	for _, o := range x.GetObjects() {
		n.Args = appendSome(n.Args, c.subject(x.GetObjtype(), o))
	}
	n.Args = append(n.Args, c.list(x.GetGrantees())...)
	if x.GetTargtype() == pg.GrantTargetType_ACL_TARGET_ALL_IN_SCHEMA {
		n.Flag = "all in schema"
	}
	return n
}

// subject converts an object's name.
func (c *conv) subject(t pg.ObjectType, o *pg.Node) *sqlfacts.Node {
	if o == nil {
		return nil
	}
	parts := o.GetList().GetItems()
	if s := o.GetString_(); s != nil {
		parts = []*pg.Node{o}
	}
	plain := len(parts) > 0
	for _, p := range parts {
		plain = plain && p.GetString_() != nil
	}
	if !plain {
		return c.node(o)
	}
	if relations[t] {
		n := c.make(sqlfacts.Table, "")
		n.Qualifier, n.Name = qualified(parts)
		if i := strings.LastIndexByte(n.Qualifier, '.'); i >= 0 {
			n.Qualifier = n.Qualifier[i+1:]
		}
		return n
	}
	return c.object(parts)
}

// commands are the parser's names for which splitting at capitals does not give
// what people write.
var commands = map[string]string{
	"CreateStmt": "create table", "IndexStmt": "create index", "RuleStmt": "create rule",
	"CreateTrigStmt": "create trigger", "CreateSeqStmt": "create sequence", "AlterSeqStmt": "alter sequence",
	"CreatedbStmt": "create database", "DropdbStmt": "drop database", "AlterDatabaseSetStmt": "alter database",
	"AlterDatabaseRefreshCollStmt": "alter database", "AlterRoleSetStmt": "alter role",
	"CreateFdwStmt": "create foreign data wrapper", "AlterFdwStmt": "alter foreign data wrapper",
	"CreateForeignServerStmt": "create server", "AlterForeignServerStmt": "alter server",
	"CompositeTypeStmt": "create type", "CreateEnumStmt": "create type", "CreateRangeStmt": "create type", "AlterEnumStmt": "alter type",
	"CreatePLangStmt": "create language", "CreateAmStmt": "create access method",
	"CreateEventTrigStmt": "create event trigger", "AlterEventTrigStmt": "alter event trigger",
	"AlterExtensionContentsStmt": "alter extension", "AlterTableSpaceOptionsStmt": "alter tablespace",
	"AlterTableMoveAllStmt": "alter table", "CreateTableSpaceStmt": "create tablespace", "DropTableSpaceStmt": "drop tablespace",
	"CreateStatsStmt": "create statistics", "AlterStatsStmt": "alter statistics", "CreateOpClassStmt": "create operator class",
	"CreateOpFamilyStmt": "create operator family", "AlterOpFamilyStmt": "alter operator family",
	"AlterTSDictionaryStmt": "alter text search dictionary", "AlterTSConfigurationStmt": "alter text search configuration",
	"RefreshMatViewStmt": "refresh materialized view", "SecLabelStmt": "security label", "ReassignOwnedStmt": "reassign owned",
	"ConstraintsSetStmt": "set constraints", "ImportForeignSchemaStmt": "import foreign schema",
}

// command returns a utility statement's name, and whether m is a statement at all.
func command(m proto.Message) (string, bool) {
	name := string(m.ProtoReflect().Descriptor().Name())
	if s, ok := commands[name]; ok {
		return s, true
	}
	words, ok := strings.CutSuffix(name, "Stmt")
	if !ok {
		return "", false
	}
	verb := "alter "
	switch x := m.(type) {
	case *pg.AlterTableStmt:
		return verb + sort(x.GetObjtype()), true
	case *pg.RenameStmt:
		return verb + sort(x.GetRenameType()), true
	case *pg.AlterOwnerStmt:
		return verb + sort(x.GetObjectType()), true
	case *pg.AlterObjectSchemaStmt:
		return verb + sort(x.GetObjectType()), true
	case *pg.AlterObjectDependsStmt:
		return verb + sort(x.GetObjectType()), true
	case *pg.AlterFunctionStmt:
		return verb + sort(x.GetObjtype()), true
	case *pg.DefineStmt:
		return "create " + sort(x.GetKind()), true
	case *pg.CreateRoleStmt:
		return "create " + enum(x.GetStmtType(), "ROLESTMT_"), true
	}
	for _, verb := range []string{"Create", "Alter", "Drop", "Import", "Refresh", "Reassign", "Rename"} {
		if strings.HasPrefix(words, verb) {
			return spaced(words), true
		}
	}
	return "", false
}

// spaced writes CreateForeignServer as "create foreign server".
func spaced(camel string) string {
	var b strings.Builder
	for i, r := range camel {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
