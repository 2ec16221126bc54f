// Package crm makes the demo's business: the schema, its roles and some
// 150,000 invented rows, the same ones for the same seed and day.
package crm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Options size the business. The zero Options make the demo's.
type Options struct {
	Seed      uint64
	Customers int       // default 10,000
	Employees int       // default 240
	Products  int       // default 180
	Now       time.Time // the day of the newest rows, default today
}

// Table is one table's rows in the order of Columns, as text; an empty field
// is NULL.
type Table struct {
	Name    string
	Columns []string
	Rows    [][]string
}

// Data is the whole business, in an order that satisfies the foreign keys.
type Data struct{ Tables []*Table }

// Table returns the table of that name, or nil.
func (d *Data) Table(name string) *Table {
	for _, t := range d.Tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

type maker struct {
	dice
	Options
	countries []country
	words     words
	data      Data
	emails    map[string]bool
	number    int // of the last customer, above 100,000
	opened    time.Time
	employees int  // ids handed out
	more      dice // for when customers came and which numbers are missing
}

// Generate makes the rows.
func Generate(o Options) (*Data, error) {
	if o.Customers == 0 {
		o.Customers = 10_000
	}
	if o.Employees == 0 {
		o.Employees = 240
	}
	if o.Products == 0 {
		o.Products = 180
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	o.Now = o.Now.UTC().Truncate(24 * time.Hour)
	countries, err := parsePeople()
	if err != nil {
		return nil, err
	}
	m := &maker{
		dice: dice{rand.New(rand.NewPCG(o.Seed, 0x9e3779b97f4a7c15))}, Options: o,
		countries: countries, words: parseTrade(), emails: map[string]bool{},
		opened: o.Now.AddDate(-9, 0, 0), more: dice{rand.New(rand.NewPCG(o.Seed, 17))},
	}
	m.departments()
	m.staff()
	m.products()
	m.customers()
	m.credentials()
	return &m.data, nil
}

func (m *maker) table(name string, columns ...string) *Table {
	t := &Table{Name: name, Columns: columns}
	m.data.Tables = append(m.data.Tables, t)
	return t
}

func (t *Table) add(fields ...string) { t.Rows = append(t.Rows, fields) }

// country draws one by its weight.
func (m *maker) country() *country {
	sum := 0
	for _, c := range m.countries {
		sum += c.weight
	}
	n := m.IntN(sum)
	for i := range m.countries {
		if n -= m.countries[i].weight; n < 0 {
			return &m.countries[i]
		}
	}
	return &m.countries[0]
}

// email makes an address that no other row has.
func (m *maker) email(first, last, domain string) string {
	plain := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' {
				return r
			}
			return -1
		}, strings.ToLower(s))
	}
	f, l := plain(first), plain(last)
	year := strconv.Itoa(55 + m.IntN(45))
	var local string
	switch n := m.IntN(100); {
	case n < 34:
		local = f + "." + l
	case n < 50:
		local = f[:1] + l
	case n < 60:
		local = f + l
	case n < 68:
		local = f + "_" + l
	case n < 84:
		local = f + "." + l + year
	case n < 92:
		local = l + "." + f
	default:
		local = f + year
	}
	address := local + "@" + domain
	for i := 2; m.emails[address]; i++ {
		address = local + strconv.Itoa(i) + "@" + domain
	}
	m.emails[address] = true
	return address
}

func (m *maker) departments() {
	t := m.table("hr.departments", "name")
	for _, name := range m.words["department"] {
		t.add(name)
	}
}

func (m *maker) staff() {
	people := m.table("hr.employees", "id", "employee_no", "first_name", "last_name", "email", "phone",
		"job_title", "department_id", "manager_id", "hired_on", "left_on", "created_at")
	pay := m.table("hr.payroll", "id", "employee_id", "valid_from", "annual_salary", "bonus_percent", "currency", "iban", "tax_id")
	var managers []int
	gone := *m // those who were deleted: they had salaries too
	gone.dice = dice{rand.New(rand.NewPCG(m.Seed, 19))}
	id := 0
	for i := range m.Employees {
		for range m.gap() {
			if id++; gone.chance(0.5) {
				hired := gone.date(m.opened, m.Now.AddDate(0, -1, 0))
				gone.payroll(pay, id, gone.of(m.words["title"]), hired, "")
			}
		}
		id++
		c := m.country()
		first, last := m.early(c.first), m.early(c.last)
		title := m.of(m.words["title"])
		hired := m.date(m.opened, m.Now.AddDate(0, -1, 0))
		var left, manager string
		if m.chance(0.16) {
			if l := m.date(hired.AddDate(0, 2, 0), m.Now.AddDate(0, 0, -3)); l.After(hired) {
				left = day(l)
			}
		}
		if i >= 8 {
			manager = strconv.Itoa(managers[m.IntN(len(managers))])
		}
		if i < 8 || m.chance(0.06) {
			managers = append(managers, id)
		}
		people.add(strconv.Itoa(id), fmt.Sprintf("E%04d", 1000+id), first, last,
			m.email(first, last, "nordhaus-living.example"), m.maybe(0.8, m.pattern("+49 40 0######")),
			title, strconv.Itoa(1+m.IntN(len(m.words["department"]))), manager, day(hired), left,
			stamp(m.between(hired.AddDate(0, 0, -20), hired)))
		m.payroll(pay, id, title, hired, left)
	}
	m.count(pay, 2)
	here := map[string]bool{}
	for _, r := range people.Rows {
		here[r[0]] = true
	}
	pay.Rows = slices.DeleteFunc(pay.Rows, func(r []string) bool { return !here[r[1]] })
	m.employees = id
}

// count gives a table's rows the ids that they got as they came, by the date in
// a column, and returns them by those that they had.
func (m *maker) count(t *Table, date int) map[string]string {
	sort.SliceStable(t.Rows, func(a, b int) bool { return t.Rows[a][date] < t.Rows[b][date] })
	ids, id := map[string]string{}, 0
	for _, r := range t.Rows {
		id += 1 + m.more.gap()
		ids[r[0]] = number(id)
		r[0] = number(id)
	}
	return ids
}

// payroll writes an employee's salaries: one at the start, a rise most years.
func (m *maker) payroll(t *Table, employee int, title string, hired time.Time, left string) {
	base := math.Exp(m.normal(math.Log(46000), 0.22))
	if strings.HasPrefix(title, "Senior") || strings.Contains(title, "Engineer") || strings.Contains(title, "Administrator") {
		base *= 1.35
	}
	if strings.HasPrefix(title, "Head") || strings.HasPrefix(title, "Chief") {
		base *= 2.4
	}
	account, tax := m.iban(), m.maybe(0.9, "***-**-"+m.text(digits, 4))
	for at := hired; at.Before(m.Now); at = at.AddDate(1, 0, 0) {
		if left != "" && day(at) > left {
			break
		}
		if at != hired && !m.chance(0.7) {
			continue
		}
		salary := math.Round(base/50) * 50
		bonus := 0.0
		if base > 60000 {
			bonus = float64(m.IntN(30)) / 2
		}
		t.add("", strconv.Itoa(employee), day(at), money(salary), strconv.FormatFloat(bonus, 'f', 1, 64), "EUR", account, tax)
		base *= 1 + math.Abs(m.normal(0.03, 0.02))
	}
}

func (m *maker) products() {
	t := m.table("products", "sku", "name", "price", "active", "created_at")
	for i := range m.Products {
		t.add(fmt.Sprintf("NH-%05d", 10000+i*37+m.IntN(30)), m.of(m.words["adjective"])+" "+m.of(m.words["article"]),
			money(m.price()), strconv.FormatBool(m.chance(0.9)), stamp(m.between(m.opened, m.Now)))
	}
}

func (m *maker) price() float64 {
	return math.Round(math.Exp(m.normal(4.6, 0.8))) - 0.05*float64(m.IntN(3))
}

func (m *maker) credentials() {
	t := m.table("api_credentials", "vendor", "label", "environment", "key_id", "secret", "scopes", "owner_id",
		"created_at", "rotated_at", "expires_at")
	owners := m.data.Table("hr.employees").Rows
	vendors := []string{
		"aws", "aws", "aws", "stripe", "stripe", "github", "github", "gitlab", "slack", "sendgrid",
		"twilio", "google", "shopify", "digitalocean", "databricks", "partner-edi",
	}
	labels := []string{"billing", "backup", "deploy", "reports", "mailer", "search", "warehouse", "shop", "monitoring", "exports"}
	scopes := []string{"{}", "{read}", "{read,write}", "{admin}", "{read,reports}"}
	for _, vendor := range unique(vendors) {
		for _, label := range labels {
			for _, env := range []string{"production", "staging", "development"} {
				if !m.chance(0.35) {
					continue
				}
				id, secret := m.secret(vendor)
				created := m.between(m.opened, m.Now.AddDate(0, -2, 0))
				var rotated, expires string
				if m.chance(0.3) {
					rotated = stamp(m.between(created, m.Now))
				}
				if m.chance(0.25) {
					expires = stamp(m.Now.AddDate(0, 1+m.IntN(20), 0))
				}
				t.add(vendor, label, env, id, secret, m.of(scopes), owners[m.IntN(len(owners))][0], stamp(created), rotated, expires)
			}
		}
	}
}

// gap is how many ids are missing before the next row: deleted rows and
// rolled-back transactions.
func (d dice) gap() int {
	if d.chance(0.94) {
		return 0
	}
	return 1 + d.IntN(4)
}

func (m *maker) maybe(p float64, s string) string {
	if m.chance(p) {
		return s
	}
	return ""
}

func unique(list []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

func day(t time.Time) string   { return t.Format("2006-01-02") }
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.999999") + "+00" }
func money(f float64) string   { return strconv.FormatFloat(f, 'f', 2, 64) }
func number(n int) string      { return strconv.Itoa(n) }
func boolean(b bool) string    { return strconv.FormatBool(b) }
func optional(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return stamp(t)
}
