package mywire

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// field is what is needed to read a column's or a parameter's values.
type field struct {
	typ      byte
	unsigned bool
	decimals byte
	width    int // of a column with ZEROFILL
	wide     encoding
	text     bool // of a character set: no bytes
	guess    bool // a text whose character set may have changed since it was described
	either   bool // a number, a date or MySQL's JSON: in wide or in ASCII, as the server likes
}

// fixed reports whether binary values of the type are not texts: they are made
// text before anybody looks at them, so that a value looks the same however it
// was asked for.
func (c field) fixed() bool {
	switch c.typ {
	case mysql.MYSQL_TYPE_TINY, mysql.MYSQL_TYPE_SHORT, mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_INT24, mysql.MYSQL_TYPE_LONGLONG,
		mysql.MYSQL_TYPE_YEAR, mysql.MYSQL_TYPE_FLOAT, mysql.MYSQL_TYPE_DOUBLE, mysql.MYSQL_TYPE_NULL,
		mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_NEWDATE, mysql.MYSQL_TYPE_DATETIME, mysql.MYSQL_TYPE_TIMESTAMP, mysql.MYSQL_TYPE_TIME,
		mysql.MYSQL_TYPE_TIMESTAMP2, mysql.MYSQL_TYPE_DATETIME2, mysql.MYSQL_TYPE_TIME2:
		return true
	}
	return false
}

// integer returns the size in bytes of an integer type, else 0.
func (c *field) integer() int {
	switch c.typ {
	case mysql.MYSQL_TYPE_TINY:
		return 1
	case mysql.MYSQL_TYPE_SHORT, mysql.MYSQL_TYPE_YEAR:
		return 2
	case mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_INT24:
		return 4
	case mysql.MYSQL_TYPE_LONGLONG:
		return 8
	}
	return 0
}

// mayBeLong reports whether the text of a fixed value can be so long that it
// counts as part of a longer text: nobody has seen it in the row's bytes.
func (c field) mayBeLong() bool {
	switch c.typ {
	case mysql.MYSQL_TYPE_TINY, mysql.MYSQL_TYPE_SHORT, mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_INT24, mysql.MYSQL_TYPE_YEAR,
		mysql.MYSQL_TYPE_NULL, mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_NEWDATE:
		return c.width >= 12
	}
	return c.fixed()
}

// size is that of a binary value, or one of the two below.
func (c field) size() int {
	switch c.typ {
	case mysql.MYSQL_TYPE_NULL:
		return 0
	case mysql.MYSQL_TYPE_FLOAT:
		return 4
	case mysql.MYSQL_TYPE_DOUBLE:
		return 8
	}
	switch n := c.integer(); {
	case n > 0:
		return n
	case c.fixed():
		return sizeByte
	}
	return sizeLenenc
}

// lengths are those that the text of a fixed value can have, as bits of a gate:
// bit i stands for i bytes, bit 63 for 63 and more. 0 for other types.
func (c field) lengths() uint64 {
	from, to := uint(1), uint(63) // a float's
	switch c.typ {
	case mysql.MYSQL_TYPE_TINY:
		to = 4
	case mysql.MYSQL_TYPE_SHORT:
		to = 6
	case mysql.MYSQL_TYPE_YEAR:
		from, to = 4, 5
	case mysql.MYSQL_TYPE_INT24, mysql.MYSQL_TYPE_LONG:
		to = 11
	case mysql.MYSQL_TYPE_LONGLONG:
		to = 20
	case mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_NEWDATE:
		from, to = 10, 10
	case mysql.MYSQL_TYPE_DATETIME, mysql.MYSQL_TYPE_DATETIME2, mysql.MYSQL_TYPE_TIMESTAMP, mysql.MYSQL_TYPE_TIMESTAMP2:
		from, to = 19, 26
	case mysql.MYSQL_TYPE_TIME, mysql.MYSQL_TYPE_TIME2:
		from, to = 8, 19 // -838:59:59.000000 from a server, more from one that is not
	case mysql.MYSQL_TYPE_NULL:
		return 0
	}
	if !c.fixed() {
		return 0
	}
	if c.width > 0 { // zeros fill it
		from, to = min(from, uint(c.width)), max(to, uint(c.width))
	}
	to = min(to, 63)
	return ^uint64(0) << (from & 63) & (^uint64(0) >> (63 - to&63))
}

// Binary values that tell their own length.
const (
	sizeByte   = -1 // dates and times: one byte of length
	sizeLenenc = -2 // texts: a length-encoded integer
)

// extent finds a binary value of the given size at b[off:]: it is b[from:to].
// to is -1 if b does not hold it.
func extent(size int, b []byte, off int) (from, to int) {
	switch {
	case size >= 0:
		from, to = off, off+size
	case off >= len(b):
		return off, -1
	case b[off] < 0xfb || size == sizeByte:
		from, to = off+1, off+1+int(b[off])
	default:
		n, _, rest, err := lenenc(b[off:])
		if err != nil || n > uint64(len(rest)) {
			return off, -1
		}
		from = len(b) - len(rest)
		to = from + int(n)
	}
	if to > len(b) {
		return off, -1
	}
	return from, to
}

// take cuts a binary value off b: its raw bytes without a length.
func (c field) take(b []byte) (raw, rest []byte, err error) {
	from, to := extent(c.size(), b, 0)
	if to < 0 {
		return nil, nil, errShort
	}
	return b[from:to], b[to:], nil
}

// number returns an integer value: its magnitude and whether it is negative.
func (c *field) number(raw []byte) (u uint64, negative bool) {
	var v int64
	switch len(raw) {
	case 1:
		u, v = uint64(raw[0]), int64(int8(raw[0]))
	case 2:
		u = uint64(binary.LittleEndian.Uint16(raw))
		v = int64(int16(u))
	case 4:
		u = uint64(binary.LittleEndian.Uint32(raw))
		v = int64(int32(u))
	case 8:
		u = binary.LittleEndian.Uint64(raw)
		v = int64(u)
	}
	if !c.unsigned && v < 0 && c.typ != mysql.MYSQL_TYPE_YEAR {
		return -uint64(v), true
	}
	return u, false
}

// textLen is the length of an integer's text.
func (c *field) textLen(raw []byte) int {
	u, negative := c.number(raw)
	n := decimalLen(u)
	if negative {
		n++
	}
	return max(n, c.padded())
}

// scientific reports whether the text of a value may have an exponent.
func (c *field) scientific() bool {
	return (c.typ == mysql.MYSQL_TYPE_DOUBLE || c.typ == mysql.MYSQL_TYPE_FLOAT) && c.decimals >= 31
}

// appendInteger appends a number with an exponent as the integer that it is, in
// full; nothing if it is none, or one that a float does not tell to the unit.
func appendInteger(dst, text []byte) []byte {
	if bytes.IndexByte(text, 'e') < 0 {
		return dst
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.Abs(v) >= 1<<63 || v != math.Trunc(v) {
		return dst
	}
	return strconv.AppendInt(dst, int64(v), 10)
}

// padded is the width to which zeros fill an integer's text.
func (c *field) padded() int {
	if c.typ == mysql.MYSQL_TYPE_YEAR {
		return 4
	}
	return c.width
}

// powers of ten, to tell the length of a number's text.
var powers = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// decimalLen is the number of u's decimal digits.
func decimalLen(u uint64) int {
	n := bits.Len64(u|1) * 1233 >> 12 // log10 of 2 is about 1233/4096
	if u >= powers[n] || n == 0 {
		n++
	}
	return n
}

// appendText appends a fixed value as the text protocol shows it.
func (c *field) appendText(dst, raw []byte) []byte {
	if c.integer() > 0 {
		u, negative := c.number(raw)
		if negative {
			dst = append(dst, '-')
		}
		for n := decimalLen(u); n < c.padded(); n++ {
			dst = append(dst, '0')
		}
		return strconv.AppendUint(dst, u, 10)
	}
	switch c.typ {
	case mysql.MYSQL_TYPE_FLOAT:
		if len(raw) != 4 {
			return dst
		}
		return c.appendFloat(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw))), 32)
	case mysql.MYSQL_TYPE_DOUBLE:
		if len(raw) != 8 {
			return dst
		}
		return c.appendFloat(dst, math.Float64frombits(binary.LittleEndian.Uint64(raw)), 64)
	case mysql.MYSQL_TYPE_TIME, mysql.MYSQL_TYPE_TIME2:
		return c.appendTime(dst, raw)
	case mysql.MYSQL_TYPE_NULL:
		return dst
	}
	return c.appendDate(dst, raw)
}

// appendFloat appends a number as servers do (MySQL's my_gcvt): from 16 digits
// before the point on, or 15 zeros behind it, with an exponent, unless the column
// has a fixed count of decimals: DOUBLE(16,0).
func (c *field) appendFloat(dst []byte, v float64, bits int) []byte {
	if a := math.Abs(v); c.decimals < 31 || a == 0 || a >= 1e-15 && a < 1e15 {
		return strconv.AppendFloat(dst, v, 'f', c.precision(), bits)
	}
	at := len(dst)
	dst = strconv.AppendFloat(dst, v, 'e', -1, bits)
	if i := bytes.IndexByte(dst[at:], 'e'); i >= 0 { // e+20 is e20 here, e-07 is e-7
		i += at + 1
		if dst[i] == '+' {
			dst = append(dst[:i], dst[i+1:]...)
		} else {
			i++
		}
		if dst[i] == '0' {
			dst = append(dst[:i], dst[i+1:]...)
		}
	}
	return dst
}

// precision is that of a number with a fixed count of decimals, else the
// shortest that tells the value.
func (c *field) precision() int {
	if c.decimals > 0 && c.decimals < 31 {
		return int(c.decimals)
	}
	return -1
}

// appendDate appends a date: 0, 4, 7 or 11 bytes as its parts are zero.
func (c *field) appendDate(dst, raw []byte) []byte {
	var b [11]byte
	copy(b[:], raw)
	var t [19]byte
	y := binary.LittleEndian.Uint16(b[:])
	two(t[0:], byte(y/100))
	two(t[2:], byte(y%100))
	t[4], t[7] = '-', '-'
	two(t[5:], b[2])
	two(t[8:], b[3])
	if c.typ == mysql.MYSQL_TYPE_DATE || c.typ == mysql.MYSQL_TYPE_NEWDATE {
		return append(dst, t[:10]...)
	}
	t[10], t[13], t[16] = ' ', ':', ':'
	two(t[11:], b[4])
	two(t[14:], b[5])
	two(t[17:], b[6])
	return c.fraction(append(dst, t[:]...), binary.LittleEndian.Uint32(b[7:]))
}

// two writes two digits.
func two(t []byte, n byte) { t[0], t[1] = '0'+n/10, '0'+n%10 }

// appendTime appends a time of 0, 8 or 12 bytes; hours go beyond 24.
func (c *field) appendTime(dst, raw []byte) []byte {
	var b [12]byte
	copy(b[:], raw)
	if b[0] == 1 {
		dst = append(dst, '-')
	}
	hours := binary.LittleEndian.Uint32(b[1:])*24 + uint32(b[5])
	if hours < 10 {
		dst = append(dst, '0')
	}
	dst = strconv.AppendUint(dst, uint64(hours), 10)
	var t [6]byte
	t[0], t[3] = ':', ':'
	two(t[1:], b[6])
	two(t[4:], b[7])
	return c.fraction(append(dst, t[:]...), binary.LittleEndian.Uint32(b[8:]))
}

// fraction appends microseconds to the column's decimals.
func (c *field) fraction(dst []byte, micros uint32) []byte {
	n := int(c.decimals)
	if n > 6 { // a parameter's: all that it has
		if micros == 0 {
			return dst
		}
		n = 6
	}
	if n == 0 {
		return dst
	}
	micros %= 1_000_000
	dst = append(dst, '.')
	at := len(dst)
	for k := decimalLen(uint64(micros)); k < 6; k++ {
		dst = append(dst, '0')
	}
	return strconv.AppendUint(dst, uint64(micros), 10)[:at+n]
}
