package mywire

import (
	"honeyrow/event"
	"honeyrow/inspect"
)

// request is a command that the server will answer.
type request struct {
	kind kind
	cmd  byte
	exec *execution
	prep *prepared
	// cursor: COM_STMT_EXECUTE asks for one.
	cursor bool
	// schema becomes the session's with OK.
	schema string
	// charset was the client's before, if the text has named another.
	charset multibyte
	named   bool
	// infile: the text may ask for LOAD DATA LOCAL INFILE.
	infile bool
	// answer is the payload of the ERR packet that takes the OK's place, seq
	// its sequence id.
	answer []byte
	seq    byte
	// user is who the client becomes with OK, auth how it shows that.
	user *event.Client
	auth *reauth
	// dump is the inspector's session of a replication stream.
	dump   inspect.Session
	unpack *unpacker
}

// requests is a FIFO that reuses its space.
type requests struct {
	buf    []*request
	head   int
	silent int // of those in it that have no answer
}

func (q *requests) push(r *request) {
	if r.kind == none {
		q.silent++
	}
	q.buf = append(q.buf, r)
}

// awaited is how many of them the server has still to answer. A command without
// an answer stays in the queue until the next one's comes.
func (q *requests) awaited() int { return len(q.buf) - q.head - q.silent }

func (q *requests) peek() *request {
	if q.head == len(q.buf) {
		return nil
	}
	return q.buf[q.head]
}

func (q *requests) pop() {
	if q.buf[q.head].kind == none {
		q.silent--
	}
	q.buf[q.head] = nil
	q.head++
	if q.head == len(q.buf) {
		q.buf, q.head = q.buf[:0], 0
	} else if q.head > 64 && q.head > len(q.buf)/2 {
		n := copy(q.buf, q.buf[q.head:])
		clear(q.buf[n:])
		q.buf, q.head = q.buf[:n], 0
	}
}
