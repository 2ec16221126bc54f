package event

import "time"

// Finding is one detector's observation about a statement.
type Finding struct {
	Detector string `json:"detector"` // "union-graft"
	Title    string `json:"title"`
	// Weight says how much it means: 0 only sharpens others, 1 is seen in ordinary statements now and
	// then, 2 seldom, 3 and more hardly ever. The weights of a statement's
	// findings add up.
	Weight int `json:"weight"`
	// Detail says in words what was seen.
	Detail string `json:"detail,omitempty"`
	// Count is how many statements it was seen in.
	Count int `json:"count"`
	// First and Last are when it was seen: a client's findings in the order of
	// First tell its story. Zero where nobody noted it.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Maps are the weakness and the techniques that it belongs to: CWE-89, T1190.
	Maps []string `json:"maps,omitempty"`
}

// InjectionWeight is the sum of weights from which the findings of a statement
// are an injection by themselves. Below it they only make others graver.
const InjectionWeight = 3

// Injected says whether findings amount to an injection.
func Injected(fs []Finding) bool {
	sum := 0
	for i := range fs {
		sum += fs[i].Weight
	}
	return sum >= InjectionWeight
}
