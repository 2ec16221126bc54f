package generate

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"time"

	"honeyrow/token"
)

// uuidValue makes UUIDs of the version that the column's have (RFC 9562):
// 7 with the time of the moved row; digests and swapped UUIDs, which have none,
// get none.
type uuidValue struct{}

var uuidForm = regexp.MustCompile(`(?i)^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

func (uuidValue) Kind() string { return "uuid" }

func (uuidValue) Trait() Trait { return Trait{Strength: token.Strong, Watch: true, Weight: 2} }

func (uuidValue) Fit(c *Column) (int, string) {
	score, why := clue{
		names:   []string{"uuid", "guid", "external id", "public id", "tracking id"},
		classes: []Class{UUID, Text}, valid: uuidForm.MatchString, what: "UUIDs", proof: true,
	}.fit(c)
	if len(c.Values) == 0 || Repeats(c.Values) { // it may point at something
		return 0, ""
	}
	return score, why
}

// versionOf returns the version of a value like the given one, 0 if some of the
// column's values have none.
func versionOf(c *Column, like string) byte {
	for _, v := range append(c.Values[:len(c.Values):len(c.Values)], like) {
		if len(v) == 36 && (v[14] < '1' || v[14] > '8' || !strings.ContainsRune("89abAB", rune(v[19]))) {
			return 0
		}
	}
	if len(like) != 36 {
		return 4
	}
	return like[14] - '0'
}

func (uuidValue) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	like := c.form(r, row)
	b := randomBytes(r, 16)
	if version := versionOf(c, like); version != 0 {
		b[6], b[8] = b[6]&0x0f|version<<4, b[8]&0x3f|0x80
	}
	if len(like) == 36 && like[14] == '7' {
		ms := row.Now.Add(row.Shift - max(row.Shift, 0)).UnixMilli()
		for i := range 6 {
			b[i] = byte(ms >> (40 - 8*i))
		}
		b[6] = b[6]&0x0f | 0x70
	}
	v := fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	if like == strings.ToUpper(like) && like != "" {
		v = strings.ToUpper(v)
	}
	return v, nil
}

// Timed returns a UUID of version 7 with another time in it; any other value as
// it is.
func Timed(v string, at time.Time) string {
	if !uuidForm.MatchString(v) || v[14] != '7' {
		return v
	}
	ms := fmt.Sprintf("%012x", uint64(at.UnixMilli())&(1<<48-1))
	if v == strings.ToUpper(v) {
		ms = strings.ToUpper(ms)
	}
	return ms[:8] + "-" + ms[8:] + v[13:]
}
