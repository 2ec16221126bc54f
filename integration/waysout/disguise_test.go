package waysout

import (
	"fmt"
	"strings"
	"testing"

	"honeyrow/event"
)

// disguised are ways in which no value of the row is in clear. The disguise is
// what the detection must name.
var disguised = []way{
	{name: "upper()", kind: "email", sql: "select upper(email) from customers where id > 900000", as: "case"},
	{name: "lower()", kind: "email", sql: "select lower(email) from customers where id > 900000", as: "case"},
	{name: "initcap(), in a JSON object", kind: "email", sql: "select json_build_object('e', initcap(email)) from customers where id > 900000", as: "case"},
	{name: "reverse()", kind: "email", sql: "select reverse(email) from customers where id > 900000", as: "reversed"},
	{name: "reverse(), whole table in one text", kind: "email", sql: "select reverse(string_agg(email, ',')) from customers", as: "reversed"},
	{name: "hexadecimal digits, lower case", kind: "email", sql: "select encode(convert_to(email, 'UTF8'), 'hex') from customers where id > 900000", as: "hex"},
	{name: "hexadecimal digits, upper case", kind: "email", sql: "select upper(encode(email::bytea, 'hex')) from customers where id > 900000", as: "hex"},
	{name: "bytea as text", kind: "email", sql: "select email::bytea::text from customers where id > 900000", as: "hex"},
	{name: "hexadecimal digits with spaces", kind: "email", sql: "select regexp_replace(encode(email::bytea, 'hex'), '(..)', '\\1 ', 'g') from customers where id > 900000", as: "hex"},
	{name: "percent encoding of every byte", kind: "email", sql: "select regexp_replace(encode(email::bytea, 'hex'), '(..)', '%\\1', 'g') from customers where id > 900000", as: "hex"},
	{name: "percent encoding", kind: "email", sql: "select replace(email, '@', '%40') from customers where id > 900000", as: "escaped"},
	{name: "hexadecimal of the telephone", kind: "phone", sql: "select encode(phone::bytea, 'hex') from customers where id > 900000", as: "hex"},
	{name: "hexadecimal of the card number", kind: "card_number", sql: "select encode(card::text::bytea, 'hex') from customers where id > 900000", as: "hex"},
	{name: "base64", kind: "email", sql: "select encode(email::bytea, 'base64') from customers where id > 900000", as: "base64"},
	{name: "base64, second alignment", kind: "email", sql: "select encode(('x' || email)::bytea, 'base64') from customers where id > 900000", as: "base64"},
	{name: "base64, third alignment", kind: "email", sql: "select encode(('xy' || email || 'z')::bytea, 'base64') from customers where id > 900000", as: "base64"},
	{name: "base64 of the row in JSON, in lines", kind: "email", sql: "select encode(convert_to(row_to_json(c)::text, 'UTF8'), 'base64') from customers c where id > 900000", as: "base64"},
	{name: "base64 of a whole table", kind: "email", sql: "select encode(string_agg(email, ',' order by id)::bytea, 'base64') from customers", as: "base64"},
	{name: "base64, URL alphabet", kind: "url", sql: "select translate(encode(convert_to(link, 'UTF8'), 'base64'), E'+/=\\n', '-_') from customers where id > 900000", as: "base64"},
	{name: "base64 of hexadecimal digits", kind: "email", sql: "select encode(encode(email::bytea, 'hex')::bytea, 'base64') from customers where id > 900000", as: "base64"},
	{name: "base64 in a JSON string", kind: "email", sql: "select to_json(encode(convert_to(c::text, 'UTF8'), 'base64')) from customers c where id > 900000", as: "base64"},
	{name: "UTF-16 in binary", kind: "email", sql: "/*binary*/ select decode(regexp_replace(encode(email::bytea, 'hex'), '(..)', '\\100', 'g'), 'hex') from customers where id > 900000", as: "utf-16"},
	{name: "UTF-16 as bytea's text", kind: "email", sql: "/*simple*/ select decode(regexp_replace(encode(email::bytea, 'hex'), '(..)', '00\\1', 'g'), 'hex') from customers where id > 900000", as: "hex"},
	{name: "array of characters", kind: "email", sql: "/*simple*/ select string_to_array(email, null) from customers where id > 900000", as: "spaced"},
	{name: "spaces between characters", kind: "email", sql: "select regexp_replace(email, '(.)', '\\1 ', 'g') from customers where id > 900000", as: "spaced"},
	{name: "dashes between characters, reversed", kind: "email", sql: "select array_to_string(string_to_array(reverse(email), null), '-') from customers where id > 900000", as: "spaced"},
	{name: "array of characters in JSON", kind: "email", sql: "select array_to_json(string_to_array(email, null)) from customers where id > 900000", as: "spaced"},
	{name: "json_agg() of characters", kind: "email", sql: "select json_agg(c) from customers, regexp_split_to_table(email, '') c where id > 900000", as: "spaced"},
	{name: "md5()", kind: "email", sql: "select md5(email) from customers where id > 900000", as: "md5"},
	{name: "md5() among the table's", kind: "email", sql: "select id, md5(email), md5(name) from customers", as: "md5"},
	{name: "md5() as a uuid", kind: "email", sql: "select md5(email)::uuid from customers where id > 900000", as: "md5"},
	{name: "SHA-256 in binary", kind: "email", sql: "select sha256(email::bytea) from customers where id > 900000", as: "sha256"},
	{name: "SHA-256 in hexadecimal", kind: "email", sql: "select encode(sha256(convert_to(email, 'UTF8')), 'hex') from customers where id > 900000", as: "sha256"},
	{name: "XML, escaped twice", kind: "url", sql: "select xmlelement(name a, xmlelement(name b, link)::text) from customers where id > 900000", as: "escaped"},
	{name: "numeric character references", kind: "email", sql: "select string_agg('&#' || ascii(c) || ';', '') from customers, regexp_split_to_table(email, '') c where id > 900000", as: "escaped"},
	{name: "characters over rows", kind: "email", sql: "select substr(email, g, 1) from customers, generate_series(1, 60) g where id > 900000 order by g", as: "pieces"},
	{name: "pieces over rows", kind: "email", sql: "select substr(email, g, 5) from customers, generate_series(1, 60, 5) g where id > 900000 order by g", as: "pieces"},
	{name: "regexp_split_to_table()", kind: "email", sql: "select regexp_split_to_table(email, '') from customers where id > 900000", as: "pieces"},
	{name: "characters over rows, backwards", kind: "email", sql: "select substr(email, 40 - g, 1) from customers, generate_series(1, 39) g where id > 900000 order by g", as: "reversed"},
	{name: "pieces over runs", channel: "row", kind: "email", stmt: "select substr(email, 37", do: func(x *try) {
		for _, at := range []string{"1", "7", "13", "19", "25", "31", "37"} {
			x.query("select substr(email, " + at + ", 6) from customers where id = 900001")
		}
	}, as: "pieces"},
	{name: "pieces by LIMIT and OFFSET over runs", channel: "row", kind: "email", stmt: "limit 4 offset", do: func(x *try) {
		for at := range 10 {
			x.query(fmt.Sprintf("select substr(email, g, 1) from customers, generate_series(1, 40) g where id = 900001 order by g limit 4 offset %d", 4*at))
		}
	}, as: "pieces"},
	{name: "JSON escapes of single characters", kind: "email", sql: "select replace(email, '@', '\\u0040') from customers where id > 900000", as: "escaped"},
	{name: "SHA-224", kind: "email", sql: "/*simple*/ select sha224(email::bytea) from customers where id > 900000", as: "computed"},
	{name: "SHA-384", kind: "email", sql: "/*simple*/ select encode(sha384(convert_to(email, 'UTF8')), 'base64') from customers where id > 900000", as: "computed"},
	{name: "SHA-512", kind: "email", sql: "select id, encode(sha512(email::bytea), 'hex') from customers", as: "computed"},
	{name: "SHA-512 in a JSON object", kind: "email", sql: "/*simple*/ select json_build_object('h', sha512(email::bytea)) from customers where id > 900000", as: "computed"},
	{name: "SHA-512 by SQL PREPARE", channel: "row", kind: "email", stmt: "execute hidden", do: func(x *try) {
		x.query("prepare hidden as select sha512(email::bytea) from customers where id > 900000")
		x.query("execute hidden")
		x.query("deallocate hidden")
	}, as: "computed"},
	{name: "SHA-512 by a cursor", channel: "row", kind: "email", stmt: "fetch all", do: func(x *try) {
		x.query("begin")
		x.query("declare hidden cursor for select encode(sha512(email::bytea), 'hex') from customers where id > 900000")
		x.query("fetch all from hidden")
		x.query("commit")
	}, as: "computed"},
	{name: "digest(), SHA-512", kind: "email", sql: "/*simple*/ select digest(email, 'sha512') from customers where id > 900000", as: "computed"},
	{name: "hmac()", kind: "email", sql: "select hmac(email, 'pepper', 'sha256') from customers where id > 900000", as: "computed"},
	{name: "salted digest", kind: "email", sql: "select md5('x' || email) from customers where id > 900000", as: "computed"},
	{name: "salted digest in binary", kind: "email", sql: "/*simple*/ select sha256(convert_to(concat(lower(email), ':', 'salt'), 'UTF8')) from customers where id > 900000", as: "computed"},
	{name: "digest of a digest", kind: "email", sql: "/*simple*/ select md5(md5(email)) from customers where id > 900000", as: "computed"},
	{name: "encrypt()", kind: "email", sql: "select encrypt(email::bytea, 'key', 'aes') from customers where id > 900000", as: "computed"},
	{name: "encrypt() in base64", kind: "email", sql: "/*simple*/ select encode(encrypt_iv(email::bytea, 'a longer key of 24 bytes', '\\x000102', 'aes-cbc/pad:pkcs'), 'base64') from customers where id > 900000", as: "computed"},
	{name: "other letters for letters", kind: "email", sql: "select translate(email, 'abcdefghijklm', 'nopqrstuvwxyz') from customers where id > 900000", as: "computed"},
	{name: "other letters for letters, inside a text", kind: "email", sql: "/*simple*/ select 'row: ' || translate(lower(email), 'abcdefghijklmnopqrstuvwxyz@.', 'nopqrstuvwxyzabcdefghijklm_:') || ';' from customers where id > 900000", as: "computed"},
	{name: "replace() of letters", kind: "email", sql: "/*simple*/ select replace(replace(email, 'e', '3'), 'a', '4') from customers where id > 900000", as: "computed"},
	{name: "hexadecimal of a number", kind: "card_number", sql: "select to_hex(card::bigint) from customers where id > 900000", as: "computed"},
	{name: "MD5 in base64", kind: "email", sql: "select encode(digest(email, 'md5'), 'base64') from customers where id > 900000", as: "computed"},
	{name: "hexadecimal digits backwards", kind: "email", sql: "select reverse(encode(email::bytea, 'hex')) from customers where id > 900000", as: "computed"},
	{name: "base64 in other letters", kind: "email", sql: "/*simple*/ select upper(encode(email::bytea, 'base64')) from customers where id > 900000", as: "computed"},
	{name: "COPY of SHA-512", channel: "copy", kind: "email", stmt: "copy", do: func(x *try) {
		x.query("copy (select id, sha512(email::bytea) from customers) to stdout")
	}, as: "computed"},
	{name: "numbers of characters", kind: "email", sql: "select array_agg(ascii(c)) from customers, regexp_split_to_table(email, '') c where id > 900000", as: "numbers"},
	{name: "numbers of characters in JSON", kind: "email", sql: "/*simple*/ select json_agg(ascii(c) ) from customers, regexp_split_to_table(email, '') c where id > 900000", as: "numbers"},
	{name: "numbers of characters, octal in three digits", kind: "email", sql: "/*simple*/ select string_agg(lpad((ascii(c) / 64 * 100 + ascii(c) / 8 % 8 * 10 + ascii(c) % 8)::text, 3, '0'), '') from customers, regexp_split_to_table(email, '') c where id > 900000", as: "numbers"},
	{name: "numbers of characters over rows", kind: "email", sql: "select ascii(substr(email, g, 1)) from customers, generate_series(1, 39) g where id > 900000 order by g", as: "numbers"},
	{name: "bytes over rows", kind: "email", sql: "select get_byte(email::bytea, g) from customers, generate_series(0, 38) g where id > 900000 order by g", as: "numbers"},
	{name: "hexadecimal of characters over rows", kind: "email", sql: "/*simple*/ select to_hex(ascii(c)) from customers, regexp_split_to_table(email, '') c where id > 900000", as: "numbers"},
	{name: "bits", kind: "email", sql: "select string_agg(ascii(c)::bit(8)::text, '') from customers, regexp_split_to_table(email, '') c where id > 900000", as: "numbers"},
	{name: "bits over rows", kind: "email", sql: "/*simple*/ select ascii(c)::bit(8)::text from customers, regexp_split_to_table(email, '') c where id > 900000", as: "numbers"},
	{name: "halves beside each other", kind: "email", sql: "select left(email, 20), right(email, 19) from customers where id > 900000", as: "pieces"},
	{name: "pieces over columns", kind: "email", sql: "/*simple*/ select id + 0, substr(email, 1, 8), substr(email, 9, 8), substr(email, 17, 8), substr(email, 25, 8), substr(email, 33) from customers", as: "pieces"},
	{name: "pieces in an array", kind: "email", sql: "select array_agg(c) from (select substr(email, g, 5) c from customers, generate_series(1, 39, 5) g where id > 900000 order by g) x", as: "spaced"},
	{name: "pieces in a JSON array", kind: "email", sql: "select json_build_array(left(email, 20), substr(email, 21)) from customers where id > 900000", as: "spaced"},
	{name: "pieces with blanks between them", kind: "email", sql: "select regexp_replace(email, '(....)', '\\1 ', 'g') from customers where id > 900000", as: "spaced"},
	{name: "pieces over rows, beyond the third column", kind: "email", sql: "/*simple*/ select 1, 2, 3, substr(email, g, 1) from customers, generate_series(1, 39) g where id > 900000 order by g", as: "pieces"},
	{name: "pieces over rows of a table of one's own", channel: "row", kind: "email", stmt: "select c from", do: func(x *try) {
		x.query("create temp table cut as select substr(email, g, 1) c, g from customers, generate_series(1, 39) g where id > 900000")
		x.query("select c from cut order by g")
	}, as: "pieces"},
	{name: "pieces over rows of a COPY", channel: "copy", kind: "email", stmt: "copy", do: func(x *try) {
		x.query("copy (select substr(email, g, 5) from customers, generate_series(1, 39, 5) g where id > 900000 order by g) to stdout")
	}, as: "pieces"},
	{name: "numbers of characters over columns", kind: "email", sql: "select ascii(substr(email, 1)), ascii(substr(email, 2)), ascii(substr(email, 3)), ascii(substr(email, 4)), ascii(substr(email, 5)), ascii(substr(email, 6)), ascii(substr(email, 7)), ascii(substr(email, 8)), ascii(substr(email, 9)), ascii(substr(email, 10)), ascii(substr(email, 11)), ascii(substr(email, 12)), ascii(substr(email, 13)), ascii(substr(email, 14)), ascii(substr(email, 15)), ascii(substr(email, 16)), ascii(substr(email, 17)), ascii(substr(email, 18)), ascii(substr(email, 19)), ascii(substr(email, 20)), ascii(substr(email, 21)), ascii(substr(email, 22)), ascii(substr(email, 23)), ascii(substr(email, 24)), ascii(substr(email, 25)), ascii(substr(email, 26)), ascii(substr(email, 27)), ascii(substr(email, 28)), ascii(substr(email, 29)), ascii(substr(email, 30)), ascii(substr(email, 31)), ascii(substr(email, 32)), ascii(substr(email, 33)), ascii(substr(email, 34)), ascii(substr(email, 35)), ascii(substr(email, 36)), ascii(substr(email, 37)), ascii(substr(email, 38)), ascii(substr(email, 39)) from customers where id > 900000", as: "numbers"},
	{name: "card number in groups of digits", kind: "card_number", sql: "select to_char(card, '9999 9999 9999 9999') from customers where id > 900000", as: "spaced"},
	{name: "COPY of hexadecimal digits", channel: "copy", kind: "email", stmt: "copy", do: func(x *try) {
		x.query("copy (select encode(email::bytea, 'hex') from customers where id > 900000) to stdout")
	}, as: "hex"},
	{name: "COPY of base64", channel: "copy", kind: "email", stmt: "copy", do: func(x *try) {
		x.query("copy (select encode(convert_to(c::text, 'UTF8'), 'base64') from customers c where id > 900000) to stdout")
	}, as: "base64"},
	{name: "COPY in UTF-16's bytes", channel: "copy", kind: "email", stmt: "copy", do: func(x *try) {
		x.query("copy (select decode(regexp_replace(encode(email::bytea, 'hex'), '(..)', '\\100', 'g'), 'hex') from customers where id > 900000) to stdout (format binary)")
	}, as: "utf-16"},
	{name: "pieces over errors", channel: "error", kind: "email", stmt: "select substr(email, 27", do: func(x *try) {
		for _, at := range []string{"1", "14", "27"} {
			x.query("select substr(email, " + at + ", 13)::int from customers where id = 900001")
		}
	}, as: "pieces"},
	{name: "characters over notices", channel: "notice", kind: "email", stmt: "do $$", do: func(x *try) {
		x.query("do $$ declare e text; begin select email into e from customers where id = 900001; for i in 1 .. length(e) loop raise notice '%', substr(e, i, 1); end loop; end $$")
	}, as: "pieces"},
	{name: "pieces over function calls", channel: "function", kind: "email", stmt: "fast-path", do: func(x *try) {
		lo := oid(x, "lo_from_bytea(0, convert_to(email, 'UTF8')) from customers where id > 900000")
		x.query("begin")
		fd := x.call(oid(x, "'lo_open'::regproc"), 1, be32(lo), be32(0x40000))
		read := oid(x, "'loread'::regproc")
		for range 5 {
			x.call(read, 1, fd, be32(8))
		}
		x.query("rollback")
	}, as: "pieces"},
	{name: "pieces over reported parameters", channel: "parameter", kind: "email", stmt: "substr(email, 25", do: func(x *try) {
		for _, at := range []string{"1", "13", "25"} {
			x.query("select set_config('application_name', substr(email, " + at + ", 12 + " + at + " / 25 * 3), false) is null from customers where id = 900001")
		}
	}, as: "pieces"},
	{name: "error text in upper case", channel: "error", kind: "email", stmt: "select upper", do: func(x *try) {
		x.query("select upper(email)::int from customers where id = 900001")
	}, as: "case"},
	{name: "error text in base64", channel: "error", kind: "email", stmt: "select encode", do: func(x *try) {
		x.query("select encode(email::bytea, 'base64')::int from customers where id = 900001")
	}, as: "base64"},
}

// harmless has the same functions over the neighbours, and what looks like codes.
var harmless = []string{
	"select upper(email), lower(email), reverse(email), md5(email), encode(email::bytea, 'hex'), encode(email::bytea, 'base64') from customers where id < 900000",
	"select encode(convert_to(c::text, 'UTF8'), 'base64') from customers c where id < 900000",
	"select sha256(email::bytea), md5(email)::uuid from customers where id < 900000",
	"select string_to_array(email, null), regexp_replace(email, '(.)', '\\1 ', 'g') from customers where id < 900000",
	"select substr(email, g, 1) from customers, generate_series(1, 20) g where id < 20 order by id, g",
	"select right(card::text, 4) from customers where id > 900000",
	"select repeat('*', 12) || right(card::text, 4), left(name, 1) || '.' from customers where id > 900000",
	"select left(email, 3) || '***' from customers where id > 900000",
	"select md5(name), md5('x' || name), sha512(name::bytea) from customers where id > 900000",
	"select sha512(email::bytea), sha384(email::bytea), encode(hmac(email, 'k', 'sha512'), 'base64'), encrypt(email::bytea, 'k', 'aes'), md5('x' || email) from customers where id < 900000",
	"select translate(email, 'abcdefghijklm', 'nopqrstuvwxyz'), replace(email, 'a', '4'), to_hex(card::bigint) from customers where id < 900000",
	"select array_agg(ascii(c)), string_agg(ascii(c)::bit(8)::text, '') from customers, regexp_split_to_table(email, '') c where id < 900000 group by id",
	"select ascii(substr(email, g, 1)), get_byte(email::bytea, g) from customers, generate_series(1, 18) g where id < 60 order by id, g",
	// Masked, a value is any other's.
	"select translate(lower(email), 'abcdefghijklmnopqrstuvwxyz', repeat('x', 26)), regexp_replace(email, '.', '*', 'g') from customers",
	"select translate(email, 'abcdefghijklmnopqrstuvwxyz', 'xxxxxxxxxxxxxxxxxxxxxxxxxx') from customers where id > 900000",
	"select count(*), max(length(email)) from customers where id > 900000",
	"select md5(g::text), encode(sha256(g::text::bytea), 'base64'), gen_random_uuid() from generate_series(1, 20000) g",
	"select decode(md5(g::text), 'hex') from generate_series(1, 20000) g",
	"select encode(decode(repeat(md5(g::text), 20), 'hex'), 'base64') from generate_series(1, 2000) g",
	"select chr(32 + g % 90) from generate_series(1, 20000) g",
	"select reverse(phone), reverse(card::text) from customers where id < 900000",
	"copy (select upper(email), md5(email), encode(email::bytea, 'base64') from customers where id < 900000) to stdout",
}

func TestDisguisesOfOrdinaryRowsRaiseNoAlarm(t *testing.T) {
	c := dial(t, newTap(t, &y.alert).port())
	for _, sql := range harmless {
		c.query(sql)
		for _, format := range []int16{0, 1} {
			if !strings.HasPrefix(sql, "copy") {
				c.extended(sql, format)
			}
		}
		for _, d := range y.alert.seen() {
			t.Errorf("%.100s: %s %+v", sql, d.Summary, d.Hits)
		}
	}
	c.close()
	for _, d := range y.alert.take(t) {
		t.Errorf("%s", d.Summary)
	}
}

func TestDisguisesAreRefusedToo(t *testing.T) {
	for _, w := range disguised {
		if w.do != nil || w.as == "pieces" || strings.Contains(w.name, "over rows") {
			continue // pieces have left before the last one comes
		}
		for _, mode := range w.attempts() {
			t.Run(w.name+"/"+mode, func(t *testing.T) {
				p := newTap(t, &y.block)
				x := &try{talk: dial(t, p.port()), port: p.port(), mode: mode}
				w.run(x)
				x.close()
				got := y.block.take(t)
				if len(got) != 1 || got[0].Action != event.Block || !strings.Contains(string(p.bytes()), "C42501\x00") {
					t.Errorf("%d detections, want 1 that blocks; received %.200q", len(got), tail(p.bytes(), 200))
				}
			})
		}
	}
}
