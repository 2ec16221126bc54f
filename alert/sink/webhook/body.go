package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"os"
	"reflect"
	"strings"
	"text/template"

	"honeyrow/alert"
	"honeyrow/alert/format"
	"honeyrow/alert/render"
	"honeyrow/event"
)

// funcs are what a template can call beside the language's own:
//
//	json    the value as JSON, quotes included: {"text": {{json .Summary}}}
//	clean   text without control and other deceptive characters
//	text    the whole alert for a person, in lines
//	upper   capital letters
//
// The data is the detection: fields as in event.Detection (.Summary,
// .Client.User, .Severity).
var funcs = template.FuncMap{
	"json": func(v any) (string, error) {
		b, err := json.Marshal(v)
		return string(b), err
	},
	"clean": render.Clean,
	"text":  func(d *event.Detection) string { return render.Text(d, render.Options{}) },
	"upper": func(v any) string { return strings.ToUpper(fmt.Sprint(v)) },
}

// body returns what makes the body of a request.
func (c Config) body() (func(*event.Detection) ([]byte, error), error) {
	text := c.Template
	if c.TemplateFile != "" {
		b, err := os.ReadFile(c.TemplateFile)
		if err != nil {
			return nil, fmt.Errorf("template_file: %w", err)
		}
		text = string(b)
	}
	if text == "" {
		return func(d *event.Detection) ([]byte, error) { return format.Encode(c.Format, d) }, nil
	}
	t, err := parse(text, c.ContentType)
	if err != nil {
		return nil, err
	}
	return func(d *event.Detection) ([]byte, error) {
		b, err := fill(t, d)
		if err != nil {
			return nil, alert.Permanent(fmt.Errorf("detection %s: %w", d.ID, err))
		}
		return b, nil
	}, nil
}

func fill(t *template.Template, d *event.Detection) ([]byte, error) {
	var b bytes.Buffer
	if err := t.Execute(&b, d); err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	return b.Bytes(), nil
}

// parse compiles a template and tries it out. Where the body is JSON, it is
// filled with a hostile detection too: what a thief chooses may change the
// document's texts, never its structure.
func parse(text, contentType string) (*template.Template, error) {
	t, err := template.New("body").Funcs(funcs).Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	plain, hostile := sample("x"), sample("\",\"a\":[{}],\"b\":\"\\\n\x00\u2028</script>")
	a, err := fill(t, plain)
	if err != nil {
		return nil, err
	}
	b, err := fill(t, hostile)
	if err != nil {
		return nil, err
	}
	kind, _, err := mime.ParseMediaType(contentType)
	if contentType != "" && err != nil {
		return nil, fmt.Errorf("content_type: %w", err)
	}
	if contentType != "" && kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return t, nil
	}
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		return nil, fmt.Errorf("template: it makes no JSON: %w: write texts as {{json .Summary}}, or set content_type", err)
	}
	if json.Unmarshal(b, &y) != nil || !sameShape(x, y) {
		return nil, errors.New("template: a text that a client chooses can change the JSON's structure: write every text as {{json .Summary}}, without quotes of your own")
	}
	return t, nil
}

// sameShape reports whether two documents differ in texts and numbers alone.
func sameShape(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		o, ok := b.(map[string]any)
		if !ok || len(a) != len(o) {
			return false
		}
		for k := range a {
			v, ok := o[k]
			if !ok || !sameShape(a[k], v) {
				return false
			}
		}
		return true
	case []any:
		o, ok := b.([]any)
		if !ok || len(a) != len(o) {
			return false
		}
		for i := range a {
			if !sameShape(a[i], o[i]) {
				return false
			}
		}
		return true
	}
	return reflect.TypeOf(a) == reflect.TypeOf(b)
}

// sample is a drill with text in each place that a client or a database fills.
func sample(text string) *event.Detection {
	d := &event.Detection{
		Schema: event.Schema, ID: "00000000-0000-7000-8000-000000000000", Revision: 1, Rule: "drill", Drill: true, Action: event.Alert,
		Rules:    []event.Match{{ID: "drill", Title: "drill", Actions: []string{"alert"}, Tags: []string{"T1190"}}},
		Findings: []event.Finding{{Detector: "drill", Title: "drill", Weight: 1, Count: 1, Detail: text}},
		Hits:     []event.Hit{{Kind: "email", Count: 1}}, HoneyRows: 1, HitCount: 1,
		Origins:    []event.Origin{{User: text, Address: text, Application: text, Text: text}},
		Quarantine: []event.Quarantine{{By: "user", Subject: text}}, Reach: []string{text},
	}
	d.Summary = text
	d.Client = event.Client{
		Address: text, Balancer: text, User: text, Database: text, Application: text, ServerVersion: text, Replication: text,
		TLS: &event.TLS{Subject: text, Issuer: text, ServerName: text}, Peer: &event.Peer{}, Attributes: map[string]string{"key": text},
	}
	d.Statement = event.Statement{Text: text, Parameters: []string{text}, Tags: map[string]string{"key": text}}
	d.Run.Code = text
	h := &d.Hits[0]
	h.Column, h.Story, h.Note, h.PlantedBy, h.Copy, h.Owner = text, text, text, text, text, text
	h.Place = event.Place{Server: text, Database: text, Schema: text, Table: text, Column: text, Key: text}
	return d
}
