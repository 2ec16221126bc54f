package alerttest

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"
)

// Schema is as much of JSON Schema as docs/*.schema.json use.
type Schema struct {
	Type       any                `json:"type"`
	Const      string             `json:"const"`
	Enum       []string           `json:"enum"`
	Format     string             `json:"format"`
	Desc       string             `json:"description"`
	Required   []string           `json:"required"`
	Properties map[string]*Schema `json:"properties"`
	Items      *Schema            `json:"items"`
	Additional *Schema            `json:"additionalProperties"`
	Max        int                `json:"maxItems"`
}

// ReadSchema reads a schema from a file.
func ReadSchema(t *testing.T, file string) *Schema {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var s Schema
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

// Fits checks a value, as json.Unmarshal makes it of an any, and returns what is
// wrong with it.
func (s *Schema) Fits(v any) []string { return s.fits("", v) }

func (s *Schema) fits(path string, v any) (mistakes []string) {
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
				mistakes = append(mistakes, s.Properties[k].fits(path+"."+k, x)...)
			case s.Additional == nil:
				bad("%s is unknown", k)
			}
		}
	case []any:
		for _, x := range v {
			mistakes = append(mistakes, s.Items.fits(path+"[]", x)...)
		}
	case string:
		if s.Const != "" && v != s.Const || s.Enum != nil && !slices.Contains(s.Enum, v) {
			bad("%q is not allowed", v)
		}
		if _, err := time.Parse(time.RFC3339Nano, v); s.Format == "date-time" && err != nil {
			bad("%v", err)
		}
	case float64:
		if s.Type != "number" && (s.Type != "integer" || v != float64(int64(v))) {
			bad("%v is no integer", v)
		}
	case bool:
		if s.Type != "boolean" {
			bad("is a boolean")
		}
	}
	return mistakes
}
