package engine

import (
	"testing"
)

func TestStatementsAreAskedForTheFunctionsThatTheyName(t *testing.T) {
	for sql, want := range map[string]needs{
		"select * from t where id = 1":                     0,
		"select count(*), max(email), upper(name) from t":  0,
		"select sha512(v) from t":                          needsSHA2,
		`select "sha512" (v) from t`:                       needsSHA2,
		"SELECT SHA2(v, 512), CRC32(v)":                    needsSHA2 | needsFormulas | needsCRC,
		"prepare p from 'select crc32(v) from t'":          needsCRC,
		"select ascii(v)":                                  needsNumbers,
		"select v::bit(8)":                                 needsNumbers,
		"select hex(substr(v, 1, 1))":                      needsNumbers | needsFormulas | needsBeside,
		"select hex(id)":                                   needsFormulas,
		"select substr(v, 1, 3), encode(w, 'x')":           needsNumbers | needsBeside,
		"select substr(v, 1, 3), left(w, 2)":               needsBeside,
		"select sha512, crc32 from t where f(a) in (1, 2)": 0,
		"select compress (v)":                              needsUnpack,
		"(((":                                              0, "": 0, "sha512": 0, "(sha512(": needsSHA2, "select my_sha512(v), sha512_of(v)": 0,
	} {
		if got := needsIn([]byte(sql)); got != want {
			t.Errorf("%q: %b, want %b", sql, got, want)
		}
	}
	text := []byte("insert into t (a, b, c) values (1, 2, 3), (lower('x'), now(), 4)")
	if n := testing.AllocsPerRun(100, func() { needsIn(text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
