package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"honeyrow/demo/shop"
	"honeyrow/event"
)

// quiet is how long after the last act alerts may come that nobody expected.
const quiet = time.Second

// storyJob plays the acts against a proxy, a shop and a receiver that run
// elsewhere. Whether the proxy refuses is its configuration's affair: the acts
// before and after that are played by two runs.
func storyJob(fs *flag.FlagSet) func(context.Context, io.Writer) error {
	address := fs.String("database", "127.0.0.1:6432", "the database, through the proxy")
	secrets := fs.String("secrets", ".", "folder with server.crt and the actors' passwords")
	known := fs.String("facts", "facts.json", "what `demo plant` wrote")
	shopURL := fs.String("shop", "http://127.0.0.1:8080", "the web shop")
	alerts := fs.String("alerts", "http://127.0.0.1:8081/alerts", "the alert receiver")
	dir := fs.String("dir", "/tmp", "for files that an actor makes")
	kind := productFlag(fs)
	refused := fs.Bool("refused", os.Getenv("STORY_REFUSED") != "", "play what happens once honey-row-read is set to block, instead of the acts before (or set STORY_REFUSED)")
	return func(ctx context.Context, out io.Writer) error {
		p := &printer{w: out, colour: isTerminal(out)}
		f, err := readFacts(*known)
		if err != nil {
			return err
		}
		w, err := openWay(*kind, *address, *secrets)
		if err != nil {
			return err
		}
		w.dir = *dir
		if w.data, err = f.Business.generate(); err != nil {
			return err
		}
		th := &theatre{way: w, shop: &shop.Shop{URL: *shopURL}, decoys: f.decoys(), refuses: *refused}
		l := &ledger{name: *alerts, more: fetchAlerts(ctx, *alerts), entries: map[event.ID]*entry{}}
		if err := l.forget(); err != nil {
			return err
		}
		p.say("%s: %s; %d decoys among them.", w.product.name(), inventory(w.data), th.decoys.rows)
		results, err := playAll(ctx, p, elsewhere{}, th, l, func(a act) bool { return a.refuse == *refused })
		if err != nil {
			return err
		}
		select {
		case <-time.After(quiet):
		case <-ctx.Done():
			return ctx.Err()
		}
		return settle(p, l, []performance{{"", results}})
	}
}

// elsewhere is a proxy that the story can't touch.
type elsewhere struct{}

func (elsewhere) react(context.Context, string) error {
	return errors.New("the proxy runs elsewhere: change its configuration there and send it SIGHUP")
}

func (elsewhere) running() error { return nil }

// forget passes over the alerts of earlier runs.
func (l *ledger) forget() error {
	if err := l.read(); err != nil {
		return fmt.Errorf("read earlier alerts: %w", err)
	}
	for _, e := range l.free() {
		e.act = earlier
	}
	return nil
}

// earlier is the act of alerts that came before the story.
const earlier = 1 << 30
