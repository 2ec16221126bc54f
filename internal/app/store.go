package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"honeyrow/token/sqlite"
)

// Store is the registry of tokens and the outbox of detections.
type Store = sqlite.Store

// OpenStore opens the registry that the configuration names. It never makes
// one: a wrong path must not look like an empty registry. Warnings are
// sentences for the operator. The caller closes the store.
func OpenStore(ctx context.Context, c *Config) (st *Store, warnings []string, err error) {
	if _, err := os.Stat(c.Registry.Path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("there is no registry at %s: make it with `honeyrow init --registry-only`, or correct registry.path in %s", c.Registry.Path, c.File())
	}
	return openStore(ctx, c)
}

func openStore(ctx context.Context, c *Config) (*Store, []string, error) {
	key, warning, err := sqlite.KeyFor(c.Registry.Path, c.Registry.KeyFile)
	if err != nil {
		return nil, nil, fmt.Errorf("open the registry: %w", err)
	}
	st, err := sqlite.Open(ctx, sqlite.Options{Path: c.Registry.Path, Key: key})
	if err != nil {
		return nil, nil, fmt.Errorf("open the registry: %w", err)
	}
	policy, err := c.incidentPolicy()
	if err != nil {
		return nil, nil, errors.Join(err, st.Close())
	}
	st.SetPolicy(policy)
	warnings := st.Warnings()
	if warning != "" {
		warnings = append(warnings, warning)
	}
	return st, warnings, nil
}

// MakeRegistry makes the registry and its key where the configuration says,
// and checks that what is there already can be read with its key.
func MakeRegistry(ctx context.Context, c *Config) error {
	st, _, err := openStore(ctx, c)
	if err != nil {
		return err
	}
	_, err = st.Snapshot(ctx)
	return errors.Join(err, st.Close())
}
