package seeder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
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
			warnings, err := s.still(ctx, server)
			if n == 0 {
				warnings = append(warnings, "no running proxy stands in front of "+server+": start it before anybody reads the rows")
			}
			return n, warnings, err
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

// still warns of proxies in front of server that have fallen silent: one that was
// stopped (a suspended machine, a debugger) passes what came meanwhile before it
// looks into the registry again.
func (s *Seeder) still(ctx context.Context, server string) (out []string, err error) {
	ws, err := s.Store.Silent(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask which proxies have fallen silent: %w", err)
	}
	host, _ := os.Hostname()
	for _, w := range ws {
		if !slices.Contains(w.Servers, server) || w.Host == host && errors.Is(syscall.Kill(w.PID, 0), syscall.ESRCH) {
			continue
		}
		out = append(out, fmt.Sprintf("the proxy on %s (process %d) has given no sign of life since %s: if it died, nothing is lost; if it stands still, it may pass rows for a moment before it watches the new values: look at it",
			w.Host, w.PID, w.Seen.Local().Format("15:04:05")))
	}
	return out, nil
}
