package main

import (
	"fmt"

	"honeyrow/internal/doctor"
)

type doctorCmd struct {
	Quiet bool `short:"q" help:"Show only what needs attention."`
}

// Help is shown by --help.
func (doctorCmd) Help() string {
	return "Checks the configuration and everything that it names: files, servers, TLS, authentication, the seeding role's rights, " +
		"ways around the proxy, sinks. It changes nothing. Exit code 1 if anything fails; warnings leave it at 0.\n\n" +
		"Example: honeyrow doctor --json | jq 'select(.level != \"ok\")'"
}

// Run examines; with --json each finding is one line.
func (c *doctorCmd) Run(e *env) error {
	cfg, err := e.load()
	if err != nil {
		if !e.json {
			return err
		}
		f := doctor.Finding{Subject: "config", Check: "config", Level: doctor.Fail, Text: err.Error(), Advice: "correct the configuration; docs/configuration.md describes every key"}
		if err := e.printLine(f); err != nil {
			return err
		}
		return errReported
	}
	colors := map[doctor.Level]string{doctor.OK: "32", doctor.Warn: "33", doctor.Fail: "1;31"}
	color := terminal(e.stdout)
	subject := ""
	count := doctor.Examine(e.ctx, cfg.Patient(), func(f doctor.Finding) {
		if c.Quiet && f.Level == doctor.OK {
			return
		}
		if e.json {
			_ = e.printLine(f) // a closed pipe shows at the end
			return
		}
		if f.Subject != subject {
			subject = f.Subject
			fmt.Fprintln(e.stdout, subject)
		}
		word := fmt.Sprintf("%-4s", f.Level)
		if color {
			word = "\x1b[" + colors[f.Level] + "m" + word + "\x1b[0m"
		}
		fmt.Fprintf(e.stdout, "  %s  %s\n", word, printable(f.Text))
		if f.Advice != "" {
			fmt.Fprintf(e.stdout, "        what to do: %s\n", printable(f.Advice))
		}
	})
	if err := e.ctx.Err(); err != nil {
		return err
	}
	if !e.json {
		fmt.Fprintf(e.stdout, "%d ok, %d to look at, %d failing\n", count[doctor.OK], count[doctor.Warn], count[doctor.Fail])
	}
	if count[doctor.Fail] > 0 {
		return errReported
	}
	return nil
}
