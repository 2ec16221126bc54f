package formula

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"honeyrow/engine/sqlfacts"
)

const mail = "Agatha.Falkenstein@ledger.example"

func lexed(sql string, my bool) *sqlfacts.Text {
	env := sqlfacts.Env{Flavour: sqlfacts.PostgreSQL, ANSIQuotes: true, NoBackslash: true, PipesConcat: true, Version: 150000}
	if my {
		env = sqlfacts.Env{Flavour: sqlfacts.MariaDB, Version: 101100}
	}
	t := new(sqlfacts.Text)
	t.Lex([]byte(sql), env)
	return t
}

// made lists in hexadecimal digits, or as they are if they are letters, what the
// formulas of a statement make of a value.
func madeOf(sql, value string, my bool) (out []string) {
	t := lexed(sql, my)
	for _, f := range Find(sqlfacts.Scan(t), my) {
		for _, b := range f.Bind(t) {
			switch v := b.Apply([]byte(value)); {
			case v == nil:
			case b.text || b.Number:
				out = append(out, string(v))
			default:
				out = append(out, hex.EncodeToString(v))
			}
		}
	}
	return out
}

// The wants are the servers' own answers: PostgreSQL 15.18 with pgcrypto and
// MariaDB 10.11.
func TestFormulasMakeWhatTheServerMakes(t *testing.T) {
	for _, c := range []struct {
		my        bool
		sql, want string
	}{
		{false, "select md5('x' || v) from t", "a213fbda4442ae20509270905d35322a"},
		{false, "select sha256(convert_to(v || ':salt', 'UTF8')) from t", "a2366242b2bc05472335dacd5b66ebf77730eb93da2882b9256105d9140dbd0b"},
		{false, "select encode(sha384(concat('a', v, 'b')::bytea), 'hex') from t", "c3fd85aa9cd628297c62a34949bc4e9a865b5b01d81cadc5d3da6bb9ff29f872ceb269661fb55bd0636639ef6a14c8fc"},
		{false, "select md5(md5(v)) from t", "0549cf2dcc2fdfd3626ec525b322c325"},
		{false, "select digest(lower(v), 'sha512') from t", "684b3138eed89901e04b87e4b2dd06247544569452ae3f2e23c88b185c7f265a8cb4532de08f8332e4fb1141bc357d32c913f8a66e81937e18f5f0e28638a7af"},
		{false, "select encode(digest('x' || v, 'sha1'), 'base64') from t", "52e6f8ef9009a17ae24bf29d8e9340b387e8a663"},
		{false, "select hmac(v, 'pepper', 'sha256') from t", "834bc1921d38bb5be7c2ced46fdcccc629e674a0a11ee2f90f6c9d69e4398eae"},
		{false, "select hmac(v::bytea, '\\x00ff'::bytea, 'md5') from t", "70a005a9a8d7a8b34370a8729244e954"},
		{false, "select encrypt(v::bytea, 'key', 'aes') from t", "a686417f4c80b1a16c801be7ff865acb7aeb7c75a9b0e60963fc859130510499cd8ff87ad7e78c6de206c7e74d716924"},
		{false, "select encrypt(v::bytea, 'a key of more than 16 b', 'aes-ecb') from t", "61393db0bd414ae1cfe732b5a1ee14e35e74abe5e8f25a82fc9af6a39f4393eda2b182b7fbafa12f16d163c7dacf0ae3"},
		{false, "select encrypt_iv(v::bytea, 'k', '\\x000102', 'aes-cbc/pad:pkcs') from t", "ee921bb5ae8dc8f0a2860b4cce8d46ce9a6f9214cf72a3e66d7a20522c2b166c322359e004ed1eb6da145cf64d5e0460"},
		{false, "select translate(v, 'abcdefghijklm', 'nopqrstuvwxyz') from t", "Atntun.Fnyxrnstrvn@yrqtrr.rxnzpyr"},
		{false, "select translate(v, 'aegn', 'äE') from t", "Aäthä.FälkEstEi@lEdEr.ExämplE"},
		{false, "select replace(replace(v, 'e', '3'), 'a', '4') from t", "Ag4th4.F4lk3nst3in@l3dg3r.3x4mpl3"},
		{false, "select md5(encode(v::bytea, 'base64')) from t", "2a4d71032dc33160bc3e4651bab1b2e2"},
		{false, "select md5(encode(v::bytea, 'hex')) from t", "4c48e373b44a5d69e31f2ca502c61ee4"},
		{false, "select md5(reverse(v)) from t", "efa185abd9743c0bd76dba9b85b60470"},
		{false, "select md5(replace(v, '@', ' at ')) from t", "2661cecc2d71ca3cf9e33fbff4c44483"},
		{false, "select to_hex(n::bigint) from t", "118302fcb20bb2"},
		{false, "select encode(digest(v, 'md5'), 'base64') from t", "2849425ba2a828746f0c86f281c42f53"},
		{false, "select encode(sha256(v::bytea), 'base64') from t", "19f15a71072aba2437b411b12ff23815ac2750c8f2a6255a59268a22e831e239"},
		{false, "select reverse(encode(v::bytea, 'hex')) from t", "353663363037643631363837353665323237353637363436353663363034653639363536343733376536353662366336313636346532313638363437313637363134"},
		{false, "select upper(encode(v::bytea, 'base64')) from t", "51574448444748484c4b5a484247544c424e4e305a574c555147584c5a47444c4349354c454746544347584c"},
		{true, "select to_base64(unhex(sha1(v))) from t", "d2492863f801fda250c12f6c5ba38b56169b8ffb"},
		{true, "select reverse(hex(v)) from t", "353643363037443631363837353645323237353637363436353643363034453639363536343733374536353642364336313636344532313638363437313637363134"},
		{true, "select reverse(to_base64(v)) from t", "6c784763744647656c3569636c64475a6c784751756c575a304e6e626c744762685a6b4c6868476468645751"},
		{true, "select lower(to_base64(v)) from t", "71776468646768686c6b7a686267746c626e6e307a776c757167786c7a67646c6369356c656766746367786c"},
		{true, "select md5(concat('x', v)) from t", "a213fbda4442ae20509270905d35322a"},
		{true, "select sha2(concat_ws(':', v, 'salt'), 256) from t", "a2366242b2bc05472335dacd5b66ebf77730eb93da2882b9256105d9140dbd0b"},
		{true, "select sha2(concat('x', v), 0) from t", "7c76817aeafc1bc869fd8184256fe0a046bfc182547ed8cc8d1c073d0c593885"},
		{true, "select sha1(md5(v)) from t", "41cc8e3621668defed251266585728a660135317"},
		{true, "select password(v) from t", "164d18cd3aa978a30ff1200b5ab1110f28f7eec3"},
		{true, "select unhex(sha(concat(v, ''))) from t", "d2492863f801fda250c12f6c5ba38b56169b8ffb"},
		{true, "select aes_encrypt(v, 'key') from t", "a686417f4c80b1a16c801be7ff865acb4c4dfd4c49fe2ac6cc01fb55ff06242c6cad05d75a7d36cb15dcdac71985c966"},
		{true, "select aes_encrypt(v, 'a key of more than sixteen bytes') from t", "fbb740e53478bee3371dfcb23259e1f5ba23fa69117aa18befcd7a3c15406c7f1963a72c503ac7f127d0630e6e2fec41"},
		{true, "select hex(aes_encrypt(v, unhex(sha2('p', 512)))) from t", "59ea5df5dea9bf356282e12f96854da35394a3345b785deb2a0b38e755383d519432e268f0cc0ef9710a7859e9c6a76a"},
		{true, "select md5(hex(v)) from t", "8d5f6bf4abc023171b90e25c229eff1d"},
		{true, "select md5(to_base64(v)) from t", "2a4d71032dc33160bc3e4651bab1b2e2"},
		{true, "select md5(ucase(v)) from t", "57490bbad2fee55dae5a3b8ca302681b"},
		{true, "select replace(replace(v, 'a', '1'), 'e', '2') from t", "Ag1th1.F1lk2nst2in@l2dg2r.2x1mpl2"},
		{true, "select hex(n) from t", "118302FCB20BB2"},
		{true, "select conv(n, 10, 36) from t", "1CJ881ZYYSY"},
		{true, "select conv(n, 10, 2) from t", "10001100000110000001011111100101100100000101110110010"},
	} {
		value := mail
		if strings.Contains(c.sql, "(n") {
			value = "4929123456781234"
		}
		if got := madeOf(c.sql, value, c.my); !slices.Contains(got, c.want) {
			t.Errorf("%s: %q, want %s", c.sql, got, c.want)
		}
	}
}

func TestNoFormulaWhereNothingCanBeComputed(t *testing.T) {
	for sql, my := range map[string]bool{
		"select v, upper(v), left(v, 3) from t":                                                                 false,
		"select md5(v), sha256(v::bytea), sha512(v::bytea) from t":                                              false, // looked for without one
		"select md5(v || w), encrypt(v::bytea, w, 'aes'), hmac(v, $1, 'md5')":                                   false,
		"select id from t where md5('x' || v) = 'y' and hmac(v, 'k', 'md5') is not null order by md5('x' || v)": false,
		"select reverse(v), lower(v), upper(encode(v::bytea, 'hex')), lower(sha256(v::bytea)::text)":            false, // as well
		"select reverse(lower(v)), lower(hex(v)), upper(md5(v)), to_base64(v)":                                  true,
		"select md5('x'), translate('abc', 'a', 'b'), md5('x' || 'y')":                                          false,
		"insert into t values (md5('x' || $1))":                                                                 false,
		"update t set a = md5('x' || b)":                                                                        false,
		"select encrypt(v::bytea, 'k', 'nosuch'), hmac(v, 'k', 'nosuch'), digest(v, 'nosuch')":                  false,
		"select sha2(v, 512), sha2(v, 0), md5(v), sha1(v), md5(concat(v, w)), aes_encrypt(v, w), sha2(v, w)":    true,
		"select replace(v, '', 'x'), conv(v, 16, 10), conv(v, 10, 99), hex(v)":                                  true,
	} {
		if got := madeOf(sql, mail, my); len(got) > 0 {
			t.Errorf("%s: %q", sql, got)
		}
	}
	for _, sql := range []string{
		"select translate(v, 'abcdefghijklmnopqrstuvwxyz', 'xxxxxxxxxxxxxxxxxxxxxxxxxx')", // a mask is that of many
		"select translate(v, 'abcdefghijklmnopqrstuvwxyz', '')", "select replace(v, 'zz', '')",
	} {
		if got := madeOf(sql, strings.ToLower(mail), false); len(got) > 0 {
			t.Errorf("%s: %q", sql, got)
		}
	}
}

func TestFormulasWithOtherConstantsAreOthers(t *testing.T) {
	keys := func(sql string, my bool) (out []string) {
		t := lexed(sql, my)
		for _, f := range Find(sqlfacts.Scan(t), my) {
			for _, b := range f.Bind(t) {
				out = append(out, b.Key)
			}
		}
		return out
	}
	a := keys("select aes_encrypt(v, 'one')", true)
	if b := keys("select aes_encrypt(w, 'one') from t where id = 7", true); !slices.Equal(a, b) || len(a) != 2 || a[0] == a[1] {
		t.Errorf("%q and %q, want the same two", a, b)
	}
	if b := keys("select aes_encrypt(v, 'two')", true); slices.Equal(a, b) {
		t.Errorf("%q for two keys", b)
	}
	if a, b := keys("select md5(v || 'a,b')", false), keys("select md5('a,b' || v)", false); slices.Equal(a, b) {
		t.Errorf("%q for a salt on either side", b)
	}
}

func FuzzFormulas(f *testing.F) {
	f.Add("select md5('x' || v), encrypt_iv(v, 'k', '\\x00', 'aes-ecb/pad:none'), translate(v, 'a', 'b')", mail, false)
	f.Add("select aes_encrypt(concat_ws('-', v, 'x'), unhex(sha2('k', 512)), 'iv'), hex(v), conv(v, 10, 36)", "4929123456781234", true)
	f.Fuzz(func(t *testing.T, sql, value string, my bool) {
		for _, v := range madeOf(sql, value, my) {
			if len(v) < leastSum {
				t.Fatalf("%q of %q", v, value)
			}
		}
	})
}

func TestFunctionsThatHideValuesAreNamed(t *testing.T) {
	for _, c := range []struct {
		my        bool
		sql, want string
	}{
		{false, "select pgp_sym_encrypt(v, 'k') from t", "pgp_sym_encrypt"},
		{false, "select id, encode(pgp_pub_encrypt(v::text, $1), 'base64') from t", "pgp_pub_encrypt"},
		{false, "select encrypt(v, w, 'aes') from t", "encrypt"},
		{false, "select encrypt(v, 'k', 'aes') from t", ""}, // made again
		{false, "select encode(v, 'hex'), md5(v) from t", ""},
		{false, "select id from t where pw = crypt('x', pw)", ""},
		{false, "select pw = crypt('x', pw) from t", ""},
		{false, "update t set v = pgp_sym_encrypt(v, 'k')", ""},
		{false, "insert into t values (pgp_sym_encrypt($1, 'k'))", ""},
		{true, "select encode(v, 'k') from t", "encode"},
		{true, "select encrypt(v, 'ab') from t", "encrypt"}, // crypt(3)
		{true, "select old_password(v) from t", "old_password"},
		{true, "select hex(weight_string(v collate utf8mb4_unicode_ci)) from t", "weight_string"},
		{true, "select aes_encrypt(v, @k) from t", "aes_encrypt"},
		{true, "select aes_decrypt(v, 'k'), aes_encrypt('x', 'k') from t where v = aes_encrypt('x', 'k')", ""},
	} {
		if got := Hides(sqlfacts.Scan(lexed(c.sql, c.my)), c.my); got != c.want {
			t.Errorf("%s: %q, want %q", c.sql, got, c.want)
		}
	}
}
