package stub

import (
	"bytes"
	"context"
	"database/sql"
	"io"
	"testing"

	_ "github.com/go-sql-driver/mysql"

	"honeyrow/integration/bench/client"
)

func TestMySQLStubLogsInAnswersAndHoldsSessions(t *testing.T) {
	ctx := context.Background()
	s, err := StartMySQL()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	var open []*client.MySQL
	for range 20 {
		c, err := client.DialMySQL(ctx, s.Addr(), "anybody", "anything", 1<<10)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := c.Query("SELECT 1"); err != nil || r.Rows != 1 {
			t.Fatalf("SELECT 1: %+v, %v", r, err)
		}
		if r, err := c.Query("SET NAMES utf8mb4"); err != nil || r.Rows != 0 {
			t.Fatalf("SET NAMES: %+v, %v", r, err)
		}
		open = append(open, c)
	}
	if got := s.Sessions(); got != 20 {
		t.Errorf("%d sessions, want 20", got)
	}
	for _, c := range open {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	// A full driver understands it too.
	db, err := sql.Open("mysql", "a:b@tcp("+s.Addr()+")/c")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var one int
	if err := db.QueryRowContext(ctx, "select 1").Scan(&one); err != nil || one != 1 {
		t.Errorf("go-sql-driver: %d, %v", one, err)
	}
}

func FuzzMySQL(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x01x\x09\x00\x00\x00\x03select 1\x01\x00\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, in []byte) {
		s := &Server{}
		if err := s.mysql(struct {
			io.Reader
			io.Writer
		}{bytes.NewReader(in), io.Discard}); err == nil && len(in) < 10 {
			t.Fatalf("%d bytes were taken for a session", len(in))
		}
	})
}
