package mydb

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"honeyrow/seeder"
)

// calls is a statement that runs another routine.
var calls = regexp.MustCompile(`(?i)\bcall\s`)

// part is a name of a statement, quoted or not.
const part = "(?:`((?:[^`]|``)+)`|([0-9A-Za-z_$\\x{80}-\\x{10FFFF}]+))"

// names are those of a statement.
var names = regexp.MustCompile(part)

// abroad is a table of a named database where a statement reads or writes a table.
var abroad = regexp.MustCompile(`(?i)\b(?:into|update|from|join|insert|replace|ignore|quick|low_priority|high_priority|delayed)\s+` + part + `\s*\.\s*` + part)

// body is what a trigger does, "" if the role may not see it.
type body struct {
	table                    *seeder.Table
	name, timing, event, sql string
}

// triggers is what the database's triggers and functions do.
type triggers struct {
	all       []body
	functions map[string]string // by name in lower case: what they do, "" if it is not shown
	// abroad are the engines of other databases' tables, by database and name, "" if not shown.
	abroad map[[2]string]string
}

func (r *reader) readTriggers(ctx context.Context) error {
	g := &r.triggers
	g.functions, g.abroad = map[string]string{}, map[[2]string]string{}
	err := r.each(ctx, `SELECT EVENT_OBJECT_TABLE, TRIGGER_NAME, ACTION_TIMING, EVENT_MANIPULATION, ACTION_STATEMENT, SQL_MODE FROM information_schema.TRIGGERS
		WHERE TRIGGER_SCHEMA = DATABASE() ORDER BY EVENT_OBJECT_TABLE, TRIGGER_NAME`, func(v []string) {
		if t := r.tables[v[0]]; t != nil {
			g.all = append(g.all, body{t, v[1], v[2], v[3], plain(v[4], v[5])})
		}
	})
	if err == nil && len(g.all) > 0 {
		err = r.readBodies(ctx)
	}
	for _, b := range g.all {
		r.trigger(b)
	}
	if err != nil || !r.cat.HidesTriggers {
		return err
	}
	return r.readBlind(ctx)
}

// readBodies reads what triggers use: functions, and tables of other databases.
func (r *reader) readBodies(ctx context.Context) error {
	g := &r.triggers
	r.cat.Routines = map[string]seeder.Routine{}
	err := r.each(ctx, "SELECT ROUTINE_NAME, ROUTINE_DEFINITION, ROUTINE_TYPE, SQL_MODE FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_TYPE IN ('FUNCTION', 'PROCEDURE')", func(v []string) {
		name, does := strings.ToLower(v[0]), plain(v[1], v[3])
		if v[2] == "FUNCTION" {
			g.functions[name] = does
		}
		body := r.cat.Routines[name].Body // a function and a procedure may have one name
		r.cat.Routines[name] = seeder.Routine{Language: "sql", Body: strings.TrimPrefix(body+";\n"+does, ";\n")}
	})
	for _, b := range g.all {
		r.foreign(b.sql)
	}
	for _, sql := range g.functions {
		r.foreign(sql)
	}
	for t := range g.abroad {
		if err != nil {
			return err
		}
		var rows [][]*string
		if rows, err = r.db.query(ctx, "SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?", t[0], t[1]); err == nil && len(rows) == 1 && rows[0][0] != nil {
			g.abroad[t] = *rows[0][0]
		}
	}
	return err
}

// foreign notes the tables of other databases that a statement names.
func (r *reader) foreign(sql string) {
	for _, t := range r.strangers(sql) {
		r.triggers.abroad[t] = ""
	}
}

// strangers lists the tables of other databases that a statement names.
func (r *reader) strangers(sql string) (out [][2]string) {
	for _, m := range abroad.FindAllStringSubmatch(sql, -1) {
		t := [2]string{strings.ReplaceAll(m[1], "``", "`") + m[2], strings.ReplaceAll(m[3], "``", "`") + m[4]}
		if t[0] != r.cat.Database {
			out = append(out, t)
		}
	}
	return out
}

// trigger takes one in.
func (r *reader) trigger(b body) {
	t := b.table
	g := seeder.Trigger{Name: b.name, Function: b.timing + " " + b.event, Language: "sql", Enabled: "yes", OnInsert: b.event == "INSERT", OnDelete: b.event == "DELETE", OnUpdate: b.event == "UPDATE", Body: b.sql}
	what := r.outside(b.sql, nil)
	if what != "" {
		what = "its trigger " + b.name + " " + what
	}
	if b.sql == "" {
		what = "what its trigger " + b.name + " does is not shown to the role (GRANT TRIGGER shows it): it may leave something that stays, of a run that fails too"
	} else if what != "" {
		what += ": that stays, of a run that fails too"
	}
	switch {
	case g.OnUpdate:
		t.Updating = append(t.Updating, g)
		if what != "" {
			t.LastingUpdate = what
		}
		return
	case what == "":
	case g.OnDelete:
		t.LastingDelete = what
	case g.OnInsert:
		t.Lasting = what + ", can be read before the values are watched, and is not removed"
	}
	t.Triggers = append(t.Triggers, g)
}

// coy reports whether the MariaDB at hand may hide triggers from a role without
// the right as MySQL does: 10.6.23 and 11.4.7 do, 10.11.19 and 11.8.6 name them.
// Which release of a series was the first to do so is not known.
func (db *DB) coy() bool {
	switch db.version {
	case [2]int{10, 11}:
		return db.patch < 19
	case [2]int{11, 8}:
		return db.patch < 6
	}
	return before(db.version, [2]int{11, 8})
}

// readBlind finds the tables whose triggers the server hides: it does not even
// name them to a role without the right.
func (r *reader) readBlind(ctx context.Context) error {
	var lines []string
	if err := r.each(ctx, "SHOW GRANTS", func(v []string) { lines = append(lines, v[0]) }); err != nil {
		return err
	}
	rights := ParseGrants(lines)
	for _, t := range r.cat.Tables {
		if t.Schema == "" && !rights.Has("TRIGGER", r.cat.Database, t.Name) {
			r.blind[t] = true
		}
	}
	return nil
}

// unseen says of a table with transactions what its triggers may do, should it have
// any that the role can't see. One that writes to a table without transactions
// as well fires in a trial, and what it writes there stays, unless the server
// refuses such statements.
func (r *reader) unseen(t *seeder.Table) {
	show := r.grantTrigger(t) + " shows them"
	if r.db.apart {
		if t.Refusal == "" {
			t.Warnings = append(t.Warnings, "whether it has triggers is not shown to the role: "+show)
		}
		return
	}
	t.Lasting = "whether it has triggers is not shown to the role, and this server lets one write to a table without transactions: that would stay, of a run that fails too, could be read before the values are watched, and would not be removed; " + show
	t.LastingUpdate, t.LastingDelete = t.Lasting, t.Lasting
}

// grantTrigger is the statement that shows a table's triggers to the role.
func (r *reader) grantTrigger(t *seeder.Table) string {
	i := strings.LastIndexByte(r.cat.User, '@') // CURRENT_USER() has no quotes
	return fmt.Sprintf("GRANT TRIGGER ON %s.%s TO %s@%s", quote(r.cat.Database), quote(t.Name), text(r.cat.User[:max(i, 0)]), text(r.cat.User[i+1:]))
}

// words are the names that a statement may hold, in lower case.
func words(body string) map[string]bool {
	out := map[string]bool{}
	for _, m := range names.FindAllStringSubmatch(body, -1) {
		out[strings.ToLower(strings.ReplaceAll(m[1], "``", "`")+m[2])] = true
	}
	return out
}

// plain is a routine's text without comments and texts, as the mode in which it was
// made has it: a name that a comment hides, or a comment's that nobody calls, is none.
func plain(body, mode string) string {
	has := func(m string) bool { return slices.Contains(strings.Split(mode, ","), m) }
	return seeder.Dialect{MySQL: true, NoEscapes: has("NO_BACKSLASH_ESCAPES"), AnsiQuotes: has("ANSI_QUOTES")}.Plain(body, false)
}

// outside says what of a trigger's body may outlive a rollback: in tables that it
// names, in those that their triggers name, and in functions; via are the names
// that led here.
func (r *reader) outside(sql string, via []string) string {
	if calls.MatchString(sql) {
		return "calls a procedure that may write to tables without transactions"
	}
	in := words(sql)
	for _, t := range r.cat.Tables {
		if e := r.engine[t]; e != "" && !r.engines[strings.ToUpper(e)] && in[strings.ToLower(t.Name)] {
			return "names table " + t.Name + " (" + e + ")"
		}
	}
	for _, t := range r.strangers(sql) {
		switch e := r.triggers.abroad[t]; {
		case e == "":
			return "names table " + t[0] + "." + t[1] + ", whose engine is not shown to the role and may have no transactions"
		case !r.engines[strings.ToUpper(e)]:
			return "names table " + t[0] + "." + t[1] + " (" + e + ")"
		}
	}
	return r.onward(sql, in, via)
}

// onward follows a body's names to functions and to other triggers.
func (r *reader) onward(sql string, in map[string]bool, via []string) string {
	for _, name := range slices.Sorted(maps.Keys(r.triggers.functions)) {
		if !in[name] || slices.Contains(via, "()"+name) || !regexp.MustCompile("(?i)"+regexp.QuoteMeta(name)+"`?\\s*\\(").MatchString(sql) {
			continue
		}
		does := r.triggers.functions[name]
		if does == "" {
			return "calls function " + name + ", whose text is not shown to the role and which may write to a table without transactions"
		}
		if what := r.outside(does, append(slices.Clone(via), "()"+name)); what != "" {
			return "calls function " + name + ", which " + what
		}
	}
	for _, b := range r.triggers.all {
		table := strings.ToLower(b.table.Name)
		if !in[table] || slices.Contains(via, table) {
			continue
		}
		if b.sql == "" {
			return "names table " + b.table.Name + ", whose trigger " + b.name + " is not shown to the role (GRANT TRIGGER shows it) and may write to a table without transactions"
		}
		if what := r.outside(b.sql, append(slices.Clone(via), table)); what != "" {
			return "names table " + b.table.Name + ", whose trigger " + b.name + " " + what
		}
	}
	return ""
}
