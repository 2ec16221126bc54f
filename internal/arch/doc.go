// Package arch holds the import rules of honeyrow as data, each with its
// reason, and the tests that keep them: which package may never reach which,
// where cgo may stand, and that every member of a family of files (alert
// sinks, generators of honey values) stands in its family's list. It has no
// code of its own at run time.
package arch
