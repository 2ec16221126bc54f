package jira

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/alert/peer"
	"honeyrow/alert/sinktest"
	"honeyrow/event"
)

const token = "ATATT3x-t0ken"

// site is a Jira with one project. It checks lengths, the document's nodes and
// the search.
type site struct {
	sinktest.Fake
	mu       sync.Mutex
	issues   map[string]string // label to key
	comments map[string]int
	gone     bool // the issue was deleted
}

func newSite(t *testing.T) *site {
	j := &site{issues: map[string]string{}, comments: map[string]int{}}
	j.Fake = sinktest.Service(func(w http.ResponseWriter, r *http.Request, taken func(event.ID)) {
		j.mu.Lock()
		defer j.mu.Unlock()
		if user, pass, ok := r.BasicAuth(); !ok || user != "bot@corp.example" || pass != token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var m struct {
			JQL    string
			Body   map[string]any
			Fields struct {
				Project     struct{ Key string }
				IssueType   struct{ Name string }
				Priority    struct{ Name string }
				Summary     string
				Description map[string]any
				Labels      []string
			}
		}
		var raw json.RawMessage
		if !sinktest.Body(t, r, &raw) {
			return
		}
		path := strings.TrimPrefix(r.URL.Path, sinktest.SecretPath+"/rest/api/3/")
		if path == "search/jql" {
			var q struct{ JQL string }
			if err := json.Unmarshal(raw, &q); err != nil {
				t.Error(err)
			}
			parts := strings.Split(q.JQL, `"`)
			if len(parts) != 5 || parts[0] != "project = " || parts[2] != " AND labels = " {
				t.Errorf("query %s", q.JQL)
				return
			}
			if key := j.issues[parts[3]]; key != "" {
				fmt.Fprintf(w, `{"issues":[{"id":"1","key":%q}]}`, key)
				return
			}
			fmt.Fprint(w, `{"issues":[]}`)
			return
		}
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Error(err)
		}
		if key, ok := strings.CutSuffix(path, "/comment"); ok {
			if j.gone {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			j.comments[strings.TrimPrefix(key, "issue/")]++
			node(t, m.Body, "doc")
			w.WriteHeader(http.StatusCreated)
			return
		}
		f := m.Fields
		if path != "issue" || f.Project.Key != "SEC" || f.IssueType.Name != "Incident" || f.Summary == "" || len([]rune(f.Summary)) > 255 ||
			strings.ContainsAny(f.Summary, "\r\n") || len(raw) > 32767*4 || strings.ContainsAny(strings.Join(f.Labels, ""), " ") {
			t.Errorf("Jira refuses %s %+v", path, f)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		node(t, f.Description, "doc")
		label := f.Labels[1]
		key := fmt.Sprintf("SEC-%d", len(j.issues)+1)
		j.issues[label] = key
		taken(event.ID(strings.TrimPrefix(label, "honeyrow-")))
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"id":"1","key":%q}`, key)
	})
	return j
}

// node checks a node of the Atlassian Document Format.
func node(t *testing.T, n map[string]any, want string) {
	kind, _ := n["type"].(string)
	if want != "" && kind != want {
		t.Errorf("node %q, want %q", kind, want)
	}
	if kind == "text" {
		if s, _ := n["text"].(string); s == "" {
			t.Error("an empty text node")
		}
		return
	}
	if !strings.Contains(" doc paragraph codeBlock ", " "+kind+" ") {
		t.Errorf("node %q", kind)
	}
	for _, c := range n["content"].([]any) {
		node(t, c.(map[string]any), "")
	}
}

func open(t *testing.T, w sinktest.Where) *Sink {
	s, err := New("jira", Config{
		HTTP: w.HTTP(), Username: "bot@corp.example", TokenFile: sinktest.Secret(t, token), Project: "SEC", IssueType: "Incident",
		Labels: []string{"db"}, Priorities: map[string]string{"critical": "Highest"},
	}, w.Options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestJiraBehavesAsEverySinkMust(t *testing.T) {
	sinktest.Run(t, sinktest.Suite{
		HTTP: true, Secrets: []string{token},
		Open: func(t *testing.T, w sinktest.Where) alert.Sink { return open(t, w) },
		Fake: func(t *testing.T) sinktest.Fake { return newSite(t) },
	})
}

func TestAnIncidentIsOneIssueWithComments(t *testing.T) {
	j := newSite(t)
	w := sinktest.At(t, j)
	d := alerttest.Detection(1)
	inc := sinktest.Incident(event.Open)
	for _, d := range []*event.Detection{&d, &d, nil} { // each by another process, which remembers nothing
		s := open(t, w)
		if err := s.DeliverIncident(t.Context(), inc, d); err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	s := open(t, w)
	defer s.Close()
	d = sinktest.Hostile() // of no incident
	if err := s.Deliver(t.Context(), &d); err != nil {
		t.Fatal(err)
	}
	if len(j.issues) != 2 || j.comments["SEC-1"] != 2 {
		t.Errorf("issues %v, comments %v, want two issues and two comments on the first", j.issues, j.comments)
	}
}

func TestADeletedIssueIsOpenedAnew(t *testing.T) {
	j := newSite(t)
	s := open(t, sinktest.At(t, j))
	defer s.Close()
	d := alerttest.Detection(1)
	if err := s.Deliver(t.Context(), &d); err != nil {
		t.Fatal(err)
	}
	clear(j.issues)
	j.gone = true
	if err := s.Deliver(t.Context(), &d); err == nil || alert.IsPermanent(err) {
		t.Errorf("got %v, want another try", err)
	}
	if err := s.Deliver(t.Context(), &d); err != nil || len(j.issues) != 1 {
		t.Errorf("%v, issues %v", err, j.issues)
	}
}

func TestWhatTheOwnerCanMendIsNamedAndTriedAgain(t *testing.T) {
	d := alerttest.Detection(1)
	for body, c := range map[string]struct {
		permanent bool
		want      string
	}{
		`{"errorMessages":[],"errors":{"issuetype":"Specify a valid issue type"}}`:                 {false, "the field issuetype:"},
		`{"errors":{"priority":"The priority selected is invalid.","customfield_10010":"needed"}}`: {false, "the field customfield_10010, priority:"},
		`{"errors":{"` + token + `":"x","description":"too long"}}`:                                {true, "answer 400"},
		`no JSON`: {true, "answer 400"},
	} {
		s := open(t, sinktest.At(t, sinktest.Service(func(w http.ResponseWriter, r *http.Request, _ func(event.ID)) {
			if strings.HasSuffix(r.URL.Path, "search/jql") {
				fmt.Fprint(w, `{"issues":[]}`)
				return
			}
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, body)
		})))
		err := s.Deliver(t.Context(), &d)
		if err == nil || alert.IsPermanent(err) != c.permanent || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), token) {
			t.Errorf("%s: got %v", body, err)
		}
		s.Close()
	}
}

func TestConfigThatCannotWorkIsRefused(t *testing.T) {
	good := Config{HTTP: peer.HTTP{URL: "https://a"}, Username: "u", TokenFile: "/nonexistent", Project: "SEC"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Config){
		"no project":      func(c *Config) { c.Project = "" },
		"JQL in project":  func(c *Config) { c.Project = `A" OR "` },
		"no user":         func(c *Config) { c.Username = "" },
		"no token":        func(c *Config) { c.TokenFile = "" },
		"two tokens":      func(c *Config) { c.TokenEnv = "x" },
		"spaces in label": func(c *Config) { c.Labels = []string{"a b"} },
		"severity":        func(c *Config) { c.Priorities = map[string]string{"worst": "P1"} },
		"no token's file": func(*Config) {},
	} {
		c := good
		spoil(&c)
		if _, err := New("jira", c, peer.Options{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
