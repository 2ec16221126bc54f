package app

import (
	"context"
	"time"

	"honeyrow/token"
)

const (
	// expireEvery is how often values whose time has come are let go.
	expireEvery = time.Hour
	// clockJump is by how much the clock on the wall may have been set since the start:
	// one that is wrong by a year would end every watch that it may end.
	clockJump = time.Hour
)

// letGo ends the watch of values that stand in no row any more, since others came in
// their place, when their time is over (token.Token.Until). Nothing else is ever let
// go here: what may stand in a row is a seeder's to end, which looks.
func (a *App) letGo(ctx context.Context) {
	now := time.Now()
	if a.hand.over.Load() { // the new process does
		return
	}
	if jumped(a.started, now) {
		a.log.Warn().Msg("the clock was set by more than an hour since the start: replaced values are watched on until a restart, or the next seed command")
		return
	}
	n, err := a.store.Expire(ctx)
	if err == nil && n > 0 {
		a.log.Info().Int("tokens", n).Msg("replaced values are watched no longer: their time is over")
		err = a.store.Record(ctx, token.Deed{Action: "expired", Version: Version(), Tokens: n, Detail: "replaced values whose time is over are watched no longer"})
	}
	if err != nil && ctx.Err() == nil {
		a.log.Warn().Err(err).Msg("replaced values whose time is over could not be let go: they are watched on")
	}
}

// jumped reports whether the clock on the wall went otherwise than time did.
func jumped(started, now time.Time) bool { return jumpedBy(started.Round(0), started, now) }

// jumpedBy is jumped with what the clock on the wall said at the start, apart from
// started's reading of the monotonic one.
func jumpedBy(wall, started, now time.Time) bool {
	by := now.Round(0).Sub(wall) - now.Sub(started)
	return max(by, -by) > clockJump
}

// letGoLoop lets go until ctx ends.
func (a *App) letGoLoop(ctx context.Context) {
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	for {
		a.letGo(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
