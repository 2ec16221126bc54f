package mydb_test

import (
	"fmt"
	"strings"
	"testing"

	"honeyrow/internal/myserver"
	"honeyrow/seeder"
	"honeyrow/token"
)

// people fills the columns email and id beside a case's own.
const people = "id int NOT NULL AUTO_INCREMENT PRIMARY KEY, email varchar(60) NOT NULL UNIQUE, "

// cases are tables, one each, with a column or a property that seeding has to
// get right, or to refuse with the reason. Each holds 60 rows of people beside
// what the case says.
var cases = []struct {
	name    string
	columns string // behind people
	options string // behind the table
	fill    string // columns of the case, and their expressions from seq
	values  string
	before  string        // statements before the table, which is @; or that make it
	after   string        // statements after it
	refused string        // why, or "": rows are planted
	named   bool          // the table is named by the user
	warned  string        // in the plan's text
	copy    string        // columns that the user says are to be copied
	only    myserver.Kind // the one kind of server that has it; empty: both
	late    bool          // MySQL of before 8 does not have it
	from    int           // the first version of only that has it; 0: all
	proof   string        // a query about the honey rows (WHERE email LIKE ...) that must count all of them
}{
	{name: "geometry that must be given is refused", columns: "at point NOT NULL", fill: "at", values: "point(seq, seq)", refused: "at"},
	{name: "geometry that may be left out", columns: "at point", fill: "at", values: "point(seq, seq)", proof: "at IS NULL"},
	{name: "uuid", only: myserver.MariaDB, from: 100700, columns: "token uuid NOT NULL UNIQUE", fill: "token", values: "uuid()", proof: "token IS NOT NULL"},
	{name: "inet6 and inet4", only: myserver.MariaDB, from: 101000, columns: "a inet6 NOT NULL, b inet4", fill: "a, b", values: "concat('2001:db8::', hex(seq)), concat('10.0.0.', seq)", proof: "a IS NOT NULL"},
	{name: "unsigned bigint near its end", columns: "n bigint unsigned NOT NULL UNIQUE", fill: "n", values: "18446744073709551000 + seq", refused: "no value that is unique in the table was found for n"},
	{name: "the widest decimal", columns: "balance decimal(65,30) NOT NULL", fill: "balance", values: "seq / 7", proof: "balance > 0"},
	{name: "bits", columns: "flags bit(64) NOT NULL, one bit(1) NOT NULL", fill: "flags, one", values: "seq * 7919, seq % 2"},
	{name: "year", columns: "y year NOT NULL", fill: "y", values: "1990 + seq % 30", proof: "y BETWEEN 1985 AND 2030"},
	{name: "fractions of seconds", columns: "a datetime(6) NOT NULL, b timestamp(3) NOT NULL DEFAULT current_timestamp(3), c time(6) NOT NULL", fill: "a, b, c", values: "'2024-01-01 00:00:00.123456' + INTERVAL seq HOUR, '2024-01-01 00:00:00.123' + INTERVAL seq HOUR, sec_to_time(seq * 61.5)"},
	{name: "negative time", columns: "c time NOT NULL", fill: "c", values: "sec_to_time(-seq * 600)"},
	{name: "latin1", columns: "full_name varchar(40) CHARACTER SET latin1 NOT NULL", fill: "full_name", values: "concat(elt(1 + seq % 3, 'Jürgen','Zoë','André'), ' ', elt(1 + seq % 4, 'Größe','Müller','Núñez','Smith'))", proof: "full_name NOT LIKE '%?%'"},
	{name: "utf8mb3", columns: "full_name varchar(40) CHARACTER SET utf8mb3 NOT NULL", fill: "full_name", values: "concat(elt(1 + seq % 3, 'Łukasz','Зоя','André'), ' ', elt(1 + seq % 4, 'Größe','Müller','Núñez','Smith'))", proof: "full_name NOT LIKE '%?%'"},
	{name: "utf16 and a binary collation", columns: "full_name varchar(40) CHARACTER SET utf16 NOT NULL, login varchar(30) COLLATE utf8mb4_bin NOT NULL UNIQUE", fill: "full_name, login", values: "concat('Zoë ', elt(1 + seq % 4, 'Größe','Müller','Núñez','Smith')), concat('Zoe', seq)"},
	{name: "unique under padding", columns: "nick char(12) NOT NULL UNIQUE", fill: "nick", values: "concat('Nick', seq)"},
	{name: "unique without padding", only: myserver.MariaDB, columns: "nick varchar(12) COLLATE utf8mb4_nopad_bin NOT NULL UNIQUE", fill: "nick", values: "concat('nick', seq)"},
	{name: "unique over a computed column", columns: "mail_lower varchar(60) GENERATED ALWAYS AS (lower(email)) STORED UNIQUE, h char(32) GENERATED ALWAYS AS (md5(email)) VIRTUAL", proof: "mail_lower = lower(email) AND h = md5(email)"},
	{name: "changed with each update", columns: "full_name varchar(30), touched timestamp NOT NULL DEFAULT current_timestamp() ON UPDATE current_timestamp()", fill: "full_name, touched", values: "concat('Ada ', elt(1 + seq % 4, 'Stone','Hill','Marsh','Brook')), '2024-01-01' + INTERVAL seq HOUR", proof: "touched IS NOT NULL"},
	{name: "defaults that are expressions", late: true, columns: "ref char(36) NOT NULL DEFAULT (uuid()), note varchar(40) DEFAULT (concat('a', 1 + 1, '''')), day date DEFAULT (curdate() + INTERVAL 1 DAY)", proof: "length(ref) = 36"},
	{name: "invisible columns", late: true, columns: "secret_key varchar(40) INVISIBLE NOT NULL DEFAULT 'none', n int INVISIBLE", fill: "secret_key", values: "concat('sk_live_', left(sha2(seq, 256), 24))", proof: "secret_key IS NOT NULL"},
	{name: "enum and set", columns: "e enum('a','b''c','d,e','','ü') NOT NULL, s set('x','y''z;w') NOT NULL", fill: "e, s", values: "elt(1 + seq % 4, 'a','b''c','d,e','ü'), IF(seq % 2, 'x', 'x')", proof: "e <> 0 OR e = ''"},
	{name: "zerofill", columns: "badge int(10) unsigned zerofill NOT NULL UNIQUE, f float(7,2) zerofill, d decimal(10,2) zerofill", fill: "badge, f, d", values: "seq * 7, seq / 3, seq / 7"},
	{name: "JSON", columns: "prefs json NOT NULL, extra longtext CHECK (json_valid(extra) AND json_contains_path(extra, 'one', '$.a'))", fill: "prefs, extra", values: "json_object('lang', if(seq % 2, 'de', 'en')), json_object('a', seq % 3)", proof: "json_valid(prefs)"},
	{name: "a check over columns", columns: "lo int NOT NULL, hi int NOT NULL, CONSTRAINT rising CHECK (lo < hi), CHECK (hi < 100000)", fill: "lo, hi", values: "seq * 3, seq * 3 + 1 + seq % 5", proof: "lo < hi"},
	{name: "partitioned by range of a date", columns: "", options: "", before: "CREATE TABLE @ (id int NOT NULL AUTO_INCREMENT, email varchar(60) NOT NULL, hired date NOT NULL, PRIMARY KEY (id, hired), KEY (email)) PARTITION BY RANGE (year(hired)) (PARTITION a VALUES LESS THAN (2020), PARTITION b VALUES LESS THAN (2025))", fill: "hired", values: "'2018-01-01' + INTERVAL seq * 30 DAY", proof: "hired < '2025-01-01'"},
	{name: "partitioned by key and hash", before: "CREATE TABLE @ (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, email varchar(60) NOT NULL) PARTITION BY KEY (id) PARTITIONS 3"},
	{name: "a counter behind the first column of the key", before: "CREATE TABLE @ (tenant smallint NOT NULL, id int NOT NULL AUTO_INCREMENT, email varchar(60) NOT NULL, PRIMARY KEY (tenant, id), KEY (id))", fill: "tenant", values: "seq % 3"},
	{name: "a counter of MyISAM that counts for each group", before: "CREATE TABLE @ (tenant smallint NOT NULL, id int NOT NULL AUTO_INCREMENT, email varchar(60) NOT NULL, PRIMARY KEY (tenant, id)) ENGINE=MyISAM", fill: "tenant", values: "seq % 3", named: true},
	{name: "a tiny key that is almost used up", before: "CREATE TABLE @ (id tinyint NOT NULL AUTO_INCREMENT PRIMARY KEY, email varchar(60) NOT NULL)", after: "INSERT INTO @ (id, email) SELECT 60 + seq, concat('x', seq, '@corp.example') FROM seq_1_to_40", refused: "has almost used up its numbers"},
	{name: "a key beyond what is counted on", before: "CREATE TABLE @ (id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY, email varchar(60) NOT NULL)", after: "INSERT INTO @ (id, email) VALUES (18446744073709551000, 'x@corp.example')", refused: "its highest value is beyond what is counted on"},
	{name: "a key of zero", after: "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'; INSERT INTO @ (id, email) VALUES (0, 'zero@corp.example')"},
	{name: "zero dates", columns: "born date NOT NULL, seen datetime NOT NULL DEFAULT '0000-00-00 00:00:00'", before: "SET SESSION sql_mode = ''", fill: "born", values: "IF(seq % 2, '0000-00-00', '1980-00-00')", refused: "date is in a form that is not understood"},
	{name: "zero dates for none", columns: "born date, seen datetime NOT NULL DEFAULT '0000-00-00 00:00:00'", before: "SET SESSION sql_mode = ''", fill: "born", values: "IF(seq % 3, '1980-01-01' + INTERVAL seq DAY, '0000-00-00')", proof: "seen = 0"},
	{name: "no overlaps", only: myserver.MariaDB, columns: "s date NOT NULL, e date NOT NULL, PERIOD FOR p (s, e), room int NOT NULL, UNIQUE (room, p WITHOUT OVERLAPS)", fill: "s, e, room", values: "'2024-01-01' + INTERVAL seq DAY, '2024-01-02' + INTERVAL seq DAY, seq"},
	{name: "system versioning", only: myserver.MariaDB, options: "WITH SYSTEM VERSIONING", refused: "system-versioned"},
	{name: "compressed columns", only: myserver.MariaDB, columns: "bio varchar(2000) COMPRESSED NOT NULL, blobby blob COMPRESSED", fill: "bio", values: "elt(1 + seq % 3, 'short','a bit longer','')"},
	{name: "wide rows", columns: "a varchar(3000) NOT NULL, b varchar(3000) NOT NULL, c varchar(3000) NOT NULL", options: "ROW_FORMAT=COMPACT CHARACTER SET latin1", fill: "a, b, c", values: "repeat('x', 2600), repeat('y', 2500), repeat('z', 100)", copy: "a b c", proof: "length(a) = 2600"},
	{name: "bytes that must be given", columns: "raw varbinary(16) NOT NULL UNIQUE, pic mediumblob", fill: "raw, pic", values: "unhex(md5(seq)), repeat('x', 5000)", refused: "column raw (varbinary(16)) is NOT NULL"},
	{name: "bytes that are a hash", columns: "pw_digest varbinary(16) NOT NULL UNIQUE, pic mediumblob", fill: "pw_digest, pic", values: "unhex(md5(seq)), repeat('x', 5000)", proof: "length(pw_digest) = 16 AND pic IS NULL"},
	{name: "a trigger that refuses", after: "CREATE TRIGGER t@ BEFORE INSERT ON @ FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'", refused: "trigger raised an error", named: true},
	{name: "a trigger that writes elsewhere", before: "CREATE TABLE log@ (what varchar(200))", after: "CREATE TRIGGER t@ AFTER INSERT ON @ FOR EACH ROW INSERT INTO log@ VALUES (NEW.email)", warned: "its triggers add rows to log"},
	{name: "Aria", only: myserver.MariaDB, options: "ENGINE=Aria", refused: "Aria has no transactions"},
	{name: "an engine that takes nothing back", only: myserver.MariaDB, options: "ENGINE=ARCHIVE", before: "INSTALL PLUGIN IF NOT EXISTS archive SONAME 'ha_archive'; CREATE TABLE @ (id int NOT NULL, email varchar(60) NOT NULL) ENGINE=ARCHIVE", refused: "ARCHIVE"},
	{name: "fulltext and spatial indexes", late: true, columns: "bio text NOT NULL, at point NOT NULL DEFAULT (point(0, 0)), FULLTEXT (bio), SPATIAL (at)", fill: "bio, at", values: "elt(1 + seq % 3, 'short','a bit longer','other'), point(seq, 1)"},
	{name: "a functional index and one of many values", only: myserver.MySQL, from: 80000, columns: "full_name varchar(40) NOT NULL, tags json, UNIQUE ((lower(email))), KEY ((cast(tags->'$[*]' as char(20) array)))", fill: "full_name, tags", values: "concat(elt(1 + seq % 3, 'Anna','Bert','Carla'), ' ', elt(1 + seq % 4, 'Stone','Hill','Marsh','Brook')), json_array('a', 'b')"},
	{name: "a generated invisible primary key", only: myserver.MySQL, from: 80000, before: "SET SESSION sql_generate_invisible_primary_key = ON; CREATE TABLE @ (email varchar(60) NOT NULL, KEY (email))", proof: "my_row_id > 0"},
	{name: "a required primary key, collations of Unicode 9", only: myserver.MySQL, from: 80000, before: "SET SESSION sql_require_primary_key = ON", columns: "nick varchar(12) COLLATE utf8mb4_0900_ai_ci NOT NULL UNIQUE, code varchar(12) COLLATE utf8mb4_0900_bin NOT NULL UNIQUE, city varchar(20) COLLATE utf8mb4_de_pb_0900_as_cs", fill: "nick, code, city", values: "concat('nick', seq), concat('C', seq), elt(1 + seq % 2, 'Köln', 'Görlitz')"},
	{name: "a check that is not enforced, and one by schema", only: myserver.MySQL, from: 80000, columns: "n int NOT NULL, prefs json NOT NULL, CHECK (n < 0) NOT ENFORCED, CHECK (json_schema_valid('{\"type\": \"object\", \"required\": [\"lang\"]}', prefs))", fill: "n, prefs", values: "seq, json_object('lang', if(seq % 2, 'de', 'en'))", proof: "json_extract(prefs, '$.lang') IS NOT NULL"},
	{name: "a vector that may be left out", only: myserver.MySQL, from: 90000, columns: "v vector(3)", proof: "v IS NULL"},
	{name: "a vector that must be given is one of the table's", only: myserver.MySQL, from: 90000, columns: "v vector(3) NOT NULL", fill: "v", values: "to_vector('[1,2,3]')", proof: "length(v) = 12"},
	{name: "an unusual name", before: "CREATE TABLE `o'dd ``name; -- x` (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, email varchar(60) NOT NULL, `a'b``c -- */` varchar(20)); CREATE VIEW @ AS SELECT * FROM `o'dd ``name; -- x`"},
}

func TestEveryKindOfColumnIsPlantedOrRefusedWithTheReason(t *testing.T) {
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.only != "" && (c.only != server.Kind || server.Version < c.from) {
				t.Logf("left out with %s: %s of %d and later has it", server.Release, c.only, c.from)
				return
			}
			if c.late && server.OldMySQL() {
				t.Logf("left out with %s: MySQL has it since 8", server.Release)
				return
			}
			table := fmt.Sprintf("t%d", i)
			at := strings.NewReplacer("log@", "log"+table, "t@", "trigger"+table, " @ ", " "+table+" ").Replace
			var b strings.Builder
			if c.before != "" {
				b.WriteString(at(c.before) + ";\n")
			}
			if !strings.Contains(c.before, "CREATE TABLE @ ") && !strings.Contains(c.before, "VIEW @") {
				fmt.Fprintf(&b, "CREATE TABLE %s (%s) %s;\n", table, strings.TrimSuffix(people+c.columns, ", "), c.options)
			}
			key, from := "", ""
			if strings.Contains(c.before, "ARCHIVE") {
				key, from = "id, ", "seq, "
			}
			cols, vals := "", ""
			if c.fill != "" {
				cols, vals = ", "+c.fill, ", "+c.values
			}
			fmt.Fprintf(&b, "INSERT INTO %s (%semail%s) SELECT %sconcat('p', seq, '@corp.example')%s FROM seq_1_to_60;\n", table, key, cols, from, vals)
			if c.after != "" {
				b.WriteString(at(c.after) + ";\n")
			}
			db := database(t, b.String())
			st := store(t)
			s := open(t, "root", db, st)
			before := content(t, db)
			o := options()
			o.Rows = 3
			if c.named {
				o.Tables = []string{table}
			}
			o.Columns = map[string]string{}
			for _, name := range strings.Fields(c.copy) {
				o.Columns[table+"."+name] = "copy"
			}
			p, err := s.Plan(t.Context(), o)
			if c.refused != "" {
				why := ""
				if p != nil {
					for _, r := range append(p.Refused, p.Skipped...) {
						why += r.Table + ": " + r.Why + "\n"
					}
				}
				if err == nil || !strings.Contains(why, c.refused) {
					t.Fatalf("got %v, reasons %q, want one with %q", err, why, c.refused)
				}
				if content(t, db) != before {
					t.Fatal("a refused table was changed")
				}
				return
			}
			if err != nil {
				if p != nil {
					t.Log(p.Table())
				}
				t.Fatal(err)
			}
			if !strings.Contains(p.Table(), c.warned) {
				t.Errorf("the plan does not say %q:\n%s", c.warned, p.Table())
			}
			if content(t, db) != before {
				t.Fatal("planning changed rows")
			}
			_, err = s.Apply(t.Context(), p, seeder.ApplyOptions{})
			must(t, err)
			real := p.Tables[0].Table
			if c.proof != "" {
				if n := query(t, db, fmt.Sprintf("SELECT count(*) FROM `%s` WHERE email LIKE '%%@mail.shop-partners.test' AND (%s)", real, c.proof)); n != fmt.Sprint(p.Rows()) {
					t.Errorf("of %d honey rows %s have: %s\n%s", p.Rows(), n, c.proof, query(t, db, fmt.Sprintf("SELECT * FROM `%s` WHERE email LIKE '%%@mail.shop-partners.test'", real)))
				}
			}
			ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
			must(t, err)
			if !ver.OK || len(ver.Rows) != p.Rows() {
				t.Errorf("verify: %+v", ver)
			}
			ts, err := st.List(t.Context(), token.Filter{States: []token.State{token.Live}})
			must(t, err)
			if len(ts) < p.Rows() {
				t.Errorf("%d live tokens for %d rows", len(ts), p.Rows())
			}
			rem, err := s.Remove(t.Context(), seeder.RemoveOptions{Server: "crm"})
			must(t, err)
			for _, r := range rem.Rows {
				if r.State != "removed" {
					t.Errorf("row is %s: %s", r.State, r.Why)
				}
			}
			if strings.Contains(c.before, "log@") {
				must(t, server.Exec(t.Context(), db, "DELETE FROM log"+table))
			}
			if content(t, db) != before {
				t.Error("after removal the table differs from before")
			}
		})
	}
}

func TestThePlansSQLRunsAsItStandsInTheCommandLineClient(t *testing.T) {
	for name, db := range map[string]string{
		"torture": torture(t),
		"keys of new parents": database(t, customers+`CREATE TABLE cards (customer bigint NOT NULL, card_token varchar(40) NOT NULL UNIQUE, brand varchar(10) NOT NULL, PRIMARY KEY (customer), FOREIGN KEY (customer) REFERENCES customers (id));
INSERT INTO cards SELECT id, concat('pm_', left(sha2(id, 256), 24)), 'visa' FROM customers;
`),
		"backslashes": database(t, "CREATE TABLE shares (id int NOT NULL AUTO_INCREMENT PRIMARY KEY, email varchar(60) NOT NULL, home varchar(60) NOT NULL, `a\n'b` varchar(9));\nINSERT INTO shares (email, home, `a\n'b`) SELECT concat('p', seq, '@corp.example'), '\\\\\\\\nas\\\\o''neil', 'x' FROM seq_1_to_50;\n"),
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, "root", db, store(t))
			o := wide()
			o.Rows = 2
			p := plan(t, s, o)
			if name == "keys of new parents" && !strings.Contains(p.SQL(), "@honeyrow_1_2") {
				t.Errorf("no row points at another one's new key:\n%s", p.SQL())
			}
			for _, mode := range []string{"", "ANSI,NO_BACKSLASH_ESCAPES,NO_AUTO_VALUE_ON_ZERO"} {
				before := map[string]string{}
				count := func(tp *seeder.TablePlan) string {
					return query(t, db, "SELECT count(*) FROM `"+strings.ReplaceAll(tp.Table, "`", "``")+"`")
				}
				for _, tp := range p.Tables {
					before[tp.Table] = count(tp)
				}
				sql := strings.Replace(p.SQL(), "\nCOMMIT;", "\nSELECT 'all of it';\nROLLBACK;", 1)
				out, err := server.Client(t.Context(), sql, "--socket="+server.Socket, "--user=root", "--batch", "--skip-column-names", "--database="+db, "--init-command=SET SESSION sql_mode = '"+mode+"'")
				if err != nil || strings.TrimSpace(out) != "all of it" {
					t.Fatalf("under sql_mode %q: %q, %v\n%s", mode, out, err, p.SQL())
				}
				for _, tp := range p.Tables {
					if got := count(tp); got != before[tp.Table] {
						t.Fatalf("%s has %s rows, had %s", tp.Table, got, before[tp.Table])
					}
				}
			}
			_, err := server.Client(t.Context(), p.SQL(), "--socket="+server.Socket, "--user=root", "--batch", "--database="+db)
			must(t, err)
			for _, tp := range p.Tables {
				for _, r := range tp.Rows {
					for _, c := range r.Cells {
						if c.Kind == "email" && c.Value != nil {
							if n := query(t, db, "SELECT count(*) FROM `"+strings.ReplaceAll(tp.Table, "`", "``")+"` WHERE `"+c.Column+"` = '"+*c.Value+"'"); n != "1" {
								t.Errorf("%s: %s rows with a planned address, want 1", tp.Table, n)
							}
						}
					}
				}
			}
		})
	}
}
