package generate

import (
	"fmt"
	"regexp"
	"testing"
)

// A number that is kept for fiction in one country is somebody's in another: what
// stands in the column tells which country's numbers these are.
func TestAPhoneWithoutACountryCodeIsOfItsColumnsCountryOrNotMade(t *testing.T) {
	for name, c := range map[string]struct {
		value func(i int) string
		want  string // of every number that is made; empty: none is
	}{
		"Germany, of several lengths": {func(i int) string {
			if i%5 == 0 {
				return fmt.Sprintf("0171/%07d", 1000000+i*7919)
			}
			return fmt.Sprintf("0%d/%d", 200+i%700, 100037*(1+i%3*9)+i)
		}, `^0(3023125|4066969|6990009|17139200)\d+$`},
		"Australia": {func(i int) string { return fmt.Sprintf("04%02d %03d %03d", 10+i%80, i*7%1000, i*13%1000) }, `^0(4915701|25550|77010)\d+$`},
		"France":    {func(i int) string { return fmt.Sprintf("0%d%08d", 1+i%7, 30000000+i*344919%60000000) }, `^0(19900|26191|35301|46571|53649|63998)\d+$`},
		"France, in pairs": {func(i int) string {
			return fmt.Sprintf("06 %02d %02d %02d %02d", i*7%100, i*13%100, i*17%100, i*23%100)
		}, `^0(19900|26191|35301|46571|53649|63998)\d+$`},
		"Britain, few": {func(i int) string { return []string{"07911 123456", "07712 654321"}[i%2] }, `^0(7700900|1632960)\d+$`},
		// Whose numbers look like those of a country with numbers kept for fiction.
		"the Netherlands": {func(i int) string {
			return fmt.Sprintf("0%s%06d", []string{"610", "641", "106", "205", "703", "302"}[i%6]+fmt.Sprint(i%10), i*79193%1000000)[:10]
		}, ""},
		"Switzerland": {func(i int) string {
			return fmt.Sprintf("0%s %03d %02d %02d", []string{"79", "44", "31", "22", "78"}[i%5], 200+i, i%100, i*7%100)
		}, ""},
		"Korea": {func(i int) string { return fmt.Sprintf("010-%04d-%04d", 2000+i*37%8000, i*7919%10000) }, ""},
		"mobiles of Malaysia": {func(i int) string {
			return fmt.Sprintf("01%d-%03d %04d", []int{2, 3, 6, 7, 9}[i%5], 200+i, i*7919%10000)
		}, ""},
		"Brescia":                   {func(i int) string { return fmt.Sprintf("030/%d", 100037*(1+i%3*9)+i) }, ""},
		"mobiles of Germany, alone": {func(i int) string { return fmt.Sprintf("01%d%08d", []int{51, 60, 71, 76}[i%4], 1000000+i*79193)[:11] }, `^0(3023125|4066969|6990009|17139200)\d+$`},
		"mobiles of Japan":          {func(i int) string { return fmt.Sprintf("0%d0%08d", 7+i%3, 12345678+i*79193) }, ""},
		"Britain":                   {func(i int) string { return fmt.Sprintf("07%09d", 100000000+i*79193) }, `^0(7700900|1632960)\d+$`},
		"North America":             {func(i int) string { return fmt.Sprintf("(%d) %d-%04d", 212+i, 234+i*3, i*37%10000) }, `^\d{3}55501\d\d$`},
		"mobiles of India":          {func(i int) string { return fmt.Sprintf("98%08d", 15012345+i*7919113%80000000) }, ""},
		"mobiles of China":          {func(i int) string { return fmt.Sprintf("138%08d", 12345678+i*7919113%80000000) }, ""},
		"mobiles of Mexico":         {func(i int) string { return fmt.Sprintf("55 %04d %04d", i*397%10000, i*7919%10000) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			col := &Column{Table: "people", Name: "phone", Class: Text, Rows: 200}
			for i := range 200 {
				col.Values = append(col.Values, c.value(i))
			}
			r := New(7, name)
			for i := range 100 {
				v, err := phone{}.Value(r, col, &Row{Was: col.Values[i]})
				switch {
				case c.want == "" && err == nil:
					t.Fatalf("made %s beside %s", v, col.Values[i])
				case c.want != "" && (err != nil || !regexp.MustCompile(c.want).MatchString(digitsOf(v))):
					t.Fatalf("made %q beside %s, %v; want %s", v, col.Values[i], err, c.want)
				}
			}
		})
	}
}
