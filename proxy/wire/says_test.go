package wire

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestARulesTextIsToldInOneCleanLine(t *testing.T) {
	for _, c := range []struct {
		says string
		set  Charset
		want string
	}{
		{"", UTF8, "denied"},
		{" \r\n\t", UTF8, "denied"},
		{"ask Ann", UTF8, "denied: ask Ann"},
		{"ask\r\n\x00Ann\x1b[31m ", UTF8, "denied: ask Ann [31m"},
		{"für Ünal ☎", UTF8, "denied: für Ünal ☎"},
		{"für Ünal ☎", Latin1, "denied: f\xfcr \xdcnal ?"},
		{"für Ünal ☎", ASCII, "denied: f?r ?nal ?"},
		{"a\u202eb\u200bc", UTF8, "denied: a b c"},
		{"a\xffb", UTF8, "denied: a?b"},
	} {
		if got := Refusal("denied", c.says, c.set); got != c.want {
			t.Errorf("%q in %d: %q, want %q", c.says, c.set, got, c.want)
		}
	}
	for _, long := range []string{strings.Repeat("x", 5000), strings.Repeat("☎", 5000)} {
		if got := Refusal("denied", long, UTF8); len(got) > refusalMax || len(got) < refusalMax-8 || !utf8.ValidString(got) {
			t.Errorf("%d bytes: %q", len(got), got)
		}
	}
}

func FuzzARefusalIsBoundedAndOneLine(f *testing.F) {
	f.Add("ask \x00 Ann ü☎", uint8(1))
	f.Fuzz(func(t *testing.T, says string, set uint8) {
		c := Charset(set % 3)
		got := Refusal("denied", says, c)
		if len(got) > refusalMax || !strings.HasPrefix(got, "denied") || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Fatalf("%q gives %q", says, got)
		}
		if c == UTF8 && !utf8.ValidString(got) {
			t.Fatalf("%q gives %q, which is no UTF-8", says, got)
		}
		for i := range len(got) {
			if c == ASCII && got[i] >= 0x80 {
				t.Fatalf("%q gives %q, which is not ASCII", says, got)
			}
		}
	})
}
