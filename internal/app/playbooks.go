package app

import (
	"strings"

	"honeyrow/alert/render"
	"honeyrow/docs/playbooks"
)

// PlaybookTexts returns the texts of the pages that ship with honeyrow; an
// owner's own are named.
func PlaybookTexts(pages []string) string {
	var b strings.Builder
	for _, p := range pages {
		b.WriteString("\n")
		if text, ok := playbooks.Text(p); ok {
			b.WriteString(text)
			continue
		}
		b.WriteString("The playbook of your own: " + render.Clean(p) + "\n")
	}
	return b.String()
}
