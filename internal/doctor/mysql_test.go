package doctor

import (
	"strings"
	"testing"

	"honeyrow/internal/myserver"
)

func TestMariaDBIsExaminedAsFarAsItsGreetingTells(t *testing.T) {
	my, err := myserver.Start(t.Context(), myserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(myserver.Cleanup)
	t.Cleanup(my.Stop)
	var got []string
	count := Examine(t.Context(), Patient{Servers: []Server{{Name: "shop", Protocol: MySQL, Address: my.Addr()}}, Registry: Registry{Path: "none", KeyFile: "none"}},
		func(f Finding) {
			if f.Subject == "server shop" {
				got = append(got, string(f.Level)+" "+f.Check+" "+f.Text)
			}
		})
	text := strings.Join(got, "\n")
	if len(got) != 3 || !strings.Contains(text, "ok reachable") || !strings.Contains(text, "MariaDB") || !strings.Contains(text, "not examined") {
		t.Errorf("findings %v:\n%s", count, text)
	}
}

func FuzzGreeting(f *testing.F) {
	f.Add([]byte("\x0a5.5.5-10.11.19-MariaDB\x00\x01\x00\x00\x00abcdefgh\x00\xfe\xff"))
	f.Add([]byte("\xff\x69\x04Host is blocked"))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, _, err := parseGreeting(b)
		if err == nil && !strings.Contains(string(b), v) {
			t.Fatalf("version %q is not in %q", v, b)
		}
	})
}
