package seeder

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"regexp"
	"strings"
	"time"

	"honeyrow/seeder/generate"
)

// Config is the part of the configuration file that shapes seeding.
type Config struct {
	// Domain is the decoy mail domain: one that the owner controls, best with a
	// mailbox that catches everything. Without it no e-mail column is seeded. Of
	// several, each row takes one, in the shares in which the table's rows do.
	Domain Domains `yaml:"domain"`
	// CardPrefix is a card BIN that the owner's acquirer has closed for this
	// use. Without it, card numbers lie outside of every network's range.
	CardPrefix string `yaml:"card_prefix"`
	// PhoneRanges are the first digits of telephone numbers that are the owner's
	// own, written as columns write them ("+49 40 5550", "(212) 555"). Without
	// them numbers come from small ranges kept for fiction, which other rows may
	// hold too: those count by table and column only.
	PhoneRanges []string `yaml:"phone_ranges"`
	// Rows per table; 0 means 3 to 5.
	Rows int `yaml:"rows"`
	// MaxTables bounds how many tables are chosen unasked.
	MaxTables int `yaml:"max_tables"`
	// Tables to seed, as "schema.table" or "table"; empty: the tempting ones.
	Tables []string `yaml:"tables"`
	// Exclude lists tables that are never seeded.
	Exclude []string `yaml:"exclude"`
	// Columns overrides what a column is taken for: "table.column" or
	// "schema.table.column" to a generator's kind, or "null", "default" or
	// "copy" (the template row's value).
	Columns map[string]string `yaml:"columns"`
	// SampleRows bounds the rows read of each table to learn what is usual.
	SampleRows int `yaml:"sample_rows"`
	// LockTimeout and StatementTimeout bound each statement's waiting.
	LockTimeout      time.Duration `yaml:"lock_timeout"`
	StatementTimeout time.Duration `yaml:"statement_timeout"`
	// SearchTimeout bounds the search of the whole database for values that
	// count in any column. What is not proven to be absent when it ends counts
	// by its own table and column only.
	SearchTimeout time.Duration `yaml:"search_timeout"`
	// WatchTimeout bounds the wait for running proxies to watch new values.
	WatchTimeout time.Duration `yaml:"watch_timeout"`
	// Keys says where the numbers of drawn keys come from: "gaps" are numbers
	// that no row has any more, "sequence" new ones of the table's generator.
	// "auto", the default, takes gaps where there are enough of them that suit.
	Keys string `yaml:"keys"`
	// Family plants relatives too: rows of other tables that point at honey
	// rows, and rows that each row has one of, as ordinary rows have them.
	Family bool `yaml:"family"`
	// MaxAUC refuses a plan whose rows an attacker tells from real ones better
	// than so, by their content; 0: a plan is only measured.
	MaxAUC float64 `yaml:"max_auc"`
	// MeasureTables bounds for how many tables of a plan, the most tempting first,
	// it is measured how well the rows hide, and conspicuous ones are drawn again:
	// it takes a few seconds each.
	MeasureTables int `yaml:"measure_tables"`
	// MaxDumpAUC is MaxAUC for an attacker who has the dump: keys, order and
	// children too.
	MaxDumpAUC float64 `yaml:"max_dump_auc"`
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		MaxTables: 8, MeasureTables: 64, SampleRows: 1000, Keys: fromAuto, LockTimeout: 2 * time.Second, StatementTimeout: 30 * time.Second,
		SearchTimeout: 2 * time.Minute, WatchTimeout: 5 * time.Second,
	}
}

var (
	domainForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`)
	// strangers are domains whose mail other people read, or that nobody uses.
	strangers = regexp.MustCompile(`^((gmail|googlemail|yahoo|hotmail|outlook|live|aol|icloud|gmx|web|proton|protonmail|yandex|qq|mail)\.(com|net|de|at|ch|fr|it|es|nl|ru|me|co\.uk|co\.jp|com\.[a-z]{2})|example\.(com|net|org))$`)
)

// Validate reports what is wrong, and what to write instead.
func (c *Config) Validate() error {
	var errs []error
	errs = append(errs, c.Domain.validate()...)
	if n := len(c.CardPrefix); n != 0 && (n < 4 || n > 11 || strings.Trim(c.CardPrefix, "0123456789") != "") {
		errs = append(errs, errors.New("card_prefix must be 4 to 11 digits of a BIN that your acquirer has closed"))
	}
	if c.Rows < 0 || c.Rows > 1000 {
		errs = append(errs, fmt.Errorf("rows is %d: use 1 to 1000, or 0 for 3 to 5", c.Rows))
	}
	if c.MaxTables < 1 {
		errs = append(errs, fmt.Errorf("max_tables is %d: use 1 or more", c.MaxTables))
	}
	if c.MeasureTables < 0 {
		errs = append(errs, fmt.Errorf("measure_tables is %d: use 0 (none) or more", c.MeasureTables))
	}
	if c.SampleRows < 10 || c.SampleRows > 100000 {
		errs = append(errs, fmt.Errorf("sample_rows is %d: use 10 to 100000", c.SampleRows))
	}
	for _, p := range c.PhoneRanges {
		if n := len(strings.Join(strings.FieldsFunc(p, func(r rune) bool { return r < '0' || r > '9' }), "")); n < 3 || n > 12 || strings.Trim(p, "+0123456789 ()-./") != "" {
			errs = append(errs, errors.New("phone_ranges: write the first 3 to 12 digits of numbers that are yours, as your columns write them, like \"+49 40 5550\""))
		}
	}
	if c.LockTimeout < 0 || c.StatementTimeout < 0 || c.SearchTimeout < 0 || c.WatchTimeout < 0 {
		errs = append(errs, errors.New("timeouts can't be negative"))
	}
	switch c.Keys {
	case "", fromAuto, fromSequence, fromGaps:
	default:
		errs = append(errs, fmt.Errorf("keys is %q: use auto, sequence or gaps", c.Keys))
	}
	for name, v := range map[string]float64{"max_auc": c.MaxAUC, "max_dump_auc": c.MaxDumpAUC} {
		if v != 0 && (v < 0.5 || v > 1) {
			errs = append(errs, fmt.Errorf("%s is %g: use 0.5 (a guess) to 1, or 0 to measure only", name, v))
		}
	}
	for col, kind := range c.Columns {
		switch kind {
		case asNull, asDefault, asCopy:
		default:
			if _, err := generate.ByKind(kind); err != nil {
				errs = append(errs, fmt.Errorf("columns: %s: %w, or null, default, copy", col, err))
			}
		}
		if strings.Count(col, ".") < 1 {
			errs = append(errs, fmt.Errorf("columns: %q must be table.column or schema.table.column", col))
		}
	}
	return errors.Join(errs...)
}

// The overrides beside the generators' kinds.
const (
	asNull    = "null"
	asDefault = "default"
	asCopy    = "copy"
)

// Where drawn keys come from.
const (
	fromAuto     = "auto"
	fromSequence = "sequence"
	fromGaps     = "gaps"
)

// gaps reports whether keys may come from gaps.
func (c *Config) gaps() bool { return c.Keys != fromSequence }

// Options are what one plan is asked for.
type Options struct {
	Config
	// Server is the name under which the proxy's configuration knows the
	// server. It becomes part of every token's place.
	Server string
	// Seed makes a plan repeatable; 0 takes one at random.
	Seed uint64
	// Deployment names the plan; empty takes a new id.
	Deployment string
	// Copy names the copy of the database that the plan is for: plans for
	// different copies carry different rows, also with the same Seed.
	Copy  string
	asked uint64 // Seed as it was given: what is drawn from is the copy's own
	// PlantedBy is who answers for the rows; empty means user@host.
	PlantedBy string
	Note      string
	// CanaryFile, if set, names a file of live decoy keys that are planted instead of
	// made ones (see ReadCanaries).
	CanaryFile string
	// SkipProbe leaves out the trial: by default the rows are inserted in a
	// transaction that is always rolled back, so that every constraint and
	// trigger has its say at plan time.
	SkipProbe bool
	// SkipMeasure leaves out the measurement of the camouflage, SkipRedraw that
	// conspicuous rows are drawn again.
	SkipMeasure, SkipRedraw bool
	// Decoys, if not 0, has new tables planned that hold nothing but honey rows, so
	// many, each as a copy of a tempting table (of those in Tables, if given),
	// instead of rows in the tables themselves. Rows 0 then means some dozens.
	Decoys int
	// DecoyName names the decoy table, which is then the only one; empty: in the
	// style of the schema's own names.
	DecoyName string
	// Progress, if set, is told what is being done.
	Progress func(Progress)
}

// Progress is one step of long work.
type Progress struct {
	Step  string // "read", "draw", "search", "try", "measure", "register", "wait", "insert", "verify", "remove"
	Table string
	Done  int
	Total int // 0: unknown
}

// Me returns user@host of this process.
func Me() string {
	name := os.Getenv("SUDO_USER")
	if u, err := user.Current(); name == "" && err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "unknown"
	}
	if name == "" {
		name = "unknown"
	}
	return name + "@" + host
}

func (o *Options) progress(step, table string, done, total int) {
	if o.Progress != nil {
		o.Progress(Progress{step, table, done, total})
	}
}
