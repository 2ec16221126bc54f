package app

import (
	"context"
	"os"
	"time"

	"honeyrow/token"
)

const (
	// beatEvery is how often this proxy tells the registry that it lives;
	// token.Watch forgets it after ten seconds.
	beatEvery = 2 * time.Second
	// storeRetry is the pause after a failure of the registry.
	storeRetry = time.Second
	// storeLog is how often a lasting failure is logged.
	storeLog = time.Minute
)

// beat tells the registry which version this proxy watches. Trouble is logged once
// a minute: the log may be on the disk that is full.
func (a *App) beat(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, beatEvery)
	defer cancel()
	err := a.store.Beat(ctx, token.Watcher{ID: a.id, Host: a.host, PID: os.Getpid(), Servers: a.servers(), Version: a.engine.Version(), Seen: time.Now()})
	a.outbox.beatFared(err)
	if err == nil {
		a.beatLogged.Store(0)
	} else if last := a.beatLogged.Load(); ctx.Err() == nil && (last == 0 || time.Since(a.started) >= time.Duration(last)+storeLog) {
		a.beatLogged.Store(int64(max(time.Since(a.started), 1)))
		a.log.Warn().Err(err).Msg("the registry does not take this proxy's sign of life: `honeyrow seed` will not wait for it")
	}
}

// servers names the servers that this proxy stands before.
func (a *App) servers() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cfg.listenedServers()
}

// beatLoop beats until ctx ends.
func (a *App) beatLoop(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			a.beat(ctx)
		}
	}
}

// leave takes this proxy out of the registry, so that seeders wait no more.
func (a *App) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), beatEvery)
	defer cancel()
	if err := a.store.Leave(ctx, a.id); err != nil {
		a.log.Warn().Err(err).Msg("could not sign off in the registry: it forgets this proxy in ten seconds")
	}
}

// tokenLoop takes over every change of the registry until ctx ends. While the
// registry is lost, the tokens last known are watched on.
func (a *App) tokenLoop(ctx context.Context) {
	var lastLog time.Time
	version := a.engine.Version()
	for ctx.Err() == nil {
		next, err := a.takeOver(ctx, version, !lastLog.IsZero())
		switch {
		case err == nil:
			if !lastLog.IsZero() {
				a.log.Info().Msg("the registry can be read again")
				lastLog = time.Time{}
				a.lost.Store(false)
			}
			version = next
			continue
		case ctx.Err() != nil:
			return
		case time.Since(lastLog) >= storeLog:
			a.lost.Store(true)
			lastLog = time.Now()
			a.log.Error().Err(err).Int("tokens", a.engine.Stats().Tokens).Msg("the registry can't be read: the tokens last known are watched on, new ones are not")
		}
		select {
		case <-ctx.Done():
		case <-time.After(storeRetry):
		}
	}
}

// takeOver waits for a version other than the given one and watches it. After
// a failure it waits only briefly, so as to find out that all is well again.
func (a *App) takeOver(ctx context.Context, version uint64, failed bool) (uint64, error) {
	wait, cancel := ctx, context.CancelFunc(func() {})
	if failed {
		wait, cancel = context.WithTimeout(ctx, storeRetry)
	}
	err := a.store.Wait(wait, version)
	brief := failed && wait.Err() != nil && ctx.Err() == nil
	cancel()
	if err != nil && !brief {
		return 0, err
	}
	if err := a.catchUp(ctx); err != nil {
		return 0, err
	}
	return a.engine.Version(), nil
}

// catchUp watches what the registry holds now and says so.
func (a *App) catchUp(ctx context.Context) error {
	if v, err := a.store.Version(ctx); err != nil || v == a.engine.Version() {
		return err
	}
	a.takeAllowances(ctx)
	snap, err := a.store.Snapshot(ctx)
	if err != nil || snap.Version == a.engine.Version() {
		return err
	}
	a.watch(snap)
	a.beat(ctx)
	a.log.Info().Int("tokens", a.engine.Stats().Tokens).Uint64("registry_version", a.engine.Version()).Msg("tokens changed")
	select {
	case a.kick <- struct{}{}:
	default:
	}
	return nil
}

// learn is the engine's: it must not wait. What does not fit is told again
// when it is seen again after the engine forgets it.
func (a *App) learn(l token.Location) {
	select {
	case a.learned <- l:
	default:
	}
}

// learnLoop writes what the engine learned about tables into the registry.
func (a *App) learnLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case l := <-a.learned:
			batch := []token.Location{l}
			for more := true; more; {
				select {
				case l := <-a.learned:
					batch = append(batch, l)
				default:
					more = false
				}
			}
			if err := a.addLocations(ctx, batch); err != nil && ctx.Err() == nil {
				a.log.Warn().Err(err).Msg("a table's new numbers could not be written to the registry")
			}
		}
	}
}

// addLocations adds to what the registry knows about the columns.
func (a *App) addLocations(ctx context.Context, ls []token.Location) error {
	_, known, err := a.store.Columns(ctx)
	if err != nil {
		return err
	}
	touched := map[token.Location]bool{}
	all := map[token.Location]bool{}
	for _, l := range ls {
		touched[columnOf(l)] = true
		all[l] = true
	}
	for _, l := range known {
		if touched[columnOf(l)] {
			all[l] = true
		}
	}
	out := make([]token.Location, 0, len(all))
	for l := range all {
		out = append(out, l)
	}
	for _, l := range ls {
		a.log.Info().Str("server", l.Server).Str("database", l.Database).Str("table", l.Schema+"."+l.Table).Str("column", l.Column).
			Uint32("table_oid", l.TableOID).Msg("planted column seen under new numbers")
	}
	return a.store.Locate(ctx, out)
}

// columnOf is a location without its numbers.
func columnOf(l token.Location) token.Location {
	l.TableOID, l.Attr = 0, 0
	return l
}
