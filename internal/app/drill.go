package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"honeyrow/alert"
	"honeyrow/event"
)

// Drill is the outcome of a test alert at one sink.
type Drill struct {
	Sink      string   `json:"sink"`
	Detection event.ID `json:"detection"`
	Delivered bool     `json:"delivered"`
	// GivenUp says that nobody tries it again.
	GivenUp bool `json:"given_up,omitempty"`
	// By says who delivered it: "the running proxy" or "this command".
	By    string `json:"by"`
	Error string `json:"error,omitempty"`
}

// drillPoll is how often the outbox is asked whether a running proxy has
// delivered.
const drillPoll = 200 * time.Millisecond

// SendDrill puts a test alert into the outbox for the named sink, or for all
// if it is empty, and waits until it is delivered or ctx ends. A running proxy
// delivers it; without one this process does.
func SendDrill(ctx context.Context, c *Config, st *Store, name string, out io.Writer) ([]Drill, error) {
	var names, all []string
	for _, s := range c.Alerts.Sinks {
		all = append(all, s.Name)
		if name == "" || name == s.Name {
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there is no sink %q in %s: known are %s", name, c.File(), strings.Join(all, ", "))
	}
	dead, err := deadLetters(ctx, st)
	if err != nil {
		return nil, err
	}
	d := alert.DrillDetection(time.Now().UTC())
	if err := st.Put(ctx, []event.Detection{d}, names); err != nil {
		return nil, fmt.Errorf("put the drill into the outbox: %w", err)
	}
	ws, err := st.Watchers(ctx)
	if err != nil {
		return nil, err
	}
	if len(ws) == 0 {
		return deliverDrill(ctx, c, st, d.ID, names, out)
	}
	var ds []Drill
	for _, n := range names {
		ds = append(ds, awaitDrill(ctx, st, d.ID, n, dead[n]))
	}
	return ds, nil
}

func deadLetters(ctx context.Context, st *Store) (map[string]int, error) {
	ss, err := st.Status(ctx)
	if err != nil {
		return nil, err
	}
	dead := map[string]int{}
	for _, s := range ss {
		dead[s.Sink] = s.Dead
	}
	return dead, nil
}

// deliverDrill delivers what is due for the sinks, the drill included.
func deliverDrill(ctx context.Context, c *Config, st *Store, id event.ID, names []string, out io.Writer) ([]Drill, error) {
	routes, err := c.openSinks(out)
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, n := range names {
		wanted[n] = true
	}
	var ds []Drill
	var errs []error
	for _, route := range routes {
		s := route.Sink
		if wanted[s.Name()] {
			before, err := deadLetters(ctx, st)
			errs = append(errs, err)
			r := Drill{Sink: s.Name(), Detection: id, By: "this command"}
			loop := alert.NewLoop(st, s, route.Policy.Retry.Or(c.Alerts.Retry), zerolog.Nop(), alert.LoopOptions{Policy: route.Policy})
			if _, err := loop.Drain(ctx); errors.Is(err, alert.ErrLeased) {
				r = awaitDrill(ctx, st, id, s.Name(), before[s.Name()])
			} else if err != nil {
				r.Error = err.Error()
			} else if why, err := gaveUp(ctx, st, s.Name(), before[s.Name()]); err != nil || why != "" {
				r.Error, r.GivenUp = why, why != ""
				errs = append(errs, err)
			} else {
				r.Delivered = true
			}
			ds = append(ds, r)
		}
		errs = append(errs, s.Close())
	}
	return ds, errors.Join(errs...)
}

// gaveUp returns the last error of a sink that has more dead deliveries than before.
func gaveUp(ctx context.Context, st *Store, sink string, dead int) (string, error) {
	ss, err := st.Status(ctx)
	if err != nil {
		return "", err
	}
	for _, s := range ss {
		if s.Sink == sink && s.Dead > dead {
			return "given up: " + s.LastError, nil
		}
	}
	return "", nil
}

// awaitDrill waits until the running proxy has delivered the drill to one sink.
func awaitDrill(ctx context.Context, st *Store, id event.ID, sink string, dead int) Drill {
	r := Drill{Sink: sink, Detection: id, By: "the running proxy"}
	tick := time.NewTicker(drillPoll)
	defer tick.Stop()
	for {
		pending, err := isPending(ctx, st, sink, id)
		if err == nil && !pending {
			if r.Error, err = gaveUp(ctx, st, sink, dead); err == nil {
				r.Delivered, r.GivenUp = r.Error == "", r.Error != ""
				return r
			}
		}
		select {
		case <-ctx.Done():
			r.Error = lastError(st, sink)
			return r
		case <-tick.C:
		}
	}
}

// isPending reports whether the detection waits for the sink. Due changes
// nothing, so that asking for the far future is only a look.
func isPending(ctx context.Context, st *Store, sink string, id event.ID) (bool, error) {
	ds, err := st.Due(ctx, sink, time.Now().Add(365*24*time.Hour), 1<<20)
	if err != nil {
		return false, err
	}
	for i := range ds {
		if ds[i].Detection.ID == id {
			return true, nil
		}
	}
	return false, nil
}

func lastError(st *Store, sink string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	ss, err := st.Status(ctx)
	if err != nil {
		return err.Error()
	}
	for _, s := range ss {
		if s.Sink == sink && s.LastError != "" {
			return "not delivered in time: " + s.LastError
		}
	}
	return "not delivered in time: look at the proxy's log"
}
