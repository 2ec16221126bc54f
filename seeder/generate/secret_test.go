package generate

import "testing"

func TestASecretThatPunctuationCutsUpIsMadeInTheFormOfOthersOfItsLength(t *testing.T) {
	c := &Column{Name: "secret", Class: Text, Values: []string{
		"moHyjoMNpcBqRv005N/ZZRxwmHgZ1aktGx3jWtjx", "gAxDB/trhnQC/LWFoRkgP0RBCWU+48UD/VNUQti5", "glpat-sdT7NETdyRkhL2nqDZuf",
	}}
	cut := "moHyj/MNpcB/Rv005/ZZRxw/HgZ1a/tGx3j/tjxA"
	v, err := Make(secret{}, New(1, "cut"), c, &Row{Was: cut})
	if err != nil || len(v) != len(cut) || v == c.Values[0] || v == c.Values[1] {
		t.Errorf("%q (%v), want a new one of %d characters", v, err, len(cut))
	}
	if v, err := Make(secret{}, New(1, "word"), c, &Row{Was: "see the vault, please"}); err == nil {
		t.Errorf("a text without a random part became %q", v)
	}
}
