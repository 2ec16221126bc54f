// Package transcripts replays conversations with a PostgreSQL server, message
// by message. Each *.txt file is one session:
//
//	# what it is about
//	@ replication=database            a startup parameter (before all messages)
//	> Parse "s" "select $1::int" 23   messages of the client
//	> Sync
//	? Z                               send them, read until ReadyForQuery
//	< ParseComplete                   what the server answers
//	< ReadyForQuery I
//
// "? Z Z" reads until the second ReadyForQuery; other letters are other message
// types, "EOF" is the end of the connection. Strings are Go's; "ab"*500+"c" is the
// first 500 times and then the second. The answers are recorded from a real server with
//
//	go test ./integration/transcripts -update
//
// and read by the author before they are committed.
//
// The files below mysql are sessions with MariaDB in the same form: see
// encodeMySQL for the messages. There "? 3" reads three packets; each answer is
// its sequence number and its payload. The login is played by itself and is the
// first turn of each file ("? login").
package transcripts

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// transcript is one file.
type transcript struct {
	name    string
	startup [][2]string
	turns   []turn
	lines   []string // of the file
}

// turn is what the client sends and the answer that it waits for.
type turn struct {
	send   [][]byte // messages; nil stands for CloseWrite
	until  []string // message types, or EOF
	expect []string
	// lines[from:to] are those of expect.
	from, to int
}

// load reads a file; encode makes a client's message from its words.
func load(path string, encode func(words []string) ([]byte, error)) (*transcript, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t := &transcript{name: path, lines: strings.Split(strings.TrimRight(string(b), "\n"), "\n")}
	var cur turn
	for i, line := range t.lines {
		kind, rest, _ := strings.Cut(line, " ")
		switch kind {
		case "", "#":
		case "@":
			k, v, _ := strings.Cut(rest, "=")
			t.startup = append(t.startup, [2]string{k, v})
		case ">":
			words, err := fields(rest)
			if err == nil {
				var m []byte
				if m, err = encode(words); err == nil {
					cur.send = append(cur.send, m)
				}
			}
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
			}
		case "?":
			cur.until = strings.Fields(rest)
			cur.from, cur.to = i+1, i+1
			t.turns = append(t.turns, cur)
			cur = turn{}
		case "<":
			if len(t.turns) == 0 {
				return nil, fmt.Errorf("%s:%d: an answer before the first ?", path, i+1)
			}
			last := &t.turns[len(t.turns)-1]
			last.expect = append(last.expect, rest)
			last.to = i + 1
		default:
			return nil, fmt.Errorf("%s:%d: begin the line with #, @, >, ? or <", path, i+1)
		}
	}
	if len(cur.send) > 0 || len(t.turns) == 0 {
		return nil, fmt.Errorf("%s: end with ? and the answer", path)
	}
	return t, nil
}

// record writes the file again with the answers in got.
func (t *transcript) record(got [][]string) error {
	var out []string
	at := 0
	for i, turn := range t.turns {
		out = append(out, t.lines[at:turn.from]...)
		for _, g := range got[i] {
			out = append(out, "< "+g)
		}
		at = turn.to
	}
	out = append(out, t.lines[at:]...)
	return os.WriteFile(t.name, []byte(strings.Join(out, "\n")+"\n"), 0o644)
}

// fields splits a line into words and strings; strings lose their quotes.
func fields(line string) ([]string, error) {
	var words []string
	joined := false
	for line = strings.TrimLeft(line, " "); line != ""; line = strings.TrimLeft(line, " ") {
		if line[0] != '"' {
			w, rest, _ := strings.Cut(line, " ")
			words, line = append(words, w), rest
			continue
		}
		w, rest, err := quoted(line)
		if err != nil {
			return nil, err
		}
		if joined {
			w = words[len(words)-1] + w
			words = words[:len(words)-1]
		}
		words = append(words, w)
		line, joined = strings.CutPrefix(rest, "+")
	}
	return words, nil
}

// quoted takes a string with its repetition off the start of line.
func quoted(line string) (w, rest string, err error) {
	q, err := strconv.QuotedPrefix(line)
	if err != nil {
		return "", "", fmt.Errorf("%w: %s", err, line)
	}
	if w, err = strconv.Unquote(q); err != nil {
		return "", "", err
	}
	rest = line[len(q):]
	if !strings.HasPrefix(rest, "*") {
		return w, rest, nil
	}
	end := strings.IndexAny(rest, " +")
	if end < 0 {
		end = len(rest)
	}
	n, err := strconv.Atoi(rest[1:end])
	return strings.Repeat(w, n), rest[end:], err
}
