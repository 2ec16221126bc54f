package format

import (
	"strconv"
	"strings"

	"honeyrow/event"
)

// ocsfVersion is the version of the schema that OCSF follows.
const ocsfVersion = "1.5.0"

// OCSF writes d as a Detection Finding, class 2004 of the Open Cybersecurity
// Schema Framework 1.5.0 (schema.ocsf.io), with the profile security_control.
// A revision above the first is an update of the finding with the same uid.
func OCSF(d *event.Detection) ([]byte, error) {
	activity, name := 1, "Create"
	if d.Revision > 1 {
		activity, name = 2, "Update"
	}
	action, disposition := 3, 15 // observed, detected
	if d.Action >= event.Block {
		action, disposition = 2, 2 // denied, blocked
	}
	host, ip, port := address(d.Client.Address)
	from := object{"name": host, "svc_name": d.Client.Application}
	observables := []object{{"name": "evidences.actor.user.name", "type_id": 4, "type": "User Name", "value": d.Client.User}}
	if ip != nil {
		from["ip"] = ip.String()
		observables = append(observables, object{"name": "evidences.src_endpoint.ip", "type_id": 2, "type": "IP Address", "value": ip.String()})
	}
	if port > 0 {
		from["port"] = port
	}
	evidence := object{
		"actor": object{
			"user":     object{"name": d.Client.User},
			"session":  object{"uid": string(d.Client.Session), "created_time": d.Client.Started.UnixMilli()},
			"app_name": d.Client.Application,
		},
		"src_endpoint": from,
		"database":     object{"name": d.Client.Database, "uid": d.Client.Server, "type_id": 1, "type": "Relational"},
		"data":         object{"statement": d.Statement.Text, "rows": d.Run.Rows},
	}
	if t := d.Client.TLS; t != nil {
		evidence["tls"] = ocsfTLS(t)
	}
	doc := object{
		"class_uid": 2004, "class_name": "Detection Finding", "category_uid": 2, "category_name": "Findings",
		"activity_id": activity, "activity_name": name, "type_uid": 200400 + activity, "type_name": "Detection Finding: " + name,
		"time": d.Time.UnixMilli(), "severity_id": int(gravity(d)) + 1, "severity": ocsfSeverities[gravity(d)],
		"status_id": 1, "status": "New", "action_id": action, "disposition_id": disposition, "is_alert": true,
		"message": d.Summary, "count": max(d.HitCount, 1), "start_time": d.Time.UnixMilli(),
		"metadata":     ocsfMetadata(d),
		"finding_info": ocsfFinding(d),
		"evidences":    []object{evidence},
		"observables":  observables,
		"unmapped":     own(d),
	}
	var resources []object
	for _, p := range tables(d) {
		resources = append(resources, object{"name": full(p), "type": "table", "uid": full(p)})
	}
	if len(resources) > 0 {
		doc["resources"] = resources
	}
	return line(d, doc)
}

var ocsfSeverities = map[event.Severity]string{
	event.Info: "Informational", event.Low: "Low", event.Medium: "Medium", event.High: "High", event.Critical: "Critical",
}

func ocsfMetadata(d *event.Detection) object {
	m := object{
		// The uid is of this event, the finding_info.uid of what all revisions tell of.
		"version": ocsfVersion, "profiles": []string{"security_control"}, "uid": string(d.ID) + "-" + strconv.Itoa(d.Revision), "sequence": d.Revision,
		"event_code": d.Rule, "log_name": product + ".detection", "original_time": d.Time.UTC().Format("2006-01-02T15:04:05.000Z"),
		"product": object{"name": product, "vendor_name": product, "version": version()},
	}
	if d.Incident != nil {
		m["correlation_uid"] = string(d.Incident.ID)
	}
	return m
}

func ocsfFinding(d *event.Detection) object {
	f := object{
		"uid": string(d.ID), "title": title(d), "desc": d.Summary, "types": []string{d.Rule},
		"created_time": d.Time.UnixMilli(), "first_seen_time": d.Time.UnixMilli(), "product": object{"name": product, "vendor_name": product},
		"analytic":     object{"type_id": 1, "type": "Rule", "uid": d.Rule, "name": title(d)},
		"data_sources": []string{d.Client.Server},
	}
	if p := playbook(d); p != "" {
		f["src_url"] = p
	}
	var attacks []object
	for _, t := range techniques(d) {
		id, sub, isSub := strings.Cut(t, ".")
		a := object{"technique": object{"uid": id}}
		if isSub {
			a["sub_technique"] = object{"uid": id + "." + sub}
		}
		attacks = append(attacks, a)
	}
	if len(attacks) > 0 {
		f["attacks"] = attacks
	}
	return f
}

func ocsfTLS(t *event.TLS) object {
	o := object{"version": strings.TrimPrefix(t.Version, "TLS "), "cipher": t.Cipher}
	if t.ServerName != "" {
		o["sni"] = t.ServerName
	}
	return o
}
