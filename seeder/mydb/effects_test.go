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
