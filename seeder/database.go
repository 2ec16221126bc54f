package seeder

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// Database is one database of a server, as a product's package (pgdb, mydb) opens
// it. All values cross it in the text form in which the server sends them to
// its clients; a nil pointer is NULL. It is used by one goroutine at a time.
type Database interface {
	Reader
	Planter
	Close()
}

// Reader reads what a plan is made of. It writes nothing.
type Reader interface {
	// Catalog reads the whole catalogue that the role can see.
	Catalog(ctx context.Context) (*Catalog, error)
	// Sample reads up to max rows of the columns that the role may read. Values
	// come without the padding of fixed-width types.
	Sample(ctx context.Context, t *Table, max int, seed uint64) (*Sample, error)
	// Taken says which of some tuples of values for the columns a row of the
	// table holds already, in the server's own sense of equality.
	Taken(ctx context.Context, t *Table, columns []string, tuples [][]string) ([]bool, error)
	// Parents returns up to max rows of the columns that a foreign key points
	// at. With free, only those that no row of t points at with it.
	Parents(ctx context.Context, t *Table, fk *ForeignKey, free bool, max int) ([][]string, error)
}

// Planter changes rows, one transaction at a time.
type Planter interface {
	// Lock takes the lock that keeps seeders of one database apart, and
	// returns how to give it back. If another holds it, it fails at once with a *Busy.
	Lock(ctx context.Context) (unlock func(), err error)
	// Draw takes n values from a column's sequence.
	Draw(ctx context.Context, t *Table, column string, n int) ([]string, error)
	// Highest returns the greatest value of a column and "" for an empty table
	// or a type without order.
	Highest(ctx context.Context, t *Table, column string) (string, error)
	// Spare returns n keys or more for rows that will be rolled back: nobody
	// uses them, and inserting them moves no sequence if that can be had. None
	// means that any unused key will do, since a key moves no sequence.
	Spare(ctx context.Context, t *Table, column string, n int) ([]string, error)
	// Begin starts a transaction.
	Begin(ctx context.Context, limits Limits) (Tx, error)
}

// Limits bound a transaction's waiting.
type Limits struct {
	LockTimeout      time.Duration // for a lock; 0: the server's default
	StatementTimeout time.Duration // for a statement; 0: the server's default
}

// Tx is a transaction.
type Tx interface {
	// Insert inserts one row in a savepoint of its own and returns the row's
	// primary key as the server drew it, and the part that took it (0 if
	// unknown). A constraint that the row violates gives a *Violation, and the
	// transaction goes on without the row.
	Insert(ctx context.Context, t *Table, row []Value) (key []Value, part uint32, err error)
	// Read returns the columns of the rows for which all values of where are
	// equal, in text form and, where it differs, in binary form. At most two
	// rows are read.
	Read(ctx context.Context, t *Table, where []Value, columns []string) ([]Record, error)
	// Update sets columns of the one row for which all values of where are equal,
	// in a savepoint of its own, and returns whether there was one. A value that
	// may not be gives a *Violation, and the transaction goes on.
	Update(ctx context.Context, t *Table, where, set []Value) (n int64, err error)
	// Delete deletes the one row for which all values of where are equal. A
	// row that others point at gives a *Violation, also if the server would delete
	// or change those with it, as far as it can be told; one that a trigger keeps
	// gives one of code Swallowed. The transaction goes on.
	Delete(ctx context.Context, t *Table, where []Value) (n int64, err error)
	// End commits or rolls back. deferred constraints are checked in Insert and
	// Delete already.
	End(ctx context.Context, commit bool) error
}

// Single is a Tx that can do without savepoints, whose numbers a server would
// leave out beside the row's (PostgreSQL's xmin). A Violation then ends it.
type Single interface {
	Single()
}

// Holder is a Tx that can keep others from pointing at a row until it ends: who
// looks then for rows that point there sees all that ever will. It waits for those
// who are about to. What has no need of it is no Holder.
type Holder interface {
	Hold(ctx context.Context, t *Table, where []Value) error
}

// Swallowed is the code of a Violation for a row that the database, without an
// error, did not insert or delete.
const Swallowed = "HR001"

// Value is one column's value in text form; nil Text is NULL.
type Value struct {
	Column string  `json:"column"`
	Text   *string `json:"text"`
}

// Record is a row read back.
type Record struct {
	Text   []*string // one per column asked for; nil is NULL
	Binary [][]byte  // nil where it does not differ from Text or is unknown
}

// Sample is some rows of a table.
type Sample struct {
	Columns []string // those that the role may read
	Rows    [][]*string
	// Cut marks columns some of whose values were too long to read whole.
	Cut map[string]bool
}

// Thin keeps up to limit rows, drawn at random from all of them, in their order:
// rows that lie together came together, and the first are the oldest.
func (s *Sample) Thin(limit int, seed uint64) {
	if len(s.Rows) <= limit {
		return
	}
	pick := rand.New(rand.NewPCG(seed, 0x7a1)).Perm(len(s.Rows))[:limit]
	slices.Sort(pick)
	rows := make([][]*string, limit)
	for i, k := range pick {
		rows[i] = s.Rows[k]
	}
	s.Rows = rows
}

// Violation is a row that a constraint, a trigger or a right of the database
// does not allow.
type Violation struct {
	// Code is the SQLSTATE that PostgreSQL gives it, whatever the product.
	Code       string
	Constraint string
	Column     string
	Why        string // in words, without values
	// Again says that another session took a drawn key first: draw keys anew.
	Again bool
}

// Error implements error.
func (v *Violation) Error() string { return v.Why }

// column returns the sampled values of a column without NULLs.
func (s *Sample) column(name string) []string {
	i := s.index(name)
	if i < 0 {
		return nil
	}
	var out []string
	for _, r := range s.Rows {
		if r[i] != nil {
			out = append(out, *r[i])
		}
	}
	return out
}

func (s *Sample) index(name string) int {
	for i, c := range s.Columns {
		if c == name {
			return i
		}
	}
	return -1
}
