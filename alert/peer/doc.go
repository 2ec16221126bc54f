// Package peer is what sinks share to speak with another machine: TLS, secrets
// that no error shows, an HTTP client that sorts answers into delivered, again
// and never again.
package peer
