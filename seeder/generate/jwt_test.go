package generate

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// signed is a token with these claims, as some service gave it.
func signed(claims string) string {
	part := func(v string) string { return base64.RawURLEncoding.EncodeToString([]byte(v)) }
	return part(`{"alg":"HS256","typ":"JWT","kid":"k1"}`) + "." + part(claims) + "." + part(strings.Repeat("s", 32))
}

func TestATokenIsAboutSomebodyElseAndKeepsItsForm(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	like := signed(`{"iss":"https://id.corp.example","sub":"7f3c1e52-9d2b-4c55-8f6e-0a1b2c3d4e5f","jti":"q8Zk3vLw0RtY5uPn","email":"ann.barnes@corp.example","name":"Ann Barnes","iat":1760000000,"exp":1760003600,"uid":48213,"ctx":{"user":{"given_name":"Ann"}},"tags":["ann"],"scope":"read"}`)
	row := &Row{Was: like, First: "Joy", Last: "Harper", Domain: "decoy.example", Shift: -40 * 24 * time.Hour, Now: now}
	c := &Column{Name: "id_token", Class: Text, Values: []string{like}}
	if s, _ := (apiKey{}).Fit(c); s < MinFit {
		t.Fatalf("a column of tokens fits with %d", s)
	}
	r := rand.New(rand.NewPCG(1, 2))
	v, err := apiKey{}.Value(r, c, row)
	if err != nil {
		t.Fatal(err)
	}
	again, err := apiKey{}.Value(r, c, row)
	if err != nil || again == v {
		t.Errorf("two tokens are the same (%v)", err)
	}
	was, is := strings.Split(like, "."), strings.Split(v, ".")
	if len(is) != 3 || is[0] != was[0] || is[2] == was[2] || len(is[2]) != len(was[2]) {
		t.Fatalf("got %s", v)
	}
	text, err := base64.RawURLEncoding.DecodeString(is[1])
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"Ann", "ann", "Barnes", "barnes", "7f3c1e52", "q8Zk3vLw", "48213"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%q of the real row is in %s", secret, text)
		}
	}
	if got["iss"] != "https://id.corp.example" || got["scope"] != "read" || got["name"] != "Joy Harper" || !strings.HasSuffix(got["email"].(string), "@decoy.example") ||
		got["exp"].(float64)-got["iat"].(float64) != 3600 || got["iat"].(float64) != 1760000000-40*86400 {
		t.Errorf("claims %s", text)
	}
	names := func(text []byte) (out []string) {
		cs, err := claimsOf(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cs {
			out = append(out, c.name)
		}
		return out
	}
	before, _ := base64.RawURLEncoding.DecodeString(was[1])
	if a, b := strings.Join(names(before), " "), strings.Join(names(text), " "); a != b {
		t.Errorf("claims %s, want those of the template in its order: %s", b, a)
	}
	row.Was = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.cccccccccccccccccccccccc"
	if v, err := (apiKey{}).Value(r, c, row); err == nil {
		t.Errorf("of a broken token came %s", v)
	}
}

func FuzzJWT(f *testing.F) {
	f.Add(signed(`{"sub":"1","a":[1,{"b":null}],"exp":1e99,"n":-5,"m":{"x":{}}}`))
	f.Add("eyJ.eyJ.aaaaaaaaaaaaaaaaaaaa")
	f.Fuzz(func(t *testing.T, like string) {
		if !jwtForm.MatchString(like) {
			return
		}
		row := &Row{First: "Joy", Last: "Harper", Domain: "d.example", Now: time.Unix(1e9, 0)}
		if v, err := jwtLike(rand.New(rand.NewPCG(1, 2)), like, row); err == nil && !jwtForm.MatchString(v) {
			t.Errorf("%q became %q", like, v)
		}
	})
}
