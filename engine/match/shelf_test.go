package match

import (
	"reflect"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

func TestATokenComesBackAsItWas(t *testing.T) {
	at := time.Date(2026, 11, 22, 8, 0, 0, 123_000, time.UTC)
	place := event.Place{Server: "main", Database: "crm", Schema: "public", Table: "customers", Column: "email", Key: "48213"}
	inMySQL := event.Place{Server: "shop", Database: "shop", Table: "people", Column: "raw"}
	row, id := event.NewID(), event.NewID()
	ts := []token.Token{
		{ID: id, Row: row, Kind: "email", Value: "a.b@decoy.example", Strength: token.Strong, Place: place, TableOID: 7, Attr: 2, Deployment: "d", PlantedBy: "me", PlantedAt: at, Note: "a note", Among: 1234567, State: token.Live, ChangedAt: at.Add(3 * time.Hour)},
		{ID: event.NewID(), Row: row, Kind: "key", Value: "48213", Binary: []byte{0, 0, 188, 85}, Key: true, Place: place, PlantedAt: at, State: token.Planned, ChangedAt: at},
		{ID: "T", Row: "r", Kind: "amount", Value: "12.50", Strength: token.Firm, Place: place, State: token.Retired},
		{ID: "0190A0A0-0000-7000-8000-00000000000F", Value: "without a row", Strength: token.Strong, State: token.Live},
		{ID: "expired", Row: "r", Value: "another came instead", Strength: token.Strong, Place: place, State: token.Retired, PlantedAt: at, ChangedAt: at.Add(time.Hour), Until: at.Add(48 * time.Hour)},
		{ID: "removed", Row: "r", Value: "not watched", State: token.Removed, Place: place},
		{ID: "bytes", Row: row, Value: "0x414243444546", Binary: []byte("ABCDEF"), Strength: token.Strong, Place: inMySQL, State: token.Live},
		{ID: "text of those bytes", Row: row, Value: "ABCDEF", Strength: token.Strong, Place: inMySQL, State: token.Live},
		{ID: "empty", Value: "", Binary: []byte{}, State: token.Live},
	}
	x := Compile(&token.Snapshot{Version: 3, Tokens: ts})
	for i := range ts {
		if got := x.Token(uint32(i)); !reflect.DeepEqual(*got, ts[i]) {
			t.Errorf("token %d:\n got %+v\nwant %+v", i, *got, ts[i])
		}
		if got := x.Traits(uint32(i)); got.Key != ts[i].Key || got.Strength != ts[i].Strength {
			t.Errorf("token %d: %+v", i, got)
		}
		if got := string(x.Text(uint32(i))); got != ts[i].Value {
			t.Errorf("token %d: text %q, want %q", i, got, ts[i].Value)
		}
	}
	if x.Tokens() != len(ts) {
		t.Errorf("%d tokens, want %d", x.Tokens(), len(ts))
	}
}
