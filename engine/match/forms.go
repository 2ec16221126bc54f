package match

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"honeyrow/token"
)

// binaryForms returns the token's forms in binary format: the planted one, and
// for integers those of every integer width, of numeric and of double precision, since a cast or a
// foreign key may have another width than the column.
func binaryForms(t *token.Token) [][]byte {
	var out [][]byte
	if t.Binary != nil && string(t.Binary) != t.Value {
		out = append(out, t.Binary)
	}
	if u := uuidBinary(t.Value); u != nil {
		return append(out, u)
	}
	if c := t.Value; c == "" || len(c) > 20 || c[0] > '9' || c[len(c)-1] > '9' {
		return out // spares most tokens the cost of an error
	}
	n, err := strconv.ParseInt(t.Value, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != t.Value {
		return out
	}
	if int64(int16(n)) == n {
		out = append(out, binary.BigEndian.AppendUint16(nil, uint16(n)))
	}
	if int64(int32(n)) == n {
		out = append(out, binary.BigEndian.AppendUint32(nil, uint32(n)))
	}
	out = append(out, binary.BigEndian.AppendUint64(nil, uint64(n)), numericBinary(n))
	if t.Strength != token.Weak && exact(n) {
		out = append(out, binary.BigEndian.AppendUint64(nil, math.Float64bits(float64(n))))
	}
	return out
}

// floatForm is a firm or strong integer as PostgreSQL writes a double precision
// that has more than 15 digits: 4.929123456781234e+15 (float8out); "" if the
// token is none or a double does not tell it to the unit.
func floatForm(t *token.Token) string {
	if c := t.Value; t.Strength == token.Weak || len(c) < 16 || len(c) > 20 || c[0] > '9' || c[len(c)-1] > '9' {
		return ""
	}
	n, err := strconv.ParseInt(t.Value, 10, 64)
	if err != nil || !exact(n) || strconv.FormatInt(n, 10) != t.Value {
		return ""
	}
	return strconv.FormatFloat(float64(n), 'e', -1, 64)
}

// exact reports whether a double holds n to the unit.
func exact(n int64) bool { return n > -1<<53 && n < 1<<53 }

// numericBinary is numeric_send's format of an integer: digit count, weight,
// sign, scale, then base-10000 digits without trailing zero digits.
func numericBinary(n int64) []byte {
	sign, u := uint16(0), uint64(n)
	if n < 0 {
		sign, u = 0x4000, -u
	}
	var digits []uint16
	for ; u > 0; u /= 10000 {
		digits = append(digits, uint16(u%10000))
	}
	weight := len(digits) - 1
	for len(digits) > 0 && digits[0] == 0 {
		digits = digits[1:]
	}
	b := binary.BigEndian.AppendUint16(nil, uint16(len(digits)))
	b = binary.BigEndian.AppendUint16(b, uint16(max(weight, 0)))
	b = binary.BigEndian.AppendUint16(b, sign)
	b = binary.BigEndian.AppendUint16(b, 0)
	for i := len(digits) - 1; i >= 0; i-- {
		b = binary.BigEndian.AppendUint16(b, digits[i])
	}
	return b
}

// uuidBinary returns the 16 bytes of a uuid in PostgreSQL's text form, or nil.
func uuidBinary(s string) []byte {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return nil
	}
	s = strings.ReplaceAll(s, "-", "")
	if len(s) != 32 {
		return nil
	}
	b := make([]byte, 0, 16)
	for i := 0; i < 32; i += 2 {
		c, err := strconv.ParseUint(s[i:i+2], 16, 8)
		if err != nil {
			return nil
		}
		b = append(b, byte(c))
	}
	return b
}

const specials = "\"'\\\b\f\n\r\t\v&<>"

// escapedForms returns how a text with special characters stands inside JSON
// and arrays, COPY's text format, CSV and row literals, SQL literals, XML's
// elements and attributes, and rows inside arrays and other rows.
func escapedForms(s string) []string {
	var out []string
	if u := percent(s); u != "" {
		out = append(out, u)
	}
	if !strings.ContainsAny(s, specials) {
		return out
	}
	for _, r := range escapers {
		e := r.Replace(s)
		if e == s {
			continue
		}
		known := false
		for _, o := range out {
			known = known || o == e
		}
		if !known {
			out = append(out, e)
		}
	}
	return out
}

var escapers = []*strings.Replacer{
	strings.NewReplacer(`"`, `\"`, `\`, `\\`, "\b", `\b`, "\f", `\f`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\v", `\u000b`),
	strings.NewReplacer(`\`, `\\`, "\b", `\b`, "\f", `\f`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\v", `\v`),
	strings.NewReplacer(`"`, `""`),
	strings.NewReplacer(`"`, `""`, `\`, `\\`),
	strings.NewReplacer(`"`, `\"`, `\`, `\\`),
	strings.NewReplacer(`'`, `''`),
	strings.NewReplacer(`&`, `&amp;`, `<`, `&lt;`, `>`, `&gt;`, "\r", `&#x0d;`),
	strings.NewReplacer(`&`, `&amp;`, `<`, `&lt;`, `>`, `&gt;`, `"`, `&quot;`, "\n", `&#10;`, "\r", `&#13;`, "\t", `&#9;`),
	strings.NewReplacer(`"`, `\"\"`, `\`, `\\\\`),
	strings.NewReplacer(`"`, `""""`, `\`, `\\\\`),
}
