package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"sort"
	"strings"
	"time"

	"honeyrow/demo/crm"
	"honeyrow/seeder"
)

// today is the day of the newest rows of all tables.
var today = time.Now().UTC().Truncate(24 * time.Hour)

func asKin(c *seeder.Config) { c.Keys, c.Family = "gaps", true }
func firm(c *seeder.Config) {
	asKin(c)
	c.PhoneRanges = []string{"+49 40 0"}
}
func appended(c *seeder.Config) { c.Family = true }

// cases are the tables that are judged.
func cases(o options) []*scene {
	if o.sql != "" {
		return []*scene{{
			name: o.table, about: "loaded from " + o.sql, load: func() (string, error) { return files(o.sql) }, table: o.table, domain: o.domain, naive: true,
			ways: []way{{name: "honeyrow"}, {name: "honeyrow, gaps and family", setup: asKin, bar: true}},
		}}
	}
	const members = "A society's members, all at its own mail domain, which is the decoy domain too; 7 % of the numbers are missing. Each has an address of its own; invoices point at them."
	var out []*scene
	for _, my := range []bool{false, true} {
		product := "PostgreSQL"
		if my {
			product = "MariaDB"
		}
		out = append(out, &scene{
			name: "members, " + product, about: members, mysql: my, load: func() (string, error) { return portal(my, 0.07), nil },
			table: tableName(my, "members"), domain: "uni-nordsee.example", naive: my,
			ways: []way{
				{name: "honeyrow as it comes"},
				{name: "honeyrow, gaps and family", setup: asKin, bar: true},
			},
		})
	}
	out = append(out, &scene{
		name: "members without gaps, MariaDB", about: "The same, but no number is missing: only rows that come later hide honey rows.", mysql: true, load: func() (string, error) { return portal(true, 0), nil },
		table: "members", domain: "uni-nordsee.example", few: true,
		ways: []way{{name: "honeyrow, family", setup: appended}},
	})
	mails := []string{"northmail.example", "postbox.example", "brightmail.example", "mailharbour.example", "letterly.example", "inboxer.example", "quickpost.example"}
	out = append(out, &scene{
		name: "demo's customers, PostgreSQL", about: "The demo's furniture dealer. Of customers who were deleted id and customer number are missing, of inserts that failed the id alone; mail is at many domains, of which each run takes others as the owner's.",
		crm: true, table: "public.customers", domains: mails, naive: true,
		ways: []way{
			{name: "honeyrow, gaps and family", setup: asKin, bar: true},
			{name: "honeyrow, the same with three mail domains", setup: asKin, mails: 3},
		},
	}, &scene{
		name: "demo's employees, PostgreSQL", about: "The demo's staff, 1,200 instead of 240 so that there are gaps for all runs, all at the firm's domain, telephones in its own range. Salaries are numbered as they come.",
		crm: true, table: "hr.employees", domain: "nordhaus-living.example", naive: true,
		ways: []way{{name: "honeyrow, gaps and family", setup: firm, bar: true}},
	}, &scene{
		name: "demo's customers in a shop, PostgreSQL", about: "The same customers, of whom 85 % gave neither address nor telephone when they bought in the shop: the plan makes as many honey rows without them, and says so. Only the others have to be at the owner's domain.",
		crm: true, table: "public.customers", domains: mails,
		prepare: `ALTER TABLE customers DISABLE TRIGGER USER; CREATE TABLE kept AS SELECT id, email, phone FROM customers;
			ALTER TABLE customers ALTER email DROP NOT NULL; UPDATE customers SET email = NULL, phone = NULL WHERE abs(hashint4(id::int)) % 100 < 85;
			ALTER TABLE customers ENABLE TRIGGER USER`,
		ways: []way{{name: "honeyrow, gaps and family", setup: asKin, bar: true}},
	}, &scene{
		name: "customer numbers without gaps, PostgreSQL", about: "The demo's customers, whose numbers are counted anew: honey rows get the newest ids and the newest numbers, and only rows that come later hide them.",
		crm: true, table: "public.customers", domains: mails, few: true,
		prepare: `ALTER TABLE customers DISABLE TRIGGER USER;
			DO $$ BEGIN IF to_regclass('kept') IS NOT NULL THEN UPDATE customers c SET email = k.email, phone = k.phone FROM kept k WHERE k.id = c.id; ALTER TABLE customers ALTER email SET NOT NULL; DROP TABLE kept; END IF; END $$;
			UPDATE customers c SET customer_no = 'C-' || (500000 + r.n) FROM (SELECT id, row_number() OVER (ORDER BY id) n FROM customers) r WHERE r.id = c.id;
			UPDATE customers SET customer_no = 'C-' || (substr(customer_no, 3)::int - 400000);
			ALTER TABLE customers ENABLE TRIGGER USER`,
		ways: []way{{name: "honeyrow, gaps and family", setup: asKin}},
	}, &scene{
		name: "salaries without gaps, PostgreSQL", about: "The demo's staff, whose salaries are numbered anew: those of honey rows are the last.",
		crm: true, table: "hr.employees", domain: "nordhaus-living.example",
		prepare: `UPDATE hr.payroll SET id = id + 1000000; UPDATE hr.payroll p SET id = r.n FROM (SELECT id, row_number() OVER (ORDER BY id) n FROM hr.payroll) r WHERE r.id = p.id;
			SELECT setval(pg_get_serial_sequence('hr.payroll', 'id'), (SELECT max(id) FROM hr.payroll))`,
		ways: []way{{name: "honeyrow, gaps and family", setup: firm}},
	})
	out = append(out, &scene{
		name: "players with keys made of names, PostgreSQL", about: "Keys are made of names (smithj01); the rule is learnt from the column.", load: func() (string, error) { return players(), nil },
		table: "public.players", domain: "league.example", ways: []way{{name: "honeyrow", bar: true}}, naive: true,
	})
	return append(out, published(o.samples)...)
}

func tableName(my bool, name string) string {
	if my {
		return name
	}
	return "public." + name
}

func files(list string) (string, error) {
	var b strings.Builder
	for _, f := range strings.Split(list, ",") {
		text, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		b.Write(text)
		b.WriteString("\n")
	}
	return b.String(), nil
}

// script writes SQL that both products understand.
type script struct {
	strings.Builder
	r  *rand.Rand
	my bool
}

func quoted(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case string:
		return "'" + strings.ReplaceAll(v, "'", "''") + "'"
	case time.Time:
		if v.IsZero() {
			return "NULL"
		}
		return "'" + v.Format(time.DateTime) + "'"
	}
	return fmt.Sprint(v)
}

func (s *script) insert(table string, rows [][]any) {
	for from := 0; from < len(rows); from += 500 {
		fmt.Fprintf(s, "INSERT INTO %s VALUES\n", table)
		for i, row := range rows[from:min(from+500, len(rows))] {
			vs := make([]string, len(row))
			for k, v := range row {
				vs[k] = quoted(v)
			}
			if i > 0 {
				s.WriteString(",\n")
			}
			s.WriteString("(" + strings.Join(vs, ", ") + ")")
		}
		s.WriteString(";\n")
	}
}

func (s *script) of(words ...string) string { return words[s.r.IntN(len(words))] }

func (s *script) text(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[s.r.IntN(len(alphabet))]
	}
	return string(b)
}

// bcrypt is a hash as bcrypt writes it: the last characters of salt and digest
// hold few bits.
func (s *script) bcrypt() string {
	return "$2b$12$" + s.text("./"+base62, 21) + s.text(".Oeu", 1) + s.text("./"+base62, 30) + s.text(".CGKOSWaeimquy26", 1)
}

// clock is a moment in working hours, mostly.
func (s *script) clock(day time.Time) time.Time {
	hour := 8 + s.r.IntN(11)
	if s.r.IntN(10) == 0 {
		hour = s.r.IntN(24)
	}
	return day.Truncate(24 * time.Hour).Add(time.Duration(hour)*time.Hour + time.Duration(s.r.IntN(3600))*time.Second)
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// people are persons who suit their country, from the demo's generator.
// Each table has a seed of its own: with one for all, the names of one table would be
// another's, and tell which of its rows are real.
func people(seed uint64, n int) [][]string {
	d, err := crm.Generate(crm.Options{Seed: seed, Customers: n, Employees: 20, Now: today})
	if err != nil {
		panic(err) // the demo's own lists are damaged
	}
	return d.Table("customers").Rows
}

// portal makes members with addresses and invoices. missing is the share of
// numbers that no row has any more.
func portal(my bool, missing float64) string {
	s := &script{r: rand.New(rand.NewPCG(7, 11)), my: my}
	auto, stamp := "integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", "timestamp(0)"
	if my {
		auto, stamp = "integer AUTO_INCREMENT PRIMARY KEY", "datetime"
	}
	fmt.Fprintf(s, `CREATE TABLE addresses (id %[1]s, street varchar(80) NOT NULL, postal_code varchar(12) NOT NULL, city varchar(60) NOT NULL, country char(2) NOT NULL, updated_at %[2]s NOT NULL);
CREATE TABLE members (id %[1]s, email varchar(120) NOT NULL UNIQUE, first_name varchar(40) NOT NULL, last_name varchar(40) NOT NULL, password_hash char(60) NOT NULL,
  country char(2) NOT NULL, plan varchar(12) NOT NULL, title varchar(40), credit decimal(10,2) NOT NULL, api_token varchar(40) UNIQUE, status varchar(12) NOT NULL,
  address_id integer NOT NULL REFERENCES addresses (id), created_at %[2]s NOT NULL, last_login_at %[2]s, CONSTRAINT lives FOREIGN KEY (address_id) REFERENCES addresses (id));
CREATE TABLE invoices (id %[1]s, member_id integer NOT NULL, amount decimal(10,2) NOT NULL, status varchar(12) NOT NULL, issued_at %[2]s NOT NULL, paid_at %[2]s, CONSTRAINT owes FOREIGN KEY (member_id) REFERENCES members (id));
`, auto, stamp)
	opened := today.AddDate(-6, 0, 0)
	span := today.Sub(opened)
	var addresses, members, invoices [][]any
	id, address := 0, 0
	next := func(k *int) int {
		*k++
		for s.r.Float64() < missing {
			*k++
		}
		return *k
	}
	used := map[string]bool{}
	const n = 2000
	var came []time.Time // more each year, mostly in working hours; numbers rise with time
	for range n {
		came = append(came, s.clock(opened.Add(time.Duration(math.Sqrt(s.r.Float64())*float64(span-24*time.Hour)))))
	}
	sort.Slice(came, func(a, b int) bool { return came[a].Before(came[b]) })
	for i, p := range people(99, n) {
		id, address = id+1, next(&address)
		if s.r.Float64() < missing { // left, and was deleted
			continue
		}
		m := s.member(id, address, p, came[i], used)
		addresses = append(addresses, []any{m[11], p[7], p[8], p[9], p[10], later(s, came[i])})
		members = append(members, m)
	}
	invoice := 0
	type due struct {
		at  time.Time
		row []any
	}
	var dues []due
	for _, m := range members {
		for range int(math.Exp(s.r.NormFloat64()*0.7 + map[string]float64{"basic": -0.3, "plus": 0.7, "patron": 1.2}[m[6].(string)])) {
			at := later(s, m[12].(time.Time))
			amount := fmt.Sprintf("%.2f", math.Round(math.Exp(s.r.NormFloat64()*0.5+3.4)*20)/20)
			status, paid := "paid", at.Add(time.Duration(1+s.r.IntN(40*24))*time.Hour).Add(time.Duration(s.r.IntN(3600))*time.Second)
			if s.r.IntN(25) == 0 {
				status, paid = "cancelled", time.Time{}
			} else if paid.After(today) {
				status, paid = "open", time.Time{}
			}
			dues = append(dues, due{at, []any{0, m[0], amount, status, at, paid}})
		}
	}
	sort.SliceStable(dues, func(a, b int) bool { return dues[a].at.Before(dues[b].at) })
	for _, d := range dues {
		d.row[0] = next(&invoice)
		invoices = append(invoices, d.row)
	}
	s.insert("addresses", addresses)
	s.insert("members", members)
	s.insert("invoices", invoices)
	if !my {
		for _, t := range []string{"addresses", "members", "invoices"} {
			fmt.Fprintf(s, "SELECT setval(pg_get_serial_sequence('%[1]s', 'id'), max(id)) FROM %[1]s;\n", t)
		}
	}
	return s.String()
}

// member makes one whose columns go together.
func (s *script) member(id, address int, p []string, created time.Time, used map[string]bool) []any {
	plan := "basic"
	switch n := s.r.Float64(); {
	case p[10] == "DE" && n < 0.5, n < 0.25:
		plan = "plus"
	case n > 0.93:
		plan = "patron"
	}
	credit := "0.00"
	if plan != "basic" && s.r.IntN(3) > 0 {
		credit = fmt.Sprintf("%.2f", math.Round(math.Exp(s.r.NormFloat64()*0.8+4)*2)/2)
	}
	var title, token any
	if s.r.IntN(9) == 0 {
		title = s.of("Dr.", "Prof.", "Dr. med.", "Dipl.-Ing.", "M.A.")
	}
	if plan == "patron" || s.r.IntN(12) == 0 {
		token = "mbr_" + s.text("0123456789abcdef", 32)
	}
	status, login := "active", later(s, created)
	switch n := s.r.IntN(100); {
	case n < 14:
		status = "former"
	case n < 19:
		status, login = "invited", time.Time{}
	}
	local := plainOf(p[2]) + "." + plainOf(p[3])
	if s.r.IntN(4) == 0 {
		local = plainOf(p[2])[:1] + plainOf(p[3])
	}
	mail := local + "@uni-nordsee.example"
	for i := 2; used[mail]; i++ {
		mail = fmt.Sprintf("%s%d@uni-nordsee.example", local, i)
	}
	used[mail] = true
	return []any{id, mail, p[2], p[3], s.bcrypt(), p[10], plan, title, credit, token, status, address, created, login}
}

func later(s *script, t time.Time) time.Time {
	d := today.Sub(t)
	if d <= time.Hour {
		return t
	}
	return s.clock(t.Add(time.Duration(s.r.Float64() * float64(d-time.Hour)))).Add(0)
}

func plainOf(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(name))
}

// players have keys made of their names: five letters of the last, two of the
// first, a number.
func players() string {
	s := &script{r: rand.New(rand.NewPCG(5, 13))}
	s.WriteString("CREATE TABLE players (player_id varchar(12) PRIMARY KEY, first_name varchar(40) NOT NULL, last_name varchar(40) NOT NULL, email varchar(80) NOT NULL UNIQUE, country char(2) NOT NULL, birth_date date, height integer, weight integer, bats char(1), debut date, final_game date);\n")
	seen, mails := map[string]int{}, map[string]bool{}
	var rows [][]any
	for _, p := range people(98, 2000) {
		f, l := plainOf(p[2]), plainOf(p[3])
		stem := l[:min(len(l), 5)] + f[:min(len(f), 2)]
		seen[stem]++
		mail := f + "." + l + "@league.example"
		for i := 2; mails[mail]; i++ {
			mail = fmt.Sprintf("%s.%s%d@league.example", f, l, i)
		}
		mails[mail] = true
		height := 165 + int(math.Abs(s.r.NormFloat64()*10))
		born := today.AddDate(-20-s.r.IntN(40), -s.r.IntN(12), -s.r.IntN(28))
		debut := born.AddDate(18+s.r.IntN(4), s.r.IntN(12), s.r.IntN(28))
		rows = append(rows, []any{
			fmt.Sprintf("%s%02d", stem, seen[stem]), p[2], p[3], mail, p[10], born.Format(time.DateOnly), height,
			height - 100 + int(s.r.NormFloat64()*8), s.of("R", "R", "L", "B"), debut.Format(time.DateOnly), debut.AddDate(s.r.IntN(2), s.r.IntN(12), s.r.IntN(28)).Format(time.DateOnly),
		})
	}
	s.insert("players", rows)
	return s.String()
}
