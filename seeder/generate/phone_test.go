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
		"Germany, of several lengths": {func(i int) string { return fmt.Sprintf("0%d/%d", 30+i%60, 100037*(1+i%3*9)+i) }, `^0(3023125|4066969|6990009|17139200)\d+$`},
		"Australia":                   {func(i int) string { return fmt.Sprintf("04%02d %03d %03d", 10+i%80, i*7%1000, i*13%1000) }, `^0(4915701|25550|77010)\d+$`},
		"France":                      {func(i int) string { return fmt.Sprintf("0%d%08d", 1+i%7, 10000000+i*7919) }, `^0(19900|26191|35301|46571|53649|63998)\d+$`},
		"Britain":                     {func(i int) string { return fmt.Sprintf("07%09d", 100000000+i*79193) }, `^0(7700900|1632960)\d+$`},
		"North America":               {func(i int) string { return fmt.Sprintf("(%d) %d-%04d", 212+i, 234+i*3, i*37%10000) }, `^\d{3}55501\d\d$`},
		"mobiles of India":            {func(i int) string { return fmt.Sprintf("98%08d", 15012345+i*7919113%80000000) }, ""},
		"mobiles of China":            {func(i int) string { return fmt.Sprintf("138%08d", 12345678+i*7919113%80000000) }, ""},
		"mobiles of Mexico":           {func(i int) string { return fmt.Sprintf("55 %04d %04d", i*397%10000, i*7919%10000) }, ""},
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
