package app

import (
	"os"
	"testing"
)

// The running proxy names its own sessions to the doctor, wherever that runs.
func TestTheDoctorIsToldTheProxysOwnSessions(t *testing.T) {
	s, _ := adminSite(t)
	conn := s.connect("crm", false)
	var pid uint32
	if err := conn.QueryRow(t.Context(), "select pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	p, err := s.config().Patient().Proxy(t.Context())
	if err != nil || p.Host != s.app.host || len(p.PIDs) != 1 || p.PIDs[0] != os.Getpid() {
		t.Fatalf("told %+v, %v", p, err)
	}
	if len(p.Backends) != 1 || p.Backends[0].Server != "crm" || p.Backends[0].ID != pid {
		t.Errorf("told the sessions %+v, want the server's process %d", p.Backends, pid)
	}
	c := s.config()
	c.Admin.Address = ""
	if c.Patient().Proxy != nil {
		t.Error("a proxy without an admin listener is asked")
	}
}
