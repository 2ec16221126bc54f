package main

import "testing"

func TestForeignTextCantSteerATerminal(t *testing.T) {
	got := printable("a\x1b[31m b\u202ec\nd\te")
	if want := `a\x1b[31m b\u202ec d e`; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}
