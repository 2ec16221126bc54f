package formula

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// helps are functions on the way to those at which formulas end.
var helps = names("lower upper lcase ucase reverse encode decode unhex to_base64 from_base64")

// call makes the function of that name with its further arguments.
func (c *compiler) call(name string, first part, rest [][]byte) part {
	text := func(f apply) part { return part{ok: true, f: f, text: first.text} }
	switch name {
	case "lower", "lcase", "upper", "ucase":
		if c.last && first.hex { // seen without a formula
			return part{}
		}
		if name[0] == 'l' {
			return text(bytes.ToLower)
		}
		return text(bytes.ToUpper)
	case "reverse":
		return text(backwards)
	case "encode", "decode":
		return coded(name, rest)
	case "unhex":
		return part{ok: true, f: unhex}
	case "to_base64":
		return part{ok: true, f: base64Lines}
	case "from_base64":
		return part{ok: true, f: unbase64}
	case "translate":
		if len(rest) == 2 {
			return part{ok: true, text: true, f: translation(rest[0], rest[1])}
		}
	case "replace":
		if len(rest) == 2 && len(rest[0]) > 0 {
			from, to := rest[0], rest[1]
			return part{ok: true, text: true, f: func(v []byte) []byte { return bytes.ReplaceAll(v, from, to) }}
		}
	case "to_hex", "hex", "conv":
		return c.number(name, rest, first)
	case "aes_encrypt", "encrypt", "encrypt_iv":
		return c.cipher(name, rest)
	case "hmac":
		if len(rest) == 2 {
			if h := hashes[strings.ToLower(string(rest[1]))]; h != nil {
				secret := rest[0]
				return part{ok: true, f: func(v []byte) []byte { m := hmac.New(h, secret); m.Write(v); return m.Sum(nil) }}
			}
		}
	case "password":
		return part{ok: true, hex: true, f: func(v []byte) []byte {
			once := sha1.Sum(v)
			twice := sha1.Sum(once[:])
			return hex.AppendEncode(nil, twice[:])
		}}
	default:
		return c.digest(name, rest, first)
	}
	return part{}
}

var hashes = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
}

// digest is one of the server's: PostgreSQL's md5() and MySQL's give digits,
// PostgreSQL's others bytes.
func (c *compiler) digest(name string, rest [][]byte, first part) part {
	algorithm, digits := name, c.my || name == "md5"
	switch name {
	case "sha":
		algorithm = "sha1"
	case "sha2":
		if len(rest) != 1 {
			return part{}
		}
		algorithm = "sha" + string(rest[0])
		if algorithm == "sha0" {
			algorithm = "sha256"
		}
	case "digest":
		if len(rest) != 1 {
			return part{}
		}
		algorithm = strings.ToLower(string(rest[0]))
	}
	h := hashes[algorithm]
	if h == nil {
		return part{}
	}
	known := first.plain // one of those that are looked for without a formula
	return part{ok: true, hex: digits, known: known, f: func(v []byte) []byte {
		s := h()
		s.Write(v)
		sum := s.Sum(nil)
		if digits {
			sum = hex.AppendEncode(nil, sum)
		}
		return sum
	}}
}

// number writes a decimal number in another base: to_hex of PostgreSQL, hex and
// conv of MySQL, which take text for its bytes and digits for a number.
func (c *compiler) number(name string, rest [][]byte, first part) part {
	base, upper := 16, c.my
	if name == "conv" {
		if len(rest) != 2 || string(rest[0]) != "10" {
			return part{}
		}
		n, err := strconv.Atoi(string(rest[1]))
		if err != nil || n < 2 || n > 36 || n == 10 {
			return part{}
		}
		base = n
	}
	if name == "hex" && !first.plain {
		return part{ok: true, hex: true, f: func(v []byte) []byte { return bytes.ToUpper(hex.AppendEncode(nil, v)) }}
	}
	last := c.last
	return part{ok: true, num: first.plain, f: func(v []byte) []byte {
		if len(v) < leastText { // a short number is another's too
			return nil
		}
		n, err := strconv.ParseUint(string(v), 10, 64)
		switch {
		case err != nil && name == "hex" && !last: // of a text; as the last thing done that is seen without a formula
			return bytes.ToUpper(hex.AppendEncode(nil, v))
		case err != nil:
			return nil
		}
		out := strconv.AppendUint(nil, n, base)
		if upper {
			out = bytes.ToUpper(out)
		}
		return out
	}}
}

// coded is encode or decode of PostgreSQL.
func coded(name string, rest [][]byte) part {
	if len(rest) != 1 {
		return part{}
	}
	p := part{ok: true}
	switch name + " " + strings.ToLower(string(rest[0])) {
	case "encode hex":
		p.hex, p.f = true, func(v []byte) []byte { return hex.AppendEncode(nil, v) }
	case "encode base64":
		p.f = base64Lines
	case "encode escape", "decode escape":
		p.f = func(v []byte) []byte { return v }
	case "decode hex":
		p.f = unhex
	case "decode base64":
		p.f = unbase64
	default:
		return part{}
	}
	return p
}

// cipher is a block cipher whose key is in the text. MySQL folds the key into
// the length that the session's block_encryption_mode asks for, of which two are
// tried, and takes a vector with the modes that chain blocks; pgcrypto pads it.
func (c *compiler) cipher(name string, rest [][]byte) part {
	if name == "aes_encrypt" {
		if len(rest) == 0 || len(rest) > 2 {
			return part{}
		}
		c.forked = true
		n := 16
		if c.wide {
			n = 32
		}
		secret := make([]byte, n)
		for i, b := range rest[0] {
			secret[i%n] ^= b
		}
		if len(rest) == 2 {
			return chained(secret, rest[1], true)
		}
		return chained(secret, nil, true)
	}
	for i, b := range rest { // a literal of bytes needs no cast
		if bytes.HasPrefix(b, []byte(`\x`)) {
			rest[i] = unhex(b[2:])
		}
	}
	vector := make([]byte, aes.BlockSize)
	if name == "encrypt_iv" {
		if len(rest) != 3 {
			return part{}
		}
		copy(vector, rest[1])
		rest = [][]byte{rest[0], rest[2]}
	}
	if len(rest) != 2 {
		return part{}
	}
	mode, pad, _ := strings.Cut(strings.ToLower(string(rest[1])), "/")
	switch mode {
	case "aes", "aes-cbc", "rijndael", "rijndael-cbc":
	case "aes-ecb", "rijndael-ecb":
		vector = nil
	default:
		return part{}
	}
	size := 16
	for size < 32 && len(rest[0]) > size {
		size += 8
	}
	if len(rest[0]) > size {
		return part{}
	}
	return chained(append(slices.Clone(rest[0]), make([]byte, size-len(rest[0]))...), vector, pad != "pad:none")
}

// chained is AES by blocks, each for itself without a vector.
func chained(secret, vector []byte, padded bool) part {
	block, err := aes.NewCipher(secret)
	if err != nil || vector != nil && len(vector) < aes.BlockSize {
		return part{}
	}
	return part{ok: true, f: func(v []byte) []byte {
		n := len(v)
		if padded {
			n = (n/aes.BlockSize + 1) * aes.BlockSize
		}
		if n%aes.BlockSize != 0 {
			return nil
		}
		out := append(make([]byte, 0, n), v...)
		for fill := byte(n - len(v)); len(out) < n; {
			out = append(out, fill)
		}
		if vector != nil {
			cipher.NewCBCEncrypter(block, vector[:aes.BlockSize]).CryptBlocks(out, out)
			return out
		}
		for b := out; len(b) > 0; b = b[aes.BlockSize:] {
			block.Encrypt(b, b)
		}
		return out
	}}
}

// translation is PostgreSQL's translate(): characters of from become those of to
// in the same place, or go.
func translation(from, to []byte) apply {
	by := map[rune]rune{}
	others := []rune(string(to))
	for i, r := range []rune(string(from)) {
		if _, ok := by[r]; ok {
			continue
		}
		by[r] = -1
		if i < len(others) {
			by[r] = others[i]
		}
	}
	return func(v []byte) []byte {
		out := make([]byte, 0, len(v)+8)
		for len(v) > 0 {
			r, n := utf8.DecodeRune(v)
			switch o, ok := by[r]; {
			case !ok:
				out = append(out, v[:n]...)
			case o >= 0:
				out = utf8.AppendRune(out, o)
			}
			v = v[n:]
		}
		return out
	}
}

func backwards(v []byte) []byte {
	r := []rune(string(v))
	slices.Reverse(r)
	return []byte(string(r))
}

func unhex(v []byte) []byte {
	out, err := hex.AppendDecode(nil, v)
	if err != nil {
		return nil
	}
	return out
}

// base64Lines breaks lines behind 76 characters, as both products do.
func base64Lines(v []byte) []byte {
	b := base64.StdEncoding.AppendEncode(nil, v)
	var out []byte
	for len(b) > 76 {
		out = append(append(out, b[:76]...), '\n')
		b = b[76:]
	}
	return append(out, b...)
}

func unbase64(v []byte) []byte {
	out, err := base64.StdEncoding.AppendDecode(nil, bytes.ReplaceAll(v, []byte("\n"), nil))
	if err != nil {
		return nil
	}
	return out
}
