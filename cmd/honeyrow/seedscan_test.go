package main

import (
	"slices"
	"testing"

	"honeyrow/seeder"
)

func TestAReasonThatManyTablesShareIsToldOnce(t *testing.T) {
	const view, mine = "it is a view: rows are planted in the tables beneath it", "trigger up is written in plpython3u and may act outside"
	rs := []seeder.Ranked{{Reasons: []string{mine}}}
	for range 5 {
		rs = append(rs, seeder.Ranked{Reasons: []string{view, "short"}})
	}
	marks, notes := footnotes(rs)
	if !slices.Equal(notes, []string{view}) || marks[view] != "[1]" || marks[mine] != "" || marks["short"] != "" {
		t.Errorf("marks %v, notes %v", marks, notes)
	}
}
