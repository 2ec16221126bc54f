// Package generate makes honey values: one generator per file, each for one
// meaning that a column can have. A generator looks at the column's name and
// at values that real rows hold, says how sure it is, and makes a value that
// fits among them and can do no harm: no living person's mailbox, telephone,
// bank account, card or number.
//
// To add a generator, write one file and add a line to the list in list.go.
package generate

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
	"unicode/utf8"

	"honeyrow/token"
)

// Class is a column's type in words that all database products share.
type Class string

// The classes.
const (
	Text      Class = "text"
	Integer   Class = "integer"
	Decimal   Class = "decimal" // numeric, money, floating point
	Bool      Class = "bool"
	Date      Class = "date"
	Timestamp Class = "timestamp" // with or without time zone
	TimeOfDay Class = "time"
	UUID      Class = "uuid"
	Bytes     Class = "bytes"
	JSON      Class = "json"
	Enum      Class = "enum"
	Array     Class = "array"
	Network   Class = "network" // inet, cidr
	Other     Class = "other"
)

// Column is what a generator knows about a column. Its slices belong to the
// caller and are only read.
type Column struct {
	Table, Name string
	Class       Class
	MaxLen      int // in characters; 0: no limit
	Scale       int // digits after the point of Decimal; -1: not fixed
	Unique      bool
	// Rows is the server's estimate of the table's rows, 0 if there is none.
	Rows int64
	// Last is the greatest value in the whole table, if it was asked for.
	Last string
	// Values are the sampled values in text form without NULLs, in the order
	// of their rows, with repeats.
	Values []string

	grain time.Duration // of its times, once it was asked for
	// fractions are how many of its times have so many digits behind the second's
	// point, once they were asked for.
	fractions []int
	// Near is how many days a birthday moves at most, 0: as far as usual.
	Near    int
	numbers *numbers // that its values are, once they were asked for
}

// Holding returns the column with other values.
func (c *Column) Holding(values []string) Column {
	out := *c
	out.Values, out.grain, out.fractions, out.numbers = values, 0, nil, nil
	return out
}

// Row is the honey row that a value is made for. Generators that come later in
// a row read what earlier ones have put here.
type Row struct {
	// First and Last name the person whom the row describes; WasFirst and
	// WasLast the one of the template row, empty if it names nobody.
	First, Last       string
	WasFirst, WasLast string
	// Given are the given names of somebody who is called First, for a column of
	// given names beside that of the name in use; empty if nobody is.
	Given string
	// Spell is the one of Spellings in which the table's logins and addresses
	// write names.
	Spell int
	// Numbered says that the column's logins or addresses bear a number where an
	// earlier one is the same without it, as the table writes them.
	Numbered bool
	// Was is the template row's value in this column, empty if NULL.
	Was string
	// Local is what rows of the honey row's place hold in this column: of a postcode those
	// of its town, of a street those of its country; empty if nothing is known.
	Local []string
	// At, if not zero, is the date or time that the column is to hold, as a clock on
	// the wall shows it.
	At time.Time
	// Shift moves other dates and times of the row together.
	Shift time.Duration
	// Anchor and Scale, if Scale is not 0, also draw the dates after Anchor
	// nearer to it, so that a row that becomes the newest has no history that
	// reaches beyond now.
	Anchor time.Time
	Scale  float64
	// Now is the time at which the plan is made: no moved date passes it,
	// unless the template's lay in the future.
	Now time.Time
	// Domain is the owner's decoy mail domain, empty if none is set.
	Domain string
	// CardPrefix is a BIN that the owner's acquirer has closed, or empty.
	CardPrefix string
	// PhoneRanges are the first digits of telephone numbers that are the
	// owner's own, in the notation of columns.
	PhoneRanges []string
	// Attempt counts the draws of this value from 0. Numbers get finer as it
	// rises, so that a value that nobody else has is found.
	Attempt int
	// Number counts the honey rows of the table from 0.
	Number int
}

// Trait says what a kind is worth.
type Trait struct {
	// Strength is what a sighting of such a value proves.
	Strength token.Strength
	// Watch asks for a value that is unique in its table, and registers it.
	Watch bool
	// Weight says how tempting such a column is to a thief, 0 to 20.
	Weight int
	// Person marks values that identify somebody: they are never copied.
	Person bool
	// Safe says why such a value harms nobody, for the plan.
	Safe string
}

// Generator makes values of one kind. Implementations hold no state.
type Generator interface {
	// Kind is the word that plans, tokens and alerts use.
	Kind() string
	// Trait says what such values are worth.
	Trait() Trait
	// Fit says how well the column suits the kind, 0 (not at all) to 100, and
	// why, in words for the plan. The reason quotes no value.
	Fit(c *Column) (score int, reason string)
	// Value makes a value in text form for a row. An error says why the column
	// cannot be given one, without quoting values.
	Value(r *rand.Rand, c *Column, row *Row) (string, error)
}

// Narrow is a Generator whose values may come from a range so small that other
// rows hold one of them by chance, now or later.
type Narrow interface {
	// Narrow says why the range is small, in words for the plan, "" if it is not.
	// Of row, the owner's ranges and prefixes count.
	Narrow(c *Column, row *Row) string
}

// MinFit is the score from which a kind is believed.
const MinFit = 50

// Best returns the generator that suits the column best, or nil if none
// reaches MinFit.
func Best(c *Column) (g Generator, score int, reason string) {
	for _, cand := range All() {
		if s, why := cand.Fit(c); s > score {
			g, score, reason = cand, s, why
		}
	}
	if score < MinFit {
		return nil, score, reason
	}
	return g, score, reason
}

// Make returns g's value for a row after checking that the column can hold it.
func Make(g Generator, r *rand.Rand, c *Column, row *Row) (string, error) {
	v, err := g.Value(r, c, row)
	switch {
	case err != nil:
		return "", err
	case v == "" && row.Was != "":
		return "", errors.New("the value came out empty")
	case strings.ContainsRune(v, 0) || !utf8.ValidString(v):
		return "", errors.New("the value is no text")
	case !c.fits(v):
		return "", errors.New("the column is too short for the value")
	}
	return v, nil
}

// ByKind returns the generator of that kind, or an error that lists all kinds.
func ByKind(kind string) (Generator, error) {
	var kinds []string
	for _, g := range All() {
		if g.Kind() == kind {
			return g, nil
		}
		kinds = append(kinds, g.Kind())
	}
	return nil, fmt.Errorf("unknown kind %q: use one of %s", kind, strings.Join(kinds, ", "))
}

// New returns a source of randomness that gives the same draws for the same
// seed and name on every machine.
func New(seed uint64, name string) *rand.Rand {
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return rand.New(rand.NewPCG(seed, h))
}
