package mywire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"honeyrow/inspect/inspecttest"
)

func TestStatementsInMultibyteCharacterSetsAreReadAsTheServerDoes(t *testing.T) {
	for _, tt := range []struct {
		m        multibyte
		in, want string
	}{
		{singleByte, "'\xbf\\' or 1", "'\xbf\\' or 1"},
		{gbk, "'\xbf\\' or 'x'", "'\xbf\xdc' or 'x'"},
		{gbk, "'\xbf' or 'x'", "'\xbf' or 'x'"}, // a quote is never a second byte
		{gbk, "\x80\\", "\x80\\"},
		{sjis, "'\x95\\' \xb1\\", "'\x95\xdc' \xb1\\"},
		{big5, "'\xa5\\' \x95\\", "'\xa5\xdc' \x95\\"},
		{gb18030, "'\x8130\x819' \\", "'\x8130\x819' \\"}, // digits that are some
		{gb18030, "'\x810\x819' \\", "'\x81\xb0\x81\xb9' \\"},
		{gbk, "plain ann@crm.example\xbf", "plain ann@crm.example\xbf"},
	} {
		if got := string(tt.m.appendPlain(nil, []byte(tt.in))); got != tt.want {
			t.Errorf("%d, %q: got %q, want %q", tt.m, tt.in, got, tt.want)
		}
	}
}

func TestTheClientsCharacterSetIsFollowed(t *testing.T) {
	for sql, want := range map[string]multibyte{
		"set names gbk": gbk, "SET NAMES 'SJIS' collate sjis_bin": sjis, "/* x */ set\n character set big5": big5, "set charset cp932;": sjis,
		"set sql_mode = 'a,b', character_set_client = gb18030": gb18030, "set @@session.character_set_client:=gbk": gbk, "set session character_set_client=`gbk`": gbk,
		"set names utf8mb4": unicode, "set names utf8": unicode, "set names latin1": singleByte,
	} {
		if got, ok := setNames([]byte(sql)); !ok || got != want {
			t.Errorf("%q: %d, %v; want %d", sql, got, ok, want)
		}
	}
	for _, sql := range []string{"select 'set names gbk'", "set @a = 'names gbk'", "set @names = 'gbk'", "set sql_mode = ', names gbk'", "settle names", "set", "set character_set_results = gbk", ""} {
		if m, ok := setNames([]byte(sql)); ok {
			t.Errorf("%q is taken for a change to %d", sql, m)
		}
	}
	both(t, nil, func(x *fixture) {
		text := "select '\xbf\\' or 'x'"
		say := func(what string, want string) {
			x.Helper()
			x.rec.Reset()
			x.client(nil, query(text))
			x.server(nil, pk(1, x.ok(2)))
			if got := x.rec.Statements()[0]; got != want {
				x.Errorf("%s: %q, want %q", what, got, want)
			}
		}
		plain := strings.Replace(text, "\\", "\xdc", 1)
		say("at first", text)
		x.client(nil, query("set names gbk"))
		x.server(nil, pk(1, errPayload(1115, "42000", "Unknown character set")))
		say("after a failure", text)
		x.client(nil, query("set names gbk"))
		x.server(nil, pk(1, x.ok(2)))
		say("after SET NAMES", plain)
		x.client(nil, command(gomysql.COM_STMT_PREPARE, text))
		x.server(nil, pk(1, x.prepared(1, 0, 0)...))
		if got := x.rec.Statements()[1]; got != plain {
			x.Errorf("prepared: %q", got)
		}
		if x.caps.has(capSessionTrack) {
			x.client(nil, query("call change_names()"))
			x.server(nil, pk(1, x.tracked("", append([]byte{0}, str(string(append(str("character_set_client"), str("utf8mb4")...)))...))))
			say("after the server's word", text)
		}
		x.client(nil, bytes.Replace(changeUser("other", pluginNative), []byte{45, 0}, []byte{28, 0}, 1))
		x.server(nil, pk(1, x.ok(2)))
		say("after COM_CHANGE_USER", plain)
	})
}

func TestMultibyteCharacterSetsAreThoseOfARealServer(t *testing.T) {
	s, _, _ := realServer(t)
	out, err := s.Query(t.Context(), "information_schema", collations(s.Release))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(out)
	for i := 0; i+1 < len(lines); i += 2 {
		var id uint16
		if _, err := fmt.Sscan(lines[i], &id); err != nil {
			t.Fatal(err)
		}
		if got, want := multibyteID(id), multibyteName(lines[i+1]); got != want {
			t.Errorf("collation %d of %s: %d, want %d", id, lines[i+1], got, want)
		}
	}
	// The real server ends the string where the proxy does, and only in that
	// character set.
	rec := inspecttest.New()
	addr := proxied(t, rec, Config{Server: Server{Address: s.Addr()}})
	for _, c := range []caps{0, capSessionTrack} {
		x := dialRaw(t, addr, capProtocol41|capSecure|capPluginAuth|capMySQL|capConnectWithDB|capDeprecateEOF|c)
		for _, set := range []struct {
			how  []byte
			want string
		}{
			{query("set names gbk"), "\xbf\xdc' as a, 'honey"},
			{query("set names latin1"), "\xbf\\' as a, 'honey"},
			{query("set character_set_client = sjis"), "\x95\xdc' as a, 'honey"},
			{command(gomysql.COM_RESET_CONNECTION, ""), "\x95\\' as a, 'honey"},
		} {
			rec.Reset()
			lead := set.want[:1]
			got := x.ask(set.how, query("select '"+lead+"\\' as a, 'honey' as b"))
			wide := strings.Contains(set.want, "\xdc")
			texts := rec.Statements()
			if text := texts[len(texts)-2]; !strings.Contains(text, set.want) || strings.Contains(got, "#42000") == wide {
				t.Errorf("%q: shown %q, answered %s", set.how, text, got)
			}
		}
	}
}
