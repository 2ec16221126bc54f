package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/brianvoe/gofakeit/v7"

	"honeyrow/seeder/camouflage"
	"honeyrow/seeder/generate"
)

// naives are the ways without this program: their keys follow the last, and
// nothing points at their rows.
var naives = []struct {
	name string
	rows func(r *rand.Rand, t *camouflage.Table, n int) []camouflage.Row
}{
	{"plain fake rows", fake},
	{"columns drawn one by one", resampled},
}

// resampled draws each column's value from another row.
func resampled(r *rand.Rand, t *camouflage.Table, n int) []camouflage.Row {
	return made(t, n, func(c int) *string { return t.Real[r.IntN(len(t.Real))].Values[c] })
}

// fake makes rows with gofakeit, by what each column is called.
func fake(r *rand.Rand, t *camouflage.Table, n int) []camouflage.Row {
	f := gofakeit.NewFaker(r, false)
	return made(t, n, func(c int) *string {
		col := t.Columns[c]
		v := ""
		switch {
		case col.Class == generate.Date:
			v = f.DateRange(time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC), today).Format(time.DateOnly)
		case col.Class == generate.Timestamp:
			v = f.DateRange(time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC), today).Format(time.DateTime)
		case col.Class == generate.Bool || col.Class == generate.Enum || col.Role == camouflage.Reference:
			return t.Real[r.IntN(len(t.Real))].Values[c]
		case col.Class == generate.Integer:
			v = strconv.Itoa(f.IntRange(1, 100000))
		case col.Class == generate.Decimal:
			v = fmt.Sprintf("%.2f", f.Price(1, 100000))
		default:
			v = fakeText(f, col.Kind)
		}
		return &v
	})
}

func fakeText(f *gofakeit.Faker, kind string) string {
	switch kind {
	case "first_name":
		return f.FirstName()
	case "last_name":
		return f.LastName()
	case "person_name":
		return f.Name()
	case "email":
		return f.Email()
	case "username":
		return f.Username()
	case "phone":
		return f.Phone()
	case "company":
		return f.Company()
	case "street":
		return f.Street()
	case "city":
		return f.City()
	case "postcode":
		return f.Zip()
	case "region":
		return f.CountryAbr()
	case "title":
		return f.JobTitle()
	case "password_hash", "token", "api_key":
		return f.Password(true, true, true, false, false, 40)
	case "uuid":
		return f.UUID()
	}
	return f.Word()
}

// made puts rows together from what value makes of a column; columns that are
// keys count on.
func made(t *camouflage.Table, n int, value func(c int) *string) []camouflage.Row {
	out := make([]camouflage.Row, n)
	for i := range out {
		row := camouflage.Row{Place: -1, Broods: make([]camouflage.Brood, len(t.Children))}
		for c, col := range t.Columns {
			v := value(c)
			if col.Role == camouflage.Key {
				v = after(t, c, i)
			}
			row.Values = append(row.Values, v)
		}
		out[i] = row
	}
	return out
}

// after is the ith number after a column's last, in the last one's form.
func after(t *camouflage.Table, c, i int) *string {
	const digits = "0123456789"
	var top int64 = -1
	last := ""
	for _, row := range t.Real {
		v := row.Values[c]
		if v == nil {
			continue
		}
		if k, err := strconv.ParseInt((*v)[len(strings.TrimRight(*v, digits)):], 10, 64); err == nil && k > top {
			top, last = k, *v
		}
	}
	stem := strings.TrimRight(last, digits)
	s := fmt.Sprintf("%s%0*d", stem, len(last)-len(stem), top+1+int64(i))
	return &s
}
