package seeder

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// watched waits until every running proxy in front of server watches what the
// registry holds now. It returns how many there are.
func (s *Seeder) watched(ctx context.Context, server string, o *ApplyOptions) (int, []string, error) {
	snap, err := s.Store.Snapshot(ctx)
	if err != nil {
		return 0, nil, fmt.Errorf("read registry: %w", err)
	}
	deadline := time.NewTimer(o.WatchTimeout)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for over := false; ; {
		ws, err := s.Store.Watchers(ctx)
		if err != nil {
			return 0, nil, fmt.Errorf("ask which proxies are running: %w", err)
		}
		var late []string
		n := 0
		for _, w := range ws {
			if !slices.Contains(w.Servers, server) {
				continue
			}
			n++
			if w.Version < snap.Version {
				late = append(late, fmt.Sprintf("%s (process %d)", w.Host, w.PID))
			}
		}
		if len(late) == 0 {
			if n == 0 {
				return 0, []string{"no running proxy stands in front of " + server + ": start it before anybody reads the rows"}, nil
			}
			return n, nil, nil
		}
		if over {
			msg := fmt.Sprintf("%d of %d running proxies do not watch the new values after %s: %s", len(late), n, o.WatchTimeout, strings.Join(late, ", "))
			if o.Force {
				return n - len(late), []string{msg}, nil
			}
			return n, nil, fmt.Errorf("%s; nothing was planted: look at their logs, or go on with --force", msg)
		}
		o.progress("wait", "", n-len(late), n)
		select {
		case <-ctx.Done():
			return n, nil, ctx.Err()
		case <-tick.C:
		case <-deadline.C:
			over = true // one look more: they may have caught up while this process stood still
		}
	}
}
