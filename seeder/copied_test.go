package seeder

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"honeyrow/seeder/generate"
)

// An item that says what another owner's said shortly before is told from one that goes
// its own way, and from one that its own owner bought twice.
func TestWhatIsAnothersOverAgainIsTold(t *testing.T) {
	orders := &Table{Name: "orders", Columns: []*Column{{Name: "id", Class: generate.Integer}, {Name: "customer", Class: generate.Integer}, {Name: "ordered", Class: generate.Timestamp}}}
	items := &Table{Name: "items", Columns: []*Column{{Name: "order_id", Class: generate.Integer}, {Name: "product", Class: generate.Integer}, {Name: "price", Class: generate.Decimal}}}
	s := &Sample{Columns: []string{"id", "customer", "ordered"}}
	below := &Sample{Columns: []string{"order_id", "product", "price"}}
	row := func(vs ...string) (out []*string) {
		for _, v := range vs {
			out = append(out, &v)
		}
		return out
	}
	owners := map[string][]int{}
	for i := range 400 {
		owner, product, price := fmt.Sprint(i), i*7%40, i*13%400
		if i == 205 { // as that of owner 200, nearly
			product, price = 200*7%40, 200*13%400+2
		}
		if i == 206 { // of the same product, at another price
			product, price = 201*7%40, (201*13+200)%400
		}
		if i == 308 { // one's own over again
			owner, product, price = "303", 303*7%40, 303*13%400
		}
		s.Rows = append(s.Rows, row(fmt.Sprint(i), owner, fmt.Sprintf("2024-01-01 %02d:%02d:00", i/60, i%60)))
		below.Rows = append(below.Rows, row(fmt.Sprint(i), fmt.Sprint(product), fmt.Sprintf("%d.00", price)))
		owners[owner] = append(owners[owner], i)
	}
	tr := &traits{of: map[string][]float64{}}
	tr.copied(items, below, "order_id", 0, s, owners, func(k int) time.Time { return firstDate(orders, s, s.Rows[k]) })
	before, after := slices.Index(tr.names, "rows in items that another's are shortly before"), slices.Index(tr.names, "rows in items that another's are shortly after")
	for owner, want := range map[string][2]float64{"205": {1, 0}, "200": {0, 1}, "206": {0, 0}, "303": {0, 0}, "100": {0, 0}} {
		if got := tr.of[owner]; got[before] != want[0] || got[after] != want[1] {
			t.Errorf("owner %s: %g before and %g after, want %g", owner, got[before], got[after], want)
		}
	}
}
