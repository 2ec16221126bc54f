package main

import (
	"context"
	"time"

	"honeyrow/integration/bench/client"
	"honeyrow/integration/bench/stub"
)

// server is the private instance that the targets stand in front of.
type server interface {
	Addr() string
	Exec(ctx context.Context, database, sql string) error
	Query(ctx context.Context, database, sql string) (string, error)
	Stop()
}

// session is one logged-in client of the benchmark's own.
type session interface {
	Query(sql string) (client.Result, error)
	QueryBinary(sql string) (client.Result, error)
	Close() error
	Abort()
}

// wideCell is a way to read the whole wide table.
type wideCell struct {
	name  string
	text  bool    // rows of text: see the bars of issue 4
	least float64 // the bar of the values alone: throughput over the relay's
	read  func(session) (client.Result, error)
}

// product is a database server with what is measured on it.
type product struct {
	name     string // in --server and in the samples
	title    string // for people
	protocol string // in honeyrow's configuration and the relay's flags
	user     string // needs no password
	database string // holds all tables that are read
	issue    int    // its bars are those of this issue
	// latency is the bar for what is added to a point query of one client over
	// the relay, in milliseconds; 0 for none.
	latency float64

	targets, modes []string // that there are, in the order of the report
	cells          []wideCell
	// Words of the report: what point queries and connections are measured with.
	points, connections string

	// find fails if something that the measuring needs is not installed.
	find func() error
	// start starts the server and makes its tables.
	start func(ctx context.Context, b *bench) (server, error)
	// about names the versions of the server and of what point queries are measured with.
	about func(ctx context.Context, s server) ([]string, error)
	dial  func(ctx context.Context, addr string, buffer int) (session, error)
	stub  func() (*stub.Server, error)
	// lookUp measures single-row look-ups by primary key once.
	lookUp func(ctx context.Context, l *lane, s *sample, addr, mode string, clients int, cpu func() time.Duration) error
	// literals and shapes are the nth query of one shape with literals that no
	// other has, and of a shape that no other has; each reads one row.
	literals, shapes func(n uint64) string
	// plant says where the honey rows stand that are in tables that are read.
	plant func(ctx context.Context, s server) (planting, error)
}

// products, in the order of the report.
var products = []*product{postgresql, mariadb}

func productNames() []string {
	var names []string
	for _, p := range products {
		names = append(names, p.name)
	}
	return names
}

// productOf finds a product by its name; nil if there is none.
func productOf(name string) *product {
	for _, p := range products {
		if p.name == name {
			return p
		}
	}
	return nil
}
