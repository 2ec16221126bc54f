package incident

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"honeyrow/event"
)

// Containment returns commands that stop the principal at the database, the
// mildest first. They are text for a person to read and paste; names that a
// client or a database chose are quoted so that they stay names, whatever is in
// them, also in a terminal.
func Containment(inc *event.Incident) []event.Command {
	if inc.Story != event.StoryClient || inc.Principal.User == "" {
		return nil
	}
	switch inc.Principal.Protocol {
	case "postgres":
		return containPostgres(inc)
	case "mysql":
		return containMySQL(inc)
	}
	return nil
}

// maxCommands bounds the commands of one kind.
const maxCommands = 8

func containPostgres(inc *event.Incident) []event.Command {
	role, ok := pgIdent(inc.Principal.User)
	if !ok {
		return nil
	}
	name := pgText(inc.Principal.User)
	var out []event.Command
	var pids []string
	for _, s := range latest(inc.Sessions) {
		pids = append(pids, fmt.Sprint(s.BackendPID))
	}
	if len(pids) > 0 {
		out = append(out, event.Command{
			Title: "End its sessions",
			SQL:   fmt.Sprintf("SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid IN (%s) AND usename = %s;", strings.Join(pids, ", "), name),
			Note:  "a session that has ended meanwhile is left out",
		})
	}
	out = append(out, event.Command{
		Title: "End all sessions of the role",
		SQL:   fmt.Sprintf("SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s AND pid <> pg_backend_pid();", name),
		Note:  "also those of other clients that use the role; they may log in again",
	}, event.Command{
		Title: "Let the role log in no more",
		SQL:   fmt.Sprintf("ALTER ROLE %s NOLOGIN;", role),
		Note:  "sessions that are open stay open: end them after it. Back with ALTER ROLE ... LOGIN",
	})
	for i, t := range inc.Tables {
		if i == maxCommands {
			break
		}
		table, ok := pgIdent(t.Table)
		if schema, ok2 := pgIdent(t.Schema); t.Schema != "" {
			table, ok = schema+"."+table, ok && ok2
		}
		if !ok {
			continue
		}
		out = append(out, event.Command{
			Title: "Take the table from the role", Database: t.Database,
			SQL:  fmt.Sprintf("REVOKE ALL PRIVILEGES ON TABLE %s FROM %s;", table, role),
			Note: "what it has as a member of another role, as PUBLIC or as the owner it keeps",
		})
	}
	return out
}

func containMySQL(inc *event.Incident) []event.Command {
	user := myText(inc.Principal.User)
	var out []event.Command
	for _, s := range latest(inc.Sessions) {
		out = append(out, event.Command{
			Title: "End the session", SQL: fmt.Sprintf("KILL CONNECTION %d;", s.BackendPID),
			Note: "an error that there is no such thread says that it has ended",
		})
	}
	// Which account (user@host) a client is, the server alone decides: all of the
	// name are meant. Names are quoted by backticks, which no SQL mode changes:
	// QUOTE() is wrong under NO_BACKSLASH_ESCAPES.
	every := func(before, after string) string {
		return fmt.Sprintf("SET @honeyrow = (SELECT CONCAT('%s ', GROUP_CONCAT(CONCAT('`', REPLACE(User, '`', '``'), '`@`', REPLACE(Host, '`', '``'), '`') SEPARATOR ', '), '%s') "+
			"FROM mysql.user WHERE User = %s); PREPARE honeyrow FROM @honeyrow; EXECUTE honeyrow; DEALLOCATE PREPARE honeyrow;", before, after, user)
	}
	return append(out, event.Command{
		Title: "Lock the accounts of the user",
		SQL:   every("ALTER USER", " ACCOUNT LOCK"),
		Note:  "on every host. Sessions that are open stay open: end them after it. Back with ALTER USER ... ACCOUNT UNLOCK; MariaDB knows it from 10.4 on. An error near NULL says that no account has this name",
	}, event.Command{
		Title: "Take every privilege from the accounts of the user",
		SQL:   every("REVOKE ALL PRIVILEGES, GRANT OPTION FROM", ""),
		Note:  "write down SHOW GRANTS first; roles that it has stay",
	})
}

// latest are the sessions whose server process is known, the latest first.
func latest(ss []event.IncidentSession) []event.IncidentSession {
	ss = slices.DeleteFunc(slices.Clone(ss), func(s event.IncidentSession) bool { return s.BackendPID == 0 })
	slices.Reverse(ss)
	return ss[:min(len(ss), maxCommands)]
}

// plain reports whether a rune may stand in a terminal and a quoted name as it is.
func plain(r rune) bool { return r == ' ' || r != '\'' && r != '"' && r != '\\' && unicode.IsPrint(r) }

// printable reports whether all of a text can stand as it is.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) && !strings.ContainsRune(`'"\`, r) })
}

// pgIdent quotes an identifier (PostgreSQL manual, 4.1.1). What can't be shown
// is escaped by its code (U&"..."), which needs standard_conforming_strings, on
// by default; without it the server refuses the command. False if there is no
// way to write it: bytes that are not UTF-8, a zero byte.
func pgIdent(s string) (string, bool) {
	if s == "" || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return "", false
	}
	if printable(s) {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`, true
	}
	var b strings.Builder
	b.WriteString(`U&"`)
	for _, r := range s {
		switch {
		case plain(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\+%06X`, r)
		default:
			fmt.Fprintf(&b, `\%04X`, r)
		}
	}
	return b.String() + `"`, true
}

// pgText quotes a string constant that means the same with and without
// standard_conforming_strings (4.1.2.2). s is valid UTF-8.
func pgText(s string) string {
	if printable(s) && !strings.Contains(s, `\`) {
		return `'` + strings.ReplaceAll(s, `'`, `''`) + `'`
	}
	var b strings.Builder
	b.WriteString(`E'`)
	for _, r := range s {
		switch {
		case plain(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08X`, r)
		default:
			fmt.Fprintf(&b, `\u%04X`, r)
		}
	}
	return b.String() + `'`
}

// myText quotes a string constant for MySQL and MariaDB that means the same in
// every SQL mode: what is not plainly printable is given as bytes.
func myText(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) || r >= utf8.RuneSelf }) {
		return `'` + s + `'`
	}
	return fmt.Sprintf("CONVERT(0x%X USING utf8mb4)", s)
}
