package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"honeyrow/demo/receiver"
	"honeyrow/demo/shop"
)

// job is one part of the story as a program of its own, for an environment of
// several machines or containers: docker/compose.yaml runs one in each.
type job struct {
	name, help string
	// setup registers flags and returns what runs after they are parsed.
	setup func(*flag.FlagSet) func(context.Context, io.Writer) error
}

func jobs() []job {
	return []job{
		{"prepare", "make passwords, keys and a certificate, in a folder for each reader", prepareJob},
		{"load", "load the business into an empty PostgreSQL or MySQL", loadJob},
		{"plant", "check, plan, plant and verify with honeyrow's own command line", plantJob},
		{"shop", "run the vulnerable web shop", shopJob},
		{"receive", "run the alert receiver", receiveJob},
		{"story", "play the acts and expect exactly their alerts", storyJob},
		{"healthy", "end with 0 if a URL answers 200: for health checks", healthyJob},
	}
}

// runJob runs the job that args name. It reports whether there is one.
func runJob(ctx context.Context, args []string, out io.Writer) (bool, error) {
	for _, j := range jobs() {
		if len(args) == 0 || args[0] != j.name {
			continue
		}
		fs := flag.NewFlagSet("demo "+j.name, flag.ContinueOnError)
		do := j.setup(fs)
		if err := fs.Parse(args[1:]); err != nil {
			return true, err
		}
		if fs.NArg() > 0 {
			return true, fmt.Errorf("%s takes no argument %q: see demo %s -help", j.name, fs.Arg(0), j.name)
		}
		if err := do(ctx, out); err != nil {
			return true, fmt.Errorf("%s: %w", j.name, err)
		}
		return true, nil
	}
	return false, nil
}

func shopJob(fs *flag.FlagSet) func(context.Context, io.Writer) error {
	listen := fs.String("listen", "127.0.0.1:8080", "where visitors connect")
	address := fs.String("database", "127.0.0.1:6432", "the database, through the proxy")
	secrets := fs.String("secrets", ".", "folder with server.crt and shop_web.password")
	kind := productFlag(fs)
	return func(ctx context.Context, out io.Writer) error {
		w, err := openWay(*kind, *address, *secrets)
		if err != nil {
			return err
		}
		s, err := w.openShop(*listen)
		if err != nil {
			return err
		}
		defer s.Close()
		fmt.Fprintf(out, "the shop is open: %s\n", s.SearchURL("lamp"))
		<-ctx.Done()
		return nil
	}
}

func receiveJob(fs *flag.FlagSet) func(context.Context, io.Writer) error {
	listen := fs.String("listen", "127.0.0.1:8080", "where alerts are posted")
	secret := fs.String("secret", "webhook.secret", "file with the secret of their signatures")
	return func(ctx context.Context, out io.Writer) error {
		text, err := readSecret(*secret)
		if err != nil {
			return err
		}
		r, err := receiver.Start(*listen, receiver.Options{Secret: []byte(text), Out: out, Color: isTerminal(out)})
		if err != nil {
			return err
		}
		defer r.Close()
		fmt.Fprintf(out, "waiting for signed alerts on %s\n", r.URL)
		<-ctx.Done()
		return nil
	}
}

func healthyJob(fs *flag.FlagSet) func(context.Context, io.Writer) error {
	url := fs.String("url", "http://127.0.0.1:8080/healthz", "what is asked")
	return func(ctx context.Context, _ io.Writer) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		_, err := get(ctx, *url)
		return err
	}
}

func productFlag(fs *flag.FlagSet) *string {
	return fs.String("product", "postgres", "what the database is: postgres, mysql or mariadb")
}

// openShop opens the vulnerable shop over the database that the way leads to.
func (w way) openShop(listen string) (*shop.Shop, error) {
	db, err := w.product.open(w, "shop_web", "shop")
	if err != nil {
		return nil, fmt.Errorf("the shop's database: %w", err)
	}
	return shop.Open(listen, db, w.product.dialect())
}

// openWay makes a way to a database of the named product at address with the
// passwords that the folder holds.
func openWay(name, address, secrets string) (way, error) {
	p, err := pickProduct(name)
	if err != nil {
		return way{}, err
	}
	w := way{product: p, certificate: filepath.Join(secrets, "server.crt"), passwords: map[string]string{}}
	if err := w.lead(address); err != nil {
		return w, err
	}
	files, err := filepath.Glob(filepath.Join(secrets, "*"+passwordFile))
	if err != nil {
		return w, err
	}
	if len(files) == 0 {
		return w, fmt.Errorf("no password in %s: run `demo prepare` first", secrets)
	}
	for _, f := range files {
		role := strings.TrimSuffix(filepath.Base(f), passwordFile)
		if w.passwords[role], err = readSecret(f); err != nil {
			return w, err
		}
	}
	return w, nil
}

func readSecret(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(b))
	if text == "" {
		return "", fmt.Errorf("%s is empty", file)
	}
	return text, nil
}

// fetchAlerts reads an alert receiver from an offset on.
func fetchAlerts(ctx context.Context, url string) func(offset int64) ([]byte, error) {
	return func(offset int64) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s?from=%d", url, offset), nil)
		if err != nil {
			return nil, err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			return nil, err
		}
		if res.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s: %s", url, res.Status)
		}
		if from := res.Header.Get("X-From"); offset > 0 && from != fmt.Sprint(offset) {
			return nil, fmt.Errorf("the receiver has let go of alerts that were not read yet: it has them from %s on, wanted from %d", from, offset)
		}
		return b, nil
	}
}
