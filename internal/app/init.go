package app

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"text/template"
)

//go:embed init.yaml.tmpl
var initTemplate string

var initTmpl = template.Must(template.New("honeyrow.yaml").Funcs(template.FuncMap{"q": strconv.Quote}).Parse(initTemplate))

// InitOptions are the answers that a first configuration needs.
type InitOptions struct {
	Path                        string // of the configuration file
	Name, ServerAddress, Listen string
	Domain                      string
	Force                       bool // replace a configuration that is there
}

// InitResult says what Init made.
type InitResult struct {
	Config   string `json:"config"`
	Registry string `json:"registry"`
	Key      string `json:"key"`
	SeedDSN  string `json:"seed_dsn_file"` // to be written by the owner
}

// Init writes a commented configuration with mode 0600 and makes the registry
// and its key beside it; a registry that is there is kept. It checks its own
// work by loading the configuration before it is put in place.
func Init(ctx context.Context, o InitOptions) (InitResult, error) {
	var text bytes.Buffer
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
		return InitResult{}, fmt.Errorf("write the configuration: %w", err)
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
	if len(cfg.Servers) > 0 {
		r.SeedDSN = cfg.Servers[0].Seed.File
	}
	return r, nil
}

// writePrivate puts b into path with mode 0600, whole or not at all.
func writePrivate(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".honeyrow-*") // CreateTemp makes 0600
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
