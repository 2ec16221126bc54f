package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
)

// myDesk is the order desk's application with go-sql-driver/mysql: statements
// with parameters are prepared, which brings binary rows; those without, and
// those with the parameters written into the text, bring text rows.
type myDesk struct {
	*traffic
	db, text *sql.DB
}

func (p myProduct) desk(_ context.Context, t *traffic) ([]chore, func(), error) {
	db, err := p.open(t.way, "crm_app", "crm-api")
	if err != nil {
		return nil, nil, err
	}
	cfg, err := p.config(t.way, "crm_app", "crm-api")
	if err != nil {
		return nil, nil, err
	}
	cfg.InterpolateParams = true
	text, err := openMySQL(cfg)
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(3)
	db.SetMaxIdleConns(3)
	text.SetMaxOpenConns(1)
	d := &myDesk{t, db, text}
	return []chore{d.lookups, d.pages, d.orders, d.reports, d.prepared}, func() { _, _ = db.Close(), text.Close() }, nil
}

func (t *myDesk) lookups(ctx context.Context, r *rand.Rand) (s trafficSum, err error) {
	for i := range 200 {
		c, db := t.customer(r), t.db
		if i%2 == 1 {
			db = t.text
		}
		var id, email string
		err := db.QueryRowContext(ctx, "SELECT id, email FROM customers WHERE id = ?", c[customerID]).Scan(&id, &email)
		if err != nil || email != c[customerEmail] {
			return s, fmt.Errorf("look up customer %s: got %q: %w", c[customerID], email, orWrong(err))
		}
		err = db.QueryRowContext(ctx, "SELECT c.id FROM customers c WHERE c.email = ?", c[customerEmail]).Scan(&id)
		if err != nil || id != c[customerID] {
			return s, fmt.Errorf("look up %s: got %s: %w", c[customerEmail], id, orWrong(err))
		}
		s.lookups += 2
		s.rows += 2
	}
	for range 40 { // the customer's page: the whole row, the orders, the cards
		c := t.customer(r)
		for _, query := range []string{
			"SELECT * FROM customers WHERE id = ?",
			"SELECT * FROM orders WHERE customer_id = ? ORDER BY ordered_at DESC LIMIT 20",
			"SELECT brand, last4, holder, exp_month, exp_year FROM payment_cards WHERE customer_id = ?",
			"SELECT * FROM customer_overview WHERE id = ?",
		} {
			n, err := countSQL(t.db.QueryContext(ctx, query, c[customerID]))
			if err != nil {
				return s, err
			}
			s.lookups++
			s.rows += n
		}
	}
	return s, nil
}

func (t *myDesk) pages(ctx context.Context, r *rand.Rand) (s trafficSum, err error) {
	for range 25 {
		town, last := t.towns[r.IntN(len(t.towns))], int64(0)
		for range 3 {
			rows, err := t.text.QueryContext(ctx, `SELECT customer_no, first_name, last_name, email, phone, city, status, id FROM customers
				WHERE city = ? AND id > ? ORDER BY id LIMIT 20`, town, last)
			if err != nil {
				return s, err
			}
			for rows.Next() {
				var skip [7]sql.RawBytes
				if err := rows.Scan(&skip[0], &skip[1], &skip[2], &skip[3], &skip[4], &skip[5], &skip[6], &last); err != nil {
					return s, errors.Join(err, rows.Close())
				}
				s.rows++
			}
			if err := rows.Err(); err != nil {
				return s, err
			}
			s.pages++
		}
	}
	return s, nil
}

func (t *myDesk) orders(ctx context.Context, r *rand.Rand) (s trafficSum, err error) {
	for i := range 40 {
		if err := t.order(ctx, r, i); err == nil {
			s.orders++
		} else if !errors.Is(err, errChangedMind) {
			return s, err
		}
	}
	return s, nil
}

// order places one in a transaction, or thinks better of it.
func (t *myDesk) order(ctx context.Context, r *rand.Rand, i int) (err error) {
	tx, err := t.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	c := t.customer(r)
	res, err := tx.ExecContext(ctx, "INSERT INTO orders (order_no, customer_id, status, total) VALUES (?, ?, 'placed', ?)",
		fmt.Sprintf("%s-W%03d", t.stamp, i), c[customerID], "129.90")
	if err != nil {
		return err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO order_items (order_id, line, product_id, quantity, price) VALUES (?, 1, ?, 1, '99.90'), (?, 2, ?, 2, '15.00')",
		id, 1+r.IntN(100), id, 1+r.IntN(100))
	if err != nil {
		return err
	}
	if _, err = tx.ExecContext(ctx, "UPDATE customers SET last_login_at = now(6) WHERE id = ?", c[customerID]); err != nil {
		return err
	}
	if i%8 == 7 {
		return errChangedMind
	}
	return tx.Commit()
}

func (t *myDesk) reports(ctx context.Context, _ *rand.Rand) (s trafficSum, err error) {
	for _, query := range []string{
		"SELECT count(*) FROM customers",
		"SELECT country, status, count(*) FROM customers GROUP BY 1, 2 ORDER BY 1, 2",
		`SELECT c.country, date_format(o.ordered_at, '%Y-%m') AS month, o.currency, count(*), sum(o.total)
			FROM orders o JOIN customers c ON c.id = o.customer_id GROUP BY 1, 2, 3`,
		"SELECT p.sku, p.name, sum(i.quantity) FROM order_items i JOIN products p ON p.id = i.product_id GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 25",
		"SELECT status, avg(total) FROM orders GROUP BY 1",
	} {
		n, err := countSQL(t.db.QueryContext(ctx, query))
		if err != nil {
			return s, err
		}
		s.reports++
		s.rows += n
	}
	return s, nil
}

// prepared executes one prepared statement again and again.
func (t *myDesk) prepared(ctx context.Context, r *rand.Rand) (s trafficSum, err error) {
	st, err := t.db.PrepareContext(ctx, "SELECT id, customer_no, email, created_at FROM customers WHERE customer_no = ?")
	if err != nil {
		return s, err
	}
	defer st.Close()
	for range 60 {
		n, err := countSQL(st.QueryContext(ctx, t.customer(r)[1]))
		if err != nil || n != 1 {
			return s, fmt.Errorf("prepared look-up: %d rows: %w", n, orWrong(err))
		}
		s.lookups++
		s.rows++
	}
	return s, nil
}

// countSQL reads all rows and returns how many there were.
func countSQL(rows *sql.Rows, err error) (n int, _ error) {
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		n++
	}
	return n, rows.Err()
}
