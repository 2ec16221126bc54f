package seeder

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// note remembers that some row has a code.
func (k *nameKey) note(stem string, n int64) {
	if k.known == nil {
		k.known = map[string]map[int64]bool{}
	}
	if k.known[stem] == nil {
		k.known[stem] = map[int64]bool{}
	}
	k.known[stem][n] = true
}

// vacant are the numbers of a stem that no row has any more, as far as is known, each
// behind one that is there: in tables whose rows were deleted a new one at the end of its
// stem, each time, would be one of the few that stand there.
func (k *nameKey) vacant(stem string) (out []int64) {
	if !k.gaps {
		return nil
	}
	known := k.known[stem]
	for n := range known {
		if n+1 < k.top[stem] && !known[n+1] {
			out = append(out, n+1)
		}
	}
	if top, ok := k.top[stem]; ok && top > k.least && top < k.least+100 && !known[k.least] {
		out = append(out, k.least)
	}
	slices.Sort(out)
	return out
}

// instead is a vacant number of a stem, or the next behind all that are known: each as
// often as the other. ok is false if there is none, or it is the next one's turn.
func (k *nameKey) instead(r *rand.Rand, stem string, given func(code string) bool) (code string, ok bool) {
	free := k.vacant(stem)
	if len(free) == 0 {
		return "", false
	}
	i := r.IntN(len(free) + 1)
	if i == len(free) {
		return "", false
	}
	code = fmt.Sprintf("%s%0*d", stem, k.width, free[i])
	return code, !given(code)
}

// leastVacant is the share of the codes behind which a number is missing, one of so many,
// from which on a table's stems are taken to have gaps.
const leastVacant = 50

// vacancies finds out whether numbers are missing behind the stems of codes made of names:
// the table is asked for those below the sampled ones.
func (d *draft) vacancies(ctx context.Context, st *study) error {
	for _, f := range st.columns {
		k := f.named
		if k == nil || k.width == 0 || f.counted || !f.CanSelect {
			continue
		}
		f.counted = true
		var below [][]string
		for _, v := range f.seen.Values {
			stem := strings.TrimRight(v, "0123456789")
			if n, err := strconv.ParseInt(v[len(stem):], 10, 64); err == nil && n > k.least && !(k.usual[n] && n%100 == k.least%100) && len(below) < askedNumbered {
				below = append(below, []string{fmt.Sprintf("%s%0*d", stem, k.width, n-1)})
			}
		}
		there, err := d.s.Database.Taken(ctx, st.table, []string{f.Name}, below)
		if err != nil {
			return err
		}
		missing := 0
		for _, is := range there {
			if !is {
				missing++
			}
		}
		k.gaps = missing >= leastNumbered && leastVacant*missing >= len(below)
	}
	return nil
}
