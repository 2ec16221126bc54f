package render

import (
	"bytes"
	"fmt"
	"html/template"
	"strings"

	"honeyrow/event"
)

// Letter is an alert as an e-mail.
type Letter struct {
	Subject string // one line
	Text    string
	HTML    string // the same, as a page
	// ID names this message: a delivery made twice has the same. Thread is shared
	// by all messages of one incident. Both are the left half of a Message-ID.
	ID, Thread string
	// Important asks readers to mark it.
	Important bool
}

// Mail makes a letter of what a sink that follows incidents is told (see Told). The
// incident's containment commands stand at its end.
func Mail(inc *event.Incident, d *event.Detection) (Letter, error) {
	n := Told(inc, d)
	l := Letter{Subject: Cut(n.Title+": "+n.Summary, 200), Thread: Key(inc, d), Important: n.Severity >= event.High}
	if d != nil {
		l.ID, l.Text = fmt.Sprintf("%s.%d", d.ID, d.Revision), Text(d, Options{})
	} else {
		l.ID, l.Text = fmt.Sprintf("%s.%d", inc.ID, inc.Revision), n.Lines()
	}
	if inc != nil && len(inc.Containment) > 0 {
		l.Text += "\n" + containment(inc)
	}
	var html bytes.Buffer
	if err := page.Execute(&html, n); err != nil {
		return Letter{}, err
	}
	l.HTML = html.String()
	return l, nil
}

// containment are the commands that nobody runs but a person.
func containment(inc *event.Incident) string {
	var b strings.Builder
	b.WriteString("To contain it, ready to paste, after a look:\n")
	for _, c := range inc.Containment {
		fmt.Fprintf(&b, "\n  %s", Clean(c.Title))
		if c.Database != "" {
			fmt.Fprintf(&b, " (in %s)", Clean(c.Database))
		}
		fmt.Fprintf(&b, "\n    %s\n", Clean(c.SQL))
	}
	return b.String()
}

// page is the HTML part. html/template escapes by the place where a value
// stands; no value stands in a URL, a style or a script.
var page = template.Must(template.New("mail").Parse(`<!DOCTYPE html>
<html><body style="font-family: sans-serif">
<h3>{{.Title}}</h3>
<p>{{.Summary}}</p>
<table>{{range .Facts}}
<tr><td style="color: #666; vertical-align: top; padding-right: 1em">{{.Name}}</td><td>{{.Value}}</td></tr>{{end}}
</table>
{{if .Statement}}<pre style="white-space: pre-wrap; background: #f4f4f4; padding: 0.5em">{{.Statement}}</pre>{{end}}
<p style="color: #666; font-size: small">{{.Foot}}</p>
</body></html>
`))
