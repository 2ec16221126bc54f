package crm

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"time"
)

// sales are the tables that grow with the customers.
type sales struct {
	customers, cards, orders, items *Table
	order                           int // orders so far
}

func (m *maker) customers() {
	s := &sales{
		customers: m.table("customers", "id", "customer_no", "first_name", "last_name", "email", "phone", "company",
			"street", "postal_code", "city", "country", "date_of_birth", "segment", "status", "newsletter",
			"credit_limit", "notes", "created_at", "updated_at", "last_login_at"),
		cards: m.table("payment_cards", "id", "customer_id", "brand", "last4", "token", "holder", "exp_month", "exp_year",
			"is_default", "created_at"),
		orders: m.table("orders", "id", "order_no", "customer_id", "status", "total", "currency", "ordered_at",
			"shipped_at", "delivered_at"),
		items: m.table("order_items", "order_id", "line", "product_id", "quantity", "price"),
	}
	// Ids rise with time, those of customers who left or never came through too.
	gaps, n := make([]int, m.Customers), m.Customers
	for i := range gaps {
		gaps[i] = m.gap()
		n += gaps[i]
	}
	came, id := m.arrivals(n), 0
	for _, gone := range gaps {
		if id += 1 + gone; m.more.chance(0.5) {
			m.number += gone
		}
		m.customer(s, id, came[id-1])
	}
	m.count(s.cards, 9)
	ids := m.count(s.orders, 6)
	for _, r := range s.orders.Rows {
		r[1] = r[6][:4] + "-" + fmt.Sprintf("%06s", r[0])
	}
	for _, r := range s.items.Rows {
		r[0] = ids[r[0]]
	}
	sort.SliceStable(s.items.Rows, func(a, b int) bool {
		x, y := s.items.Rows[a][0], s.items.Rows[b][0]
		return len(x) < len(y) || len(x) == len(y) && x < y
	})
}

// arrivals are n times in their order: the business grows, more come each year,
// most in working hours.
func (m *maker) arrivals(n int) []time.Time {
	out := make([]time.Time, n)
	for i := range out {
		at := m.opened.Add(time.Duration(math.Sqrt(m.more.Float64()) * float64(m.Now.Sub(m.opened))))
		out[i] = m.more.between(at.Truncate(24*time.Hour), at.Truncate(24*time.Hour).Add(24*time.Hour-1))
		if out[i].After(m.Now) {
			out[i] = at.Truncate(time.Microsecond)
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return out
}

var currencies = map[string]string{"US": "USD", "GB": "GBP", "AU": "AUD", "SE": "SEK", "CA": "CAD"}

func (m *maker) customer(s *sales, id int, created time.Time) {
	c := m.country()
	first, last := m.early(c.first), m.early(c.last)
	segment, company, domain, limit := "private", "", m.early(m.words["mail"]), 0.0
	if n := m.Float64(); n < 0.21 {
		segment = "business"
		company = last + " " + m.of(m.words["trade"])
		domain = slug(company) + ".example"
		limit = float64(1+m.IntN(20)) * 500
		if n < 0.02 {
			segment = "key_account"
			limit = float64(2+m.IntN(10)) * 10000
		}
	}
	status := m.weighted("active", 72, "lead", 12, "paused", 6, "closed", 10)
	town := c.city[m.IntN(len(c.city))]
	street := fmt.Sprintf("%s %d", m.of(c.street), 1+m.IntN(180))
	if c.code == "US" || c.code == "GB" || c.code == "CA" || c.code == "AU" || c.code == "IE" {
		street = fmt.Sprintf("%d %s", 1+m.IntN(900), m.of(c.street))
	}
	var born, login string
	if segment == "private" && m.chance(0.72) {
		age := 19 + int(math.Abs(m.normal(22, 15)))
		born = day(m.Now.AddDate(-age, -m.IntN(12), -m.IntN(28)))
	}
	updated := m.between(created, m.Now)
	if status != "lead" && m.chance(0.85) {
		login = stamp(m.between(created, m.Now))
	}
	s.customers.add(number(id), m.customerNo(), first, last, m.email(first, last, domain),
		m.maybe(0.83, m.phone(c)), company, street, m.pattern(town.postal), town.name, c.code, born,
		segment, status, boolean(m.chance(0.34)), money(limit), m.maybe(0.06, m.of(m.words["note"])),
		stamp(created), stamp(updated), login)
	if status == "lead" {
		return
	}
	if m.chance(0.62) {
		m.card(s, id, strings.ToUpper(first+" "+last), created)
	}
	orders := int(math.Exp(m.normal(0.7, 0.8)))
	if segment != "private" {
		orders *= 3
	}
	currency := currencies[c.code]
	if currency == "" {
		currency = "EUR"
	}
	for range orders {
		m.order(s, id, currency, m.between(created, m.Now))
	}
}

// phone makes a customer's number: of those who can, one in eight gives one
// that is kept for fiction.
func (m *maker) phone(c *country) string {
	if len(c.shy) > 0 && m.chance(0.125) {
		return m.pattern(m.of(c.shy))
	}
	return m.pattern(m.of(c.phone))
}

// customerNo makes the next number: the order desk counts those whose order
// came through. Customers who were deleted had one; of inserts that failed only
// the id is gone.
func (m *maker) customerNo() string {
	m.number++
	return fmt.Sprintf("C-%06d", 100000+m.number)
}

func (m *maker) card(s *sales, customer int, holder string, created time.Time) {
	n := 1
	if m.chance(0.14) {
		n = 2
	}
	for i := range n {
		added := m.between(created, m.Now)
		s.cards.add("", number(customer), m.weighted("visa", 55, "mastercard", 35, "amex", 10), m.text(digits, 4),
			"tok_"+m.text(base62, 24), holder, number(1+m.IntN(12)), number(added.Year()+1+m.IntN(4)),
			boolean(i == 0), stamp(added))
	}
}

func (m *maker) order(s *sales, customer int, currency string, at time.Time) {
	s.order++
	total := 0.0
	for line := range 1 + int(math.Abs(m.normal(0, 1.6))) {
		price, quantity := m.price(), 1+int(math.Abs(m.normal(0, 0.9)))
		total += price * float64(quantity)
		s.items.add(number(s.order), number(line+1), number(1+m.IntN(m.Products)), number(quantity), money(price))
	}
	status := m.weighted("delivered", 82, "cancelled", 7, "returned", 4, "shipped", 3, "paid", 2, "placed", 2)
	if age := m.Now.Sub(at); age > 60*24*time.Hour && (status == "shipped" || status == "paid" || status == "placed") {
		status = "delivered"
	}
	var shipped, delivered time.Time
	switch status {
	case "delivered", "returned":
		shipped = at.Add(time.Duration(18+m.IntN(90)) * time.Hour)
		delivered = shipped.Add(time.Duration(20+m.IntN(120)) * time.Hour)
	case "shipped":
		shipped = at.Add(time.Duration(18+m.IntN(60)) * time.Hour)
	}
	s.orders.add(number(s.order), "", number(customer), status, money(total),
		currency, stamp(at), optional(shipped), optional(delivered))
}

// weighted draws one of the words by the weights that follow them.
func (m *maker) weighted(pairs ...any) string {
	sum := 0
	for i := 1; i < len(pairs); i += 2 {
		sum += pairs[i].(int)
	}
	n := m.IntN(sum)
	for i := 0; i < len(pairs); i += 2 {
		if n -= pairs[i+1].(int); n < 0 {
			return pairs[i].(string)
		}
	}
	return pairs[0].(string)
}

func slug(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r
		case r == ' ':
			return '-'
		}
		return -1
	}, strings.ToLower(s))
}
