package seeder

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

// lendings is customers with rentals, a day to a week long, and payments that point at these:
// made when they began, and a dollar for each midnight, two for things of the second kind.
func lendings(customers int) (rentals, payments *study) {
	of := func(name string, at int, c generate.Class, kind string, from Source) *field {
		return &field{Column: &Column{Name: name, Class: c, CanSelect: true, CanInsert: true}, plan: &ColumnPlan{Name: name, Kind: kind, Source: from}, sample: at, seen: &generate.Column{}}
	}
	text := func(v any) *string { s := fmt.Sprint(v); return &s }
	to := &study{table: &Table{Name: "customer"}, columns: []*field{of("id", 0, generate.Integer, "key", Gap)}, sample: &Sample{Columns: []string{"id"}}}
	to.columns[0].seen.Unique = true
	rentals = &study{table: &Table{Name: "rental"}, sample: &Sample{Columns: []string{"id", "customer", "thing", "out", "back"}}}
	rentals.columns = []*field{
		of("id", 0, generate.Integer, "key", Drawn), of("customer", 1, generate.Integer, "reference", Parent),
		of("thing", 2, generate.Integer, "reference", Parent), of("out", 3, generate.Timestamp, "timestamp", Made), of("back", 4, generate.Timestamp, "timestamp", Made),
	}
	payments = &study{table: &Table{Name: "payment"}, sample: &Sample{Columns: []string{"id", "customer", "rental", "amount", "paid"}}}
	payments.columns = []*field{
		of("id", 0, generate.Integer, "key", Drawn), of("customer", 1, generate.Integer, "reference", Parent),
		of("rental", 2, generate.Integer, "reference", Parent), of("amount", 3, generate.Decimal, "number", Made), of("paid", 4, generate.Timestamp, "timestamp", Made),
	}
	key := func(name string) *ForeignKey {
		return &ForeignKey{Columns: []string{name}, RefTable: name, RefColumns: []string{"id"}}
	}
	rentals.kin, payments.kin = &kinship{to: to, fk: key("customer"), of: rentals, rows: map[string][]int{}}, &kinship{to: to, fk: key("customer"), of: payments, rows: map[string][]int{}}
	payments.columns[2].fk, rentals.columns[2].fk = key("rental"), key("thing")
	payments.columns[0].seen.Unique = true
	r := rand.New(rand.NewPCG(3, 4))
	n := 0
	for c := range customers {
		to.sample.Rows = append(to.sample.Rows, []*string{text(10 * (c + 1))})
		for range 8 {
			out := time.Date(2024, 3, 1+r.IntN(200), r.IntN(24), r.IntN(60), 0, 0, time.UTC)
			back := out.Add(time.Duration(1+r.IntN(7*24)) * time.Hour)
			thing := r.IntN(60)
			nights := int(back.Truncate(day).Sub(out.Truncate(day)) / day)
			rentals.sample.Rows = append(rentals.sample.Rows, []*string{text(1000 + n), text(10 * (c + 1)), text(thing), text(out.Format(time.DateTime)), text(back.Format(time.DateTime))})
			payments.sample.Rows = append(payments.sample.Rows, []*string{text(5000 + n + 20*c), text(10 * (c + 1)), text(1000 + n), text(strconv.Itoa(nights*(1+thing%2)) + ".99"), text(out.Format(time.DateTime))})
			for _, st := range []*study{rentals, payments} {
				owner := strconv.Itoa(10 * (c + 1))
				st.kin.rows[owner] = append(st.kin.rows[owner], n)
			}
			n++
		}
	}
	for _, st := range []*study{to, rentals, payments} {
		for i, f := range st.columns {
			f.seen.Values = column(st.sample, i)
		}
	}
	return rentals, payments
}

func TestAPaymentIsMadeWhenItsRentalBegins(t *testing.T) {
	rentals, payments := lendings(60)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	d := &draft{studies: []*study{rentals, payments}, now: now}
	d.pairUp()
	if payments.kin.pointed != rentals || rentals.kin.pointed != nil {
		t.Fatal("that payments point at the same customer's rentals is not found")
	}
	c := payments.companion(now)
	if c == nil || c.from != rentals.columns[3] {
		t.Fatalf("payments go with %+v", c)
	}
	owner := "10"
	h := &hand{was: []*string{&owner}, when: moments{}, g: generate.Row{Now: now, Shift: 37 * day}}
	r := rand.New(rand.NewPCG(1, 2))
	paid, out := h.brood(payments, r), h.broods[rentals]
	if len(paid) != 8 {
		t.Fatalf("%d of 8 payments have dates", len(paid))
	}
	for i, at := range paid {
		if !at[payments.columns[4]].Equal(out[i][rentals.columns[3]]) {
			t.Errorf("payment %d is made at %s, its rental began at %s", i, at[payments.columns[4]], out[i][rentals.columns[3]])
		}
	}
}

func TestWhatAThingCostsGoesByItsKindAndItsNights(t *testing.T) {
	rentals, payments := lendings(200)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	d := &draft{studies: []*study{rentals, payments}, now: now}
	d.pairUp()
	x := &thing{f: rentals.columns[2], held: map[string][]holder{}}
	x.take(rentals, rentals.sample)
	p := &peers{kinds: map[int]string{}}
	for i := range rentals.sample.Rows {
		p.rows = append(p.rows, loan{row: i})
	}
	x.store(rentals, p, rand.New(rand.NewPCG(1, 2)))
	price := d.prices(rentals)
	kind := map[string]string{}
	for v := range x.rows {
		k, _ := strconv.Atoi(v)
		kind[v] = strconv.Itoa(k % 2)
	}
	one := map[string]string{}
	nights, hours, blind := &tariff{calendar: true, kind: kind}, &tariff{kind: kind}, &tariff{calendar: true, kind: one}
	if a := nights.agrees(rentals, now, p, x, price); a < 100 {
		t.Errorf("%.0f of 100 things of one kind cost the same for as many nights, want all", a)
	}
	if a := hours.agrees(rentals, now, p, x, price); a > 85 {
		t.Errorf("%.0f of 100 cost the same for as many whole days: the test shows little", a)
	}
	if a := blind.agrees(rentals, now, p, x, price); a > 75 {
		t.Errorf("%.0f of 100 of any kind cost the same: the test shows little", a)
	}
}

func TestWhoHasRoomForFewRelativesHasFew(t *testing.T) {
	_, payments := lendings(60)
	to := payments.kin.to
	blocks := payments.blocks(to)
	if len(blocks) != 60 || blocks[1] != [3]int64{20, 5000 + 20 + 8 + 7, 5000 + 20 + 8} {
		t.Fatalf("blocks of payments: %v", blocks[:min(2, len(blocks))])
	}
	owner := "30"
	payments.kin.rows[owner] = payments.kin.rows[owner][:5]
	s := &slot{holds: []hold{{payments, 6}}}
	near := []int{1, 2, 3}
	if got := to.filling(near, s); len(got) != 1 || got[0] != 2 {
		t.Errorf("beside room for 6 stand rows like %v, want the one with 5 relatives", got)
	}
	s.holds[0].most = 9
	if got := to.filling(near, s); len(got) != 2 {
		t.Errorf("beside room for 9 stand rows like %v, want those with 8 relatives", got)
	}
	if low, high := roomy([2]int64{100, 110}), roomy([2]int64{100, 150}); low != [2]int64{100, 110} || high != [2]int64{150 - wideReach - 1, 100 + wideReach + 1} {
		t.Errorf("numbers between rows far apart: %v, %v", low, high)
	}
}
