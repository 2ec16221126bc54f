// Package match is the token index: an immutable structure, compiled from one
// version of the registry, that answers "does one of our values stand here"
// while bytes fly past. It allocates nothing, on hits or without, and imports
// only what the hot path may hold.
//
// Two questions have two structures. Parts finds values of inspect.MinPart
// bytes and more anywhere in a region, by looking at one 8-byte window in
// five (parts.go). Whole finds fields that equal a value, by length, filter
// and table (set.go), over all columns or over one column known by provenance.
package match
