package generate

import (
	"encoding/base32"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"

	"honeyrow/token"
)

// apiKey makes keys in the formats of real vendors, with right check digits.
// They are inert at the vendor: nothing but this product sees their use.
type apiKey struct{}

func (apiKey) Kind() string { return "api_key" }

func (apiKey) Trait() Trait {
	return Trait{Strength: token.Strong, Watch: true, Weight: 16, Safe: "right form, unknown to the vendor"}
}

// vendor is one format: how it is recognised, and made in the form of like.
type vendor struct {
	name string
	form *regexp.Regexp
	make func(r *rand.Rand, like string) string
}

// tail keeps a prefix and draws n characters of an alphabet after it.
func tail(name, prefix, alphabet string, n int) vendor {
	class := map[string]string{base62: "A-Za-z0-9", base64u: "A-Za-z0-9_-", hexLow: "0-9a-f", digits: "0-9"}[alphabet]
	return vendor{
		name, regexp.MustCompile(`^` + regexp.QuoteMeta(prefix) + `[` + class + `]{` + strconv.Itoa(n) + `}$`),
		func(r *rand.Rand, _ string) string { return prefix + pick(r, alphabet, n) },
	}
}

// sized is tail for formats whose length varies: like's is kept.
func sized(name, prefix, alphabet string, least int) vendor {
	v := tail(name, prefix, alphabet, least)
	v.form = regexp.MustCompile(strings.TrimSuffix(v.form.String(), "}$") + ",}$")
	v.make = func(r *rand.Rand, like string) string {
		return prefix + pick(r, alphabet, max(least, len(like)-len(prefix)))
	}
	return v
}

// summed is for formats that end in six characters of checksum.
func summed(name, prefix string) vendor {
	v := tail(name, prefix, base62, 36)
	v.make = func(r *rand.Rand, _ string) string {
		body := pick(r, base62, 30)
		return prefix + body + crc62(body)
	}
	return v
}

// crc62 is the checksum of GitHub's and npm's tokens: the CRC-32 of the 30
// characters after the prefix, in base 62 (0-9A-Za-z), six characters wide.
func crc62(body string) string {
	n := crc32.ChecksumIEEE([]byte(body))
	out := []byte("000000")
	for i := 5; i >= 0; i-- {
		out[i] = base62[n%62]
		n /= 62
	}
	return string(out)
}

// vendors are the formats known (checked against the rules of gitleaks).
var vendors = []vendor{
	summed("github", "ghp_"), summed("github", "gho_"), summed("github", "ghs_"), summed("npm", "npm_"),
	{"github", regexp.MustCompile(`^github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}$`), func(r *rand.Rand, _ string) string {
		return "github_pat_" + pick(r, base62, 22) + "_" + pick(r, base62, 59)
	}},
	{"aws", regexp.MustCompile(`^A(?:KIA|SIA)[A-Z2-7]{16}$`), awsKey},
	sized("stripe", "sk_live_", base62, 24), sized("stripe", "sk_test_", base62, 24), sized("stripe", "rk_live_", base62, 24),
	sized("stripe", "pk_live_", base62, 24), sized("stripe", "whsec_", base62, 24),
	{"slack", regexp.MustCompile(`^xox[bp]-[0-9]{10,13}-[0-9]{10,13}-[A-Za-z0-9]{24}$`), func(r *rand.Rand, like string) string {
		return like[:5] + pick(r, "123456789", 1) + pick(r, digits, 11) + "-" + pick(r, "123456789", 1) + pick(r, digits, 12) + "-" + pick(r, base62, 24)
	}},
	tail("gitlab", "glpat-", base64u, 20),
	{"sendgrid", regexp.MustCompile(`^SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}$`), func(r *rand.Rand, _ string) string {
		return "SG." + pick(r, base64u, 22) + "." + pick(r, base64u, 43)
	}},
	tail("google", "AIza", base64u, 35), tail("twilio", "SK", hexLow, 32), tail("digitalocean", "dop_v1_", hexLow, 64),
	tail("shopify", "shpat_", hexLow, 32), tail("databricks", "dapi", hexLow, 32),
	{"openai", regexp.MustCompile(`^sk-proj-[A-Za-z0-9_-]{74}T3BlbkFJ[A-Za-z0-9_-]{74}$`), func(r *rand.Rand, _ string) string {
		return "sk-proj-" + pick(r, base64u, 74) + "T3BlbkFJ" + pick(r, base64u, 74)
	}},
	{"anthropic", regexp.MustCompile(`^sk-ant-api03-[A-Za-z0-9_-]{93}AA$`), func(r *rand.Rand, _ string) string {
		return "sk-ant-api03-" + pick(r, base64u, 93) + "AA"
	}},
	sized("mailgun", "key-", hexLow, 32), sized("square", "sq0atp-", base64u, 22), sized("stripe", "pm_", base62, 24), sized("stripe", "tok_", base62, 24),
	sized("stripe", "cus_", base62, 14),
	{name: "jwt", form: jwtForm}, // of the row: see jwtLike
}

// awsKey makes an access key id that names an account number that can exist:
// base32 of one bit of generation, 40 bits of account (twelve decimal digits),
// 39 random bits.
func awsKey(r *rand.Rand, like string) string {
	account := 100_000_000_000 + r.Uint64N(900_000_000_000)
	bits := uint64(1)<<47 | account<<7 | r.Uint64N(1<<7)
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], bits<<16)
	id := append(b[:6:6], randomBytes(r, 4)...)
	return like[:4] + base32.StdEncoding.EncodeToString(id)
}

// vendorOf returns the vendor whose format v has.
func vendorOf(v string) *vendor {
	for i := range vendors {
		if vendors[i].form.MatchString(v) {
			return &vendors[i]
		}
	}
	return nil
}

// VendorKey reports whether v is in the format of a known vendor's key.
func VendorKey(v string) bool { return vendorOf(v) != nil }

// Vendor names the vendor in whose format v is, "" if none is known.
func Vendor(v string) string {
	if k := vendorOf(v); k != nil {
		return k.name
	}
	return ""
}

func (apiKey) Fit(c *Column) (int, string) {
	return clue{
		names: []string{
			"api key", "apikey", "key", "token", "secret", "secret key", "access key", "access key id", "api token", "api secret", "credential", "access token",
			"auth token", "jwt", "id token", "refresh token", "bearer token", "payment method", "payment token", "card token", "processor token",
		},
		not:     []string{"key id", "key name", "token type"},
		classes: []Class{Text}, valid: VendorKey, what: "keys in a vendor's format", proof: true,
	}.fit(c)
}

func (apiKey) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	like := c.form(r, row)
	v := vendorOf(like)
	if v == nil {
		if opaque(like) {
			return opaqueLike(r, like), nil
		}
		return "", errors.New("the template's key is in no known format")
	}
	var out string
	if v.make != nil {
		out = v.make(r, like)
	} else {
		var err error
		if out, err = jwtLike(r, like, row); err != nil {
			return "", err
		}
	}
	if !c.fits(out) {
		return "", errors.New("the column is too short for a key of its vendor")
	}
	return out, nil
}
