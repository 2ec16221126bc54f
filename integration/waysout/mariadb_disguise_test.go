package waysout

import (
	"fmt"
	"strings"
	"testing"

	"honeyrow/event"
	"honeyrow/internal/myserver"
)

// myDisguised are the ways of MariaDB in which no value of the row is in clear,
// under the names of PostgreSQL's where the way is the same.
var myDisguised = []myWay{
	{name: "upper()", kind: "email", sql: "select upper(email) from customers where id > 900000", as: "case"},
	{name: "lower()", kind: "email", sql: "select lower(email) from customers where id > 900000", as: "case"},
	{name: "upper(), in a JSON object", kind: "email", sql: "select json_object('e', upper(email)) from customers where id > 900000", as: "case"},
	{name: "reverse()", kind: "email", sql: "select reverse(email) from customers where id > 900000", as: "reversed"},
	{name: "reverse(), whole table in one text", kind: "email", sql: "select reverse(group_concat(email)) from customers", as: "reversed"},
	{name: "hexadecimal digits, lower case", kind: "email", sql: "select lower(hex(email)) from customers where id > 900000", as: "hex"},
	{name: "hexadecimal digits, upper case", kind: "email", sql: "select hex(email) from customers where id > 900000", as: "hex"},
	{name: "hexadecimal digits with spaces", kind: "email", sql: `select regexp_replace(hex(email), '(..)', '\\1 ') from customers where id > 900000`, as: "hex"},
	{name: "percent encoding of every byte", kind: "email", sql: `select regexp_replace(hex(email), '(..)', '%\\1') from customers where id > 900000`, as: "hex"},
	{name: "percent encoding", kind: "email", sql: "select replace(email, '@', '%40') from customers where id > 900000", as: "escaped"},
	{name: "JSON escapes of single characters", kind: "email", sql: `select replace(email, '@', '\\u0040') from customers where id > 900000`, as: "escaped"},
	{name: "hexadecimal of the telephone", kind: "phone", sql: "select hex(phone) from customers where id > 900000", as: "hex"},
	{name: "hexadecimal of the card number", kind: "card_number", sql: "select hex(cast(card as char)) from customers where id > 900000", as: "hex"},
	{name: "base64", kind: "email", sql: "select to_base64(email) from customers where id > 900000", as: "base64"},
	{name: "base64, second alignment", kind: "email", sql: "select to_base64(concat('x', email)) from customers where id > 900000", as: "base64"},
	{name: "base64, third alignment", kind: "email", sql: "select to_base64(concat('xy', email, 'z')) from customers where id > 900000", as: "base64"},
	{name: "base64 of the row in JSON, in lines", kind: "email", sql: "select to_base64(json_object('id', id, 'name', name, 'email', email, 'phone', phone, 'key', api_key)) from customers where id > 900000", as: "base64"},
	{name: "base64 of a whole table", kind: "email", sql: "select to_base64(group_concat(email order by id)) from customers", as: "base64"},
	{name: "base64, URL alphabet", kind: "url", sql: "select replace(replace(to_base64(link), '+', '-'), '/', '_') from customers where id > 900000", as: "base64"},
	{name: "base64 of hexadecimal digits", kind: "email", sql: "select to_base64(hex(email)) from customers where id > 900000", as: "base64"},
	{name: "base64 in a JSON string", kind: "email", sql: "select json_quote(to_base64(concat_ws(',', name, email, phone, api_key, link))) from customers where id > 900000", as: "base64"},
	{name: "UTF-16 in binary", kind: "email", sql: "select cast(convert(email using utf16) as binary) from customers where id > 900000", as: "utf-16"},
	{name: "UTF-16, little end first, in binary", kind: "email", sql: "select cast(convert(email using utf16le) as binary) from customers where id > 900000", as: "utf-16"},
	{name: "UTF-32 in binary", kind: "email", sql: "select cast(convert(email using utf32) as binary) from customers where id > 900000", as: "utf-16"},
	{name: "character set changed by a function among the rows", channel: "row", kind: "email", stmt: "select f_wide()", as: "utf-16", do: func(x *myTry) {
		x.query("select f_wide(), email from customers where id > 900000")
		x.query("set names utf8mb4")
	}},
	{name: "WEIGHT_STRING", kind: "email", sql: "select weight_string(email collate utf8mb4_general_ci) from customers where id > 900000", as: "utf-16"},
	{name: "COMPRESS", kind: "email", sql: "select compress(email) from customers where id > 900000", as: "compressed"},
	{name: "COMPRESS of a hundred rows", kind: "email", sql: "select compress(group_concat(email, ' ', name)) from customers where id > 200", as: "compressed"},
	{name: "spaces between characters", kind: "email", sql: `select regexp_replace(email, '(.)', '\\1 ') from customers where id > 900000`, as: "spaced"},
	{name: "dashes between characters, reversed", kind: "email", sql: `select regexp_replace(reverse(email), '(.)', '\\1-') from customers where id > 900000`, as: "spaced"},
	{name: "array of characters in JSON", kind: "email", sql: "select json_arrayagg(substr(email, seq, 1) order by seq) from customers, seq_1_to_39 where id > 900000", as: "spaced"},
	{name: "GROUP_CONCAT of characters", kind: "email", sql: "select group_concat(substr(email, seq, 1) order by seq separator '|') from customers, seq_1_to_39 where id > 900000", as: "spaced"},
	{name: "md5()", kind: "email", sql: "select md5(email) from customers where id > 900000", as: "md5"},
	{name: "md5() among the table's", kind: "email", sql: "select id, md5(email), md5(name) from customers", as: "md5"},
	{name: "MD5 in binary", kind: "email", sql: "select unhex(md5(email)) from customers where id > 900000", as: "md5"},
	{name: "sha1()", kind: "email", sql: "select sha1(email) from customers where id > 900000", as: "sha1"},
	{name: "SHA-256 in hexadecimal", kind: "email", sql: "select sha2(email, 256) from customers where id > 900000", as: "sha256"},
	{name: "SHA-256 in binary", kind: "email", sql: "select unhex(sha2(email, 256)) from customers where id > 900000", as: "sha256"},
	{name: "SHA-224", kind: "email", sql: "select sha2(email, 224) from customers where id > 900000", text: true, as: "computed"},
	{name: "SHA-384", kind: "email", sql: "select to_base64(unhex(sha2(email, 384))) from customers where id > 900000", text: true, as: "computed"},
	{name: "SHA-512", kind: "email", sql: "select id, sha2(email, 512) from customers", as: "computed"},
	{name: "SHA-512 in a JSON object", kind: "email", sql: "select json_object('h', sha2(email, 512)) from customers where id > 900000", text: true, as: "computed"},
	{name: "SHA-512 in binary", kind: "email", sql: "select unhex(sha2(email, 512)) from customers where id > 900000", text: true, as: "computed"},
	{name: "SHA-512 by SQL PREPARE", channel: "row", kind: "email", stmt: "execute hidden", do: func(x *myTry) {
		x.query("prepare hidden from 'select sha2(email, 512) from customers where id > 900000'")
		x.query("execute hidden")
		x.query("deallocate prepare hidden")
	}, as: "computed"},
	{name: "salted digest", kind: "email", sql: "select md5(concat('x', email)) from customers where id > 900000", as: "computed"},
	{name: "salted digest in binary", kind: "email", sql: "select unhex(sha2(concat_ws(':', lower(email), 'salt'), 256)) from customers where id > 900000", text: true, as: "computed"},
	{name: "digest of a digest", kind: "email", sql: "select md5(sha1(email)) from customers where id > 900000", text: true, as: "computed"},
	{name: "PASSWORD", kind: "email", sql: "select password(email) from customers where id > 900000", text: true, as: "computed"},
	{name: "AES_ENCRYPT", kind: "email", sql: "select aes_encrypt(email, 'key') from customers where id > 900000", as: "computed"},
	{name: "AES_ENCRYPT in hexadecimal", kind: "email", sql: "select hex(aes_encrypt(email, unhex(sha2('a passphrase', 512)))) from customers where id > 900000", text: true, as: "computed"},
	{name: "AES_ENCRYPT in base64", kind: "email", sql: "select to_base64(aes_encrypt(email, 'key')) from customers where id > 900000", text: true, as: "computed"},
	{name: "AES_ENCRYPT by SQL PREPARE", channel: "row", kind: "email", stmt: "execute hidden", do: func(x *myTry) {
		x.query("prepare hidden from 'select hex(aes_encrypt(email, \"key\")) from customers where id > 900000'")
		x.query("execute hidden")
		x.query("deallocate prepare hidden")
	}, as: "computed"},
	{name: "replace() of letters", kind: "email", sql: "select replace(replace(replace(email, 'a', '1'), 'e', '2'), 'n', '3') from customers where id > 900000", text: true, as: "computed"},
	{name: "hexadecimal of a number", kind: "card_number", sql: "select hex(card) from customers where id > 900000", as: "computed"},
	{name: "a number in base 36", kind: "card_number", sql: "select conv(card, 10, 36) from customers where id > 900000", text: true, as: "computed"},
	{name: "numbers of characters", kind: "email", sql: "select group_concat(ord(substr(email, seq, 1)) order by seq) from customers, seq_1_to_39 where id > 900000", as: "numbers"},
	{name: "numbers of characters in JSON", kind: "email", sql: "select json_arrayagg(ascii(substr(email, seq, 1)) order by seq) from customers, seq_1_to_39 where id > 900000", text: true, as: "numbers"},
	{name: "numbers of characters over rows", kind: "email", sql: "select ascii(substr(email, seq, 1)) from customers, seq_1_to_39 where id > 900000 order by seq", as: "numbers"},
	{name: "hexadecimal of characters over rows", kind: "email", sql: "select hex(substr(email, seq, 1)) from customers, seq_1_to_39 where id > 900000 order by seq", text: true, as: "numbers"},
	{name: "bits", kind: "email", sql: "select group_concat(lpad(bin(ord(substr(email, seq, 1))), 8, '0') order by seq separator '') from customers, seq_1_to_39 where id > 900000", as: "numbers"},
	{name: "bits with blanks", kind: "email", sql: "select group_concat(bin(ascii(substr(email, seq, 1))) order by seq separator ' ') from customers, seq_1_to_39 where id > 900000", text: true, as: "numbers"},
	{name: "COMPRESS of the table", kind: "email", sql: "select compress(group_concat(email, ' ', name order by id)) from customers", text: true, as: "compressed"},
	{name: "halves beside each other", kind: "email", sql: "select left(email, 20), right(email, 19) from customers where id > 900000", as: "pieces"},
	{name: "pieces over columns", kind: "email", sql: "select id + 0, substr(email, 1, 8), substr(email, 9, 8), substr(email, 17, 8), substr(email, 25, 8), substr(email, 33) from customers", text: true, as: "pieces"},
	{name: "pieces in a JSON array", kind: "email", sql: "select json_array(left(email, 20), substr(email, 21)) from customers where id > 900000", as: "spaced"},
	{name: "pieces with blanks between them", kind: "email", sql: "select group_concat(substr(email, seq, 5) order by seq separator ' ') from customers, seq_1_to_60_step_5 where id > 900000", as: "spaced"},
	{name: "pieces over rows of a table of one's own", channel: "row", kind: "email", stmt: "select c from", do: func(x *myTry) {
		x.query("create temporary table cut as select substr(email, seq, 1) c, seq from customers, seq_1_to_39 where id > 900000")
		x.query("select c from cut order by seq")
	}, as: "pieces"},
	{name: "numbers of characters over columns", kind: "email", sql: "select ascii(substr(email, 1)), ascii(substr(email, 2)), ascii(substr(email, 3)), ascii(substr(email, 4)), ascii(substr(email, 5)), ascii(substr(email, 6)), ascii(substr(email, 7)), ascii(substr(email, 8)), ascii(substr(email, 9)), ascii(substr(email, 10)), ascii(substr(email, 11)), ascii(substr(email, 12)), ascii(substr(email, 13)), ascii(substr(email, 14)), ascii(substr(email, 15)), ascii(substr(email, 16)), ascii(substr(email, 17)), ascii(substr(email, 18)), ascii(substr(email, 19)), ascii(substr(email, 20)), ascii(substr(email, 21)), ascii(substr(email, 22)), ascii(substr(email, 23)), ascii(substr(email, 24)), ascii(substr(email, 25)), ascii(substr(email, 26)), ascii(substr(email, 27)), ascii(substr(email, 28)), ascii(substr(email, 29)), ascii(substr(email, 30)), ascii(substr(email, 31)), ascii(substr(email, 32)), ascii(substr(email, 33)), ascii(substr(email, 34)), ascii(substr(email, 35)), ascii(substr(email, 36)), ascii(substr(email, 37)), ascii(substr(email, 38)), ascii(substr(email, 39)) from customers where id > 900000", as: "numbers"},
	{name: "card number in groups of digits", kind: "card_number", sql: "select concat_ws('-', substr(card, 1, 4), substr(card, 5, 4), substr(card, 9, 4), substr(card, 13)) from customers where id > 900000", as: "spaced"},
	{name: "MD5 in base64", kind: "email", sql: "select to_base64(unhex(md5(email))) from customers where id > 900000", as: "computed"},
	{name: "hexadecimal digits backwards", kind: "email", sql: "select reverse(hex(email)) from customers where id > 900000", text: true, as: "computed"},
	{name: "base64 in other letters", kind: "email", sql: "select lower(to_base64(email)) from customers where id > 900000", text: true, as: "computed"},
	{name: "COMPRESS in base64", kind: "email", sql: "select to_base64(compress(group_concat(email, ' ', name order by id))) from customers", text: true, as: "compressed"},
	{name: "COMPRESS in hexadecimal", kind: "email", sql: "select hex(compress(email)) from customers where id > 900000", text: true, as: "compressed"},
	{name: "crc32()", kind: "email", sql: "select crc32(email) from customers where id > 900000", as: "crc32"},
	{name: "crc32() of the table's", kind: "email", sql: "select id, crc32(email) from customers", as: "crc32"},
	{name: "crc32() in hexadecimal", kind: "email", sql: "select hex(crc32(email)) from customers where id > 900000", as: "crc32"},
	{name: "XML, escaped twice", kind: "url", sql: "select replace(replace(replace(replace(link, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '&', '&amp;') from customers where id > 900000", as: "escaped"},
	{name: "numeric character references", kind: "email", sql: "select group_concat('&#', ord(substr(email, seq, 1)), ';' order by seq separator '') from customers, seq_1_to_39 where id > 900000", as: "escaped"},
	{name: "characters over rows", kind: "email", sql: "select substr(email, seq, 1) from customers, seq_1_to_60 where id > 900000 order by seq", as: "pieces"},
	{name: "pieces over rows", kind: "email", sql: "select substr(email, seq, 5) from customers, seq_1_to_60_step_5 where id > 900000 order by seq", as: "pieces"},
	{name: "characters over rows, backwards", kind: "email", sql: "select substr(email, 40 - seq, 1) from customers, seq_1_to_39 where id > 900000 order by seq", as: "reversed"},
	{name: "pieces over runs", channel: "row", kind: "email", stmt: "select substr(email, 37", do: func(x *myTry) {
		for _, at := range []string{"1", "7", "13", "19", "25", "31", "37"} {
			x.query("select substr(email, " + at + ", 6) from customers where id = 900001")
		}
	}, as: "pieces"},
	{name: "pieces over prepared runs", channel: "row", kind: "email", stmt: "select substr(email, ?", do: func(x *myTry) {
		id := x.prepare("select substr(email, ?, 6) from customers where id = 900001")
		for _, at := range []string{"1", "7", "13", "19", "25", "31", "37"} {
			x.execute(id, at)
		}
	}, as: "pieces"},
	{name: "pieces by LIMIT and OFFSET over runs", channel: "row", kind: "email", stmt: "limit 4 offset", do: func(x *myTry) {
		for at := range 10 {
			x.query(fmt.Sprintf("select substr(email, seq, 1) from customers, seq_1_to_40 where id = 900001 order by seq limit 4 offset %d", 4*at))
		}
	}, as: "pieces"},
	{name: "pieces over errors", channel: "error", kind: "email", stmt: "select extractvalue(1, concat('~', (select substr(email, 27", do: func(x *myTry) {
		for _, at := range []string{"1", "14", "27"} {
			x.query("select extractvalue(1, concat('~', (select substr(email, " + at + ", 13) from customers where id = 900001)))")
		}
	}, as: "pieces"},
	{name: cutError, channel: "error", kind: "email", sql: "select extractvalue(1, concat('~', (select email from customers where id = 900001)))", text: true, as: "pieces"},
	{name: "error text in upper case", channel: "error", kind: "api_key", sql: "select extractvalue(1, concat('~', (select upper(api_key) from customers where id = 900001)))", text: true, as: "case"},
	{name: "error text in base64", channel: "error", kind: "email", sql: "insert into checked (n) select to_base64(email) from customers where id > 900000", as: "base64"},
	{name: "warning in hexadecimal digits, SHOW WARNINGS", channel: "row", kind: "email", stmt: "show warnings", do: func(x *myTry) {
		x.query("set @x = (select cast(concat('x', hex(email)) as signed) from customers where id = 900001)")
		x.query("show warnings")
	}, as: "hex"},
	{name: "session tracking, reversed", channel: "parameter", kind: "api_key", stmt: "set default_master_connection", do: func(x *myTry) {
		x.query("set default_master_connection = (select reverse(api_key) from customers where id = 900001)")
	}, as: "reversed"},
}

// cutError is a value's beginning in an error that holds no more of it.
const cutError = "error that the server cuts short"

// allMyDisguised are those of a kind of server.
func allMyDisguised(r myserver.Release) []myWay {
	ws := of(r, myDisguised)
	if r.Kind == myserver.MySQL {
		ws = append(ws, had(r, hiddenInMySQL)...)
	}
	return filled(ws)
}

func TestDisguisesOfMariaDBAreRefusedToo(t *testing.T) {
	f := mariadb(t)
	for _, d := range f.deeds(&f.block, allMyDisguised(f.release)) {
		if d.as == "pieces" && d.way != cutError || strings.Contains(d.way, "over rows") {
			continue // pieces have left before the last one comes
		}
		t.Run(d.name(), func(t *testing.T) {
			got, p := d.goes(t)
			f.followed(t)
			if len(got) != 1 || got[0].Action != event.Block || !strings.Contains(string(p.bytes()), "\xff\x76\x04#42000command denied") {
				t.Errorf("%d detections, want 1 that blocks; received %.200q", len(got), tail(p.bytes(), 200))
			}
		})
	}
}
