package mydb

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"

	"honeyrow/seeder"
	"honeyrow/seeder/generate"
)

// form is how a type's values cross the boundary.
type form uint8

const (
	asText    form = iota // strings, ENUM, SET
	asNumber              // integers, YEAR
	asDecimal             // DECIMAL
	asFloat               // FLOAT, DOUBLE
	asBits                // BIT
	asBytes               // BINARY, VARBINARY, BLOB, geometry
	asMoment              // dates and times
	asOther               // types with a text of their own: JSON of MySQL, UUID, INET6
)

// base is a column's type without length and attributes: "int" of "int(10)
// unsigned zerofill".
func base(c *seeder.Column) string {
	t := c.Type
	if i := strings.IndexAny(t, " ("); i >= 0 {
		t = t[:i]
	}
	return strings.ToLower(t)
}

func formOf(c *seeder.Column) form {
	switch base(c) {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "year":
		return asNumber
	case "decimal":
		return asDecimal
	case "float", "double":
		return asFloat
	case "bit":
		return asBits
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "vector",
		"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection", "geomcollection":
		return asBytes
	case "date", "datetime", "timestamp", "time":
		return asMoment
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set":
		return asText
	}
	return asOther
}

func unsigned(c *seeder.Column) bool { return strings.Contains(c.Type, "unsigned") }

// show is the expression for a column's text. In the binary protocol, which
// bound parameters bring with them, the driver would make other texts of
// numbers and dates.
func show(q string, c *seeder.Column) string {
	switch formOf(c) {
	case asText:
		return q
	case asBits:
		return "CAST(" + q + " + 0 AS CHAR)"
	case asBytes:
		return "HEX(" + q + ")"
	}
	return "CAST(" + q + " AS CHAR)"
}

// read makes a column's text of what show gave.
func read(c *seeder.Column, v *string) *string {
	if v == nil || formOf(c) != asBytes {
		return v
	}
	h := strings.ToLower(*v)
	if c.Class == generate.UUID && len(h) == 32 {
		h = h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	} else {
		h = `\x` + h
	}
	return &h
}

// put is the expression that a bound text becomes a column's value by.
func put(c *seeder.Column) string {
	switch formOf(c) {
	case asBits:
		return "CAST(? AS UNSIGNED)"
	case asBytes:
		return "UNHEX(?)"
	}
	return "?"
}

// arg is the text to bind for a value.
func arg(c *seeder.Column, v string) string {
	if formOf(c) != asBytes {
		return v
	}
	if h, ok := strings.CutPrefix(v, `\x`); ok {
		return h
	}
	if len(v) == 36 {
		return strings.ReplaceAll(v, "-", "")
	}
	return hex.EncodeToString([]byte(v))
}

// equal is the condition that a column holds a text, in the server's sense of
// equality: collations count.
func equal(q string, c *seeder.Column) string {
	switch formOf(c) {
	case asNumber:
		if unsigned(c) || base(c) == "year" {
			return q + " = CAST(? AS UNSIGNED)"
		}
		return q + " = CAST(? AS SIGNED)" // a text and a number would be compared as floating point
	case asDecimal:
		return q + " = CAST(? AS DECIMAL(65," + strconv.Itoa(min(max(c.Scale, 0), 30)) + "))"
	case asFloat:
		return "CAST(" + q + " AS CHAR) = ?"
	case asBits, asBytes:
		return q + " = " + put(c)
	case asOther:
		if base(c) == "json" {
			return "CAST(" + q + " AS CHAR) = ?"
		}
	}
	return q + " = ?"
}

// same is equal, but to the byte: "a" is not "A". n is how often the text is
// bound.
func same(q string, c *seeder.Column) (cond string, n int) {
	if formOf(c) != asText {
		return equal(q, c), 1
	}
	return q + " = ? AND CAST(CONVERT(" + q + " USING utf8mb4) AS BINARY) = CAST(? AS BINARY)", 2
}

// precise is a second expression that tells what the text of a column hides,
// "" if it hides nothing.
func precise(q string, c *seeder.Column) string {
	if formOf(c) == asFloat {
		return "CAST(" + q + " + 0e0 AS CHAR)"
	}
	return ""
}

// second returns a value's other form on the wire, nil if it has none: shown
// is what show gave, exact what precise gave.
func second(c *seeder.Column, shown, exact *string) []byte {
	if shown == nil {
		return nil
	}
	switch formOf(c) {
	case asBytes:
		b, err := hex.DecodeString(*shown)
		if err != nil || len(b) == 0 {
			return nil
		}
		return b
	case asBits:
		n, err := strconv.ParseUint(*shown, 10, 64)
		if err != nil {
			return nil
		}
		b := make([]byte, (max(width(c), 1)+7)/8)
		for i := len(b) - 1; i >= 0; i-- {
			b[i], n = byte(n), n>>8
		}
		return b
	case asFloat:
		if exact == nil {
			return nil
		}
		x, err := strconv.ParseFloat(*exact, 64)
		if err != nil || math.IsInf(x, 0) {
			return nil
		}
		size := 64
		if base(c) == "float" {
			size = 32
		}
		if b := strconv.AppendFloat(nil, x, 'f', c.Scale, size); string(b) != *shown {
			return b
		}
	}
	return nil
}

// width is the number in a type's parentheses, 0 if there is none.
func width(c *seeder.Column) int {
	_, rest, ok := strings.Cut(c.Type, "(")
	if !ok {
		return 0
	}
	n, _ := strconv.Atoi(rest[:max(strings.IndexAny(rest, ",)"), 0)])
	return n
}

// quote writes an identifier.
func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func name(t *seeder.Table) string {
	if t.Schema == "" {
		return quote(t.Name)
	}
	return quote(t.Schema) + "." + quote(t.Name)
}

// shows lists the expressions for some columns' texts. Unknown columns are NULL.
func shows(t *seeder.Table, prefix string, columns []string) string {
	out := make([]string, len(columns))
	for i, name := range columns {
		out[i] = "NULL"
		if c := t.Column(name); c != nil {
			out[i] = show(prefix+quote(name), c)
		}
	}
	return strings.Join(out, ", ")
}

// members reads the values of an ENUM or SET from its type.
func members(typ string) (out []string) {
	i := strings.IndexByte(typ, '(')
	if i < 0 {
		return nil
	}
	for s := typ[i+1:]; strings.HasPrefix(s, "'"); {
		v, rest := literal(s)
		out = append(out, v)
		s = strings.TrimPrefix(rest, ",")
	}
	return out
}

// literal reads the string literal at the start of s: quotes are doubled.
func literal(s string) (v, rest string) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			b.WriteByte('\'')
			i++
		case s[i] == '\'':
			return b.String(), s[i+1:]
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}
