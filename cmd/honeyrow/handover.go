package main

import (
	"fmt"
	"net/http"

	"honeyrow/internal/app"
)

type handOverCmd struct{}

// Help is shown by --help.
func (handOverCmd) Help() string {
	return "Has the running proxy start the program anew, as it is on disk now (after an upgrade, the new version) and with the configuration as it is now, " +
		"and give it the listeners. New connections go to the new process, none is refused; open sessions stay with the old one until they end, " +
		"drain.hand_over at most. If the new process can't start, the old one goes on and the command says why. SIGUSR2 does the same.\n\n" +
		"Example: honeyrow hand-over"
}

// Run gives the order.
func (handOverCmd) Run(e *env) error {
	k, err := e.proxyClient()
	if err != nil {
		return err
	}
	var done app.HandedOver
	if err := k.Order(e.ctx, http.MethodPost, "/v1/hand-over", nil, &done); err != nil {
		return err
	}
	if e.json {
		return e.printLine(done)
	}
	fmt.Fprintf(e.stdout, "process %d (honeyrow %s) accepts connections now\n", done.PID, printable(done.Version))
	fmt.Fprintf(e.stdout, "process %d keeps its %s, for %s at most\n", done.Old, counted(done.Sessions, "session until it ends", "sessions until they end"), age(done.Deadline))
	return nil
}
