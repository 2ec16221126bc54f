package main

import (
	"fmt"

	"honeyrow/internal/app"
)

type versionCmd struct{}

// Help is shown by --help.
func (versionCmd) Help() string { return "Example: honeyrow version --json" }

// Run prints the version.
func (versionCmd) Run(e *env) error {
	b := app.Build()
	if e.json {
		return e.printJSON(b)
	}
	fmt.Fprintf(e.stdout, "honeyrow %s\n", app.Version())
	fmt.Fprintf(e.stdout, "built with %s for %s/%s", b.Go, b.OS, b.Arch)
	if b.Revision != "" {
		fmt.Fprintf(e.stdout, " from %s", b.Revision)
	}
	fmt.Fprintln(e.stdout)
	return nil
}
