package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestManyRowsArePlantedOneByOneAndTheReportTellsWhatItTook(t *testing.T) {
	file := filepath.Join(t.TempDir(), "figures.md")
	if err := run(t.Context(), strings.Fields("-db postgres -tables 5 -rows 2 -people 60 -batch 1 -tokens 500 -measure=false -quiet -markdown "+file), io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| honey rows, tables, tokens | 10, 5, ", "| transactions, trials included | 20 |", "| \"where is this value\" among | 500 tokens |", "| longest | ", "| `seed verify`, without measuring | ", "| `seed remove` | "} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}
