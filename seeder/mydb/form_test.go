package mydb

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"honeyrow/seeder"
	"honeyrow/seeder/generate"
)

func TestChecksAreReadFromDefinitionsOfBothProducts(t *testing.T) {
	ddl := strings.Join([]string{
		"CREATE TABLE `t` (",
		"  `id` int(11) NOT NULL AUTO_INCREMENT,",
		"  `od``d` longtext DEFAULT NULL COMMENT 'a CHECK (lie) it''s' CHECK (json_valid(`od``d`)),",
		"  `plain` varchar(9) DEFAULT 'CHECK (x)',",
		"  PRIMARY KEY (`id`),",
		"  KEY `CHECK (` (`plain`),",
		"  CONSTRAINT `in order` CHECK (`a` > 0 and `b` <> ')'),",
		"  CONSTRAINT `t_chk_1` CHECK (((`a` > 0) and (`b` < 7))) /*!80016 NOT ENFORCED */,",
		"  CONSTRAINT `fk` FOREIGN KEY (`a`) REFERENCES `CHECK (no)` (`id`)",
		") ENGINE=InnoDB COMMENT='CHECK (no)'",
	}, "\n")
	want := []seeder.Check{
		{Name: "od`d", Definition: "json_valid(`od``d`)"},
		{Name: "in order", Definition: "`a` > 0 and `b` <> ')'"},
		{Name: "t_chk_1", Definition: "(`a` > 0) and (`b` < 7)"},
	}
	if got := checks(ddl); !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if c := jsonColumn(want[0].Definition); c != "od`d" {
		t.Errorf("the check makes column %q JSON", c)
	}
}

func FuzzDefinitions(f *testing.F) {
	f.Add("`a` int CHECK (`a` > '(')", "enum('a','it''s')")
	f.Add("CONSTRAINT `x` CHECK ((1))", "set('")
	f.Fuzz(func(t *testing.T, ddl, typ string) {
		for _, k := range checks(ddl) {
			if len(k.Definition) > len(ddl) || len(k.Name) > len(ddl) {
				t.Errorf("%q gives %+v", ddl, k)
			}
		}
		c := &seeder.Column{Type: typ}
		if total := len(strings.Join(members(typ), "")); total > len(typ) {
			t.Errorf("%q has members of %d bytes", typ, total)
		}
		base(c)
		width(c)
		constraint(ddl)
		quoted(ddl, "'", true)
	})
}

func TestMembersOfAnEnumAreReadWithTheirQuotesAndCommas(t *testing.T) {
	if got := members("enum('a','b,c','it''s','')"); !slices.Equal(got, []string{"a", "b,c", "it's", ""}) {
		t.Errorf("%q", got)
	}
	if got := members("int(11)"); got != nil {
		t.Errorf("%q", got)
	}
}

func TestErrorsOfTheServerBecomeWordsWithoutValues(t *testing.T) {
	for _, c := range []struct {
		number                   uint16
		state, msg               string
		code, constraint, column string
	}{
		{1062, "23000", "Duplicate entry 'secret' for key 'PRIMARY'", "23505", "PRIMARY", ""},
		{1062, "23000", "Duplicate entry 'se'cret'x' for key 'users.by_email'", "23505", "by_email", ""},
		{1048, "23000", "Column 'email' cannot be null", "23502", "", "email"},
		{1452, "23000", "Cannot add or update a child row: a foreign key constraint fails (`d`.`c`, CONSTRAINT `fk x` FOREIGN KEY (`p`) REFERENCES `p` (`id`))", "23503", "fk x", ""},
		{4025, "23000", "CONSTRAINT `in_order` failed for `d`.`employees`", "23514", "in_order", ""},
		{3819, "HY000", "Check constraint 'in_order' is violated.", "23514", "in_order", ""},
		{1366, "22007", "Incorrect string value: 'secret' for column `d`.`t`.`c` at row 1", "22018", "", ""},
		{1644, "45000", "no secret", "P0001", "", ""},
		{1142, "42000", "INSERT command denied to user 'x'@'y' for table 't'", "42501", "", ""},
		{9999, "22XYZ", "secret", "22XYZ", "", ""},
		{9999, "", "secret", "HY000", "", ""},
	} {
		in := &mysql.MySQLError{Number: c.number, Message: c.msg}
		copy(in.SQLState[:], c.state)
		var v *seeder.Violation
		if err := violation(in); !errors.As(err, &v) {
			t.Fatalf("%s: %v", c.msg, err)
		}
		if v.Code != c.code || v.Constraint != c.constraint || v.Column != c.column || v.Why == "" || strings.Contains(v.Why, "secret") || strings.Contains(v.Why, "%") {
			t.Errorf("%s: %+v", c.msg, v)
		}
	}
}

func TestBytesBitsAndRoundedNumbersHaveASecondForm(t *testing.T) {
	str := func(s string) *string { return &s }
	for _, c := range []struct {
		typ          string
		class        generate.Class
		shown, exact string
		text, second string
	}{
		{"binary(16)", generate.UUID, "B0C1D2E30000400080001234567890AB", "", "b0c1d2e3-0000-4000-8000-1234567890ab", "\xb0\xc1\xd2\xe3\x00\x00\x40\x00\x80\x00\x12\x34\x56\x78\x90\xab"},
		{"varbinary(8)", generate.Bytes, "00FF", "", `\x00ff`, "\x00\xff"},
		{"bit(10)", generate.Integer, "771", "", "771", "\x03\x03"},
		{"float", generate.Decimal, "16777200", "16777216", "16777200", "16777216"},
		{"float", generate.Decimal, "1.1", "1.100000023841858", "1.1", ""},
		{"double", generate.Decimal, "1e20", "1e20", "1e20", "100000000000000000000"},
		{"int(10) unsigned zerofill", generate.Integer, "0000000042", "", "0000000042", ""},
		{"varchar(9)", generate.Text, "x", "", "x", ""},
	} {
		col := &seeder.Column{Type: c.typ, Class: c.class, Scale: -1}
		if got := read(col, str(c.shown)); *got != c.text {
			t.Errorf("%s: text %q, want %q", c.typ, *got, c.text)
		}
		if got := second(col, str(c.shown), str(c.exact)); string(got) != c.second {
			t.Errorf("%s: second form %q, want %q", c.typ, got, c.second)
		}
		if formOf(col) == asBytes && !strings.EqualFold(arg(col, c.text), c.shown) {
			t.Errorf("%s: %q is bound as %q", c.typ, c.text, arg(col, c.text))
		}
	}
}

func TestConnectionStringsOfBothFormsAreRead(t *testing.T) {
	for _, c := range []struct{ dsn, user, pass, net, addr, db, tls string }{
		{"mysql://u:p%40ss@db.corp:3307/shop", "u", "p@ss", "tcp", "db.corp:3307", "shop", "preferred"},
		{"mariadb://u:p@db.corp/shop?ssl-mode=disabled", "u", "p", "tcp", "db.corp:3306", "shop", "false"},
		{"mysql://u:p@db.corp/shop?ssl-mode=REQUIRED", "u", "p", "tcp", "db.corp:3306", "shop", "skip-verify"},
		{"mysql://u@localhost/shop?socket=/run/s&timeout=3s", "u", "", "unix", "/run/s", "shop", ""},
		{"mysql://u@127.0.0.1/shop", "u", "", "tcp", "127.0.0.1:3306", "shop", ""},
		{"mysql://u@[::1]:33/shop", "u", "", "tcp", "[::1]:33", "shop", ""},
		{"u:p@ss@tcp(db.corp:3306)/shop?tls=skip-verify\n", "u", "p@ss", "tcp", "db.corp:3306", "shop", "skip-verify"},
	} {
		cfg, err := ParseDSN(c.dsn)
		if err != nil {
			t.Errorf("%s: %v", c.dsn, err)
			continue
		}
		if cfg.User != c.user || cfg.Passwd != c.pass || cfg.Net != c.net || cfg.Addr != c.addr || cfg.DBName != c.db || cfg.TLSConfig != c.tls {
			t.Errorf("%s: %+v", c.dsn, cfg)
		}
		if cfg.Timeout == 0 || cfg.MultiStatements || cfg.InterpolateParams {
			t.Errorf("%s: timeout %s, multi %t, interpolate %t", c.dsn, cfg.Timeout, cfg.MultiStatements, cfg.InterpolateParams)
		}
	}
	if cfg, err := ParseDSN("mysql://u:p@db.corp/shop?ssl-mode=VERIFY_IDENTITY"); err != nil || cfg.TLS == nil || cfg.TLS.ServerName != "db.corp" || cfg.TLS.InsecureSkipVerify {
		t.Errorf("%v", err)
	}
	for _, dsn := range []string{"", "nonsense hunter2", "mysql://u:hunter2@db.corp", "mysql://u:hunter2@db/shop?ssl-mode=hunter2", "mysql://u:hunter2@db/shop?ssl-ca=/none", "mysql://u:hunt%er2@db/shop", "u:hunter2@tcp(db/shop"} {
		if _, err := ParseDSN(dsn); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want an error without the password", dsn, err)
		}
	}
}
