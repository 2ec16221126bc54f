package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Defaulter is a structure that can fill in its defaults. Decode asks the
// elements of lists and maps, which nobody could prepare before.
type Defaulter interface{ SetDefaults() }

var (
	durationType = reflect.TypeFor[time.Duration]()
	sectionType  = reflect.TypeFor[Section]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
	nodeType     = reflect.TypeFor[yaml.Unmarshaler]()
)

// Variant is a structure of which one key, the selector, decides what further
// keys there are, as a sink's type does.
type Variant interface {
	// Selector is that key.
	Selector() string
	// Variant prepares the part that a value of the selector asks for, keeps it,
	// and returns a pointer to it; nil if the value is unknown.
	Variant(value string) any
	// Variants returns a pointer to a fresh part for each value.
	Variants() []any
}

// maxDepth bounds nesting, so that an alias that contains itself ends.
const maxDepth = 32

type decoder struct {
	file  *File
	depth int
	errs  []error
}

func (f *File) decode(n *yaml.Node, key string, into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		panic("config: Decode wants a pointer")
	}
	d := &decoder{file: f}
	d.value(n, key, v.Elem())
	sort.SliceStable(d.errs, func(i, j int) bool { return line(d.errs[i]) < line(d.errs[j]) })
	return errors.Join(d.errs...)
}

func line(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Line
	}
	return 0
}

func (d *decoder) fail(n *yaml.Node, key, format string, args ...any) {
	d.errs = append(d.errs, &Error{File: d.file.Name, Line: n.Line, Key: key, Err: fmt.Errorf(format, args...)})
}

// value decodes n into v, which is settable.
func (d *decoder) value(n *yaml.Node, key string, v reflect.Value) {
	n = resolve(n)
	if d.depth++; d.depth > maxDepth {
		d.fail(n, key, "nested too deeply: does an alias contain itself?")
		d.depth--
		return
	}
	defer func() { d.depth-- }()
	if v.Type() == sectionType {
		d.note(n, key)
		v.Set(reflect.ValueOf(Section{Key: key, file: d.file, node: n}))
		return
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return // "tls:" with nothing behind it keeps the default
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(fresh(v.Type().Elem()))
		}
		d.value(n, key, v.Elem())
		return
	}
	switch {
	case v.Addr().Type().Implements(nodeType), v.Addr().Type().Implements(textType):
		d.scalar(n, key, v)
	case v.Kind() == reflect.Struct:
		d.structure(n, key, v)
	case v.Kind() == reflect.Map:
		d.mapping(n, key, v)
	case v.Kind() == reflect.Slice:
		d.list(n, key, v)
	default:
		d.scalar(n, key, v)
	}
}

// note remembers the lines of a part that is decoded later, for error messages.
func (d *decoder) note(n *yaml.Node, key string) {
	if key != "" {
		if _, ok := d.file.lines[key]; !ok {
			d.file.lines[key] = n.Line
		}
	}
}

// fresh returns a pointer to a new t with its defaults.
func fresh(t reflect.Type) reflect.Value {
	p := reflect.New(t)
	if def, ok := p.Interface().(Defaulter); ok {
		def.SetDefaults()
	}
	return p
}

func (d *decoder) structure(n *yaml.Node, key string, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, key, "wants keys (%s), found %s", names(v.Type()), describe(n))
		return
	}
	fs := fields(v.Type())
	part, chosen := d.variant(n, v)
	d.pairs(n, key, func(k, val *yaml.Node) {
		at, into := join(key, k.Value), v
		i, ok := fs[k.Value]
		if !ok && part.IsValid() {
			into = part
			i, ok = fields(part.Type())[k.Value]
		}
		switch {
		case !ok && !chosen:
			return // whoever checks the selector tells what it may be
		case !ok && part.IsValid():
			d.fail(k, at, "unknown key%s", suggestion(k.Value, v.Type(), part.Type()))
			return
		case !ok:
			d.fail(k, at, "unknown key%s", suggestion(k.Value, v.Type()))
			return
		}
		d.file.lines[at] = k.Line
		d.value(d.rooted(k.Value, val), at, into.FieldByIndex(i))
	})
}

// variant returns the part of a Variant that its selector chooses, and false if
// the selector is missing or unknown.
func (d *decoder) variant(n *yaml.Node, v reflect.Value) (part reflect.Value, chosen bool) {
	vr, ok := asVariant(v)
	if !ok {
		return part, true
	}
	value := ""
	quiet := &decoder{file: d.file, depth: d.depth}
	quiet.pairs(n, "", func(k, val *yaml.Node) {
		if k.Value == vr.Selector() {
			value = resolve(val).Value
		}
	})
	into := vr.Variant(value)
	if into == nil {
		return part, false
	}
	return reflect.ValueOf(into).Elem(), true
}

// pairs calls do for each key of a mapping, merged ones (<<) first.
func (d *decoder) pairs(n *yaml.Node, key string, do func(k, v *yaml.Node)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], resolve(n.Content[i+1])
		if k.Value != "<<" || d.depth > maxDepth {
			continue
		}
		from := []*yaml.Node{v}
		if v.Kind == yaml.SequenceNode {
			from = v.Content
		}
		for _, m := range from {
			if m = resolve(m); m.Kind == yaml.MappingNode && m != n {
				d.depth++
				d.pairs(m, key, do)
				d.depth--
			}
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Value == "<<" {
			continue
		}
		if k.Kind != yaml.ScalarNode {
			d.fail(k, key, "a key must be a plain word")
			continue
		}
		if first, dup := seen[k.Value]; dup {
			d.fail(k, join(key, k.Value), "given twice, first on line %d: keep one", first)
			continue
		}
		seen[k.Value] = k.Line
		do(k, n.Content[i+1])
	}
}

// rooted makes file names absolute.
func (d *decoder) rooted(key string, n *yaml.Node) *yaml.Node {
	n = resolve(n)
	if (key != "path" && !strings.HasSuffix(key, "_file")) || n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Value == "" || key == "ca_file" && n.Value == "system" {
		return n
	}
	c := *n
	c.Value, c.Tag, c.Style = d.file.Abs(n.Value), "!!str", yaml.DoubleQuotedStyle
	return &c
}

func (d *decoder) mapping(n *yaml.Node, key string, v reflect.Value) {
	if n.Kind != yaml.MappingNode || v.Type().Key().Kind() != reflect.String {
		d.fail(n, key, "wants keys and values, found %s", describe(n))
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	d.pairs(n, key, func(k, val *yaml.Node) {
		at := join(key, k.Value)
		d.file.lines[at] = k.Line
		e := fresh(v.Type().Elem()).Elem()
		if old := v.MapIndex(reflect.ValueOf(k.Value).Convert(v.Type().Key())); old.IsValid() {
			e.Set(old)
		}
		d.value(val, at, e)
		v.SetMapIndex(reflect.ValueOf(k.Value).Convert(v.Type().Key()), e)
	})
}

func (d *decoder) list(n *yaml.Node, key string, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, key, "wants a list, found %s: put [ ] around it, or start each entry with a dash", describe(n))
		return
	}
	out := reflect.MakeSlice(v.Type(), 0, len(n.Content))
	for i, c := range n.Content {
		at := fmt.Sprintf("%s[%d]", key, i)
		d.file.lines[at] = c.Line
		e := fresh(v.Type().Elem()).Elem()
		d.value(c, at, e)
		out = reflect.Append(out, e)
	}
	v.Set(out)
}

func (d *decoder) scalar(n *yaml.Node, key string, v reflect.Value) {
	custom := v.Addr().Type().Implements(nodeType)
	if n.Kind != yaml.ScalarNode && !custom && v.Kind() != reflect.Interface {
		d.fail(n, key, "wants %s, found %s", wanted(v.Type()), describe(n))
		return
	}
	if v.Type() == durationType {
		t, err := time.ParseDuration(n.Value)
		if err != nil || t < 0 {
			d.fail(n, key, "wants a duration with its unit, such as 30s or 1m30s, found %q", n.Value)
			return
		}
		v.SetInt(int64(t))
		return
	}
	if text, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok && !custom {
		if err := text.UnmarshalText([]byte(n.Value)); err != nil {
			d.fail(n, key, "%w", err)
		}
		return
	}
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		size, err := ParseSize(n.Value)
		if err != nil || (v.CanInt() && v.OverflowInt(size)) || (v.CanUint() && (size < 0 || v.OverflowUint(uint64(size)))) {
			d.fail(n, key, "wants a whole number, or a size such as 64KiB, found %q", n.Value)
			return
		}
		if v.CanInt() {
			v.SetInt(size)
		} else {
			v.SetUint(uint64(size))
		}
		return
	case reflect.String:
		v.SetString(n.Value)
		return
	}
	if err := n.Decode(v.Addr().Interface()); err != nil {
		d.fail(n, key, "wants %s, found %q", wanted(v.Type()), n.Value)
	}
}

func wanted(t reflect.Type) string {
	switch {
	case t == durationType:
		return "a duration such as 30s"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.String, reflect.PointerTo(t).Implements(textType):
		return "a word or text"
	case t.Kind() == reflect.Float32, t.Kind() == reflect.Float64:
		return "a number"
	}
	return "a whole number"
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	}
	return strconv.Quote(n.Value)
}
