package pgsql

import (
	"fmt"
	"sync"
	"time"

	"honeyrow/engine/sqlfacts"
)

// job is one text on its way through a worker.
type job struct {
	text  []byte
	shape uint64
	done  chan result // of capacity 1: nobody may be waiting any more
}

type result struct {
	trees []*sqlfacts.Node
	err   error
}

// steady is how many statements a worker has to serve before its deaths are
// forgotten: the pause that follows the next one is the first again.
const steady = 100

// worker is one place for a process, and the goroutine that owns it.
type worker struct {
	parser *Parser
	jobs   chan *job       // of capacity 1
	wake   chan chan error // Warm's: have the process ready
	falls  int             // deaths and failed starts in a row
	served int             // statements since the last of them

	mu   sync.Mutex
	proc *process // set by run's goroutine only
}

// run takes jobs until the parser is closed.
func (w *worker) run() {
	defer w.drop()
	for {
		select {
		case j := <-w.jobs:
			pause := w.handle(j)
			for pause > 0 {
				if !w.pause(pause) {
					return
				}
				if pause = 0; w.parser.warm.Load() {
					pause, _ = w.ready()
				}
			}
			w.parser.push(w)
		case done := <-w.wake: // a job that comes meanwhile waits in jobs
			_, err := w.ready()
			done <- err
		case <-w.parser.closing:
			return
		}
	}
}

// pause keeps the worker out of use, and says whether the parser is still open.
func (w *worker) pause(d time.Duration) bool {
	w.parser.down.Add(1)
	defer w.parser.down.Add(-1)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-w.parser.closing:
		return false
	}
}

// ready starts the process, if it is not there. If that fails, it is reported, and
// the worker should pause.
func (w *worker) ready() (pause time.Duration, err error) {
	if w.proc != nil {
		return 0, nil
	}
	if err = w.start(); err != nil && !w.parser.isClosed() {
		pause = w.unstarted(err)
	}
	return pause, err
}

// handle answers a job, and says how long the worker is to pause then.
func (w *worker) handle(j *job) time.Duration {
	p := w.parser
	for attempt := 1; ; attempt++ {
		if w.proc == nil {
			if err := w.start(); err != nil {
				return w.failed(j, err)
			}
		}
		status, body, err := w.proc.ask(j.text, p.config.Timeout)
		if err == nil {
			var r result
			if r, err = p.understand(status, body); err == nil {
				if w.served++; w.served >= steady {
					w.falls = 0
				}
				j.done <- r
				return 0
			}
		}
		end := w.end(err)
		if p.isClosed() {
			j.done <- result{err: ErrClosed}
			return 0
		}
		p.deaths.Add(1)
		// Somebody else's SIGKILL says nothing about the text, unless it comes
		// twice: the kernel sends one too, to what takes too much memory.
		if end.foreign && attempt == 1 {
			p.report(Death{Text: j.text, Reason: end.reason})
			continue
		}
		// Nor does a clock that has run out, unless a fresh worker has really
		// worked for a good part of the time: the machine may have stood still.
		if end.late && attempt == 1 {
			p.report(Death{Text: j.text, Reason: end.reason})
			continue
		}
		if end.late && end.ran < p.config.Timeout/8 {
			pause := w.fall()
			p.unavailable.Add(1)
			j.done <- result{err: fmt.Errorf("%w: it %s, most of which it did not run", ErrUnavailable, end.reason)}
			p.report(Death{Text: j.text, Reason: end.reason + ", most of which it did not run", Pause: pause, Row: w.falls})
			return pause
		}
		p.killers.add(j.shape)
		pause := w.fall()
		j.done <- result{err: fmt.Errorf("%w: %s", ErrKilled, end.reason)}
		p.report(Death{Text: j.text, Reason: end.reason, Blamed: true, Pause: pause, Row: w.falls})
		return pause
	}
}

// failed answers a job for which no process could be started.
func (w *worker) failed(j *job, err error) time.Duration {
	if w.parser.isClosed() {
		j.done <- result{err: ErrClosed}
		return 0
	}
	w.parser.unavailable.Add(1)
	j.done <- result{err: fmt.Errorf("%w: it could not be started: %w", ErrUnavailable, err)}
	return w.unstarted(err)
}

// unstarted reports that no process could be started, and returns the pause.
func (w *worker) unstarted(err error) time.Duration {
	pause := w.fall()
	w.parser.report(Death{Reason: "could not be started: " + err.Error(), Pause: pause, Row: w.falls})
	return pause
}

// fall counts a death and returns the pause that follows it.
func (w *worker) fall() time.Duration {
	w.served = 0
	w.falls++
	c := &w.parser.config
	pause := c.Pause
	for i := 1; i < w.falls && pause < c.LongestPause; i++ {
		pause *= 2
	}
	return min(pause, c.LongestPause)
}

// start starts the process and waits for its hello.
func (w *worker) start() error {
	proc, err := w.parser.launch()
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.proc = proc
	w.mu.Unlock()
	if w.parser.isClosed() { // interrupt may have come before
		w.drop()
		return ErrClosed
	}
	w.parser.starts.Add(1)
	if err := proc.greet(w.parser.patience); err != nil {
		end := w.end(err)
		return fmt.Errorf("it did not greet: %s", end.reason)
	}
	return nil
}

// end makes sure that the process is gone and says why it is.
func (w *worker) end(err error) ending {
	w.mu.Lock()
	proc := w.proc
	w.proc = nil
	w.mu.Unlock()
	return proc.end(err)
}

// drop ends the process, if there is one.
func (w *worker) drop() {
	if w.proc != nil {
		w.end(ErrClosed)
	}
}

// interrupt makes whatever run waits for at the process fail at once.
func (w *worker) interrupt() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.proc != nil {
		w.proc.interrupt()
	}
}

// isClosed says whether Close was called.
func (p *Parser) isClosed() bool {
	select {
	case <-p.closing:
		return true
	default:
		return false
	}
}

// understand turns a reply into what Parse returns. An error means that the
// worker has lost its wits.
func (p *Parser) understand(status byte, body []byte) (result, error) {
	switch status {
	case replyTrees:
		trees, err := decodeTrees(body)
		if err != nil {
			return result{}, err
		}
		p.parsed.Add(1)
		return result{trees: trees}, nil
	case replySyntax:
		d := decoder{text: string(body)}
		place, ok := d.number(maxText + 1)
		if !ok {
			return result{}, errCode
		}
		p.refused.Add(1)
		return result{err: &SyntaxError{Message: short(d.text[d.at:]), Place: place}}, nil
	case replyLimit:
		p.limited.Add(1)
		return result{err: fmt.Errorf("%w: %s", ErrLimit, short(string(body)))}, nil
	case replyEncoding:
		p.limited.Add(1)
		return result{err: ErrEncoding}, nil
	}
	return result{}, fmt.Errorf("a reply of the unknown status %#02x", status)
}
