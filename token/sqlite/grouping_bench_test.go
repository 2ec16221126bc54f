package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"honeyrow/alert/alerttest"
	"honeyrow/event"
)

// BenchmarkCommitInOneIncident is a commit of one detection or of 64 into an
// incident that grows, beside what the same transaction costs without incidents
// and chain ("bare"), measured in turns so that their ratio means something on a
// busy machine.
func BenchmarkCommitInOneIncident(b *testing.B) {
	for _, n := range []int{1, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := openAt(b, filepath.Join(b.TempDir(), "honeyrow.db"), nil)
			bare := openAt(b, filepath.Join(b.TempDir(), "honeyrow.db"), nil)
			var with, without int64
			for b.Loop() {
				ds := make([]event.Detection, n)
				for i := range ds {
					ds[i] = alerttest.Detection(i)
					ds[i].Statement.Shape = "00112233445566aa"
				}
				with += timed(b, func() error { return s.Put(b.Context(), ds, []string{"file", "webhook"}) })
				without += timed(b, func() error { return bare.putBare(b.Context(), ds, []string{"file", "webhook"}) })
			}
			b.ReportMetric(float64(with)/float64(b.N)/1e6, "ms/commit")
			b.ReportMetric(float64(without)/float64(b.N)/1e6, "ms/bare")
			b.ReportMetric(float64(with)/float64(without), "ratio")
		})
	}
}

func timed(b *testing.B, f func() error) int64 {
	b.Helper()
	began := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return time.Since(began).Nanoseconds()
}

// putBare is what a commit was before incidents: the sealed body and its
// deliveries.
func (s *Store) putBare(ctx context.Context, ds []event.Detection, sinks []string) error {
	return s.update(ctx, s.full, "commit", func(tx *sql.Tx) error {
		for i := range ds {
			body, err := json.Marshal(&ds[i])
			if err != nil {
				return err
			}
			res, err := tx.ExecContext(ctx, "INSERT INTO detection (id, revision, at, severity, drill, committed, body) VALUES (?, 1, 1, 3, 0, 1, ?)",
				ds[i].ID, s.box.seal(aboutDetection(ds[i].ID, 1), body))
			if err != nil {
				return err
			}
			seq, err := res.LastInsertId()
			if err != nil {
				return err
			}
			for _, sink := range sinks {
				if _, err := tx.ExecContext(ctx, `INSERT INTO delivery (sink, detection, revision, incident, seq, state, tries, created, due)
					VALUES (?, ?, 1, 0, ?, 'pending', 0, 1, 1)`, sink, ds[i].ID, seq); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
