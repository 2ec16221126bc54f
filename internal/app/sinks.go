package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
		Spill: a.spill(c), Trouble: a.outbox.recorderFared,
	}), nil
}

// spill is where detections go that cannot be committed. Under systemd it has a
// second place, in memory: the disk of the registry is usually the first one's too,
// and what a process holds itself is gone with it.
func (a *App) spill(c *Config) alert.Spill {
	first := a.store.Spill(c.Alerts.SpillPath)
	dir, _, _ := strings.Cut(os.Getenv("RUNTIME_DIRECTORY"), ":") // systemd.exec(5)
	if !filepath.IsAbs(dir) {
		return first
	}
	name := fmt.Sprintf("spill-%x", sha256.Sum256([]byte(c.Registry.Path)))[:len("spill-")+12] // each registry has a key of its own
	return alert.Spills(first, a.store.Spill(filepath.Join(dir, name)))
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

// SinkState is how the deliveries to a sink stand.
type SinkState struct {
	alert.SinkStatus
	// Configured is false of a sink that is in the configuration no more, or has
	// another name there: what waits for it waits until it is there again.
	Configured bool `json:"configured"`
}

// SinkStates returns the sinks of the configuration, those of rules' programs too,
// and others for which something waits or was given up; sorted by name.
func SinkStates(ctx context.Context, c *Config, st *Store) ([]SinkState, error) {
	set, err := c.RuleSet()
	if err != nil {
		return nil, err
	}
	return c.sinkStates(ctx, st, set)
}

func (c *Config) sinkStates(ctx context.Context, st *Store, set *rules.Set) ([]SinkState, error) {
	ss, err := st.Status(ctx)
	if err != nil {
		return nil, err
	}
	var out []SinkState
	for _, s := range append(slices.Clone(c.Alerts.Sinks), programSinks(set)...) {
		k := SinkState{SinkStatus: alert.SinkStatus{Sink: s.Name}, Configured: true}
		if i := slices.IndexFunc(ss, func(x alert.SinkStatus) bool { return x.Sink == s.Name }); i >= 0 {
			k.SinkStatus = ss[i]
			ss = slices.Delete(ss, i, i+1)
		}
		out = append(out, k)
	}
	for _, s := range ss {
		if s.Pending+s.Dead > 0 {
			out = append(out, SinkState{SinkStatus: s})
		}
	}
	slices.SortFunc(out, func(a, b SinkState) int { return cmp.Compare(a.Sink, b.Sink) })
	return out, nil
}

// warnOfLeftovers logs what waits for sinks that c does not name: whoever renames a
// sink would not learn that its last alerts go nowhere.
func (a *App) warnOfLeftovers(ctx context.Context, c *Config, set *rules.Set) {
	ks, err := c.sinkStates(ctx, a.store, set)
	if err != nil {
		a.log.Warn().Err(err).Msg("it is not known whether deliveries wait for sinks that are gone from the configuration")
		return
	}
	for _, k := range ks {
		if !k.Configured && k.Pending > 0 {
			a.log.Warn().Str("sink", k.Sink).Int("pending", k.Pending).
				Msg("deliveries wait for a sink that is not in the configuration: they are made if a sink of this name is there again, and go with alerts.retention")
		}
	}
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
