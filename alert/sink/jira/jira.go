// Package jira opens an issue in Jira Cloud for each incident, and comments on
// it as the incident goes on.
//
// Sources: Atlassian, "Jira Cloud REST API v3": create issue (POST
// /rest/api/3/issue; summary up to 255 characters without line ends,
// description an Atlassian document of up to 32767), issue search (POST
// /rest/api/3/search/jql), comments (POST /rest/api/3/issue/{key}/comment);
// "Basic auth for REST APIs" (e-mail address and API token); "Rate limiting"
// (429 with Retry-After). An issue carries the label honeyrow-<incident's id>,
// by which a delivery made twice finds it. Jira's search may lag seconds behind:
// issues of this process are remembered too.
package jira

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"honeyrow/alert"
	"honeyrow/alert/peer"
	"honeyrow/alert/render"
	"honeyrow/event"
	"honeyrow/internal/config"
)

var _ alert.IncidentSink = (*Sink)(nil)

const (
	// maxKnown bounds the issues that are remembered.
	maxKnown = 4096
	// maxText is how many characters a description or a comment has, far below what
	// Jira takes: the document's own words may count as well.
	maxText = 12_000
)

// Config names site and project. Its url is the site's:
// https://your-company.atlassian.net.
type Config struct {
	peer.HTTP `yaml:",inline"`
	Username  string `yaml:"username"` // e-mail address of the account
	TokenFile string `yaml:"token_file"`
	TokenEnv  string `yaml:"token_env"`
	Project   string `yaml:"project"`    // key, such as SEC
	IssueType string `yaml:"issue_type"` // empty: Task
	// Labels are set beside honeyrow's own.
	Labels []string `yaml:"labels"`
	// Priorities maps severities to the site's priorities; without it issues have
	// the project's default.
	Priorities map[string]string `yaml:"priorities"`
}

var projectKey = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,254}$`)

// Validate reports what cannot work.
func (c Config) Validate() error {
	switch {
	case !projectKey.MatchString(c.Project):
		return errors.New("project: set the project's key, such as SEC")
	case c.Username == "":
		return errors.New("username: set the e-mail address of the account that opens issues")
	case peer.Count(c.TokenFile, c.TokenEnv) != 1:
		return errors.New("token_file: set it or token_env to where the account's API token is")
	}
	for _, l := range c.Labels {
		if l == "" || strings.ContainsAny(l, " \t\n") || len(l) > 255 {
			return fmt.Errorf("labels: %q is no label: use letters without spaces", l)
		}
	}
	for s := range c.Priorities {
		if err := new(event.Severity).UnmarshalText([]byte(s)); err != nil {
			return fmt.Errorf("priorities: %w", err)
		}
	}
	return c.HTTP.Validate("")
}

// Door implements peer.Configured.
func (c Config) Door() peer.Door { return peer.Door{HTTP: c.HTTP, Secret: c.authorization} }

// authorization is what requests carry.
func (c Config) authorization() (config.Secret, error) {
	token, err := peer.Secret("token", c.TokenFile, c.TokenEnv)
	return peer.Basic(c.Username, token), err
}

// Check reads the token and connects to the site.
func (c Config) Check(ctx context.Context) error { return peer.Check(ctx, c) }

// Sink writes to one project. It is safe for concurrent use.
type Sink struct {
	peer.Service
	cfg Config

	mu    sync.Mutex
	known map[string]string // label to issue
}

// New reads the token; it makes no connection.
func New(name string, c Config, o peer.Options) (*Sink, error) {
	s, err := peer.Open(name, c, o)
	if err != nil {
		return nil, err
	}
	if c.IssueType == "" {
		c.IssueType = "Task"
	}
	return &Sink{Service: s, cfg: c, known: map[string]string{}}, nil
}

// Deliver implements alert.Sink.
func (s *Sink) Deliver(ctx context.Context, d *event.Detection) error {
	return s.DeliverIncident(ctx, nil, d)
}

// DeliverIncident implements alert.IncidentSink. It changes no issue's status:
// every site's workflow is its own.
func (s *Sink) DeliverIncident(ctx context.Context, inc *event.Incident, d *event.Detection) error {
	n := render.Told(inc, d).Within(maxText)
	label := "honeyrow-" + render.Key(inc, d)
	issue, err := s.find(ctx, label)
	if err != nil {
		return err
	}
	if issue != "" {
		code, err := s.call(ctx, "rest/api/3/issue/"+url.PathEscape(issue)+"/comment", object{"body": document(n)}, nil)
		if code == http.StatusNotFound { // somebody deleted it: the next try opens another one
			s.forget(label)
		}
		return err
	}
	fields := object{
		"project": object{"key": s.cfg.Project}, "issuetype": object{"name": s.cfg.IssueType},
		"summary": render.Cut(n.Title+": "+n.Summary, 255), "description": document(n),
		"labels": append([]string{"honeyrow", label}, s.cfg.Labels...),
	}
	if p := s.cfg.Priorities[n.Severity.String()]; p != "" {
		fields["priority"] = object{"name": p}
	}
	var made struct{ Key string }
	if _, err := s.call(ctx, "rest/api/3/issue", object{"fields": fields}, &made); err != nil {
		return err
	}
	s.remember(label, made.Key)
	return nil
}

func (s *Sink) remember(label, issue string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.known) >= maxKnown {
		clear(s.known)
	}
	if issue != "" {
		s.known[label] = issue
	}
}

func (s *Sink) forget(label string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, label)
}

// find returns the key of the issue with the label, or "".
func (s *Sink) find(ctx context.Context, label string) (string, error) {
	s.mu.Lock()
	issue := s.known[label]
	s.mu.Unlock()
	if issue != "" {
		return issue, nil
	}
	var found struct {
		Issues []struct{ Key string }
	}
	q := object{"jql": fmt.Sprintf(`project = "%s" AND labels = "%s" ORDER BY created ASC`, s.cfg.Project, label), "maxResults": 1, "fields": []string{"summary"}}
	if _, err := s.call(ctx, "rest/api/3/search/jql", q, &found); err != nil {
		return "", err
	}
	if len(found.Issues) == 0 {
		return "", nil
	}
	s.remember(label, found.Issues[0].Key)
	return found.Issues[0].Key, nil
}

// call posts o and reads the answer into what is not nil. The number is the
// answer's, 0 without one.
func (s *Sink) call(ctx context.Context, path string, o object, into any) (int, error) {
	body, err := json.Marshal(o)
	if err != nil {
		return 0, alert.Permanent(fmt.Errorf("encode an issue: %w", err))
	}
	a, err := s.Do(ctx, peer.Request{Path: path, Body: body, Header: http.Header{"Authorization": {s.Key.Reveal()}, "Accept": {"application/json"}}})
	switch {
	case a == nil:
		return 0, err
	case err != nil && a.Code == http.StatusBadRequest:
		if fields := s.refused(a.Body); fields != "" {
			err = fmt.Errorf("post to %s: answer %d: Jira refuses the field %s: check project, issue_type, priorities and labels, and which fields the project demands", s.Host(), a.Code, fields)
		}
		return a.Code, err
	case err != nil || into == nil:
		return a.Code, err
	case a.Torn != nil:
		return a.Code, a.Torn
	}
	if err := json.Unmarshal(a.Body, into); err != nil {
		return a.Code, fmt.Errorf("post to %s: the answer is not that of Jira's API: check the url", s.Host())
	}
	return a.Code, nil
}

// customField is how Jira names fields that a site has added.
var customField = regexp.MustCompile(`^customfield_[0-9]{1,10}$`)

// refused names the fields that an answer complains of and that the owner can do
// something about, here or in Jira. Its words may repeat what was sent.
func (s *Sink) refused(body []byte) string {
	var r struct {
		Errors map[string]json.RawMessage `json:"errors"`
	}
	if json.Unmarshal(body, &r) != nil {
		return ""
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(r.Errors)) {
		if customField.MatchString(name) || slices.Contains([]string{"assignee", "components", "duedate", "fixVersions", "issuetype", "labels", "parent", "pid", "priority", "project", "reporter", "versions"}, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names[:min(len(names), 5)], ", ")
}

type object = map[string]any

// document is the note in the Atlassian Document Format, whose text nodes know
// no markup.
func document(n render.Note) object {
	content := []object{paragraph(text(n.Summary, 3000))}
	for _, f := range n.Facts {
		bold := text(f.Name+": ", 100)
		bold["marks"] = []object{{"type": "strong"}}
		content = append(content, paragraph(bold, text(f.Value, 2000)))
	}
	if n.Statement != "" {
		content = append(content, object{"type": "codeBlock", "attrs": object{"language": "sql"}, "content": []object{text(n.Statement, 3000)}})
	}
	content = append(content, paragraph(text(n.Foot, 500)))
	return object{"type": "doc", "version": 1, "content": content}
}

func paragraph(content ...object) object { return object{"type": "paragraph", "content": content} }

func text(s string, max int) object {
	if s == "" {
		s = "-" // a text node must not be empty
	}
	return object{"type": "text", "text": render.Cut(s, max)}
}
