//go:build !cgo

package pgsql

import "honeyrow/engine/sqlfacts"

// Without cgo there is no PostgreSQL parser, and the compiler would say so in
// words that help nobody. This line makes it say what to do.
func parse([]byte) ([]*sqlfacts.Node, error) {
	return honeyrow_needs_a_C_compiler__install_gcc_and_libc6_dev_and_build_with_CGO_ENABLED_1
}
