// Package sqlfacts understands statements: it cuts a text into lexemes, knows
// its shape, and turns a shape into facts with the help of a dialect's parser.
//
//	text ──Lex──▶ Text (slots, marks, shape) ──cache──▶ Facts
//	                   └─ miss: Surrogate ──Dialect.Parse──▶ trees ──▶ Facts
//
// A surrogate is the text with its comments gone, its versioned comments
// resolved as the server at hand would, and each literal replaced by one that
// says its slot. Parsers see surrogates only: facts belong to a shape, no value
// of a client's enters a parser, and what a parser sees is bounded.
package sqlfacts

import (
	"context"
	"errors"
)

// Flavour is whose SQL a server speaks.
type Flavour uint8

// The flavours.
const (
	PostgreSQL Flavour = iota
	MySQL
	MariaDB
)

// Env is what the meaning of a text depends on beside itself.
type Env struct {
	Flavour Flavour
	// Version is the server's as its versioned comments count it: 80400 for
	// MySQL 8.4.0, 101106 for MariaDB 10.11.6, 150018 for PostgreSQL 15.18; 0:
	// unknown, taken for the newest.
	Version int
	// ANSIQuotes: "x" is an identifier (MySQL's sql_mode; PostgreSQL always).
	ANSIQuotes bool
	// NoBackslash: a backslash in a string is itself (MySQL's
	// NO_BACKSLASH_ESCAPES; PostgreSQL's standard_conforming_strings = on).
	NoBackslash bool
	// PipesConcat: || joins texts (MySQL's PIPES_AS_CONCAT; PostgreSQL always).
	PipesConcat bool
	// Charset is the client's character set, by the server's name, lower case:
	// the lexer must know gbk, sjis, big5, gb18030 and cp932, in which the second
	// byte of a character may look like a backslash or a quote.
	Charset string
}

// Dialect is a parser.
type Dialect interface {
	// Parse turns a surrogate into trees, one a statement. An error means that
	// the parser could not; it is no sign of harm or harmlessness. It must
	// return soon after ctx ends, and be safe for concurrent use. The surrogate
	// belongs to the caller.
	Parse(ctx context.Context, surrogate []byte, env Env) ([]*Node, error)
}

// ErrUnavailable is wrapped by a Dialect's error that says nothing of the text:
// the parser was busy, starting or closed. Facts that came about without it for
// that reason alone are not kept for the shape.
var ErrUnavailable = errors.New("no parser at hand")

// ErrKiller is wrapped by a Dialect's error about a text that harms the parser:
// its process died of it or had to be killed, now or when it was tried before.
// Facts of such a text say so (Facts.Killer).
var ErrKiller = errors.New("the text harms the parser")
