package format

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"honeyrow/alert"
	"honeyrow/event"
)

// ecsVersion is the version of the Elastic Common Schema that ECS follows.
const ecsVersion = "8.17.0"

// object is a JSON object; its keys are ours alone.
type object = map[string]any

// ECS writes d by the Elastic Common Schema (Elastic, "ECS Field Reference"
// 8.17), as an event of kind alert. What the schema has no field for stands
// below "honeyrow", with maps of the client's as lists, so that no client
// chooses the names of an index's fields.
func ECS(d *event.Detection) ([]byte, error) {
	doc := object{
		"@timestamp": d.Time.UTC().Format(time.RFC3339Nano),
		"ecs":        object{"version": ecsVersion},
		"message":    d.Summary,
		"event":      ecsEvent(d),
		"rule":       object{"id": d.Rule, "name": title(d), "ruleset": product},
		"source":     ecsSource(&d.Client),
		"user":       object{"name": d.Client.User},
		"service":    object{"name": d.Client.Server, "type": d.Client.Protocol},
		"observer":   object{"vendor": product, "product": product, "type": "proxy", "version": version()},
		"related":    ecsRelated(d),
		"tags":       append([]string{product}, tags(d)...),
		"honeyrow":   own(d),
	}
	if ts := techniques(d); len(ts) > 0 {
		doc["threat"] = object{"framework": "MITRE ATT&CK", "technique": object{"id": ts}}
	}
	if d.Client.TLS != nil {
		doc["tls"] = ecsTLS(d.Client.TLS)
	}
	return line(d, doc)
}

// line encodes a document as one line.
func line(d *event.Detection, doc object) ([]byte, error) {
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, alert.Permanent(fmt.Errorf("encode detection %s: %w", d.ID, err))
	}
	return append(b, '\n'), nil
}

func ecsEvent(d *event.Detection) object {
	kinds := []string{"access", "allowed"}
	if d.Action >= event.Block {
		kinds = []string{"access", "denied"}
	}
	e := object{
		"kind": "alert", "category": []string{"database", "intrusion_detection"}, "type": kinds,
		"module": product, "dataset": product + ".detection", "provider": product,
		"id": string(d.ID), "sequence": d.Revision, "action": d.Rule, "code": d.Run.Code,
		"severity": severities[gravity(d)] * 10, "start": d.Time.UTC().Format(time.RFC3339Nano), "outcome": "unknown",
	}
	switch outcome(d) {
	case "success", "failure":
		e["outcome"] = outcome(d)
	}
	if p := playbook(d); p != "" {
		e["reference"] = p
	}
	return e
}

func ecsSource(c *event.Client) object {
	host, ip, port := address(c.Address)
	src := object{"address": host}
	if ip != nil {
		src["ip"] = ip.String()
	}
	if port > 0 {
		src["port"] = port
	}
	return src
}

func ecsRelated(d *event.Detection) object {
	r := object{"user": []string{d.Client.User}}
	if _, ip, _ := address(d.Client.Address); ip != nil {
		r["ip"] = []string{ip.String()}
	}
	return r
}

func ecsTLS(t *event.TLS) object {
	o := object{"version_protocol": "tls", "version": strings.TrimPrefix(t.Version, "TLS "), "cipher": t.Cipher}
	client := object{}
	for k, v := range map[string]string{"server_name": t.ServerName, "subject": t.Subject, "issuer": t.Issuer} {
		if v != "" {
			client[k] = v
		}
	}
	if t.Fingerprint != "" {
		client["hash"] = object{"sha256": strings.ToUpper(t.Fingerprint)}
	}
	if len(client) > 0 {
		o["client"] = client
	}
	return o
}

// own is what the schemas have no place for. Everything in it has a fixed name.
func own(d *event.Detection) object {
	o := object{
		"schema": d.Schema, "revision": d.Revision, "severity": d.Severity.String(), "action": d.Action.String(), "drill": d.Drill,
		"honey_rows": d.HoneyRows, "hit_count": d.HitCount, "chance": d.Chance,
		"session": string(d.Client.Session), "listener": d.Client.Listener, "database": d.Client.Database,
		"application": d.Client.Application, "attributes": pairs(d.Client.Attributes), "backend_pid": d.Client.BackendPID,
		"statement": object{
			"text": d.Statement.Text, "shape": d.Statement.Shape, "truncated": d.Statement.Truncated, "redacted": d.Statement.Redacted,
			"parameters": d.Statement.Parameters, "tags": pairs(d.Statement.Tags),
		},
		"rows": d.Run.Rows, "done": d.Run.Done, "hits": d.Hits, "findings": d.Findings, "reach": d.Reach, "rules": d.Rules,
	}
	if d.Incident != nil {
		o["incident"] = d.Incident
	}
	if len(d.Origins) > 0 {
		o["origins"] = d.Origins
	}
	if len(d.Quarantine) > 0 {
		o["quarantine"] = d.Quarantine
	}
	if d.Client.Balancer != "" {
		o["balancer"] = d.Client.Balancer
	}
	return o
}
