package mydb_test

import (
	"slices"
	"strings"
	"testing"

	"honeyrow/seeder"
)

// selling has sales whose triggers act elsewhere: in a text, through a procedure, and
// through another table's trigger.
const selling = "CREATE TABLE counters (name varchar(20) PRIMARY KEY, n int NOT NULL);\n" +
	"CREATE TABLE journal (id bigint AUTO_INCREMENT PRIMARY KEY, what text);\n" +
	"CREATE TABLE `the stock` (id bigint AUTO_INCREMENT PRIMARY KEY, on_hand int NOT NULL, sold_at datetime);\n" +
	"CREATE TABLE sales (id bigint AUTO_INCREMENT PRIMARY KEY, buyer_email varchar(60) NOT NULL, amount decimal(10,2) NOT NULL, stock_id bigint NOT NULL, FOREIGN KEY (stock_id) REFERENCES `the stock` (id));\n" +
	"INSERT INTO `the stock` (on_hand) SELECT 1000 FROM seq_1_to_20;\n" +
	"INSERT INTO sales (buyer_email, amount, stock_id) SELECT CONCAT('s', seq, '@corp.example'), 10 + seq, 1 + seq % 20 FROM seq_1_to_120;\n" +
	"CREATE PROCEDURE tell(IN it text) INSERT INTO journal (what) VALUES (it);\n" +
	"CREATE TRIGGER sold AFTER INSERT ON sales FOR EACH ROW BEGIN /* DELETE FROM gifts */ UPDATE `the stock` SET on_hand = on_hand - 1, sold_at = now() WHERE id = NEW.stock_id; CALL tell('UPDATE gifts SET amount = 0'); END;\n" +
	"CREATE TRIGGER counted AFTER INSERT ON journal FOR EACH ROW INSERT INTO counters VALUES ('journal', 1) ON DUPLICATE KEY UPDATE n = n + 1;\n" +
	"CREATE TRIGGER unsold AFTER DELETE ON sales FOR EACH ROW UPDATE `the stock` SET on_hand = on_hand + 1 WHERE id = OLD.stock_id;\n"

func TestThePlanSaysWhatTriggersDoElsewhere(t *testing.T) {
	db := database(t, selling)
	s := open(t, "root", db, store(t))
	o := wide()
	p, err := s.Plan(t.Context(), o)
	if p == nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(p.Refused, func(r seeder.Reason) bool { return r.Table == "sales" && strings.Contains(r.Why, "name the table") }) {
		t.Errorf("sales, whose honey rows would change the stock, is not refused\n%s", p.Table())
	}
	o.Tables = []string{"sales"}
	p = plan(t, s, o)
	want := []string{
		"its triggers add rows to counters: that stays when the honey row is removed; its count moves",
		"its triggers add rows to journal: that stays when the honey row is removed; its count moves",
		"its triggers change rows of counters (n): that stays when the honey row is removed; sums over it move",
		"its triggers change rows of the stock (on_hand, sold_at): its triggers write there when a row is deleted too; whether that takes it back is not known; sums over it move",
	}
	got := slices.Clone(p.Tables[0].Stirs)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("the plan says of its triggers\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// hiding has rows whose triggers hide in comments and quotes what they do, and say in
// comments and texts what they don't.
const hiding = "CREATE TABLE stock (id bigint AUTO_INCREMENT PRIMARY KEY, on_hand int NOT NULL);\n" +
	"CREATE TABLE bins (id bigint AUTO_INCREMENT PRIMARY KEY, stock_id bigint, used int NOT NULL);\n" +
	"CREATE TABLE gifts (id bigint AUTO_INCREMENT PRIMARY KEY, n int);\n" +
	"CREATE TABLE journal (id bigint AUTO_INCREMENT PRIMARY KEY, what text);\n" +
	"CREATE TABLE sales (id bigint AUTO_INCREMENT PRIMARY KEY, buyer_email varchar(60) NOT NULL, amount decimal(10,2) NOT NULL);\n" +
	"CREATE TABLE returns (id bigint AUTO_INCREMENT PRIMARY KEY, buyer_email varchar(60) NOT NULL, amount decimal(10,2) NOT NULL);\n" +
	"CREATE TABLE visits (id bigint AUTO_INCREMENT PRIMARY KEY, buyer_email varchar(60) NOT NULL, amount decimal(10,2) NOT NULL);\n" +
	"CREATE TABLE `the log` (n int) ENGINE=MyISAM;\n" +
	"INSERT INTO sales (buyer_email, amount) SELECT CONCAT('s', seq, '@corp.example'), 10 + seq FROM seq_1_to_120;\n" +
	"INSERT INTO returns (buyer_email, amount) SELECT CONCAT('r', seq, '@corp.example'), 10 + seq FROM seq_1_to_120;\n" +
	"INSERT INTO visits (buyer_email, amount) SELECT CONCAT('v', seq, '@corp.example'), 10 + seq FROM seq_1_to_120;\n"

// What the client must not take the comments out of.
var hidden = []string{
	"CREATE TRIGGER sold AFTER INSERT ON sales FOR EACH ROW BEGIN SET @a = 'it\\'s', @b = \"/*\"; # DELETE FROM gifts; it's no statement\nUPDATE/**/stock s JOIN bins b ON b.stock_id = s.id SET b.used = 1; SET @c = \"*/\"; /*!INSERT INTO`journal`(what) VALUES ('DELETE FROM gifts')*/; END",
	"CREATE TRIGGER back AFTER INSERT ON returns FOR EACH ROW BEGIN # '\nINSERT INTO`the log`VALUES (1); # '\nEND",
	"CREATE TRIGGER seen AFTER INSERT ON visits FOR EACH ROW BEGIN # INSERT INTO `the log` VALUES (1)\nSET @a = 'CALL it, UPDATE `the log` SET n = 1'; END",
}

func TestCommentsInTriggersHideNothing(t *testing.T) {
	db := database(t, hiding)
	for _, sql := range hidden {
		out, err := server.Client(t.Context(), "DELIMITER //\n"+sql+"//\n", "--socket="+server.Socket, "--user=root", "--comments", "--database="+db)
		if err != nil {
			t.Fatalf("%s: %v", out, err)
		}
	}
	o := wide()
	o.Tables = []string{"sales", "returns", "visits"}
	p := plan(t, open(t, "root", db, store(t)), o)
	want := map[string][]string{
		"sales": {
			"its triggers add rows to journal: that stays when the honey row is removed; its count moves",
			"its triggers change rows of bins (used): that stays when the honey row is removed; sums over it move",
			"its triggers change rows of stock (used): that stays when the honey row is removed; sums over it move",
		},
		"returns": {"its triggers add rows to the log: that stays when the honey row is removed; its count moves"},
		"visits":  nil,
	}
	for _, tp := range p.Tables {
		got := slices.Clone(tp.Stirs)
		if slices.Sort(got); !slices.Equal(got, want[tp.Table]) {
			t.Errorf("%s: the plan says of its triggers\n%s\nwant\n%s", tp, strings.Join(got, "\n"), strings.Join(want[tp.Table], "\n"))
		}
		lasting := strings.Contains(strings.Join(tp.Warnings, "\n"), "not tried at plan time")
		if lasting != (tp.Table == "returns") {
			t.Errorf("%s: that something lasts is said: %t\n%s", tp, lasting, strings.Join(tp.Warnings, "\n"))
		}
	}
	if len(p.Tables) != 3 || query(t, db, "SELECT count(*) FROM `the log`") != "0" {
		t.Errorf("%d tables are planned, or a trial left something\n%s", len(p.Tables), p.Table())
	}
}
