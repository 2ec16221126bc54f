package main

import (
	"context"
	"errors"
	"strings"

	"honeyrow/integration"
	"honeyrow/integration/mystand"
	"honeyrow/rules"
)

// mysql starts a private MariaDB with the proxy before it.
func mysql(ctx context.Context, o options) (*ground, error) {
	m, err := mystand.Start(ctx, mystand.MariaDBOptions{
		Settings: []string{"performance_schema = ON", "log_bin = binlog", "server_id = 1", "binlog_format = ROW"},
		SQL: `create database gotest; create database test;
			create user gotest@'%' identified by 'secret'; grant all on *.* to gotest@'%' with grant option;`,
		Replication: []string{"root"},
		Front:       mystand.Options{Filler: 5_000, Ahead: true}, Protect: o.protect,
	})
	if err != nil {
		return nil, err
	}
	at := func(name, addr string) ends {
		host, port := mystand.SplitAddr(addr)
		e := integration.End{Name: name, Host: host, Port: port}
		return ends{plain: e, secure: e, mixed: e, ca: m.Pair.CAFile}
	}
	version, err := m.Server.Query(ctx, "", "select substring_index(version(), '-', 1)")
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return &ground{
		product: string(m.Server.Kind), version: strings.TrimSpace(version),
		dir: m.Dir(), exec: m.Server.Exec, direct: at("direct", m.Direct()), through: at("proxy", m.Mixed),
		broken: m.Broken, judges: m.Judges, close: m.Close,
	}, nil
}

var mysqlSuites = []suite{
	{
		name: "go-sql-driver/mysql", module: "github.com/go-sql-driver/mysql", from: ".",
		packages: []string{"."},
		skip:     "TestConnectorReturnsTimeout", why: "it connects to an address on the Internet, and panics without one",
		suspects: []suspect{
			{rules.Injection, "VALUES (SLEEP(1))", "it waits inside an INSERT, on purpose: a delay that was injected there looks no different"},
			{rules.Attempt, "", "its tests of quoting bind and quote injections"},
			{rules.Attempt, "= '1 OR 1=1'", "its tests of quoting quote injections"},
			{rules.Attempt, `= '\' OR \'1\'=\'1'`, "its tests of quoting quote injections"},
			{rules.Attempt, `= ''' OR ''1''=''1'`, "its tests of quoting quote injections"},
			syntaxErrors,
		},
		slowTests: "TestLongData|TestConcurrent|TestIssue1567",
		env: func(at ends) []string {
			return []string{
				"MYSQL_TEST_USER=gotest", "MYSQL_TEST_PASS=secret", "MYSQL_TEST_PROT=tcp", "MYSQL_TEST_ADDR=" + at.mixed.Addr(),
				"MYSQL_TEST_DBNAME=gotest", "MYSQL_TEST_CONCURRENT=1", "TZ=Europe/Berlin", // its tests of DSNs expect another zone than UTC
			}
		},
	},
	{
		name: "go-mysql client", module: "github.com/go-mysql-org/go-mysql", from: ".",
		packages: []string{"./client"},
		skip:     "Example", why: "it asks for a server at port 3306",
		args: goMySQLArgs, suspects: []suspect{syntaxErrors},
	},
	{
		name: "go-mysql replication", module: "github.com/go-mysql-org/go-mysql", from: ".",
		packages:     []string{"./replication"},
		slowPackages: []string{"./replication"},
		run:          "TestSyncerSuite", // the others need no server
		// Seen before MySQL, not before MariaDB.
		suspects: []suspect{{rules.Replication, "", "it reads the binary log, as an account whose texts of several statements were noted before"}},
		edits:    replicationEdits,
		env:      func(at ends) []string { return []string{"SUITE_PORT=" + at.mixed.Port} },
		args:     goMySQLArgs,
		notes:    []string{"of package replication the tests that need a server are run. Those of GTIDs in MySQL's form fail directly: MariaDB does not have them"},
	},
}

func goMySQLArgs(at ends) []string {
	return []string{"-host=" + at.mixed.Host, "-port=" + at.mixed.Port}
}

// replicationEdits take the port from the environment instead of 3306 and 3316,
// and leave out what MariaDB does not have: a type JSON that takes
// any value, and the UUIDs
// of replicas that MySQL before 8.0.28 tells.
var replicationEdits = []edit{
	{"replication/replication_test.go", "var port uint16 = 3306", `var port uint16
	if _, err := fmt.Sscan(os.Getenv("SUITE_PORT"), &port); err != nil {
		panic(err)
	}`},
	{"replication/replication_test.go", "\t\tport = 3316\n", ""},
	{"replication/replication_test.go", "CAST(ST_GeomFromText('POINT(1 1)') AS JSON)", "ST_AsText(ST_GeomFromText('POINT(1 1)'))"},
	{"replication/replication_test.go", "CAST(x'cafe' AS JSON)", "HEX(x'cafe')"},
	{"replication/replication_test.go", "CAST(x'cafebabe' AS JSON)", "HEX(x'cafebabe')"},
	{"replication/replication_test.go", " AS JSON)", " AS CHAR)"},
	{"replication/replication_test.go", "\t\t\tc1 JSON,", "\t\t\tc1 LONGTEXT,"},
	{"replication/replication_test.go", "\t\t\tc JSON,", "\t\t\tc LONGTEXT,"},
	{"replication/replication_test.go", "(eq < 0) {\n\t\t// check we", "(eq < 0) && false {\n\t\t// check we"},
}
