package match

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"honeyrow/event"
	"honeyrow/internal/pgserver"
	"honeyrow/token"
)

// The forms that Compile derives are PostgreSQL's own: asked of a real server.
func TestDerivedFormsAreTheServersOwn(t *testing.T) {
	ctx := context.Background()
	s, err := pgserver.Start(ctx, pgserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	ask := func(sql string) string {
		t.Helper()
		out, err := s.Query(ctx, "postgres", sql)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSuffix(out, "\n")
	}

	for _, n := range []string{"4929123456781234", "999999999999999", "1000000000000000", "9007199254740991", "-4929123456781234"} {
		card := &token.Token{Value: n, Strength: token.Firm}
		text := floatForm(card)
		if len(strings.TrimPrefix(n, "-")) < 16 {
			text = n
		}
		if want := ask("SELECT '" + n + "'::float8"); text != want {
			t.Errorf("%s as a double is %q, want %q", n, text, want)
		}
		want := ask("SELECT encode(float8send('" + n + "'::float8), 'hex')")
		if !slices.ContainsFunc(binaryForms(card), func(f []byte) bool { return hex.EncodeToString(f) == want }) {
			t.Errorf("%s as a double in binary, %s, is not among its forms", n, want)
		}
	}

	for _, n := range []string{"0", "1", "7", "-1", "32767", "10000", "123456", "-123456", "90001", "2147483648", "1234500000000", "4111111111111111", "9223372036854775807", "-9223372036854775808"} {
		var forms []string
		for _, f := range binaryForms(&token.Token{Value: n}) {
			forms = append(forms, hex.EncodeToString(f))
		}
		sends := []string{"int8send(%[1]s::int8)", "numeric_send(%[1]s::numeric)"}
		if len(n) < 9 {
			sends = append(sends, "int4send(%[1]s::int4)")
		}
		if len(n) < 5 {
			sends = append(sends, "int2send(%[1]s::int2)")
		}
		for _, send := range sends {
			sql := fmt.Sprintf("SELECT encode("+send+", 'hex')", "'"+n+"'")
			if want := ask(sql); !strings.Contains(" "+strings.Join(forms, " ")+" ", " "+want+" ") {
				t.Errorf("%s: %s is not among %v", sql, want, forms)
			}
		}
	}
	const id = "b0c1d2e3-0000-4000-8000-1234567890ab"
	if got, want := hex.EncodeToString(uuidBinary(id)), ask("SELECT encode(uuid_send('"+id+"'), 'hex')"); got != want {
		t.Errorf("uuid %s, want %s", got, want)
	}

	// A value with every character that some format escapes.
	const pem = "-----BEGIN KEY-----\nMIIEow\"IBAA\\KCAQ\tE'A<&>\n-----END KEY-----"
	x := Compile(&token.Snapshot{Tokens: []token.Token{{ID: event.ID("1"), Value: pem, Strength: token.Strong}}})
	literal := "convert_from('\\x" + hex.EncodeToString([]byte(pem)) + "', 'UTF8')"
	for name, sql := range map[string]string{
		"the value":     "SELECT " + literal,
		"to_json":       "SELECT to_json(" + literal + ")",
		"jsonb":         "SELECT jsonb_build_object('k', " + literal + ")",
		"json_agg":      "SELECT json_agg(t) FROM (SELECT 1 AS a, " + literal + " AS k) t",
		"a row's text":  "SELECT ROW(1, " + literal + ")::text",
		"an array":      "SELECT ARRAY[" + literal + ", 'x']::text",
		"quote_literal": "SELECT quote_literal(replace(" + literal + ", '\\', '')) || " + literal,
		"copy":          "COPY (SELECT 1, " + literal + ") TO STDOUT",
		"xml":           "SELECT xmlelement(name k, " + literal + ")",
		"xml attribute": "SELECT xmlelement(name k, xmlattributes(" + literal + " AS a))",
		"rows in array": "SELECT ARRAY[ROW(1, " + literal + ")]::text",
		"row in a row":  "SELECT ROW(ROW(1, " + literal + "))::text",
		"csv":           "COPY (SELECT 1, " + literal + ") TO STDOUT (FORMAT csv)",
	} {
		if out := ask(sql); !x.Suspect([]byte(out)) {
			t.Errorf("%s: not found in %q", name, out)
		}
	}
}
