package config

import (
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// fields returns the keys of a structure with the index of the field that
// each fills. Inlined structures lend their keys.
func fields(t reflect.Type) map[string][]int {
	fs := map[string][]int{}
	for i := range t.NumField() {
		sf := t.Field(i)
		tag := sf.Tag.Get("yaml")
		name, opts, _ := strings.Cut(tag, ",")
		switch {
		case name == "-" || !sf.IsExported() && !sf.Anonymous:
			continue
		case strings.Contains(opts, "inline"):
			for k, idx := range fields(sf.Type) {
				fs[k] = append([]int{i}, idx...)
			}
			continue
		case name == "":
			name = strings.ToLower(sf.Name)
		}
		fs[name] = []int{i}
	}
	return fs
}

func names(ts ...reflect.Type) string {
	var ns []string
	for _, t := range ts {
		for k := range fields(t) {
			ns = append(ns, k)
		}
	}
	sort.Strings(ns)
	return strings.Join(ns, ", ")
}

// suggestion says what the user may have meant.
func suggestion(key string, ts ...reflect.Type) string {
	best, dist := "", 3
	for _, t := range ts {
		for k := range fields(t) {
			if d := distance(key, k); d < dist || d == dist && k < best {
				best, dist = k, d
			}
		}
	}
	if best != "" && dist < len(key) {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	return ": known here are " + names(ts...)
}

// distance is the number of letters to add, drop, replace or swap (optimal
// string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

// Key is one key that a structure accepts.
type Key struct {
	Name    string // "servers[].tls.mode"; a map's keys are written as "rules.*"
	Default string // as text; "" is the zero value
}

// Keys returns every key that the structure v points at accepts, in the order
// of its fields, with the values that v holds (for lists: those of a fresh
// element). Documentation is checked against it.
func Keys(v any) []Key { return keys(reflect.ValueOf(v).Elem(), "") }

func keys(v reflect.Value, at string) []Key {
	t := v.Type()
	if t.Kind() == reflect.Pointer {
		return keys(fresh(t.Elem()).Elem(), at)
	}
	leaf := reflect.PointerTo(t).Implements(textType) || reflect.PointerTo(t).Implements(nodeType) || t == sectionType
	switch {
	case !leaf && t.Kind() == reflect.Struct:
		var out []Key
		for i := range t.NumField() {
			sf := t.Field(i)
			name, opts, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
			if name == "-" || !sf.IsExported() && !sf.Anonymous {
				continue
			}
			if strings.Contains(opts, "inline") {
				out = append(out, keys(v.Field(i), at)...)
				continue
			}
			if name == "" {
				name = strings.ToLower(sf.Name)
			}
			out = append(out, keys(v.Field(i), join(at, name))...)
		}
		if vr, ok := asVariant(v); ok {
			for _, part := range vr.Variants() {
				out = append(out, keys(reflect.ValueOf(part).Elem(), at)...)
			}
			out = once(out)
		}
		return out
	case !leaf && t.Kind() == reflect.Slice:
		return keys(fresh(t.Elem()).Elem(), at+"[]")
	case !leaf && t.Kind() == reflect.Map:
		return keys(fresh(t.Elem()).Elem(), at+".*")
	}
	return []Key{{Name: at, Default: defaultText(v, leaf)}}
}

// once leaves the first of the keys that several variants share.
func once(ks []Key) []Key {
	seen := map[string]bool{}
	return slices.DeleteFunc(ks, func(k Key) bool {
		again := seen[k.Name]
		seen[k.Name] = true
		return again
	})
}

func defaultText(v reflect.Value, leaf bool) string {
	if v.IsZero() || leaf || !v.CanInterface() {
		return ""
	}
	return fmt.Sprint(v.Interface())
}

// sizes are the units of ParseSize, longest first.
var sizes = []struct {
	unit string
	n    int64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"kB", 1e3},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"B", 1},
}

// ParseSize reads a whole number of bytes, such as 512, 64KiB or 1.5MB.
func ParseSize(s string) (int64, error) {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseInt(s, 0, 64); err == nil {
		return n, nil
	}
	for _, u := range sizes {
		if num, ok := strings.CutSuffix(s, u.unit); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(num), 64)
			if err != nil || f < 0 || f*float64(u.n) > 1<<62 {
				break
			}
			return int64(f * float64(u.n)), nil
		}
	}
	return 0, fmt.Errorf("%q is not a size: write 512, 64KiB, 1MiB or 2GB", s)
}

func asVariant(v reflect.Value) (Variant, bool) {
	if !v.Addr().CanInterface() { // inlined under a name that is not exported
		return nil, false
	}
	vr, ok := v.Addr().Interface().(Variant)
	return vr, ok
}
