package match

import (
	"encoding/hex"
	"strings"

	"honeyrow/token"
)

// bytesForms returns the forms of a token of MySQL beside its text. Its
// protocols send the bytes of a BINARY or BLOB as they are, where the token's
// text is a notation for them: they count like text. So do their hexadecimal
// digits, as HEX() and tools write them.
func bytesForms(t *token.Token) [][]byte {
	if t.Place.Schema != "" || t.TableOID != 0 || t.Place.Table == "" || len(t.Binary) == 0 || string(t.Binary) == t.Value {
		return nil
	}
	out := [][]byte{t.Binary}
	if t.Strength == token.Strong && len(t.Binary) >= 6 {
		h := hex.EncodeToString(t.Binary)
		out = append(out, []byte(h), []byte(strings.ToUpper(h)))
	}
	return out
}
