package generate

import (
	"errors"
	"math/rand/v2"
	"net/url"
	"strings"

	"honeyrow/token"
)

// link makes URLs on the host of the template's, with its random part drawn
// anew. A URL without a random part is a choice among few, and kept.
type link struct{}

func (link) Kind() string { return "url" }

func (link) Trait() Trait { return Trait{Strength: token.Strong, Watch: true, Weight: 3} }

func isURL(v string) bool {
	u, err := url.Parse(v)
	return err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https")
}

func (link) Fit(c *Column) (int, string) {
	return clue{
		names:   []string{"url", "link", "href", "uri", "website", "homepage", "callback url", "webhook url", "avatar", "picture", "download url"},
		classes: []Class{Text}, valid: isURL, what: "URLs", proof: true,
	}.fit(c)
}

func (link) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	like := c.form(r, row)
	u, err := url.Parse(like)
	if err != nil || !isURL(like) {
		return "", errors.New("the template's value is not a URL")
	}
	i := strings.Index(like, u.Host) + len(u.Host)
	rest := like[i:]
	if body := longest(rest); opaque(body) {
		return like[:i] + strings.Replace(rest, body, opaqueLike(r, body), 1), nil
	}
	if Repeats(c.Values) {
		return like, nil
	}
	return "", errors.New("the URL has no random part to replace, and points at one row's own page")
}
