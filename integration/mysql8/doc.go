// Package mysql8 tests the proxy before peers that speak MySQL 8's protocol,
// since no real MySQL is at hand: go-mysql's server package, which knows the
// SHA-2 logins; dolthub's go-mysql-server, which has an SQL engine (in engine, a
// module of its own); and a peer of these tests, which greets with the bytes of
// real servers and speaks what the others do not: query attributes, session
// tracking, results that end in OK packets. Go's drivers, Node's, Python's and
// PHP's log in to them through the proxy with the engine behind it, and what
// arrives is compared with what arrives directly.
package mysql8
