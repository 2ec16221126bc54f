package seeder

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"honeyrow/seeder/generate"
	"honeyrow/token"
)

// study is what is known about one table while it is planned.
type study struct {
	table    *Table
	sample   *Sample
	columns  []*field
	names    *generate.Names
	wide     [][]*string // rows of a wider sample, for names; nil: none
	first    *field      // the column of first names, last names, full names; may be nil
	last     *field
	full     *field
	pool     []int        // rows of the sample that make good templates, best first
	quiet    map[int]bool // rows of the sample that are at rest
	restless bool         // no sampled row is at rest in all that tells of it
	warn     []string
	met      map[*ForeignKey]acquaintance // what its persons are to those it points at
	named    bool                         // the user asked for the table by name
	weight   int
	cant     error                      // why a column can't be filled, a *refusal
	chosen   string                     // why
	inOrder  *field                     // a date that grows with the key, or nil
	latest   time.Time                  // the newest of its dates that is past
	kin      *kinship                   // set if its rows are relatives of another table's
	groups   *groups                    // names by country
	tells    []*address                 // what first names tell of a row
	sexes    *groups                    // names by that and by country
	anyAge   bool                       // honey rows need not be the newest, so that old rows serve as templates too
	unread   []func(row []*string) bool // rows whose relatives are not all known
	spell    int                        // how logins and addresses write names, in generate.Spellings
	domains  Domains                    // the decoy mail domains
	recent   int64                      // numbers of the key above it are the last that were given
	lent     *lending                   // what rows lend to those of relatives' relatives, once asked for
	lender   *peers                     // what relatives lend to those of another row, once asked for
	memory   map[*field]*memory         // how relatives' numbers follow one another, once asked for
	dated    *clock                     // how its dates hang together, once asked for
	hangers  []*study                   // its rows' relatives
	looms    *loom                      // how their dates hang together, once asked for
	loomed   bool                       // it was asked for: nil is the answer
	reach    float64                    // the share of its rows that honey rows can look like
	weave    *weave                     // what goes with what in its rows, once that was asked for
	unwoven  bool                       // it was asked for: nil is the answer
	timeless *bool                      // its key does not say when a row came, once asked for
	timed    []int                      // threads that say something of that, where it does not
	ranked   *[]*rank                   // how its rows stand to what they point at, once that was asked for
	needed   []int64                    // near these numbers rows of its own will be needed
	within   []int64                    // these numbers are looked at, whatever else is
	followed bool                       // the dates of that were read
	whole    bool                       // honey rows have all contents of one template

	reckons  []equation // numbers that others of a row make
	reckoned bool       // they were asked for
	spanned  []yearSpan // whole numbers that are years which go with a date of the row
	years    bool       // they were asked for
}

// field is one column of a study.
type field struct {
	*Column
	plan     *ColumnPlan
	gen      generate.Generator
	seen     *generate.Column
	sample   int // index in the sample's rows; -1 if it is not readable
	fk       *ForeignKey
	sorted   []float64           // its numbers, once they were asked for
	twice    *bool               // whether a third of its values stand in several rows, once that was asked for
	calendar *calendar           // the days on which its dates fall, once asked for
	verge    *[2]time.Time       // the first and the last of its dates, once asked for
	days     map[time.Time]int   // how often each of its dates stands there, once asked for
	load     bool                // its dates or times are those of loads
	named    *nameKey            // how its codes are made of names, nil if they are not
	given    map[string][]string // given names by the name in use, once asked for
	times    map[string]int      // how often each value stands in the sample, once asked for
	often    map[string]bool     // values that stand once in the sample, and more often in the table
	source   Source              // a key's own, while its numbers come from gaps
	why      string              // its own
	// numbered: a single digit counts those who would have the same login; counted,
	// once that was asked for.
	numbered, counted bool
	inRank            *bool // who has a number there came later than who has the same without, once asked for
	// words are what the codes of a status stand for, nil if they are words themselves or
	// nothing tells; settled those in which rows stay for good, where words don't tell.
	words map[string]string
	// opaque: it is a status, and the table that tells what it stands for does not.
	settled map[string]bool
	opaque  bool
	year    *yearIn             // where its codes hold a date's year, once asked for
	priced  *bool               // whether what relatives point at fixes it, once asked for
	locals  map[string][]string // its values by the place of their rows, once asked for
}

// refusal is why a table can't be seeded. It is not a failure of the program.
type refusal struct{ why string }

func (r *refusal) Error() string { return r.why }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// learn classifies a table's columns and decides where each one's value will
// come from.
func learn(t *Table, s *Sample, override func(column string) string) (*study, error) {
	st := &study{table: t, sample: s}
	cant := map[*field]error{}
	for _, c := range t.Columns {
		f := &field{Column: c, sample: s.index(c.Name), fk: t.foreign(c.Name)}
		f.plan = &ColumnPlan{Name: c.Name, Type: c.Type}
		f.seen = &generate.Column{
			Table: t.Name, Name: c.Name, Class: c.Class, MaxLen: c.MaxLen, Scale: c.Scale,
			Unique: t.unique(c.Name), Rows: t.Rows, Values: s.column(c.Name),
		}
		st.columns = append(st.columns, f)
		var no *refusal
		switch err := st.decide(f, override(c.Name)); {
		case errors.As(err, &no):
			cant[f] = err
		case err != nil:
			return nil, err
		}
	}
	st.vocabulary()
	st.nameKeys(cant)
	st.ages()
	for _, f := range st.columns {
		if cant[f] != nil {
			st.cant = errors.Join(st.cant, cant[f])
		}
	}
	st.spell = st.spelling()
	return st, nil
}

// ages finds how far a birthday may move where another date of its row comes at
// about one age: a first game at 18 to 22 years.
func (st *study) ages() {
	spread := func(v []float64) float64 {
		if len(v) < leastAges {
			return 0
		}
		slices.Sort(v)
		return v[len(v)*3/4] - v[len(v)/4]
	}
	for _, f := range st.columns {
		if f.plan.Kind != "date_of_birth" || f.sample < 0 {
			continue
		}
		for _, other := range st.columns {
			if other.plan.Kind != "timestamp" || other.sample < 0 {
				continue
			}
			var born, age []float64
			for _, row := range st.sample.Rows {
				if row[f.sample] == nil || row[other.sample] == nil {
					continue
				}
				b, _, ok1 := generate.ParseTime(*row[f.sample])
				o, _, ok2 := generate.ParseTime(*row[other.sample])
				if ok1 && ok2 && !generate.Sentinel(b) && !generate.Sentinel(o) {
					born, age = append(born, float64(b.Unix())/86400), append(age, o.Sub(b).Hours()/24)
				}
			}
			if a := spread(age); a > 0 && 3*a < spread(born) {
				if near := max(20, int(a/15)); f.seen.Near == 0 || near < f.seen.Near {
					f.seen.Near = near
				}
			}
		}
	}
}

// leastAges is how many rows have to show an age.
const leastAges = 30

// decide fills in a field's plan.
func (st *study) decide(f *field, override string) error {
	p := f.plan
	g, score, why := generate.Best(f.seen)
	if g2, score2, why2 := f.withoutBlanks(); g2 != nil && score2 > score {
		g, score, why = g2, score2, why2
	}
	if st.sample.Cut[f.Name] {
		g, why = nil, "its values are too long to learn from"
	}
	switch {
	case f.Computed:
		p.Source, p.Why = Computed, "the server computes it"
		if g != nil { // it may hold what is worth watching
			f.describe(g, score, "the server computes it; "+why)
			p.Source = Computed
		}
		return nil
	case override == asNull:
		if f.NotNull {
			return refuse("column %s is to be null, but it is NOT NULL", f.Name)
		}
		p.Source, p.Why = Null, "set by you"
		return nil
	case override == asDefault:
		p.Source, p.Why = Default, "set by you"
		return nil
	case override == asCopy:
		p.Source, p.Kind, p.Why = Copied, "category", "set by you: the template row's value"
		return nil
	case override != "":
		g, err := generate.ByKind(override)
		if err != nil {
			return err
		}
		f.describe(g, 100, "set by you")
		return nil
	case f.fk != nil:
		p.Source, p.Kind, p.Why = Parent, "reference", "points at "+f.fk.RefTable
		return nil
	case f.Drawn() && (f.CanDraw || f.Identity != ""):
		p.Source, p.Kind, p.Why = Drawn, "key", "the column's own sequence gives it"
		p.Counter = f.Sequence == AutoIncrement
		return nil
	case f.Drawn():
		return refuse("column %s takes its value from sequence %s, which the role may not use: grant USAGE on it", f.Name, f.Sequence)
	case !f.CanInsert:
		return f.leave("the role may not insert into it")
	case f.Class == generate.Integer && (g == nil || g.Kind() == "number") && len(f.seen.Values) > 0 && f.CanSelect && generate.Counts(f.seen):
		p.Source, p.Kind, p.Why = Next, "key", "each row has the next number: so will honey rows"
		return nil
	case g != nil && opens(st.table, f.Name) && (g.Kind() == "token" || g.Kind() == "api_key" || g.Kind() == "uuid"):
		return f.leave("the application itself seems to accept it: one more might let somebody in")
	case g != nil && g.Kind() == "number" && f.Class == generate.Integer && f.seen.Unique && f.NotNull && f.dense(st.table.Rows):
		p.Source, p.Kind, p.Why = Next, "key", "unique numbers without gaps and without a sequence: the next number after the highest"
		return nil
	case g != nil && g.Kind() == "number" && f.Class == generate.Integer && f.sample >= 0 && !f.seen.Unique && leveled(f.Name):
		p.Source, p.Kind, p.Why = Copied, "category", "its number stands for rights: the template row's"
		return nil
	case (g == nil || g.Kind() == "number" || g.Kind() == "flag") && f.coded():
		g, err := generate.ByKind("status")
		if err != nil {
			return err
		}
		f.describe(g, 60, fmt.Sprintf("its name says so, and it holds %d different numbers", len(f.counts())))
		return nil
	case g != nil && g.Kind() == "timestamp" && f.sameLoad() && f.CanSelect:
		f.load = true
		p.Source, p.Kind, p.Why = Copied, "category", "most rows share a few moments, as if loaded at once: the template row's is kept"
		return nil
	case g != nil && (len(f.seen.Values) > 0 || f.NotNull):
		f.describe(g, score, why)
		return nil
	case g != nil:
		return f.leave(fmt.Sprintf("looks like %s, but no sampled row holds a value", g.Kind()))
	case f.Class == generate.Integer && f.seen.Unique && f.NotNull:
		p.Source, p.Kind, p.Why = Next, "key", "a key without a sequence: the next number after the highest"
		return nil
	case !f.CanSelect:
		return f.leave("the role may not read it, so that nothing is known about its values")
	case !f.seen.Unique && !st.sample.Cut[f.Name] && generate.Repeats(f.seen.Values):
		p.Source, p.Kind, p.Why = Copied, "category", "not understood, but few values stand in many rows: the template row's is kept"
		return nil
	}
	return f.leave(notUnderstood)
}

const notUnderstood = "not understood"

// sameLoad reports whether a column of dates or times holds the same few in so
// many rows that they tell when the rows were loaded, and nothing of each: a new
// one would stand alone.
func (f *field) sameLoad() bool {
	count, n, most := map[string]int{}, 0, 0
	for _, v := range f.seen.Values {
		if at, _, ok := generate.ParseTime(v); ok && !generate.Sentinel(at) {
			count[v]++
			n, most = n+1, max(most, count[v])
		}
	}
	if n < leastLoad || 4*n < 3*len(f.seen.Values) { // few rows, or others are for ever
		return false
	}
	return 2*most > n && len(count) > 0 && 5*len(count) <= n || f.Class == generate.Timestamp && leastLoad*len(count) <= n
}

// loaded reports whether a time stands in so many rows that it tells when they were
// loaded or changed together: of one of them it stays what it is.
func (f *field) loaded(v string) bool {
	if f.plan.Kind != "timestamp" || f.Class != generate.Timestamp || f.counts()[v] < leastLoad {
		return false
	}
	at, _, ok := generate.ParseTime(v)
	return ok && !at.Equal(at.Truncate(24*time.Hour)) // days are shared anyway
}

// counts is how often each value stands in the sample.
func (f *field) counts() map[string]int {
	if f.times == nil {
		f.times = map[string]int{}
		for _, v := range f.seen.Values {
			f.times[v]++
		}
	}
	return f.times
}

// leastLoad is how many rows that share a moment make one load.
const leastLoad = 20

// dense reports whether a column's numbers leave little room between them, in
// a table of about so many rows.
func (f *field) dense(rows int64) bool {
	var low, high, n int64
	for _, v := range f.seen.Values {
		k, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return false
		}
		if n == 0 {
			low, high = k, k
		}
		low, high, n = min(low, k), max(high, k), n+1
	}
	return n > 0 && (high-low)/4 < max(n, rows)
}

// leave gives a column that can't be filled its default or NULL.
func (f *field) leave(why string) error {
	switch {
	case f.Default != "" || f.Identity != "":
		f.plan.Source, f.plan.Why = Default, why+": left to its default"
	case !f.NotNull:
		f.plan.Source, f.plan.Why = Null, why+": left NULL"
	default:
		return refuse("column %s (%s) is NOT NULL, has no default and can't be filled safely: %s; say what it is (columns: %s: KIND, or copy)", f.Name, f.Type, why, f.seen.Table+"."+f.Name)
	}
	return nil
}

func (f *field) describe(g generate.Generator, score int, why string) {
	tr := g.Trait()
	f.gen = g
	f.plan.Source, f.plan.Kind, f.plan.Confidence, f.plan.Why = Made, g.Kind(), min(score, 100), why
	f.plan.Watch, f.plan.Strength = tr.Watch, tr.Strength
	if tr.Safe != "" {
		f.plan.Why += "; made " + tr.Safe
	}
}

// vocabulary finds the columns that name a person and the names they hold.
func (st *study) vocabulary() {
	for _, f := range st.columns {
		switch f.plan.Kind {
		case "first_name":
			if st.first == nil || !oneWord(st.first) && oneWord(f) { // "given names" stand beside the one used
				st.first = f
			}
		case "last_name":
			st.last = f
		case "person_name":
			st.full = f
		}
	}
	st.learnNames()
}

// oneWord reports whether most of a column's names are single words.
func oneWord(f *field) bool {
	n := 0
	for _, v := range f.seen.Values {
		if !strings.Contains(v, " ") {
			n++
		}
	}
	return 2*n > len(f.seen.Values)
}

// strongest returns the highest strength among the columns watched.
func (st *study) strongest() (token.Strength, bool) {
	best, any := token.Weak, false
	for _, f := range st.columns {
		if f.plan.Watch {
			any = true
			best = max(best, f.plan.Strength)
		}
	}
	return best, any
}

// tempting adds up how much a thief would like the table, and says with what.
func (st *study) tempting() (int, string) {
	sum := 0
	var with []string
	for _, f := range st.columns {
		if f.gen == nil {
			continue
		}
		if w := f.gen.Trait().Weight * f.plan.Confidence / 100; w > 0 {
			sum += w
			if w >= 3 {
				with = append(with, f.Name)
			}
		}
	}
	return sum, strings.Join(with, ", ")
}

// ownCredentials says why a table looks like one in which the application
// keeps what it believes or does next, empty if it does not: there a honey row
// could log somebody in, or be executed.
func ownCredentials(t *Table, s *Sample) string {
	switch {
	case generate.HasPhrase(t.Name, "session", "sessions", "password reset", "password resets", "reset token", "reset tokens",
		"auth token", "auth tokens", "access token", "access tokens", "refresh token", "refresh tokens", "authtoken", "remember token", "remember tokens",
		"personal access tokens", "user token", "user tokens", "login token", "login tokens", "oauth", "oauth2", "magic link", "magic links", "otp", "mfa",
		"verification token", "verification tokens", "invitation", "invitations", "invite", "invites"):
		return "it looks like the application's own logins: a honey row there might open a session"
	case generate.HasPhrase(t.Name, "api key", "api keys", "apikey", "apikeys", "api token", "api tokens", "api credentials"):
		for _, c := range s.Columns {
			vs, vendor := s.column(c), 0
			for _, v := range vs {
				if generate.VendorKey(v) {
					vendor++
				}
			}
			if vendor > 0 && 2*vendor >= len(vs) {
				return "" // keys to other firms' services
			}
		}
		return "it looks like the keys that the application itself accepts: a honey row there might be a working key"
	case strings.EqualFold(t.Name, "job"), generate.HasPhrase(t.Name, "jobs", "queue", "queues", "outbox", "task queue", "scheduled jobs", "delayed job", "delayed jobs", "cron",
		"mail queue", "email queue", "notifications", "notification", "webhook deliveries", "inbox", "message queue", "events outbox"):
		return "it looks like work that is waiting to be done: a honey row there might be executed or mailed"
	case generate.HasPhrase(t.Name, "schema migrations", "migrations", "alembic version", "flyway", "databasechangelog", "ar internal metadata", "spatial ref sys"):
		return "it belongs to a tool that would stumble over a foreign row"
	}
	return grantsRights(t, s)
}

// narrow makes weak the columns whose honey values come from a range so small
// that a later row may come to hold one of them.
func (st *study) narrow(o *Options) {
	for _, f := range st.columns {
		g, ok := f.gen.(generate.Narrow)
		if !ok || !f.plan.Watch || f.plan.Strength != token.Firm {
			continue
		}
		if why := g.Narrow(f.seen, &generate.Row{PhoneRanges: o.PhoneRanges, CardPrefix: o.CardPrefix}); why != "" {
			f.plan.Strength = token.Weak
			f.plan.Why += "; " + why + ", so " + demoted
		}
	}
}

// withoutBlanks looks at a column again as if its empty strings were NULL, as
// products that know no NULL write it; they are kept out of what is learnt if
// that tells what kind of value the column holds.
func (f *field) withoutBlanks() (generate.Generator, int, string) {
	if f.Class != generate.Text {
		return nil, 0, ""
	}
	var filled []string
	for _, v := range f.seen.Values {
		if strings.TrimSpace(v) != "" {
			filled = append(filled, v)
		}
	}
	some := f.seen.Holding(filled)
	if len(some.Values) == 0 || len(some.Values) == len(f.seen.Values) {
		return nil, 0, ""
	}
	g, score, why := generate.Best(&some)
	if g == nil || !g.Trait().Watch {
		return nil, 0, ""
	}
	*f.seen = some
	return g, score, why
}

// opens reports whether a column of a table of users, one with passwords, is
// named like something that the application takes for a login.
func opens(t *Table, column string) bool {
	if !generate.HasPhrase(column, "api token", "api key", "auth token", "authtoken", "access token", "refresh token", "remember token", "session token", "session id", "login token",
		"reset token", "password reset token", "reset password token", "verification token", "confirmation token", "activation token", "magic link", "invite token", "otp", "otp secret", "token") {
		return false
	}
	for _, c := range t.Columns {
		if generate.HasPhrase(c.Name, "password", "passwd", "pwd", "password hash", "passwordhash", "encrypted password", "password digest", "pass hash") && !generate.HasPhrase(c.Name, "reset", "token") {
			return true
		}
	}
	return false
}
