// Package docker has no code of its own: its tests check the container
// environment without a container engine, as far as that goes. They let the
// Compose Specification's own reader read compose.yaml, compare it with the
// Dockerfile and honeyrow's configuration, run the image's build steps in a
// plain folder, and play the whole environment as processes on this machine,
// in compose.yaml's order and with its commands.
package docker

import (
	"bytes"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// compose is what the tests need of compose.yaml in its normal form: all
// short forms written out.
type compose struct {
	Services map[string]*service
	Networks map[string]struct{ Internal bool }
	Volumes  map[string]any
}

type service struct {
	name        string
	Image       string
	Build       *struct{ Context, Dockerfile, Target string } // also where another service builds the image
	builds      bool                                          // whether this one does
	PullPolicy  string                                        `yaml:"pull_policy"`
	Ulimits     map[string]struct{ Soft, Hard int }
	Command     []string
	Entrypoint  []string
	User        string
	ReadOnly    bool     `yaml:"read_only"`
	CapDrop     []string `yaml:"cap_drop"`
	CapAdd      []string `yaml:"cap_add"`
	SecurityOpt []string `yaml:"security_opt"`
	Privileged  bool
	NetworkMode string `yaml:"network_mode"`
	Networks    map[string]any
	Ports       []struct {
		HostIP string `yaml:"host_ip"`
		Target int
	}
	Volumes []struct {
		Type, Source, Target string
		ReadOnly             bool `yaml:"read_only"`
	}
	Tmpfs       []string
	Environment map[string]string
	Profiles    []string
	Restart     string
	Healthcheck *struct {
		Test    []string
		Disable bool
	}
	DependsOn map[string]struct{ Condition string } `yaml:"depends_on"`
	Deploy    struct {
		Resources struct {
			Limits struct {
				CPUs, Memory string
				Pids         int
			}
		}
	}
}

// job reports whether the service ends by itself.
func (s *service) job() bool { return s.Restart == "no" }

// load has compose.yaml read as `docker compose config` does.
func load(t *testing.T) *compose {
	t.Helper()
	// First without the file: what is said of modules that are downloaded is no warning of its.
	reader := []string{"tool", "-modfile=../internal/tools/go.mod", "github.com/compose-spec/compose-go/v2/cmd"}
	if out, err := exec.Command("go", append(reader, "-h")...).CombinedOutput(); err != nil {
		t.Fatalf("the reader of compose.yaml can't be had: %v\n%s", err, out)
	}
	cmd := exec.Command("go", append(reader, "compose.yaml")...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("compose.yaml is not valid: %v\n%s", err, stderr.String())
	}
	if stderr.Len() > 0 {
		t.Errorf("compose.yaml is read with a warning: %s", stderr.String())
	}
	c := &compose{}
	if err := yaml.Unmarshal(out, c); err != nil {
		t.Fatal(err)
	}
	for name, s := range c.Services {
		s.name, s.builds = name, s.Build != nil
	}
	for _, s := range c.Services {
		for _, other := range c.Services {
			if s.Build == nil && other.builds && other.Image == s.Image {
				s.Build = other.Build
			}
		}
	}
	return c
}

// stage is one FROM of the Dockerfile with all that follows it.
type stage struct {
	name, from string
	steps      []step
}

type step struct{ word, args string }

// dockerfile reads the Dockerfile's stages. Every instruction stands on lines
// of its own that end in a backslash where they go on.
func dockerfile(t *testing.T) []*stage {
	t.Helper()
	b, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, l := range strings.Split(string(b), "\n") {
		if !strings.HasPrefix(strings.TrimSpace(l), "#") {
			lines = append(lines, l)
		}
	}
	var stages []*stage
	text := strings.ReplaceAll(strings.Join(lines, "\n"), "\\\n", " ")
	for _, l := range strings.Split(text, "\n") {
		word, args, _ := strings.Cut(strings.TrimSpace(l), " ")
		if word == "" {
			continue
		}
		args = strings.TrimSpace(args)
		if word == "FROM" {
			from, name, ok := strings.Cut(args, " AS ")
			if !ok {
				t.Fatalf("a stage without a name: FROM %s", args)
			}
			stages = append(stages, &stage{name: name, from: from})
			continue
		}
		s := stages[len(stages)-1]
		s.steps = append(s.steps, step{word, args})
	}
	return stages
}

// image is what a built stage holds and how it starts.
type image struct {
	base        string // the image that it comes from in the end
	files       []string
	entrypoint  []string
	cmd         []string
	user        string
	healthcheck []string
}

func words(t *testing.T, list string) []string {
	t.Helper()
	var out []string
	if err := yaml.Unmarshal([]byte(list), &out); err != nil { // JSON is YAML
		t.Fatalf("%s: %v", list, err)
	}
	return out
}

// images tells of each stage what it holds, beside what the base image does.
func images(t *testing.T, stages []*stage) map[string]*image {
	t.Helper()
	all := map[string]*image{}
	for _, s := range stages {
		im := &image{base: s.from}
		if parent := all[s.from]; parent != nil {
			*im = *parent
			im.files = slices.Clone(parent.files)
		}
		for _, st := range s.steps {
			switch st.word {
			case "COPY":
				fields := strings.Fields(st.args)
				im.files = append(im.files, strings.TrimSuffix(fields[len(fields)-1], "/"))
			case "USER":
				im.user = st.args
			case "ENTRYPOINT":
				im.entrypoint, im.cmd = words(t, st.args), nil
			case "CMD":
				im.cmd = words(t, st.args)
			case "HEALTHCHECK":
				_, command, _ := strings.Cut(st.args, "CMD ")
				im.healthcheck = nil
				if command != "" {
					im.healthcheck = words(t, command)
				}
			}
		}
		all[s.name] = im
	}
	return all
}

var pinned = regexp.MustCompile(`^[a-z/]+:[0-9]+\.[0-9]+(\.[0-9]+)?(-[a-z0-9.]+)?$`)

func TestBaseImagesArePinnedAndPrivilegesDropped(t *testing.T) {
	stages := dockerfile(t)
	ims := images(t, stages)
	for _, s := range stages {
		if ims[s.from] == nil && s.from != "scratch" && !pinned.MatchString(s.from) {
			t.Errorf("stage %s comes from %s: name a version", s.name, s.from)
		}
	}
	for _, name := range []string{"honeyrow", "demo", "story", "story-mysql"} {
		if u := ims[name].user; u != "65532:65532" {
			t.Errorf("image %s runs as %q", name, u)
		}
	}
	for name, s := range load(t).Services {
		switch {
		case s.Build == nil && !pinned.MatchString(s.Image):
			t.Errorf("%s: image %s: name a version", name, s.Image)
		case s.Build != nil && !strings.HasSuffix(s.Image, ":local"):
			t.Errorf("%s: the image that is built here is called %s: a tag keeps it apart from published ones", name, s.Image)
		}
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.Privileged {
			t.Errorf("%s: wants a read-only file system, no capabilities and no new privileges", name)
		}
		if l := s.Deploy.Resources.Limits; l.CPUs == "" || l.Memory == "" || l.Pids == 0 {
			t.Errorf("%s has no limits of processor, memory and processes: %+v", name, l)
		}
		root := s.User == "0:0" || s.User == "root" || s.User == "" && s.Build == nil
		if root != (name == "prepare") || root && !slices.Equal(s.CapAdd, []string{"CHOWN"}) || !root && len(s.CapAdd) > 0 {
			t.Errorf("%s runs as %q with capabilities %v: only prepare is root, to give files away", name, s.User, s.CapAdd)
		}
		if root && s.NetworkMode != "none" {
			t.Errorf("%s is root and has a network", name)
		}
	}
}

func TestEveryContainerFindsWhatItStartsAndIsCheckedWith(t *testing.T) {
	ims := images(t, dockerfile(t))
	for name, im := range ims {
		if c := im.healthcheck; len(c) > 0 && !slices.Contains(im.files, c[0]) || len(im.entrypoint) > 0 && !slices.Contains(im.files, im.entrypoint[0]) {
			t.Errorf("image %s starts %v and is checked with %v, of which it has not all", name, im.entrypoint, c)
		}
	}
	if len(ims["honeyrow"].healthcheck) == 0 {
		t.Error("the image honeyrow has no health check")
	}
	for name, s := range load(t).Services {
		im := official[s.product()].image()
		if s.Build != nil {
			for _, p := range []string{s.Build.Context + "/go.mod", s.Build.Context + "/" + s.Build.Dockerfile} {
				if _, err := os.Stat(p); err != nil {
					t.Errorf("%s is built from what is not there: %v", name, err)
				}
			}
			if im = ims[s.Build.Target]; im == nil {
				t.Errorf("%s: the Dockerfile has no stage %q", name, s.Build.Target)
				continue
			}
		}
		argv := slices.Concat(im.entrypoint, im.cmd)
		if len(s.Command) > 0 {
			argv = slices.Concat(im.entrypoint, s.Command)
		}
		if len(argv) == 0 || !slices.Contains(im.files, argv[0]) {
			t.Errorf("%s starts %v, which its image has not", name, argv)
		}
		check := im.healthcheck
		if s.Healthcheck != nil && !s.Healthcheck.Disable {
			if s.Healthcheck.Test[0] != "CMD" { // an image without a shell runs nothing else
				t.Errorf("%s: health check %v", name, s.Healthcheck.Test)
			}
			check = s.Healthcheck.Test[1:]
		}
		switch {
		case s.job() && s.Healthcheck != nil && s.Healthcheck.Disable, s.job() && len(check) == 0:
		case s.job():
			t.Errorf("%s ends by itself and has a health check: it would never be healthy", name)
		case len(check) == 0 || !slices.Contains(im.files, check[0]):
			t.Errorf("%s: its image has nothing called %v to check it with", name, check)
		}
	}
}

// officialImage is what the documentation of an official image on Docker Hub
// and its Dockerfile and entry point say of it: github.com/docker-library.
type officialImage struct {
	programs []string // that are in its PATH
	secret   string   // the environment variable that names the file with the owner's password
	data     string   // where its volume belongs
	run      string   // where its socket and lock files go
	port     string   // where it listens
	uid      string   // of its own user
}

var official = map[string]officialImage{
	"postgres": {[]string{"postgres", "pg_isready", "psql", "pg_dump"}, "POSTGRES_PASSWORD_FILE", "/var/lib/postgresql/data", "/run/postgresql", "5432", "999"},
	"mysql":    {[]string{"mysqld", "mysqladmin", "mysql", "mysqldump"}, "MYSQL_ROOT_PASSWORD_FILE", "/var/lib/mysql", "/var/run/mysqld", "3306", "999"},
}

func (o officialImage) image() *image { return &image{files: o.programs} }

// product is the official image's name, without its version.
func (s *service) product() string {
	name, _, _ := strings.Cut(s.Image, ":")
	return name
}

func TestTheDatabasesAreSetUpAsTheirImagesWantIt(t *testing.T) {
	c, found := load(t), 0
	for name, s := range c.Services {
		o, ok := official[s.product()]
		if !ok {
			continue
		}
		found++
		if s.User != o.uid+":"+o.uid {
			t.Errorf("%s runs as %s, its image's user is %s", name, s.User, o.uid)
		}
		secret := s.Environment[o.secret]
		if len(s.Environment) != 1 || !mounts(s, secret) {
			t.Errorf("%s: the environment is %v, want %s alone with a file that is mounted", name, s.Environment, o.secret)
		}
		if !slices.ContainsFunc(s.Volumes, func(v struct {
			Type, Source, Target string
			ReadOnly             bool `yaml:"read_only"`
		},
		) bool {
			return v.Type == "volume" && v.Target == o.data && !v.ReadOnly
		}) {
			t.Errorf("%s keeps no data: its image has them in %s", name, o.data)
		}
		if !slices.Equal(s.Tmpfs, []string{"/tmp", o.run}) {
			t.Errorf("%s: %v can be written in a read-only file system, want /tmp and %s", name, s.Tmpfs, o.run)
		}
		// The entry point's own server for setting up has a socket only: a check
		// over TCP does not take it for the real one.
		check := strings.Join(s.Healthcheck.Test, " ")
		if !strings.Contains(check, "127.0.0.1") || !strings.Contains(check, o.port) {
			t.Errorf("%s is checked with %s, which the server of its set-up could answer", name, check)
		}
		// The entry point sets up only for its own server program, or options.
		if s.Command[0] != o.programs[0] {
			t.Errorf("%s starts %s, which its image does not set up", name, s.Command[0])
		}
	}
	if found != 2 {
		t.Errorf("%d databases from official images, want 2", found)
	}
	for stage, want := range map[string]string{"story": "postgres:", "story-mysql": "mysql:"} {
		base, server := "", ""
		for _, st := range dockerfile(t) {
			if st.name == stage {
				base = st.from
			}
		}
		for _, s := range c.Services {
			if strings.HasPrefix(s.Image, want) {
				server = s.Image
			}
		}
		if base == "" || base != server {
			t.Errorf("%s has the clients of %q, the server is %q", stage, base, server)
		}
	}
}

// Two services that build one image make two, since Compose writes the
// service's name into each; the name goes to the one that is ready last, and
// containers run what their label does not say.
func TestEachImageIsBuiltByOneServiceBeforeTheOthersStart(t *testing.T) {
	c := load(t)
	builder := map[string]string{}
	for _, s := range order(t, c) {
		switch {
		case s.builds && builder[s.Image] != "":
			t.Errorf("%s and %s both build %s", s.name, builder[s.Image], s.Image)
		case s.builds:
			builder[s.Image] = s.name
		case s.Build != nil && s.PullPolicy != "never":
			t.Errorf("%s: %s is built by another service, and would be looked for at a registry: pull_policy %q", s.name, s.Image, s.PullPolicy)
		}
	}
	for _, s := range c.Services {
		if b := builder[s.Image]; s.Build != nil && len(c.Services[b].Profiles) > 0 && b != s.name {
			t.Errorf("%s has the image of %s, which is built on demand only", s.name, b)
		}
	}
}

// An engine that was asked to send a signal, SIGHUP too, takes the container
// for stopped by hand: unless-stopped keeps it down when it ends later. Moby's
// `always` starts it again, but only if the image names its stop signal.
func TestTheProxyComesAgainAfterItWasToldToReadItsConfiguration(t *testing.T) {
	if got := load(t).Services["honeyrow"].Restart; got != "always" {
		t.Errorf("restart: %s: after `docker compose kill -s HUP` a proxy that ends would stay down", got)
	}
	for _, s := range dockerfile(t) {
		if s.name == "honeyrow" && !slices.Contains(s.steps, step{"STOPSIGNAL", "SIGTERM"}) {
			t.Error("the image names no stop signal: `restart: always` would not hold after SIGHUP")
		}
	}
}

func TestTheOrderOfStartIsOneThatComposeCanKeep(t *testing.T) {
	c := load(t)
	awaited := map[string]bool{}
	for name, s := range c.Services {
		for on, d := range s.DependsOn {
			dep := c.Services[on]
			switch {
			case dep == nil:
				t.Errorf("%s waits for %s, which is not there", name, on)
			case dep.job() && d.Condition != "service_completed_successfully", !dep.job() && d.Condition != "service_healthy":
				t.Errorf("%s waits for %s with %s", name, on, d.Condition)
			case len(dep.Profiles) > 0:
				t.Errorf("%s waits for %s, which is started on demand only", name, on)
			}
			awaited[on] = awaited[on] || d.Condition == "service_completed_successfully"
		}
	}
	for name, s := range c.Services {
		if s.Restart != "no" && s.Restart != "unless-stopped" && name != "honeyrow" {
			t.Errorf("%s: restart %q", name, s.Restart)
		}
		// `up --wait` takes a container that has ended for a failure unless
		// another one waits for its success (docker/compose pull request 9572).
		if s.job() && len(s.Profiles) == 0 && !awaited[name] {
			t.Errorf("%s ends by itself and nothing waits for its success: `up --wait` would fail", name)
		}
	}
	order(t, c)
}

// order sorts the services so that each comes after those it waits for.
func order(t *testing.T, c *compose) []*service {
	t.Helper()
	var out []*service
	state := map[string]int{} // 1: on the way, 2: done
	var visit func(string)
	visit = func(name string) {
		if state[name] == 1 {
			t.Fatalf("services wait for each other in a circle, by %s", name)
		}
		if state[name] == 2 {
			return
		}
		state[name] = 1
		for _, on := range sortedKeys(c.Services[name].DependsOn) {
			visit(on)
		}
		state[name] = 2
		out = append(out, c.Services[name])
	}
	for _, name := range sortedKeys(c.Services) {
		visit(name)
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	var ks []string
	for k := range m {
		ks = append(ks, k)
	}
	slices.Sort(ks)
	return ks
}

func TestOnlyTheProxyAndTheOperatorsReachTheDatabase(t *testing.T) {
	c := load(t)
	allowed := []string{"db", "honeyrow", "honeyrow-cli", "load", "load-mysql", "mysql", "seed", "seed-mysql"}
	var got []string
	for _, name := range sortedKeys(c.Services) {
		s := c.Services[name]
		if _, ok := s.Networks["data"]; ok {
			got = append(got, name)
		}
		if s.NetworkMode != "" && s.NetworkMode != "none" {
			t.Errorf("%s has network mode %s", name, s.NetworkMode)
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes port %d on %q: only this machine shall reach a demo with a vulnerable shop", name, p.Target, p.HostIP)
			}
		}
	}
	if !slices.Equal(got, allowed) {
		t.Errorf("%v are on the database's network, want %v", got, allowed)
	}
	if !c.Networks["data"].Internal || !c.Networks["alerts"].Internal {
		t.Error("the database's and the receiver's networks must be internal")
	}
	for _, name := range []string{"db", "mysql"} {
		if db := c.Services[name]; len(db.Networks) != 1 || len(db.Ports) > 0 {
			t.Errorf("%s is on %v and publishes %v", name, db.Networks, db.Ports)
		}
	}
}

func TestEachSecretHasOneVolumeForEachReader(t *testing.T) {
	c := load(t)
	readers := map[string][]string{}
	where := map[string]string{}
	for _, name := range sortedKeys(c.Services) {
		s := c.Services[name]
		for _, v := range s.Volumes {
			if v.Type == "bind" {
				if _, err := os.Stat(v.Source); err != nil || !v.ReadOnly {
					t.Errorf("%s: %s is mounted writable or not there: %v", name, v.Source, err)
				}
				continue
			}
			if was := where[v.Source]; was != "" && was != v.Target {
				t.Errorf("volume %s is at %s and at %s: one place keeps the commands readable", v.Source, was, v.Target)
			}
			where[v.Source] = v.Target
			if !strings.HasPrefix(v.Source, "secrets-") || name == "prepare" {
				continue
			}
			readers[v.Source] = append(readers[v.Source], name)
			if !v.ReadOnly {
				t.Errorf("%s can write %s", name, v.Source)
			}
		}
		for key := range s.Environment {
			if key != "GOMEMLIMIT" && !strings.HasSuffix(key, "_FILE") {
				t.Errorf("%s: environment variable %s: a secret there can be read by everybody who may inspect containers", name, key)
			}
		}
	}
	want := map[string][]string{
		"secrets-db":       {"db"},
		"secrets-honeyrow": {"honeyrow", "honeyrow-cli", "registry", "seed", "seed-mysql"},
		"secrets-load":     {"load", "load-mysql"},
		"secrets-mysql":    {"mysql"},
		"secrets-receiver": {"receiver"},
		"secrets-seed":     {"honeyrow-cli", "seed", "seed-mysql"},
		"secrets-shop":     {"shop", "shop-mysql"},
		"secrets-story":    {"story", "story-mysql"},
	}
	for v, who := range want {
		if !slices.Equal(readers[v], who) {
			t.Errorf("%s is read by %v, want %v", v, readers[v], who)
		}
		if _, ok := c.Volumes[v]; !ok || path.Base(where[v]) != strings.TrimPrefix(v, "secrets-") {
			t.Errorf("%s is mounted at %s", v, where[v])
		}
	}
	if len(readers) != len(want) {
		t.Errorf("the volumes with secrets are %v", sortedKeys(readers))
	}
}
