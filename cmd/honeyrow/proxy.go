package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"honeyrow/internal/app"
	"honeyrow/internal/handover"
)

type proxyCmd struct {
	DrainDeadline time.Duration `placeholder:"DURATION" help:"How long sessions may finish their transactions after SIGTERM. Default: drain.deadline of the configuration, 30s."`
	Pprof         string        `placeholder:"HOST:PORT" help:"Serve Go's profiles here, for measurements. Keep it on 127.0.0.1."`
}

// Help is shown by --help.
func (proxyCmd) Help() string {
	return "Stands between clients and servers until SIGTERM or SIGINT, which lets running transactions finish; " +
		"a second one ends everything at once. SIGHUP reads the configuration again without dropping a session; " +
		"planted tokens are taken over by themselves. SIGUSR1 logs the totals since the start. SIGUSR2 hands the listeners over " +
		"to the program as it is on disk now (see `honeyrow hand-over`).\n\n" +
		"Example: honeyrow proxy --config /etc/honeyrow/honeyrow.yaml"
}

// Run runs the proxy. With --json its log is JSON whatever the configuration says.
func (c *proxyCmd) Run(e *env) error {
	estate, err := handover.Inherit()
	if err != nil {
		return err
	}
	if err := c.run(e, estate); err != nil {
		estate.Fail(err) // the process before goes on and tells why
		return err
	}
	return nil
}

func (c *proxyCmd) run(e *env, estate *handover.Estate) error {
	name, err := app.FindConfig(e.config)
	if err != nil {
		return err
	}
	cfg, err := c.load(e, name)
	if err != nil {
		return err
	}
	log := app.Logger(cfg.Log, e.stderr, terminal(e.stderr))
	if os.Getenv("GOGC") == "" {
		// The data path makes next to no garbage: collecting sooner costs little
		// and keeps what logins leave behind from doubling a session's memory.
		debug.SetGCPercent(40)
	}
	sigs := make(chan os.Signal, 4)
	signal.Notify(sigs, syscall.SIGTERM, os.Interrupt, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(sigs)
	e.unhook()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	succeeded, bereft := make(chan int, 1), make(chan struct{}, 1)
	o := app.Options{
		Log: log, Stdout: e.stdout, Load: func() (*app.Config, error) { return c.load(e, name) }, Stop: stop,
		Estate: estate, Succeeded: func(pid int) { succeeded <- pid }, Bereft: func() { bereft <- struct{}{} },
	}
	if c.Pprof != "" {
		gate, err := pprofGate(c.Pprof, estate)
		if err != nil {
			return err
		}
		o.Also = map[string]*handover.Gate{pprofSocket + c.Pprof: gate}
		defer servePprof(gate, log)()
	}
	a, err := app.New(context.Background(), cfg, o)
	if err != nil {
		return fmt.Errorf("the proxy can't start: %w", err)
	}
	done := make(chan error, 1)
	go func() { // ends with Run
		done <- a.Run(ctx, func() { tell(log, "READY=1") })
	}()
	alive, still := watchdog()
	defer still()
	stopping := false
	for {
		select {
		case <-alive:
			// Addrs asks for the App's lock: a proxy that hangs there does not work.
			a.Addrs()
			tell(log, "WATCHDOG=1")
		case pid := <-succeeded:
			// From here on the new process is the service.
			still()
			alive = nil
			tell(log, fmt.Sprintf("MAINPID=%d", pid))
		case <-bereft:
			// The new process was this one's child, so that the manager does not see it
			// die. It would miss its signs of life, end this process too, and start
			// another one: let it do so now.
			if app.Watchdog() > 0 {
				tell(log, "WATCHDOG=trigger")
			}
		case err := <-done:
			if err == nil {
				log.Info().Msg("ended")
			}
			return err
		case sig := <-sigs:
			switch {
			case sig == syscall.SIGHUP:
				c.reload(e, name, a, log)
			case sig == syscall.SIGUSR1:
				a.Totals()
			case sig == syscall.SIGUSR2:
				go func() { _, _ = a.HandOver(context.Background()) }() // it logs what comes of it
			case !stopping:
				stopping = true
				tell(log, "STOPPING=1")
				stop()
			default:
				log.Warn().Msg("second signal: sessions are cut")
				a.Cut()
			}
		}
	}
}

// watchdog ticks four times in the while that the service manager grants; never
// if it does not watch.
func watchdog() (tick <-chan time.Time, stop func()) {
	within := app.Watchdog()
	if within == 0 {
		return nil, func() {}
	}
	t := time.NewTicker(within / 4)
	return t.C, t.Stop
}

func (c *proxyCmd) load(e *env, name string) (*app.Config, error) {
	cfg, err := app.LoadConfig(name)
	if err != nil {
		return nil, err
	}
	if c.DrainDeadline > 0 {
		cfg.Drain.Deadline = c.DrainDeadline
	}
	if e.json {
		cfg.Log.Format = "json"
	}
	return cfg, nil
}

// reload takes the configuration over as a whole or not at all.
func (c *proxyCmd) reload(e *env, name string, a *app.App, log zerolog.Logger) {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err == nil {
		tell(log, fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000))
	}
	cfg, err := c.load(e, name)
	if err == nil {
		err = a.Reload(context.Background(), cfg)
	}
	if err != nil {
		log.Error().Err(err).Msg("the new configuration is not taken over, the old one stays in force: correct it and send SIGHUP again")
	} else {
		log.Info().Str("file", name).Msg("configuration taken over")
	}
	tell(log, "READY=1")
}

func tell(log zerolog.Logger, state string) {
	if err := app.Notify(state); err != nil {
		log.Warn().Err(err).Msg("the service manager was not told")
	}
}

// pprofSocket begins the name of the socket of --pprof.
const pprofSocket = "pprof "

// pprofGate opens the socket of --pprof, or takes the predecessor's over.
func pprofGate(addr string, estate *handover.Estate) (*handover.Gate, error) {
	s, err := estate.Socket(pprofSocket + addr)
	if err != nil {
		return nil, err
	}
	if s == nil {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("listen for --pprof: %w", err)
		}
		s = l.(*net.TCPListener)
	}
	return handover.NewGate(s), nil
}

// servePprof serves Go's profiles.
func servePprof(l net.Listener, log zerolog.Logger) (stop func()) {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { // ends with stop, or when another process goes on with the socket
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			log.Warn().Err(err).Msg("profiles are not served any more")
		}
	}()
	log.Info().Stringer("address", l.Addr()).Msg("serving profiles")
	return func() { _ = srv.Close() }
}
