package alert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/user"
	"time"

	"honeyrow/event"
)

// Line returns d as one line of JSON with its line feed, in the schema that
// docs/alert.md describes. The caller owns the slice. Bytes that are not UTF-8
// become U+FFFD, control characters are escaped.
func Line(d *event.Detection) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(d); err != nil {
		return nil, Permanent(fmt.Errorf("encode detection %s: %w", d.ID, err))
	}
	return b.Bytes(), nil
}

// DrillDetection is a test alert: it looks like a real one, is marked as a
// drill, and says in its summary that nothing happened.
func DrillDetection(now time.Time) event.Detection {
	who := "unknown"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		who += "@" + host
	}
	place := event.Place{Server: "drill", Database: "drill", Schema: "public", Table: "customers", Column: "email", Key: "0"}
	return event.Detection{
		Schema: event.Schema, ID: event.NewID(), Revision: 1, Time: now, Severity: event.Info, Rule: "drill", Drill: true,
		Summary: "TEST: " + who + " asked for a test alert; nothing happened",
		Action:  event.Alert,
		Client: event.Client{
			Session: event.NewID(), Started: now, Protocol: "drill", Listener: "drill", Server: "drill",
			Address: "unix", User: who, Database: "drill", Application: "honeyrow alerts test",
		},
		Statement: event.Statement{Text: "SELECT 'this is a test'"},
		Run:       event.Run{Started: now, Rows: 1, Done: true, Code: "SELECT 1"},
		Hits: []event.Hit{{
			Token: event.NewID(), Kind: "email", Row: event.NewID(), Place: place,
			Story: "no row was planted: this is a test", PlantedBy: who, PlantedAt: now,
			Channel: event.ChannelRow, Means: "field", Column: "email", Count: 1,
		}},
		HoneyRows: 1, HitCount: 1,
	}
}
