package seeder

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Busy is the error of Planter.Lock while another session holds the lock.
type Busy struct {
	// Holder describes that session, as far as the role may know of it; empty if
	// nothing is known.
	Holder string
}

// Error says what to do.
func (b *Busy) Error() string {
	who := ""
	if b.Holder != "" {
		who = " (" + b.Holder + ")"
	}
	return "another seeding run is at work in this database" + who + ": wait for its end and try again"
}

const (
	// lockPatience is how long a run waits for another one's lock. A server gives
	// the lock of a run that died back as soon as it notices that the connection is
	// gone, which it does not while it works on that run's last statement.
	lockPatience = 15 * time.Second
	lockEvery    = 100 * time.Millisecond
)

// lock takes the lock that keeps seeders of one database apart. It waits for a
// while for another run, and says whom it waits for: who has crashed and tries
// again should not be told to try again.
func (s *Seeder) lock(ctx context.Context) (unlock func(), err error) {
	patience := s.Patience
	if patience == 0 {
		patience = lockPatience
	}
	over := time.NewTimer(patience)
	defer over.Stop()
	tick := time.NewTicker(lockEvery)
	defer tick.Stop()
	for told := false; ; told = true {
		unlock, err := s.Database.Lock(ctx)
		var busy *Busy
		if !errors.As(err, &busy) {
			return unlock, err
		}
		if !told {
			s.Log.Warn().Str("holder", busy.Holder).Dur("patience", patience).Msg("waiting for another seeding run in this database, or for the server to notice that it is dead")
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-over.C:
			return nil, fmt.Errorf("%w (waited %s)", err, patience)
		case <-tick.C:
		}
	}
}
