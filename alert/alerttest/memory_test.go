package alerttest

import (
	"testing"
	"time"

	"honeyrow/alert"
)

func TestMemoryBehavesAsEveryOutboxMust(t *testing.T) {
	Run(t, func(_ *testing.T, now func() time.Time) alert.Store { return &Memory{Now: now} })
}
