package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"honeyrow/internal/myserver"
	"honeyrow/internal/pgserver"
	"honeyrow/internal/port"
)

// ground is compose.yaml played on this machine: volumes are folders below
// root, names of services are loopback addresses, containers are processes.
type ground struct {
	t    *testing.T
	c    *compose
	ims  map[string]*image
	root string // "/" of all containers
	bin  string
	addr map[string]string // "db:5432" -> "127.0.0.1:41234"
	pg   *pgserver.Server
	my   *myserver.Server
	runs map[string]*process
	// more are arguments beside those of compose.yaml.
	more map[string][]string
}

// notYet is the server's address before it runs.
const notYet = "127.0.0.1:1"

// process is a container that runs.
type process struct {
	cmd  *exec.Cmd
	out  *output
	done chan struct{}
	err  error // valid after done
}

type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func newGround(t *testing.T) *ground {
	t.Helper()
	g := &ground{
		t: t, c: load(t), ims: images(t, dockerfile(t)), root: t.TempDir(), bin: filepath.Join(build(t), "out/bin"),
		addr: map[string]string{}, runs: map[string]*process{},
		more: map[string][]string{
			"prepare": {"-chown=false"}, // the test runs as one user
			// The rows are not what is tested.
			"load":       {"-customers", "2500"},
			"load-mysql": {"-customers", "2500"},
		},
	}
	for _, name := range []string{"honeyrow:6432", "honeyrow:6033", "receiver:8080", "shop:8080", "shop-mysql:8080"} {
		g.addr[name] = free(t)
	}
	for _, s := range g.c.Services {
		for _, v := range s.Volumes {
			if v.Type == "volume" {
				if err := os.MkdirAll(filepath.Join(g.root, v.Target), 0o700); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := os.MkdirAll(filepath.Join(g.root, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.end)
	return g
}

func free(t *testing.T) string {
	t.Helper()
	addr, err := port.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// here turns what s says of its container into what holds on this machine.
func (g *ground) here(s *service, text string) string {
	var pairs []string
	for _, name := range sortedKeys(g.addr) {
		host, port, _ := strings.Cut(name, ":")
		if host == s.name { // its own address
			pairs = append(pairs, "0.0.0.0:"+port, g.addr[name], "127.0.0.1:"+port, g.addr[name])
		}
		pairs = append(pairs, name, g.addr[name])
	}
	for _, dir := range []string{"/secrets", "/var/lib/honeyrow", "/var/lib/story", "/etc/honeyrow", "/tmp"} {
		pairs = append(pairs, dir, g.root+dir)
	}
	return strings.NewReplacer(append(pairs, "/usr/local/bin", g.bin)...).Replace(text)
}

// argv is what the container runs.
func (g *ground) argv(s *service, more ...string) []string {
	g.t.Helper()
	im := g.ims[s.Build.Target]
	if im == nil {
		g.t.Fatalf("%s: the Dockerfile has no stage %q", s.name, s.Build.Target)
	}
	var out []string
	for _, a := range slices.Concat(im.entrypoint, s.Command) {
		out = append(out, g.here(s, a))
	}
	return slices.Concat(out, g.more[s.name], more)
}

// command makes the process of a container; only compose.yaml's environment
// and what the servers' own clients are found by reach it.
func (g *ground) command(s *service, argv []string, env ...string) *exec.Cmd {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = g.root
	bin, err := pgserver.Find()
	if err != nil {
		g.t.Fatal(err)
	}
	if other := os.Getenv("HONEYROW_MY_BIN"); other != "" {
		bin = other + ":" + bin
	}
	cmd.Env = append([]string{"PATH=" + bin + ":/usr/bin:/bin", "HONEYROW_CONFIG=" + filepath.Join(g.root, "etc/honeyrow/honeyrow.yaml")}, env...)
	for k, v := range s.Environment {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	return cmd
}

// run plays a job to its end and returns what it printed.
func (g *ground) run(name string, env ...string) string {
	g.t.Helper()
	s := g.c.Services[name]
	out, err := g.command(s, g.argv(s), env...).CombinedOutput()
	if err != nil {
		g.t.Fatalf("%s: %v\n%s%s", name, err, out, g.logs())
	}
	return string(out)
}

// start plays a service until it is healthy.
func (g *ground) start(name string) {
	g.t.Helper()
	s := g.c.Services[name]
	p := &process{cmd: g.command(s, g.argv(s)), out: &output{}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	go func() { // ends with the process
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	g.runs[name] = p
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var check []string
	for _, a := range s.Healthcheck.Test[1:] {
		check = append(check, g.here(s, a))
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		out, err := g.command(s, check).CombinedOutput()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-p.done:
			g.t.Fatalf("%s ended: %v%s", name, p.err, g.logs())
		case <-ctx.Done():
			g.t.Fatalf("%s is not healthy: %v\n%s%s", name, err, out, g.logs())
		}
	}
}

func (g *ground) logs() string {
	text := ""
	for _, name := range sortedKeys(g.runs) {
		text += fmt.Sprintf("\n--- %s\n%s", name, g.runs[name].out)
	}
	return text
}

// postgres stands for the container db: the same settings, the same rules of
// access, the same certificate, and a password for its owner.
func (g *ground) postgres() {
	g.t.Helper()
	s := g.c.Services["db"]
	hba, err := os.ReadFile("db/pg_hba.conf")
	if err != nil {
		g.t.Fatal(err)
	}
	// The test talks to the server as whoever it runs as.
	o := pgserver.Options{HBA: append([]string{"local all postgres trust"}, strings.Split(string(hba), "\n")...), Files: map[string][]byte{}}
	for i, a := range s.Command {
		if a != "-c" {
			continue
		}
		key, value, _ := strings.Cut(s.Command[i+1], "=")
		if key == "hba_file" {
			continue
		}
		if strings.HasPrefix(value, "/secrets/") {
			name := filepath.Base(value)
			if o.Files[name], err = os.ReadFile(filepath.Join(g.root, value)); err != nil {
				g.t.Fatal(err)
			}
			value = name
		}
		o.Settings = append(o.Settings, fmt.Sprintf("%s = '%s'", key, value))
	}
	if len(o.Files) != 2 {
		g.t.Fatalf("the server has the files %v, want a certificate and its key", sortedKeys(o.Files))
	}
	ctx := context.Background()
	if g.pg, err = pgserver.Start(ctx, o); err != nil {
		g.t.Fatal(err)
	}
	g.addr["db:5432"] = g.pg.Addr()
	g.lead("seed.dsn", " port="+strings.TrimPrefix(notYet, "127.0.0.1:")+" ", fmt.Sprintf(" port=%d ", g.pg.Port))
	password, err := os.ReadFile(filepath.Join(g.root, s.Environment["POSTGRES_PASSWORD_FILE"]))
	if err != nil {
		g.t.Fatal(err)
	}
	if err := g.pg.Exec(ctx, "postgres", fmt.Sprintf("ALTER ROLE postgres PASSWORD '%s'", strings.TrimSpace(string(password)))); err != nil {
		g.t.Fatal(err)
	}
}

// mysql stands for the container mysql: a MariaDB, or the server that
// HONEYROW_MY_BIN names (make others: MySQL 8.4, as the container's), with the same
// settings and certificate, and the owner as the image makes it.
func (g *ground) mysql() {
	g.t.Helper()
	s := g.c.Services["mysql"]
	o := myserver.Options{Files: map[string][]byte{}}
	for _, a := range s.Command[1:] {
		key, value, has := strings.Cut(strings.TrimPrefix(a, "--"), "=")
		if strings.HasPrefix(value, "/secrets/") {
			name := filepath.Base(value)
			b, err := os.ReadFile(filepath.Join(g.root, value))
			if err != nil {
				g.t.Fatal(err)
			}
			o.Files[name], value = b, name
		}
		if has {
			key += " = " + value
		}
		o.Settings = append(o.Settings, key)
	}
	if len(o.Files) != 2 {
		g.t.Fatalf("the server has the files %v, want a certificate and its key", sortedKeys(o.Files))
	}
	var err error
	if g.my, err = myserver.Start(g.t.Context(), o); err != nil {
		g.t.Fatal(err)
	}
	g.addr["mysql:3306"] = g.my.Addr()
	g.lead("mysql.dsn", "@"+notYet+"/", "@"+g.my.Addr()+"/")
	password, err := os.ReadFile(filepath.Join(g.root, s.Environment["MYSQL_ROOT_PASSWORD_FILE"]))
	if err != nil {
		g.t.Fatal(err)
	}
	err = g.my.Exec(g.t.Context(), "", fmt.Sprintf("CREATE USER root@'%%' IDENTIFIED BY '%s'; GRANT ALL ON *.* TO root@'%%' WITH GRANT OPTION; DROP USER IF EXISTS root@'127.0.0.1'",
		strings.TrimSpace(string(password))))
	if err != nil {
		g.t.Fatal(err)
	}
	// The check asks without a password: a refused login is an answer, a server
	// that is not there is none.
	for port, want := range map[int]bool{g.my.Port: true, 1: false} {
		check := strings.ReplaceAll(strings.Join(s.Healthcheck.Test[1:], " "), "3306", fmt.Sprint(port))
		if out, err := g.command(s, strings.Fields(check)).CombinedOutput(); (err == nil) != want {
			g.t.Errorf("%s: %v\n%s", check, err, out)
		}
	}
}

// lead puts the server's address into a connection string, which prepare
// wrote before there was one.
func (g *ground) lead(file, from, to string) {
	g.t.Helper()
	file = filepath.Join(g.root, "secrets/seed", file)
	b, err := os.ReadFile(file)
	if err != nil {
		g.t.Fatal(err)
	}
	if !bytes.Contains(b, []byte(from)) {
		g.t.Fatalf("%s does not lead to %q", file, from)
	}
	b = bytes.Replace(b, []byte(from), []byte(to), 1)
	if err := errors.Join(os.Remove(file), os.WriteFile(file, b, 0o400)); err != nil {
		g.t.Fatal(err)
	}
}

// configure writes the configuration with this machine's addresses.
func (g *ground) configure() {
	g.t.Helper()
	text, err := os.ReadFile("config/honeyrow.yaml")
	if err != nil {
		g.t.Fatal(err)
	}
	config := filepath.Join(g.root, "etc/honeyrow")
	if err := os.MkdirAll(config, 0o755); err != nil {
		g.t.Fatal(err)
	}
	adapted := g.here(g.c.Services["honeyrow"], string(text))
	if err := os.WriteFile(filepath.Join(config, "honeyrow.yaml"), []byte(adapted), 0o644); err != nil {
		g.t.Fatal(err)
	}
}

// end stops what runs, in the order of its start backwards.
func (g *ground) end() {
	for _, name := range []string{"shop", "shop-mysql", "honeyrow", "receiver"} {
		p := g.runs[name]
		if p == nil {
			continue
		}
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(2 * time.Minute):
			_ = p.cmd.Process.Kill()
			<-p.done
			g.t.Errorf("%s did not end within two minutes of SIGTERM%s", name, g.logs())
		}
		if p.err != nil {
			g.t.Errorf("%s ended with %v%s", name, p.err, g.logs())
		}
	}
	if g.pg != nil {
		g.pg.Stop()
	}
	if g.my != nil {
		g.my.Stop()
	}
}

// up does what `docker compose up --wait` does.
func (g *ground) up() map[string]string {
	g.t.Helper()
	said := map[string]string{}
	for _, s := range order(g.t, g.c) {
		switch {
		case len(s.Profiles) > 0:
		case s.name == "db":
			g.postgres()
		case s.name == "mysql":
			g.mysql()
		case s.job():
			if g.pg != nil && g.my != nil {
				g.configure()
			}
			said[s.name] = g.run(s.name)
		default:
			g.start(s.name)
		}
	}
	return said
}

func TestTheWholeStoryIsPlayedInTheOrderOfTheComposeFile(t *testing.T) {
	g := newGround(t)
	// The server takes a random port here, after prepare has written it down:
	// the server is started with what prepare makes.
	g.addr["db:5432"], g.addr["mysql:3306"] = notYet, notYet
	said := g.up()
	for job, words := range map[string]string{
		"prepare": "made the secrets of 8 readers", "load": "2,500 customers", "load-mysql": "2,500 customers",
		"seed": " honey rows are as planted", "seed-mysql": " honey rows are as planted", "registry": "is ready",
	} {
		if !strings.Contains(said[job], words) {
			t.Errorf("%s says nothing of %q:\n%s", job, words, said[job])
		}
	}
	first := g.run("story")
	for _, words := range []string{"PostgreSQL, act 1", "psql", "pg_dump", "UNION SELECT", "exactly the expected alerts came: 10"} {
		if !strings.Contains(first, words) {
			t.Errorf("the story says nothing of %q:\n%s", words, first)
		}
	}
	second := g.run("story-mysql")
	for _, words := range []string{"MySQL, act 1", "mysqldump", "on crm-mysql", "UNION SELECT", "exactly the expected alerts came: 10"} {
		if !strings.Contains(second, words) {
			t.Errorf("the story in MySQL says nothing of %q:\n%s", words, second)
		}
	}
	if got := g.runs["receiver"].out.String(); !strings.Contains(got, "jhartmann") || !strings.Contains(got, "support_kim") {
		t.Errorf("the receiver printed\n%s", got)
	}

	// Everything may be started again, and the story told again.
	for job, words := range map[string]string{
		"prepare": "there already", "load": "there already", "load-mysql": "there already",
		"seed": " honey rows are as planted", "seed-mysql": " honey rows are as planted", "registry": "is ready",
	} {
		if again := g.run(job); !strings.Contains(again, words) {
			t.Errorf("at a second run %s says nothing of %q:\n%s", job, words, again)
		}
	}
	if before, again := said["seed"], g.run("seed"); !strings.Contains(before, "$ honeyrow seed apply") || strings.Contains(again, "$ honeyrow seed apply") {
		t.Errorf("planted at first, and not again:\n%s\n%s", before, again)
	}
	if out := g.run("honeyrow-cli"); !strings.Contains(out, " 0 failing") {
		t.Errorf("the doctor is not content:\n%s", out)
	}
	g.makefile(first + second)
	g.secretsAreClosed()
}

// makefile runs the targets that play the story, with a stand-in for docker
// compose, in a copy of the folder: one of them edits the configuration.
func (g *ground) makefile(first string) {
	t := g.t
	t.Helper()
	dir := t.TempDir()
	if err := errors.Join(copyFile("Makefile", filepath.Join(dir, "Makefile")), os.Symlink(filepath.Join(g.root, "etc/honeyrow"), filepath.Join(dir, "config"))); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "log")
	var stand strings.Builder
	fmt.Fprintf(&stand, "#!/bin/sh\n")
	quoted := map[string]string{}
	for _, name := range []string{"story", "story-mysql"} {
		s := g.c.Services[name]
		play := g.command(s, g.argv(s))
		for _, e := range play.Env {
			fmt.Fprintf(&stand, "export '%s'\n", e)
		}
		quoted[name] = "'" + strings.Join(play.Args, "' '") + "'"
	}
	fmt.Fprintf(&stand, `case "$*" in
"kill -s HUP honeyrow") kill -HUP %[1]d ;;
"logs --since "*" honeyrow") cat '%[2]s' ;;
"run --rm --build --no-deps story") exec %[3]s ;;
"run --rm --build --no-deps story-mysql") exec %[4]s ;;
"run --rm --no-deps -e STORY_REFUSED=1 story") STORY_REFUSED=1 exec %[3]s ;;
"run --rm --no-deps -e STORY_REFUSED=1 story-mysql") STORY_REFUSED=1 exec %[4]s ;;
*) echo "docker compose $*: not expected" >&2; exit 99 ;;
esac
`, g.runs["honeyrow"].cmd.Process.Pid, log, quoted["story"], quoted["story-mysql"])
	shim := filepath.Join(dir, "compose")
	if err := os.WriteFile(shim, []byte(stand.String()), 0o755); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(g.root, "etc/honeyrow/honeyrow.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for target, words := range map[string]string{"story": "exactly the expected alerts came", "refuse": "no decoy among them, then an error"} {
		stop := make(chan struct{})
		stopped := make(chan struct{})
		from := len(g.runs["honeyrow"].out.String())
		go func() { // ends with stop: the log as it grows
			defer close(stopped)
			for {
				_ = os.WriteFile(log, []byte(g.runs["honeyrow"].out.String()[from:]), 0o644)
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
		}()
		out, err := exec.Command("make", "-C", dir, target, "COMPOSE="+shim).CombinedOutput()
		close(stop)
		<-stopped
		if err != nil || strings.Count(string(out), words) != 2 {
			t.Errorf("make %s: %v\n%s%s", target, err, out, g.logs())
		}
		if target == "refuse" { // what comes next finds the configuration as it was before
			within(t, "the proxy refuses no more", func() bool {
				return strings.Count(g.runs["honeyrow"].out.String()[from:], "configuration taken over") > 1
			})
		}
		if target == "story" && strings.Count(string(out), "ids  ") != strings.Count(first, "ids  ") {
			t.Errorf("told again, the story brings other alerts:\n%s", out)
		}
	}
	after, err := os.ReadFile(filepath.Join(g.root, "etc/honeyrow/honeyrow.yaml"))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("make refuse leaves another configuration behind: %v\n%s", err, after)
	}
}

// within waits for what another process brings about.
func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within two minutes: %s", what)
		}
	}
}

// secretsAreClosed checks the files' modes, and that no secret was printed.
func (g *ground) secretsAreClosed() {
	files, err := filepath.Glob(filepath.Join(g.root, "secrets/*/*"))
	if err != nil || len(files) < 20 {
		g.t.Fatalf("%d secrets: %v", len(files), err)
	}
	logs := g.logs()
	for _, f := range files {
		st, err := os.Stat(f)
		if err != nil || st.Mode().Perm() != 0o400 {
			g.t.Errorf("%s: %v, %v", f, st.Mode(), err)
		}
		b, err := os.ReadFile(f)
		if err != nil {
			g.t.Fatal(err)
		}
		if !strings.HasSuffix(f, ".crt") && strings.Contains(logs, strings.TrimSpace(string(b))) {
			g.t.Errorf("the log of a service holds the secret of %s", f)
		}
	}
}
