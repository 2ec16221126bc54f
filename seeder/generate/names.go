package generate

import (
	"math/rand/v2"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names is the vocabulary of a table: the names that its rows hold. It is used
// by one goroutine.
type Names struct {
	First, Last []string // with repeats, as the rows hold them
	// Of are the names of the whole table, if these are a part's; else nil.
	Of *Names

	// Persons are whole names, the first name and the last, by which it is told what goes
	// together; empty if nothing is to be told (a country's names all do).
	Persons [2][]string

	// Elsewhere are first and last names of another table's persons, with repeats: of the
	// same people, of whom new ones are taken first. Nil if there is none.
	Elsewhere [2][]string
	// Meet reports whether a first and a last name can be one person's; nil if nothing
	// tells.
	Meet func(first, last string) bool

	all         [2]*vocabulary // of the table, of first names and last; made when first needed
	first, last *lexicon       // the same of these
	couples     *couples       // nil if any name goes with any
}

// NewNames collects the names of a table from the values of its columns of
// first names, last names and full names, each of which may be nil.
func NewNames(first, last, full []string) *Names {
	n := &Names{First: first, Last: last}
	for _, v := range full {
		f, l := SplitName(v)
		if f != "" && l != "" {
			n.First, n.Last = append(n.First, f), append(n.Last, l)
		}
	}
	return n
}

// Person draws a first and a last name. Each is either one that the table
// holds already or, with the probability that a next real row would bring an
// unseen one (Good and Turing: the share of names that occur once), a new one
// that is spelt as the table's are.
// From the fifth attempt on the last name is a new one: the table's own names
// are all paired already.
func (n *Names) Person(r *rand.Rand, attempt int) (first, last string) {
	n.learn()
	if n.couples != nil && attempt < 4 {
		return n.couples.person(r, n)
	}
	for range 40 {
		if first, last = n.person(r, attempt >= 4); n.Meet == nil || n.Meet(first, last) {
			break
		}
	}
	return first, last
}

func (n *Names) person(r *rand.Rand, fresh bool) (first, last string) {
	first, last = n.first.pick(r, false), n.last.pick(r, fresh)
	if first == "" {
		first = n.first.another(r, false, n.last.lists.speaks(last))
	}
	if last == "" {
		last = n.last.another(r, fresh, n.first.lists.speaks(first))
	}
	return first, last
}

func (n *Names) learn() {
	if n.first != nil {
		return
	}
	of := n
	if n.Of != nil {
		of = n.Of
	}
	all := of.vocabularies()
	for i, names := range n.Elsewhere {
		if len(names) > 0 {
			v := *all[i]
			v.lists = v.lists.with(names)
			all[i] = &v
		}
	}
	n.first, n.last = newLexicon(n.First, all[0]), newLexicon(n.Last, all[1])
	n.couples = newCouples(n.Persons[0], n.Persons[1])
}

func (n *Names) vocabularies() [2]*vocabulary {
	if n.all[0] == nil {
		n.all = [2]*vocabulary{newVocabulary(n.First, directoryOf(n.First, true), true), newVocabulary(n.Last, directoryOf(n.Last, false), false)}
	}
	return n.all
}

// SplitName takes a full name apart: "First Last", "First M. Last",
// "Last, First", with or without a form of address before it. Both are empty
// if the value is not a person's name.
func SplitName(v string) (first, last string) {
	v = strings.TrimSpace(v)
	if l, f, ok := strings.Cut(v, ","); ok {
		f, _, _ = strings.Cut(strings.TrimSpace(f), " ")
		if nameWord(f) && nameWord(strings.TrimSpace(l)) {
			return f, strings.TrimSpace(l)
		}
		return "", ""
	}
	fs := strings.Fields(v)
	for len(fs) > 2 && address[strings.ToLower(strings.TrimSuffix(fs[0], "."))] {
		fs = fs[1:]
	}
	if len(fs) < 2 || len(fs) > 4 {
		return "", ""
	}
	for _, f := range fs {
		if !nameWord(f) {
			return "", ""
		}
	}
	return fs[0], fs[len(fs)-1]
}

var address = map[string]bool{"mr": true, "mrs": true, "ms": true, "miss": true, "dr": true, "prof": true, "herr": true, "frau": true, "sir": true}

// nameWord reports whether s could be one part of a person's name.
func nameWord(s string) bool {
	n := utf8.RuneCountInString(s)
	if n < 1 || n > 30 {
		return false
	}
	letters := 0
	for i, r := range s {
		switch {
		case unicode.IsLetter(r):
			if i == 0 && unicode.IsLower(r) && n > 3 {
				return false
			}
			letters++
		case r == '\'' || r == '-' || r == '.' || r == '’' || r == ' ':
		default:
			return false
		}
	}
	return letters > 0
}

// Spellings are the ways in which logins, addresses and codes write a name's
// letters beyond a to z: as two letters, as the one without its mark, or not at
// all.
var Spellings = []func(string) string{ascii, bare, dropped}

func bare(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch f := folded[r]; {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case strings.ContainsRune("äöüæ", r):
			b.WriteByte(f[0])
		default:
			b.WriteString(f)
		}
	}
	return b.String()
}

func dropped(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(s))
}

// ascii writes a name with the letters that logins and addresses use.
func ascii(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		default:
			b.WriteString(folded[r])
		}
	}
	return b.String()
}

var folded = map[rune]string{
	'ä': "ae", 'ö': "oe", 'ü': "ue", 'ß': "ss", 'å': "a", 'á': "a", 'à': "a", 'â': "a", 'ã': "a", 'ą': "a", 'ă': "a",
	'æ': "ae", 'ç': "c", 'ć': "c", 'č': "c", 'ď': "d", 'đ': "d", 'é': "e", 'è': "e", 'ê': "e", 'ë': "e", 'ě': "e", 'ę': "e",
	'í': "i", 'ì': "i", 'î': "i", 'ï': "i", 'ł': "l", 'ñ': "n", 'ń': "n", 'ň': "n", 'ó': "o", 'ò': "o", 'ô': "o", 'õ': "o", 'ø': "o",
	'ř': "r", 'ś': "s", 'š': "s", 'ș': "s", 'ş': "s", 'ť': "t", 'ț': "t", 'ú': "u", 'ù': "u", 'û': "u", 'ů': "u",
	'ý': "y", 'ź': "z", 'ż': "z", 'ž': "z", 'ğ': "g", 'ı': "i", 'ő': "o", 'ű': "u", 'ū': "u", 'ī': "i", 'ņ': "n", 'ģ': "g", 'ţ': "t",
}
