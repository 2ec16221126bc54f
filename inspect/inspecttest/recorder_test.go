package inspecttest

import (
	"slices"
	"testing"

	"honeyrow/event"
	"honeyrow/inspect"
)

// Protocol code overwrites its buffers: what was recorded must stay.
func TestRecordsCopiesOfWhatItWasShown(t *testing.T) {
	rec := New()
	s, _ := rec.Open(event.Client{User: "app"})
	sql := []byte("SELECT 1")
	st, _ := s.Prepare(sql, len(sql))
	copy(sql, "XXXXXXXX")
	cols := []inspect.Column{{Name: "a"}}
	lay := s.Describe(cols)
	cols[0].Name = "poison"
	u, _ := st.Run(nil, nil)
	rows, _ := u.Columns(event.ChannelRow, lay)
	row := []byte("xxvalue")
	rows.Row(1, row, []inspect.Span{{Col: 0, Off: 2, Len: 5}})
	copy(row, "poison!")
	u.Done(1, "SELECT 1")
	s.Close()

	if got := rec.Statements(); !slices.Equal(got, []string{"SELECT 1"}) {
		t.Errorf("statements %q", got)
	}
	calls := rec.Calls("Row")
	if got, ok := calls[0].Field(0); !ok || string(got) != "value" {
		t.Errorf("field 0 = %q, %v", got, ok)
	}
	if got := rec.Calls("Columns")[0].Cols[0].Name; got != "a" {
		t.Errorf("column %q", got)
	}
	want := []string{"Open", "Prepare", "Describe", "Run", "Columns", "Row", "Done", "Close"}
	if got := rec.Methods(); !slices.Equal(got, want) {
		t.Errorf("methods %q, want %q", got, want)
	}
	if p := rec.Problems(); len(p) != 0 {
		t.Errorf("problems: %q", p)
	}
}

func TestScriptedBlockSeesValuesSplitOverCalls(t *testing.T) {
	rec := New()
	rec.BlockWhen(event.ChannelCopy, "needle")
	rec.AlertWhen(event.ChannelStatement, "drop")
	s, _ := rec.Open(event.Client{})
	st, v := s.Prepare([]byte("drop table"), 10)
	if v.Action != event.Alert || v.Detection == "" {
		t.Errorf("statement verdict %+v, want an alert", v)
	}
	u, _ := st.Run(nil, nil)
	if v := u.Stream(event.ChannelCopy, 0, []byte("a nee"), false); v.Blocks() {
		t.Error("blocked before the needle was whole")
	}
	if v := u.Stream(event.ChannelRow, 0, []byte("dle"), false); v.Blocks() {
		t.Error("another channel completed the needle")
	}
	if v := u.Stream(event.ChannelCopy, 1, []byte("dle b"), true); !v.Blocks() {
		t.Error("a needle split over two calls was not blocked")
	}
	if v := u.Stream(event.ChannelCopy, 1, []byte("again"), true); v.Blocks() {
		t.Error("blocked in a new stream")
	}
}

func TestNamesBreachesOfTheContract(t *testing.T) {
	rec := New()
	s, _ := rec.Open(event.Client{})
	st, _ := s.Prepare([]byte("x"), 0)
	u, _ := st.Run([]byte("ab"), []inspect.Param{{Off: 1, Len: 2}})
	rows, _ := u.Columns(event.ChannelRow, nil)
	rows.Row(1, []byte("abc"), []inspect.Span{{Col: 1, Off: 2, Len: 2}, {Col: 0, Off: 0, Len: 1}})
	u.Done(1, "")
	u.Text(event.ChannelError, nil)
	s.Close()
	s.Present(event.ChannelRow, nil, true)
	if got := rec.Problems(); len(got) != 7 {
		t.Errorf("%d problems, want 7: %q", len(got), got)
	}
}

func TestGateWantsAndSuspectAreTheTestsToChoose(t *testing.T) {
	rec := New()
	rec.GateBits = 1 << 4
	rec.WantsFunc = func(c inspect.Column, i int) bool { return c.Name == "id" && i == 0 }
	rec.SuspectOnly("honey@example.com")
	s, _ := rec.Open(event.Client{})
	st, _ := s.Prepare([]byte("x"), 1)
	u, _ := st.Run(nil, nil)
	rows, _ := u.Columns(event.ChannelRow, s.Describe([]inspect.Column{{Name: "id"}, {Name: "b"}}))
	if rows.Gate() != 1<<4 || !rows.Wants(0) || rows.Wants(1) || rows.Wants(9) {
		t.Error("gate or wants are not those that were set")
	}
	if rows.Suspect([]byte("nothing here")) || !rows.Suspect([]byte("a honey@example.com b")) {
		t.Error("suspect does not follow the needles")
	}
	rec.NoRows = true
	if rows, _ := u.Columns(event.ChannelCopy, nil); rows != nil {
		t.Error("rows despite NoRows")
	}
}
