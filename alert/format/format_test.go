package format

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"honeyrow/alert/alerttest"
	"honeyrow/event"
)

// hostile is what a thief may call himself.
const hostile = "evil|a=b\\ \"x\"]\r\n<13>1 forged\t^\x00\x1b[2J\u202e\u2028 cs1=forged {{.}} </script>\xff"

func detections() map[string]event.Detection {
	plain := alerttest.Detection(1)
	plain.Rules = []event.Match{{ID: plain.Rule, Title: "Honey row read", Tags: []string{"T1213.006", "CWE-89"}}}
	plain.Incident = &event.Membership{ID: event.NewID(), Number: 7, Entry: 1, Severity: event.Critical}
	bad := alerttest.Detection(2)
	bad.Client.User, bad.Client.Application, bad.Client.Database, bad.Summary, bad.Statement.Text = hostile, hostile, hostile, hostile, hostile
	bad.Client.Attributes = map[string]string{hostile: hostile, "a.b.c": "d"}
	bad.Statement.Tags = map[string]string{hostile: hostile}
	bad.Hits[0].Place.Table = hostile
	v6 := alerttest.Detection(3)
	v6.Client.Address, v6.Revision, v6.Action = "[2001:db8::7]:5", 2, event.Block
	unix := alerttest.Detection(4)
	unix.Client.Address, unix.Client.TLS, unix.Hits, unix.Drill = "unix", nil, nil, true
	return map[string]event.Detection{"plain": plain, "hostile": bad, "IPv6, refused": v6, "drill over a socket": unix}
}

func TestEveryFormIsOneLineWhateverAThiefWrites(t *testing.T) {
	for name, d := range detections() {
		for _, f := range forms {
			b, err := Encode(f.name, &d)
			if err != nil {
				t.Fatalf("%s as %s: %v", name, f.name, err)
			}
			text := string(b)
			if strings.Count(text, "\n") != 1 || !strings.HasSuffix(text, "\n") || strings.ContainsAny(text, "\r\x00\x1b") {
				t.Errorf("%s as %s: %q", name, f.name, text)
			}
			if f.json != json.Valid(b) {
				t.Errorf("%s as %s: JSON is %v", name, f.name, json.Valid(b))
			}
			if !strings.Contains(text, string(d.ID)) {
				t.Errorf("%s as %s: the id is missing", name, f.name)
			}
		}
	}
	if err := Any("xml"); err == nil || JSON("cef") == nil || Any("text", "text") != nil || JSON("") != nil {
		t.Errorf("names are judged wrongly: %v", err)
	}
}

// cefParse reads CEF as a receiver does: seven unescaped pipes, then keys up to
// an unescaped equals sign.
func cefParse(t *testing.T, line string) (header []string, ext map[string]string) {
	t.Helper()
	var field strings.Builder
	rest := strings.TrimSuffix(line, "\n")
	for len(header) < 7 {
		switch {
		case rest == "":
			t.Fatalf("header ends early: %q", line)
		case rest[0] == '\\' && len(rest) > 1 && strings.ContainsRune(`\|`, rune(rest[1])):
			field.WriteByte(rest[1])
			rest = rest[2:]
		case rest[0] == '|':
			header = append(header, field.String())
			field.Reset()
			rest = rest[1:]
		default:
			field.WriteByte(rest[0])
			rest = rest[1:]
		}
	}
	ext = map[string]string{}
	starts := regexp.MustCompile(`(?:^| )([A-Za-z0-9]+)=`).FindAllStringSubmatchIndex(rest, -1)
	for i, s := range starts {
		end := len(rest)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		key := rest[s[2]:s[3]]
		if _, twice := ext[key]; twice {
			t.Errorf("%s is there twice in %q", key, rest)
		}
		ext[key] = strings.NewReplacer(`\\`, `\`, `\=`, `=`, `\n`, "\n", `\r`, "\r").Replace(rest[s[1]:end])
	}
	return header, ext
}

func TestCEFKeepsItsFieldsApart(t *testing.T) {
	for name, d := range detections() {
		b, err := CEF(&d)
		if err != nil {
			t.Fatal(err)
		}
		h, ext := cefParse(t, string(b))
		if h[0] != "CEF:0" || h[1] != product || h[4] != d.Rule {
			t.Errorf("%s: header %q", name, h)
		}
		if ext["externalId"] != string(d.ID) || ext["cs1Label"] != "Database" || ext["cn1"] != fmt.Sprint(d.HoneyRows) {
			t.Errorf("%s: extension %q", name, ext)
		}
		if strings.Contains(ext["cs1"], "forged") && !strings.Contains(ext["cs1"], "cs1=forged") {
			t.Errorf("%s: cs1 was cut or forged: %q", name, ext["cs1"])
		}
	}
	ds := detections()
	d := ds["hostile"]
	b, _ := CEF(&d)
	_, ext := cefParse(t, string(b))
	if want := "evil|a=b\\ \"x\"]\r\n"; !strings.HasPrefix(ext["suser"], "evil|a=b\\ \"x\"]\n<13>1 forged") {
		t.Errorf("user: %q, want it to begin like %q", ext["suser"], want)
	}
	d = ds["IPv6, refused"]
	b, _ = CEF(&d)
	if _, ext := cefParse(t, string(b)); ext["c6a2"] != "2001:db8::7" || ext["src"] != "" || ext["spt"] != "5" || ext["act"] != "block" || ext["outcome"] != "failure" {
		t.Errorf("IPv6: %q", ext)
	}
	d = ds["plain"]
	b, _ = CEF(&d)
	if h, ext := cefParse(t, string(b)); h[6] != "10" || ext["src"] != "10.0.0.7" || ext["cs6"] != string(d.Incident.ID) {
		t.Errorf("plain: %q %q: want the incident's severity and id", h, ext)
	}
}

func TestLEEFKeepsItsFieldsApart(t *testing.T) {
	for name, d := range detections() {
		b, err := LEEF(&d)
		if err != nil {
			t.Fatal(err)
		}
		h := strings.SplitN(strings.TrimSuffix(string(b), "\n"), "|", 7)
		if len(h) != 7 || h[0] != "LEEF:2.0" || h[4] != d.Rule || h[5] != "x09" {
			t.Fatalf("%s: header %q", name, h)
		}
		seen := map[string]string{}
		for _, f := range strings.Split(h[6], "\t") {
			k, v, ok := strings.Cut(f, "=")
			if _, twice := seen[k]; !ok || twice || strings.Trim(k, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
				t.Errorf("%s: field %q", name, f)
			}
			seen[k] = v
		}
		if seen["id"] != string(d.ID) || seen["devTimeFormat"] == "" || seen["sev"] == "" {
			t.Errorf("%s: %q", name, seen)
		}
	}
}

func decode(t *testing.T, b []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// Elastic's allowed values: "ECS Categorization Fields".
func TestECSHasTheFieldsThatAnAlertNeeds(t *testing.T) {
	for name, d := range detections() {
		b, err := ECS(&d)
		if err != nil {
			t.Fatal(err)
		}
		m := decode(t, b)
		e := m["event"].(map[string]any)
		if e["kind"] != "alert" || e["id"] != string(d.ID) || m["@timestamp"] == nil || m["ecs"].(map[string]any)["version"] != ecsVersion {
			t.Errorf("%s: %v", name, m)
		}
		if !slices.Contains([]any{"success", "failure", "unknown"}, e["outcome"]) {
			t.Errorf("%s: outcome %v", name, e["outcome"])
		}
		if want := []any{"database", "intrusion_detection"}; !slices.Equal(e["category"].([]any), want) {
			t.Errorf("%s: category %v", name, e["category"])
		}
		for k := range m["source"].(map[string]any) {
			if !slices.Contains([]string{"address", "ip", "port"}, k) {
				t.Errorf("%s: source.%s", name, k)
			}
		}
		if got := keysOf(m["honeyrow"]); slices.ContainsFunc(got, func(k string) bool { return strings.ContainsAny(k, ". \n") || strings.Contains(k, "evil") }) {
			t.Errorf("%s: a client chose the name of a field: %q", name, got)
		}
	}
}

// keysOf returns every key of a document, at any depth.
func keysOf(v any) (out []string) {
	switch v := v.(type) {
	case map[string]any:
		for k, w := range v {
			out = append(append(out, k), keysOf(w)...)
		}
	case []any:
		for _, w := range v {
			out = append(out, keysOf(w)...)
		}
	}
	return out
}

// testdata/ocsf-2004.json is what the published schema says of class 2004 and
// of the objects used here: each attribute's type, ! before a required one.
func TestOCSFFitsThePublishedSchema(t *testing.T) {
	b, err := os.ReadFile("testdata/ocsf-2004.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Objects map[string]struct {
			Attributes map[string]string `json:"attributes"`
			OneOf      []string          `json:"one_of"`
		} `json:"objects"`
	}
	if err := json.Unmarshal(b, &schema); err != nil {
		t.Fatal(err)
	}
	var check func(at, object string, v map[string]any)
	checkValue := func(at, typ string, v any) {
		switch got := v.(type) {
		case string:
			if slices.Contains([]string{"integer_t", "long_t", "timestamp_t", "boolean_t", "port_t"}, typ) || schema.Objects[typ].Attributes != nil {
				t.Errorf("%s is a text, want %s", at, typ)
			}
		case float64:
			if !slices.Contains([]string{"integer_t", "long_t", "timestamp_t", "port_t"}, typ) || got != float64(int64(got)) {
				t.Errorf("%s is a number, want %s", at, typ)
			}
		case bool:
			if typ != "boolean_t" {
				t.Errorf("%s is a boolean, want %s", at, typ)
			}
		case map[string]any:
			if typ == "object" || typ == "json_t" {
				return
			}
			check(at, typ, got)
		default:
			t.Errorf("%s is %T, want %s", at, v, typ)
		}
	}
	check = func(at, object string, v map[string]any) {
		def, ok := schema.Objects[object]
		if !ok {
			t.Errorf("%s: the schema of %s is not in testdata", at, object)
			return
		}
		for name, typ := range def.Attributes {
			if _, there := v[name]; strings.HasPrefix(typ, "!") && !there {
				t.Errorf("%s: %s is required", at, name)
			}
		}
		if len(def.OneOf) > 0 && !slices.ContainsFunc(def.OneOf, func(k string) bool { return v[k] != nil && v[k] != "" }) {
			t.Errorf("%s: one of %v is required", at, def.OneOf)
		}
		for name, w := range v {
			typ, ok := def.Attributes[name]
			if !ok {
				t.Errorf("%s: %s is no attribute of %s", at, name, object)
				continue
			}
			typ = strings.TrimPrefix(typ, "!")
			item, many := strings.CutPrefix(typ, "[]")
			list, isList := w.([]any)
			if many != isList {
				t.Errorf("%s.%s: list is %v, want %s", at, name, isList, typ)
			}
			if !isList {
				list = []any{w}
			}
			for _, x := range list {
				checkValue(at+"."+name, item, x)
			}
		}
	}
	for name, d := range detections() {
		b, err := OCSF(&d)
		if err != nil {
			t.Fatal(err)
		}
		m := decode(t, b)
		check(name, "detection_finding", m)
		if m["class_uid"] != 2004.0 || m["type_uid"] != 200400+m["activity_id"].(float64) || m["category_uid"] != 2.0 {
			t.Errorf("%s: class %v, type %v", name, m["class_uid"], m["type_uid"])
		}
	}
}

func TestARevisionIsAnOCSFEventOfItsOwnAboutTheSameFinding(t *testing.T) {
	d := alerttest.Detection(0)
	ids := func() (event, finding any) {
		b, err := OCSF(&d)
		if err != nil {
			t.Fatal(err)
		}
		m := decode(t, b)
		return m["metadata"].(map[string]any)["uid"], m["finding_info"].(map[string]any)["uid"]
	}
	first, finding := ids()
	again, _ := ids()
	d.Revision = 2
	second, same := ids()
	if first != again || first == second || finding != same || finding != string(d.ID) {
		t.Errorf("events %v, %v, %v of findings %v, %v", first, again, second, finding, same)
	}
}

func TestCutIsBetweenRunes(t *testing.T) {
	for s, want := range map[string]string{"äöü": "ä", "abc": "abc", "a\xffb": "a"} {
		if got := Cut(s, 3); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}
