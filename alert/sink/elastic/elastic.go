// Package elastic indexes detections in Elasticsearch or OpenSearch, with the
// bulk API.
//
// Source: Elastic, "Bulk API" (POST /_bulk, application/x-ndjson, the last line
// ends with a line feed too; 200 with a status of its own for each item). The
// operation is create and the document's _id the detection's, so that a
// delivery made twice is one document: 409 means that it is there. A later
// revision is a document of its own, <id>-<revision>, since data streams take
// nothing but create.
package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"honeyrow/alert"
	"honeyrow/alert/format"
	"honeyrow/alert/peer"
	"honeyrow/event"
	"honeyrow/internal/config"
)

var _ alert.Sink = (*Sink)(nil)

// Config names the cluster. Its url is that of the cluster alone:
// https://es.corp:9200.
type Config struct {
	peer.HTTP `yaml:",inline"`
	// Index or data stream.
	Index string `yaml:"index"`
	// APIKeyFile or APIKeyEnv holds an API key in its encoded form, or Username
	// is a user and PasswordFile or PasswordEnv holds the password.
	APIKeyFile   string `yaml:"api_key_file"`
	APIKeyEnv    string `yaml:"api_key_env"`
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file"`
	PasswordEnv  string `yaml:"password_env"`
	// Format of the document: ecs (default), json or ocsf.
	Format string `yaml:"format"`
}

// Validate reports what cannot work.
func (c Config) Validate() error {
	switch {
	case c.Index == "" || c.Index != strings.ToLower(c.Index) || strings.ContainsAny(c.Index, "\\/*?\"<>| ,#:") || strings.ContainsAny(c.Index[:1], "-_+."):
		return errors.New("index: name an index or data stream in small letters, such as honeyrow-alerts")
	case !peer.Only(c.APIKeyFile, c.APIKeyEnv, c.Username):
		return errors.New("api_key_file: set one of api_key_file, api_key_env and username")
	}
	if err := peer.Login(c.Username, c.PasswordFile, c.PasswordEnv); err != nil {
		return err
	}
	if err := format.JSON(c.Format); err != nil {
		return err
	}
	return c.HTTP.Validate("")
}

// authorization reads the secrets.
func (c Config) authorization() (config.Secret, error) {
	key, err := peer.Secret("api_key", c.APIKeyFile, c.APIKeyEnv)
	if err != nil || !key.Empty() {
		return config.NewSecret("ApiKey " + key.Reveal()), err
	}
	if c.Username == "" {
		return config.Secret{}, nil
	}
	password, err := peer.Secret("password", c.PasswordFile, c.PasswordEnv)
	if err != nil {
		return config.Secret{}, err
	}
	return peer.Basic(c.Username, password), nil
}

// Door implements peer.Configured.
func (c Config) Door() peer.Door { return peer.Door{HTTP: c.HTTP, Secret: c.authorization} }

// Check reads the secrets and connects to the cluster.
func (c Config) Check(ctx context.Context) error { return peer.Check(ctx, c) }

// Sink writes to one index. It is safe for concurrent use.
type Sink struct {
	peer.Service
	cfg Config
}

// New reads the secrets; it makes no connection.
func New(name string, c Config, o peer.Options) (*Sink, error) {
	s, err := peer.Open(name, c, o)
	if err != nil {
		return nil, err
	}
	if c.Format == "" {
		c.Format = "ecs"
	}
	return &Sink{s, c}, nil
}

// Deliver implements alert.Sink.
func (s *Sink) Deliver(ctx context.Context, d *event.Detection) error {
	doc, err := format.Encode(s.cfg.Format, d)
	if err != nil {
		return err
	}
	id := string(d.ID)
	if d.Revision > 1 {
		id += "-" + strconv.Itoa(d.Revision)
	}
	head, err := json.Marshal(map[string]any{"create": map[string]string{"_index": s.cfg.Index, "_id": id}})
	if err != nil {
		return alert.Permanent(fmt.Errorf("encode detection %s: %w", d.ID, err))
	}
	h := http.Header{"Content-Type": {"application/x-ndjson"}}
	if !s.Key.Empty() {
		h.Set("Authorization", s.Key.Reveal())
	}
	a, err := s.Do(ctx, peer.Request{Path: "_bulk", Header: h, Body: append(append(head, '\n'), doc...)})
	if err != nil {
		return err
	}
	return s.judge(a)
}

// judge reads the status of the one item.
func (s *Sink) judge(a *peer.Answer) error {
	if a.Torn != nil {
		return a.Torn
	}
	var r struct {
		Items []struct {
			Create struct {
				Status int `json:"status"`
				Error  struct {
					Type string `json:"type"`
				} `json:"error"`
			} `json:"create"`
		} `json:"items"`
	}
	if err := json.Unmarshal(a.Body, &r); err != nil || len(r.Items) != 1 {
		return fmt.Errorf("post to %s: the answer is not that of the bulk API: check the url", s.Host())
	}
	c := r.Items[0].Create
	switch {
	case c.Status >= 200 && c.Status < 300, c.Status == http.StatusConflict:
		return nil
	case c.Status == http.StatusTooManyRequests, c.Status >= 500, c.Status == http.StatusForbidden, c.Status == http.StatusNotFound:
		return fmt.Errorf("post to %s: index %s answers %d%s", s.Host(), s.cfg.Index, c.Status, peer.Word([]byte(c.Error.Type)))
	}
	return alert.Permanent(fmt.Errorf("post to %s: index %s refuses the document with %d%s", s.Host(), s.cfg.Index, c.Status, peer.Word([]byte(c.Error.Type))))
}
