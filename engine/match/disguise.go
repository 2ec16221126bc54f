package match

// Disguise is how a value is hidden that stands somewhere.
type Disguise uint8

// The disguises. The outermost one names what is hidden in several.
const (
	Plain    Disguise = iota
	Case              // in other letters: upper, lower, mixed
	Reversed          // backwards
	Escaping          // escapes of URL, HTML, XML, JSON, SQL, COPY, MIME in it
	Hex               // hexadecimal digits, with or without separators
	Base64            // standard or URL alphabet, at any alignment, in any lines
	Wide              // UTF-16 or UTF-32
	Spaced            // something between its characters
	Zlib              // compressed as by MySQL's COMPRESS
	MD5               // its digests
	SHA1
	SHA256
	Chunks   // read piece by piece
	Numbered // its characters by their numbers
)

var disguiseNames = [...]string{"", "case", "reversed", "escaped", "hex", "base64", "utf-16", "spaced", "compressed", "md5", "sha1", "sha256", "pieces", "numbers"}

// String returns the word that detections use; nothing for Plain.
func (d Disguise) String() string {
	if int(d) < len(disguiseNames) {
		return disguiseNames[d]
	}
	return ""
}

// Sight is one value that stands in a text: between text[At] and text[End].
type Sight struct {
	Value   Value
	At, End int
	As      Disguise
	// Apart says that no letter or digit stands beside it, in the text or, for
	// a disguise that was undone, in what came out.
	Apart bool
}

// coded reports whether a firm value counts in this disguise: where nothing but
// an encoder can have made it. Backwards it may be any other number.
func (d Disguise) coded() bool { return d == Hex || d == Base64 || d == Wide || d == Escaping }

// Sights calls seen for every value that stands in b, plain or in a disguise,
// until seen returns false. It reports whether it went to the end. Plain ones
// come first; a value may come in several ways. In disguise only strong values
// are seen, and firm ones apart and in a code.
func (x *Index) Sights(b []byte, seen func(Sight) bool) bool {
	for f := x.Find(b); ; {
		v, at, ok := f.Next()
		if !ok {
			break
		}
		if !seen(Sight{v, at, f.End(), f.As(), f.As() == Plain && Apart(b, at, f.End()-at)}) {
			return false
		}
	}
	return x.hidden(b, 0, seen)
}
