//go:build cgo

package pgsql

import (
	"errors"
	"fmt"

	pg "github.com/pganalyze/pg_query_go/v6"
	"github.com/pganalyze/pg_query_go/v6/parser"

	"honeyrow/engine/sqlfacts"
)

// parse parses a text in this process: for the worker.
func parse(text []byte) ([]*sqlfacts.Node, error) {
	if err := admit(text); err != nil {
		return nil, err
	}
	result, err := pg.Parse(string(text))
	if err == nil {
		return convert(result)
	}
	var refused *parser.Error
	if errors.As(err, &refused) {
		return nil, &SyntaxError{Message: short(refused.Message), Place: max(refused.Cursorpos, 0)}
	}
	return nil, fmt.Errorf("%w: %s", ErrLimit, short(err.Error())) // the parser's tree, too deep to be read
}
