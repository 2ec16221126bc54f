package generate

import (
	"math/rand/v2"

	"honeyrow/token"
)

// status keeps the template row's status. The seeder prefers templates whose
// status is at rest, so that no job acts on the honey row.
type status struct{}

func (status) Kind() string { return "status" }

func (status) Trait() Trait { return Trait{Strength: token.Weak} }

func (status) Fit(c *Column) (int, string) {
	return clue{
		names: []string{
			"status", "state", "order status", "payment status", "account status", "stage", "phase", "active", "is active", "enabled", "disabled", "deleted", "locked", "closed",
			"shipped", "archived", "inactive", "is deleted", "is enabled", "is locked", "suspended",
		},
		classes: []Class{Text, Enum, Bool},
		valid:   func(v string) bool { return len(v) >= 1 && len(v) <= 40 }, what: "short texts",
	}.fit(c)
}

func (status) Value(r *rand.Rand, c *Column, row *Row) (string, error) { return kept(r, c, row) }

// Inert reports whether a status says that nothing more will happen to the
// row. column is the status column's name: false in "active" is at rest, and
// so is true in "deleted".
func Inert(column, v string) bool {
	yes := v == "t" || v == "true" || v == "1" || v == "Y" || v == "yes"
	no := v == "f" || v == "false" || v == "0" || v == "N" || v == "no"
	switch {
	case HasPhrase(column, "active", "enabled") && (yes || no):
		return no
	case HasPhrase(column, "disabled", "deleted", "locked", "closed", "shipped", "archived", "inactive", "suspended") && (yes || no):
		return yes
	}
	return HasPhrase(v, "closed", "inactive", "shipped", "delivered", "paid", "cancelled", "canceled", "completed", "complete", "archived", "expired",
		"disabled", "suspended", "terminated", "former", "left", "done", "settled", "refunded", "revoked", "dormant", "retired", "fulfilled", "returned", "resolved", "finished", "deactivated") &&
		!HasPhrase(v, "not", "un", "never", "partially")
}

// Waiting says that somebody or something will act on a row with this status.
func Waiting(v string) bool {
	return HasPhrase(v, "pending", "scheduled", "queued", "waiting", "open", "new", "todo", "to do", "unpaid", "due", "overdue", "processing", "in progress", "ready", "requested", "submitted", "approved", "authorized", "unsent", "draft")
}

// yesNo keeps a yes or no of the template row.
type yesNo struct{}

func (yesNo) Kind() string { return "flag" }

func (yesNo) Trait() Trait { return Trait{Strength: token.Weak} }

func (yesNo) Fit(c *Column) (int, string) {
	if c.Class != Bool {
		return 0, ""
	}
	return 55, "yes or no"
}

func (yesNo) Value(r *rand.Rand, c *Column, row *Row) (string, error) { return kept(r, c, row) }
