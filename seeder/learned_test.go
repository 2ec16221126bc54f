package seeder

import (
	"slices"
	"testing"

	"honeyrow/seeder/generate"
)

// text is a value of a sampled row.
func text(s string) *string { return &s }

// learned is what is learnt from a sample of a table whose columns have these classes.
// Those copied are drawn as another row has them.
func learned(t *testing.T, s *Sample, classes []generate.Class, copied ...string) *study {
	t.Helper()
	tb := &Table{Name: "t"}
	for i, c := range s.Columns {
		tb.Columns = append(tb.Columns, &Column{Name: c, Type: string(classes[i]), Class: classes[i], CanSelect: true, CanInsert: true})
	}
	st, err := learn(tb, s, func(c string) string {
		if slices.Contains(copied, c) {
			return "copy"
		}
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	return st
}
