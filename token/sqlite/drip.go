package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"honeyrow/token"
)

var _ token.Calendar = (*Store)(nil)

func aboutDrip(deployment string) string { return "drip|" + deployment }

// Schedule implements token.Calendar.
func (s *Store) Schedule(ctx context.Context, d token.Drip, plan []byte) error {
	return s.update(ctx, s.full, "schedule a drip", func(tx *sql.Tx) error {
		var waiting int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM drip_row WHERE deployment = ? AND state = 'waiting'", d.Deployment).Scan(&waiting); err != nil {
			return err
		}
		if waiting > 0 {
			return fmt.Errorf("deployment %s: %w: a drip of it has rows waiting", d.Deployment, token.ErrExists)
		}
		for _, old := range []string{"DELETE FROM drip_row WHERE deployment = ?", "DELETE FROM drip WHERE deployment = ?"} {
			if _, err := tx.ExecContext(ctx, old, d.Deployment); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO drip (deployment, server, db, digest, begun, over, plan) VALUES (?, ?, ?, ?, ?, ?, ?)",
			d.Deployment, d.Server, d.Database, d.Digest, micros(d.Begun), d.Over.Microseconds(), s.box.seal(aboutDrip(d.Deployment), plan)); err != nil {
			return err
		}
		for _, r := range d.Rows {
			if _, err := tx.ExecContext(ctx, "INSERT INTO drip_row (deployment, honey_row, tbl, due, state, why) VALUES (?, ?, ?, ?, ?, ?)",
				d.Deployment, r.Row, r.Table, micros(r.Due), r.State, r.Why); err != nil {
				return err
			}
		}
		return forgetPlan(ctx, tx, d.Deployment)
	})
}

// forgetPlan erases the plan of a drip that needs it no more.
func forgetPlan(ctx context.Context, tx *sql.Tx, deployment string) error {
	_, err := tx.ExecContext(ctx, `UPDATE drip SET plan = x'' WHERE deployment = ?1 AND
		NOT EXISTS (SELECT 1 FROM drip_row WHERE deployment = ?1 AND state = 'waiting')`, deployment)
	return err
}

// Drips implements token.Calendar.
func (s *Store) Drips(ctx context.Context, server, deployment string) (ds []token.Drip, err error) {
	err = s.view(ctx, "read drips", func(tx *sql.Tx) error {
		err := each(ctx, tx, "SELECT deployment, server, db, digest, begun, over FROM drip WHERE ?1 IN ('', server) AND ?2 IN ('', deployment) ORDER BY n", func(rows *sql.Rows) error {
			var d token.Drip
			var begun, over int64
			err := rows.Scan(&d.Deployment, &d.Server, &d.Database, &d.Digest, &begun, &over)
			d.Begun, d.Over = fromMicros(begun), time.Duration(over)*time.Microsecond
			ds = append(ds, d)
			return err
		}, server, deployment)
		for i := range ds {
			if err != nil {
				return err
			}
			err = each(ctx, tx, "SELECT honey_row, tbl, due, state, why FROM drip_row WHERE deployment = ? ORDER BY due, honey_row", func(rows *sql.Rows) error {
				var r token.DripRow
				var due int64
				err := rows.Scan(&r.Row, &r.Table, &due, &r.State, &r.Why)
				r.Due = fromMicros(due)
				ds[i].Rows = append(ds[i].Rows, r)
				return err
			}, ds[i].Deployment)
		}
		return err
	})
	return ds, err
}

// DripPlan implements token.Calendar.
func (s *Store) DripPlan(ctx context.Context, deployment string) (plan []byte, err error) {
	err = s.view(ctx, "read a drip's plan", func(tx *sql.Tx) error {
		var sealed []byte
		err := tx.QueryRowContext(ctx, "SELECT plan FROM drip WHERE deployment = ?", deployment).Scan(&sealed)
		switch {
		case errors.Is(err, sql.ErrNoRows), err == nil && len(sealed) == 0:
			return fmt.Errorf("deployment %s: %w: no row of it waits to be planted", deployment, token.ErrNotFound)
		case err != nil:
			return err
		}
		if plan, err = s.box.open(nil, aboutDrip(deployment), sealed); err != nil {
			return fmt.Errorf("the plan of deployment %s: %w: it was altered outside honeyrow; restore a backup", deployment, err)
		}
		return nil
	})
	return plan, err
}

// MoveDrip implements token.Calendar.
func (s *Store) MoveDrip(ctx context.Context, deployment string, rows ...token.DripRow) error {
	if len(rows) == 0 {
		return nil
	}
	if ds, err := s.Drips(ctx, "", deployment); err != nil || len(ds) == 0 {
		return err // most plans are planted at once
	}
	return s.update(ctx, s.full, "write a drip's rows", func(tx *sql.Tx) error {
		for _, r := range rows {
			if _, err := tx.ExecContext(ctx, `UPDATE drip_row SET due = ?3, state = ?4, why = ?5
				WHERE deployment = ?1 AND honey_row = ?2 AND (state = 'waiting' OR state = 'cancelled' AND ?4 = 'planted')`,
				deployment, r.Row, micros(r.Due), r.State, r.Why); err != nil {
				return err
			}
		}
		return forgetPlan(ctx, tx, deployment)
	})
}
