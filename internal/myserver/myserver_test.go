package myserver

import (
	"os"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	code := m.Run()
	Cleanup()
	os.Exit(code)
}

func TestStartsAnswersRestartsAndLeavesNothingBehind(t *testing.T) {
	s, err := Start(t.Context(), Options{Settings: []string{"max_allowed_packet = 32M", "init_file = init.sql"}, Files: map[string][]byte{"init.sql": []byte("create database crm;\n")}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	if err := s.Exec(t.Context(), "crm", "create table t (a int, b text); insert into t values (1, 'x'), (2, null)"); err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), "crm", "select nosuch from t"); err == nil || !strings.Contains(err.Error(), "1054") {
		t.Fatalf("a wrong statement gave %v", err)
	}
	pid := s.PID()
	if err := os.Remove(s.data() + "/init.sql"); err != nil {
		t.Fatal(err)
	}
	if err := s.WriteFile("init.sql", nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.PID() == pid {
		t.Fatal("the same process after a restart")
	}
	got, err := s.Query(t.Context(), "crm", "select a, b from t order by a; select @@max_allowed_packet")
	if want := "1\tx\n2\tNULL\n33554432\n"; err != nil || got != want {
		t.Fatalf("got %q, %v; want %q", got, err, want)
	}
	if s.Port == 3306 || !strings.HasPrefix(s.Addr(), "127.0.0.1:") {
		t.Fatalf("address %s", s.Addr())
	}
	s.Stop()
	if _, err := os.Stat(s.Dir); !os.IsNotExist(err) {
		t.Fatalf("the folder is still there: %v", err)
	}
}
