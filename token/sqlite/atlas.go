package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"honeyrow/event"
	"honeyrow/token"
)

// Locate implements token.Atlas. The first location of a column is its table's
// own: its numbers become TableOID and Attr of the tokens there. A location
// with TableOID 0 says that the column is gone. Nothing changes, and no new
// version is made, if all is known already.
func (s *Store) Locate(ctx context.Context, ls []token.Location) error {
	var order []event.Place
	byPlace := map[event.Place][]numbers{}
	for _, l := range ls {
		p := event.Place{Server: l.Server, Database: l.Database, Schema: l.Schema, Table: l.Table, Column: l.Column}
		if _, ok := byPlace[p]; !ok {
			order = append(order, p)
			byPlace[p] = nil
		}
		if n := (numbers{l.TableOID, l.Attr}); l.TableOID != 0 && !slices.Contains(byPlace[p], n) {
			byPlace[p] = append(byPlace[p], n)
		}
	}
	return s.update(ctx, s.full, "locate columns", func(tx *sql.Tx) error {
		ps, err := newPlaces(tx)
		if err != nil {
			return err
		}
		defer ps.close()
		changed := false
		for _, p := range order {
			c, err := locate(ctx, tx, ps, p, byPlace[p])
			if err != nil {
				return err
			}
			changed = changed || c
		}
		if !changed {
			return nil
		}
		return bump(tx)
	})
}

// numbers are how PostgreSQL reports a column.
type numbers struct {
	oid  uint32
	attr uint16
}

func locate(ctx context.Context, tx *sql.Tx, ps *places, p event.Place, want []numbers) (changed bool, err error) {
	id, err := ps.id(ctx, p)
	if err != nil {
		return false, err
	}
	var have []numbers
	err = each(ctx, tx, "SELECT table_oid, attr FROM location WHERE place = ? ORDER BY ord", func(rows *sql.Rows) error {
		var n numbers
		err := rows.Scan(&n.oid, &n.attr)
		have = append(have, n)
		return err
	}, id)
	if err != nil {
		return false, err
	}
	own := numbers{}
	if len(want) > 0 {
		own = want[0]
	}
	var kept numbers
	if err := tx.QueryRowContext(ctx, "SELECT table_oid, attr FROM place WHERE id = ?", id).Scan(&kept.oid, &kept.attr); err != nil {
		return false, err
	}
	if slices.Equal(have, want) && kept == own {
		return false, nil
	}
	if err := ps.resolve(ctx, id, own.oid, own.attr); err != nil {
		return false, err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM location WHERE place = ?", id); err != nil {
		return false, err
	}
	for i, n := range want {
		if _, err := tx.ExecContext(ctx, "INSERT INTO location VALUES (?, ?, ?, ?)", id, i, n.oid, n.attr); err != nil {
			return false, err
		}
	}
	return true, nil
}

func readLocations(ctx context.Context, tx *sql.Tx) (ls []token.Location, err error) {
	err = each(ctx, tx, `SELECT p.server, p.db, p.schema, p.tbl, p.col, l.table_oid, l.attr
		FROM location l JOIN place p ON p.id = l.place ORDER BY l.place, l.ord`, func(rows *sql.Rows) error {
		var l token.Location
		err := rows.Scan(&l.Server, &l.Database, &l.Schema, &l.Table, &l.Column, &l.TableOID, &l.Attr)
		ls = append(ls, l)
		return err
	})
	return ls, err
}

// Columns returns the columns in which tokens stand that are watched, without
// numbers, and every Location that is known. It reads no token: that is for
// Snapshot.
func (s *Store) Columns(ctx context.Context) (planted, known []token.Location, err error) {
	err = s.view(ctx, "read columns", func(tx *sql.Tx) error {
		err := each(ctx, tx, `SELECT server, db, schema, tbl, col FROM place
			WHERE col <> '*' AND EXISTS (SELECT 1 FROM token WHERE place = place.id AND state <> 'removed') ORDER BY id`, func(rows *sql.Rows) error {
			var l token.Location
			err := rows.Scan(&l.Server, &l.Database, &l.Schema, &l.Table, &l.Column)
			planted = append(planted, l)
			return err
		})
		if err != nil {
			return err
		}
		known, err = readLocations(ctx, tx)
		return err
	})
	return planted, known, err
}

// places finds or makes the row of a place within one transaction.
type places struct {
	known           map[event.Place]int64
	upsert, numbers *sql.Stmt
}

func newPlaces(tx *sql.Tx) (*places, error) {
	upsert, err := tx.Prepare(`INSERT INTO place (server, db, schema, tbl, col) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET col = excluded.col RETURNING id`)
	if err != nil {
		return nil, err
	}
	numbers, err := tx.Prepare("UPDATE place SET table_oid = ?, attr = ? WHERE id = ?")
	if err != nil {
		return nil, errors.Join(err, upsert.Close())
	}
	return &places{known: map[event.Place]int64{}, upsert: upsert, numbers: numbers}, nil
}

func (p *places) id(ctx context.Context, at event.Place) (id int64, err error) {
	at.Key = ""
	if id, ok := p.known[at]; ok {
		return id, nil
	}
	err = p.upsert.QueryRowContext(ctx, at.Server, at.Database, at.Schema, at.Table, at.Column).Scan(&id)
	p.known[at] = id
	return id, err
}

func (p *places) resolve(ctx context.Context, id int64, oid uint32, attr uint16) error {
	_, err := p.numbers.ExecContext(ctx, oid, attr, id)
	return err
}

func (p *places) close() {
	if p != nil {
		p.upsert.Close()
		p.numbers.Close()
	}
}
