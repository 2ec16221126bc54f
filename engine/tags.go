package engine

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"honeyrow/engine/sqlfacts"
)

// Bounds of what is kept from sqlcommenter comments.
const (
	maxTags     = 32
	maxTagKey   = 64
	maxTagValue = 256
)

// tags reads sqlcommenter's key-value pairs from the block comments of a
// statement: /*key='value',key='value'*/, both URL-encoded
// (https://google.github.io/sqlcommenter/spec/). Other comments give nothing.
func tags(t *sqlfacts.Text) map[string]string {
	var out map[string]string
	for c := range t.Comments {
		for k, v := range pairs(string(c)) {
			if len(out) >= maxTags {
				return out
			}
			if out == nil {
				out = map[string]string{}
			}
			out[k] = v
		}
	}
	return out
}

// pairs reads one comment; anything but well-formed pairs makes it nil.
func pairs(s string) map[string]string {
	out := map[string]string{}
	for s = strings.TrimSpace(s); s != ""; {
		k, rest, ok := strings.Cut(s, "='")
		if !ok {
			return nil
		}
		end := 0
		for end < len(rest) && (rest[end] != '\'' || end > 0 && rest[end-1] == '\\') {
			end++
		}
		if end == len(rest) {
			return nil
		}
		key, err := url.PathUnescape(strings.TrimSpace(k))
		if err != nil || key == "" || len(key) > maxTagKey {
			return nil
		}
		val, err := url.PathUnescape(strings.ReplaceAll(rest[:end], `\'`, "'"))
		if err != nil {
			return nil
		}
		if len(out) < maxTags {
			out[clean(key)] = cut(clean(val), maxTagValue)
		}
		s = strings.TrimLeft(rest[end+1:], " \t\n")
		if s == "" {
			break
		}
		if s[0] != ',' {
			return nil
		}
		s = strings.TrimSpace(s[1:])
	}
	return out
}

// clean makes text fit for JSON: valid UTF-8 without NUL.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.ReplaceAll(s, "\x00", "\uFFFD")
}

// cut shortens s to at most n bytes, at a rune's boundary.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
