package chain

import (
	"errors"
	"slices"
	"testing"
)

type entry struct {
	n    uint64
	body string
	sum  Sum
}

func logOf(key string, bodies ...string) (out []entry) {
	var h Head
	for _, b := range bodies {
		h = h.Next([]byte(key), []byte(b))
		out = append(out, entry{h.N, b, h.Sum})
	}
	return out
}

func check(key string, want Head, es []entry) (Head, error) {
	c := Checker{Key: []byte(key), Want: want}
	for _, e := range es {
		if err := c.Add(e.n, []byte(e.body), e.sum); err != nil {
			return Head{}, err
		}
	}
	return c.End()
}

func TestEveryChangeOfALogIsFound(t *testing.T) {
	whole := logOf("k", "planted", "rotated", "removed", "planted again")
	head, err := check("k", Head{}, whole)
	if err != nil || head.N != 4 || head.Sum != whole[3].sum {
		t.Fatalf("a whole log: got %v, %v", head, err)
	}
	if _, err := check("k", head, whole); err != nil {
		t.Errorf("with its own head: %v", err)
	}
	if _, err := check("k", Head{2, whole[1].sum}, whole); err != nil {
		t.Errorf("with an earlier head: %v", err)
	}
	anew := logOf("k", "planted", "rotated", "removed", "nothing")
	for name, c := range map[string]struct {
		key  string
		want Head
		log  []entry
	}{
		"an altered entry":                 {"k", Head{}, func() []entry { l := slices.Clone(whole); l[1].body = "Rotated"; return l }()},
		"an entry left out":                {"k", Head{}, append(slices.Clone(whole[:1]), whole[2:]...)},
		"an entry left out and renumbered": {"k", Head{}, func() []entry { l := append(slices.Clone(whole[:1]), whole[2:]...); l[1].n, l[2].n = 2, 3; return l }()},
		"two entries exchanged":            {"k", Head{}, []entry{whole[0], whole[2], whole[1], whole[3]}},
		"the beginning cut off":            {"k", Head{}, whole[1:]},
		"made without the key":             {"k", Head{}, logOf("guess", "planted")},
		"the end cut off":                  {"k", head, whole[:3]},
		"written anew with the key":        {"k", head, anew},
		"an empty log":                     {"k", head, nil},
	} {
		if _, err := check(c.key, c.want, c.log); !errors.Is(err, ErrBroken) {
			t.Errorf("%s: got %v, want ErrBroken", name, err)
		}
	}
}

func TestAHeadIsReadAsItWasPrinted(t *testing.T) {
	h := Head{}.Next([]byte("k"), []byte("x"))
	got, err := ParseHead(" " + h.String() + "\n")
	if err != nil || got != h {
		t.Errorf("got %v, %v, want %v", got, err, h)
	}
	for _, bad := range []string{"", "1", "1:zz", "x:" + h.Sum.String(), "1:" + h.Sum.String()[2:]} {
		if _, err := ParseHead(bad); err == nil {
			t.Errorf("%q was read as a head", bad)
		}
	}
}
