package seeder

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestADecoyTableIsNamedInTheStyleOfItsSchema(t *testing.T) {
	for _, c := range []struct {
		model  string
		others []string
		want   string // among the names offered
	}{
		{"customers", []string{"order_items", "orders"}, "customers_backup"},
		{"customer", nil, "customer_backup_2024"},
		{"customer_cards", []string{"OrderItems"}, "customer_cards_archive"},
		{"tbl_users", nil, "tbl_users_old"},
		{"payment", []string{"orderItem", "customerCard", "x_y"}, "paymentBackup2024"},
		{"Payments", []string{"OrderItems", "CustomerCards"}, "PaymentsBackup"},
		{"Payments", []string{"orderItems", "customerCards"}, "PaymentsArchive"},
		{"CardHolders", nil, "CardHoldersExport"},
		{"USERS", nil, "USERS_BACKUP"},
		{"ACC_USERS", []string{"other_table"}, "ACC_USERS_2024"},
	} {
		cat := &Catalog{}
		for _, n := range append(c.others, c.model) {
			cat.Tables = append(cat.Tables, &Table{Name: n})
		}
		got := copies(rand.New(rand.NewPCG(1, 2)), c.model, 2024, styleOf(c.model, cat))
		if !slices.Contains(got, c.want) {
			t.Errorf("%s beside %v: %v, want %s among them", c.model, c.others, got, c.want)
		}
	}
}

func TestADecoyTableNeverGetsANameThatIsTaken(t *testing.T) {
	cat := &Catalog{Tables: []*Table{{Schema: "public", Name: "users"}}}
	d := &draft{o: &Options{}}
	for range 25 { // until all are taken
		tp := &TablePlan{Schema: "public", Table: "users", Decoy: &Decoy{}}
		if err := d.christen(rand.New(rand.NewPCG(1, 2)), &Plan{}, tp, cat); err != nil {
			if !strings.Contains(err.Error(), "--decoy-name") || len(cat.Tables) < 15 {
				t.Errorf("with %d names taken: %v", len(cat.Tables), err)
			}
			return
		}
		for _, other := range cat.Tables {
			if strings.EqualFold(other.Name, tp.Table) {
				t.Fatalf("%s is there already", tp.Table)
			}
		}
		cat.Tables = append(cat.Tables, &Table{Schema: "public", Name: strings.ToUpper(tp.Table)})
	}
	t.Error("there is no end of names")
}
