package sqlfacts_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"honeyrow/engine/sqlfacts"
)

// late is a parser that is not there the first time.
type late struct{ asked int }

func (l *late) Parse(context.Context, []byte, sqlfacts.Env) ([]*sqlfacts.Node, error) {
	if l.asked++; l.asked == 1 {
		return nil, fmt.Errorf("%w: it starts", sqlfacts.ErrUnavailable)
	}
	return []*sqlfacts.Node{{Kind: sqlfacts.Select, Slot: -1}}, nil
}

func TestAShapeThatCameWhileTheParserWasAwayIsParsedTheNextTime(t *testing.T) {
	d := &late{}
	a := sqlfacts.NewAnalyser(sqlfacts.Config{Timeout: time.Minute}, map[sqlfacts.Flavour]sqlfacts.Dialect{sqlfacts.PostgreSQL: d})
	for i, want := range []sqlfacts.Source{sqlfacts.Scanned, sqlfacts.Parsed, sqlfacts.Parsed} {
		var text sqlfacts.Text
		text.Lex([]byte("SELECT 1"), sqlfacts.Env{Flavour: sqlfacts.PostgreSQL})
		if got := a.Analyse(context.Background(), &text).Source; got != want {
			t.Errorf("time %d: source %d, want %d", i+1, got, want)
		}
	}
	if d.asked != 2 {
		t.Errorf("the parser was asked %d times, want 2: once it was away, once it answered", d.asked)
	}
}
