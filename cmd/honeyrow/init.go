package main

import (
	"fmt"

	"honeyrow/internal/app"
)

type initCmd struct {
	Name          string `default:"main" help:"Short name of the database server, shown in every alert."`
	ServerAddress string `default:"127.0.0.1:5432" placeholder:"HOST:PORT" help:"The database server, host:port or unix:/path. Default: ${default}."`
	Listen        string `default:"127.0.0.1:6432" placeholder:"HOST:PORT" help:"Where clients will connect, host:port or unix:/path. Default: ${default}."`
	Domain        string `default:"decoy.example" help:"Domain of the planted e-mail addresses: best one that you own and nobody uses."`
	Force         bool   `help:"Replace a configuration that is there. The registry and its key are kept."`
	RegistryOnly  bool   `help:"Keep the configuration and make only the registry and key that it names."`
}

// Help is shown by --help.
func (initCmd) Help() string {
	return "Writes a commented configuration, a registry for the planted values and the key that encrypts them. " +
		"Nothing in your database is touched.\n\n" +
		"Example: honeyrow init --name crm --server-address db1.internal:5432 --listen 0.0.0.0:6432"
}

// Run writes the files.
func (c *initCmd) Run(e *env) error {
	path := e.config
	if path == "" {
		path = app.DefaultPaths[0]
	}
	if c.RegistryOnly {
		return c.registry(e)
	}
	res, err := app.Init(e.ctx, app.InitOptions{
		Path: path, Name: c.Name, ServerAddress: c.ServerAddress, Listen: c.Listen, Domain: c.Domain, Force: c.Force,
	})
	if err != nil {
		return err
	}
	if e.json {
		return e.printJSON(res)
	}
	fmt.Fprintf(e.stdout, `wrote %s
made  %s (registry) and %s (its key: keep a copy apart)

Next:
  1. Put a connection string of the role that plants into %s (mode 0600), such as
       postgres://honeyrow_seed:...@%s/mydb
     It needs SELECT and INSERT on the tables to plant in. The proxy never uses it.
  2. honeyrow doctor      checks everything and says what to change
  3. honeyrow seed plan   shows what would be planted
  4. honeyrow proxy       starts the proxy on %s
  5. honeyrow seed apply  plants
  6. Point your applications at %s
`, res.Config, res.Registry, res.Key, res.SeedDSN, c.ServerAddress, c.Listen, c.Listen)
	return nil
}

func (c *initCmd) registry(e *env) error {
	path, err := app.FindConfig(e.config)
	if err != nil {
		return err
	}
	res, err := app.InitRegistry(e.ctx, path)
	if err != nil {
		return err
	}
	if e.json {
		return e.printJSON(res)
	}
	fmt.Fprintf(e.stdout, "registry %s is ready with the key %s: keep a copy of the key apart\n", res.Registry, res.Key)
	return nil
}
