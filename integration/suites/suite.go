package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"honeyrow/integration"
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

// suite is one module whose tests are run.
type suite struct {
	name, module string
	// from is the folder of the go.mod that pins the version.
	from string
	// setup is a file of SQL in the module, and more SQL, for the database.
	setupFile, setup string
	database         string
	packages         []string
	// skip is a pattern of tests that are left out, why says the reason.
	skip, why string
	// slowTests, a pattern, and slowPackages are left out of the short run.
	slowTests    string
	slowPackages []string
	// patience replaces text in a file of the copy: limits of time that a busy
	// machine does not keep, directly neither.
	patience [3]string
	env      func(at ends) []string
}

var suites = []suite{
	{
		name: "pgx", module: "github.com/jackc/pgx/v5", from: ".", database: "pgx_test",
		setupFile: "testsetup/postgresql_setup.sql", setup: "create extension if not exists citext;",
		packages: []string{".", "./pgconn", "./pgtype", "./pgxpool", "./stdlib"},
		slowTests: "TestListenNotifyWhileBusyIsSafe|TestConnStress|TestConnQueryErrorWhileReturningRows|TestConnExecBatchWriteError|" +
			"TestConnExecBatchHuge|TestNumericCodec.*|TestNumericBinaryEncodeLargeDigitCount|Fuzz.*",
		slowPackages: []string{"./pgxpool"}, // it waits for timers
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
		packages: []string{".", "./hstore"},
		patience: listenerPatience, skip: pqSkip, why: pqWhy,
		env: pqEnv,
	},
	{
		name: "pq, binary parameters", module: "github.com/lib/pq", from: "integration/suites/libpq", database: "pqgo",
		packages: []string{"."},
		patience: listenerPatience, skip: pqSkip, why: pqWhy,
		env: func(at ends) []string { return append(pqEnv(at), "PQTEST_BINARY_PARAMETERS=1") },
	},
}

// lib/pq panics, and with that ends all tests, if a listener needs 100 ms to connect.
var listenerPatience = [3]string{
	"notify_test.go", "100 * time.Millisecond):\n\t\tpanic(\"wantEvent", "10 * time.Second):\n\t\tpanic(\"wantEvent",
}

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

// ends are the ways to the server that one run of a suite uses.
type ends struct {
	plain, secure, mixed integration.End
	ca                   string
}

func direct(s *integration.Stand) ends {
	tls := s.Direct()
	tls.SSLMode = "require"
	return ends{s.Direct(), tls, s.Direct(), s.CAFile}
}

func through(s *integration.Stand) ends {
	return ends{s.Proxy(), s.ProxyTLS(), s.ProxyMixed(), s.CAFile}
}

// row is the comparison of one package's tests.
type row struct {
	suite, version, pkg string
	direct, through     int      // tests that pass
	failing, skipped    int      // directly: not compared
	flaky               []string // do not always pass directly
	lost                []string // pass directly, not through the proxy
	gained              []string // the other way round
	took                [2]time.Duration
}

func (s *suite) compare(ctx context.Context, stand *integration.Stand, o options) ([]row, error) {
	dir, version, err := s.copy(ctx, stand.Dir())
	if err != nil {
		return nil, err
	}
	if err := s.prepare(ctx, stand, dir); err != nil {
		return nil, err
	}
	var rows []row
	for _, pkg := range s.packages {
		if o.short && slices.Contains(s.slowPackages, pkg) {
			continue
		}
		r := row{suite: s.name, version: version, pkg: strings.TrimSuffix(s.module+"/"+strings.TrimPrefix(pkg, "./"), "/.")}
		began := time.Now()
		alone, err := s.test(ctx, dir, pkg, o, s.env(direct(stand)))
		if err != nil {
			return nil, err
		}
		r.took[0] = time.Since(began)
		again := alone
		if !o.short {
			if again, err = s.test(ctx, dir, pkg, o, s.env(direct(stand))); err != nil {
				return nil, err
			}
		}
		began = time.Now()
		proxied, err := s.test(ctx, dir, pkg, o, s.env(through(stand)))
		if err != nil {
			return nil, err
		}
		r.took[1] = time.Since(began)
		r.judge(alone, again, proxied)
		fmt.Printf("%s: %d pass directly, %d through the proxy, %d only directly\n", r.pkg, r.direct, r.through, len(r.lost))
		rows = append(rows, r)
	}
	return rows, nil
}

// copy puts the module's source where its tests can be run: the module cache
// is read-only.
func (s *suite) copy(ctx context.Context, tmp string) (dir, version string, err error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", s.module)
	cmd.Dir = s.from
	out, err := cmd.Output()
	if err != nil {
		return "", "", fmt.Errorf("go mod download: %w (run this in the repository's root folder)\n%s", err, out)
	}
	var m struct{ Dir, Version string }
	if err := json.Unmarshal(out, &m); err != nil {
		return "", "", err
	}
	dir = filepath.Join(tmp, strings.NewReplacer(" ", "", ",", "-").Replace(s.name))
	if err := os.CopyFS(dir, os.DirFS(m.Dir)); err != nil {
		return "", "", err
	}
	return dir, m.Version, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o600)
		if d.IsDir() {
			mode = 0o700
		}
		return os.Chmod(path, mode)
	})
}

func (s *suite) prepare(ctx context.Context, stand *integration.Stand, dir string) error {
	if s.patience[0] != "" {
		path := filepath.Join(dir, s.patience[0])
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.Contains(b, []byte(s.patience[1])) {
			return fmt.Errorf("%s of %s has changed: look at patience", s.patience[0], s.module)
		}
		if err := os.WriteFile(path, bytes.ReplaceAll(b, []byte(s.patience[1]), []byte(s.patience[2])), 0o600); err != nil {
			return err
		}
	}
	sql := s.setup
	if s.setupFile != "" {
		b, err := os.ReadFile(filepath.Join(dir, s.setupFile))
		if err != nil {
			return err
		}
		sql = string(b) + "\n" + sql
	}
	if sql == "" {
		return nil
	}
	return stand.Server.Exec(ctx, s.database, sql)
}

// tempName is what differs in the names of some tests from one run to the next.
var tempName = regexp.MustCompile(`/tmp/[^/]+/[0-9]+`)

// test runs one package's tests and returns what became of each.
func (s *suite) test(ctx context.Context, dir, pkg string, o options, env []string) (map[string]string, error) {
	args := []string{"test", "-json", "-count=1", "-vet=off", "-timeout=5m"}
	if s.patience[0] != "" {
		args = append(args, "-parallel=1")
	}
	skip := s.skip
	if o.short && s.slowTests != "" {
		skip = strings.Trim(skip+"|"+s.slowTests, "|")
	}
	if skip != "" {
		args = append(args, "-skip=^("+skip+")$")
	}
	if o.run != "" {
		args = append(args, "-run="+o.run)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, pkg)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), append(env, "GOFLAGS=-mod=mod", "TZ=UTC")...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	results := map[string]string{}
	d := json.NewDecoder(strings.NewReader(string(out)))
	for d.More() {
		var e struct {
			Action, Test, Output string
			Elapsed              float64
		}
		if err := d.Decode(&e); err != nil {
			return nil, fmt.Errorf("go test -json: %w", err)
		}
		e.Test = tempName.ReplaceAllString(e.Test, "/tmp/...")
		switch e.Action {
		case "pass", "fail", "skip":
			if e.Test != "" {
				results[e.Test] = e.Action
				if o.verbose && e.Elapsed > 1 && !strings.Contains(e.Test, "/") {
					fmt.Printf("%5.1f s %s %s\n", e.Elapsed, pkg, e.Test)
				}
			}
		case "output":
			if e.Test != "" {
				results["output "+e.Test] += e.Output
			}
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if len(results) == 0 {
		return nil, fmt.Errorf("go test %s ran nothing:\n%s", pkg, out)
	}
	return results, nil
}
