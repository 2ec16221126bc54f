// Command honeyrow plants honey rows in a database, stands in front of it and
// says who read them. This package holds flags and output only: the parts are
// put together in internal/app.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"honeyrow/engine/sqlfacts/pgsql"
	"honeyrow/internal/app"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	// A drill: no alert came, or it did not reach every sink. 3 is exitFound.
	exitNoAlert     = 4
	exitUndelivered = 5
)

// cli is the command line. Each command has a Run method in the file of its name.
type cli struct {
	Config  string           `short:"c" placeholder:"FILE" env:"HONEYROW_CONFIG" help:"Configuration file. Default: ./honeyrow.yaml, then /etc/honeyrow/honeyrow.yaml."`
	JSON    bool             `name:"json" help:"Print JSON, or one JSON object a line, for scripts."`
	Version kong.VersionFlag `help:"Print the version and end."`

	Init       initCmd       `cmd:"" help:"Write a commented configuration and make the registry."`
	ConfigCmd  configCmd     `cmd:"" name:"config" help:"Show the configuration in force."`
	Doctor     doctorCmd     `cmd:"" help:"Check the configuration and everything that it names."`
	Proxy      proxyCmd      `cmd:"" help:"Stand between clients and servers and watch for honey rows."`
	Health     healthCmd     `cmd:"" help:"Say whether the proxy on this machine works; for health checks."`
	Status     statusCmd     `cmd:"" help:"Ask the running proxy what it serves, watches and has delivered."`
	Reload     reloadCmd     `cmd:"" help:"Have the running proxy read its configuration again."`
	Drain      drainCmd      `cmd:"" help:"Have the running proxy end in order."`
	Sessions   sessionsCmd   `cmd:"" help:"List the sessions of the running proxy, and end them."`
	HandOver   handOverCmd   `cmd:"" help:"Have a new process take the listeners over; sessions stay."`
	Seed       seedCmd       `cmd:"" help:"Plan, plant, verify and remove honey rows."`
	Tokens     tokensCmd     `cmd:"" help:"List, show and export planted tokens; name decoy tables."`
	Learn      learnCmd      `cmd:"" help:"Learn what statements users and applications send."`
	Alerts     alertsCmd     `cmd:"" help:"List alerts, follow them, and test where they go."`
	Incidents  incidentsCmd  `cmd:"" help:"List incidents, show what to do, and decide about them."`
	Quarantine quarantineCmd `cmd:"" help:"List who is shut out, let in and shut out by hand."`
	Rules      rulesCmd      `cmd:"" help:"List, check, test and explain rules."`
	Completion completionCmd `cmd:"" help:"Print what makes a shell complete honeyrow's command lines."`
	Complete   completeCmd   `cmd:"" hidden:"" help:"Propose what a word of a command line may become."`
	VersionCmd versionCmd    `cmd:"" name:"version" help:"Print the version and what it was built with."`
}

func main() {
	pgsql.ServeIfWorker() // honeyrow parse-worker: the proxy starts itself again to parse
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, stop, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// env is what a command works with.
type env struct {
	ctx context.Context
	// unhook hands the signals over to a command that treats them itself.
	unhook         func()
	stdout, stderr io.Writer
	json           bool
	config         string // as given, may be empty
	// model is the command line itself, for those who complete it.
	model *kong.Application
}

// usage is an error of the command line: exit code 2.
type usage struct{ error }

// errReported is a failure that has been told already: exit code 1 without a word.
var errReported = errors.New("already reported")

// run executes one command line and returns the exit code.
func run(ctx context.Context, unhook func(), args []string, stdout, stderr io.Writer) (code int) {
	var c cli
	ended := -1
	parser, err := kong.New(&c,
		kong.Name("honeyrow"),
		kong.Description("Plants honey rows in a database, stands in front of it as a proxy, and says who read them.\n\n"+
			"First steps: honeyrow init, honeyrow doctor, honeyrow seed plan, honeyrow proxy, honeyrow seed apply."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(n int) { ended = n; panic(exited{}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Vars{"version": app.Version()},
	)
	if err != nil {
		fmt.Fprintln(stderr, "honeyrow:", err)
		return exitFailed
	}
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(exited); !ok {
				panic(r)
			}
			code = ended
		}
	}()
	kctx, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "honeyrow: %v\nSee `%s --help`.\n", err, meant(err))
		return exitUsage
	}
	e := &env{ctx: ctx, unhook: unhook, stdout: stdout, stderr: stderr, json: c.JSON, config: c.Config, model: parser.Model}
	return e.report(kctx.Run(e))
}

// meant is the command that a line which can't be understood got as far as.
func meant(err error) string {
	name := "honeyrow"
	if p, ok := errors.AsType[*kong.ParseError](err); ok {
		for _, step := range p.Context.Path {
			if step.Command != nil {
				name += " " + step.Command.Name
			}
		}
	}
	return name
}

// exited carries kong's wish to end (after --help or --version) out of Parse.
type exited struct{}

func (e *env) report(err error) int {
	var u usage
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFound):
		return exitFound
	case errors.Is(err, errReported):
		return exitFailed
	case errors.As(err, &u):
		fmt.Fprintf(e.stderr, "honeyrow: %v\n", err)
		return exitUsage
	case errors.Is(err, context.Canceled) && e.ctx.Err() != nil:
		fmt.Fprintln(e.stderr, "honeyrow: interrupted")
		return exitFailed
	}
	fmt.Fprintf(e.stderr, "honeyrow: %v\n", err)
	switch {
	case errors.Is(err, app.ErrNoAlert):
		return exitNoAlert
	case errors.Is(err, app.ErrUndelivered):
		return exitUndelivered
	}
	return exitFailed
}

// load finds and reads the configuration.
func (e *env) load() (*app.Config, error) {
	name, err := app.FindConfig(e.config)
	if err != nil {
		return nil, err
	}
	return app.LoadConfig(name)
}
