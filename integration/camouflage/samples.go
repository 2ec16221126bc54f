package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// sample is a database that others have published. It is no part of this
// repository: `make samples` downloads it as it stood at one commit, and no file
// is loaded that has not the digest named here.
type sample struct {
	name    string
	from    string // a git repository
	commit  string
	licence string
	files   []sampleFile // the first is loaded, with those that it names
	// around are statements before and after, "%s" the file between.
	around string
	prefix string // before names; the lab's databases are called otherwise
}

type sampleFile struct{ path, sum string }

var samples = map[string]*sample{
	"sakila": {
		name: "sakila", from: "https://github.com/jOOQ/sakila", commit: "e089a5b1ec9af0df7a9c6a5d47d49fa1736a4e84", licence: "BSD-2-Clause",
		files: []sampleFile{
			{"postgres-sakila-db/postgres-sakila-schema.sql", "eaa8cfc2fd358e70617d31ed3638196982944749929f02e90b980457855bfa48"},
			{"postgres-sakila-db/postgres-sakila-insert-data-using-copy.sql", "072e793e9f4f2686b46de8904e1e5ca90c02cbc1873d69ed15401aef610ab52b"},
		},
		around: "%s\n\\i postgres-sakila-insert-data-using-copy.sql\n",
	},
	"sakila-mysql": {
		name: "sakila-mysql", from: "https://github.com/datacharmer/test_db", commit: "3c7fa05e04b4c339d91a43b7029a210212d48e6c", licence: "BSD-3-Clause (its sakila folder)",
		files: []sampleFile{
			{"sakila/sakila-mv-schema.sql", "61c30abd47a0126e9e901a911b8a115e1920f0910ce1b11ff3abc764ad65df53"},
			{"sakila/sakila-mv-data.sql", "cf9328c055ed43c6862332438670fdad68c6236d051fa090c6bcb56cf5895bc2"},
		},
		around: "%s\nsource sakila-mv-data.sql\n", prefix: "sakila.",
	},
	"pagila": {
		name: "pagila", from: "https://github.com/neondatabase/postgres-sample-dbs", commit: "f6c2e24910e9a1eb9c11c69628544d4d60d42e47", licence: "MIT, pagila's own PostgreSQL licence",
		files: []sampleFile{{"pagila.sql", "5f76fa094bca43ebcdc43c49b2314a130e374486c7b9432f1974763a81dc5809"}},
	},
	"employee": {
		name: "employee", from: employees, commit: employeesAt, licence: "MIT, the data CC BY-SA 3.0",
		files: []sampleFile{
			{"postgres/dataset_large/employee.sql", "86d35a4ead99450031f804ff790d655079b810177ca92cf5529a3cfacbd8a372"},
			{"postgres/dataset_large/load_department.sql", "189a98d2018143c1f2a18c85bcf496b79ce0a91e7419312d3a25852758310906"},
			{"postgres/dataset_large/load_employee.sql", "399892613cb9862d3b005cfc021bba5e4badfeac99e711a3f898be1638126edd"},
			{"postgres/dataset_large/load_dept_emp.sql", "d95aecfe8469a36f4fc14199c6b70a29cf3ea0d9b69a43b14886354a30de8b49"},
			{"postgres/dataset_large/load_dept_manager.sql", "0210d0844c5c75afb4c27fb1dd3a8b1d17a5265b1a70b311a22a8b674267bdb7"},
			{"postgres/dataset_large/load_title.sql", "d899012f8c2e661d5c3dcb32120674ad7f1b5d3616a2cd711f2a25b0b0ef7373"},
			{"postgres/dataset_large/load_salary1.sql", "0d646703f946444b0140183e66822be05a7054192874197a2ddd7473792c331f"},
		},
	},
	"employee-mysql": {
		name: "employee-mysql", from: employees, commit: employeesAt, licence: "MIT, the data CC BY-SA 3.0",
		files: []sampleFile{
			{"mysql/dataset_large/employee.sql", "5520ff4ca8cd0325f7a07ca788943c2108274587d3bd98a87d81c8ddcc6b7d79"},
			{"mysql/dataset_large/load_department.sql", "4f599a03200d596b6e7c82e132386f41183fce9b47ed588cd98600d5d67f4bd1"},
			{"mysql/dataset_large/load_employee.sql", "2fba6cb8275f5658dca6895f4781434f710f20b22106903ac4f509bb3e1b98ba"},
			{"mysql/dataset_large/load_dept_emp.sql", "d641212699302f2fd956f3c18deb5f8b7a7added0f5272f0f0fac5bee68eaf63"},
			{"mysql/dataset_large/load_dept_manager.sql", "e2f800eeb0b0642df3593c587ec7f6bdccffc85b7782b17b33186cdfa8f4b739"},
			{"mysql/dataset_large/load_title.sql", "8dff9221755ad25fcf313ad2562c2f333e7a507dbcf616c63c872e5acbccf1db"},
			{"mysql/dataset_large/load_salary1.sql", "0d0492960308807803d4376b93131d519553f6c19c37d5e8f06a9088b220bd21"},
		},
	},
	"baseball": {
		name: "baseball", from: "https://github.com/chadwickbureau/baseballdatabank", commit: "ef68908c2d0e12dfbab0480e5562894fd823b5f8", licence: "CC BY-SA 3.0",
		files: []sampleFile{{"core/People.csv", "bcda5ed3ace3cf6f351a45561cfde9e12b58aafeb65b1af2c7a8d4ba478f1bb7"}},
		around: `CREATE TABLE people (player_id varchar(12) PRIMARY KEY, birth_year integer, birth_month integer, birth_day integer, birth_country text, birth_state text, birth_city text,
	death_year integer, death_month integer, death_day integer, death_country text, death_state text, death_city text, first_name text, last_name text, given_name text,
	weight integer, height integer, bats text, throws text, debut date, final_game date, retro_id text, bbref_id text);
COPY people FROM stdin WITH (FORMAT csv, HEADER);
%s\.
DELETE FROM people WHERE first_name IS NULL OR last_name IS NULL OR birth_year IS NULL;
ALTER TABLE people ALTER first_name SET NOT NULL, ALTER last_name SET NOT NULL;
`,
	},
}

const (
	employees   = "https://github.com/bytebase/employee-sample-database"
	employeesAt = "c3d0a6e1b6623b19d213b754b3a5104dcfdff65b"
)

// errAway says that a sample is not at hand.
var errAway = errors.New("it is not at hand: `make samples` downloads it")

func (s *sample) file(dir string, f sampleFile) string {
	return filepath.Join(dir, s.name, filepath.Base(f.path))
}

// read returns the sample's SQL.
func (s *sample) read(dir string) (string, error) {
	texts := map[string]string{}
	for _, f := range s.files {
		b, err := os.ReadFile(s.file(dir, f))
		if errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("sample %s: %w", s.name, errAway)
		} else if err != nil {
			return "", err
		}
		if sum := digest(b); sum != f.sum {
			return "", fmt.Errorf("sample %s: %s is not the file that is meant (SHA-256 %s, want %s): delete it, `make samples` downloads it anew", s.name, s.file(dir, f), sum, f.sum)
		}
		texts[filepath.Base(f.path)] = string(b)
	}
	sql := texts[filepath.Base(s.files[0].path)]
	if s.around != "" {
		sql = strings.Replace(s.around, "%s", sql, 1)
	}
	sql = include.ReplaceAllStringFunc(sql, func(line string) string { return texts[include.FindStringSubmatch(line)[1]] })
	if s.prefix != "" {
		sql = strings.ReplaceAll(sql, s.prefix, "")
	}
	return elsewhere.ReplaceAllString(sql, ""), nil
}

var (
	// include names another file, in psql's and in mariadb's words.
	include = regexp.MustCompile(`(?m)^(?:\\i|source)[ \t]+([\w.-]+)[ \t]*;?[ \t]*$`)
	// elsewhere makes or chooses a database: the lab has its own.
	elsewhere = regexp.MustCompile(`(?mi)^(?:(?:DROP|CREATE)[ \t]+(?:DATABASE|SCHEMA)\b[^;]*;|USE[ \t]+\w+[ \t]*;)`)
)

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// download brings the files of a sample into dir, unless they are there.
func (s *sample) download(ctx context.Context, dir string, log io.Writer) error {
	if _, err := s.read(dir); err == nil {
		fmt.Fprintf(log, "%s is there (%s)\n", s.name, s.licence)
		return nil
	}
	fmt.Fprintf(log, "%s: %s at %s (%s)\n", s.name, s.from, s.commit[:12], s.licence)
	repo, err := os.MkdirTemp("", "honeyrow-sample-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(repo)
	for _, args := range [][]string{{"init", "-q", "--bare"}, {"fetch", "-q", "--depth=1", s.from, s.commit}} {
		if _, err := git(ctx, repo, args...); err != nil {
			return fmt.Errorf("sample %s: %w", s.name, err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, s.name), 0o755); err != nil {
		return err
	}
	for _, f := range s.files {
		b, err := git(ctx, repo, "show", s.commit+":"+f.path)
		if err != nil {
			return fmt.Errorf("sample %s: %w", s.name, err)
		}
		if sum := digest(b); sum != f.sum {
			return fmt.Errorf("sample %s: %s of commit %s has SHA-256 %s, want %s", s.name, f.path, s.commit, sum, f.sum)
		}
		if err := os.WriteFile(s.file(dir, f), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func git(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(errs.String()))
	}
	return out, nil
}
