package mydb

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"honeyrow/seeder"
	"honeyrow/seeder/generate"
)

// reader collects a catalogue.
type reader struct {
	db       *DB
	cat      *seeder.Catalog
	tables   map[string]*seeder.Table // by name; those of other databases by db.name
	engines  map[string]bool          // whether it has transactions
	engine   map[*seeder.Table]string
	blind    map[*seeder.Table]bool // whether it has triggers is not shown
	triggers triggers
}

// Catalog implements seeder.Reader.
func (db *DB) Catalog(ctx context.Context) (*seeder.Catalog, error) {
	r := &reader{db: db, cat: &seeder.Catalog{Product: "mysql"}, tables: map[string]*seeder.Table{}, engines: map[string]bool{}, engine: map[*seeder.Table]string{}, blind: map[*seeder.Table]bool{}}
	r.cat.HidesTriggers = !db.maria || db.coy()
	if db.maria {
		r.cat.Product = "mariadb"
	}
	if err := db.conn.QueryRowContext(ctx, "SELECT DATABASE(), CURRENT_USER(), VERSION()").Scan(&r.cat.Database, &r.cat.User, &r.cat.Version); err != nil {
		return nil, violation(err)
	}
	for _, step := range []struct {
		name string
		read func(context.Context) error
	}{
		{"engines", r.readEngines},
		{"tables", r.readTables},
		{"foreign keys from elsewhere", r.readStrangers},
		{"columns", r.readColumns},
		{"indexes", r.readUniques},
		{"definitions", r.readDefinitions},
		{"foreign keys", r.readForeignKeys},
		{"triggers", r.readTriggers},
	} {
		if err := step.read(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", step.name, violation(err))
		}
	}
	for _, t := range r.cat.Tables {
		r.judge(t)
	}
	return r.cat, violation(r.readLogging(ctx))
}

// readLogging looks whether the server's log would hold what is planted.
func (r *reader) readLogging(ctx context.Context) error {
	return r.each(ctx, "SELECT @@global.general_log, @@global.slow_query_log AND @@global.long_query_time = 0", func(v []string) {
		switch {
		case v[0] == "1":
			r.cat.Warnings = append(r.cat.Warnings, "the server logs all statements with their values (general_log): its log will hold the honey values; an administrator can prevent it with SET GLOBAL general_log = 0 meanwhile")
		case v[1] == "1":
			r.cat.Warnings = append(r.cat.Warnings, "the server logs all statements with their values (long_query_time = 0): its slow query log will hold the honey values; an administrator can raise it meanwhile")
		}
	})
}

// each runs a query and calls fn for each row; NULL is "".
func (r *reader) each(ctx context.Context, sql string, fn func(v []string)) error {
	rows, err := r.db.query(ctx, sql)
	if err != nil {
		return err
	}
	for _, row := range rows {
		v := make([]string, len(row))
		for i, p := range row {
			if p != nil {
				v[i] = *p
			}
		}
		fn(v)
	}
	return nil
}

func (r *reader) readEngines(ctx context.Context) error {
	return r.each(ctx, "SELECT ENGINE, TRANSACTIONS FROM information_schema.ENGINES", func(v []string) {
		r.engines[strings.ToUpper(v[0])] = v[1] == "YES"
	})
}

func (r *reader) readTables(ctx context.Context) error {
	return r.each(ctx, "SELECT TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_ROWS, CREATE_OPTIONS FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME", func(v []string) {
		t := &seeder.Table{Name: v[0], Kind: "table", Rows: -1}
		if n, err := strconv.ParseInt(v[3], 10, 64); err == nil {
			t.Rows = n
		}
		if strings.Contains(v[4], "partitioned") {
			t.Kind = "partitioned table"
		}
		switch v[1] {
		case "BASE TABLE":
		case "VIEW", "SYSTEM VIEW":
			t.Kind, t.Refusal = "view", "it is a view: rows are planted in the tables beneath it"
		case "SYSTEM VERSIONED":
			t.Refusal = "it is system-versioned: a honey row that is removed would stay in its history for ever"
		default: // sequences, temporary tables
			return
		}
		r.engine[t] = v[2]
		r.tables[t.Name] = t
		r.cat.Tables = append(r.cat.Tables, t)
	})
}

// readStrangers finds tables of other databases that point at this one's: a
// row that they depend on must not be removed.
func (r *reader) readStrangers(ctx context.Context) error {
	return r.each(ctx, `SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE
		WHERE REFERENCED_TABLE_SCHEMA = DATABASE() AND TABLE_SCHEMA <> DATABASE() ORDER BY 1, 2`, func(v []string) {
		t := &seeder.Table{Schema: v[0], Name: v[1], Kind: "table", Rows: -1, Refusal: "it lies in another database and is known because it points here: seed it there"}
		r.tables[t.String()] = t
		r.cat.Tables = append(r.cat.Tables, t)
	})
}

// own is the condition that a row of information_schema is about this database
// or one of the strangers.
func (r *reader) own(schema, table string) string {
	cond := schema + " = DATABASE()"
	for _, t := range r.cat.Tables {
		if t.Schema != "" {
			cond += fmt.Sprintf(" OR %s = %s AND %s = %s", schema, text(t.Schema), table, text(t.Name))
		}
	}
	return "(" + cond + ")"
}

// text writes a string literal.
func text(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
}

// table finds the table of a row of information_schema.
func (r *reader) table(schema, name string) *seeder.Table {
	if schema == r.cat.Database {
		return r.tables[name]
	}
	return r.tables[schema+"."+name]
}

// nextOf is a default that is nothing but a sequence's next value (MariaDB).
var nextOf = regexp.MustCompile("^nextval\\((`(?:[^`]|``)+`\\.`(?:[^`]|``)+`)\\)$")

func (r *reader) readColumns(ctx context.Context) error {
	return r.each(ctx, `SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, COLUMN_DEFAULT IS NOT NULL, COLUMN_DEFAULT, IS_NULLABLE, EXTRA, PRIVILEGES,
		CHARACTER_MAXIMUM_LENGTH, NUMERIC_SCALE, COLUMN_COMMENT, ORDINAL_POSITION
		FROM information_schema.COLUMNS WHERE `+r.own("TABLE_SCHEMA", "TABLE_NAME")+" ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION", func(v []string) {
		t := r.table(v[0], v[1])
		if t == nil {
			return
		}
		extra, rights := strings.ToLower(v[7]), strings.ToLower(v[8])
		c := &seeder.Column{
			Name: v[2], Type: v[3], Comment: v[11], NotNull: v[6] == "NO", Scale: -1,
			CanSelect: strings.Contains(rights, "select"), CanInsert: strings.Contains(rights, "insert"),
		}
		c.MaxLen, _ = strconv.Atoi(v[9])
		if n, err := strconv.Atoi(v[10]); err == nil {
			c.Scale = n
		}
		if v[4] == "1" {
			c.Default = r.fallback(v[5], extra)
		}
		switch {
		case strings.Contains(extra, "virtual generated"), strings.Contains(extra, "stored generated"), strings.Contains(extra, "persistent"):
			c.Computed, c.Default = true, ""
		case strings.Contains(extra, "auto_increment"):
			c.Sequence, c.CanDraw, c.Default = counter, true, ""
		case nextOf.MatchString(c.Default):
			c.Sequence, c.CanDraw = nextOf.FindStringSubmatch(c.Default)[1], true
		}
		classify(t, c)
		t.Columns = append(t.Columns, c)
	})
}

// counter stands for AUTO_INCREMENT in Column.Sequence.
const counter = seeder.AutoIncrement

// fallback is a default as an expression, "" for NULL. MariaDB writes it so,
// MySQL writes constants without quotes.
func (r *reader) fallback(def, extra string) string {
	switch {
	case r.db.maria && def == "NULL":
		return ""
	case r.db.maria, strings.Contains(extra, "default_generated"), strings.HasPrefix(strings.ToUpper(def), "CURRENT_TIMESTAMP"):
		return def
	}
	return text(def)
}

// identifier is a name under which 16 bytes are a UUID.
var identifier = regexp.MustCompile(`(?i)(^|_)(uuid|guid|id|ref|key)s?($|_)|(Id|ID|Uuid|UUID|Guid|GUID)$`)

// classify fills in what a column's type says.
func classify(t *seeder.Table, c *seeder.Column) {
	b := base(c)
	switch formOf(c) {
	case asNumber:
		c.Class, c.Scale, c.MaxLen, c.MaxInt = generate.Integer, -1, 0, maxInt(b, unsigned(c))
		if b == "tinyint" && width(c) == 1 && c.Sequence == "" {
			c.Class = generate.Bool
		}
	case asDecimal, asFloat:
		c.Class = generate.Decimal
	case asBits:
		c.Class, c.Scale = generate.Integer, -1
		if width(c) <= 1 {
			c.Class = generate.Bool
		}
		c.MaxInt = 1<<min(max(width(c), 1), 62) - 1
	case asBytes:
		c.Class, c.MaxLen = generate.Bytes, 0
		switch {
		case b == "binary" && width(c) == 16 && identifier.MatchString(c.Name):
			c.Class = generate.UUID
		case b == "binary" || b == "varbinary":
			c.MaxLen = 2 + 2*width(c) // in the form \x
		case !strings.HasSuffix(b, "blob"):
			c.Class = generate.Other
		}
	case asMoment:
		c.Class = map[string]generate.Class{"date": generate.Date, "time": generate.TimeOfDay}[b]
		if c.Class == "" {
			c.Class = generate.Timestamp
		}
	case asText:
		c.Class = generate.Text
		switch b {
		case "enum", "set":
			c.Class, c.Enum, c.MaxLen = generate.Enum, members(c.Type), 0
		case "text", "mediumtext", "longtext":
			c.MaxLen = 0
		}
	default:
		c.MaxLen = 0
		c.Class = map[string]generate.Class{"json": generate.JSON, "uuid": generate.UUID, "inet6": generate.Network, "inet4": generate.Network}[b]
		if c.Class == "" {
			c.Class = generate.Other
		}
	}
}

func maxInt(typ string, unsigned bool) int64 {
	bits := map[string]int{"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}[typ]
	switch {
	case bits == 0: // YEAR
		return 2155
	case bits == 64:
		return math.MaxInt64 // an unsigned one's upper half is not drawn from
	case unsigned:
		return 1<<bits - 1
	}
	return 1<<(bits-1) - 1
}

func (r *reader) readUniques(ctx context.Context) error {
	var last *seeder.Unique
	var of *seeder.Table
	return r.each(ctx, `SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME, SUB_PART FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND NON_UNIQUE = 0
		ORDER BY TABLE_NAME, INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX`, func(v []string) {
		t := r.tables[v[0]]
		if t == nil {
			return
		}
		if t != of || last.Name != v[1] {
			last, of = &seeder.Unique{Name: v[1], Primary: v[1] == "PRIMARY", Definition: "UNIQUE"}, t
			if last.Primary {
				last.Definition = "PRIMARY KEY"
			}
			t.Uniques = append(t.Uniques, last)
		}
		last.Columns = append(last.Columns, v[2]) // "": an expression
		part := quote(v[2])
		if v[3] != "" { // only the first so many characters: they are unique, so is the whole
			part += "(" + v[3] + ")"
		}
		last.Definition += " " + part
	})
}

// readDefinitions takes CHECK constraints from SHOW CREATE TABLE:
// information_schema shows them to the table's owner only.
func (r *reader) readDefinitions(ctx context.Context) error {
	for _, t := range r.cat.Tables {
		if t.Refusal != "" {
			continue
		}
		var ddl string
		err := r.each(ctx, "SHOW CREATE TABLE "+name(t), func(v []string) { ddl = v[1] })
		var no *seeder.Violation
		switch {
		case errors.As(violation(err), &no):
			t.Refusal = "its definition can't be read (" + no.Why + "): grant SELECT on the whole table"
			continue
		case err != nil:
			return err
		}
		if hidden := hiddenColumn(t, ddl); hidden != "" { // MySQL shows the definition to whoever has any right
			t.Refusal = "column " + hidden + " is not shown to the role: grant SELECT on the whole table"
			continue
		}
		for _, k := range checks(ddl) {
			if c := t.Column(jsonColumn(k.Definition)); c != nil && base(c) == "longtext" {
				c.Class = generate.JSON
			}
			t.Checks = append(t.Checks, k)
		}
	}
	return nil
}

// hiddenColumn is a column of the definition that the catalogue does not show.
func hiddenColumn(t *seeder.Table, ddl string) string {
	for _, line := range strings.Split(ddl, "\n") {
		if name, _ := ident(strings.TrimSpace(line)); name != "" && t.Column(name) == nil {
			return name
		}
	}
	return ""
}

var jsonValid = regexp.MustCompile("(?i)^json_valid\\(`((?:[^`]|``)+)`\\)$")

// jsonColumn is the column that a check makes JSON, as MariaDB's type JSON does.
func jsonColumn(check string) string {
	m := jsonValid.FindStringSubmatch(check)
	if m == nil {
		return ""
	}
	return strings.ReplaceAll(m[1], "``", "`")
}

func (r *reader) readForeignKeys(ctx context.Context) error {
	var last *seeder.ForeignKey
	var of *seeder.Table
	return r.each(ctx, `SELECT k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_SCHEMA, k.REFERENCED_TABLE_NAME, k.REFERENCED_COLUMN_NAME
		FROM information_schema.KEY_COLUMN_USAGE k WHERE k.REFERENCED_TABLE_NAME IS NOT NULL AND `+r.own("k.TABLE_SCHEMA", "k.TABLE_NAME")+
		" ORDER BY k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION", func(v []string) {
		t := r.table(v[0], v[1])
		if t == nil {
			return
		}
		if t != of || last.Name != v[2] {
			last, of = &seeder.ForeignKey{Name: v[2], RefSchema: v[4], RefTable: v[5]}, t
			if v[4] == r.cat.Database {
				last.RefSchema = ""
			}
			t.ForeignKeys = append(t.ForeignKeys, last)
		}
		last.Columns, last.RefColumns = append(last.Columns, v[3]), append(last.RefColumns, v[6])
		last.Definition = fmt.Sprintf("FOREIGN KEY (%s) REFERENCES %s.%s (%s)", strings.Join(last.Columns, ", "), v[4], v[5], strings.Join(last.RefColumns, ", "))
	})
}

// judge says which tables can't be planted in, and what to know about the others.
func (r *reader) judge(t *seeder.Table) {
	insert := false
	t.WholeSelect = len(t.Columns) > 0
	for _, c := range t.Columns {
		insert = insert || c.CanInsert
		t.WholeSelect = t.WholeSelect && c.CanSelect
	}
	engine := strings.ToUpper(r.engine[t])
	transactions, known := r.engines[engine]
	if transactions && r.blind[t] { // also where nothing can be planted any more: what is there is to go
		r.unseen(t)
	}
	switch {
	case t.Refusal != "":
	case !insert:
		t.Refusal = "the role has no INSERT on it"
	case !known:
		t.Refusal = "the server does not say what its engine is: it may be damaged"
	case transactions:
	case engine == "MYISAM" || engine == "ARIA" || engine == "MEMORY":
		if len(t.Triggers) > 0 {
			t.Refusal = "its engine " + r.engine[t] + " has no transactions, and its triggers act as soon as a row is written: nothing could be tried or taken back"
			return
		}
		if r.blind[t] {
			t.Refusal = "its engine " + r.engine[t] + " has no transactions, and whether it has triggers, which would act as soon as a row is written, is not shown to the role: " + r.grantTrigger(t) + " shows them"
			return
		}
		t.Unsafe = "its engine " + r.engine[t] + " has no transactions: a row is there at once, and a failure in the middle is undone by deleting"
		if engine == "MEMORY" {
			t.Warnings = append(t.Warnings, "its rows, honey rows too, are lost when the server restarts")
		}
	default:
		t.Refusal = "its engine " + r.engine[t] + " has no transactions and can't take a row back"
	}
	for _, c := range t.Columns {
		if c.Sequence == counter && t.Refusal == "" && unsigned(c) {
			t.Warnings = append(t.Warnings, "AUTO_INCREMENT takes no number back: where no unused number lies below it, the trial leaves a gap of as many numbers as rows, like any insert that is rolled back")
		}
	}
	if t.Lasting != "" && t.Refusal == "" && t.Unsafe == "" {
		t.Unsafe = t.Lasting
	}
}
