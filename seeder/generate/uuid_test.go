package generate

import (
	"testing"
	"time"
)

func TestAUUIDHasAVersionWhereTheColumnsValuesHaveOne(t *testing.T) {
	const v4, v1, digest = "5b0a7c1e-22d3-4f6b-9d2e-8a1c0f3b7e55", "c232ab00-9414-11ec-b3c8-9f6bdeced846", "c4ca4238-a0b9-2382-0dcc-509a6f75849b"
	for _, tc := range []struct {
		values []string
		want   string // the digits of version and variant, "" if any may stand there
	}{
		{[]string{v4, v4}, "4"}, {[]string{v1, v1}, "1"}, {nil, "4"}, {[]string{v4, digest}, ""}, {[]string{digest}, ""},
	} {
		versions := map[byte]bool{}
		c := &Column{Name: "uid", Class: UUID, Unique: true, Values: tc.values}
		row := &Row{Now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
		if len(tc.values) > 0 {
			row.Was = tc.values[0]
		}
		for i := range 200 {
			v, err := Make(uuidValue{}, New(uint64(i), "x"), c, row)
			if err != nil || !uuidForm.MatchString(v) {
				t.Fatalf("%q, %v", v, err)
			}
			versions[v[14]] = true
		}
		if tc.want == "" && len(versions) < 10 || tc.want != "" && (len(versions) != 1 || !versions[tc.want[0]]) {
			t.Errorf("%v gives versions %v, want %q", tc.values, versions, tc.want)
		}
	}
}
