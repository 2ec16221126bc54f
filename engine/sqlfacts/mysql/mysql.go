// Package mysql is the dialect of MySQL and MariaDB: it parses statements with
// TiDB's parser, which is pure Go, and works round what that lacks.
//
//	surrogate ──▶ TiDB ──▶ convert ──▶ trees
//	                └─ refused: mend ──▶ TiDB ──▶ convert + what was cut off
//
// The parser cannot be stopped, so that the limits on what it is given are what
// bounds it (Limits).
package mysql

import (
	"context"
	"fmt"
	"sync"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	tidb "github.com/pingcap/tidb/pkg/parser/mysql"
	_ "github.com/pingcap/tidb/pkg/parser/test_driver" // the parser's literals

	"honeyrow/engine/sqlfacts"
)

// Parser is the dialect. The zero Parser is ready; it is safe for concurrent
// use.
type Parser struct {
	pool sync.Pool
}

var _ interface {
	sqlfacts.Dialect
	sqlfacts.Limited
} = (*Parser)(nil)

// Limits are what the parser is given: a parse takes about 1 µs and 1 KB a
// lexeme, so that 20,000 are some 30 ms and 30 MB (measured; without limits
// 5,000,000 brackets took 15 s and 2.4 GB).
func (p *Parser) Limits() sqlfacts.Limits {
	return sqlfacts.Limits{Size: 256 << 10, Kept: 20_000, Chain: 4000, Depth: 300}
}

// Parse turns a surrogate into trees. The error wraps sqlfacts.ErrMended if the
// trees are of a text that was changed to suit the parser.
func (p *Parser) Parse(ctx context.Context, surrogate []byte, env sqlfacts.Env) ([]*sqlfacts.Node, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	trees, first := p.parse(string(surrogate), env)
	if first == nil {
		return trees, nil
	}
	m := mend(surrogate, env)
	if m == nil {
		return nil, first
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	trees, err := p.parse(string(m.text), env)
	if err != nil {
		return nil, first
	}
	if err := m.attach(trees, func(text string) ([]*sqlfacts.Node, error) { return p.parseCut(text, env) }); err != nil {
		return nil, first
	}
	return trees, fmt.Errorf("%w: %s", sqlfacts.ErrMended, m.what)
}

// parseCut parses what was cut off, which may need mending too.
func (p *Parser) parseCut(text string, env sqlfacts.Env) ([]*sqlfacts.Node, error) {
	trees, err := p.parse(text, env)
	if err == nil {
		return trees, nil
	}
	if m := mend([]byte(text), env); m != nil && len(m.cuts) == 0 {
		return p.parse(string(m.text), env)
	}
	return nil, err
}

// parse calls TiDB's parser.
func (p *Parser) parse(text string, env sqlfacts.Env) ([]*sqlfacts.Node, error) {
	x, _ := p.pool.Get().(*parser.Parser)
	if x == nil {
		x = parser.New()
	}
	x.SetSQLMode(mode(env))
	stmts, _, err := x.ParseSQL(text)
	if err != nil {
		// A parser that has failed is not used again: its state is not documented.
		return nil, err
	}
	c := converter{}
	trees := make([]*sqlfacts.Node, 0, len(stmts))
	for _, s := range stmts {
		trees = append(trees, c.statement(s))
	}
	x.Reset()
	p.pool.Put(x)
	return trees, nil
}

// mode is the parser's sql_mode. Surrogates hold no backslashes in strings.
func mode(env sqlfacts.Env) tidb.SQLMode {
	m := tidb.ModeNoBackslashEscapes
	if env.ANSIQuotes {
		m |= tidb.ModeANSIQuotes
	}
	if env.PipesConcat {
		m |= tidb.ModePipesAsConcat
	}
	return m
}

// converter turns TiDB's trees into the common ones. It must not keep anything
// of the parser's.
type converter struct{}

func node(k sqlfacts.Kind, name string, args ...*sqlfacts.Node) *sqlfacts.Node {
	n := &sqlfacts.Node{Kind: k, Name: name, Slot: -1}
	for _, a := range args {
		if a != nil {
			n.Args = append(n.Args, a)
		}
	}
	return n
}

// text is a String node for a literal that the parser keeps as a Go string.
func text(s string) *sqlfacts.Node {
	slot, _ := sqlfacts.SlotOfString(s)
	return &sqlfacts.Node{Kind: sqlfacts.String, Slot: slot}
}

// name is an identifier that may have been written as a literal, whose value
// must not be in a tree.
func name(s ast.CIStr) string { return plain(s.L) }

func plain(s string) string {
	if _, ok := sqlfacts.SlotOfString(s); ok {
		return "?"
	}
	return s
}
