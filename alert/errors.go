package alert

import (
	"errors"
	"fmt"
	"time"
)

// PermanentError marks a failure that another try cannot mend.
type PermanentError struct{ Err error }

// Permanent wraps err so that the delivery is given up at once.
func Permanent(err error) error { return &PermanentError{err} }

// Error implements error.
func (e *PermanentError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *PermanentError) Unwrap() error { return e.Err }

// IsPermanent reports whether err is marked so.
func IsPermanent(err error) bool {
	_, ok := errors.AsType[*PermanentError](err)
	return ok
}

// RetryAfterError is a failure whose destination named the time to wait.
type RetryAfterError struct {
	Err   error
	After time.Duration // from now
}

// RetryAfter wraps err with the time that the destination asked to wait.
func RetryAfter(err error, after time.Duration) error { return &RetryAfterError{err, after} }

// Error implements error.
func (e *RetryAfterError) Error() string {
	return fmt.Sprintf("%v (asked to wait %s)", e.Err, e.After)
}

// Unwrap gives the cause.
func (e *RetryAfterError) Unwrap() error { return e.Err }
