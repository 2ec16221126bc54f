package pgsql

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Command is the hidden subcommand with which the program starts itself again
// as a parser worker.
const Command = "parse-worker"

// workerEnv tells a worker its limit: bytes of memory beyond what it has at its
// start. It marks the process too, so that nobody becomes one by an argument.
const workerEnv = "HONEYROW_PARSE_WORKER"

// cpuSeconds is how much processor time one statement may take. The parent's
// clock is stricter; this one holds when the parent is stopped or swapped out.
const cpuSeconds = 10

// wired says that ServeIfWorker was called: only then does it make sense to start
// this program again. One that does not serve would do its usual work instead.
var wired atomic.Bool

func isWorker() bool {
	return len(os.Args) == 2 && os.Args[1] == Command && os.Getenv(workerEnv) != ""
}

func init() {
	// The C parser recurses, so it runs on the first thread: the only one whose
	// stack grows up to a limit that can be set while the process runs. The main
	// goroutine is on that thread for sure only if it is tied to it here.
	if isWorker() {
		runtime.LockOSThread()
	}
}

// ServeIfWorker serves and ends the process if it was started as a parser
// worker; otherwise it returns at once. Whoever uses a Parser calls it first
// thing in main, or TestMain: before flags are read or anything is opened.
func ServeIfWorker() {
	if !isWorker() {
		wired.Store(true)
		return
	}
	out, err := divert(os.Stdout)
	if err == nil {
		err = ServeWorker(os.Stdin, out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "honeyrow "+Command+":", err)
		os.Exit(2)
	}
	os.Exit(0)
}

// ServeWorker answers requests from in on out until in ends. It takes over the
// process: limits its memory, files and processor time, drops core dumps and
// ignores the signals that a terminal or service manager sends to all processes
// of a service; it ends with the pipe, or with the process that started it.
func ServeWorker(in, out *os.File) error {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	memory, _ := strconv.ParseInt(os.Getenv(workerEnv), 10, 64)
	if err := confine(memory); err != nil {
		return fmt.Errorf("cannot limit itself: %w", err)
	}
	debug.SetMemoryLimit(64 << 20) // a target for the collector; the limit is confine's
	return serve(in, out, answer)
}

// serve is the worker's loop. renew gives the next statement its processor time.
func serve(in io.Reader, out io.Writer, answer func(b, text []byte) []byte) error {
	r := bufio.NewReaderSize(in, 4<<10)
	reply := append(appendHead(nil, 0, 1+len(hello)), replyHello)
	if _, err := out.Write(append(reply, hello...)); err != nil {
		return err
	}
	var buf []byte
	for {
		id, text, grown, err := readFrame(r, buf, maxText)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		buf = grown
		if err := renew(); err != nil {
			return err
		}
		reply = answer(appendHead(reply[:0], id, 0), text)
		if len(reply)-headSize > maxReply {
			reply = append(append(reply[:headSize], replyLimit), "the trees are too large"...)
		}
		binary.LittleEndian.PutUint32(reply, uint32(len(reply)-4))
		if _, err := out.Write(reply); err != nil {
			return err
		}
		if cap(reply) > 256<<10 {
			reply = nil
		}
	}
}

// answer appends the reply to one text: the status and the body.
func answer(b, text []byte) []byte {
	trees, err := parse(text)
	var syntax *SyntaxError
	switch {
	case err == nil:
		return appendTrees(append(b, replyTrees), trees)
	case errors.As(err, &syntax):
		b = binary.AppendUvarint(append(b, replySyntax), uint64(syntax.Place))
		return append(b, syntax.Message...)
	case errors.Is(err, ErrEncoding):
		return append(b, replyEncoding)
	}
	return append(append(b, replyLimit), strings.TrimPrefix(err.Error(), ErrLimit.Error()+": ")...)
}

// short cuts a message.
func short(s string) string {
	const most = 200
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
