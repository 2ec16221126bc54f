package token

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"honeyrow/event"
)

// Life is everything that is known about a token: what a responder wants to
// hear who holds a value that was found outside.
type Life struct {
	Token
	// RowNumber is the honey row's number in its deployment, DeploymentNumber
	// that of the deployment in the registry, both from 1; 0 if not known.
	RowNumber        int `json:"row_number,omitempty"`
	DeploymentNumber int `json:"deployment_number,omitempty"`
	// Verified is when the honey row was last looked at, Found what it was
	// then: "intact", "changed", "gone", "repeated", "unknown".
	Verified time.Time `json:"verified_at,omitzero"`
	Found    string    `json:"found,omitempty"`
	// Reads counts the alerts in which the honey row came back to a client, Uses
	// those in which a client's statement held one of its values. Drills don't count.
	Reads     int       `json:"reads"`
	Uses      int       `json:"uses"`
	FirstSeen time.Time `json:"first_seen,omitzero"` // of both
	LastSeen  time.Time `json:"last_seen,omitzero"`
}

// Tell says it in a sentence, without the value.
func (l *Life) Tell(now time.Time) string {
	var b strings.Builder
	if l.RowNumber > 0 {
		fmt.Fprintf(&b, "row %d of deployment %d, ", l.RowNumber, l.DeploymentNumber)
	}
	if l.Copy != "" {
		b.WriteString(l.database() + ", ")
	}
	parts := []string{l.Place.Database}
	if l.Place.Schema != "" {
		parts = append(parts, l.Place.Schema)
	}
	b.WriteString(strings.Join(append(parts, l.Place.Table, l.Place.Column), ".") + " on server " + l.Place.Server)
	fmt.Fprintf(&b, ", planted by %s on %s", l.PlantedBy, l.PlantedAt.UTC().Format(time.DateOnly))
	if l.Owner != "" {
		b.WriteString(", registered by " + l.Owner)
	}
	switch l.State {
	case Planned:
		b.WriteString(", not known to be in the table yet")
	case Retired:
		if l.Expired() {
			fmt.Fprintf(&b, ", expired on %s and watched until %s (the leak is older than that day)", l.ChangedAt.UTC().Format(time.DateOnly), l.Until.UTC().Format(time.DateOnly))
			break
		}
		b.WriteString(", out of use since " + l.ChangedAt.UTC().Format(time.DateOnly))
	case Removed:
		b.WriteString(", removed on " + l.ChangedAt.UTC().Format(time.DateOnly) + " and no longer watched")
	}
	if l.Verified.IsZero() {
		b.WriteString(", never verified")
	} else {
		fmt.Fprintf(&b, ", last verified %s (%s)", day(now, l.Verified), l.Found)
	}
	if l.Reads == 0 {
		b.WriteString(", never read since")
	} else {
		fmt.Fprintf(&b, ", read %s since", times(l.Reads))
	}
	if l.Uses > 0 {
		fmt.Fprintf(&b, ", used in statements %s", times(l.Uses))
	}
	if !l.LastSeen.IsZero() {
		b.WriteString(", last " + day(now, l.LastSeen))
	}
	return b.String()
}

// day names the day of t as people do.
func day(now, t time.Time) string {
	y, m, d := now.UTC().Date()
	switch days := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Sub(t.UTC().Truncate(24*time.Hour)) / (24 * time.Hour); days {
	case 0:
		return "today"
	case 1:
		return "yesterday"
	}
	return "on " + t.UTC().Format(time.DateOnly)
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

// Forms returns the value and what it may have been before somebody copied,
// quoted or encoded it: without white space and quotes around it, in small
// letters, out of percent signs, escapes of JSON and HTML, hexadecimal digits, base64. The value itself
// comes first; none comes twice.
func Forms(value string) []string {
	out := []string{value}
	add := func(v string) {
		if v == "" || len(v) > 1<<16 {
			return
		}
		for _, have := range out {
			if have == v {
				return
			}
		}
		out = append(out, v)
	}
	trimmed := strings.TrimSpace(strings.TrimPrefix(strings.ReplaceAll(value, "\x00", ""), "\ufeff")) // of a file in UTF-16, or with a mark
	add(trimmed)
	add(strings.TrimSpace(strings.Trim(trimmed, `"'`+"`<>()[],;")))
	for _, v := range out[:len(out):len(out)] {
		add(strings.ToLower(v))
		add(strings.TrimPrefix(strings.ToLower(v), "mailto:"))
		if p, err := url.QueryUnescape(v); err == nil {
			add(p)
		}
		if j, err := strconv.Unquote(`"` + strings.ReplaceAll(v, `\/`, "/") + `"`); err == nil {
			add(j)
		}
		add(html.UnescapeString(v))
		if b, err := hex.DecodeString(strings.TrimPrefix(strings.TrimPrefix(v, `\x`), "0x")); err == nil && utf8.Valid(b) {
			add(string(b))
		}
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			if b, err := enc.DecodeString(strings.TrimRight(v, "=")); err == nil && len(b) >= 4 && utf8.Valid(b) {
				add(string(b))
			}
		}
	}
	return out
}

// Worth says what it proves that somebody holds the value.
func (t *Token) Worth() string {
	switch {
	case t.Key:
		return "a row's key: other tables may hold the same number; it proves something only together with the table"
	case t.Strength == Strong:
		return "nobody else has this value: whoever holds it got it from this row, or from a copy of it"
	case t.Strength == Firm:
		return "no other row of the table had this value when it was planted: strong evidence as a whole field"
	}
	return "others may have the same value: it proves something only together with other values of the row"
}

// Deed is one entry of the log of what was done to honey rows.
type Deed struct {
	N       uint64    `json:"n,omitempty"` // its number, from 1; the store's
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"`          // user@host of the process
	Version string    `json:"version"`        // of honeyrow
	Role    string    `json:"role,omitempty"` // in the database
	// Action says what was done: "plant" and "planted", "rotate" and "rotated",
	// "remove" and "removed" (before the first change and after the last),
	// "reconciled", "verified", "demoted", "expired", "failed", "decoy added",
	// "decoy removed", "drill" (a honey row is about to be read on purpose), "digests"
	// and "manifest" (values went out, sealed), "merged" (another registry's came in).
	Action     string   `json:"action"`
	Server     string   `json:"server,omitempty"`
	Database   string   `json:"database,omitempty"`
	Copy       string   `json:"copy,omitempty"` // of the database
	Deployment string   `json:"deployment,omitempty"`
	Tables     []string `json:"tables,omitempty"`
	Rows       int      `json:"rows,omitempty"`
	Tokens     int      `json:"tokens,omitempty"`
	PlantedBy  string   `json:"planted_by,omitempty"` // who answers for it, if said
	Note       string   `json:"note,omitempty"`
	// Plan is the SHA-256 of what was applied, in hexadecimal digits.
	Plan string `json:"plan,omitempty"`
	// Detail says more in words, never with a value.
	Detail string `json:"detail,omitempty"`
	// Sum links the entry to all before it; the store's.
	Sum string `json:"sum,omitempty"`
}

// Chronicle remembers what was done, and what a verification found.
type Chronicle interface {
	// Record appends to the log. The store sets number, time, actor and sum.
	Record(ctx context.Context, d Deed) error
	// Verified notes what was found of honey rows.
	Verified(ctx context.Context, found map[event.ID]string) error
	// Replace makes the fresh tokens Live and the old ones Retired, watched until
	// the given time, all or none.
	Replace(ctx context.Context, until time.Time, fresh, old []event.ID) error
	// Expire moves retired tokens whose time has come to Removed and returns how many.
	Expire(ctx context.Context) (int, error)
}
