package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

// seat is PostgreSQL's number of a table and of a column in it.
type seat struct {
	table uint32
	attr  uint16
}

// planting says where the honey rows of the tables that are read stand:
// beside wideTable in the table of point queries.
type planting struct {
	database, schema, table string
	columns                 []planned
	// seats are PostgreSQL's numbers by table and column, and nil for a
	// server that names the column's table in each result.
	seats map[string]seat
}

// planned is a column of a honey row.
type planned struct {
	column, kind string
	strength     token.Strength
	value        func(g *grower) (text string, bin []byte)
}

// The tables that honey rows stand in: the two that are read, and four others
// such as a business has. No value that these make is in the data: keys lie
// above the table's, and the rest differs in a part that the data never has
// (domain, country code, upper case, other names).
var (
	decoyWide = []planned{
		{"full_name", "person_name", token.Weak, (*grower).name},
		{"email", "email", token.Strong, (*grower).email},
		{"phone", "phone", token.Firm, (*grower).phone},
		{"api_key", "api_key", token.Strong, (*grower).apiKey},
		{"address", "address", token.Weak, (*grower).address},
	}
	decoyAccount = []planned{
		{"aid", "key", token.Weak, (*grower).key},
		{"abalance", "amount", token.Weak, (*grower).amount},
	}
	decoySbtest = []planned{
		{"id", "key", token.Weak, (*grower).key},
		{"k", "amount", token.Weak, (*grower).amount},
		{"c", "token", token.Strong, groups(10)},
		{"pad", "token", token.Strong, groups(5)},
	}
	decoyTables = []struct {
		table   string
		columns []planned
	}{
		{"customers", []planned{
			{"id", "key", token.Weak, (*grower).key},
			{"full_name", "person_name", token.Weak, (*grower).name},
			{"email", "email", token.Strong, (*grower).email},
			{"phone", "phone", token.Firm, (*grower).phone},
			{"mobile", "phone", token.Firm, (*grower).phone},
			{"address", "address", token.Weak, (*grower).address},
			{"password_hash", "password_hash", token.Strong, (*grower).hash},
			{"iban", "iban", token.Strong, (*grower).iban},
		}},
		{"employees", []planned{
			{"id", "key", token.Weak, (*grower).key},
			{"name", "person_name", token.Weak, (*grower).name},
			{"work_email", "email", token.Strong, (*grower).email},
			{"private_email", "email", token.Strong, (*grower).email},
			{"phone", "phone", token.Firm, (*grower).phone},
			{"address", "address", token.Weak, (*grower).address},
			{"salary", "amount", token.Weak, (*grower).amount},
			{"iban", "iban", token.Strong, (*grower).iban},
			{"national_id", "national_id", token.Firm, (*grower).digits},
		}},
		{"payment_cards", []planned{
			{"id", "key", token.Weak, (*grower).key},
			{"customer_id", "key", token.Weak, (*grower).key},
			{"holder", "person_name", token.Weak, (*grower).name},
			{"number", "card_number", token.Firm, (*grower).digits},
			{"billing_email", "email", token.Strong, (*grower).email},
			{"billing_address", "address", token.Weak, (*grower).address},
			{"token", "api_key", token.Strong, (*grower).apiKey},
		}},
		{"api_credentials", []planned{
			{"id", "key", token.Weak, (*grower).key},
			{"owner", "email", token.Strong, (*grower).email},
			{"client_id", "api_key", token.Strong, (*grower).apiKey},
			{"secret", "api_key", token.Strong, (*grower).apiKey},
			{"refresh_token", "token", token.Strong, (*grower).hash},
			{"callback", "url", token.Strong, (*grower).url},
			{"contact", "person_name", token.Weak, (*grower).name},
			{"contact_phone", "phone", token.Firm, (*grower).phone},
		}},
	}
)

// makeTokens makes n live tokens, honey row by honey row, the same ones every
// time. Of ten rows three stand in the wide table and one in the table of point
// queries. Keys are above the last one.
func makeTokens(n, lastKey int, in planting, now time.Time) []token.Token {
	g := &grower{r: rand.New(rand.NewPCG(2, 10_000)), last: lastKey}
	ts := make([]token.Token, 0, n)
	for row := 0; len(ts) < n; row++ {
		table, columns := wideTable, decoyWide
		oid := uint32(0)
		switch k := row % 10; {
		case k == 3:
			table, columns = in.table, in.columns
		case k > 3:
			i := (row/10 + k) % len(decoyTables)
			table, columns, oid = decoyTables[i].table, decoyTables[i].columns, uint32(4_000_000+i)
		}
		id := event.NewID()
		g.row = row
		for i, c := range columns[:min(len(columns), n-len(ts))] {
			text, bin := c.value(g)
			at := seat{oid, uint16(i + 1)}
			if oid == 0 {
				at = in.seats[table+"."+c.column]
			}
			if in.seats == nil { // MySQL has no numbers, and integers are read as text in either format
				at, bin = seat{}, nil
			}
			ts = append(ts, token.Token{
				ID: event.NewID(), Row: id, Kind: c.kind, Value: text, Binary: bin, Strength: c.strength, Key: c.kind == "key" && i == 0,
				Place:    event.Place{Server: serverName, Database: in.database, Schema: in.schema, Table: table, Column: c.column, Key: strconv.Itoa(lastKey + row + 1)},
				TableOID: at.table, Attr: at.attr,
				Deployment: "bench", PlantedBy: "bench", PlantedAt: now, State: token.Live, ChangedAt: now,
			})
		}
	}
	return ts
}

// locations are the places of ts with their numbers.
func locations(ts []token.Token) []token.Location {
	seen := map[token.Location]bool{}
	var ls []token.Location
	for i := range ts {
		p := &ts[i].Place
		l := token.Location{Server: p.Server, Database: p.Database, Schema: p.Schema, Table: p.Table, Column: p.Column, TableOID: ts[i].TableOID, Attr: ts[i].Attr}
		if l.TableOID != 0 && !seen[l] {
			seen[l] = true
			ls = append(ls, l)
		}
	}
	return ls
}

// grower makes values.
type grower struct {
	r    *rand.Rand
	last int // highest key in the data
	row  int
	next int // makes values unique
}

var (
	firstNames = []string{"Agatha", "Bertram", "Cordelia", "Dietmar", "Eleonora", "Ferdinand", "Giselle", "Hannelore", "Ignatius", "Josephine", "Konrad", "Leopold"}
	lastNames  = []string{"Achterberg", "Brandauer", "Castellano", "Drummond", "Eriksson", "Falkenstein", "Grimaldi", "Hollander", "Iversen", "Jankowski"}
)

const (
	upper = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	mixed = upper + "abcdefghjkmnpqrstuvwxyz23456789"
)

func (g *grower) text(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[g.r.IntN(len(alphabet))]
	}
	return string(b)
}

func (g *grower) name() (string, []byte) {
	return firstNames[g.row%len(firstNames)] + " " + lastNames[g.row/len(firstNames)%len(lastNames)], nil
}

func (g *grower) email() (string, []byte) {
	g.next++
	return fmt.Sprintf("%s.%d@ledger.decoy.example", g.text("abcdefghijklmnopqrstuvwxyz", 3+g.r.IntN(5)), g.next), nil
}

func (g *grower) phone() (string, []byte) {
	g.next++
	return fmt.Sprintf("+44 555 %07d", g.next), nil
}

func (g *grower) apiKey() (string, []byte) {
	if g.r.IntN(2) == 0 {
		return "HR" + g.text(mixed, 22), nil
	}
	return "sk_live_" + g.text(mixed, 24), nil
}

func (g *grower) address() (string, []byte) {
	g.next++
	return fmt.Sprintf("%d Harbour Lane, Port Ellery", 1000+g.next), nil
}

func (g *grower) hash() (string, []byte) { return "$2b$12$" + g.text(mixed, 53), nil }

func (g *grower) iban() (string, []byte) {
	return "GB" + g.text("0123456789", 2) + "NWBK" + g.text("0123456789", 14), nil
}

func (g *grower) digits() (string, []byte) {
	g.next++
	return fmt.Sprintf("9%08d%07d", g.r.IntN(100_000_000), g.next), nil
}

// groups gives n groups of eleven digits, which is what sysbench's text columns
// hold: only chance keeps them apart, one in 10^55 and more.
func groups(n int) func(*grower) (string, []byte) {
	return func(g *grower) (string, []byte) {
		gs := make([]string, n)
		for i := range gs {
			gs[i] = g.text("0123456789", 11)
		}
		return strings.Join(gs, "-"), nil
	}
}

func (g *grower) url() (string, []byte) {
	return "https://" + g.text("abcdefghijklmnopqrstuvwxyz", 10) + ".decoy.example/callback", nil
}

func (g *grower) key() (string, []byte)    { return integer(g.last + 1 + g.row) }
func (g *grower) amount() (string, []byte) { return integer(90_000_000 + g.row) }

// integer gives an int4 in the text and the binary format.
func integer(n int) (string, []byte) {
	return strconv.Itoa(n), binary.BigEndian.AppendUint32(nil, uint32(n))
}
