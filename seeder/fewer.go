package seeder

import (
	"errors"
	"fmt"
	"strings"

	"honeyrow/token"
)

// errFewer asks for all tables to be drawn again, one of them with fewer rows.
var errFewer = errors.New("draw fewer rows")

// fewer lowers a table's number of honey rows to n, or refuses the table, with
// the given reason, if that leaves none.
func (d *draft) fewer(st *study, n int, format string, args ...any) error {
	if n < 1 {
		return refuse(format, args...)
	}
	d.most[st.table] = n
	st.note("fewer rows than asked for (%d): %s", n, fmt.Sprintf(format, args...))
	return errFewer
}

func rowsIn(cs []clash) int {
	rows := map[int]bool{}
	for _, c := range cs {
		rows[c.row] = true
	}
	return len(rows)
}

// withoutHoney leaves honey rows out of a sample: they teach nothing about
// real rows, and one made after another would repeat its form.
func withoutHoney(s *Sample, snap *token.Snapshot, server, database string, t *Table) int {
	keys, values := map[string]bool{}, map[string]map[string]bool{}
	for i := range snap.Tokens {
		tk := &snap.Tokens[i]
		p := tk.Place
		if p.Server != server || p.Database != database || p.Schema != t.Schema || p.Table != t.Name {
			continue
		}
		if p.Key != "" {
			keys[p.Key] = true
		}
		if tk.Strength >= token.Firm {
			if values[p.Column] == nil {
				values[p.Column] = map[string]bool{}
			}
			values[p.Column][strings.TrimRight(tk.Value, " ")] = true
		}
	}
	if len(keys)+len(values) == 0 {
		return 0
	}
	kept := s.Rows[:0]
	for _, row := range s.Rows {
		honey, cells := false, map[string]string{}
		for i, c := range s.Columns {
			if row[i] != nil {
				cells[c] = *row[i]
				honey = honey || values[c][*row[i]]
			}
		}
		if key := keyText(t, cells); !honey && (key == "" || !keys[key]) {
			kept = append(kept, row)
		}
	}
	n := len(s.Rows) - len(kept)
	s.Rows = kept
	return n
}
