// Package baseline remembers which shapes of statements each user and application
// sends, in a file that a person can read and edit.
//
//	statements ──Learner──▶ Book ──Write──▶ baseline.yaml ──Read──▶ Book ──▶ Known.Has
//
// A shape never seen before proves nothing by itself: applications change. It
// makes other findings graver. The file holds shapes as readable text, since the
// hashes of package sqlfacts are another process's secret in each process.
package baseline

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"honeyrow/engine/sqlfacts"
)

// Identity is who sends statements, as far as a baseline goes.
type Identity struct {
	Server, User, Application string
}

// Fold makes applications one whose names differ in numbers only, such as
// "worker 17 [3 of 10 busy]": each number is a #. It cuts names of more than 128
// bytes.
func Fold(application string) string {
	if len(application) > 128 {
		application = strings.ToValidUTF8(application[:128], "")
	}
	if !strings.ContainsAny(application, "0123456789") {
		return application
	}
	var b strings.Builder
	digit := false
	for _, r := range application {
		d := r >= '0' && r <= '9'
		switch {
		case d && !digit:
			b.WriteByte('#')
		case !d:
			b.WriteRune(r)
		}
		digit = d
	}
	return b.String()
}

// Shape is what a Book says of one shape.
type Shape struct {
	// SQL is the shape as text: 0 for numbers, 'x' for strings.
	SQL string
	// Marks are those of the text that have been seen with it, of which any counts:
	// the same words with a comment at the end are another shape.
	Marks sqlfacts.Marks
	// Weak are the detectors that saw something in it, too weak for an alert.
	Weak  []string
	Count uint64
	// First and Last are when it was seen, to the day.
	First, Last time.Time
}

// Hash names a shape in the file: 16 hexadecimal digits that depend on SQL and
// Marks alone.
func (s *Shape) Hash() string {
	sum := sha256.Sum256([]byte(s.SQL + "\x00" + strings.Join(markNames(s.Marks), ",")))
	return hex.EncodeToString(sum[:8])
}

// Book is a baseline: immutable once it is in use, and safe for any number of
// goroutines then.
type Book struct {
	of    map[Identity]*Known
	users map[[2]string]bool // server, user
}

// NewBook returns an empty baseline.
func NewBook() *Book { return &Book{of: map[Identity]*Known{}, users: map[[2]string]bool{}} }

// Add adds shapes of an identity, those that it has had before as well.
func (b *Book) Add(id Identity, shapes ...Shape) {
	k := b.of[id]
	if k == nil {
		k = &Known{index: map[string]int{}, weak: map[string]int{}}
		b.of[id] = k
		b.users[[2]string{id.Server, id.User}] = true
	}
	for _, s := range shapes {
		h := s.Hash()
		i, ok := k.index[h]
		if !ok {
			for _, w := range s.Weak {
				k.weak[w]++
			}
			k.index[h] = len(k.shapes)
			k.shapes = append(k.shapes, s)
			continue
		}
		o := &k.shapes[i]
		for _, w := range s.Weak {
			if !slices.Contains(o.Weak, w) {
				o.Weak = append(slices.Clone(o.Weak), w)
				k.weak[w]++
			}
		}
		o.Count += s.Count
		if s.First.Before(o.First) {
			o.First = s.First
		}
		if s.Last.After(o.Last) {
			o.Last = s.Last
		}
	}
}

// Of returns what is known of an identity, whose Application is folded; nil: it
// is not known at all.
func (b *Book) Of(id Identity) *Known { return b.of[id] }

// HasUser reports whether any application of a user is known.
func (b *Book) HasUser(server, user string) bool { return b.users[[2]string{server, user}] }

// Identities returns all identities, sorted.
func (b *Book) Identities() []Identity {
	return slices.SortedFunc(maps.Keys(b.of), func(x, y Identity) int {
		return cmp.Or(cmp.Compare(x.Server, y.Server), cmp.Compare(x.User, y.User), cmp.Compare(x.Application, y.Application))
	})
}

// Size returns the number of identities and of their shapes.
func (b *Book) Size() (identities, shapes int) {
	for _, k := range b.of {
		shapes += len(k.shapes)
	}
	return len(b.of), shapes
}

// Known are the shapes of one identity.
type Known struct {
	shapes []Shape
	index  map[string]int // by hash
	weak   map[string]int // shapes by detectors that saw something in them

	mu   sync.RWMutex
	sets []envSet

	graftMu sync.RWMutex
	grafts  *grafting // nil: not asked yet
}

// maxEnvs bounds for how many meanings of the same text a set is kept.
const maxEnvs = 8

// envSet holds the shapes as they are in one environment.
type envSet struct {
	env  sqlfacts.Env
	have map[uint64]sqlfacts.Marks // by Text.Pattern
}

// Shapes returns the shapes, sorted by text; the slice is the caller's.
func (k *Known) Shapes() []Shape {
	return slices.SortedFunc(slices.Values(k.shapes), func(a, b Shape) int {
		return cmp.Or(cmp.Compare(a.SQL, b.SQL), cmp.Compare(a.Marks, b.Marks))
	})
}

// Bounds of what is usual.
const (
	usualShapes = 3
	usualShare  = 10 // one in so many
)

// Usual reports whether a detector sees something weak in so many of the shapes
// that it tells nothing: who reads the catalogue all day will read it tomorrow.
func (k *Known) Usual(detector string) bool {
	n := k.weak[detector]
	return n >= usualShapes && n*usualShare >= len(k.shapes)
}

// telling are the marks that make a shape another one.
const telling = ^(sqlfacts.Oversize | sqlfacts.DoubleEncoded)

// Has reports whether a text's shape is known. It allocates only the first time
// that it is asked in an environment.
func (k *Known) Has(t *sqlfacts.Text) bool {
	marks, ok := k.in(t.Env)[t.Pattern]
	return ok && t.Marks&telling&^marks == 0
}

func (k *Known) in(env sqlfacts.Env) map[uint64]sqlfacts.Marks {
	k.mu.RLock()
	for i := range k.sets {
		if k.sets[i].env == env {
			have := k.sets[i].have
			k.mu.RUnlock()
			return have
		}
	}
	k.mu.RUnlock()
	have := make(map[uint64]sqlfacts.Marks, len(k.shapes))
	var t sqlfacts.Text
	for i := range k.shapes {
		t.Lex([]byte(k.shapes[i].SQL), env)
		have[t.Pattern] |= k.shapes[i].Marks
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.sets) < maxEnvs {
		k.sets = append(k.sets, envSet{env, have})
	} else {
		k.sets[0] = envSet{env, have}
	}
	return have
}

// markName is a mark's name in the file.
type markName struct {
	mark sqlfacts.Marks
	name string
}

var names = []markName{
	{sqlfacts.CommentTail, "comment-tail"},
	{sqlfacts.CommentSplit, "comment-split"},
	{sqlfacts.CommentExec, "comment-exec"},
	{sqlfacts.CommentSkip, "comment-skip"},
	{sqlfacts.Unclosed, "unclosed"},
	{sqlfacts.Stacked, "stacked"},
	{sqlfacts.OddSpace, "odd-space"},
	{sqlfacts.MixedCase, "mixed-case"},
	{sqlfacts.OddNumber, "odd-number"},
	{sqlfacts.CharBuild, "char-build"},
	{sqlfacts.BadEncoding, "bad-encoding"},
}

func markNames(m sqlfacts.Marks) []string {
	var out []string
	for _, n := range names {
		if m&n.mark != 0 {
			out = append(out, n.name)
		}
	}
	return out
}
