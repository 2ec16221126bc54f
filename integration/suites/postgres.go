package main

import (
	"context"
	"errors"
	"strings"

	"honeyrow/integration"
	"honeyrow/rules"
)

// hba has the roles that the suites log in with, so that passwords and SCRAM
// cross the proxy too.
var hba = []string{
	"host all pgx_md5,pqgomd5 127.0.0.1/32 md5",
	"host all pgx_scram,pqgoscram 127.0.0.1/32 scram-sha-256",
	"host all pgx_pw,pqgopassword 127.0.0.1/32 password",
	"hostssl all pgx_ssl 127.0.0.1/32 scram-sha-256",
	"hostnossl all pgx_ssl,pqgossl,pqgosslcert 127.0.0.1/32 reject",
}

// postgres starts a private PostgreSQL with the proxy before it.
func postgres(ctx context.Context, o options) (*ground, error) {
	s, err := integration.Start(ctx, integration.Options{HBA: hba, Ahead: true, Protect: o.protect})
	if err != nil {
		return nil, err
	}
	version, err := s.Server.Query(ctx, "postgres", "show server_version")
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &ground{
		version: strings.Fields(version)[0],
		dir:     s.Dir(), exec: s.Server.Exec, direct: direct(s), through: through(s),
		broken: s.Broken, judges: s.Judges, close: s.Close,
	}, nil
}

var postgresSuites = []suite{
	{
		name: "pgx", module: "github.com/jackc/pgx/v5", from: ".", database: "pgx_test", suspects: append(pgxSuspects, syntaxErrors),
		setupFile: "testsetup/postgresql_setup.sql", setup: "create extension if not exists citext;",
		packages: []string{".", "./pgconn", "./pgtype", "./pgxpool", "./stdlib"},
		slowTests: "TestListenNotifyWhileBusyIsSafe|TestConnStress|TestConnQueryErrorWhileReturningRows|TestConnExecBatchWriteError|" +
			"TestConnExecBatchHuge|TestNumericCodec.*|TestNumericBinaryEncodeLargeDigitCount|Fuzz.*",
		slowPackages: []string{"./pgxpool", "./stdlib"}, // the first waits for timers; the other adds little to the rest
		env: func(at ends) []string {
			as := func(user string) string { return at.plain.DSN(user, "pgx_test") + " password=secret" }
			tls := at.secure.DSN("pgx_ssl", "pgx_test") + " password=secret sslrootcert=" + at.ca
			return []string{
				"PGX_TEST_DATABASE=" + at.plain.DSN("postgres", "pgx_test"),
				"PGX_TEST_TCP_CONN_STRING=" + at.plain.DSN("postgres", "pgx_test"),
				"PGX_TEST_MD5_PASSWORD_CONN_STRING=" + as("pgx_md5"),
				"PGX_TEST_SCRAM_PASSWORD_CONN_STRING=" + as("pgx_scram"),
				"PGX_TEST_PLAIN_PASSWORD_CONN_STRING=" + as("pgx_pw"),
				"PGX_TEST_TLS_CONN_STRING=" + strings.Replace(tls, "sslmode=require", "sslmode=verify-full", 1),
				"PGX_TEST_SCRAM_PLUS_CONN_STRING=" + tls + " channel_binding=require",
				"PGX_SSL_PASSWORD=certpw",
			}
		},
	},
	{
		name: "pq", module: "github.com/lib/pq", from: "integration/suites/libpq", database: "pqgo",
		setupFile: "testdata/postgres/docker-entrypoint-initdb.d/20-config.sql", setup: "create role pqgo login superuser;",
		packages: []string{".", "./hstore"}, slowPackages: []string{"./hstore"}, slowTests: "Example_.*|TestContextCancelBegin|TestQueryRowContextBad",
		edits: listenerPatience, serial: true, skip: pqSkip, why: pqWhy, suspects: append(pqSuspects, syntaxErrors),
		env: pqEnv,
	},
	{
		name: "pq, binary parameters", module: "github.com/lib/pq", from: "integration/suites/libpq", database: "pqgo",
		packages: []string{"."}, slowPackages: []string{"."},
		edits: listenerPatience, serial: true, skip: pqSkip, why: pqWhy, suspects: append(pqSuspects, syntaxErrors),
		env: func(at ends) []string { return append(pqEnv(at), "PQTEST_BINARY_PARAMETERS=1") },
	},
}

// What the suites rightly are suspected of.
var (
	syntaxErrors = suspect{rules.Injection, "", "a burst of errors of syntax, made on purpose"}
	pgxSuspects  = []suspect{
		{rules.Injection, "copy (select *, pg_sleep(0.01) from generate_series(1,1000)) to stdout", "it waits at each row, on purpose"},
		{rules.Injection, "insert into t(id) select $1::int4 from pg_sleep(5)", "it waits inside an INSERT, on purpose"},
		{rules.Injection, "WHERE 3 = '3'", "two literals compared, for the test binds one of them: an injection looks no different"},
	}
	pqSuspects = []suspect{
		{rules.Injection, "SELECT 1; CREATE TEMP TABLE t (a int); DROP TABLE t", "DROP TABLE behind a SELECT in one text: an injection looks no different"},
	}
)

// lib/pq panics, and with that ends all tests, if a listener needs 100 ms to connect.
var listenerPatience = []edit{{"notify_test.go", "100 * time.Millisecond):\n\t\tpanic(\"wantEvent", "10 * time.Second):\n\t\tpanic(\"wantEvent"}}

// What depends on how the server itself is reached: its hostnossl rules and
// its check of client certificates see the proxy's connection.
const (
	pqSkip = "TestSSL.*"
	pqWhy  = "its tests of TLS ask for hostnossl rules and client certificates, which see the proxy's own connection to the server"
)

func pqEnv(at ends) []string {
	return []string{
		"PGHOST=" + at.mixed.Host, "PGPORT=" + at.mixed.Port, "PGDATABASE=pqgo", "PGUSER=pqgo",
		"PGSSLMODE=disable", "PGCONNECT_TIMEOUT=20",
	}
}

func direct(s *integration.Stand) ends {
	tls := s.Direct()
	tls.SSLMode = "require"
	return ends{plain: s.Direct(), secure: tls, mixed: s.Direct(), ca: s.CAFile}
}

func through(s *integration.Stand) ends {
	return ends{plain: s.Proxy(), secure: s.ProxyTLS(), mixed: s.ProxyMixed(), ca: s.CAFile}
}
