package waysout

import (
	"strings"
	"testing"

	"honeyrow/internal/myserver"
)

type unseenWay struct{ way, why, pg, my string }

// unseen are statements that return something of the honey row of which nothing
// is recognised.
var unseen = []unseenWay{
	{"arithmetic on numbers", "another number", "select card + 1, salary * 2 from customers where id > 900000", "select card + 1, salary * 2 from customers where id > 900000"},
	{"a number as something else: money, a moment, bits, a decimal with zeros", "its digits are gone, or others stand beside them", "select card::money, to_timestamp(card::float8 / 1000000), card::bigint::bit(64) from customers where id > 900000", "select format(card, 2), from_unixtime(card / 1000000000), oct(card) from customers where id > 900000"},
	{"a telephone number in another form", "its signs are a part of it, as it was planted", "select replace(phone, ' ', ''), replace(phone, ' ', '-') from customers where id > 900000", "select replace(phone, ' ', ''), replace(phone, ' ', '-') from customers where id > 900000"},
	{"a uuid's bytes in base64", "looked for as bytes and as digits", "select encode(uuid_send(ref), 'base64') from customers where id > 900000", "select to_base64(unhex(replace(ref, '-', ''))) from customers where id > 900000"},
	{"pieces in objects or elements", "their names stand between them", "select json_agg(json_build_object('c', substr(email, g, 1))), xmlagg(xmlelement(name c, substr(email, g, 1))) from customers, generate_series(1, 39) g where id > 900000", "select json_arrayagg(json_object('c', substr(email, seq, 1))) from customers, seq_1_to_39 where id > 900000"},
	{"pieces over rows of more than 64 KiB", "such rows are searched as a stream", "select substr(email, g, 1), repeat('x', 70000) from customers, generate_series(1, 39) g where id > 900000 order by g", ""},
	{"digests of pieces", "a piece has no digest that is known", "select md5(left(email, 20)), md5(substr(email, 21)) from customers where id > 900000", "select md5(left(email, 20)), md5(substr(email, 21)) from customers where id > 900000"},
	{"pieces each turned around, or numbered", "they do not follow each other", "select string_agg(reverse(m[1]), '') from customers, regexp_matches(email, '.{1,3}', 'g') m where id > 900000", "select group_concat(seq, substr(email, seq, 3) order by seq separator '') from customers, seq_1_to_60_step_5 where id > 900000"},
	{"pieces with something left out between them", "the gap is not known", "select split_part(email, '@', 1), split_part(email, '@', 2) from customers where id > 900000", "select substring_index(email, '@', 1), substring_index(email, '@', -1) from customers where id > 900000"},
	{"something put into a value", "where is not known", "select overlay(email placing 'XX' from 5 for 0), regexp_replace(email, '(.)', '\\1ab', 'g') from customers where id > 900000", "select insert(email, 5, 0, 'XX') from customers where id > 900000"},
	{"arithmetic on the numbers of characters", "a code of one's own", "select string_agg(chr(ascii(c) + 1), '') from customers, regexp_split_to_table(email, '') c where id > 900000", "select group_concat(char(ord(substr(email, seq, 1)) + 1) order by seq separator '') from customers, seq_1_to_39 where id > 900000"},
	{"single bits over rows", "eight rows a character", "select get_bit(email::bytea, g) from customers, generate_series(0, 311) g where id > 900000", ""},
	{"other letters in a further code", "formulas end at other letters, digests and ciphers", "select reverse(translate(email, 'aeiou', '43105')) from customers where id > 900000", "select reverse(replace(email, 'e', '3')) from customers where id > 900000"},
	{"numbers of characters among other numbers", "they do not follow each other", "", "select st_astext(st_geomfromtext(concat('LINESTRING(', group_concat(ord(substr(email, seq, 1)), ' 0' order by seq), ')'))) from customers, seq_1_to_39 where id > 900000"},
	{"one piece", "half a value may be another's", "select left(email, 11) from customers where id > 900000", "select left(email, 11) from customers where id > 900000"},
	{"pieces out of order", "pieces count in their order, or backwards", "select substr(email, (g * 17) % 39 + 1, 1) from customers, generate_series(1, 39) g where id > 900000 order by g", "select substr(email, (seq * 17) % 39 + 1, 1) from customers, seq_1_to_39 where id > 900000 order by seq"},
	{"salt, key or replacement out of another column, or bound", "it is not in the text: of ciphers the statement is judged (above)", "select md5(name || email), encrypt(email::bytea, convert_to(name, 'UTF8'), 'aes') from customers where id > 900000", "select md5(concat(name, email)), hex(aes_encrypt(email, name)) from customers where id > 900000"},
	{"ciphers with a key of one message", "another ciphertext each time: the statement is judged (above)", "select pgp_sym_encrypt(email, 'k'), crypt(email, gen_salt('bf', 4)) from customers where id > 900000", ""},
	{"ciphers of the server's own", "not among those that are computed: the statement is judged (above)", "", "select encode(email, 'k') from customers where id > 900000"},
	{"hash functions of the server", "too short to prove anything", "select hashtext(email) from customers where id > 900000", ""},
	{"mask of a value", "it is any other's", "select translate(email, 'abcdefghijklmnopqrstuvwxyz', 'xxxxxxxxxxxxxxxxxxxxxxxxxx') from customers where id > 900000", "select regexp_replace(email, '[a-z]', 'x') from customers where id > 900000"},
	{"compressed, in a row of more than 64 KiB", "such a row is searched as a stream", "", "select compress(group_concat(email, sha2(concat(id, seq), 512) order by id)) from customers, seq_1_to_39"},
	{"sound of a name", "others sound alike", "", "select soundex(name) from customers where id > 900000"},
	{"weights of a collation of Unicode's rules", "they are no letters: the statement is judged (above)", "", "select weight_string(email collate utf8mb4_unicode_ci) from customers where id > 900000"},
	{"file names' character set, as bytes", "a code of the server's own", "", "select cast(convert(email using filename) as binary) from customers where id > 900000"},
	{"words of a text", "a word is no value", "select to_tsvector('simple', name || ' ' || phone) from customers where id > 900000", ""},
	{"a weak value alone", "others may share it: it counts in its own column, or in company", "select upper(name) || '', salary::text || '' from customers where id > 900000 and false union all select name, null from customers where id > 900000", "select concat(name) from customers where id > 900000"},
	{"the key alone, elsewhere", "an integer proves nothing", "select id + 0 from customers where id > 900000", "select id + 0 from customers where id > 900000"},
	{"a firm value glued to letters", "cannot be told from a longer one", "select 'x' || card from customers where id > 900000", "select concat('x', card) from customers where id > 900000"},
	{"name and salary disguised", "weak values are looked for in clear", "select upper(name), encode(salary::text::bytea, 'hex') from customers where id > 900000", "select upper(name), hex(cast(salary as char)) from customers where id > 900000"},
	{"counts and existence", "the answer is a number; the predicate alone is ordinary", "select count(*) from customers where id > 900000 and email like 'A%'", "select count(*) from customers where id > 900000 and email like 'A%'"},
	{"row counts of a plan", "the answer is an estimate", "explain analyze select * from customers where id > 900000", "explain select * from customers where id > 900000"},
}

// inMariaDBAlone are those of the unseen ways that MySQL does not have.
var inMariaDBAlone = map[string]bool{"ciphers of the server's own": true, "file names' character set, as bytes": true}

// olderUnseen are the unseen ways in the words of MySQL before a version, "" if it has none.
var olderUnseen = []struct {
	before   int
	way, sql string
}{
	{80000, "mask of a value", "select repeat('x', char_length(email)) from customers where id > 900000"}, // no REGEXP_REPLACE
	{50722, "pieces in objects or elements", ""},                                                          // no JSON_ARRAYAGG
}

// unseenIn returns an unseen way's statement as a release has it, "" if it has none.
func unseenIn(r myserver.Release, way, sql string) string {
	if r.Kind != myserver.MySQL {
		return sql
	}
	if inMariaDBAlone[way] {
		return ""
	}
	for _, o := range olderUnseen {
		if o.way == way && r.Version < o.before {
			return o.sql
		}
	}
	return sql
}

// never are ways of which nothing can be seen on this connection.
var never = [][2]string{
	{"server files, programs, dblink, foreign tables, FEDERATED, CONNECT, SPIDER, archived WAL, binary log files", "what is written there leaves by another way: only the statement can be judged (above)"},
	{"PostgreSQL: pg_basebackup, physical replication with compression, or a value split by WAL records and pages", "reported as replication whatever is in it"},
	{"PostgreSQL: weak values and keys in a row larger than 64 KiB, or inside one field of a COPY", "only searched as text"},
	{"PostgreSQL: COPY with a quote, escape or delimiter out of the values' own letters, whose statement is longer than limits.statement or has more than 256 such formats before it", "how values are written is read from the statement"},
	{"PostgreSQL: a short firm value in COPY text whose statement the proxy did not read", "counts only as a whole field"},
	{"MariaDB: errors while character_set_results is utf16 or utf32", "the server cuts its messages at the first zero byte: nothing of them is on the wire"},
	{"MariaDB: character sets without @, brackets or braces (swe7)", "the server puts other characters in their place; values without them are seen"},
	{"MariaDB: weak values and keys as text in a result during which a stored function sets character_set_results to UTF-16 or UTF-32", "the definitions, which have left, tell another one: strong values are seen as UTF-16"},
	{"MySQL: a cursor over EXPLAIN", "the server itself (9.7.4) crashes when its rows are fetched"},
	{"MariaDB: a cursor over ANALYZE", "the server's own answer is broken (it sends the definitions twice): the session ends with error 1835"},
	{"CRC-32C, armor() around a digest, lists of U+00.. numbers, texts that are cast to a uuid or an address", "codes that nothing looks for: only the statement is judged"},
	{"the X protocol (port 33060)", "another protocol: close the port"},
	{"functions named by a view, a function or a statement of another session: SHA-224, SHA-384, SHA-512, CRC32, salted digests, ciphers, other letters, numbers of characters, COMPRESS beyond 4 KiB; and in a row of more than 64 KiB", "looked for where the statement, or an earlier one of the session, names the function"},
	{"strong values of less than 12 bytes in a disguise (digests from 8 on apart), values that are not ASCII in hexadecimal digits, base64 or backwards, three codes in one another, digests in binary COPY, pieces over rows of more than 32 bytes, or beyond the third column (the eighth, where a function is named that cuts), codes in statements and bound parameters", "beyond what is looked for; other letters, backwards and escapes are seen in statements too"},
}

func TestWhatIsSaidToBeUnseenIsUnseen(t *testing.T) {
	f := mariadb(t)
	for _, u := range unseen {
		if u.pg != "" {
			c := dial(t, port(&y.alert))
			c.need(u.pg)
			c.close()
			for _, d := range y.alert.take(t) {
				t.Errorf("PostgreSQL, %s: seen after all: %+v", u.way, d.Hits)
			}
		}
		if sql := unseenIn(f.release, u.way, u.my); sql != "" {
			c := dialMy(t, port(&f.alert), newCaps)
			c.need(sql)
			c.close()
			for _, d := range f.alert.take(t) {
				t.Errorf("MariaDB, %s: seen after all: %+v", u.way, d.Hits)
			}
		}
		if strings.TrimSpace(u.why) == "" {
			t.Errorf("%s: no reason", u.way)
		}
	}
}
