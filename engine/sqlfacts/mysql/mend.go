package mysql

import (
	"bytes"
	"fmt"
	"strings"

	"honeyrow/engine/sqlfacts"
)

// lexeme is one of a surrogate, which has neither comments nor escapes.
type lexeme struct {
	from, to int
	word     string // lower case; "" if it is no word
	mark     byte   // the first byte of any other
	level    int    // open brackets before it
	match    int    // of a bracket: the index of the one that closes it
}

// split cuts a surrogate.
func split(b []byte) []lexeme {
	var out []lexeme
	var open []int
	for i := 0; i < len(b); {
		c := b[i]
		if c <= ' ' {
			i++
			continue
		}
		x := lexeme{from: i, mark: c, level: len(open), match: -1}
		switch {
		case c == '\'' || c == '"' || c == '`':
			i = closing(b, i)
		case wordByte(c):
			for i < len(b) && wordByte(b[i]) {
				i++
			}
			x.word = string(bytes.ToLower(b[x.from:i]))
		case c == '@':
			for i < len(b) && (b[i] == '@' || b[i] == '.' || wordByte(b[i])) {
				i++
			}
			if i < len(b) && (b[i] == '\'' || b[i] == '"' || b[i] == '`') {
				i = closing(b, i)
			}
		default:
			i++
			switch c {
			case '(':
				open = append(open, len(out))
			case ')':
				if n := len(open); n > 0 {
					out[open[n-1]].match = len(out)
					open = open[:n-1]
					x.level = n - 1
				}
			}
		}
		x.to = i
		out = append(out, x)
	}
	return out
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}

// closing is the place behind the quote that closes the one at b[i].
func closing(b []byte, i int) int {
	q := b[i]
	for i++; i < len(b); i++ {
		if b[i] == q {
			if i+1 < len(b) && b[i+1] == q {
				i++
				continue
			}
			return i + 1
		}
	}
	return len(b)
}

// cut is a part of a statement that the parser does not know, read apart.
type cut struct {
	statement int
	kind      sqlfacts.Kind
	name      string
	text      string // an expression list; "" if there is none
}

// mended is a text that was changed to suit the parser.
type mended struct {
	text []byte
	what string
	cuts []cut
}

// mender applies what is known to help.
type mender struct {
	src   []byte
	lex   []lexeme
	env   sqlfacts.Env
	edits []edit
	what  []string
	cuts  []cut

	statement int
	first     string // the statement's first word
	fresh     bool   // no lexeme of the statement so far
}

type edit struct {
	from, to int
	with     string
}

// mend changes a text that the parser refused; nil if nothing is known to help.
func mend(surrogate []byte, env sqlfacts.Env) *mended {
	m := &mender{src: surrogate, lex: split(surrogate), env: env, fresh: true}
	for i := 0; i < len(m.lex); {
		i = max(m.step(i), i+1)
	}
	if len(m.edits) == 0 {
		return nil
	}
	out := make([]byte, 0, len(surrogate)+64)
	at := 0
	for _, e := range m.edits {
		if e.from < at {
			continue
		}
		out = append(out, surrogate[at:e.from]...)
		out = append(out, ' ')
		out = append(out, e.with...)
		out = append(out, ' ')
		at = e.to
	}
	out = append(out, surrogate[at:]...)
	return &mended{text: out, what: strings.Join(m.what, ", "), cuts: m.cuts}
}

func (m *mender) word(i int) string {
	if i < 0 || i >= len(m.lex) {
		return ""
	}
	return m.lex[i].word
}

func (m *mender) mark(i int) byte {
	if i < 0 || i >= len(m.lex) {
		return 0
	}
	return m.lex[i].mark
}

func (m *mender) is(i int, words ...string) bool {
	for k, w := range words {
		if m.word(i+k) != w {
			return false
		}
	}
	return true
}

// replace puts text in the place of the lexemes [i, j).
func (m *mender) replace(i, j int, with, what string) int {
	m.edits = append(m.edits, edit{m.lex[i].from, m.lex[j-1].to, with})
	for _, w := range m.what {
		if w == what {
			return j
		}
	}
	m.what = append(m.what, what)
	return j
}

func (m *mender) text(i, j int) string {
	if i >= j || i >= len(m.lex) {
		return ""
	}
	return string(m.src[m.lex[i].from:m.lex[min(j, len(m.lex))-1].to])
}

// step looks at the lexeme i and gives the next one to look at.
func (m *mender) step(i int) int {
	x := m.lex[i]
	if x.mark == ';' {
		if !m.fresh {
			m.statement++
		}
		m.fresh, m.first = true, ""
		return i + 1
	}
	if m.fresh {
		m.fresh = false
		m.first = x.word
	}
	if x.word == "" {
		return i + 1
	}
	if m.mark(i-1) == '.' { // part of a name
		return i + 1
	}
	switch x.word {
	case "nchar", "nvarchar", "varchar", "int", "integer", "bigint", "smallint", "tinyint", "mediumint":
		return m.castType(i)
	case "returning":
		if x.level == 0 && (m.first == "insert" || m.first == "replace" || m.first == "delete" || m.first == "with" || m.first == "update") {
			return m.cutTail(i)
		}
	case "for":
		if m.is(i, "for", "system_time") {
			return m.systemTime(i)
		}
	case "procedure":
		if m.mark(i+2) == '(' && m.first != "create" && m.first != "drop" && m.lex[i+2].match > 0 {
			end := m.lex[i+2].match + 1
			m.cuts = append(m.cuts, cut{m.statement, sqlfacts.Options, "procedure", m.text(i+1, end)})
			return m.replace(i, end, "", "PROCEDURE ANALYSE")
		}
	case "into":
		return m.into(i)
	case "collate":
		return m.named(i, i+1, "utf8mb4_bin", "collation")
	case "charset":
		return m.named(i, i+1, "utf8mb4", "character set")
	case "character":
		if m.word(i+1) == "set" {
			return m.named(i, i+2, "utf8mb4", "character set")
		}
	case "using":
		if m.mark(i+2) == ')' && m.word(i+1) != "" && m.mark(i-1) != '(' {
			return m.named(i, i+1, "utf8mb4", "character set")
		}
	default:
		return m.more(i)
	}
	return i + 1
}

// more holds the rarer ones.
func (m *mender) more(i int) int {
	x := m.lex[i]
	switch x.word {
	case "or":
		if m.first == "create" && m.is(i, "or", "replace") && m.word(i+2) != "view" && x.level == 0 && m.word(i-1) == "create" {
			return m.replace(i, i+2, "", "CREATE OR REPLACE")
		}
	case "rows":
		if m.is(i, "rows", "examined") && i+2 < len(m.lex) {
			from := i
			if m.word(i-1) == "limit" {
				from--
			}
			return m.replace(from, i+3, "", "ROWS EXAMINED")
		}
	case "previous":
		if m.is(i, "previous", "value", "for") {
			end := i + 4
			for m.mark(end) == '.' {
				end += 2
			}
			if end <= len(m.lex) {
				return m.replace(i, end, "lastval("+m.text(i+3, end)+")", "PREVIOUS VALUE FOR")
			}
		}
	case "distinctrow":
		return m.replace(i, i+1, "distinct", "DISTINCTROW")
	case "sql_cache":
		return m.replace(i, i+1, "", "SQL_CACHE")
	case "separator":
		if m.word(i+1) == "x" && m.mark(i+2) == '\'' { // the parser wants a string
			if slot, ok := sqlfacts.SlotOfHex(strings.Trim(m.text(i+2, i+3), "'")); ok {
				return m.replace(i+1, i+3, string(sqlfacts.AppendString(nil, slot)), "SEPARATOR")
			}
		}
	case "sounds":
		if m.word(i+1) == "like" {
			return m.replace(i, i+2, "=", "SOUNDS LIKE")
		}
	}
	if builtin[x.word] && m.mark(i+1) == '(' && m.lex[i+1].from > x.to {
		return m.replace(i, i+2, x.word+"(", "space before a bracket")
	}
	if unreserved[x.word] && m.mark(i+1) != '(' {
		return m.replace(i, i+1, "`"+x.word+"`", "word")
	}
	return i + 1
}

// builtin are functions whose names the parser knows only with the bracket
// right behind them.
var builtin = func() map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(`adddate bit_and bit_or bit_xor cast count curdate curtime date_add date_sub extract
		group_concat max mid min now position session_user std stddev stddev_pop stddev_samp subdate substr substring sum
		sysdate system_user trim variance var_pop var_samp json_arrayagg json_objectagg`) {
		out[w] = true
	}
	return out
}()

// unreserved are words that the parser keeps for itself and the servers, or
// some of them, do not.
var unreserved = func() map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(`rank dense_rank row_number lag lead ntile cume_dist percent_rank first_value last_value
		nth_value groups of cube lateral empty system array ilike tidb_smj tidb_inlj tablesample until window
		grouping json_table stats_extended tidb_version admin follower`) {
		out[w] = true
	}
	return out
}()

// castType makes CHAR of NCHAR, and so on, in CAST and CONVERT.
func (m *mender) castType(i int) int {
	if m.mark(i+1) != ')' && m.mark(i+1) != '(' || m.word(i-1) != "as" && m.mark(i-1) != ',' || m.lex[i].level == 0 || m.first == "create" {
		return i + 1
	}
	switch m.word(i) {
	case "nchar", "nvarchar", "varchar":
		return m.replace(i, i+1, "char", "CAST AS "+strings.ToUpper(m.word(i)))
	}
	if m.word(i-1) == "as" && m.mark(i+1) == ')' {
		return m.replace(i, i+1, "signed", "CAST AS "+strings.ToUpper(m.word(i)))
	}
	return i + 1
}

// cutTail reads RETURNING apart, which reaches to the end of the statement.
func (m *mender) cutTail(i int) int {
	end := i + 1
	for end < len(m.lex) && m.lex[end].mark != ';' {
		end++
	}
	if end == i+1 {
		return end
	}
	m.cuts = append(m.cuts, cut{m.statement, sqlfacts.Return, "", m.text(i+1, end)})
	return m.replace(i, end, "", "RETURNING")
}

// systemTime leaves FOR SYSTEM_TIME out, and reads the times apart.
func (m *mender) systemTime(i int) int {
	end := i + 2
	var parts []string
	time := func() {
		from := end
		end = m.operand(end)
		if s := m.text(from, end); s != "" {
			parts = append(parts, s)
		}
	}
	switch {
	case m.is(end, "all"):
		end++
	case m.is(end, "as", "of"):
		end += 2
		time()
	case m.is(end, "between"):
		end++
		time()
		if m.is(end, "and") {
			end++
			time()
		}
	case m.is(end, "from"):
		end++
		time()
		if m.is(end, "to") {
			end++
			time()
		}
	}
	m.cuts = append(m.cuts, cut{m.statement, sqlfacts.Options, "system_time", strings.Join(parts, ", ")})
	return m.replace(i, min(end, len(m.lex)), "", "FOR SYSTEM_TIME")
}

// operand is the end of the operand that begins at i: a literal, a call, terms
// joined by + and -.
func (m *mender) operand(i int) int {
	for i < len(m.lex) {
		if m.is(i, "timestamp") || m.is(i, "transaction") {
			i++
		}
		if m.is(i, "interval") {
			i += 2
		}
		if m.mark(i) == '(' && m.lex[i].match > 0 {
			i = m.lex[i].match + 1
		} else {
			i++
			if m.mark(i) == '(' && m.lex[i].match > 0 {
				i = m.lex[i].match + 1
			}
		}
		if m.mark(i) != '+' && m.mark(i) != '-' {
			break
		}
		i++
	}
	return min(i, len(m.lex))
}

// into reads INTO DUMPFILE 'x', INTO OUTFILE 'x' and INTO @a, b apart where they
// belong to a SELECT.
func (m *mender) into(i int) int {
	if m.first == "insert" || m.first == "replace" || m.first == "load" || m.first == "merge" {
		return i + 1
	}
	name, end := "", i+1
	switch {
	case m.is(end, "dumpfile"), m.is(end, "outfile"):
		name = m.word(end)
		end++
		arg := end
		end++
		if end > len(m.lex) {
			return i + 1
		}
		m.cuts = append(m.cuts, cut{m.statement, sqlfacts.Into, name, m.text(arg, end)})
		for name == "outfile" && end < len(m.lex) && fieldWords[m.word(end)] {
			end++
			for end < len(m.lex) && m.mark(end) == '\'' {
				end++
			}
		}
	case m.mark(end) == '@':
		name = "variable"
		for end < len(m.lex) && (m.mark(end) == '@' || m.mark(end) == ',') {
			end++
		}
		m.cuts = append(m.cuts, cut{m.statement, sqlfacts.Into, name, m.text(i+1, end)})
	default:
		return i + 1
	}
	return m.replace(i, end, "", "INTO "+strings.ToUpper(name))
}

var fieldWords = map[string]bool{
	"fields": true, "columns": true, "terminated": true, "by": true, "optionally": true, "enclosed": true, "escaped": true,
	"lines": true, "starting": true,
}

// named puts a name that the parser knows for a collation or character set.
func (m *mender) named(i, at int, with, what string) int {
	for m.mark(at) == '=' {
		at++
	}
	if at >= len(m.lex) || m.mark(at) == ')' || m.mark(at) == '(' || m.mark(at) == ',' || m.word(at) == with {
		return i + 1
	}
	return m.replace(at, at+1, with, what)
}

// attach adds what was cut off to the trees.
func (m *mended) attach(trees []*sqlfacts.Node, parse func(string) ([]*sqlfacts.Node, error)) error {
	for _, c := range m.cuts {
		n := node(c.kind, c.name)
		if c.text != "" {
			got, err := parse("SELECT " + c.text)
			if err != nil {
				return err
			}
			if len(got) != 1 || got[0].Kind != sqlfacts.Select || len(got[0].Args) == 0 {
				return fmt.Errorf("%s: not a list of expressions", c.name)
			}
			n.Args = got[0].Args[0].Args
			if len(got[0].Args) > 1 {
				n.Args = append(n.Args, got[0].Args[1:]...)
			}
		}
		if c.statement >= len(trees) {
			return fmt.Errorf("no statement %d", c.statement)
		}
		t := trees[c.statement]
		t.Args = append(t.Args, n)
	}
	return nil
}
