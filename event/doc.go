// Package event holds the nouns that outlive a connection: who the client is,
// what was seen, what was decided about it. It is the vocabulary that every
// other package shares, so it imports none of them and changes rarely.
package event
