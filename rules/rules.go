// Package rules says what follows from a hit: how grave it is, whether the
// traffic passes, and which known clients are left in peace. Today the rules
// are built in and configuration overrides them one by one; a language for own
// rules finds its place here.
package rules

import "honeyrow/event"

// Rule turns a hit into a detection.
type Rule struct {
	ID       string         // stable, used in configuration and alerts
	Title    string         // a few words for listings
	Severity event.Severity // of the detections that it makes
	Action   event.Action   // Alert or Block
	Message  string         // what the client is told when the action is Block
	Advice   string         // what to do about a detection, for people
}

// The builtin rules' IDs.
const (
	RowRead        = "honey-row-read"
	ValuePresented = "honey-value-presented"
	Replication    = "replication-stream"
	Injection      = "sql-injection"
	RowSought      = "honey-row-sought"
	Attempt        = "injection-attempt"
	ParserFailing  = "parser-failing"
)

// builtin is the list of rules, in the order of listings.
var builtin = []Rule{
	{
		ID: RowRead, Title: "A honey row was read", Severity: event.Critical, Action: event.Alert,
		Message: "the result was refused by policy",
		Advice: "No application needs this row. Find out who used the session's account and address, what else the " +
			"session read, and whether the account's password is known elsewhere. If it was a backup or a " +
			"migration, add a narrow allowance with an end date.",
	},
	{
		ID: ValuePresented, Title: "A honey value was presented", Severity: event.High, Action: event.Alert,
		Message: "the statement was refused by policy",
		Advice: "The value exists only in a honey row: whoever presents it has seen that row, or data copied from it. " +
			"Look for an earlier detection of the same honey row, and for copies and exports of its table.",
	},
	{
		ID: Replication, Title: "A replication stream was opened", Severity: event.High, Action: event.Alert,
		Message: "replication is refused by policy",
		Advice: "Replication and base backups carry whole tables, and their contents can be inspected only in part. " +
			"If this is a known standby or backup, allow it by user and address.",
	},
	{
		ID: Injection, Title: "A statement looks like an injection", Severity: event.Medium, Action: event.Alert,
		Message: "the statement was refused by policy",
		Advice: "Somebody writes SQL through a parameter of the application, or tries to. Find the request by the time, " +
			"the client's address and the statement's tags; the text shows which parameter. High severity means that the " +
			"statement names a table with honey rows. If it is a tool of your own, allow it by user and application.",
	},
	{
		ID: RowSought, Title: "A honey row was asked for", Severity: event.High, Action: event.Alert,
		Message: "the statement was refused by policy",
		Advice: "The statement names a honey row by its key, or a table that holds nothing but honey rows. Whether anything " +
			"came back or not, nobody has a reason to ask: find out where the key or the table's name is known from. An " +
			"application that walks over all keys of a table needs an allowance for this rule.",
	},
	{
		ID: Attempt, Title: "A value looks like SQL", Severity: event.Low, Action: event.Alert,
		Message: "the statement was refused by policy",
		Advice: "Somebody tried to inject SQL, and the application passed the text on as a value, as it should. Nothing " +
			"happened. Look at the client's other requests: who tries one parameter tries them all.",
	},
	{
		ID: ParserFailing, Title: "Statements are judged without a parser", Severity: event.Medium, Action: event.Alert,
		Message: "the statement was refused by policy",
		Advice: "The process that parses statements died several times in a row, or could not be started. Until it is back, " +
			"statements are judged by their words alone, which sees less. The log says why it died; an alert on a " +
			"parser-killer says who sent the statement, if it was a statement.",
	},
}

// Builtin returns the rules that are shipped, in the order of listings.
func Builtin() []Rule { return append([]Rule(nil), builtin...) }
