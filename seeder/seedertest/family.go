package seedertest

import (
	"fmt"
	"strings"
	"testing"

	"honeyrow/seeder"
)

// paid gives most customers one to four salaries, all to one account and under the
// customer's own name and address in capitals.
const paid = `DELETE FROM customers WHERE id %% 9 = 4;
CREATE TABLE salaries (id %[1]s PRIMARY KEY, customer_id %[2]s NOT NULL, holder_email varchar(90) NOT NULL, iban varchar(34) NOT NULL, tax_id varchar(20) NOT NULL,
	valid_from date NOT NULL, annual_salary decimal(10,2) NOT NULL, CONSTRAINT earns FOREIGN KEY (customer_id) REFERENCES customers (id));
` + payOf1 + payOf2 + payOf3 + payOf4

const (
	payOf1 = `INSERT INTO salaries (customer_id, holder_email, iban, tax_id, valid_from, annual_salary) SELECT id, upper(email), concat('DE4050', 1000000000000000 + id * 7919031), concat('***-**-', 1000 + id * 7 %% 9000), '2022-03-01', 30000 + 50 * (id * 37 %% 400) FROM customers;` + "\n"
	payOf2 = `INSERT INTO salaries (customer_id, holder_email, iban, tax_id, valid_from, annual_salary) SELECT customer_id, holder_email, iban, tax_id, '2023-03-01', annual_salary + 50 * (10 + customer_id %% 17) FROM salaries WHERE valid_from = '2022-03-01' AND customer_id %% 4 > 0;` + "\n"
	payOf3 = `INSERT INTO salaries (customer_id, holder_email, iban, tax_id, valid_from, annual_salary) SELECT customer_id, holder_email, iban, tax_id, '2024-03-01', annual_salary + 50 * (10 + customer_id %% 13) FROM salaries WHERE valid_from = '2023-03-01' AND customer_id %% 4 > 1;` + "\n"
	payOf4 = `INSERT INTO salaries (customer_id, holder_email, iban, tax_id, valid_from, annual_salary) SELECT customer_id, holder_email, iban, tax_id, '2025-03-01', annual_salary + 50 * (10 + customer_id %% 11) FROM salaries WHERE valid_from = '2024-03-01' AND customer_id %% 4 > 2;` + "\n"
)

func relativesOfOneRowAgreeWithOneAnother(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	g.Exec(t, db, fmt.Sprintf(paid, g.Numbered, g.Number))
	st := g.Store(t)
	s := g.Open(t, db, st)
	before := g.Content(t, db)
	o := Options()
	o.Tables, o.Rows, o.Keys, o.Family = []string{"customers"}, 12, "gaps", true
	p := Plan(t, s, o)
	if len(p.Tables) != 2 || p.Tables[1].Table != "salaries" || len(p.Tables[1].Rows) < 20 {
		t.Fatalf("the plan has no relatives:\n%s", p.Table())
	}
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	Must(t, err)
	for _, c := range []struct{ what, sql string }{
		{"people have two accounts", "SELECT count(*) FROM (SELECT customer_id FROM salaries GROUP BY customer_id HAVING count(DISTINCT iban) > 1) x"},
		{"people have two tax numbers", "SELECT count(*) FROM (SELECT customer_id FROM salaries GROUP BY customer_id HAVING count(DISTINCT tax_id) > 1) x"},
		{"accounts are two people's", "SELECT count(*) FROM (SELECT iban FROM salaries GROUP BY iban HAVING count(DISTINCT customer_id) > 1) x"},
		{"salaries fall", "SELECT count(*) FROM salaries a JOIN salaries b ON a.customer_id = b.customer_id AND a.valid_from < b.valid_from AND b.annual_salary < a.annual_salary"},
		{"salaries rise by more than 6 %", "SELECT count(*) FROM salaries a JOIN salaries b ON a.customer_id = b.customer_id AND extract(YEAR FROM b.valid_from) = extract(YEAR FROM a.valid_from) + 1 AND b.annual_salary > 1.06 * a.annual_salary"},
		{"salaries are of another address than their owner's", "SELECT count(*) FROM salaries s JOIN customers c ON c.id = s.customer_id WHERE s.holder_email <> upper(c.email)"},
	} {
		if got := g.Query(t, db, c.sql); got != "0" {
			t.Errorf("%s %s, no real one", got, c.what)
		}
	}
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	Must(t, err)
	allWell(t, ver, p)
	g.Exec(t, db, `INSERT INTO salaries (customer_id, holder_email, iban, tax_id, valid_from, annual_salary)
		SELECT 1, 'SOMEBODY@ELSE.TEST', max(iban), '***-**-0001', '2025-04-01', 40000 FROM salaries WHERE customer_id % 9 = 4`)
	ver, err = s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	Must(t, err)
	if ver.OK {
		t.Error("a real row with a honey row's account is not told of")
	}
	g.Exec(t, db, "DELETE FROM salaries WHERE tax_id = '***-**-0001'")
	takenOut(t, g, s, db, before)
	NothingWatched(t, st)
}

// basket gives most customers an order or two of one or two products each.
const basket = `CREATE TABLE products (id integer PRIMARY KEY, name varchar(40) NOT NULL, price decimal(10,2) NOT NULL);
INSERT INTO products SELECT id, concat('product ', id), 5.5 + id * 3 FROM customers WHERE id <= 60;
DELETE FROM customers WHERE id %% 9 = 4;
CREATE TABLE orders (id %[1]s PRIMARY KEY, code varchar(20), customer_id %[2]s NOT NULL, total decimal(10,2) NOT NULL, placed_on date NOT NULL,
	CONSTRAINT bought FOREIGN KEY (customer_id) REFERENCES customers (id));
INSERT INTO orders (customer_id, total, placed_on) SELECT id, 0, '2024-12-24' FROM customers WHERE id %% 3 > 0;
INSERT INTO orders (customer_id, total, placed_on) SELECT id, 0, '2025-01-06' FROM customers WHERE id %% 3 = 1;
UPDATE orders SET code = concat(extract(YEAR FROM placed_on), '-', 100000 + id);
CREATE TABLE items (order_id %[2]s NOT NULL, line integer NOT NULL, product_id integer NOT NULL, quantity integer NOT NULL, price decimal(10,2) NOT NULL, line_total decimal(10,2) NOT NULL, PRIMARY KEY (order_id, line),
	CONSTRAINT of_order FOREIGN KEY (order_id) REFERENCES orders (id), CONSTRAINT of_product FOREIGN KEY (product_id) REFERENCES products (id));
INSERT INTO items SELECT o.id, 1, 1 + o.id * 7 %% 50, 1 + o.id %% 3, 0, 0 FROM orders o;
INSERT INTO items SELECT o.id, 2, 1 + (o.id * 11 + 3) %% 50, 1 + o.id %% 4, 0, 0 FROM orders o WHERE o.id %% 2 = 0 AND o.id * 7 %% 50 <> (o.id * 11 + 3) %% 50;
CREATE TABLE shipments (id %[1]s PRIMARY KEY, customer_id %[2]s NOT NULL, order_id %[2]s NOT NULL, sent_on date NOT NULL,
	CONSTRAINT sent_to FOREIGN KEY (customer_id) REFERENCES customers (id), CONSTRAINT sent FOREIGN KEY (order_id) REFERENCES orders (id));
INSERT INTO shipments (customer_id, order_id, sent_on) SELECT customer_id, id, placed_on FROM orders WHERE id %% 4 > 0;
CREATE TABLE parcels (id %[1]s PRIMARY KEY, order_id %[2]s NOT NULL, grams integer NOT NULL, CONSTRAINT packed FOREIGN KEY (order_id) REFERENCES orders (id));
INSERT INTO parcels (order_id, grams) SELECT id, 500 + id * 37 %% 4000 FROM orders ORDER BY id;
DELETE FROM parcels WHERE id %% 6 = 1;
UPDATE items SET price = (SELECT p.price FROM products p WHERE p.id = product_id);
UPDATE items SET line_total = quantity * price;
UPDATE orders SET total = (SELECT sum(i.quantity * i.price) FROM items i WHERE i.order_id = orders.id);`

func relativesBringTheirOwn(t *testing.T, g Ground) {
	db := g.Database(t, g.Customers)
	g.Exec(t, db, fmt.Sprintf(basket, g.Numbered, g.Number))
	st := g.Store(t)
	s := g.Open(t, db, st)
	before := g.Content(t, db)
	orderTop, parcelTop := g.Query(t, db, "SELECT max(id) FROM orders"), g.Query(t, db, "SELECT max(id) FROM parcels")
	o := Options()
	o.Tables, o.Rows, o.Keys, o.Family = []string{"customers"}, 12, "gaps", true
	p := Plan(t, s, o)
	items, orders := planned(p, "items"), planned(p, "orders")
	if items == nil || orders == nil || planned(p, "shipments") == nil || !strings.HasSuffix(items.For, "orders") || len(items.Rows) < len(orders.Rows) {
		t.Fatalf("the plan has no rows for its orders:\n%s", p.Table())
	}
	if again := planned(Plan(t, s, o), "items"); again == nil || fmt.Sprint(values(again)) != fmt.Sprint(values(items)) {
		t.Error("the same seed gives other items")
	}
	_, err := s.Apply(t.Context(), p, seeder.ApplyOptions{})
	Must(t, err)
	for _, c := range []struct{ what, sql string }{
		{"orders have no items", "SELECT count(*) FROM orders WHERE id NOT IN (SELECT order_id FROM items)"},
		{"orders don't cost what their items do", "SELECT count(*) FROM orders o WHERE total <> (SELECT sum(i.quantity * i.price) FROM items i WHERE i.order_id = o.id)"},
		{"orders have no first item", "SELECT count(*) FROM orders WHERE id NOT IN (SELECT order_id FROM items WHERE line = 1)"},
		{"items don't cost what their product does", "SELECT count(*) FROM items i JOIN products p ON p.id = i.product_id WHERE i.price <> p.price"},
		{"items don't cost their price times how many", "SELECT count(*) FROM items WHERE line_total <> quantity * price"},
		{"orders have a code of another year", "SELECT count(*) FROM orders WHERE substr(code, 1, 4) <> concat(extract(YEAR FROM placed_on), '')"},
		{"shipments are of another customer's order", "SELECT count(*) FROM shipments s JOIN orders o ON o.id = s.order_id WHERE s.customer_id <> o.customer_id"},
		{"parcels have a number that does not go with their order's", "SELECT count(*) FROM parcels WHERE (order_id > " + orderTop + ") <> (id > " + parcelTop + ")"},
		{"orders have a product twice", "SELECT count(*) FROM (SELECT order_id FROM items GROUP BY order_id, product_id HAVING count(*) > 1) x"},
	} {
		if got := g.Query(t, db, c.sql); got != "0" {
			t.Errorf("%s %s, no real one", got, c.what)
		}
	}
	ver, err := s.Verify(t.Context(), seeder.VerifyOptions{Server: "crm"})
	Must(t, err)
	allWell(t, ver, p)
	takenOut(t, g, s, db, before)
	NothingWatched(t, st)
}

// planned is a table of a plan, nil if it has none of the name.
func planned(p *seeder.Plan, table string) *seeder.TablePlan {
	for _, tp := range p.Tables {
		if tp.Table == table {
			return tp
		}
	}
	return nil
}

// values are what a planned table's rows hold, without keys that are drawn later.
func values(tp *seeder.TablePlan) (out []string) {
	for _, r := range tp.Rows {
		for _, c := range r.Cells {
			if c.Value != nil {
				out = append(out, c.Column+"="+*c.Value)
			}
		}
	}
	return out
}
