package app

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"honeyrow/alert"
	"honeyrow/alert/render"
	"honeyrow/alert/sink"
	"honeyrow/alert/sink/program"
	"honeyrow/event"
	"honeyrow/rules"
)

// buildDesk opens the sinks, those of rules' programs too, and puts a desk
// before them.
func (a *App) buildDesk(c *Config, set *rules.Set) (*alert.Desk, error) {
	all := append(slices.Clone(c.Alerts.Sinks), programSinks(set)...)
	routes, err := sink.NewAll(all, sink.Deps{Console: a.out})
	if err != nil {
		return nil, err
	}
	return alert.NewDesk(a.store, routes, c.Alerts.alertConfig, a.log, alert.DeskOptions{
		Spill: a.store.Spill(c.Alerts.SpillPath), Trouble: a.outbox.recorderFared,
	}), nil
}

// openSinks opens all sinks of the configuration, or none.
func (c *Config) openSinks(out io.Writer) ([]alert.Route, error) {
	return sink.NewAll(c.Alerts.Sinks, sink.Deps{Console: out})
}

// programSink begins the names of the sinks that run rules' programs.
const programSink = "rule."

// programSinks are the sinks that run what rules want to be run: once for each
// detection, through the outbox as any other.
func programSinks(set *rules.Set) []sink.Config {
	var out []sink.Config
	for _, r := range set.Programs() {
		p := r.Actions.Program
		out = append(out, sink.Config{
			Name: programSink + r.ID, Type: "program",
			Policy:  alert.Policy{Only: alert.Filter{Rules: []string{r.ID}}, NoDrills: true},
			Options: &program.Config{Argv: p.Argv, RunTimeout: p.Timeout, Once: true},
		})
	}
	return out
}

// sinks checks the list of sinks. It opens none.
func (v *checker) sinks() {
	names := map[string]string{}
	for i, s := range v.c.Alerts.Sinks {
		key := fmt.Sprintf("alerts.sinks[%d]", i)
		v.wrap(key, s.Validate())
		if err := s.Retry.Or(v.c.Alerts.Retry).Validate(); err != nil {
			v.wrap(key+".retry", err)
		}
		if strings.HasPrefix(s.Name, programSink) {
			v.fail(key+".name", "%q: names that begin with %s are those of rules' programs: choose another", s.Name, programSink)
		}
		if s.Name != "" {
			v.name(names, key, s.Name)
		}
	}
}

// PrintDetection writes d for a person.
func PrintDetection(w io.Writer, d *event.Detection, color bool) error {
	_, err := io.WriteString(w, render.Text(d, render.Options{Color: color, Zone: time.Local})+"\n")
	return err
}
