package engine

import (
	"fmt"
	"slices"
	"strings"

	"honeyrow/event"
	"honeyrow/rules"
)

// summaryText is how much of the statement the summary shows, in bytes.
const summaryText = 120

// summary says a detection in one sentence for a person:
//
//	3 honey rows of crm.public.customers read by app_ro from 10.2.3.4:51544
//	(psql, alice's certificate) with SELECT * FROM customers; planted by dba on 2026-11-21
func summary(d *event.Detection) string {
	var b strings.Builder
	b.WriteString(deed(d))
	b.WriteString(" by ")
	b.WriteString(who(&d.Client))
	if t := strings.TrimRight(oneLine(d.Statement.Text), "; "); t != "" { // what follows begins with one
		b.WriteString(" with ")
		b.WriteString(cut(t, summaryText))
	}
	if w := ways(d); w != "" {
		b.WriteString(", ")
		b.WriteString(w)
	}
	if d.Action >= event.Block {
		b.WriteString("; refused")
	}
	if len(d.Hits) > 0 {
		h := &d.Hits[0]
		fmt.Fprintf(&b, "; planted by %s on %s", h.PlantedBy, h.PlantedAt.UTC().Format("2006-01-02"))
	}
	return clean(b.String())
}

// deed says what happened to what.
func deed(d *event.Detection) string {
	inbound := slices.ContainsFunc(d.Hits, func(h event.Hit) bool { return h.Channel.Inbound() })
	outbound := slices.ContainsFunc(d.Hits, func(h event.Hit) bool { return !h.Channel.Inbound() })
	switch {
	case d.Rule == rules.ParserFailing:
		return fmt.Sprintf("Statements are judged without a parser: it failed %d times in a row", d.HitCount)
	case d.Rule == rules.Attempt:
		return "SQL in a value (" + attempts(d) + ")"
	case d.Rule == rules.RowSought && len(d.Hits) > 0 && d.Hits[0].Means == meansTable:
		return "Decoy table " + tables(d) + " asked for"
	case d.Rule == rules.RowSought:
		return rowsOf(d, d.HoneyRows) + " asked for by key"
	case d.Rule == rules.Replication && d.HitCount == 0:
		return "Replication stream opened"
	case d.Rule == rules.Replication:
		return fmt.Sprintf("Replication stream with %s opened", rowsOf(d, d.HoneyRows))
	case d.Rule == rules.ExpectedMissing:
		return fmt.Sprintf("Expected honey rows not seen (%d of them were) in a run", d.HoneyRows)
	case d.Rule == rules.Injection:
		return suspected(d)
	case !inbound && !outbound:
		return ruled(d)
	case !outbound:
		kinds := distinct(d, func(h *event.Hit) (string, bool) { return h.Kind, h.Channel.Inbound() })
		return fmt.Sprintf("Honey value (%s) of %s presented", strings.Join(kinds, ", "), tables(d))
	}
	deed := rowsOf(d, d.HoneyRows) + " read"
	if inbound {
		deed += ", and a honey value presented,"
	}
	return deed
}

// ruled names the rule that matched, and how often.
func ruled(d *event.Detection) string {
	s := "Rule " + d.Rule
	if len(d.Rules) > 0 {
		s = d.Rules[0].Title + " (rule " + d.Rule + ")"
	}
	if d.HitCount > 1 {
		s += fmt.Sprintf(", %d times,", d.HitCount)
	}
	return s
}

// suspected says what makes a statement look like an injection.
func suspected(d *event.Detection) string {
	fs := slices.Clone(d.Findings)
	slices.SortStableFunc(fs, func(a, b event.Finding) int { return b.Weight - a.Weight })
	var what []string
	for _, f := range fs[:min(len(fs), 3)] {
		what = append(what, f.Title)
	}
	if len(fs) > 3 {
		what = append(what, fmt.Sprintf("%d more", len(fs)-3))
	}
	s := "SQL injection"
	if len(d.Reach) > 0 {
		s += " into " + strings.Join(d.Reach[:min(len(d.Reach), 3)], ", ") + ", which holds honey rows,"
	}
	return s + " (" + strings.Join(what, "; ") + ") suspected"
}

func rowsOf(d *event.Detection, n int) string {
	if n == 1 {
		return "1 honey row of " + tables(d)
	}
	return fmt.Sprintf("%d honey rows of %s", n, tables(d))
}

// tables names the first table and counts the others.
func tables(d *event.Detection) string {
	ts := distinct(d, func(h *event.Hit) (string, bool) { return table(h.Place), true })
	switch len(ts) {
	case 0:
		return "an unknown table"
	case 1:
		return ts[0]
	case 2:
		return ts[0] + " and " + ts[1]
	}
	return fmt.Sprintf("%s and %d other tables", ts[0], len(ts)-1)
}

func table(p event.Place) string {
	parts := []string{p.Database, p.Schema, p.Table}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ".")
}

func distinct(d *event.Detection, f func(*event.Hit) (string, bool)) []string {
	var out []string
	for i := range d.Hits {
		if s, ok := f(&d.Hits[i]); ok && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// who names the client: user, address, and what else is known.
func who(c *event.Client) string {
	var more []string
	if c.Application != "" {
		more = append(more, cut(oneLine(c.Application), 64))
	}
	if c.TLS != nil && c.TLS.Subject != "" {
		more = append(more, commonName(c.TLS.Subject)+"'s certificate")
	}
	if c.Balancer != "" {
		more = append(more, "through "+c.Balancer)
	}
	from := c.Address
	if from == "unix" {
		from = "the unix socket"
		if c.Peer != nil {
			from = fmt.Sprintf("the unix socket (process %d, uid %d)", c.Peer.PID, c.Peer.UID)
		}
	}
	s := c.User + " from " + from
	if len(more) > 0 {
		s += " (" + strings.Join(more, ", ") + ")"
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

// ways says by which uncommon ways values travelled.
func ways(d *event.Detection) string {
	ws := distinct(d, func(h *event.Hit) (string, bool) { w, ok := wayNames[h.Channel]; return w, ok })
	return strings.Join(ws, " and ")
}

var wayNames = map[event.Channel]string{
	event.ChannelError:        "in an error message",
	event.ChannelNotice:       "in a notice",
	event.ChannelNotification: "in a notification",
	event.ChannelParameter:    "in a session parameter",
	event.ChannelLabel:        "in a column's name",
	event.ChannelFunction:     "in a function call's result",
	event.ChannelCopyIn:       "in data copied in",
	event.ChannelLogin:        "at login",
	event.ChannelBind:         "as a bound parameter",
}

// oneLine folds white space and drops control characters.
func oneLine(s string) string {
	if len(s) > 4096 {
		s = cut(s, 4096)
	}
	s = strings.Join(strings.Fields(s), " ")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}
