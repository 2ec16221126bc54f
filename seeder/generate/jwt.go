package generate

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// jwtForm is a JSON Web Token in the compact form of a JWS (RFC 7515, 7519): header
// and claims begin with {".
var jwtForm = regexp.MustCompile(`^eyJ[A-Za-z0-9_-]+\.eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{20,}$`)

// claim is one member of a JSON object, in its order.
type claim struct {
	name  string
	value json.RawMessage
}

// claimsOf reads a JSON object and keeps the order of its members.
func claimsOf(text []byte) ([]claim, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("no JSON object")
	}
	var out []claim
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		c := claim{name: name.(string)} // a member's name, or Token had failed
		if err := dec.Decode(&c.value); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	return out, nil
}

// jwtLike makes a token with like's header, its claims in their order, about
// somebody else, with an id of its own, signed with a key that is thrown away:
// nobody accepts it.
func jwtLike(r *rand.Rand, like string, row *Row) (string, error) {
	part := strings.Split(like, ".")
	text, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil {
		return "", errors.New("the template's token is no JSON Web Token that can be read")
	}
	claims, err := claimsOf(text)
	if err != nil {
		return "", errors.New("the template's token has claims that can't be read")
	}
	signed := part[0] + "." + base64.RawURLEncoding.EncodeToString(otherClaims(r, claims, row))
	mac := hmac.New(sha256.New, randomBytes(r, 32))
	mac.Write([]byte(signed))
	sum := mac.Sum(nil)
	if n := base64.RawURLEncoding.DecodedLen(len(part[2])); n != len(sum) { // another algorithm's
		sum = randomBytes(r, n)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(sum), nil
}

// otherClaims writes claims about the honey row's person instead of the template's.
func otherClaims(r *rand.Rand, claims []claim, row *Row) []byte {
	out := []byte{'{'}
	for i, c := range claims {
		if i > 0 {
			out = append(out, ',')
		}
		name, _ := json.Marshal(c.name)
		out = append(append(append(out, name...), ':'), otherClaim(r, c, row)...)
	}
	return append(out, '}')
}

// whole are claims that many tokens share: who issued them, for whom, what for.
var whole = map[string]bool{
	"iss": true, "aud": true, "azp": true, "typ": true, "token_type": true, "scope": true, "scp": true, "acr": true, "amr": true, "client_id": true,
	"role": true, "roles": true, "groups": true, "permissions": true, "tenant": true, "ver": true,
}

func otherClaim(r *rand.Rand, c claim, row *Row) json.RawMessage {
	if whole[c.name] || len(c.value) == 0 {
		return c.value
	}
	switch c.value[0] {
	case '{':
		if inner, err := claimsOf(c.value); err == nil {
			return otherClaims(r, inner, row)
		}
		return json.RawMessage("{}")
	case '[':
		return json.RawMessage("[]") // nobody knows whose
	case '"':
		var v string
		if json.Unmarshal(c.value, &v) != nil {
			return json.RawMessage(`""`)
		}
		text, _ := json.Marshal(otherText(r, c.name, v, row))
		return text
	case 't', 'f', 'n':
		return c.value
	}
	n, err := strconv.ParseInt(string(c.value), 10, 64)
	if err != nil {
		return c.value
	}
	if at := time.Unix(n, 0); n > 1e9 && n < 1e11 { // a time: exp, iat, nbf
		if moved := at.Add(row.Shift.Round(time.Second)); moved.Before(row.Now) || at.After(row.Now) {
			n = moved.Unix()
		}
		return json.RawMessage(strconv.FormatInt(n, 10))
	}
	return json.RawMessage(pick(r, "123456789", 1) + pick(r, digits, len(c.value)-1))
}

// otherText is a claim's text for somebody else.
func otherText(r *rand.Rand, name, v string, row *Row) string {
	switch {
	case strings.Contains(v, "@"):
		if row.First == "" || row.Domain == "" {
			return pick(r, hexLow, 12) + "@invalid"
		}
		local, _, _ := strings.Cut(v, "@")
		return login(r, &Column{}, local, row) + "@" + row.Domain
	case name == "name":
		return strings.TrimSpace(row.First + " " + row.Last)
	case name == "given_name" || name == "first_name":
		return row.First
	case name == "family_name" || name == "last_name":
		return row.Last
	case uuidForm.MatchString(v):
		id, _ := uuidValue{}.Value(r, &Column{}, &Row{Was: v, Now: row.Now, Shift: row.Shift})
		return id
	case only(v, digits) && v != "":
		return pick(r, "123456789", 1) + pick(r, digits, len(v)-1)
	case opaque(v):
		return opaqueLike(r, v)
	case name == "jti" || name == "sub" || name == "sid" || name == "nonce" || strings.Contains(name, "user"):
		return pick(r, base62, max(len(v), 12))
	}
	return v
}
