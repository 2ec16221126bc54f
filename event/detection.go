package event

import "time"

// Schema is the version of Detection's JSON. Fields may be added within a
// version; a change of meaning or a removal makes a new one. docs/alert.md
// documents it.
const Schema = "honeyrow.detection/1"

// MaxHits bounds Detection.Hits; HitCount and HoneyRows go on counting.
const MaxHits = 64

// Detection is a rule's durable record: one per rule and run, however many
// rows of the run carried honey values. A later revision of the same ID
// replaces the earlier one: sinks use ID (and Revision) as idempotency key.
type Detection struct {
	Schema   string    `json:"schema"`
	ID       ID        `json:"id"`
	Revision int       `json:"revision"` // 1, then higher when the record becomes graver or its run ends
	Time     time.Time `json:"time"`     // of the first hit
	Severity Severity  `json:"severity"`
	Rule     string    `json:"rule"` // the weightiest of Rules
	// Rules are all rules that matched, the weightiest first.
	Rules []Match `json:"rules,omitempty"`
	// Summary is the alert in one sentence for a person.
	Summary   string    `json:"summary"`
	Action    Action    `json:"action"`
	Client    Client    `json:"client"`
	Statement Statement `json:"statement"`
	Run       Run       `json:"run"`
	Hits      []Hit     `json:"hits"` // the first MaxHits different tokens
	// HoneyRows counts the different honey rows seen so far in the run.
	HoneyRows int `json:"honey_rows"`
	// HitCount counts all hits of the run, repeats included.
	HitCount int `json:"hit_count"`
	// Chance is how probable it is that ordinary rows gave these hits: of the
	// honey row for which there is the best evidence, all of that row's
	// together. 0 if there is no hit. docs/alert.md has the model.
	Chance float64 `json:"chance,omitempty"`
	// Findings are what the detectors saw in the statements of this client, the
	// latest included: at most one a detector, with the weightiest sight.
	Findings []Finding `json:"findings,omitempty"`
	// Reach are the tables with honey rows that a statement with findings names.
	Reach []string `json:"reach,omitempty"`
	// Quarantine is who was shut out because of this.
	Quarantine []Quarantine `json:"quarantine,omitempty"`
	// Origins are the statements that copied out of the tables of these hits what
	// was read elsewhere now: the latest three, oldest first.
	Origins []Origin `json:"origins,omitempty"`
	// Incident is the part it has in an incident, Audit its link in the audit's
	// chain: the outbox sets both, before any sink sees the detection.
	Incident *Membership `json:"incident,omitempty"`
	Audit    *Seal       `json:"audit,omitempty"`
	// Drill marks a test alert: nothing happened.
	Drill bool `json:"drill,omitempty"`
}

// Match is a rule that matched.
type Match struct {
	ID       string   `json:"id"`
	Title    string   `json:"title"`
	Severity Severity `json:"severity"`
	// Actions are what it did, in words: "alert", "tarpit 2s".
	Actions []string `json:"actions"`
	Tags    []string `json:"tags,omitempty"` // CWE-89, T1190
	// Playbook is where the next steps are written down: a page of docs/playbooks,
	// or an address of the owner's.
	Playbook string `json:"playbook,omitempty"`
}

// Quarantine is one subject shut out for a time.
type Quarantine struct {
	By      string    `json:"by"` // "address", "user" or "application"
	Subject string    `json:"subject"`
	Until   time.Time `json:"until"`
	// Refused counts the sessions of the subject that were refused since.
	Refused int `json:"refused"`
}

// Origin is a statement that read a table with honey rows and kept what it read:
// in another table, a variable, a notification.
type Origin struct {
	Time        time.Time `json:"time"`
	Session     ID        `json:"session"`
	User        string    `json:"user"`
	Address     string    `json:"address"`
	Application string    `json:"application,omitempty"`
	Text        string    `json:"text"` // redacted as statements are
}

// Statement is what the client asked.
type Statement struct {
	Text string `json:"text"`
	// Shape names the text without its literals; allowances and conditions may
	// name it.
	Shape     string `json:"shape,omitempty"`
	Truncated bool   `json:"truncated,omitempty"` // longer than the configured limit
	Redacted  bool   `json:"redacted,omitempty"`  // literals replaced by ?
	// Parameters are the bound values as text, only if the operator asked.
	Parameters []string `json:"parameters,omitempty"`
	// Tags are the sqlcommenter key-value pairs in the statement's comments.
	Tags map[string]string `json:"tags,omitempty"`
}

// Run is one execution of a statement.
type Run struct {
	Started time.Time `json:"started"`
	// Rows counts the rows returned so far when the record was made.
	Rows uint64 `json:"rows"`
	// Done is true once the run has ended and the counts are final.
	Done bool `json:"done"`
	// Code is the command tag (PostgreSQL: "SELECT 20", MySQL: "OK"), or the
	// SQLSTATE of the error that the client had; of a MySQL syntax error, whose
	// state stands for much else, the number "1064".
	Code string `json:"code,omitempty"`
}

// Place is where a token is planted.
type Place struct {
	Server   string `json:"server"`
	Database string `json:"database"`
	Schema   string `json:"schema,omitempty"`
	Table    string `json:"table"`
	Column   string `json:"column"`
	Key      string `json:"key,omitempty"` // the row's primary key, as text
}

// Hit is one token seen.
type Hit struct {
	Token ID     `json:"token"`
	Kind  string `json:"kind"` // "email", "api_key", ...
	Row   ID     `json:"row"`  // the honey row that holds the token
	Place Place  `json:"place"`
	// Story says in words what was planted where, by whom and when.
	Story     string    `json:"story"`
	PlantedBy string    `json:"planted_by"`
	PlantedAt time.Time `json:"planted_at"`
	Note      string    `json:"note,omitempty"`
	// Copy is the copy of the database that the value was made for, Owner who
	// registered it, if that was another registry; see token.Token.
	Copy    string  `json:"copy,omitempty"`
	Owner   string  `json:"owner,omitempty"`
	Channel Channel `json:"channel"`
	// Means says how it was recognised: "column" (table and column known from
	// the protocol), "field" (a whole field), "part" (inside a longer value),
	// "together" (several weak values of one honey row in one result row),
	// "disguised" (as Disguise says), "predicate" (a statement names the row by its
	// key, whatever comes back), "table" (a statement names a decoy table).
	Means string `json:"means"`
	// Disguise is how a disguised value was hidden: "case", "reversed",
	// "escaped", "hex", "base64", "utf-16", "spaced", "compressed", "md5",
	// "sha1", "sha256", "crc32", "pieces", "numbers" (of its characters) or "computed"
	// (by a function of the statement's own: a digest, a cipher whose key it names,
	// other letters for letters). What is hidden twice has the outer one.
	Disguise string `json:"disguise,omitempty"`
	// Column is the result column's label, the bound parameter's number ($1;
	// MySQL: ?1), or empty.
	Column string `json:"column,omitempty"`
	Count  int    `json:"count"` // how often in this run
	// Evidence is what the first sighting is worth.
	Evidence Evidence `json:"evidence"`
}

// Evidence is what a sighting is worth by itself.
type Evidence struct {
	// Length is how many bytes agreed: of the value, or of its digest.
	Length int `json:"length"`
	// Bits are the information that the value carries, given its kind and form:
	// an ordinary value of the kind is the same by chance once in 2^Bits.
	Bits float64 `json:"bits"`
	// Among is how many rows the table had, none of which held the value, when
	// it was planted; 0 if that is not known.
	Among int64 `json:"among,omitempty"`
	// Searched are the places at which it could have stood so far in the run:
	// fields, or bytes for a value inside something longer.
	Searched uint64 `json:"searched"`
	// Chance is how probable it is that ordinary data gave this hit.
	Chance float64 `json:"chance"`
}
