package detect

import (
	"slices"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// renamed is a secret that a relation of the statement's own making calls what it is
// not: FROM (SELECT id, password AS name FROM users) o is put in where a table's name
// stood, so that the rest of the statement shows it. Programs that rename a secret
// shorten its name or number it.
func (x *probe) renamed(p place) {
	c := p.n
	if c.Kind != sqlfacts.Column || c.Alias == "" || p.clause != sqlfacts.Targets || p.in == nil || p.in.Kind != sqlfacts.Targets || !isSecret(c.Name) || !shown(c.Alias) {
		return
	}
	switch {
	case p.at.depth > 0:
		x.see(3, "a secret by another name, as a relation's column")
	case isPassword(c.Name):
		x.see(2, "a secret by another name")
	}
}

// shown reports whether a name is that of what pages show of a row.
func shown(name string) bool {
	name = strings.ToLower(name)
	return name != "label" && labels(name) || slices.Contains([]string{"status", "state", "category", "description", "role", "city", "country", "kind", "type", "author", "body", "slug", "summary", "message", "level", "text", "comment", "content", "email", "phone"}, name)
}
