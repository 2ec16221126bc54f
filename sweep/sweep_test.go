package sweep

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"

	"honeyrow/event"
	"honeyrow/token"
)

func planted() []token.Token {
	tok := func(id, row, kind, column, value string, s token.Strength) token.Token {
		return token.Token{
			ID: event.ID(id), Row: event.ID(row), Kind: kind, Value: value, Strength: s, State: token.Live,
			Place: event.Place{Server: "main", Database: "crm", Schema: "public", Table: "customers", Column: column},
		}
	}
	removed := tok("gone", "r2", "email", "email", "eva.marsh@decoy-mail.test", token.Strong)
	removed.State = token.Removed
	key := tok("key", "r1", "key", "id", "100234", token.Weak)
	key.Key = true
	return []token.Token{
		tok("mail", "r1", "email", "email", "anna.stone@decoy-mail.test", token.Strong),
		tok("first", "r1", "first_name", "first", "Anna", token.Weak),
		tok("last", "r1", "last_name", "last", "Stoneville", token.Weak),
		tok("phone", "r1", "phone", "phone", "+49 40 5550", token.Firm),
		removed, key,
	}
}

func scan(t testing.TB, s *Scanner, r io.Reader) ([]Finding, Stats) {
	t.Helper()
	var out []Finding
	st, err := s.Scan(t.Context(), r, func(f Finding) error { out = append(out, f); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return out, st
}

func brief(fs []Finding) string {
	var out []string
	for _, f := range fs {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s@%d:%d %s %s", f.Token, f.Line, f.Offset, f.Means, f.Disguise)))
	}
	return strings.Join(out, ", ")
}

func TestPlantedValuesAreFoundInDumpsOfEveryForm(t *testing.T) {
	s := New(planted())
	const mail = "anna.stone@decoy-mail.test"
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "id,mail\n1,bob@example.org\n", ""},
		{"csv", "id,mail\n7,anna.stone@decoy-mail.test\n", "mail@2:10 part"},
		{"inside a sentence", "see anna.stone@decoy-mail.test, or so", "mail@1:4 part"},
		{"an INSERT", "INSERT INTO c VALUES (7,'Bob','+49 40 5550','x');", "phone@1:31 field"},
		{"COPY", "7\tBob\t+49 40 5550\n", "phone@1:6 field"},
		{"part of a longer number", "+49 40 55501", ""},
		{"a name alone", "7,Anna,Smith\n", ""},
		{"two names of one row", "7,Anna,Stoneville\n", "last@1:7 together"},
		{"two names of one row far apart", "Anna," + strings.Repeat("x,", 400) + "Stoneville\n", ""},
		{"a key", "100234,Bob\n", ""},
		{"removed long ago", "eva.marsh@decoy-mail.test", "gone@1:0 part"},
		{"capitals", strings.ToUpper(mail), "mail@1:0 disguised case"},
		{"hexadecimal", "\n" + hex.EncodeToString([]byte(mail)), "mail@2:1 disguised hex"},
	} {
		got, st := scan(t, s, strings.NewReader(c.text))
		if brief(got) != c.want || int(st.Findings) != len(got) || st.Bytes != int64(len(c.text)) {
			t.Errorf("%s: got %q (%+v), want %q", c.name, brief(got), st, c.want)
		}
	}
	got, _ := scan(t, s, strings.NewReader("x "+base64.StdEncoding.EncodeToString([]byte("to "+mail+" from"))))
	if len(got) != 1 || got[0].Disguise != "base64" {
		t.Errorf("base64: %s", brief(got))
	}
}

func TestWhereAStreamIsCutDoesNotMatter(t *testing.T) {
	s := New(planted())
	for _, at := range []int{0, window - 40, window - 7, window, window + carry - 30, window + carry - 3, 2*window + 11} {
		text := strings.Repeat("ordinary,line of words,42\n", at/26+1)[:at]
		text += "\n9,anna.stone@decoy-mail.test,+49 40 5550\n" + strings.Repeat("more,words\n", 9000)
		lines := strings.Count(text[:at], "\n") + 2
		want := fmt.Sprintf("mail@%d:%d part, phone@%d:%d field", lines, at+3, lines, at+30)
		got, st := scan(t, s, iotest.HalfReader(strings.NewReader(text)))
		if brief(got) != want || st.Lines != int64(strings.Count(text, "\n")) {
			t.Errorf("at %d: got %q, %d lines; want %q, %d", at, brief(got), st.Lines, want, strings.Count(text, "\n"))
		}
	}
}

func TestCompressedStreamsAreLookedInto(t *testing.T) {
	s := New(planted())
	text := []byte(strings.Repeat("a,b,c\n", 1000) + "7,anna.stone@decoy-mail.test\n")
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	_, _ = w.Write(text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	zs, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, packed := range map[string][]byte{"gzip": gz.Bytes(), "zstd": zs.EncodeAll(text, nil), "twice": zs.EncodeAll(gz.Bytes(), nil)} {
		got, st := scan(t, s, bytes.NewReader(packed))
		if brief(got) != "mail@1001:6002 part" || st.Packed != map[bool]string{true: "gzip", false: name}[name == "twice"] {
			t.Errorf("%s: got %q, %+v", name, brief(got), st)
		}
	}
	if _, err := s.Scan(t.Context(), bytes.NewReader(gz.Bytes()[:gz.Len()/2]), func(Finding) error { return nil }); err == nil {
		t.Error("a stream that was cut short was taken for whole")
	}
	for _, head := range []string{"PGDMP\x01\x0e", "PK\x03\x04xxxx"} {
		if _, st := scan(t, s, strings.NewReader(head)); st.Warning == "" {
			t.Errorf("%q: no warning that more may be in it", head)
		}
	}
	for name, c := range map[string]struct {
		file []byte
		why  string
	}{
		"customers.csv.gz": {gz.Bytes(), "of a file in the tar archive, at byte 1536: it is compressed"},
		"customers.zip":    {[]byte("PK\x03\x04" + strings.Repeat("x", 99)), "of a file in the tar archive, at byte 1536: it is a zip archive"},
		"customers.csv":    {text, ""},
	} {
		var archive bytes.Buffer
		tw := tar.NewWriter(&archive)
		for i, file := range [][]byte{[]byte("PKWARE"), c.file} {
			if err := tw.WriteHeader(&tar.Header{Name: []string{"readme", name}[i], Size: int64(len(file)), Mode: 0o600}); err != nil {
				t.Fatal(err)
			}
			_, _ = tw.Write(file)
		}
		if err := tw.Close(); err != nil {
			t.Fatal(err)
		}
		if _, st := scan(t, s, bytes.NewReader(archive.Bytes())); (st.Warning == "") != (c.why == "") || !strings.HasPrefix(st.Warning, c.why) {
			t.Errorf("%s in a tar archive: warned %q, want %q", name, st.Warning, c.why)
		}
	}
}

func TestMemoryDoesNotGrowWithTheStream(t *testing.T) {
	s := New(planted())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, st := scan(t, s, io.LimitReader(rows{}, 64<<20))
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 || st.Bytes != 64<<20 {
		t.Errorf("%d bytes were allocated for %d", got, st.Bytes)
	}
}

// rows is a dump without end.
type rows struct{}

func (rows) Read(b []byte) (int, error) {
	const line = "1047\tMaria Lopez\tmaria.lopez@example.org\t+1 212 555 0143\t2024-03-05 10:22:41\tactive\n"
	n := 0
	for n+len(line) <= len(b) {
		n += copy(b[n:], line)
	}
	if n == 0 {
		n = copy(b, line)
	}
	return n, nil
}

func FuzzScan(f *testing.F) {
	f.Add([]byte("7,Anna,Stoneville,anna.stone@decoy-mail.test\n"))
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0})
	s := New(planted())
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = s.Scan(t.Context(), bytes.NewReader(b), func(fd Finding) error {
			if fd.Length <= 0 || fd.Offset < 0 || fd.Line < 1 {
				t.Fatalf("finding %+v", fd)
			}
			return nil
		})
	})
}

// BenchmarkScan is a dump of COPY lines without a planted value.
func BenchmarkScan(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		r := rand.New(rand.NewPCG(1, 2))
		ts := make([]token.Token, n)
		for i := range ts {
			ts[i] = token.Token{
				ID: event.ID(fmt.Sprint(i)), Row: event.ID(fmt.Sprint(i / 4)), Kind: "email", Strength: token.Strength(i % 3), State: token.Live,
				Value: fmt.Sprintf("u%016x", r.Uint64())[:8+i%3*4], Place: event.Place{Table: "t", Column: fmt.Sprint(i % 4)},
			}
		}
		s := New(ts)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			const size = 32 << 20
			b.SetBytes(size)
			for b.Loop() {
				if _, err := s.Scan(b.Context(), io.LimitReader(rows{}, size), func(Finding) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
