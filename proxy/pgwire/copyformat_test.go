package pgwire

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestFormatOfACopyIsReadFromItsStatement(t *testing.T) {
	for sql, want := range map[string]string{
		"select 1":                                                              "",
		"copy t from stdin":                                                     "",
		"copy t to stdout":                                                      `text "\t"`,
		"COPY t TO STDOUT (FORMAT csv)":                                         `csv ",""\""`,
		"copy t to stdout csv":                                                  `csv ",""\""`,
		"copy t to stdout (format 'csv')":                                       `csv ",""\""`,
		"copy t to StdOut (delimiter '@')":                                      `text "@"`,
		"copy t to stdout with delimiter '|'":                                   `text "|"`,
		"copy t to stdout using delimiters '|' with null as ''":                 `text "|"`,
		"copy t to stdout (format csv, quote 'e', force_quote *)":               `csv ",""e""e"`,
		"copy t to stdout csv quote as '''' escape as E'\\x40'":                 `csv ",""'""@"`,
		"copy t to stdout (delimiter $$#$$)":                                    `text "#"`,
		"copy t to stdout (delimiter $a$#$a$)":                                  `text "#"`,
		`copy t to stdout (delimiter U&'\0040')`:                                `text "@"`,
		`copy t to stdout (delimiter e'\t')`:                                    `text "\t"`,
		`copy t to stdout (delimiter e'\100')`:                                  `text "@"`,
		"copy t to /* stdout (delimiter ';') */ stdout(delimiter '|')":          `text "|"`,
		"copy (select 'stdout (delimiter ''a'')') to stdout":                    `text "\t"`,
		"copy t to stdout -- (delimiter '|')":                                   `text "\t"`,
		"select 1; copy t to stdout (delimiter '#'); copy u to stdout":          `text "#" text "\t"`,
		"copy t to stdout (delimiter":                                           `text "\t"`,
		`copy "stdout" to stdout (delimiter '_')`:                               `text "_"`,
		"copy t to stdout (/* /* */ '*/ delimiter/**/'_'":                       `text "_"`,
		";; \n copy t to stdout (delimiter '_');":                               `text "_"`,
		"-- x\ncopy t to stdout (delimiter '_')":                                `text "_"`,
		"/**/ copy t to stdout (delimiter '_')":                                 `text "_"`,
		"copy " + strings.Repeat("s", 1000) + " S STDOU stdout (delimiter '_')": `text "_"`,
		"copy t to stdout (delimiter '_', null 'it''s', encoding 'SJIS'":        `text "_"`,
		"copy t to stdout (format csv, quote e)":                                `csv ",""e""e"`,
		"copy t to stdout (FORMAT CSV, QUOTE E)":                                `csv ",""e""e"`,
		`copy t to stdout ("format" "csv", "quote" "e")`:                        `csv ",""e""e"`,
		`copy t to stdout (format csv, quote x, escape "E")`:                    `csv ",""x""E"`,
		`copy t to stdout (U&"quot\0065" 'e', format csv)`:                      `csv ",""e""e"`,
		`copy t to stdout (U&"quot!0065" uescape '!' 'e', format csv)`:          `csv ",""e""e"`,
		`copy t to stdout (format csv, quote U&"\+000065")`:                     `csv ",""e""e"`,
		"copy t to stdout (format csv, quote U&'!0065' uescape '!')":            `csv ",""e""e"`,
		"copy t to stdout (format csv, quote ''\n -- '\n 'e')":                  `csv ",""e""e"`,
		"copy t to stdout (format csv, quote e''\r'\\x65')":                     `csv ",""e""e"`,
		"copy t to stdout (format csv, quote 2)":                                `csv ",""2""2"`,
		"copy t to stdout (format csv, quote 'e' 'x')":                          `csv ",""e""e"`,
		strings.Repeat("copy t to stdout;", 300) + "copy t to stdout (quote e)": `text "\t" text "\t"`,
	} {
		var got []string
		for _, c := range copyFormats([]byte(sql)) {
			if c.csv {
				got = append(got, fmt.Sprintf("csv %q%q%q", string(c.delim), string(c.quote), string(c.escape)))
			} else {
				got = append(got, fmt.Sprintf("text %q", string(c.delim)))
			}
		}
		if g, w := strings.Join(got, " "), strings.ReplaceAll(want, `csv ",""\""`, `csv ",""\"""\""`); g != w {
			t.Errorf("%.80s: %s, want %s", sql, g, w)
		}
	}
}

func TestValuesOfAnOddCopyAreShownAsTheyWere(t *testing.T) {
	for _, c := range []struct {
		f    copyFormat
		line string
		want []string
	}{
		{copyFormat{delim: '@'}, `1@a\@b.example@x\\y\tz`, []string{"1", "a@b.example", "x\\y\tz"}},
		{copyFormat{csv: true, delim: ',', quote: 'e', escape: 'e'}, `eeexampleee,x`, []string{"example", "x"}},
		{copyFormat{csv: true, delim: ',', quote: '"', escape: '@'}, `"a@@b@"c",,d`, []string{`a@b"c`, "", "d"}},
		{copyFormat{csv: true, delim: ',', quote: '"', escape: '"'}, `"open`, []string{"open"}},
		{copyFormat{delim: '@'}, ``, []string{""}},
	} {
		k := copyReader{copyFormat: c.f}
		buf, spans := k.fields(nil, nil, []byte(c.line))
		var got []string
		for _, s := range spans {
			got = append(got, string(buf[s.Off:s.Off+s.Len]))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.line, got, c.want)
		}
	}
}

// A value may stand anywhere in a row that is too large to hold, cut anywhere.
func TestAPieceOfAnOddCopyIsShownAsItWas(t *testing.T) {
	const value = `say "hello", see@other.example\x`
	for _, c := range []copyFormat{
		{csv: true, delim: ',', quote: 'e', escape: 'e'},
		{csv: true, delim: ',', quote: '"', escape: 'l'},
		{csv: true, delim: 'o', quote: '\'', escape: '"'},
		{delim: '@'},
	} {
		line := strings.NewReplacer("\\", "\\\\", "@", "\\@").Replace(value) + "@1\n"
		if c.csv {
			q, e := string(c.quote), string(c.escape)
			text := strings.ReplaceAll(value, e, e+e)
			if q != e {
				text = strings.ReplaceAll(text, q, e+q)
			}
			line = "1" + string(c.delim) + q + "first\n" + text + q + "\n"
		}
		for at := range len(line) {
			k := copyReader{copyFormat: c}
			got := string(k.piece(k.piece(nil, []byte(line[:at])), []byte(line[at:])))
			if !strings.Contains(got, value) {
				t.Fatalf("%+v, cut at %d of %q: %q", c, at, line, got)
			}
		}
		k := copyReader{copyFormat: c}
		var got []string
		for part := range strings.Lines(line) {
			buf, spans := k.fields(nil, nil, []byte(strings.TrimSuffix(part, "\n")))
			for _, s := range spans {
				got = append(got, string(buf[s.Off:s.Off+s.Len]))
			}
		}
		if !slices.Contains(got, value) {
			t.Errorf("%+v: %q in lines is read as %q", c, line, got)
		}
	}
}

func FuzzCopyFormat(f *testing.F) {
	f.Add([]byte("copy t to stdout (format csv, quote 'e', escape U&'\\0040', delimiter e'\\x2c')"), []byte(`ee,"a\@b"`))
	f.Add([]byte("copy t to stdout delimiter $q$#$q$ /* /* */"), []byte(`\`))
	f.Fuzz(func(t *testing.T, sql, line []byte) {
		cs := copyFormats(sql)
		if len(cs) > 0 != mentions(sql, "stdout") && len(cs) > 0 {
			t.Fatal("a format without the word")
		}
		if len(cs) > maxCopies {
			t.Fatalf("%d formats", len(cs))
		}
		for _, c := range append(cs, copyFormat{csv: true, delim: ',', quote: '"', escape: '"'}) {
			k := copyReader{copyFormat: c}
			buf, spans := k.fields(nil, nil, line)
			end := int32(0)
			for _, s := range spans {
				if s.Off < end || s.Len < 0 {
					t.Fatalf("span %+v after %d", s, end)
				}
				end = s.Off + s.Len
			}
			if int(end) != len(buf) || len(spans) == 0 {
				t.Fatalf("%d bytes in %d spans up to %d", len(buf), len(spans), end)
			}
			if got := k.piece(nil, line); len(got) > len(line)+1 {
				t.Fatalf("%d bytes became %d", len(line), len(got))
			}
		}
	})
}
