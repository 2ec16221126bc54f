// Package leaks says which goroutines a package's tests have left behind. It is for
// tests only.
package leaks

import (
	"fmt"
	"os"
	"time"

	"go.uber.org/goleak"
)

// patience is how long goroutines may take to end. goleak itself waits half a second,
// which is too short where the machine is busy: what does not end in this time does not
// end at all.
const patience = time.Minute

// Find returns an error that shows the goroutines that go on.
func Find(o ...goleak.Option) error {
	for end := time.Now().Add(patience); ; {
		err := goleak.Find(o...)
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

// After is the exit code of a package's tests, which ended with code: 1 if they went
// well and goroutines go on.
func After(code int) int {
	if code != 0 {
		return code
	}
	if err := Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
