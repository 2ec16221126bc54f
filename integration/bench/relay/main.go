// Command relay is the benchmark's yardstick: a proxy that does what no proxy
// for PostgreSQL can do without, and nothing else. It answers the requests for
// encryption with no, passes the start-up packet, and from then on walks
// message headers, forwards whole messages as they came in one write per read,
// and inspects nothing. What honeyrow costs above it is the price of looking.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	server := flag.String("server", "", "address of the PostgreSQL server")
	flag.Parse()
	if *server == "" {
		fmt.Fprintln(os.Stderr, "relay: -server is missing: give the server's host:port")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
		os.Exit(1)
	}
	fmt.Println("listening on", l.Addr())
	go func() { // ends the accept loop
		<-ctx.Done()
		l.Close()
	}()
	serve(l, *server)
}

// serve relays each connection of l to server until l is closed.
func serve(l net.Listener, server string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go relay(c.(*net.TCPConn), server)
	}
}
