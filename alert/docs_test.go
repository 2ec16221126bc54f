package alert_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"honeyrow/alert"
	"honeyrow/alert/alerttest"
	"honeyrow/event"
)

var update = flag.Bool("update", false, "write the example line into docs/alert.md")

// example is the detection of docs/alert.md.
func example() event.Detection {
	at := time.Date(2026, 11, 21, 14, 3, 7, 251_000_000, time.UTC)
	return event.Detection{
		Schema: event.Schema, ID: "0199aa3e-5b10-7c3a-9d54-1f0f6a7d2e10", Revision: 2, Time: at,
		Severity: event.High, Rule: "honey-row-read", Summary: "app_ro read 1 honey row of public.customers in crm from 10.20.0.7",
		Action: event.Alert,
		Client: event.Client{
			Session: "0199aa3e-1f00-7b11-8a52-7c9e44d0b6aa", Started: at.Add(-time.Minute), Protocol: "postgres",
			Listener: "main", Server: "crm-db", Address: "10.20.0.7:51234", User: "app_ro", Database: "crm", Application: "psql",
			TLS: &event.TLS{Version: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256", ServerName: "db.corp"}, BackendPID: 4711,
		},
		Statement: event.Statement{Text: "SELECT * FROM customers ORDER BY id LIMIT 20"},
		Run:       event.Run{Started: at.Add(-3 * time.Millisecond), Rows: 20, Done: true, Code: "SELECT 20"},
		Hits: []event.Hit{{
			Token: "0199a5c0-0d6e-7a80-b1c4-93f6d5a1c001", Kind: "email", Row: "0199a5c0-0d6e-7a80-b1c4-93f6d5a1c000",
			Place: event.Place{Server: "crm-db", Database: "crm", Schema: "public", Table: "customers", Column: "email", Key: "10017"},
			Story: "row planted in public.customers of crm on crm-db by dba@corp on 2026-11-20", PlantedBy: "dba@corp",
			PlantedAt: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), Channel: event.ChannelRow, Means: "column", Column: "email", Count: 1,
			Evidence: event.Evidence{Length: 29, Bits: 61.3, Among: 18400, Searched: 20, Chance: 6.5e-16},
		}},
		HoneyRows: 1, HitCount: 1, Chance: 6.5e-16,
	}
}

func readDoc(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDocumentedExampleIsWhatIsWritten(t *testing.T) {
	d := example()
	line, err := alert.Line(&d)
	if err != nil {
		t.Fatal(err)
	}
	text := readDoc(t, "alert.md")
	head, rest, ok := strings.Cut(text, "```json\n")
	got, tail, ok2 := strings.Cut(rest, "```")
	if !ok || !ok2 {
		t.Fatal("docs/alert.md has no json block")
	}
	if *update {
		if err := os.WriteFile("../docs/alert.md", []byte(head+"```json\n"+string(line)+"```"+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != string(line) {
		t.Errorf("docs/alert.md has\n%s\nwant\n%s\nrun go test ./alert -run Documented -update", got, line)
	}
}

func TestSchemaHasEveryFieldOfADetectionAndNoOther(t *testing.T) {
	s := alerttest.ReadSchema(t, "../docs/detection.schema.json")
	walkType(t, "", reflect.TypeFor[event.Detection](), s, readDoc(t, "alert.md"))
	if s.Properties["schema"].Const != event.Schema || s.Properties["hits"].Max != event.MaxHits {
		t.Errorf("schema is for %q with %d hits", s.Properties["schema"].Const, s.Properties["hits"].Max)
	}
	for name, last := range map[string]fmt.Stringer{"severity": event.Critical, "action": event.Kill} {
		if e := s.Properties[name].Enum; e[len(e)-1] != last.String() {
			t.Errorf("%s: %v does not end in %s", name, e, last)
		}
	}
}

func TestSchemaHasEveryFieldOfAnIncidentAndNoOther(t *testing.T) {
	s := alerttest.ReadSchema(t, "../docs/incident.schema.json")
	walkType(t, "", reflect.TypeFor[event.Incident](), s, readDoc(t, "incidents.md"))
	p := s.Properties
	if p["schema"].Const != event.IncidentSchema || p["sessions"].Max != event.MaxSessions || p["tables"].Max != event.MaxTables || p["changes"].Max != event.MaxChanges || p["findings"].Max != event.MaxFindings {
		t.Errorf("schema is for %q with other bounds", p["schema"].Const)
	}
	for _, state := range p["state"].Enum {
		if err := new(event.IncidentState).UnmarshalText([]byte(state)); err != nil {
			t.Error(err)
		}
	}
}

// walkType compares a Go struct with its schema and the table in its document.
func walkType(t *testing.T, path string, typ reflect.Type, s *alerttest.Schema, doc string) {
	t.Helper()
	seen := map[string]bool{}
	for i := range typ.NumField() {
		tag, opts, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		name, p := tag, s.Properties[tag]
		seen[name] = true
		if p == nil {
			t.Errorf("%s%s is not in the schema", path, name)
			continue
		}
		if got, want := slices.Contains(s.Required, name), !strings.Contains(opts, "omit"); got != want {
			t.Errorf("%s%s: required is %v, want %v", path, name, got, want)
		}
		if p.Desc == "" || !strings.Contains(doc, "| `"+path+name+"` |") {
			t.Errorf("%s%s has no description in the schema or no line in the document", path, name)
		}
		walkField(t, path+name, typ.Field(i).Type, p, doc)
	}
	for name := range s.Properties {
		if !seen[name] {
			t.Errorf("%s%s is in the schema, not in the type", path, name)
		}
	}
}

func walkField(t *testing.T, path string, typ reflect.Type, p *alerttest.Schema, doc string) {
	t.Helper()
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	want := ""
	switch {
	case typ == reflect.TypeFor[time.Time]():
		want = "string"
		if p.Format != "date-time" {
			t.Errorf("%s: format %q, want date-time", path, p.Format)
		}
	case typ == reflect.TypeFor[event.Severity](), typ == reflect.TypeFor[event.Action](), p.Const != "", p.Enum != nil && typ.Kind() == reflect.String:
		return // words, compared above and by the example
	case typ.Kind() == reflect.Struct:
		want = "object"
		walkType(t, path+".", typ, p, doc)
	case typ.Kind() == reflect.Slice && typ.Elem().Kind() == reflect.Struct:
		walkType(t, path+"[].", typ.Elem(), p.Items, doc)
		want = "array"
	default:
		want = map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Float64: "number", reflect.Slice: "array", reflect.Map: "object"}[typ.Kind()]
		if want == "" {
			want = "integer"
		}
	}
	if got := fmt.Sprint(p.Type); got != want && got != "["+want+" null]" {
		t.Errorf("%s: type %s, want %s", path, got, want)
	}
}

func TestExampleAndDrillFitTheSchema(t *testing.T) {
	s := alerttest.ReadSchema(t, "../docs/detection.schema.json")
	drill := alert.DrillDetection(time.Now())
	if !drill.Drill || !strings.Contains(drill.Summary, "nothing happened") || drill.Severity != event.Info {
		t.Errorf("a drill must say so: %+v", drill)
	}
	ex := example()
	for _, d := range []*event.Detection{&ex, &drill} {
		line, err := alert.Line(d)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatal(err)
		}
		for _, mistake := range s.Fits(v) {
			t.Error(mistake)
		}
	}
	broken := map[string]any{"schema": "other", "severity": "awful", "hits": []any{map[string]any{"channel": "air"}}, "revision": 1.5}
	if got := len(s.Fits(broken)); got < 10 {
		t.Errorf("a broken detection has %d mistakes, want many: the check is blind", got)
	}
}
