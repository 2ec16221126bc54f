package seeder

import (
	"strings"
	"testing"
)

func TestACanaryFileIsReadOrItsLineIsNamed(t *testing.T) {
	cs, err := ReadCanaries(strings.NewReader("\ufeffValue, note, secret\nAKIAIOSFODNN7EXAMPLE, \"mail to soc, at once\", wJalrXUtnFEMI\n# a remark\nghp_" + strings.Repeat("a", 36) + ",,\n"))
	if err != nil || len(cs) != 2 || cs[0].Secret != "wJalrXUtnFEMI" || cs[0].Note != "mail to soc, at once" || cs[1].line != 4 {
		t.Fatalf("got %+v, %v", cs, err)
	}
	for text, want := range map[string]string{
		"": "first line", "key,note\n": "line 1", "note\nx\n": "names no column value", "value\nshort\n": "line 2: the value has 5 characters",
		"value\nsomething-unknown-99\n": "line 2: the value is in no known vendor's format", "value,column\nAKIAIOSFODNN7EXAMPLE,key\n": "line 2: the column must be",
		"value\nAKIAIOSFODNN7EXAMPLE\nAKIAIOSFODNN7EXAMPLE\n": "line 3: the value of line 2", "value,note\nAKIAIOSFODNN7EXAMPLE\n": "line 2", "value\n\"AKIA\n": "line 2",
	} {
		if _, err := ReadCanaries(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "AKIAIOSF") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzCanaries(f *testing.F) {
	f.Add("value,secret,column,note\nAKIAIOSFODNN7EXAMPLE,s,a.b,n\n")
	f.Add("value\n\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		cs, err := ReadCanaries(strings.NewReader(text))
		for _, c := range cs {
			if err == nil && (len(c.Value) < 12 || c.line < 2) {
				t.Errorf("got %+v", c)
			}
		}
	})
}
