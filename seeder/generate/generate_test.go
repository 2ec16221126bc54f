package generate

import (
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"honeyrow/token"
)

var update = flag.Bool("update", false, "write golden files")

var now = time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)

// sample is a column of each kind as real tables hold it.
var samples = []struct {
	kind   string
	column Column
	row    Row
	form   string // that every value must have
}{
	{"email", text("email", "anna.miller@corp.example", "bert.smith@corp.example"), Row{Was: "anna.miller@corp.example"}, `^[a-z]+\.[a-z]+@decoy\.corp\.test$`},
	{"username", text("login", "amiller", "bsmith"), Row{Was: "amiller"}, `^[a-z]+$`},
	{"first_name", text("first_name", "ANNA", "BERT"), Row{Was: "ANNA"}, `^[A-Z]+$`},
	{"last_name", text("surname", "Miller", "Smith"), Row{Was: "Miller"}, `^[A-Z][a-z]+$`},
	{"person_name", text("cardholder", "Miller, Anna", "Smith, Bert"), Row{Was: "Miller, Anna"}, `^[A-Z]\w+, [A-Z]\w+$`},
	{"company", text("company", "Kurz GmbH", "Lang Ltd"), Row{Was: "Kurz GmbH"}, ` GmbH$`},
	{"title", text("job_title", "Clerk", "Head of Finance"), Row{Was: "Head of Finance"}, `^Head of Finance$`},
	{"role", text("role", "admin", "user", "user"), Row{Was: "admin"}, `^user$`},
	{"phone", text("phone", "+1 (212) 867-5309"), Row{Was: "+1 (212) 867-5309"}, `^\+1 \(212\) 555-01\d\d$`},
	{"phone", text("mobile", "07911 123456"), Row{Was: "07911 123456"}, `^07700 900\d{3}$`},
	{"phone", text("telefon", "+49 30 1234567 8"), Row{Was: "+49 30 1234567 8"}, `^\+49 30 23125\d\d \d$`},
	{"phone", text("tel", "+33 6 12 34 56 78"), Row{Was: "+33 6 12 34 56 78"}, `^\+33 6 39 98 \d\d \d\d$`},
	{"street", text("street", "12 Main Street", "77 Oak Lane"), Row{Was: "12 Main Street"}, `^[1-9]\d* (Main Street|Oak Lane)$`},
	{"city", text("city", "Springfield"), Row{Was: "Springfield"}, `^Springfield$`},
	{"postcode", text("zip", "12345", "12345"), Row{Was: "12345"}, `^12345$`},
	{"postcode", text("zip", "SW1A 2AA", "12345"), Row{Was: "SW1A 2AA"}, `^SW1A [013-9]AA$`},
	{"region", text("country", "DE"), Row{Was: "DE"}, `^DE$`},
	{"iban", text("iban", "DE89 3704 0044 0532 0130 00"), Row{Was: "DE89 3704 0044 0532 0130 00"}, `^DE\d\d 9\d{3} \d{4} \d{4} \d{4} \d\d$`},
	{"iban", text("iban", "GB29NWBK60161331926819"), Row{Was: "GB29NWBK60161331926819"}, `^GB\d\dQZ[A-Z]{2}00\d{12}$`},
	{"card_number", text("card_number", "4242 4242 4242 4242"), Row{Was: "4242 4242 4242 4242"}, `^2[89]\d\d \d{4} \d{4} \d{4}$`},
	{"card_number", text("pan", "************4242"), Row{Was: "************4242"}, `^\*{12}\d{4}$`},
	{"card_last4", text("last4", "4242"), Row{Was: "4242"}, `^\d{4}$`},
	{"card_brand", text("brand", "visa"), Row{Was: "visa"}, `^visa$`},
	{"national_id", text("ssn", "123-45-6789"), Row{Was: "123-45-6789"}, `^666-[1-9]{2}-[1-9]{4}$`},
	{"national_id", text("ssn", "***-**-6789"), Row{Was: "***-**-6789"}, `^\*{3}-\*\*-\d{4}$`},
	{"national_id", text("nino", "AB 12 34 56 C"), Row{Was: "AB 12 34 56 C"}, `^ZZ \d\d \d\d \d\d [A-D]$`},
	{"password_hash", text("password", bcryptSample), Row{Was: bcryptSample}, `^\$2b\$12\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}$`},
	{"password_hash", text("password", argonSample), Row{Was: argonSample}, `^\$argon2id\$v=19\$m=65536,t=3,p=4\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`},
	{"password_hash", text("password", djangoSample), Row{Was: djangoSample}, `^pbkdf2_sha256\$600000\$[A-Za-z0-9]{22}\$[A-Za-z0-9+/]{43}=$`},
	{"password_hash", text("passwd", "5f4dcc3b5aa765d61d8327deb882cf99"), Row{Was: "5f4dcc3b5aa765d61d8327deb882cf99"}, `^[0-9a-f]{32}$`},
	{"api_key", text("api_key", "ghp_"+strings.Repeat("a1", 18)), Row{Was: "ghp_" + strings.Repeat("a1", 18)}, `^ghp_[0-9A-Za-z]{36}$`},
	{"api_key", text("api_key", "AKIAIOSFODNN7EXAMPLE"), Row{Was: "AKIAIOSFODNN7EXAMPLE"}, `^AKIA[A-Z2-7]{16}$`},
	{"api_key", text("secret", "xoxb-123456789012-1234567890123-abcdefghijklmnopqrstuvwx"), Row{Was: "xoxb-123456789012-1234567890123-abcdefghijklmnopqrstuvwx"}, `^xoxb-\d{12}-\d{13}-[0-9A-Za-z]{24}$`},
	{"api_key", text("key", "SG."+strings.Repeat("aB", 11)+"."+strings.Repeat("c", 43)), Row{Was: "SG." + strings.Repeat("aB", 11) + "." + strings.Repeat("c", 43)}, `^SG\.[\w-]{22}\.[\w-]{43}$`},
	{"token", text("webhook_secret", "wh_9f8e7d6c5b4a39281706", "wh_0a1b2c3d4e5f60718293"), Row{Was: "wh_9f8e7d6c5b4a39281706"}, `^wh_[0-9a-f]{20}$`},
	{"url", text("avatar_url", "https://cdn.corp.example/u/9f8e7d6c5b4a3928.png"), Row{Was: "https://cdn.corp.example/u/9f8e7d6c5b4a3928.png"}, `^https://cdn\.corp\.example/u/[0-9a-f]{16}\.png$`},
	{
		"uuid",
		Column{Name: "public_id", Class: UUID, Values: []string{"0191b1c0-0000-7000-8000-000000000001", "0191b1c0-0000-7000-8000-000000000002"}},
		Row{Was: "0191b1c0-0000-7000-8000-000000000001"},
		`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`,
	},
	{"ip_address", text("last_ip", "8.8.8.8"), Row{Was: "8.8.8.8"}, `^(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+$`},
	{"date_of_birth", Column{Name: "dob", Class: Date, Values: []string{"1970-05-01"}}, Row{Was: "1970-05-01"}, `^19(6[89]|7[0-2])-\d\d-\d\d$`},
	{"salary", Column{Name: "salary", Class: Integer, Values: []string{"40000", "50000", "60000", "70000", "80000", "90000", "100000"}}, Row{Was: "60000"}, `^[4-9]\d000$|^100000$`},
	{"balance", Column{Name: "balance", Class: Decimal, Scale: 2, Values: []string{"1.25", "99.10", "100.07", "250.31", "900.99", "1200.42"}}, Row{Was: "250.31"}, `^\d+\.\d\d$`},
	{"account_number", text("account_no", "77001234", "77005678"), Row{Was: "77001234"}, `^7700\d{4}$`},
	{"status", text("status", "closed", "open"), Row{Was: "closed"}, `^closed$`},
	{"flag", Column{Name: "newsletter", Class: Bool, Values: []string{"t", "f"}}, Row{Was: "t"}, `^t$`},
	{"timestamp", Column{Name: "updated", Class: Timestamp, Values: []string{"2026-01-02 03:04:05.678+00"}}, Row{Was: "2026-01-02 03:04:05.678+00", Shift: 50 * time.Hour}, `^2026-01-04 05:04:05\.678\+00$`},
	{"code", text("ref", "C-000101", "C-000102", "C-000109"), Row{Was: "C-000101", Number: 2}, `^C-000112$`},
	{"number", Column{Name: "points", Class: Integer, Values: []string{"10", "20", "30", "40"}}, Row{Was: "20"}, `^[1-4]0$`},
}

const (
	bcryptSample = "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW"
	argonSample  = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b4dWRWJTmaasdfjkl123456789"
	djangoSample = "pbkdf2_sha256$600000$abcdefghijklmnopqrstuv$AbCdEfGhIjKlMnOpQrStUvWxYz0123456789+/abcde="
)

func text(name string, values ...string) Column {
	return Column{Table: "t", Name: name, Class: Text, Scale: -1, Values: values}
}

func person(row Row) *Row {
	row.First, row.Last, row.WasFirst, row.WasLast = "Carla", "Novak", "Anna", "Miller"
	row.Now, row.Domain = now, "decoy.corp.test"
	return &row
}

func TestColumnsAreRecognisedAndTheirValuesHaveTheFormOfTheirNeighbours(t *testing.T) {
	for i, s := range samples {
		t.Run(fmt.Sprint(i, s.kind), func(t *testing.T) {
			g, score, why := Best(&s.column)
			if g == nil || g.Kind() != s.kind {
				t.Fatalf("taken for %v (%d, %s), want %s", g, score, why, s.kind)
			}
			form := regexp.MustCompile(s.form)
			r := New(1, s.kind)
			for range 200 {
				v, err := g.Value(r, &s.column, person(s.row))
				if err != nil {
					t.Fatal(err)
				}
				if !form.MatchString(v) {
					t.Fatalf("value %q does not match %s", v, s.form)
				}
				if g.Trait().Person && v == s.row.Was {
					t.Fatalf("the template's own value %q came back", v)
				}
			}
		})
	}
}

func TestEveryGeneratorIsListedAndTested(t *testing.T) {
	tested := map[string]bool{}
	for _, s := range samples {
		tested[s.kind] = true
	}
	seen := map[string]bool{}
	for _, g := range All() {
		if seen[g.Kind()] {
			t.Errorf("kind %s is listed twice", g.Kind())
		}
		seen[g.Kind()] = true
		if !tested[g.Kind()] {
			t.Errorf("kind %s has no sample", g.Kind())
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	kind := regexp.MustCompile(`func \((?:g )?(\w+)\) Kind\(\)`)
	list, err := os.ReadFile("list.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range kind.FindAllSubmatch(b, -1) {
			if !strings.Contains(string(list), string(m[1])+"{}") {
				t.Errorf("%s: generator %s is missing from list.go", f, m[1])
			}
		}
	}
}

func TestTheSameSeedGivesTheSameValues(t *testing.T) {
	got := map[string]string{}
	for i, s := range samples {
		g, err := ByKind(s.kind)
		if err != nil {
			t.Fatal(err)
		}
		v, err := g.Value(New(42, s.kind), &s.column, person(s.row))
		if err != nil {
			t.Fatal(err)
		}
		got[fmt.Sprintf("%02d %s", i, s.kind)] = v
	}
	b, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/golden.json"
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(b)+"\n" {
		t.Errorf("values differ from %s; run with -update if that is meant:\n%s", golden, b)
	}
}

func TestStrongValuesDoNotRepeat(t *testing.T) {
	for _, s := range samples {
		g, _ := ByKind(s.kind)
		if g.Trait().Strength != token.Strong || s.kind == "email" || strings.Contains(s.form, "*") && s.kind != "password_hash" {
			continue
		}
		r := New(3, s.kind)
		seen := map[string]bool{}
		for range 5000 {
			v, err := g.Value(r, &s.column, person(s.row))
			if err != nil {
				t.Fatal(err)
			}
			if seen[v] {
				t.Fatalf("%s repeats a value", s.kind)
			}
			seen[v] = true
		}
	}
}

func TestCheckDigitsAreRight(t *testing.T) {
	// A published, long expired token: ghp_ + 30 + CRC-32 of the 30.
	if got := crc62("zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"); got != "0mLq17" {
		t.Errorf("crc62 = %s, want 0mLq17", got)
	}
	r := New(9, "checks")
	for range 500 {
		v, err := iban{}.Value(r, &Column{Values: []string{"FR1420041010050500013M02606"}}, &Row{Was: "FR1420041010050500013M02606"})
		if err != nil || !validIBAN(v) || v[4:9] != "99999" {
			t.Fatalf("IBAN %q (%v)", v, err)
		}
		v, err = cardNumber{}.Value(r, &Column{Class: Text}, &Row{Was: "371449635398431", CardPrefix: "371234"})
		if err != nil || luhn(v) != 0 || !strings.HasPrefix(v, "371234") || len(v) != 15 {
			t.Fatalf("card number %q (%v)", v, err)
		}
		v, err = apiKey{}.Value(r, &Column{Class: Text}, &Row{Was: "ghp_" + strings.Repeat("x", 36)})
		if err != nil || crc62(v[4:34]) != v[34:] {
			t.Fatalf("GitHub token %q (%v)", v, err)
		}
		v, err = apiKey{}.Value(r, &Column{Class: Text}, &Row{Was: "AKIAIOSFODNN7EXAMPLE"})
		raw, bad := base32.StdEncoding.DecodeString(v[4:])
		if err != nil || bad != nil {
			t.Fatalf("AWS key %q (%v, %v)", v, err, bad)
		}
		account := binary.BigEndian.Uint64(append([]byte{0, 0}, raw[:6]...)) & (1<<47 - 1) >> 7
		if account < 1e11 || account >= 1e12 {
			t.Fatalf("AWS key decodes to account %d: no twelve digits", account)
		}
	}
}

func TestNoValueIsMadeWhereNoneIsKnownToBeSafe(t *testing.T) {
	for name, c := range map[string]struct {
		g   Generator
		row Row
	}{
		"mail without a decoy domain":         {email{}, Row{First: "A", Last: "B", Was: "a@b.cd"}},
		"a password in the clear":             {passwordHash{}, Row{Was: "hunter2"}},
		"an IBAN of a country without table":  {iban{}, Row{Was: "MT84MALT011000012345MTLCAST001S"}},
		"a telephone number of Japan":         {phone{}, Row{Was: "+81 3 1234 5678"}},
		"an identity number of no known form": {nationalID{}, Row{Was: "8001015009087"}},
		"a URL that is one row's own page":    {link{}, Row{Was: "https://corp.example/people/anna"}},
	} {
		v, err := c.g.Value(New(1, name), &Column{Name: "x", Class: Text}, &c.row)
		if err == nil {
			t.Errorf("%s: got %q, want an error", name, v)
		} else if c.row.Was != "" && strings.Contains(err.Error(), c.row.Was) {
			t.Errorf("%s: the error quotes the value", name)
		}
	}
}

func TestInertAndPrivilegedAreToldApart(t *testing.T) {
	for _, c := range []struct {
		column, v string
		want      bool
	}{
		{"status", "closed", true},
		{"status", "active", false},
		{"status", "SHIPPED", true},
		{"status", "not paid", false},
		{"status", "unpaid", false},
		{"is_active", "f", true},
		{"is_active", "t", false},
		{"deleted", "t", true},
		{"deleted", "f", false},
		{"status", "pending", false},
	} {
		if got := Inert(c.column, c.v); got != c.want {
			t.Errorf("Inert(%s, %s) = %t, want %t", c.column, c.v, got, c.want)
		}
	}
	for v, want := range map[string]bool{"Chief Financial Officer": true, "VP Sales": true, "Clerk": false, "Administrator": true, "Nurse": false} {
		if got := Privileged(v); got != want {
			t.Errorf("Privileged(%s) = %t, want %t", v, got, want)
		}
	}
}

func TestDatesMoveTogetherAndSentinelsStay(t *testing.T) {
	for in, want := range map[string]string{
		"2026-01-31":                    "2026-02-02",
		"2026-01-31 23:00:00":           "2026-02-03 01:00:00",
		"2026-01-31 23:00:00.120034+02": "2026-02-03 01:00:00.120034+02",
		"2026-01-31 23:00:00+05:30":     "2026-02-03 01:00:00+05:30",
		"9999-12-31":                    "9999-12-31",
		"infinity":                      "infinity",
		"1900-01-01 00:00:00":           "1900-01-01 00:00:00",
		"2026-11-21":                    "2026-11-22", // never beyond now
	} {
		if got, err := Shift(in, 50*time.Hour, now); err != nil || got != want {
			t.Errorf("Shift(%s) = %s (%v), want %s", in, got, err, want)
		}
	}
}

func TestNamesKeepTheTablesNovelty(t *testing.T) {
	r := New(5, "names")
	var common []string
	for range 50 {
		common = append(common, "Anna", "Bert")
	}
	n := NewNames(common, []string{"Aa", "Bb", "Cc", "Dd"}, nil)
	for range 100 {
		first, last := n.Person(r, 0)
		if first != "Anna" && first != "Bert" {
			t.Fatalf("a table whose names all repeat got the new name %q", first)
		}
		for _, own := range n.Last {
			if own == last {
				t.Fatal("a table whose names are all unique got one that points at a real row")
			}
		}
	}
}

func TestNewNamesAreSpeltAsTheTablesAre(t *testing.T) {
	r := New(9, "spelling")
	var own []string
	for i, a := range []string{"Hol", "Bran", "Win", "Lin", "Stein", "Eis", "Kirch", "Berg", "Rot", "Wald"} {
		for k, b := range []string{"mann", "meier", "bauer", "hofer", "stein", "wald", "brecht", "huber", "berger"} {
			if (i+k)%4 != 0 { // there are more of that kind
				own = append(own, a+b)
			}
		}
	}
	held := map[string]bool{}
	for _, v := range own {
		held[v] = true
	}
	x, coined := lexiconOf(own, own, false, []string{"Smith", "Jones", "Taylor", "Wright", "Baker"}), 0
	for range 200 {
		v := x.draw(r, false)
		if held[v] {
			t.Fatalf("%q stands in the table: it points at a real row", v)
		}
		if v != "Smith" && v != "Jones" && v != "Taylor" && v != "Wright" && v != "Baker" {
			coined++
		}
	}
	if coined < 100 {
		t.Errorf("%d of 200 new names are spelt as the table's are, want most", coined)
	}
}

func TestLoginsWriteNamesAsTheTableDoes(t *testing.T) {
	for spell, want := range []string{"joerg.mueller", "jorg.muller", "jrg.mller"} {
		row := &Row{First: "Jörg", Last: "Müller", WasFirst: "Anna", WasLast: "Schmidt", Spell: spell}
		if got := login(New(1, "login"), &Column{}, "anna.schmidt", row); got != want {
			t.Errorf("spelling %d: got %s, want %s", spell, got, want)
		}
		if !MadeOf(want+"2@corp.example", "Jörg", "Müller", Spellings[spell]) {
			t.Errorf("%s is not seen to be made of the name", want)
		}
	}
}

func TestLoginsCountThoseWhoWouldHaveTheSame(t *testing.T) {
	for _, c := range []struct {
		was     string
		attempt int
		want    string
	}{
		{"aschmidt", 0, "jkeller"},
		{"aschmidt3", 0, "jkeller"}, // nobody is called so yet
		{"aschmidt", 1, "jkeller2"},
		{"aschmidt3", 2, "jkeller3"},
	} {
		row := &Row{First: "Jonas", Last: "Keller", WasFirst: "Anna", WasLast: "Schmidt", Numbered: true, Attempt: c.attempt}
		if got := login(New(1, "login"), &Column{}, c.was, row); got != c.want {
			t.Errorf("like %s, attempt %d: got %s, want %s", c.was, c.attempt, got, c.want)
		}
	}
	for v, want := range map[string]string{"jkeller2@corp.example": "jkeller@corp.example", "jkeller9": "jkeller", "jkeller": "", "jkeller1": "", "jkeller84": "", "7@corp.example": "", "jkeller@corp2.example": ""} {
		if got, ok := Unnumbered(v); got != want || ok != (want != "") {
			t.Errorf("%s without its number is %q (%t), want %q", v, got, ok, want)
		}
	}
}

func FuzzNoValueOfARealRowMakesAGeneratorPanic(f *testing.F) {
	for _, s := range samples {
		f.Add(s.row.Was, s.column.Name, 20)
	}
	f.Fuzz(func(t *testing.T, was, name string, limit int) {
		for _, class := range []Class{Text, Integer, Decimal, Date, Timestamp, UUID, Bytes, Network} {
			c := &Column{Table: "t", Name: name, Class: class, MaxLen: limit % 100, Scale: -1, Values: []string{was, was + "1", "x"}}
			for _, g := range All() {
				if score, _ := g.Fit(c); score < 0 || score > 100 {
					t.Fatalf("%s: score %d", g.Kind(), score)
				}
				row := person(Row{Was: was})
				v, err := Make(g, New(1, name), c, row)
				if err == nil && c.MaxLen > 0 && utf8.RuneCountInString(v) > c.MaxLen {
					t.Fatalf("%s: a value of %d characters for a column of %d", g.Kind(), len(v), c.MaxLen)
				}
				if err != nil && len(was) > 8 && strings.Contains(err.Error(), was) {
					t.Fatalf("%s: the error quotes the value", g.Kind())
				}
			}
		}
	})
}
