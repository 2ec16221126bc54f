package mywire

import (
	"encoding/binary"
	"math"
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
	numeric  bool // a number or a date
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
func (c field) integer() int {
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

// take cuts a binary value off b: its raw bytes without a length.
func (c field) take(b []byte) (raw, rest []byte, err error) {
	n := c.integer()
	switch c.typ {
	case mysql.MYSQL_TYPE_NULL:
		return nil, b, nil
	case mysql.MYSQL_TYPE_FLOAT:
		n = 4
	case mysql.MYSQL_TYPE_DOUBLE:
		n = 8
	}
	if n == 0 && c.fixed() { // dates and times: one byte of length
		if len(b) == 0 {
			return nil, nil, errShort
		}
		n, b = int(b[0]), b[1:]
	} else if n == 0 {
		return lenencString(b)
	}
	if len(b) < n {
		return nil, nil, errShort
	}
	return b[:n], b[n:], nil
}

// number returns an integer value: its magnitude and whether it is negative.
func (c field) number(raw []byte) (u uint64, negative bool) {
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
func (c field) textLen(raw []byte) int {
	u, negative := c.number(raw)
	n := decimalLen(u)
	if negative {
		n++
	}
	return max(n, c.padded())
}

// padded is the width to which zeros fill an integer's text.
func (c field) padded() int {
	if c.typ == mysql.MYSQL_TYPE_YEAR {
		return 4
	}
	return c.width
}

func decimalLen(u uint64) int {
	n := 1
	for p := uint64(10); u >= p; p *= 10 {
		if n++; n == 20 {
			break
		}
	}
	return n
}

// appendText appends a fixed value as the text protocol shows it.
func (c field) appendText(dst, raw []byte) []byte {
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
		return strconv.AppendFloat(dst, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw))), 'f', c.precision(), 32)
	case mysql.MYSQL_TYPE_DOUBLE:
		if len(raw) != 8 {
			return dst
		}
		return strconv.AppendFloat(dst, math.Float64frombits(binary.LittleEndian.Uint64(raw)), 'f', c.precision(), 64)
	case mysql.MYSQL_TYPE_TIME, mysql.MYSQL_TYPE_TIME2:
		return c.appendTime(dst, raw)
	case mysql.MYSQL_TYPE_NULL:
		return dst
	}
	return c.appendDate(dst, raw)
}

// precision is that of a number with a fixed count of decimals, else the
// shortest that tells the value.
func (c field) precision() int {
	if c.decimals > 0 && c.decimals < 31 {
		return int(c.decimals)
	}
	return -1
}

// appendDate appends a date: 0, 4, 7 or 11 bytes as its parts are zero.
func (c field) appendDate(dst, raw []byte) []byte {
	var b [11]byte
	copy(b[:], raw)
	dst = digits(dst, uint32(binary.LittleEndian.Uint16(b[:])), 4)
	dst = digits(append(dst, '-'), uint32(b[2]), 2)
	dst = digits(append(dst, '-'), uint32(b[3]), 2)
	if c.typ == mysql.MYSQL_TYPE_DATE || c.typ == mysql.MYSQL_TYPE_NEWDATE {
		return dst
	}
	dst = clock(append(dst, ' '), b[4], b[5], b[6])
	return c.fraction(dst, binary.LittleEndian.Uint32(b[7:]))
}

// appendTime appends a time of 0, 8 or 12 bytes; hours go beyond 24.
func (c field) appendTime(dst, raw []byte) []byte {
	var b [12]byte
	copy(b[:], raw)
	if b[0] == 1 {
		dst = append(dst, '-')
	}
	hours := binary.LittleEndian.Uint32(b[1:])*24 + uint32(b[5])
	if hours < 100 {
		dst = digits(dst, hours, 2)
	} else {
		dst = strconv.AppendUint(dst, uint64(hours), 10)
	}
	dst = digits(append(dst, ':'), uint32(b[6]), 2)
	dst = digits(append(dst, ':'), uint32(b[7]), 2)
	return c.fraction(dst, binary.LittleEndian.Uint32(b[8:]))
}

func clock(dst []byte, h, m, s byte) []byte {
	dst = digits(dst, uint32(h), 2)
	dst = digits(append(dst, ':'), uint32(m), 2)
	return digits(append(dst, ':'), uint32(s), 2)
}

// fraction appends microseconds to the column's decimals.
func (c field) fraction(dst []byte, micros uint32) []byte {
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
	at := len(dst) + 1
	dst = digits(append(dst, '.'), micros%1_000_000, 6)
	return dst[:at+n]
}

// digits appends n in at least the given number of digits.
func digits(dst []byte, n uint32, width int) []byte {
	for have := decimalLen(uint64(n)); have < width; have++ {
		dst = append(dst, '0')
	}
	return strconv.AppendUint(dst, uint64(n), 10)
}
