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
	{name: "COPY of hexadecimal digits", channel: "copy", kind: "email", stmt: "copy", do: func(x *try) {
		x.query("copy (select encode(email::bytea, 'hex') from customers where id > 900000) to stdout")
	}, as: "hex"},
	{name: "COPY of base64", channel: "copy", kind: "email", stmt: "copy", do: func(x *try) {
		x.query("copy (select encode(convert_to(c::text, 'UTF8'), 'base64') from customers c where id > 900000) to stdout")
	}, as: "base64"},
	{name: "COPY in UTF-16's bytes", channel: "copy", kind: "email", stmt: "copy", do: func(x *try) {
		x.query("copy (select decode(regexp_replace(encode(email::bytea, 'hex'), '(..)', '\\100', 'g'), 'hex') from customers where id > 900000) to stdout (format binary)")
	}, as: "utf-16"},
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
	"select md5(name), md5('x' || email) from customers where id > 900000",
	"select count(*), max(length(email)) from customers where id > 900000",
	"select encode(sha256(('salt' || email)::bytea), 'hex') from customers where id > 900000",
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
