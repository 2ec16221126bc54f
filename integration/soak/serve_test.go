package soak

import (
	"context"
	"database/sql/driver"
	"testing"

	"github.com/rs/zerolog"

	"honeyrow/proxy"
	"honeyrow/proxy/wire"
)

// serve puts a listener before p until the test ends and returns its address.
func serve(t *testing.T, c proxy.Config, p wire.Protocol) string {
	t.Helper()
	l, err := proxy.Listen(t.Context(), c, proxy.Deps{Protocol: p, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx) }() // ends with stop
	t.Cleanup(func() {
		stop()
		<-done
	})
	return l.Addr().String()
}

// mysqlConn is what a connection of the driver can do.
type mysqlConn interface {
	driver.Conn
	driver.QueryerContext
}

func (c *myClient) ask(ctx context.Context) error {
	rows, err := c.QueryContext(ctx, "select 1", nil)
	if err != nil {
		return err
	}
	return rows.Close()
}
