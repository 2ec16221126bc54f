package incident

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"honeyrow/alert/render"
	"honeyrow/event"
)

// summary says the incident in one sentence for a person, and sets Deed:
//
//	HIGH: 3 honey rows of crm.public.customers read by app_ro from 10.2.3.4:51544
//	(psql, alice's certificate) with SELECT * FROM customers; planted by dba on
//	2026-11-21; session ended
func summary(c *Case) string {
	inc := &c.Incident
	if inc.Drill {
		inc.Deed = "A drill"
		return "TEST: " + render.Clean(inc.Principal.User) + " asked for a test alert; nothing happened"
	}
	inc.Deed = deed(c)
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s by %s from %s", strings.ToUpper(inc.Severity.String()), inc.Deed, named(inc.Principal.User), from(inc))
	var more []string
	if inc.Principal.Application != "" {
		more = append(more, cut(oneLine(inc.Principal.Application), 64))
	}
	if inc.Principal.Certificate != "" {
		more = append(more, commonName(inc.Principal.Certificate)+"'s certificate")
	}
	if len(more) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(more, ", "))
	}
	if inc.Statement != "" {
		b.WriteString(" with " + inc.Statement)
	}
	for _, part := range tail(c) {
		b.WriteString("; " + part)
	}
	return render.Clean(b.String())
}

// tail is what follows the statement.
func tail(c *Case) (parts []string) {
	inc := &c.Incident
	touched := c.Read || c.Sought || c.Presented
	if inc.Injection && touched {
		s := "SQL injection suspected"
		if c.Suspicion != "" {
			s += " (" + c.Suspicion + ")"
		}
		parts = append(parts, s)
	} else if c.Suspicion != "" && touched {
		parts = append(parts, "beside it: "+c.Suspicion)
	}
	if inc.PlantedAt != nil {
		parts = append(parts, "planted by "+named(inc.PlantedBy)+" on "+inc.PlantedAt.UTC().Format("2006-01-02"))
	}
	switch inc.Action {
	case event.Kill:
		parts = append(parts, "session ended")
	case event.Block:
		parts = append(parts, "refused")
	}
	for _, q := range c.ShutOut {
		parts = append(parts, fmt.Sprintf("%s %s shut out until %s", q.By, q.Subject, q.Until.UTC().Format("15:04 UTC")))
	}
	if inc.OffHours {
		parts = append(parts, "outside of working hours")
	}
	if inc.FirstSeen {
		parts = append(parts, "not seen before")
	}
	if inc.Detections > 1 {
		s := fmt.Sprintf("%d alerts", inc.Detections)
		if inc.Repeats > 0 {
			s += fmt.Sprintf(", %d of them repeats,", inc.Repeats)
		}
		parts = append(parts, s+" since "+inc.Opened.UTC().Format("15:04:05 UTC"))
	}
	switch inc.State {
	case event.Acknowledged, event.Resolved, event.Allowed:
		last := inc.Changes[len(inc.Changes)-1]
		for _, x := range inc.Changes {
			if x.To == inc.State && x.From != inc.State {
				last = x
			}
		}
		parts = append(parts, fmt.Sprintf("%s by %s", inc.State, last.By))
	}
	return parts
}

// deed says what happened to what.
func deed(c *Case) string {
	inc := &c.Incident
	switch {
	case c.Read:
		s := rows(inc) + " read"
		if c.Presented {
			s += ", and honey values presented,"
		}
		return s
	case c.Presented:
		return "Honey values of " + tables(inc) + " presented"
	case c.Sought && inc.HoneyRows > 0:
		return rows(inc) + " asked for"
	case c.Sought:
		return "Decoy table " + tables(inc) + " asked for"
	case inc.Injection:
		s := "SQL injection"
		if len(inc.Tables) > 0 {
			s += " into " + tables(inc) + ", which holds honey rows,"
		}
		s += " suspected"
		if c.Suspicion != "" {
			s += " (" + c.Suspicion + ")"
		}
		return s
	}
	return c.Doing
}

func rows(inc *event.Incident) string {
	if inc.HoneyRows == 1 {
		return "1 honey row of " + tables(inc)
	}
	return fmt.Sprintf("%d honey rows of %s", inc.HoneyRows, tables(inc))
}

// tables names those with honey rows that were seen, or else all.
func tables(inc *event.Incident) string {
	ts := slices.DeleteFunc(slices.Clone(inc.Tables), func(t event.IncidentTable) bool { return t.HoneyRows == 0 })
	if len(ts) == 0 {
		ts = inc.Tables
	}
	names := make([]string, len(ts))
	for i, t := range ts {
		names[i] = tableName(t)
	}
	switch len(names) {
	case 0:
		return "an unknown table"
	case 1:
		return names[0]
	case 2:
		return names[0] + " and " + names[1]
	}
	return fmt.Sprintf("%s and %d other tables", names[0], len(names)-1)
}

func tableName(t event.IncidentTable) string {
	parts := slices.DeleteFunc([]string{t.Database, t.Schema, t.Table}, func(s string) bool { return s == "" })
	return strings.Join(parts, ".")
}

// from is where it came from: the session's address if there is but one.
func from(inc *event.Incident) string {
	where := inc.Principal.Address
	if where == "unix" {
		where = "the unix socket"
	} else if inc.SessionCount == 1 && len(inc.Sessions) == 1 {
		where = inc.Sessions[0].Address
	}
	if inc.SessionCount > 1 {
		where += fmt.Sprintf(" in %d sessions", inc.SessionCount)
	}
	return where
}

func named(s string) string {
	if s == "" {
		return "somebody unnamed"
	}
	return s
}

// commonName is the CN of a distinguished name, or all of it.
func commonName(dn string) string {
	for part := range strings.SplitSeq(dn, ",") {
		if cn, ok := strings.CutPrefix(strings.TrimSpace(part), "CN="); ok {
			return cn
		}
	}
	return dn
}

func oneLine(s string) string { return strings.Join(strings.Fields(cut(s, 4096)), " ") }

// cut shortens s to n bytes, between runes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}
