package main

import (
	"fmt"

	"honeyrow/internal/app"
)

type healthCmd struct{}

// Help is shown by --help.
func (healthCmd) Help() string {
	return "For health checks, on the proxy's own machine or in its container, with its configuration: " +
		"asks each listener for an answer (of MySQL's listeners, the kernel whether they listen and their connections are accepted), and the registry whether the proxy lives and watches the latest tokens. " +
		"The database server is not asked. Exit code 1 if anything is wrong.\n\n" +
		"Example: honeyrow health --json"
}

// Run asks.
func (healthCmd) Run(e *env) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	h, err := app.CheckHealth(e.ctx, cfg)
	if err != nil {
		return err
	}
	if e.json {
		err = e.printLine(h)
	} else {
		printHealth(e, h)
	}
	if err == nil && !h.Healthy {
		return errReported
	}
	return err
}

func printHealth(e *env, h app.Health) {
	for _, l := range h.Listeners {
		if l.Error != "" {
			fmt.Fprintf(e.stdout, "listener %s on %s: %s\n", l.Name, l.Address, printable(l.Error))
			continue
		}
		fmt.Fprintf(e.stdout, "listener %s on %s is up\n", l.Name, l.Address)
	}
	if h.Registry.Error != "" {
		fmt.Fprintf(e.stdout, "registry: %s\n", printable(h.Registry.Error))
		return
	}
	fmt.Fprintf(e.stdout, "registry: the proxy (pid %d) watches version %d, the latest\n", h.Registry.PID, h.Registry.Watched)
}
