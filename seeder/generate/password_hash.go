package generate

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"regexp"
	"strings"

	"honeyrow/token"
)

// passwordHash makes hashes in the column's own scheme and cost, of a secret
// that nobody has ever known: the digest is random, so no login works and no
// cracker finds a password.
type passwordHash struct{}

func (passwordHash) Kind() string { return "password_hash" }

func (passwordHash) Trait() Trait {
	return Trait{Strength: token.Strong, Watch: true, Weight: 10, Person: true, Safe: "of a random digest: no password opens it"}
}

var (
	bcryptForm = regexp.MustCompile(`^(\$2[abxy]\$[0-9]{2}\$)[./A-Za-z0-9]{53}$`)
	phcForm    = regexp.MustCompile(`^(\$(?:argon2id?|argon2d|scrypt|pbkdf2-sha\d+)\$.*\$)([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$`)
	djangoForm = regexp.MustCompile(`^(pbkdf2_sha(?:1|256)\$[0-9]+\$)([A-Za-z0-9]+)\$([A-Za-z0-9+/]+=*)$`)
	phpassForm = regexp.MustCompile(`^(\$[PH]\$[./0-9A-Za-z])[./0-9A-Za-z]{30}$`)
	cryptForm  = regexp.MustCompile(`^(\$[156y]\$(?:rounds=[0-9]+\$|j[./0-9A-Za-z]+\$)?)([./0-9A-Za-z]+)\$([./0-9A-Za-z]+)$`)
	scramForm  = regexp.MustCompile(`^(SCRAM-SHA-256\$[0-9]+:)([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)$`)
	hexForm    = regexp.MustCompile(`^(\\x|md5|\{SHA\})?(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})$`)
	hexUpForm  = regexp.MustCompile(`^(?:[0-9A-F]{32}|[0-9A-F]{40}|[0-9A-F]{64}|[0-9A-F]{128})$`)
)

// knownHash reports whether v has the form of a scheme that names itself.
func knownHash(v string) bool {
	for _, re := range []*regexp.Regexp{bcryptForm, phcForm, djangoForm, phpassForm, cryptForm, scramForm} {
		if re.MatchString(v) {
			return true
		}
	}
	return false
}

func (passwordHash) Fit(c *Column) (int, string) {
	names := []string{
		"password", "password hash", "passwd", "pwd", "pass", "pass hash", "passwordhash", "pw hash", "password digest",
		"encrypted password", "hashed password", "pwhash", "userpassword", "password salt", "passwordsalt", "salt",
	}
	if s, why := (clue{names: names, classes: []Class{Text}, valid: knownHash, what: "password hashes", proof: true}).fit(c); s > 0 {
		return s, why
	}
	return clue{
		names: names, classes: []Class{Text, Bytes}, what: "hex or base64 digests",
		valid: func(v string) bool { return hexForm.MatchString(v) || hexUpForm.MatchString(v) || opaque(v) },
	}.fit(c)
}

func (passwordHash) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	like := c.form(r, row)
	p := commonPrefix(c.Values) // a scheme that names itself by its first bytes
	if knownHash(like) || !opaque(like) || c.Class != Text || len(like)-len(p) < 20 || len(p) < 4 {
		p = ""
	}
	v, err := hashLike(r, like[len(p):])
	v = p + v
	if err == nil && !c.fits(v) {
		err = errors.New("the column is too short for a hash of its scheme")
	}
	return v, err
}

const cryptAlphabet = "./" + digits + upper + lower

func hashLike(r *rand.Rand, like string) (string, error) {
	switch {
	case bcryptForm.MatchString(like):
		return bcryptForm.FindStringSubmatch(like)[1] + bcrypt64(randomBytes(r, 16)) + bcrypt64(randomBytes(r, 23)), nil
	case phcForm.MatchString(like):
		m := phcForm.FindStringSubmatch(like)
		return m[1] + raw64(r, m[2]) + "$" + raw64(r, m[3]), nil
	case djangoForm.MatchString(like):
		m := djangoForm.FindStringSubmatch(like)
		return m[1] + pick(r, base62, len(m[2])) + "$" + std64(r, m[3]), nil
	case phpassForm.MatchString(like):
		return phpassForm.FindStringSubmatch(like)[1] + pick(r, cryptAlphabet, 30), nil
	case cryptForm.MatchString(like):
		m := cryptForm.FindStringSubmatch(like)
		return m[1] + pick(r, cryptAlphabet, len(m[2])) + "$" + pick(r, cryptAlphabet, len(m[3])), nil
	case scramForm.MatchString(like):
		m := scramForm.FindStringSubmatch(like)
		return m[1] + std64(r, m[2]) + "$" + std64(r, m[3]) + ":" + std64(r, m[4]), nil
	case hexForm.MatchString(like):
		lead := hexForm.FindStringSubmatch(like)[1]
		return lead + hex.EncodeToString(randomBytes(r, (len(like)-len(lead))/2)), nil
	case hexUpForm.MatchString(like):
		return pick(r, hexUp, len(like)), nil
	case strings.HasPrefix(like, `\x`) && len(like) >= 2+16:
		return `\x` + hex.EncodeToString(randomBytes(r, (len(like)-2)/2)), nil
	case opaque(like):
		return opaqueLike(r, like), nil
	}
	return "", errors.New("the template's password is not in a known form of hash: a value made up might be a working password")
}

// bcrypt64 is bcrypt's own base64, whose last character has unused bits 0.
func bcrypt64(b []byte) string {
	return base64.NewEncoding("./" + upper + lower + digits).WithPadding(base64.NoPadding).EncodeToString(b)
}

// raw64 returns random bytes in base64 without padding, as long as like.
func raw64(r *rand.Rand, like string) string {
	return base64.RawStdEncoding.EncodeToString(randomBytes(r, len(like)*3/4))
}

// std64 returns random bytes in padded base64, as long as like.
func std64(r *rand.Rand, like string) string {
	return base64.StdEncoding.EncodeToString(randomBytes(r, len(like)/4*3-strings.Count(like, "=")))
}
