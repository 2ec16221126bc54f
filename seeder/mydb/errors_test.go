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
	defer l.Close()                                           // the kernel takes the connection
	for patience := 100 * time.Millisecond; ; patience *= 4 { // a busy machine may not even connect in that time
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		_, err = mydb.Open(ctx, "mysql://seeder:hush-hush@"+l.Addr().String()+"/shop")
		cancel()
		if err == nil || strings.Contains(err.Error(), "PROXY header") || patience > time.Minute {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "PROXY header") || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v, want an error that says for what it may wait", err)
	}
}
