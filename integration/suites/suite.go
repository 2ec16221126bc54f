package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"honeyrow/integration"
	"honeyrow/integration/judges"
)

// ground is a private server with the proxy before it.
type ground struct {
	product         string // whose server it is; empty: the product's own name
	dir             string // a temporary folder
	exec            func(ctx context.Context, database, sql string) error
	direct, through ends
	broken          func() string
	judges          *judges.Bench
	close           func() error
	version         string
}

// ends are the ways to the server that one run of a suite uses.
type ends struct {
	plain, secure, mixed integration.End
	ca                   string
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
	run       string // a pattern; empty: all
	// explained are tests that can not pass through the proxy, and why. One
	// that does all the same is a mistake in this list.
	explained map[string]string
	// slowTests, a pattern, and slowPackages are left out of the short run.
	slowTests    string
	slowPackages []string
	// edits are made in the copy.
	edits  []edit
	serial bool // run the package's own parallel tests one by one
	env    func(at ends) []string
	args   func(at ends) []string // of the test binary; nil: none
	// suspects are the statements that are rightly taken for something else than
	// ordinary: these tests do what the rules tell of.
	suspects []suspect
	// notes say what a reader of the results must know.
	notes []string
}

// edit replaces text in a file of a copy: limits of time that a busy machine
// does not keep, directly neither, or an address that can't be set.
type edit struct{ file, old, new string }

// row is the comparison of one package's tests.
type row struct {
	suite, version, pkg string
	direct, through     int      // tests that pass
	failing, skipped    []string // directly: not compared
	flaky               []string // do not always pass directly
	lost                []string // pass directly, not through the proxy
	explained           []string // so do these, for a reason that the remarks give
	stale               []string // explained, and pass
	second              []string // pass through the proxy at the second attempt only
	gained              []string // the other way round
	took                [2]time.Duration
	judged
}

func (s *suite) compare(ctx context.Context, g *ground, o options) ([]row, error) {
	dir, version, err := s.copy(ctx, g.dir)
	if err != nil {
		return nil, err
	}
	if err := s.prepare(ctx, g, dir); err != nil {
		return nil, err
	}
	var rows []row
	for _, pkg := range s.packages {
		if o.short && slices.Contains(s.slowPackages, pkg) {
			continue
		}
		r := row{suite: s.name, version: version, pkg: strings.TrimSuffix(s.module+"/"+strings.TrimPrefix(pkg, "./"), "/.")}
		bin, err := s.build(ctx, dir, pkg)
		if err != nil {
			return nil, err
		}
		began := time.Now()
		alone, err := s.test(ctx, bin, pkg, o, g.direct)
		if err != nil {
			return nil, err
		}
		r.took[0] = time.Since(began)
		again := alone
		if !o.short {
			if again, err = s.test(ctx, bin, pkg, o, g.direct); err != nil {
				return nil, err
			}
		}
		began = time.Now()
		proxied, err := s.test(ctx, bin, pkg, o, g.through)
		if err != nil {
			return nil, err
		}
		r.took[1] = time.Since(began)
		if r.judged, err = s.judge(ctx, g.judges); err != nil {
			return nil, err
		}
		if len(alone) == 0 {
			continue // no test of this package matches -run
		}
		if err := s.retry(ctx, bin, pkg, o, g, &r, alone, again, proxied); err != nil {
			return nil, err
		}
		r.judge(alone, again, proxied, s.explained)
		if o.verbose {
			r.tellDirect(alone)
		}
		fmt.Printf("%s: %d pass directly, %d through the proxy, %d only directly\n", r.pkg, r.direct, r.through, len(r.lost))
		rows = append(rows, r)
	}
	return rows, nil
}

// retry runs tests that passed directly but not through the proxy once more
// through the proxy: many have limits of time that a busy machine does not keep.
// Those that pass then are named in the results.
func (s *suite) retry(ctx context.Context, bin, pkg string, o options, g *ground, r *row, alone, again, proxied map[string]string) error {
	tops := map[string]bool{}
	for name, result := range alone {
		if result == "pass" && again[name] == "pass" && proxied[name] != "pass" && s.explained[name] == "" {
			top, _, _ := strings.Cut(name, "/")
			tops[regexp.QuoteMeta(top)] = true
		}
	}
	if len(tops) == 0 || len(tops) > 5 { // so many are no chance
		return nil
	}
	o.run = "^(" + strings.Join(slices.Sorted(maps.Keys(tops)), "|") + ")$"
	second, err := s.test(ctx, bin, pkg, o, g.through)
	if err != nil {
		return err
	}
	for name, result := range second {
		if result == "pass" && proxied[name] != "pass" && alone[name] == "pass" {
			proxied[name] = result
			r.second = append(r.second, name)
		}
	}
	slices.Sort(r.second)
	return nil
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

func (s *suite) prepare(ctx context.Context, g *ground, dir string) error {
	for _, e := range s.edits {
		path := filepath.Join(dir, e.file)
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.Contains(b, []byte(e.old)) {
			return fmt.Errorf("%s of %s has changed: look at edits", e.file, s.module)
		}
		if err := os.WriteFile(path, bytes.ReplaceAll(b, []byte(e.old), []byte(e.new)), 0o600); err != nil {
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
	return g.exec(ctx, s.database, sql)
}

// build makes a package's test binary, in the package's folder.
func (s *suite) build(ctx context.Context, dir, pkg string) (string, error) {
	bin := filepath.Join(dir, filepath.FromSlash(pkg), "suite.test")
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-o", bin, pkg)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go test -c %s: %w\n%s", pkg, err, out)
	}
	return bin, nil
}

// command is the run of a test binary at one end.
func (s *suite) command(ctx context.Context, bin, pkg string, o options, at ends) *exec.Cmd {
	args := []string{"tool", "test2json", "-t", "-p", pkg, bin, "-test.v=test2json", "-test.timeout=5m"}
	if s.serial {
		args = append(args, "-test.parallel=1")
	}
	skip := s.skip
	if o.short && s.slowTests != "" {
		skip = strings.Trim(skip+"|"+s.slowTests, "|")
	}
	if skip != "" {
		args = append(args, "-test.skip=^("+skip+")$")
	}
	if run := cmp.Or(o.run, s.run); run != "" {
		args = append(args, "-test.run="+run)
	}
	if s.args != nil {
		args = append(args, s.args(at)...)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = filepath.Dir(bin)
	cmd.Env = append(os.Environ(), "TZ=UTC")
	if s.env != nil {
		cmd.Env = append(cmd.Env, s.env(at)...)
	}
	cmd.Stderr = os.Stderr
	return cmd
}

// tempName is what differs in the names of some tests from one run to the next.
var tempName = regexp.MustCompile(`/tmp/[^/]+/[0-9]+`)

// test runs one package's tests and returns what became of each.
func (s *suite) test(ctx context.Context, bin, pkg string, o options, at ends) (map[string]string, error) {
	out, err := s.command(ctx, bin, pkg, o, at).Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	results := map[string]string{}
	d := json.NewDecoder(bytes.NewReader(out))
	for d.More() {
		var e struct {
			Action, Test, Output string
			Elapsed              float64
		}
		if err := d.Decode(&e); err != nil {
			return nil, fmt.Errorf("test2json: %w", err)
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
	if len(results) == 0 && o.run == "" {
		return nil, fmt.Errorf("the tests of %s ran nothing:\n%s", pkg, out)
	}
	return results, nil
}
