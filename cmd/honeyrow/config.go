package main

import "fmt"

type configCmd struct {
	Show configShowCmd `cmd:"" help:"Show the configuration in force, defaults included, without secrets."`
}

type configShowCmd struct{}

// Help is shown by --help.
func (configShowCmd) Help() string {
	return "Prints what the configuration file says and the defaults of what it leaves out, as YAML that can be read in again. " +
		"It names the files and variables that hold secrets and reads none of them; stars stand for what may be one all the same: the path of a URL, the value of a header.\n\n" +
		"Example: honeyrow config show --config /etc/honeyrow/honeyrow.yaml"
}

// Run prints the configuration.
func (configShowCmd) Run(e *env) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	if e.json {
		shown, err := cfg.Shown()
		if err != nil {
			return err
		}
		return e.printJSON(shown)
	}
	b, err := cfg.Show()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "# %s and the defaults of what it leaves out\n%s", cfg.File(), b)
	return err
}
