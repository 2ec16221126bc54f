package waysout

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"honeyrow/event"
)

// means are how the value of each attempt is recognised, as docs/coverage.md
// shows and testdata/means.txt keeps; -update writes what is seen.
var means meansFile

const meansName = "testdata/means.txt"

type meansFile struct {
	mu    sync.Mutex
	by    map[string]string // product, way and mode -> means
	fresh bool
}

func (m *meansFile) load() map[string]string {
	if m.by != nil {
		return m.by
	}
	m.by = map[string]string{}
	f, err := os.Open(meansName)
	if err != nil {
		return m.by
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if k, v, ok := strings.Cut(s.Text(), "\t"); ok {
			m.by[k] = v
		}
	}
	return m.by
}

func meansKey(product, way, mode string) string { return product + " | " + way + " | " + mode }

// note compares how the deed was recognised with what is written down.
func (m *meansFile) note(t *testing.T, d deed, got event.Detection) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var is string
	for _, h := range got.Hits {
		if h.Kind == d.want.kind && string(h.Channel) == d.want.channel {
			is = strings.TrimSpace(h.Means + " " + h.Disguise)
			break
		}
	}
	k := meansKey(d.product, d.way, d.mode)
	if *update {
		m.load()[k], m.fresh = is, true
		return
	}
	if was := meansOf(d, m.load()[k]); was != is {
		t.Errorf("recognised by %q, written down is %q: go test ./integration/waysout -update", is, was)
	}
}

// save writes what was seen, if asked.
func (m *meansFile) save() error {
	if !m.fresh {
		return nil
	}
	var b strings.Builder
	for _, d := range everyDeed() {
		k := meansKey(d.product, d.way, d.mode)
		if v, ok := m.by[k]; ok {
			fmt.Fprintf(&b, "%s\t%s\n", k, v)
		}
	}
	return os.WriteFile(meansName, []byte(b.String()), 0o644)
}

// of returns the means of all attempts of a way.
func (m *meansFile) of(product, way string, modes []string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, mode := range modes {
		if v := m.load()[meansKey(product, way, mode)]; v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// everyDeed are all attempts of which something must be reported.
func everyDeed() []deed {
	all := slices.Concat(y.alert.deeds(allWays()), y.alert.deeds(disguised))
	for _, r := range myReleases {
		f := &farm{release: r}
		all = slices.Concat(all, f.deeds(&f.alert, allMyWays(r)), f.deeds(&f.alert, allMyDisguised(r)))
	}
	return all
}
