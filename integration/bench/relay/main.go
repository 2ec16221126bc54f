// Command relay is the benchmark's yardstick: a proxy that does what no proxy
// for PostgreSQL (-protocol postgres) or MySQL (-protocol mysql) can do without,
// and nothing else. It sees to it that the session is not encrypted or
// compressed (PostgreSQL's requests for encryption are answered with no; MySQL's
// greeting does not offer it), and from then on walks headers, forwards whole
// messages as they came in one write per read, and inspects nothing. What
// honeyrow costs above it is the price of looking.
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
	server := flag.String("server", "", "address of the server")
	protocol := flag.String("protocol", "postgres", "postgres or mysql")
	flag.Parse()
	relay := map[string]func(*net.TCPConn, string){"postgres": relayPostgres, "mysql": relayMySQL}[*protocol]
	switch {
	case *server == "":
		fmt.Fprintln(os.Stderr, "relay: -server is missing: give the server's host:port")
		os.Exit(2)
	case relay == nil:
		fmt.Fprintf(os.Stderr, "relay: -protocol %s is not known: choose postgres or mysql\n", *protocol)
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
	serve(l, *server, relay)
}

// serve relays each connection of l to server until l is closed.
func serve(l net.Listener, server string, relay func(client *net.TCPConn, server string)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go relay(c.(*net.TCPConn), server)
	}
}
