package app

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

//go:embed init.yaml.tmpl
var initTemplate string

var initTmpl = template.Must(template.New("honeyrow.yaml").Funcs(template.FuncMap{"q": strconv.Quote}).Parse(initTemplate))

// InitOptions are the answers that a first configuration needs.
type InitOptions struct {
	Path    string // of the configuration file
	Servers []InitServer
	Domain  string
	State   string // folder of the registry and the alert file; "": beside the configuration
	Force   bool   // replace a configuration that is there
}

// InitServer is a server with the listener in front of it.
type InitServer struct {
	Name     string // of both
	Protocol string // "postgres" or "mysql"
	Address  string // the server's
	Listen   string // the listener's
	DSNFile  string // where the seeding role's connection string will stand; "": seed.dsn
}

// Scheme is how the seeding role's connection string begins.
func (s InitServer) Scheme() string {
	if s.Protocol == mysql {
		return "mysql"
	}
	return "postgres"
}

// Dumper is the program that makes the nightly backup.
func (s InitServer) Dumper() string {
	if s.Protocol == mysql {
		return "mysqldump"
	}
	return "pg_dump"
}

// GuessProtocol tells from a server's address what it speaks: port 3306 and
// paths that name MySQL or MariaDB are MySQL's, everything else PostgreSQL's.
func GuessProtocol(address string) string {
	a := strings.ToLower(address)
	if strings.HasSuffix(a, ":3306") || strings.Contains(a, "mysql") || strings.Contains(a, "maria") {
		return mysql
	}
	return postgres
}

// InitResult says what Init made.
type InitResult struct {
	Config   string   `json:"config"`
	Registry string   `json:"registry"`
	Key      string   `json:"key"`
	SeedDSN  []string `json:"seed_dsn_files"` // to be written by the owner, one for each server
}

// Init writes a commented configuration with mode 0600 and makes the registry
// and its key beside it; a registry that is there is kept. It checks its own
// work by loading the configuration before it is put in place.
func Init(ctx context.Context, o InitOptions) (InitResult, error) {
	var text bytes.Buffer
	o.Servers = slices.Clone(o.Servers)
	if o.State != "" {
		o.State = filepath.Clean(o.State) + "/"
	}
	for i := range o.Servers {
		if o.Servers[i].DSNFile == "" {
			o.Servers[i].DSNFile = "seed.dsn"
		}
	}
	if err := initTmpl.Execute(&text, o); err != nil {
		return InitResult{}, fmt.Errorf("write the configuration: %w", err)
	}
	cfg, err := ParseConfig(o.Path, text.Bytes())
	if err != nil {
		return InitResult{}, fmt.Errorf("these options make no valid configuration: %w", err)
	}
	if _, err := os.Stat(o.Path); err == nil && !o.Force {
		return InitResult{}, fmt.Errorf("%s is there already: edit it, or replace it with --force", o.Path)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return InitResult{}, err
	}
	if err := writePrivate(o.Path, text.Bytes()); err != nil {
		return InitResult{}, fmt.Errorf("write the configuration %s: %w: choose a folder that is there and that you may write to, with --config", o.Path, err)
	}
	return initRegistry(ctx, cfg)
}

// InitRegistry makes the registry and key of a configuration that is there.
func InitRegistry(ctx context.Context, path string) (InitResult, error) {
	cfg, err := LoadConfig(path)
	if err != nil {
		return InitResult{}, err
	}
	return initRegistry(ctx, cfg)
}

func initRegistry(ctx context.Context, cfg *Config) (InitResult, error) {
	if err := MakeRegistry(ctx, cfg); err != nil {
		return InitResult{}, err
	}
	r := InitResult{Config: cfg.File(), Registry: cfg.Registry.Path, Key: cfg.Registry.KeyFile}
	for _, s := range cfg.Servers {
		r.SeedDSN = append(r.SeedDSN, s.Seed.File)
	}
	return r, nil
}

// writePrivate puts b into path with mode 0600, whole or not at all.
func writePrivate(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".honeyrow-*") // CreateTemp makes 0600
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err // the name is one that nobody gave
	}
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(b); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
