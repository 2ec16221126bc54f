package main

import (
	"strings"
	"testing"

	"honeyrow/event"
)

func TestAQuarantineIsOrderedListedAndLiftedWithoutAProxy(t *testing.T) {
	dir := t.TempDir()
	must(t, dir, "init", "--name", "crm", "--server-address", "127.0.0.1:1", "--listen", "127.0.0.1:0", "--domain", "decoy.harborpost.test")
	if got := must(t, dir, "quarantine"); !strings.Contains(got, "nobody is in quarantine") {
		t.Errorf("at first: %q", got)
	}
	must(t, dir, "quarantine", "add", "--address", "::ffff:10.0.0.7", "--for", "2h", "--note", "nobody knows it")
	must(t, dir, "quarantine", "add", "--user", "app", "--for", "10m")
	qs := lines[event.Quarantined](t, must(t, dir, "--json", "quarantine", "list"))
	if len(qs) != 2 || qs[0].Subject != "app" || qs[0].Server != "crm" || qs[1].Subject != "10.0.0.7" || qs[1].Note != "nobody knows it" || qs[1].Author == "" {
		t.Fatalf("listed: %+v", qs)
	}
	for args, says := range map[string]string{
		"lift mallory": "not in quarantine", "lift ": "name who", "add --for 1h": "say who", "add --user a --server b": "one of crm",
		"lift " + string(qs[0].ID[:1]): "may be one of 2",
	} {
		if r := honeyrow(t, dir, append([]string{"quarantine"}, strings.Fields(args)...)...); r.code == exitOK || !strings.Contains(r.stderr, says) {
			t.Errorf("%s: code %d, %s", args, r.code, r.stderr)
		}
	}
	if got := must(t, dir, "quarantine", "lift", "10.0.0.7", string(qs[0].ID), "--note", "our own"); strings.Count(got, "is let in again") != 2 {
		t.Errorf("lifted: %q", got)
	}
	if got := must(t, dir, "quarantine", "list"); !strings.Contains(got, "nobody is in quarantine") {
		t.Errorf("in the end: %q", got)
	}
	if got := must(t, dir, "quarantine", "list", "--all"); strings.Count(got, "lifted ") < 2 || !strings.Contains(got, "our own") {
		t.Errorf("all: %q", got)
	}
	if got := must(t, dir, "alerts", "verify"); !strings.Contains(got, "5 links") {
		t.Errorf("the audit: %q", got)
	}
}
