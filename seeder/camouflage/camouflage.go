// Package camouflage judges how well honey rows hide among a table's real
// rows. It plays the thief: one who has this program's source and has trained
// on rows of other runs of it, one who looks for what is unlike the rest, and
// one who tries simple habits. It knows no database: rows come in text form.
//
// The figure is the AUC, the chance that an attacker ranks a honey row above a
// real one: 0.5 is a guess, 1 gives every honey row away. What chance alone
// would give is measured in the same way, with real rows in the place of honey
// rows (the noise floor).
package camouflage

import (
	"time"

	"honeyrow/seeder/generate"
)

// Role says which attacker sees a column.
type Role string

// The roles.
const (
	Content   Role = "content"   // what a row says
	Key       Role = "key"       // a number that a generator gives, or that counts
	Reference Role = "reference" // points at another table
	Ignored   Role = "ignored"   // not known before the row is planted
)

// Column is one column of the table.
type Column struct {
	Name  string
	Class generate.Class
	Kind  string // a generator's, "" if none
	Role  Role
	// Person marks what identifies somebody.
	Person bool
}

// Row is one row as it stands in a dump. Its slices belong to the caller and
// are only read.
type Row struct {
	Values []*string // beside Table.Columns; nil is NULL
	Broods []Brood   // beside Table.Children
	// Pointed are beside Table.Pointed; zero where there is none.
	Pointed []time.Time
	// Place is where the row stands in the dump, 0 to 1; negative: not known.
	Place float64
	// Imitable says of a real row that honey rows can be like it as far as the rules
	// go that keep them from doing harm.
	Imitable bool
}

// Brood is a row's children in one table.
type Brood struct {
	Count       int
	First, Last time.Time // of the dates at which they begin; zero if there are none
	End         time.Time // the last of all their dates
	// Lag is how far their keys' rank is from their dates' rank in the child
	// table, -1 to 1, 0 if unknown; Rank the mean rank of their keys, 0 to 1.
	Lag, Rank float64
	// Traits are beside Table.Traits of the child table; nil if there are no children.
	Traits []float64
}

// Table is what is judged.
type Table struct {
	Name     string
	Columns  []Column
	Children []string // names of the child tables
	Pointed  []string // names of dates of the rows that the rows point at
	// Traits name what else is told of a row's children, by child table.
	Traits [][]string
	// Real are rows that are none of ours; some 1,000 suffice.
	Real []Row
	// Runs are the honey rows of several runs of the generator on this table:
	// those judged first, then others, of which the attacker has the labels.
	Runs [][]Row
	// Dumps are the rows of Real, in that order, as the dump of each run shows them:
	// where children of honey rows stand among those of real ones, these have
	// another rank. Nil where all dumps show the same.
	Dumps [][]Row
	// Seed makes a measurement repeatable.
	Seed uint64
}

// Score is how well one kind of attacker does.
type Score struct {
	// AUC is that of the better attacker, the mean over the runs.
	AUC float64 `json:"auc"`
	// Error is the standard error of AUC: by so much the mean over as many other runs
	// would be another.
	Error float64 `json:"standard_error,omitempty"`
	// Own is the better attacker's AUC on the rows judged alone.
	Own float64 `json:"own"`
	// Labelled and Unsupervised are the two attackers'.
	Labelled     float64 `json:"labelled"`
	Unsupervised float64 `json:"unsupervised"`
	// Floor is the AUC against as many real rows, Spread the standard
	// deviation of one run's AUC there.
	Floor  float64 `json:"floor"`
	Spread float64 `json:"spread"`
}

// Excess is how far an AUC lies above chance: the score less what the noise
// floor lies above one half.
func (s Score) Excess() float64 { return max(0.5, s.AUC-max(0, s.Floor-0.5)) }

// Clue is a feature by which honey rows can be told.
type Clue struct {
	Feature string  `json:"feature"`
	AUC     float64 `json:"auc"` // of this feature alone, the better direction
	Dump    bool    `json:"dump,omitempty"`
}

// Habit is something that a person would look at, and gives honey rows away.
type Habit struct {
	Name string `json:"name"`
	Why  string `json:"why"`
	Dump bool   `json:"dump,omitempty"`
}

// Report is the result of a measurement.
type Report struct {
	Table   string  `json:"table"`
	Real    int     `json:"real"` // rows looked at
	Honey   int     `json:"honey"`
	Runs    int     `json:"runs"`
	Content Score   `json:"content"`
	Dump    Score   `json:"dump"`
	Habits  []Habit `json:"habits,omitempty"`
	Betrays []Clue  `json:"betrays,omitempty"`
	// Together are the features that a trained attacker leans on, with others;
	// AUC is each one's share. Empty if he does no better than chance.
	Together []Clue `json:"together,omitempty"`
}
