package huge

import "testing"

// Advice must not change what is stored, whatever the slice.
func TestAdviceLeavesWhatIsThere(t *testing.T) {
	for _, n := range []int{0, 1, 1 << 10, 1 << 18, 3<<18 + 5, 5 << 20} {
		s := make([]uint64, n)
		for i := range s {
			s[i] = uint64(i) * 3
		}
		Advise(s)
		Advise(s[:n/2])
		for i := range s {
			if s[i] != uint64(i)*3 {
				t.Fatalf("of %d: s[%d] is %d", n, i, s[i])
			}
		}
	}
}
