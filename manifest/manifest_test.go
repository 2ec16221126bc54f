package manifest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

func identity(t testing.TB, name string) *Identity {
	t.Helper()
	a, b := sha256.Sum256([]byte(name)), sha256.Sum256([]byte(name+"'"))
	id, err := NewIdentity(append(a[:], b[:]...))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func lives(n int) []token.Life {
	at := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	ls := make([]token.Life, n)
	for i := range ls {
		ls[i] = token.Life{Token: token.Token{
			ID: event.ID(fmt.Sprintf("t%d", i)), Row: event.ID(fmt.Sprintf("r%d", i/2)), Kind: "email", Value: fmt.Sprintf("s\xe9\x00cret%d@decoy.test", i), Binary: []byte{0, byte(i)},
			Strength: token.Strong, Place: event.Place{Server: "main", Database: "crm", Table: "customers", Column: "email", Key: "k\xff"}, Copy: "staging",
			Deployment: "d", PlantedBy: "dba@corp", PlantedAt: at, State: token.Live, ChangedAt: at,
		}, Found: "intact", Verified: at}
	}
	return ls
}

func write(t testing.TB, from *Identity, to Address, ls []token.Life) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, from, to, Header{Owner: "crm-team", By: "dba@crm"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range ls {
		if err := w.Add(&ls[i]); err != nil {
			t.Fatal(err)
		}
	}
	w.Locate([]token.Location{{Server: "main", Table: "customers", Column: "email", TableOID: 7, Attr: 2}})
	if n, err := w.Close(); err != nil || n != len(ls) {
		t.Fatalf("wrote %d, %v", n, err)
	}
	return b.Bytes()
}

func read(m *Manifest) (ls []token.Life, err error) {
	for l, err := range m.Lives() {
		if err != nil {
			return ls, err
		}
		ls = append(ls, *l)
	}
	return ls, nil
}

func TestTheOneItIsSealedToReadsEveryTokenAsItWas(t *testing.T) {
	team, desk := identity(t, "team"), identity(t, "desk")
	for _, n := range []int{0, 1, partTokens, 2*partTokens + 3} {
		want := lives(n)
		file := write(t, team, desk.Address(), want)
		if bytes.Contains(file, []byte("decoy.test")) || bytes.Contains(file, []byte("customers")) {
			t.Error("the file shows a value or a place")
		}
		m, err := Open(bytes.NewReader(file), desk)
		if err != nil {
			t.Fatal(err)
		}
		got, err := read(m)
		if err != nil || m.From != team.Address() || m.Header.Owner != "crm-team" || len(m.Locations()) != 1 || m.Locations()[0].TableOID != 7 {
			t.Fatalf("%d tokens: %v, header %+v, locations %+v", n, err, m.Header, m.Locations())
		}
		if len(got) != n || n > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%d tokens came back as %d, or others", n, len(got))
		}
	}
}

func TestAFileThatIsAlteredCutOrSealedToAnotherIsRefused(t *testing.T) {
	team, desk, other := identity(t, "team"), identity(t, "desk"), identity(t, "other")
	file := write(t, team, desk.Address(), lives(3))
	for n := range file {
		if _, err := Open(bytes.NewReader(file[:n]), desk); !errors.Is(err, ErrNoManifest) && !errors.Is(err, ErrTampered) {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(file), err)
		}
		bad := bytes.Clone(file)
		bad[n] ^= 1
		if _, err := Open(bytes.NewReader(bad), desk); err == nil {
			t.Fatalf("byte %d of %d altered: nobody minds", n, len(file))
		}
	}
	if _, err := Open(bytes.NewReader(append(bytes.Clone(file), 0)), desk); err == nil {
		t.Error("a byte more: nobody minds")
	}
	if _, err := Open(bytes.NewReader(file), other); !errors.Is(err, ErrNotForUs) {
		t.Errorf("opened by another: %v", err)
	}
	if _, err := Open(bytes.NewReader(file), team); !errors.Is(err, ErrOurs) {
		t.Errorf("opened by its writer: %v", err)
	}
	// Who signs somebody else's file as his own has not the key that it is sealed under.
	stolen := bytes.Replace(file, []byte(team.Address().String()), []byte(other.Address().String()), 1)
	if _, err := Open(bytes.NewReader(stolen), desk); !errors.Is(err, ErrTampered) {
		t.Errorf("under another name: %v", err)
	}
}

func TestAnAddressIsReadBackAndASlipIsNoticed(t *testing.T) {
	a := identity(t, "team").Address()
	text := a.String()
	if got, err := ParseAddress(" " + text + "\n"); err != nil || got != a {
		t.Errorf("%v", err)
	}
	for i := range text {
		for _, c := range []byte("aZ0-") {
			if slip := text[:i] + string(c) + text[i+1:]; slip != text {
				if _, err := ParseAddress(slip); err == nil {
					t.Fatalf("a slip at %d is read as an address", i)
				}
			}
		}
	}
	if id := identity(t, "team"); strings.Trim(fmt.Sprintf("%v%s%v", id, id, *id), "*") != "" {
		t.Error("an identity prints its keys")
	}
}

func FuzzOpen(f *testing.F) {
	team, desk := identity(f, "team"), identity(f, "desk")
	f.Add(write(f, team, desk.Address(), lives(2)))
	f.Add([]byte(Schema + "\n{}\n\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if m, err := Open(bytes.NewReader(file), desk); err == nil {
			if _, err := read(m); err != nil && m.From == team.Address() {
				t.Errorf("signed by the team and not to be read: %v", err)
			}
		}
	})
}
