package docker

import (
	"debug/elf"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"honeyrow/internal/myserver"
)

// built is the folder in which the Dockerfile's build stage was run: "src" is
// what was copied from the repository, "out" is what it made.
var built = struct {
	once sync.Once
	dir  string
	err  error
}{}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	myserver.Cleanup()
	os.Exit(code)
}

// build runs the build stage once for all tests and returns its folder.
func build(t *testing.T) string {
	t.Helper()
	stages := dockerfile(t)
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "honeyrow-image-"); built.err == nil {
			built.err = runStage(stages[0], built.dir)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.dir
}

var mountFlag = regexp.MustCompile(`--mount=\S+\s+`)

// runStage does what the builder does with a stage: copies what the ignore
// file lets through, and runs the commands with the stage's environment.
func runStage(s *stage, dir string) error {
	env := os.Environ()
	for _, st := range s.steps {
		switch st.word {
		case "ARG", "ENV":
			env = append(env, strings.Fields(st.args)...)
		case "COPY":
			if err := copyContext("..", filepath.Join(dir, "src")); err != nil {
				return err
			}
		case "RUN":
			command := mountFlag.ReplaceAllString(st.args, "")
			command = strings.ReplaceAll(command, "/out", filepath.Join(dir, "out"))
			cmd := exec.Command("sh", "-ec", "umask 022\n"+command)
			cmd.Dir, cmd.Env = filepath.Join(dir, "src"), env
			if out, err := cmd.CombinedOutput(); err != nil {
				return &buildError{command, string(out), err}
			}
		}
	}
	return nil
}

type buildError struct {
	command, output string
	err             error
}

func (e *buildError) Error() string { return e.command + ": " + e.err.Error() + "\n" + e.output }

// copyContext copies what Dockerfile.dockerignore lets through: "*" shuts
// everything out, "!name" lets a file or folder in, "**/pattern" shuts out by
// base name.
func copyContext(from, to string) error {
	b, err := os.ReadFile("Dockerfile.dockerignore")
	if err != nil {
		return err
	}
	var in, out []string
	for _, l := range strings.Split(string(b), "\n") {
		l = strings.TrimSpace(l)
		switch {
		case strings.HasPrefix(l, "!"):
			in = append(in, l[1:])
		case strings.HasPrefix(l, "**/"):
			out = append(out, l[3:])
		}
	}
	for _, name := range in {
		err := filepath.WalkDir(filepath.Join(from, name), func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			for _, pattern := range out {
				if hit, _ := path.Match(pattern, d.Name()); hit {
					if d.IsDir() {
						return filepath.SkipDir
					}
					return nil
				}
			}
			rel, err := filepath.Rel(from, p)
			if err != nil {
				return err
			}
			if d.IsDir() {
				return os.MkdirAll(filepath.Join(to, rel), 0o755)
			}
			return copyFile(p, filepath.Join(to, rel))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o644)
}

func TestTheImagesBuildStepsWorkAndMakeStaticPrograms(t *testing.T) {
	dir := build(t)
	for _, name := range []string{"honeyrow", "demo"} {
		f, err := elf.Open(filepath.Join(dir, "out/bin", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range f.Progs {
			if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
				t.Errorf("%s wants a dynamic linker, which the image has not", name)
			}
		}
		f.Close()
	}
	out, err := exec.Command(filepath.Join(dir, "out/bin/honeyrow"), "version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "honeyrow 0.1.0-dev\n") {
		t.Errorf("honeyrow version: %v\n%s", err, out)
	}
	cmd := exec.Command(filepath.Join(dir, "out/bin/honeyrow"), "health")
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "honeyrow init") {
		t.Errorf("honeyrow health without a configuration: %v\n%s", err, out)
	}
	// Every path that a later stage copies must be there, and nothing of the
	// sources but what is needed to build.
	for _, s := range dockerfile(t)[1:] {
		for _, st := range s.steps {
			fields := strings.Fields(st.args)
			if st.word != "COPY" {
				continue
			}
			if from := fields[len(fields)-2]; fields[0] != "--from=build" || !exists(filepath.Join(dir, from)) {
				t.Errorf("stage %s: COPY %s: not there after the build", s.name, st.args)
			}
		}
	}
	rootfs := t.TempDir()
	for _, s := range dockerfile(t)[1:3] { // honeyrow, and demo on top of it
		for _, st := range s.steps {
			fields := strings.Fields(st.args)
			if st.word != "COPY" {
				continue
			}
			// A folder's contents go into the folder named last, a file to that name.
			from, to := filepath.Join(dir, fields[len(fields)-2]), filepath.Join(rootfs, fields[len(fields)-1])
			if strings.HasSuffix(fields[len(fields)-2], "/") {
				from += "/."
			}
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
				t.Fatalf("COPY %s: %v\n%s", st.args, err, out)
			}
		}
	}
	var files []string
	err = filepath.WalkDir(rootfs, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, strings.TrimPrefix(p, rootfs))
		}
		return err
	})
	want := []string{"/etc/group", "/etc/passwd", "/etc/ssl/certs/ca-certificates.crt", "/usr/local/bin/demo", "/usr/local/bin/honeyrow"}
	if err != nil || !slices.Equal(files, want) {
		t.Errorf("the image holds %v, %v; want %v", files, err, want)
	}
	for p, mode := range map[string]fs.FileMode{"/var/lib/honeyrow": 0o700, "/var/lib/story": 0o700, "/tmp": 0o777, "/etc/honeyrow": 0o755} {
		if st, err := os.Stat(filepath.Join(rootfs, p)); err != nil || st.Mode().Perm() != mode {
			t.Errorf("%s in the image: %v, %v; want mode %v", p, st, err, mode)
		}
	}
	for _, p := range []string{"src/.git", "src/docker", "src/bin", "src/integration"} {
		if exists(filepath.Join(dir, p)) {
			t.Errorf("%s is part of the build", p)
		}
	}
	if passwd, err := os.ReadFile(filepath.Join(dir, "out/root/etc/passwd")); err != nil || !strings.Contains(string(passwd), ":65532:65532:") {
		t.Errorf("the image's user has no name: %v %s", err, passwd)
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
