package rules

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"honeyrow/event"
	"honeyrow/internal/config"
)

// schema is as much of JSON Schema as schema.json uses.
type schema struct {
	Type       string             `json:"type"`
	Enum       []string           `json:"enum"`
	Pattern    string             `json:"pattern"`
	Desc       string             `json:"description"`
	Required   []string           `json:"required"`
	Properties map[string]*schema `json:"properties"`
	Items      *schema            `json:"items"`
	Additional *bool              `json:"additionalProperties"`
}

func readSchema(t *testing.T) *schema {
	t.Helper()
	var s schema
	if err := json.Unmarshal(Schema, &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

func TestTheSchemaHasEveryFieldOfARuleAndNoOther(t *testing.T) {
	walk(t, "", reflect.TypeFor[File](), readSchema(t))
}

func walk(t *testing.T, path string, typ reflect.Type, s *schema) {
	t.Helper()
	switch {
	case s == nil:
		t.Errorf("%s is not in the schema", path)
		return
	case typ == reflect.TypeFor[Condition](), typ == reflect.TypeFor[event.Severity](), typ == reflect.TypeFor[event.Action](), typ.String() == "time.Duration":
		if s.Type != "string" {
			t.Errorf("%s: type %q, want string", path, s.Type)
		}
		return
	case typ == reflect.TypeFor[config.Section]():
		return // an Env, which TestCasesNameWhatConditionsSee is about
	}
	switch typ.Kind() {
	case reflect.Slice:
		walk(t, path+"[]", typ.Elem(), s.Items)
	case reflect.Struct:
		if s.Additional == nil || *s.Additional {
			t.Errorf("%s: other fields are allowed, the program refuses them", path)
		}
		seen := map[string]bool{}
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("yaml"), ",")
			seen[name] = true
			p := s.Properties[name]
			if p != nil && p.Desc == "" {
				t.Errorf("%s.%s has no description", path, name)
			}
			walk(t, path+"."+name, typ.Field(i).Type, p)
		}
		for name := range s.Properties {
			if !seen[name] {
				t.Errorf("%s.%s is in the schema, not in the program", path, name)
			}
		}
	}
}

func TestShippedFilesFitTheSchema(t *testing.T) {
	s := readSchema(t)
	files, err := shipped.ReadDir("builtin")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, _ := shipped.ReadFile("builtin/" + f.Name())
		var v any
		if err := yaml.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		for _, mistake := range fits(f.Name(), v, s) {
			t.Error(mistake)
		}
	}
	var broken any
	if err := yaml.Unmarshal([]byte("rules: [{id: X, severity: awful, nonsense: 1, actions: {tarpit: soon}, tags: CWE}]"), &broken); err != nil {
		t.Fatal(err)
	}
	if got := fits("", broken, s); len(got) < 7 {
		t.Errorf("the check is blind: %q", got)
	}
}

func fits(path string, v any, s *schema) (mistakes []string) {
	bad := func(format string, args ...any) { mistakes = append(mistakes, path+": "+fmt.Sprintf(format, args...)) }
	switch v := v.(type) {
	case map[string]any:
		for _, r := range s.Required {
			if _, ok := v[r]; !ok {
				bad("%s is missing", r)
			}
		}
		for k, x := range v {
			switch {
			case s.Properties[k] != nil:
				mistakes = append(mistakes, fits(path+"."+k, x, s.Properties[k])...)
			case s.Additional != nil && !*s.Additional:
				bad("%s is unknown", k)
			}
		}
	case []any:
		if s.Type != "array" {
			bad("a list")
			return mistakes
		}
		for _, x := range v {
			mistakes = append(mistakes, fits(path+"[]", x, s.Items)...)
		}
	case string:
		if s.Type == "array" || s.Enum != nil && !slices.Contains(s.Enum, v) || s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(v) {
			bad("%q is not allowed", v)
		}
	}
	return mistakes
}

// Every name of a condition can be given in a case, under the same name.
func TestCasesNameWhatConditionsSee(t *testing.T) {
	var same func(path string, typ reflect.Type)
	same = func(path string, typ reflect.Type) {
		if typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct {
			return
		}
		for i := range typ.NumField() {
			f := typ.Field(i)
			if !f.IsExported() {
				continue
			}
			if e, y := f.Tag.Get("expr"), f.Tag.Get("yaml"); e != y && y != "-" {
				t.Errorf("%s.%s is %q in conditions, %q in cases", path, f.Name, e, y)
			}
			same(path+"."+f.Name, f.Type)
		}
	}
	same("", reflect.TypeFor[Env]())
}
