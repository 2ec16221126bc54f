package generate

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"

	"honeyrow/token"
)

// uuidValue makes UUIDs of the version that the column's have (RFC 9562):
// 7 with the time of the moved row, else 4.
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

func (uuidValue) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	like := c.form(r, row)
	b := randomBytes(r, 16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
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
