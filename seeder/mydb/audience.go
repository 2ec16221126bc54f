package mydb

import (
	"context"
	"fmt"
	"strconv"

	"honeyrow/seeder"
)

var _ seeder.Witness = (*DB)(nil)

const (
	maxStatements = 5
	leastRead     = 50 // rows that a statement gives, on average, to be counted as one that reads much
	viewsDeep     = 8  // views of views
)

// Audience implements seeder.Witness, from the views that the role may see and
// performance_schema, which does not tell who sent a statement.
func (db *DB) Audience(ctx context.Context, t *seeder.Table) (out []seeder.Onlooker, unknown string, err error) {
	seen := map[string]bool{}
	next := []string{quote(db.name) + "." + quote(t.Name)}
	for depth := 0; len(next) > 0 && depth < viewsDeep; depth++ {
		var more []string
		for _, name := range next {
			rows, err := db.query(ctx, "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.VIEWS WHERE INSTR(VIEW_DEFINITION, ?) > 0 ORDER BY 1, 2", name)
			if err != nil {
				return nil, "", violation(err)
			}
			for _, r := range rows {
				full := quote(*r[0]) + "." + quote(*r[1])
				if !seen[full] {
					seen[full] = true
					more = append(more, full)
					out = append(out, seeder.Onlooker{What: "view " + *r[0] + "." + *r[1]})
				}
			}
		}
		next = more
	}
	on, err := db.query(ctx, "SELECT @@performance_schema")
	if err != nil {
		return out, "", violation(err)
	}
	if *on[0][0] != "1" {
		return out, "performance_schema is off", nil
	}
	rows, err := db.query(ctx, fmt.Sprintf(`SELECT CAST(COUNT_STAR AS CHAR), CAST(SUM_ROWS_SENT DIV COUNT_STAR AS CHAR), LEFT(DIGEST_TEXT, 200) FROM performance_schema.events_statements_summary_by_digest
		WHERE SCHEMA_NAME = DATABASE() AND COUNT_STAR > 0 AND DIGEST_TEXT LIKE 'SELECT%%' AND INSTR(DIGEST_TEXT, ?) > 0 AND SUM_ROWS_SENT >= COUNT_STAR * ?
		ORDER BY SUM_ROWS_SENT DESC LIMIT %d`, maxStatements), quote(t.Name), strconv.FormatInt(max(leastRead, t.Rows/5), 10))
	if err != nil {
		return out, "", violation(err)
	}
	for _, r := range rows {
		out = append(out, seeder.Onlooker{What: fmt.Sprintf("a statement, %s times, %s rows each: %s", *r[0], *r[1], *r[2])})
	}
	return out, "", nil
}
