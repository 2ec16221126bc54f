package transcripts

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// mysqlCommands are the messages without arguments, and those with one string.
var mysqlCommands = map[string]byte{
	"Ping": mysql.COM_PING, "Quit": mysql.COM_QUIT, "Statistics": mysql.COM_STATISTICS, "ResetConnection": 0x1f,
	"Query": mysql.COM_QUERY, "Prepare": mysql.COM_STMT_PREPARE, "InitDB": mysql.COM_INIT_DB,
}

// encodeMySQL makes a client's packet from its words: Query "text", Prepare
// "text", InitDB "schema", Ping, Quit, Statistics, ResetConnection, SetOption n,
// FieldList "table" "pattern", Execute id flags ["text" or LONG...], Fetch id n,
// Reset id, Close id, LongData id parameter "bytes", File sequence "bytes",
// Raw sequence "bytes".
func encodeMySQL(w []string) ([]byte, error) {
	if len(w) == 0 {
		return nil, errors.New("no message")
	}
	if cmd, ok := mysqlCommands[w[0]]; ok {
		return framed(0, append([]byte{cmd}, strings.Join(w[1:], " ")...)), nil
	}
	if len(w) < 2 {
		return nil, fmt.Errorf("%s needs an argument", w[0])
	}
	if w[0] == "FieldList" {
		return framed(0, append([]byte{mysql.COM_FIELD_LIST}, w[1]+"\x00"+strings.Join(w[2:], "")...)), nil
	}
	n, err := strconv.ParseUint(w[1], 10, 32)
	if err != nil {
		return nil, err
	}
	id := binary.LittleEndian.AppendUint32(nil, uint32(n))
	switch w[0] {
	case "SetOption":
		return framed(0, append([]byte{mysql.COM_SET_OPTION}, id[:2]...)), nil
	case "Reset":
		return framed(0, append([]byte{mysql.COM_STMT_RESET}, id...)), nil
	case "Close":
		return framed(0, append([]byte{mysql.COM_STMT_CLOSE}, id...)), nil
	}
	if len(w) < 3 {
		return nil, fmt.Errorf("%s needs two arguments", w[0])
	}
	switch w[0] {
	case "File", "Raw":
		return framed(byte(n), []byte(w[2])), nil
	}
	m, err := strconv.ParseUint(w[2], 10, 32)
	if err != nil {
		return nil, err
	}
	switch w[0] {
	case "Fetch":
		return framed(0, binary.LittleEndian.AppendUint32(append([]byte{mysql.COM_STMT_FETCH}, id...), uint32(m))), nil
	case "LongData":
		b := binary.LittleEndian.AppendUint16(append([]byte{mysql.COM_STMT_SEND_LONG_DATA}, id...), uint16(m))
		return framed(0, append(b, strings.Join(w[3:], "")...)), nil
	case "Execute":
		return framed(0, execution(id, byte(m), w[3:])), nil
	}
	return nil, fmt.Errorf("unknown message %s", w[0])
}

// execution is a COM_STMT_EXECUTE with text parameters. The value of LONG was
// sent before.
func execution(id []byte, flags byte, args []string) []byte {
	b := append(append([]byte{mysql.COM_STMT_EXECUTE}, id...), flags, 1, 0, 0, 0)
	if len(args) == 0 {
		return b
	}
	b = append(append(b, make([]byte, (len(args)+7)/8)...), 1)
	for range args {
		b = append(b, mysql.MYSQL_TYPE_VAR_STRING, 0)
	}
	for _, a := range args {
		if a != "LONG" {
			b = append(b, mysql.PutLengthEncodedString([]byte(a))...)
		}
	}
	return b
}

func framed(seq byte, payload []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))
	b[3] = seq
	return append(b, payload...)
}

// What clients of a transcript (@ caps=...) can do besides MySQL 4.1's protocol.
const (
	basicCaps = mysql.CLIENT_PROTOCOL_41 | mysql.CLIENT_SECURE_CONNECTION | mysql.CLIENT_LONG_FLAG | mysql.CLIENT_CONNECT_WITH_DB | mysql.CLIENT_TRANSACTIONS |
		mysql.CLIENT_MULTI_STATEMENTS | mysql.CLIENT_MULTI_RESULTS | mysql.CLIENT_PS_MULTI_RESULTS | mysql.CLIENT_LOCAL_FILES
	eofCaps = basicCaps | mysql.CLIENT_LONG_PASSWORD | mysql.CLIENT_PLUGIN_AUTH
	newCaps = eofCaps | mysql.CLIENT_DEPRECATE_EOF | mysql.CLIENT_SESSION_TRACK
)

// mysqlCaps are the flags and MariaDB's own by the names that files use.
var mysqlCaps = map[string][2]uint32{
	"":        {newCaps, 0},
	"old":     {basicCaps | mysql.CLIENT_LONG_PASSWORD, 0},
	"eof":     {eofCaps, 0},
	"mariadb": {newCaps &^ mysql.CLIENT_LONG_PASSWORD, 1<<2 | 1<<3 | 1<<4}, // bulk, extended and cached metadata
}

// mysqlEnd is a way to the server.
type mysqlEnd struct {
	name, addr string
	tls        bool
}

// mysqlSession is one client.
type mysqlSession struct {
	c  net.Conn
	in *bufio.Reader
	// ids are the server's numbers of the session's prepared statements:
	// MariaDB counts over all sessions, transcripts from 1.
	ids []uint32
}

// numbered returns messages with the server's numbers of statements.
func (s *mysqlSession) numbered(messages [][]byte) [][]byte {
	out := make([][]byte, len(messages))
	for i, m := range messages {
		out[i] = bytes.Clone(m)
		if len(m) < 9 || m[3] != 0 {
			continue
		}
		switch m[4] {
		case mysql.COM_STMT_EXECUTE, mysql.COM_STMT_FETCH, mysql.COM_STMT_RESET, mysql.COM_STMT_CLOSE, mysql.COM_STMT_SEND_LONG_DATA:
			if n := binary.LittleEndian.Uint32(m[5:]); n > 0 && int64(n) <= int64(len(s.ids)) {
				binary.LittleEndian.PutUint32(out[i][5:], s.ids[n-1])
			}
		}
	}
	return out
}

// unknown is where an error names a statement.
var unknown = regexp.MustCompile(`(statement|handler) \([0-9]+\)`)

// learn finds the numbers of statements that were prepared, and puts the
// transcript's own into the answers.
func (s *mysqlSession) learn(messages [][]byte, got []answer) {
	prepares := 0
	for _, m := range messages {
		if len(m) > 4 && m[4] == mysql.COM_STMT_PREPARE {
			prepares++
		}
	}
	for i, a := range got {
		if prepares > 0 && a.typ == "1" && len(a.body) == 12 && a.body[0] == mysql.OK_HEADER {
			prepares--
			s.ids = append(s.ids, binary.LittleEndian.Uint32(a.body[1:]))
			binary.LittleEndian.PutUint32(got[i].body[1:], uint32(len(s.ids)))
		}
		if len(a.body) > 0 && a.body[0] == mysql.ERR_HEADER {
			got[i].body = unknown.ReplaceAll(a.body, []byte("$1 (n)"))
			got[i].size = len(got[i].body)
		}
	}
}

// playMySQL runs a transcript and returns the answers, turn by turn; the first
// are those of the login.
func playMySQL(ctx context.Context, t *transcript, at mysqlEnd, cut cutting) ([][]answer, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", at.addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	s := &mysqlSession{c: c, in: bufio.NewReaderSize(c, 64<<10)}
	login, err := s.login(t, at.tls)
	all := [][]answer{login}
	if err != nil {
		return all, fmt.Errorf("login: %w", err)
	}
	for i, turn := range t.turns[1:] {
		messages := s.numbered(turn.send)
		sent := make(chan error, 1)
		go func() { sent <- send(s.c, messages, cut) }()
		got, err := s.read(turn.until)
		s.learn(messages, got)
		all = append(all, got)
		if err == nil {
			err = <-sent
		}
		if err != nil {
			return all, fmt.Errorf("turn %d: %w", i+2, err)
		}
	}
	return all, s.quiet(t)
}

// quiet makes sure that the last turn took all that the server had to say.
func (s *mysqlSession) quiet(t *transcript) error {
	if last := t.turns[len(t.turns)-1]; last.until[0] == "EOF" {
		return nil
	}
	if _, err := s.c.Write(framed(0, []byte{mysql.COM_PING})); err != nil {
		return err
	}
	a, err := s.packet()
	if err == nil && (a.typ != "1" || a.body[0] != mysql.OK_HEADER) {
		err = fmt.Errorf("the last turn has more packets than its ? says: %s", mysqlLine(a))
	}
	return err
}

func (s *mysqlSession) read(until []string) ([]answer, error) {
	if len(until) != 1 {
		return nil, errors.New("want one number of packets, or EOF")
	}
	var got []answer
	if until[0] == "EOF" {
		a, err := s.packet()
		if err == nil {
			return []answer{a}, errors.New("a packet instead of the end")
		}
		if errors.Is(err, io.EOF) || strings.Contains(err.Error(), "reset") {
			return []answer{{typ: "EOF"}}, nil
		}
		return nil, err
	}
	n, err := strconv.Atoi(until[0])
	if err != nil {
		return nil, err
	}
	for range n {
		a, err := s.packet()
		if err != nil {
			return got, err
		}
		got = append(got, a)
	}
	return got, nil
}

// packet reads one packet; its type is its sequence number.
func (s *mysqlSession) packet() (answer, error) {
	var h [4]byte
	if _, err := io.ReadFull(s.in, h[:]); err != nil {
		return answer{}, err
	}
	a := answer{typ: fmt.Sprint(h[3]), size: int(h[0]) | int(h[1])<<8 | int(h[2])<<16}
	if a.size < keep {
		a.body = make([]byte, a.size)
		_, err := io.ReadFull(s.in, a.body)
		return a, err
	}
	h256 := sha256.New()
	_, err := io.CopyN(h256, s.in, int64(a.size))
	a.body = h256.Sum(nil)
	return a, err
}

// login plays the greeting, TLS if wanted, the client's response, and whatever
// the server asks for until its OK or ERR.
func (s *mysqlSession) login(t *transcript, encrypted bool) ([]answer, error) {
	greeting, err := s.packet()
	if err != nil {
		return nil, err
	}
	all := []answer{greeting}
	o := map[string]string{"user": "app", "password": "secret", "database": "app", "plugin": pluginOf(greeting.body)}
	for _, p := range t.startup {
		o[p[0]] = p[1]
	}
	flags, ok := mysqlCaps[o["caps"]]
	if !ok {
		return all, fmt.Errorf("unknown capabilities %s", o["caps"])
	}
	salt := saltOf(greeting.body)
	proof := proofOf(o["plugin"], salt, o["password"])
	seq := byte(1)
	if encrypted {
		flags[0] |= mysql.CLIENT_SSL
		if _, err := s.c.Write(framed(seq, responseHead(flags))); err != nil {
			return all, err
		}
		seq++
		c := tls.Client(s.c, &tls.Config{InsecureSkipVerify: true}) // the certificate is not what is tested
		s.c, s.in = c, bufio.NewReaderSize(c, 64<<10)
	}
	b := append(responseHead(flags), o["user"]+"\x00"...)
	b = append(append(b, byte(len(proof))), proof...)
	b = append(b, o["database"]+"\x00"...)
	if flags[0]&mysql.CLIENT_PLUGIN_AUTH != 0 {
		b = append(b, o["plugin"]+"\x00"...)
	}
	if _, err := s.c.Write(framed(seq, b)); err != nil {
		return all, err
	}
	full := false
	for over := false; !over; {
		a, err := s.packet()
		if err != nil {
			return all, err
		}
		n, _ := strconv.Atoi(a.typ)
		switch {
		case len(a.body) > 1 && a.body[0] == mysql.EOF_HEADER:
			all = append(all, a)
			name, data, _ := bytes.Cut(a.body[1:], []byte{0})
			salt = bytes.TrimSuffix(data, []byte{0})
			_, err = s.c.Write(framed(byte(n+1), proofOf(string(name), salt, o["password"])))
		case len(a.body) == 2 && a.body[0] == mysql.MORE_DATE_HEADER && a.body[1] == mysql.CACHE_SHA2_FULL_AUTH:
			full = true
			err = s.fullAuthentication(byte(n+1), encrypted, salt, o["password"])
		case len(a.body) == 2 && a.body[0] == mysql.MORE_DATE_HEADER: // the fast one has succeeded
		default:
			if full { // how many packets it takes depends on which legs have TLS
				a.typ = "2"
			}
			all = append(all, a)
			over = true
		}
		if err != nil {
			return all, err
		}
	}
	if encrypted && !full { // the client's request for TLS has taken a number
		for i := range all[1:] {
			n, _ := strconv.Atoi(all[i+1].typ)
			all[i+1].typ = fmt.Sprint(n - 1)
		}
	}
	return all, nil
}

// pluginOf is the plugin that a greeting names, the server's default.
func pluginOf(greeting []byte) string {
	b := bytes.TrimSuffix(greeting, []byte{0})
	return string(b[bytes.LastIndexByte(b, 0)+1:])
}

// proofOf is a plugin's first answer; of any but caching_sha2_password
// mysql_native_password's.
func proofOf(plugin string, salt []byte, password string) []byte {
	if plugin == mysql.AUTH_CACHING_SHA2_PASSWORD {
		return mysql.CalcCachingSha2Password(salt, []byte(password))
	}
	return mysql.CalcNativePassword(salt, []byte(password))
}

// fullAuthentication gives caching_sha2_password the password itself, in a packet
// with the sequence id seq: as it is within TLS, else encrypted for the server's key.
func (s *mysqlSession) fullAuthentication(seq byte, encrypted bool, salt []byte, password string) error {
	if encrypted {
		_, err := s.c.Write(framed(seq, append([]byte(password), 0)))
		return err
	}
	if _, err := s.c.Write(framed(seq, []byte{2})); err != nil {
		return err
	}
	a, err := s.packet()
	if err != nil {
		return err
	}
	block, _ := pem.Decode(a.body[1:])
	if block == nil {
		return errors.New("the server's key is no PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return err
	}
	pub, ok := key.(*rsa.PublicKey)
	if !ok {
		return errors.New("the server's key is no RSA key")
	}
	cipher, err := mysql.EncryptPassword(password, salt, pub)
	if err != nil {
		return err
	}
	_, err = s.c.Write(framed(seq+2, cipher))
	return err
}

// responseHead is the fixed part of a client's response to the greeting.
func responseHead(flags [2]uint32) []byte {
	b := binary.LittleEndian.AppendUint32(nil, flags[0])
	b = append(b, 0, 0, 0, 64, 45)
	b = append(b, make([]byte, 19)...)
	return binary.LittleEndian.AppendUint32(b, flags[1])
}

func saltOf(greeting []byte) []byte {
	at := bytes.IndexByte(greeting, 0) + 5
	return append(bytes.Clone(greeting[at:at+8]), greeting[at+27:at+39]...)
}

// minor is the server's version as far as it may differ between machines.
var minor = regexp.MustCompile(`10\.11\.[^\x00]*MariaDB[^\x00]*`)

var signature = regexp.MustCompile(`[0-9A-F]{64}`)

// recorded reports whether the transcripts hold what the server of this greeting said.
func recorded(greeting answer) bool { return minor.Match(greeting.body) }

// normalLogin takes out of the first turn what differs from one session to the
// next: version, connection id and salts.
func normalLogin(all []answer) []answer {
	out := make([]answer, len(all))
	for i, a := range all {
		a.body = bytes.Clone(a.body)
		switch {
		case i == 0:
			a.body = minor.ReplaceAll(a.body, []byte("10.11.x-MariaDB"))
			at := bytes.IndexByte(a.body, 0) + 1
			clear(a.body[at : at+12])
			clear(a.body[at+31 : at+43])
			a.size = len(a.body)
		case a.body[0] == mysql.OK_HEADER:
			// MariaDB of 11.4 and later signs its certificate, and tells redirect_url,
			// which the proxy renames.
			a.body = signature.ReplaceAll(a.body, bytes.Repeat([]byte("0"), 64))
			a.body = bytes.ReplaceAll(a.body, []byte("redirect_url"), []byte("redirect_off"))
		case a.body[0] == mysql.EOF_HEADER:
			name := bytes.IndexByte(a.body, 0)
			clear(a.body[name:])
		}
		out[i] = a
	}
	return out
}

// mysqlLine is an answer as it stands in the files.
func mysqlLine(a answer) string {
	switch {
	case a.typ == "EOF":
		return "EOF"
	case a.size >= keep:
		return fmt.Sprintf("%s (%d bytes, sha256 %x)", a.typ, a.size, a.body[:8])
	case a.size > 2000:
		return fmt.Sprintf("%s (%d bytes, %q...)", a.typ, a.size, a.body[:16])
	}
	return fmt.Sprintf("%s %q", a.typ, a.body)
}
