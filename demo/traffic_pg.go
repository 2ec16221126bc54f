package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// pgDesk is the order desk's application with pgx.
type pgDesk struct {
	*traffic
	pool *pgxpool.Pool
}

func (pgProduct) desk(ctx context.Context, t *traffic) ([]chore, func(), error) {
	cfg, err := pgxpool.ParseConfig(t.dsn("crm_app", "crm-api"))
	if err != nil {
		return nil, nil, err
	}
	cfg.MaxConns = 4
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	d := &pgDesk{t, pool}
	return []chore{d.lookups, d.pages, d.orders, d.batches, d.reports, d.prepared}, pool.Close, nil
}

func (t *pgDesk) lookups(ctx context.Context, r *rand.Rand) (s trafficSum, err error) {
	for range 200 {
		c := t.customer(r)
		var id int64
		var email string
		err := t.pool.QueryRow(ctx, "SELECT id, email FROM customers WHERE id = $1", c[customerID]).Scan(&id, &email)
		if err != nil || email != c[customerEmail] {
			return s, fmt.Errorf("look up customer %s: got %q: %w", c[customerID], email, orWrong(err))
		}
		err = t.pool.QueryRow(ctx, "SELECT c.id FROM customers c WHERE c.email = $1", c[customerEmail]).Scan(&id)
		if err != nil || fmt.Sprint(id) != c[customerID] {
			return s, fmt.Errorf("look up %s: got %d: %w", c[customerEmail], id, orWrong(err))
		}
		s.lookups += 2
		s.rows += 2
	}
	for range 40 { // the customer's page: the whole row, the orders, the cards
		c := t.customer(r)
		for _, sql := range []string{
			"SELECT * FROM customers WHERE id = $1",
			"SELECT * FROM orders WHERE customer_id = $1 ORDER BY ordered_at DESC LIMIT 20",
			"SELECT brand, last4, holder, exp_month, exp_year FROM payment_cards WHERE customer_id = $1",
			"SELECT * FROM customer_overview WHERE id = $1",
		} {
			n, err := count(t.pool.Query(ctx, sql, c[customerID]))
			if err != nil {
				return s, err
			}
			s.lookups++
			s.rows += n
		}
	}
	return s, nil
}

func (t *pgDesk) pages(ctx context.Context, r *rand.Rand) (s trafficSum, err error) {
	for range 25 {
		town, last := t.towns[r.IntN(len(t.towns))], int64(0)
		for range 3 {
			rows, err := t.pool.Query(ctx, `SELECT id, customer_no, first_name, last_name, email, phone, city, status FROM customers
				WHERE city = $1 AND id > $2 ORDER BY id LIMIT 20`, town, last)
			if err != nil {
				return s, err
			}
			for rows.Next() {
				if err := rows.Scan(&last, nil, nil, nil, nil, nil, nil, nil); err != nil {
					return s, err
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

func (t *pgDesk) orders(ctx context.Context, r *rand.Rand) (s trafficSum, err error) {
	for i := range 40 {
		c := t.customer(r)
		err := pgx.BeginFunc(ctx, t.pool, func(tx pgx.Tx) error {
			var id int64
			no := fmt.Sprintf("%s-W%03d", t.stamp, i)
			err := tx.QueryRow(ctx, "INSERT INTO orders (order_no, customer_id, status, total) VALUES ($1, $2, 'placed', $3) RETURNING id",
				no, c[customerID], "129.90").Scan(&id)
			if err != nil {
				return err
			}
			_, err = tx.CopyFrom(ctx, pgx.Identifier{"order_items"}, []string{"order_id", "line", "product_id", "quantity", "price"},
				pgx.CopyFromRows([][]any{{id, 1, 1 + r.IntN(100), 1, "99.90"}, {id, 2, 1 + r.IntN(100), 2, "15.00"}}))
			if err != nil {
				return err
			}
			if _, err = tx.Exec(ctx, "UPDATE customers SET last_login_at = now() WHERE id = $1", c[customerID]); err != nil {
				return err
			}
			if i%8 == 7 {
				return errChangedMind
			}
			s.orders++
			return nil
		})
		if err != nil && !errors.Is(err, errChangedMind) {
			return s, err
		}
	}
	return s, nil
}

func (t *pgDesk) batches(ctx context.Context, r *rand.Rand) (s trafficSum, err error) {
	for range 10 {
		b := &pgx.Batch{}
		for range 12 {
			b.Queue("SELECT first_name, last_name, status FROM customers WHERE id = $1", t.customer(r)[customerID]).
				QueryRow(func(row pgx.Row) error { return row.Scan(nil, nil, nil) })
			s.rows++
		}
		if err := t.pool.SendBatch(ctx, b).Close(); err != nil {
			return s, err
		}
		s.batches++
	}
	return s, nil
}

func (t *pgDesk) reports(ctx context.Context, _ *rand.Rand) (s trafficSum, err error) {
	for _, sql := range []string{
		"SELECT count(*) FROM customers",
		"SELECT country, status, count(*) FROM customers GROUP BY 1, 2 ORDER BY 1, 2",
		`SELECT c.country, date_trunc('month', o.ordered_at) AS month, o.currency, count(*), sum(o.total)
			FROM orders o JOIN customers c ON c.id = o.customer_id GROUP BY 1, 2, 3`,
		"SELECT p.sku, p.name, sum(i.quantity) FROM order_items i JOIN products p ON p.id = i.product_id GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 25",
		"SELECT status, avg(total) FROM orders GROUP BY 1",
	} {
		n, err := count(t.pool.Query(ctx, sql))
		if err != nil {
			return s, err
		}
		s.reports++
		s.rows += n
	}
	return s, nil
}

// prepared looks customers up with a statement prepared by name, as many
// drivers do, and in text format.
func (t *pgDesk) prepared(ctx context.Context, r *rand.Rand) (s trafficSum, err error) {
	conn, err := t.pool.Acquire(ctx)
	if err != nil {
		return s, err
	}
	defer conn.Release()
	const sql = "SELECT id, customer_no, email, created_at FROM customers WHERE customer_no = $1"
	if _, err := conn.Conn().Prepare(ctx, "by_number", sql); err != nil {
		return s, err
	}
	for range 60 {
		n, err := count(conn.Query(ctx, "by_number", pgx.QueryResultFormats{pgx.TextFormatCode}, t.customer(r)[1]))
		if err != nil || n != 1 {
			return s, fmt.Errorf("prepared look-up: %d rows: %w", n, orWrong(err))
		}
		s.lookups++
		s.rows++
	}
	return s, nil
}

// count reads all rows and returns how many there were.
func count(rows pgx.Rows, err error) (n int, _ error) {
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		n++
	}
	return n, rows.Err()
}
