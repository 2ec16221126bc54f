package match

import (
	"bytes"
	"compress/zlib"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"honeyrow/token"
)

func each(s string, f func(c byte) string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteString(f(s[i]))
	}
	return b.String()
}

func backwards(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

func wide(s string, o binary.AppendByteOrder) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = o.AppendUint16(b, u)
	}
	return string(b)
}

func lines(s string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\n")
		s = s[76:]
	}
	return b.String() + s
}

func deflated(s string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + b.String()
}

func joined(s, sep string) string { return strings.Join(strings.Split(s, ""), sep) }

// disguises are what a value is turned into, with how it must be recognised.
var disguises = []struct {
	name string
	as   Disguise
	make func(s string) string
}{
	{"upper", Case, strings.ToUpper},
	{"lower", Case, strings.ToLower},
	{"reversed", Reversed, backwards},
	{"reversed, upper", Reversed, func(s string) string { return strings.ToUpper(backwards(s)) }},
	{"hex", Hex, func(s string) string { return hex.EncodeToString([]byte(s)) }},
	{"HEX", Hex, func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) }},
	{"bytea", Hex, func(s string) string { return `\x` + hex.EncodeToString([]byte(s)) }},
	{"0x", Hex, func(s string) string { return "0x" + hex.EncodeToString([]byte(s)) }},
	{"hex, spaces", Hex, func(s string) string { return fmt.Sprintf("% x", s) }},
	{"hex, colons", Hex, func(s string) string { return strings.ReplaceAll(fmt.Sprintf("% X", s), " ", ":") }},
	{"hex, dashes", Hex, func(s string) string { return strings.ReplaceAll(fmt.Sprintf("% X", s), " ", "-") }},
	{"percent everything", Hex, func(s string) string { return "%" + strings.ReplaceAll(fmt.Sprintf("% x", s), " ", "%") }},
	{"quoted-printable everything", Hex, func(s string) string { return "=" + strings.ReplaceAll(fmt.Sprintf("% X", s), " ", "=") }},
	{"hex of hex", Hex, func(s string) string { return hex.EncodeToString([]byte(hex.EncodeToString([]byte(s)))) }},
	{"hex of upper", Hex, func(s string) string { return hex.EncodeToString([]byte(strings.ToUpper(s))) }},
	{"hex of UTF-16", Hex, func(s string) string { return hex.EncodeToString([]byte(wide(s, binary.LittleEndian))) }},
	{"base64", Base64, func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }},
	{"base64 at 1", Base64, func(s string) string { return base64.StdEncoding.EncodeToString([]byte("x" + s)) }},
	{"base64 at 2", Base64, func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte("xy" + s + "z")) }},
	{"base64 between bytes", Base64, func(s string) string {
		return base64.RawStdEncoding.EncodeToString([]byte("\xff\xfe" + s + "\xff\xff"))
	}},
	{"base64 URL", Base64, func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte("??>>" + s)) }},
	{"base64 lines", Base64, func(s string) string {
		return lines(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("some text ", 5) + s + strings.Repeat(" more text", 9))))
	}},
	{"base64 lines in JSON", Base64, func(s string) string {
		b, _ := json.Marshal(lines(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("some text ", 5) + s))))
		return string(b)
	}},
	{"base64 of base64", Base64, func(s string) string {
		return base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(s))))
	}},
	{"base64 of reversed", Base64, func(s string) string { return base64.StdEncoding.EncodeToString([]byte(backwards(s))) }},
	{"UTF-16 LE", Wide, func(s string) string { return wide(s, binary.LittleEndian) }},
	{"UTF-16 BE", Wide, func(s string) string { return wide(s, binary.BigEndian) }},
	{"UTF-32", Wide, func(s string) string { return each(s, func(c byte) string { return "\x00\x00\x00" + string(rune(c)) }) }},
	{"spaced", Spaced, func(s string) string { return joined(s, " ") }},
	{"commas", Spaced, func(s string) string { return "{" + joined(s, ",") + "}" }},
	{"comma and space", Spaced, func(s string) string { return joined(s, ", ") }},
	{"JSON array", Spaced, func(s string) string { return `["` + joined(s, `","`) + `"]` }},
	{"JSON array, spaces", Spaced, func(s string) string { return `["` + joined(s, `", "`) + `"]` }},
	{"one a line", Spaced, func(s string) string { return joined(s, "\n") }},
	{`\x41`, Escaping, func(s string) string { return each(s, func(c byte) string { return fmt.Sprintf(`\x%02x`, c) }) }},
	{`\u0041`, Escaping, func(s string) string { return each(s, func(c byte) string { return fmt.Sprintf(`\u%04x`, c) }) }},
	{`\101`, Escaping, func(s string) string { return each(s, func(c byte) string { return fmt.Sprintf(`\%03o`, c) }) }},
	{"&#65;", Escaping, func(s string) string { return each(s, func(c byte) string { return fmt.Sprintf(`&#%d;`, c) }) }},
	{"&#x41;", Escaping, func(s string) string { return each(s, func(c byte) string { return fmt.Sprintf(`&#x%X;`, c) }) }},
	{"COMPRESS", Zlib, deflated},
	{"md5", MD5, func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }},
	{"MD5", MD5, func(s string) string { return fmt.Sprintf("%X", md5.Sum([]byte(s))) }},
	{"md5 as uuid", MD5, func(s string) string {
		h := fmt.Sprintf("%x", md5.Sum([]byte(s)))
		return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	}},
	{"sha1", SHA1, func(s string) string { return fmt.Sprintf("%x", sha1.Sum([]byte(s))) }},
	{"sha256", SHA256, func(s string) string { return fmt.Sprintf("\\x%x", sha256.Sum256([]byte(s))) }},
}

var veiledValues = []string{
	"Agatha.Falkenstein@ledger.decoy.example", "sk_live_HR0a1B2c3D4e5F6g7H8i9J", "a.b@decoy.exam",
	"https://files.decoy.example/get?a=1&b=<x>&c=\"q\"\\d", "7c9e6679-7425-40de-944b-e07fc1f90ae7", "Ab0Cd1Ef2Gh3",
}

// placed puts a text into rows: at every offset of a word, between other fields.
func placed(s string, before int) []byte {
	b := append([]byte("D\x00\x00\x00\x63\x00\x03"), strings.Repeat("some words, ", 20)[:before]...)
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
	return append(b, "\x00\x00\x00\x05words\xff\xff\xff\xff"...)
}

func sights(x *Index, b []byte) []Sight {
	var out []Sight
	x.Sights(b, func(s Sight) bool { out = append(out, s); return true })
	return out
}

func TestAValueIsFoundInEveryDisguise(t *testing.T) {
	for _, d := range disguises {
		t.Run(d.name, func(t *testing.T) {
			for _, v := range veiledValues {
				x := strong(v)
				s := d.make(v)
				if s == v || d.as == Case && v == strings.ToLower(s) && strings.EqualFold(v, s) && s == v {
					continue
				}
				for before := range 67 {
					b := placed(s, before)
					got := sights(x, b)
					if len(got) == 0 || got[0].As != d.as || !x.Suspect(b) {
						t.Fatalf("%q as %q after %d bytes: %+v", v, s, before, got)
					}
					if at := 11 + before; got[0].At < at || got[0].End > at+len(s) || got[0].End-got[0].At < min(len(v), len(s)/2) {
						t.Fatalf("%q as %q at %d: %+v", v, s, at, got[0])
					}
					if len(got) > 1 {
						t.Logf("%q as %q after %d bytes: %d sights %+v", v, s, before, len(got), got)
					}
				}
			}
		})
	}
}

var escapers64 = map[string]func(string) string{
	"URL query": url.QueryEscape, "URL path": url.PathEscape, "HTML": html.EscapeString,
	"JSON": func(s string) string { b, _ := json.Marshal(s); return string(b) },
	"SQL":  func(s string) string { return strings.NewReplacer("'", "''", `\`, `\\`).Replace(s) },
	"COPY": func(s string) string { return strings.NewReplacer("\t", `\t`, "\n", `\n`, `\`, `\\`).Replace(s) },
	"quoted-printable": func(s string) string {
		return each(s, func(c byte) string {
			if safe(c) {
				return string(rune(c))
			}
			return fmt.Sprintf("=%02X", c)
		})
	},
	"rows in arrays": func(s string) string { return strings.NewReplacer(`"`, `\"\"`, `\`, `\\\\`).Replace(s) },
	"hexadecimal references": func(s string) string {
		return each(s, func(c byte) string {
			if safe(c) {
				return string(rune(c))
			}
			return fmt.Sprintf("&#x%02x;", c)
		})
	},
	"octal": func(s string) string {
		return each(s, func(c byte) string {
			if safe(c) {
				return string(rune(c))
			}
			return fmt.Sprintf(`\%03o`, c)
		})
	},
}

func TestAValueIsFoundWithEscapesInIt(t *testing.T) {
	for name, escape := range escapers64 {
		for _, v := range veiledValues {
			if percent(v) != "" && escape("@") != "@" && !strings.HasPrefix(name, "URL") {
				continue // no gram that is left alone: only the form in URLs is filed
			}
			x := strong(v)
			for before := range 40 {
				b := placed(escape(v), before)
				if len(sights(x, b)) == 0 || !x.Suspect(b) {
					t.Fatalf("%s: %q as %q is lost", name, v, escape(v))
				}
			}
		}
	}
}

// A slow oracle: undo is not what made the disguise, so all that can be asked of
// random data is that what is found is there, spelled out.
func TestNothingIsFoundInOrdinaryData(t *testing.T) {
	x := Compile(&token.Snapshot{Version: 1, Tokens: strongTokens(20_000)})
	for _, kind := range []string{"prose", "uuid", "sha256", "base64", "jwt", "json", "url", "bytes", "ints", "digits"} {
		size := 1 << 20
		if testing.Short() {
			size = 1 << 17
		}
		b := ordinary(kind, size)
		if got := sights(x, b); len(got) != 0 || x.Suspect(b) {
			t.Errorf("%s: %+v", kind, got)
		}
	}
}

func TestADisguiseOfAnotherValueIsSilent(t *testing.T) {
	x := strong(veiledValues...)
	for _, d := range disguises {
		for _, v := range veiledValues {
			near := []byte(v)
			near[len(near)-1]++
			other := "Z" + v[1:]
			for _, s := range []string{d.make(string(near)), d.make(other), d.make(v[1:])} {
				if got := sights(x, placed(s, 5)); len(got) > 0 && d.as != Plain {
					t.Errorf("%s of a neighbour of %q: %+v", d.name, v, got)
				}
			}
		}
	}
}

func TestAFirmValueCountsInACodeOnly(t *testing.T) {
	for _, v := range []string{"+44 20 7946 0958", "4929123456781234"} {
		x := Compile(&token.Snapshot{Tokens: []token.Token{{Value: v, Strength: token.Firm}}})
		for _, d := range disguises {
			want := d.as.coded() && d.name != "base64 at 1" && d.name != "base64 at 2" && d.name != "base64 between bytes" && d.name != "base64 of reversed"
			got := sights(x, placed(d.make(v), 3))
			if d.make(v) != v && (len(got) > 0) != want && d.as != Case {
				t.Errorf("%s of %q: %+v, want %v", d.name, v, got, want)
			}
		}
	}
}

func TestAnyCutFindsTheSameDisguises(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	x := strong(veiledValues...)
	for _, d := range disguises {
		if d.as == Zlib {
			continue // a stream that is cut cannot be inflated from its middle
		}
		for _, v := range veiledValues {
			if d.make(v) == v {
				continue
			}
			b := placed(d.make(v), r.IntN(80))
			for range 40 {
				var s Stream
				n := 0
				for rest := slices.Clone(b); len(rest) > 0; {
					k := min(len(rest), 1+r.IntN(1+r.IntN(90)))
					s.Scan(x, rest[:k], k == len(rest), func(h Hit) {
						if h.As == d.as {
							n++
						}
					})
					rest = rest[k:]
				}
				if n == 0 {
					t.Fatalf("%s of %q is lost in a stream", d.name, v)
				}
			}
		}
	}
}

func FuzzSights(f *testing.F) {
	for _, d := range disguises {
		f.Add([]byte(d.make(veiledValues[0])))
	}
	x := strong(veiledValues...)
	f.Fuzz(func(t *testing.T, b []byte) {
		got := sights(x, b)
		for _, s := range got {
			if s.At < 0 || s.End > len(b) || s.At >= s.End {
				t.Errorf("%+v of %d bytes", s, len(b))
			}
		}
		var s Stream
		s.Scan(x, b[:len(b)/2], false, func(Hit) {})
		s.Scan(x, b[len(b)/2:], true, func(Hit) {})
	})
}

func TestUndoingWhatIsNoTokenAllocatesNothing(t *testing.T) {
	x := Compile(&token.Snapshot{Version: 1, Tokens: strongTokens(1000)})
	for _, kind := range []string{"record", "prose", "uuid", "sha256", "base64", "jwt", "json", "url", "bytes", "ints", "digits"} {
		b := ordinary(kind, 1<<10)
		// sync.Pool forgets at a collection: the best of a few is what the code does.
		// Under the race detector it forgets at random, once for each code undone at
		// most; `make test` looks at this without it too.
		least := testing.AllocsPerRun(10, func() { x.Suspect(b) })
		for range 9 {
			least = min(least, testing.AllocsPerRun(10, func() { x.Suspect(b) }))
		}
		most := 0.0
		if underRace {
			most = 64
		}
		if least > most {
			t.Errorf("%s: %v allocations", kind, least)
		}
	}
}

// numbered writes a text's characters by their numbers.
func numbered(s, format, sep string) string {
	var out []string
	for i := range len(s) {
		out = append(out, fmt.Sprintf(format, s[i]))
	}
	return strings.Join(out, sep)
}

func TestAValueIsFoundByTheNumbersOfItsCharacters(t *testing.T) {
	x := strong(veiledValues...)
	for _, c := range []struct{ format, sep, before, after string }{
		{"%d", ",", "{", "}"},
		{"%d", ", ", "[", "]"},
		{"%d", " ", "x ", " 7"},
		{"%d", "\n", "", ""},
		{"%03d", "", "", ""},
		{"'%d'", ", ", "", ""},
		{"%x", ",", "", ""},
		{"0x%X", ",", "[", "]"},
		{"%02x", "--", "", ""},
		{"%o", " ", "", ""},
		{"%03o", "", "", ""},
		{"%04o", ",", "", ""},
		{"%08b", "", "", ""},
		{"%b", " ", "", ""},
		{"%08b", ", ", "B'", "'"},
	} {
		for _, v := range veiledValues {
			got := 0
			x.Numbers([]byte(c.before+numbered(v, c.format, c.sep)+c.after), func(s Sight) bool {
				if string(x.bytes(uint32(s.Value))) == v && s.As == Numbered {
					got++
				}
				return true
			})
			if got == 0 {
				t.Errorf("%q by %q: not found", v, c.format+c.sep)
			}
			other := "Z" + v[1:]
			x.Numbers([]byte(c.before+numbered(other, c.format, c.sep)+c.after), func(s Sight) bool {
				t.Errorf("%+v in %q by %q", s, other, c.format)
				return true
			})
		}
	}
	// Beyond one block, and on the border of two.
	long := strings.Repeat("x", blockLen-9) + veiledValues[0]
	if x.Numbers([]byte(numbered(long, "%d", ",")), func(Sight) bool { return false }) {
		t.Error("a value on the border of two blocks is lost")
	}
}

func TestAValueIsFoundInAllThatWasCompressed(t *testing.T) {
	x := strong(veiledValues...)
	r := rand.New(rand.NewPCG(7, 8))
	for _, level := range []int{1, 6, 9} {
		for _, before := range []int{0, 3000, maxInflated - 9, 100_000} {
			text := make([]byte, before, before+100)
			for i := range text {
				text[i] = byte('a' + r.IntN(26))
			}
			var b bytes.Buffer
			b.WriteString("\x01\x02\x03\x04") // MySQL's length
			w, _ := zlib.NewWriterLevel(&b, level)
			_, _ = w.Write(append(append(text, veiledValues[0]...), "and more"...))
			_ = w.Close()
			for _, in := range [][]byte{b.Bytes(), b.Bytes()[4:]} {
				if x.Unpack(in, func(s Sight) bool { return s.As != Zlib }) {
					t.Errorf("level %d, %d bytes before it: not found", level, before)
				}
			}
			if !x.Unpack([]byte("text "+b.String()), func(Sight) bool { return false }) || !x.Unpack(b.Bytes()[:7], func(Sight) bool { return false }) {
				t.Error("found where no stream begins")
			}
		}
	}
}

func FuzzNumbersAndUnpack(f *testing.F) {
	f.Add([]byte(numbered(veiledValues[0], "%d", ",")))
	f.Add([]byte(numbered(veiledValues[0], "%08b", "")))
	f.Add([]byte("\x00\x00\x00\x00" + deflated(veiledValues[0])))
	x := strong(veiledValues...)
	f.Fuzz(func(t *testing.T, b []byte) {
		seen := func(s Sight) bool {
			if s.At != 0 || s.End != len(b) {
				t.Errorf("%+v of %d bytes", s, len(b))
			}
			return true
		}
		if !x.Numbers(b, seen) || !x.Unpack(b, seen) {
			t.Error("stopped without being asked")
		}
	})
}
