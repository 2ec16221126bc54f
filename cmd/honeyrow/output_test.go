package main

import (
	"strings"
	"testing"
)

func TestATableFitsTheTerminal(t *testing.T) {
	x := table{head: []string{"NUMBER", "STATE", "SUMMARY"}}
	x.add("1", "open", "4 honey rows of crm.public.customers read by jhartmann from 127.0.0.1")
	x.add("17", "open", "short")
	for _, c := range []struct {
		columns int
		want    string
	}{
		{0, "NUMBER  STATE  SUMMARY\n1       open   4 honey rows of crm.public.customers read by jhartmann from 127.0.0.1\n17      open   short\n"},
		{55, "NUMBER  STATE  SUMMARY\n1       open   4 honey rows of crm.public.customers\n               read by jhartmann from 127.0.0.1\n17      open   short\n"},
		{40, "NUMBER  STATE\n    SUMMARY\n1       open\n    4 honey rows of crm.public.customers\n    read by jhartmann from 127.0.0.1\n17      open\n    short\n"},
	} {
		var b strings.Builder
		if x.fit(&b, c.columns); b.String() != c.want {
			t.Errorf("%d columns:\n%swant\n%s", c.columns, b.String(), c.want)
		}
	}
}

// No line is wider than the terminal, whatever has room in it, and none is empty.
func TestARowThatDoesNotFitGoesOnBelow(t *testing.T) {
	x := table{head: []string{"TIME", "RULE", "CLIENT", "ERROR"}}
	x.add("2026-11-23 04:34:11 UTC", "honey-row-read", "app@127.0.0.1:40123", "connection refused")
	x.add("2026-11-23 04:34:12 UTC", "drill", "", "")
	want := "TIME                     RULE\n    CLIENT  ERROR\n" +
		"2026-11-23 04:34:11 UTC  honey-row-read\n    app@127.0.0.1:40123  connection\n    refused\n" +
		"2026-11-23 04:34:12 UTC  drill\n"
	var b strings.Builder
	if x.fit(&b, 42); b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestForeignTextCantSteerATerminal(t *testing.T) {
	got := printable("a\x1b[31m b\u202ec\nd\te")
	if want := `a\x1b[31m b\u202ec d e`; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}
