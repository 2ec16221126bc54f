package digests

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

func lives(n int) (out []token.Life) {
	for i := range n {
		out = append(out, token.Life{Token: token.Token{
			ID: event.NewID(), Row: event.ID(fmt.Sprint("row-", i/2)), Kind: "email", Value: fmt.Sprintf("secret-%d@decoy.test", i%max(n-1, 1)), Strength: token.Strong,
			Place:      event.Place{Server: "main", Database: "crm", Schema: "public", Table: "customers_of_note", Column: "email"},
			Deployment: "d", PlantedBy: "dba@crm-host", PlantedAt: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), State: token.Live,
		}, RowNumber: i/2 + 1, DeploymentNumber: 7, Reads: 2})
	}
	return out
}

func digestFile(t testing.TB, key Key, ls []token.Life) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, key, Header{Created: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), By: "dba@crm-host"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range ls {
		if err := w.Add(&ls[i]); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := w.Close(); err != nil || n != len(ls) {
		t.Fatalf("wrote %d, %v, want %d", n, err, len(ls))
	}
	return b.Bytes()
}

func TestADigestFileTellsTheStoryOfItsValuesAndNothingElse(t *testing.T) {
	key := NewKey()
	ls := lives(41) // the last has the value of the first
	file := digestFile(t, key, ls)
	d, err := Open(bytes.NewReader(file), int64(len(file)), key)
	if err != nil || d.Len() != 41 || d.Header.By != "dba@crm-host" {
		t.Fatalf("open: %+v, %v", d, err)
	}
	for i, l := range ls {
		got, _, err := d.Lookup(0, l.Value)
		want := 1
		if i == 0 || i == 40 {
			want = 2
		}
		if err != nil || len(got) != want {
			t.Fatalf("value %d: %d stories, %v, want %d", i, len(got), err, want)
		}
		if want == 1 && (got[0].ID != l.ID || got[0].Place != l.Place || got[0].Reads != 2 || got[0].Value != "") {
			t.Errorf("value %d: got %+v", i, got[0])
		}
	}
	if got, _, err := d.Lookup(0, "", "nobody@decoy.test", "SECRET-1@decoy.test"); err != nil || len(got) != 0 {
		t.Errorf("values that were not planted: %v, %v", got, err)
	}
	for _, telling := range []string{"secret", "decoy", "customers_of_note", "crm\"", "row-1", key.Reveal()} {
		if bytes.Contains(file, []byte(telling)) {
			t.Errorf("the file holds %q in the clear", telling)
		}
	}
	other, err := Open(bytes.NewReader(file), int64(len(file)), NewKey())
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := other.Lookup(0, ls[1].Value); err != nil || len(got) != 0 {
		t.Errorf("with another key: %v, %v", got, err)
	}
}

func TestOfAValueOfManyRowsADigestFileTellsWhatProvesMostFirst(t *testing.T) {
	key := NewKey()
	ls := lives(9)
	for i := range ls {
		ls[i].Value, ls[i].Strength = "Maria Brook", token.Weak
		if i == 7 {
			ls[i].Strength = token.Strong
		}
	}
	file := digestFile(t, key, ls)
	d, err := Open(bytes.NewReader(file), int64(len(file)), key)
	if err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int]int{0: 9, 3: 3, 20: 9} {
		got, all, err := d.Lookup(limit, "Maria Brook")
		if err != nil || all != 9 || len(got) != want || got[0].ID != ls[7].ID || got[1].ID != ls[0].ID {
			t.Errorf("limit %d: %d stories of %d, %v; want %d of 9, the strong one first", limit, len(got), all, err, want)
		}
	}
}

func TestADamagedDigestFileIsRefusedAndNeverTellsAStoryThatWasChanged(t *testing.T) {
	key := NewKey()
	ls := lives(6)
	file := digestFile(t, key, ls)
	for n := range len(file) {
		if _, err := Open(bytes.NewReader(file[:n]), int64(n), key); !errors.Is(err, ErrNoFile) {
			t.Fatalf("cut to %d of %d bytes: got %v, want ErrNoFile", n, len(file), err)
		}
	}
	for i := range file {
		bad := bytes.Clone(file)
		bad[i] ^= 1
		d, err := Open(bytes.NewReader(bad), int64(len(bad)), key)
		if err != nil {
			continue
		}
		for _, l := range ls {
			got, _, _ := d.Lookup(0, l.Value)
			for _, g := range got {
				if g.Place != l.Place || g.Kind != l.Kind || g.PlantedBy != l.PlantedBy {
					t.Fatalf("byte %d: a changed story was told: %+v", i, g)
				}
			}
		}
	}
}

func TestTheKeyOfADigestFileIsReadBackAndNeverPrinted(t *testing.T) {
	key := NewKey()
	if got, err := ParseKey(key.Reveal() + "\n"); err != nil || got != key {
		t.Errorf("got %v", err)
	}
	if _, err := ParseKey(key.Reveal()[1:]); err == nil || strings.Contains(err.Error(), key.Reveal()[2:]) {
		t.Errorf("a short key: %v", err)
	}
	if text := fmt.Sprintf("%v %s", key, key); strings.Contains(text, key.Reveal()) {
		t.Error("the key prints itself")
	}
}

func FuzzOpen(f *testing.F) {
	var key Key
	ls := lives(3)
	f.Add(digestFile(f, key, ls), ls[0].Value)
	f.Add([]byte(Schema+"\n{}\n"), "x")
	f.Fuzz(func(t *testing.T, file []byte, value string) {
		d, err := Open(bytes.NewReader(file), int64(len(file)), key)
		if err == nil {
			_, _, _ = d.Lookup(0, value)
		}
	})
}
