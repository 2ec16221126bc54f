package app

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
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
	"honeyrow/internal/config"
	"honeyrow/rules"
)

// buildDesk opens the sinks, those of rules' programs too, and puts a desk
// before them.
func (a *App) buildDesk(c *Config, set *rules.Set) (*alert.Desk, error) {
	all := append(slices.Clone(c.Alerts.Sinks), programSinks(set)...)
	sinks, err := sink.NewAll(all, sink.Deps{Console: a.out})
	if err != nil {
		return nil, err
	}
	return alert.NewDesk(a.store, sinks, c.Alerts.alertConfig, a.log), nil
}

// openSinks opens all sinks of the configuration, or none.
func (c *Config) openSinks(out io.Writer) ([]alert.Sink, error) {
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
			Program: program.Config{Argv: p.Argv, RunTimeout: p.Timeout, Once: true, Rules: []string{r.ID}},
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

// checkSink reports why a sink can't be used now, without sending anything.
func checkSink(ctx context.Context, c sink.Config) error {
	switch c.Type {
	case "file":
		return checkFile(c.File.Path)
	case "program":
		return c.Program.Check()
	case "webhook":
		return checkWebhook(ctx, c)
	}
	return nil
}

func checkFile(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		return f.Close()
	}
	if !os.IsNotExist(err) {
		return err
	}
	dir := filepath.Dir(path)
	for { // the sink makes missing folders
		if _, err := os.Stat(dir); err == nil || !os.IsNotExist(err) || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	probe, err := os.CreateTemp(dir, ".honeyrow-doctor-*")
	if err != nil {
		return err
	}
	probe.Close()
	return os.Remove(probe.Name())
}

// checkWebhook reads the secret and connects to the receiver. Errors do not
// show the URL, since it may hold a secret.
func checkWebhook(ctx context.Context, c sink.Config) error {
	w := c.Webhook
	if w.SecretFile != "" || w.SecretEnv != "" {
		if _, err := config.ReadSecret("secret", w.SecretFile, w.SecretEnv); err != nil {
			return err
		}
	}
	text := w.URL
	if text == "" {
		s, err := config.ReadSecret("url", w.URLFile, w.URLEnv)
		if err != nil {
			return err
		}
		text = s.Reveal()
	}
	u, err := url.Parse(text)
	if err != nil {
		return fmt.Errorf("its URL can't be read")
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return fmt.Errorf("the receiver can't be reached: %w", err)
	}
	return conn.Close()
}
