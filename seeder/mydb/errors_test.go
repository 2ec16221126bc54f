package mydb_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"honeyrow/seeder/mydb"
)

func TestAServerThatSaysNothingIsNotWaitedForWithoutEnd(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close() // the kernel takes the connection
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = mydb.Open(ctx, "mysql://seeder:hush-hush@"+l.Addr().String()+"/shop")
	if err == nil || !strings.Contains(err.Error(), "PROXY header") || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v, want an error that says for what it may wait", err)
	}
}
