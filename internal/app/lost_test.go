package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/goleak"

	"honeyrow/internal/leaks"
)

// A registry that is out of reach means that new tokens are not known, never
// that known ones are forgotten.
func TestALostRegistryOpensNoDoor(t *testing.T) {
	s := newSite(t, "rules: {honey-row-read: {action: block}}")
	s.plant()
	s.start()
	c := s.connect("crm", true)
	for _, name := range []string{"honeyrow.db", "honeyrow.db-wal", "honeyrow.db-shm"} {
		p := filepath.Join(s.dir, name)
		if err := os.Rename(p, p+".away"); err != nil {
			t.Fatal(err)
		}
	}
	await(t, 10*time.Second, "the loss is logged", func() bool { return strings.Contains(s.logs.String(), "the registry can't be read") })
	_, err := c.Exec(context.Background(), "select * from customers where id = 4711")
	var pe *pgconn.PgError
	if !errors.As(err, &pe) || pe.Code != "42501" {
		t.Errorf("error %v, want 42501: the honey row is still watched", err)
	}
	for _, name := range []string{"honeyrow.db", "honeyrow.db-wal", "honeyrow.db-shm"} {
		p := filepath.Join(s.dir, name)
		if err := os.Rename(p+".away", p); err != nil {
			t.Fatal(err)
		}
	}
	await(t, 10*time.Second, "the return is logged", func() bool { return strings.Contains(s.logs.String(), "can be read again") })
	s.awaitDetections(1)
}

func TestAUnixListenerServesAndCleansUpAfterItself(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s := newSite(t, "")
	sock := filepath.Join(s.dir, ".s.PGSQL.6432")
	s.configure(strings.Replace(configText(""), "    address: 127.0.0.1:0", "    address: unix:"+sock, 1))
	s.plant()
	s.start()
	conn, err := pgconn.Connect(context.Background(), "host="+s.dir+" port=6432 user=postgres dbname=postgres sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(context.Background(), "select * from customers").ReadAll(); err != nil {
		t.Fatal(err)
	}
	d := s.awaitDetections(1)[0]
	if d.Client.Address != "unix" || d.Client.Peer == nil || int(d.Client.Peer.PID) != os.Getpid() {
		t.Errorf("client %+v, want this process by its unix socket", d.Client)
	}
	if err := conn.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(sock); !os.IsNotExist(err) {
		t.Errorf("the socket is still there (%v)", err)
	}
	if err := leaks.Find(before); err != nil {
		t.Error(err)
	}
}
