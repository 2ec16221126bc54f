// Package playbooks holds the texts of what to do next about a rule's alerts,
// so that the program can show them where no repository is at hand.
package playbooks

import (
	"embed"
	"path"
)

//go:embed *.md
var texts embed.FS

// Text returns the text of a page that a rule names as docs/playbooks/NAME.md;
// false if it is none of those shipped.
func Text(page string) (string, bool) {
	b, err := texts.ReadFile(path.Base(page))
	if path.Dir(page) != "docs/playbooks" || err != nil {
		return "", false
	}
	return string(b), true
}
