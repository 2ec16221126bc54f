package seeder

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Routine is a function or procedure that a trigger may call.
type Routine struct {
	Language string
	Body     string // empty: it is not shown to the role
	Definer  bool   // it has the rights of who made it
}

// effect is one thing that a statement's triggers do elsewhere.
type effect struct {
	verb    string // "changes", "adds rows to", "deletes rows of", "tells", "unread"
	what    string // a table's name, a channel's, or what is not analysed
	columns []string
	table   *Table // nil if the role does not see it
	definer bool   // it is done with the rights of who made the routine
}

// names of statements, quoted or not, after a schema's or database's
const (
	word   = "(?:\"(?:[^\"]|\"\")+\"|`(?:[^`]|``)+`|[\\pL_][\\pL\\pN_$]*)"
	tableP = "(" + word + `(?:\s*\.\s*` + word + ")?)"
)

var (
	inserting = regexp.MustCompile(`(?i)\b(?:insert|replace)\s+(?:low_priority\s+|delayed\s+|high_priority\s+)?(?:ignore\s+)?(into\s+)?` + tableP)
	replacing = regexp.MustCompile(`(?i)\breplace\s+(?:low_priority\s+|delayed\s+)?(into\s+)?` + tableP)
	upserting = regexp.MustCompile(`(?is)\binsert\s+(?:ignore\s+)?into\s+` + tableP + `[^;]*?(?:\bon\s+duplicate\s+key\s+update\b|\bdo\s+update\s+set\b)([^;]*)`)
	deleting  = regexp.MustCompile(`(?i)\b(?:delete\s+(?:low_priority\s+|quick\s+|ignore\s+)*from\s+(?:only\s+)?|truncate\s+(?:table\s+)?(?:only\s+)?|merge\s+into\s+(?:only\s+)?)` + tableP)
	dropping  = regexp.MustCompile(`(?is)\bdelete\s+(?:low_priority\s+|quick\s+|ignore\s+)*[^;]*?\bfrom\b([^;]*)`) // MySQL: of several tables
	joined    = regexp.MustCompile(`(?i)(?:^|,|\bjoin\b|\busing\b)\s*` + tableP)
	updating  = regexp.MustCompile(`(?is)\bupdate\s+(?:low_priority\s+|ignore\s+|only\s+)*` + tableP + `([^;]*?)\bset\b([^;]*)`)
	notifying = regexp.MustCompile(`(?i)\bpg_notify\s*\(\s*(?:'((?:[^']|'')*)')?|\bnotify\s+(` + word + `)`)
	composing = regexp.MustCompile(`(?i)\bexecute\s+(?:immediate\b|format\b|'|\$|[\pL_]|\()`)
	calling   = regexp.MustCompile(`(?i)(` + word + `(?:\s*\.\s*` + word + `)?)\s*\(`)
	called    = regexp.MustCompile(`(?i)\bcall\s+` + tableP)
	clauses   = regexp.MustCompile(`(?i)\b(?:where|returning|from|order\s+by|limit)\b`)
	assigned  = regexp.MustCompile(`(?:^|,)\s*\(?\s*(?:` + word + `\s*\.\s*)?(` + word + `)\s*=`)
)

// effects are what the triggers of a table do elsewhere when rows of it are
// inserted or deleted, as far as their texts tell: they are followed to the
// routines that they call and to the triggers of the tables that they write to.
func (c *Catalog) effects(t *Table, on func(Trigger) bool) []effect {
	var out []effect
	c.follow(t, false, on, map[string]bool{}, &out)
	return out
}

func (c *Catalog) follow(t *Table, definer bool, on func(Trigger) bool, seen map[string]bool, out *[]effect) {
	for _, g := range slices.Concat(t.Triggers, t.Updating) {
		if !on(g) || g.Enabled == "no" || g.Enabled == "replica" || seen[t.String()+" "+g.Name] {
			continue
		}
		seen[t.String()+" "+g.Name] = true
		c.read(t, Routine{g.Language, g.Body, definer || g.Definer}, "trigger "+g.Name, seen, out)
	}
}

// read takes in what one text does.
func (c *Catalog) read(t *Table, r Routine, name string, seen map[string]bool, out *[]effect) {
	switch {
	case r.Language == "internal": // the server's own, of the row at hand
		return
	case r.Language != "sql" && r.Language != "plpgsql":
		add(out, effect{verb: "unread", what: name + ", which is written in " + r.Language})
		return
	case strings.TrimSpace(r.Body) == "":
		add(out, effect{verb: "unread", what: name + ", whose text is not shown"})
		return
	}
	d := Dialect{MySQL: c.Product != "postgres"}
	for _, m := range notifying.FindAllStringSubmatch(d.Plain(r.Body, true), -1) {
		add(out, effect{verb: "tells", what: m[1] + strings.Trim(m[2], `"`)})
	}
	sql := d.Plain(r.Body, false)
	if composing.MatchString(sql) {
		add(out, effect{verb: "unread", what: name + ", which puts statements together when it runs"})
	}
	c.writes(t, r.Definer, sql, seen, out)
	names := calling.FindAllStringSubmatch(sql, -1)
	for _, m := range append(names, called.FindAllStringSubmatch(sql, -1)...) {
		_, fn := unquoted(m[1])
		fn = strings.ToLower(fn)
		if to, ok := c.Routines[fn]; ok && !seen[fn+"()"] {
			seen[fn+"()"] = true
			to.Definer = to.Definer || r.Definer
			c.read(t, to, "routine "+fn, seen, out)
		}
	}
	for _, m := range called.FindAllStringSubmatch(sql, -1) {
		if _, fn := unquoted(m[1]); c.Routines[strings.ToLower(fn)] == (Routine{}) {
			add(out, effect{verb: "unread", what: "procedure " + fn})
		}
	}
}

// writes takes in the tables that statements write to, and what their triggers do.
func (c *Catalog) writes(t *Table, definer bool, sql string, seen map[string]bool, out *[]effect) {
	take := func(name, verb, set string, on func(Trigger) bool) {
		schema, bare := unquoted(name)
		// A record's name, an alias or a keyword is no table that is known.
		to := c.near(t, schema, bare)
		if to == nil && (verb != "adds rows to" && schema == "" || strings.EqualFold(bare, "set")) {
			return
		}
		e := effect{verb: verb, what: bare, table: to, definer: definer}
		if schema != "" {
			e.what = schema + "." + bare
		}
		if to != nil {
			e.what = to.String()
		}
		for _, m := range assigned.FindAllStringSubmatch(clauses.Split(set, 2)[0], -1) {
			_, column := unquoted(m[1])
			e.columns = append(e.columns, column)
		}
		add(out, e)
		if to != nil {
			c.follow(to, definer, on, seen, out)
		}
	}
	inserts := func(g Trigger) bool { return g.OnInsert }
	updates := func(g Trigger) bool { return g.OnUpdate }
	deletes := func(g Trigger) bool { return g.OnDelete }
	for _, m := range inserting.FindAllStringSubmatch(sql, -1) {
		if schema, bare := unquoted(m[2]); m[1] != "" || c.near(t, schema, bare) != nil {
			take(m[2], "adds rows to", "", inserts)
		}
	}
	for _, m := range replacing.FindAllStringSubmatch(sql, -1) {
		if schema, bare := unquoted(m[2]); m[1] != "" || c.near(t, schema, bare) != nil {
			take(m[2], "deletes rows of", "", deletes)
		}
	}
	for _, m := range upserting.FindAllStringSubmatch(sql, -1) {
		take(m[1], "changes", m[2], updates)
	}
	for _, m := range updating.FindAllStringSubmatch(sql, -1) {
		take(m[1], "changes", m[3], updates)
		for _, also := range joined.FindAllStringSubmatch(m[2], -1) { // MySQL: of several tables
			if schema, bare := unquoted(also[1]); c.Product != "postgres" && c.near(t, schema, bare) != nil {
				take(also[1], "changes", m[3], updates)
			}
		}
	}
	if c.Product != "postgres" { // which of them is said by names that may be aliases
		for _, m := range dropping.FindAllStringSubmatch(sql, -1) {
			for _, also := range joined.FindAllStringSubmatch(clauses.Split(m[1], 2)[0], -1) {
				if schema, bare := unquoted(also[1]); c.near(t, schema, bare) != nil {
					take(also[1], "deletes rows of", "", deletes)
				}
			}
		}
	}
	for _, m := range deleting.FindAllStringSubmatch(sql, -1) {
		take(m[1], "deletes rows of", "", deletes)
	}
}

// near is the table that a name means in a trigger of t, nil if none is known.
func (c *Catalog) near(t *Table, schema, name string) *Table {
	var found *Table
	for _, o := range c.Tables {
		if !strings.EqualFold(o.Name, name) || schema != "" && o.Schema != schema && (o.Schema != "" || schema != c.Database) {
			continue
		}
		if found == nil || o.Schema == t.Schema {
			found = o
		}
	}
	return found
}

// unquoted takes a name in a statement apart.
func unquoted(name string) (schema, bare string) {
	parts := regexp.MustCompile(word).FindAllString(name, -1)
	for i, p := range parts {
		if p[0] == '"' || p[0] == '`' {
			parts[i] = strings.ReplaceAll(p[1:len(p)-1], p[:1]+p[:1], p[:1])
		}
	}
	if len(parts) > 1 {
		return parts[0], parts[1]
	}
	return "", parts[0]
}

// add takes in an effect, once.
func add(out *[]effect, e effect) {
	for i, o := range *out {
		if o.verb == e.verb && o.what == e.what {
			(*out)[i].definer = o.definer && e.definer
			for _, c := range e.columns {
				if !slices.Contains(o.columns, c) {
					(*out)[i].columns = append((*out)[i].columns, c)
				}
			}
			return
		}
	}
	*out = append(*out, e)
}

// alters says which rows of other tables an insert changes or deletes by triggers,
// empty if none, but for those of a table that is let be.
func (c *Catalog) alters(t, let *Table) string {
	var names []string
	for _, e := range c.effects(t, func(g Trigger) bool { return g.OnInsert }) {
		if (e.verb == "changes" || e.verb == "deletes rows of") && e.table != t && (let == nil || e.table != let) && !slices.Contains(names, e.what) {
			names = append(names, e.what)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "its triggers change or delete rows of " + strings.Join(names, ", ") + " when a row is inserted: a honey row would alter real ones, and removing it need not take that back"
}

// stirs says, line by line, what triggers do elsewhere when honey rows are inserted,
// and what of it stays when they are removed.
func (c *Catalog) stirs(t *Table) (out []string) {
	back := map[string]bool{}
	for _, e := range c.effects(t, func(g Trigger) bool { return g.OnDelete }) {
		back[e.what] = true
	}
	for _, e := range c.effects(t, func(g Trigger) bool { return g.OnInsert }) {
		what := e.what
		if len(e.columns) > 0 {
			what += " (" + strings.Join(e.columns, ", ") + ")"
		}
		stays := ": that stays when the honey row is removed"
		if back[e.what] {
			stays = ": its triggers write there when a row is deleted too; whether that takes it back is not known"
		}
		switch e.verb {
		case "unread":
			out = append(out, "not analysed: what is done by "+what)
		case "tells":
			if what == "" {
				what = "a channel whose name is made when it runs"
			}
			out = append(out, fmt.Sprintf("its triggers tell the listeners on channel %s (NOTIFY) of each honey row that is planted: what they do then is not known", what))
		case "changes":
			if e.table == t {
				continue // seen in the trial
			}
			out = append(out, "its triggers change rows of "+what+stays+"; sums over it move")
		case "adds rows to":
			out = append(out, "its triggers add rows to "+what+stays+"; its count moves")
		default:
			out = append(out, "its triggers delete or replace rows of "+what+stays+"; its count moves")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(back)) {
		if e := c.effectOn(t, name); e == nil {
			out = append(out, "when honey rows are removed, its triggers write to "+name)
		}
	}
	return out
}

// effectOn is what an insert does to a table, nil if nothing.
func (c *Catalog) effectOn(t *Table, name string) *effect {
	for _, e := range c.effects(t, func(g Trigger) bool { return g.OnInsert }) {
		if e.what == name {
			return &e
		}
	}
	return nil
}
