package stub

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/jackc/pgx/v5"

	"honeyrow/integration/bench/client"
)

func TestStubLogsInAnswersAndHoldsSessions(t *testing.T) {
	ctx := context.Background()
	s, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	var open []*client.Conn
	for range 20 {
		c, err := client.Dial(ctx, s.Addr(), "anybody", "anything", 1<<10)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := c.Query("SELECT 1"); err != nil || r.Rows != 1 {
			t.Fatalf("SELECT 1: %+v, %v", r, err)
		}
		if r, err := c.Query("DISCARD ALL"); err != nil || r.Rows != 0 {
			t.Fatalf("DISCARD ALL: %+v, %v", r, err)
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
	// A full client understands it too.
	conn, err := pgx.Connect(ctx, "postgres://a@"+s.Addr()+"/b?sslmode=prefer&default_query_exec_mode=simple_protocol")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var one int
	if err := conn.QueryRow(ctx, "select 1").Scan(&one); err != nil || one != 1 {
		t.Errorf("pgx: %d, %v", one, err)
	}
}

func FuzzPostgres(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x08\x04\xd2\x16\x2f\x00\x00\x00\x09\x00\x03\x00\x00\x00Q\x00\x00\x00\x0dselect 1\x00X\x00\x00\x00\x04"))
	f.Fuzz(func(t *testing.T, in []byte) {
		s := &Server{}
		if err := s.postgres(struct {
			io.Reader
			io.Writer
		}{bytes.NewReader(in), io.Discard}); err == nil && len(in) < 8 {
			t.Fatalf("%d bytes were taken for a session", len(in))
		}
	})
}
