package baseline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds a baseline file in bytes.
const maxFile = 64 << 20

const version = 1

const head = `# honeyrow baseline: the shapes of statements that each user and application
# sends. A shape that is not here makes other findings graver. Written by
# honeyrow learn; edit it as you like: delete a line to forget a shape, add one
# with sql alone, comment on any. Literals are 0, 0.0, 'x' and x'00'; hashes are
# made anew from sql when the file is next written. weak names detectors that see
# a little in a shape: what one sees in every tenth shape is usual, and makes no
# alert in a new one.
`

// Read reads a baseline file. Errors name the file and the line.
func Read(name string) (*Book, error) {
	b, err := load(name)
	if err != nil {
		return nil, err
	}
	return Parse(name, b)
}

func load(name string) ([]byte, error) {
	if st, err := os.Stat(name); err == nil && st.Size() > maxFile {
		return nil, fmt.Errorf("%s: %d bytes are more than a baseline may have (%d): delete identities that are gone", name, st.Size(), maxFile)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the baseline: %w", err)
	}
	return b, nil
}

// Parse is Read on contents at hand; name is for errors.
func Parse(name string, b []byte) (*Book, error) {
	book, _, err := parse(name, b)
	return book, err
}

// comments are a person's, by what they stand at.
type comments map[string][2]string // above, behind

func parse(name string, b []byte) (*Book, comments, error) {
	p := &parser{name: name, book: NewBook(), notes: comments{}}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return nil, nil, fmt.Errorf("%s: %s: correct it, or delete the file and learn anew", name, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if doc.Kind == 0 || len(doc.Content) == 0 {
		return p.book, p.notes, nil
	}
	if err := p.file(doc.Content[0]); err != nil {
		return nil, nil, err
	}
	return p.book, p.notes, nil
}

type parser struct {
	name  string
	book  *Book
	notes comments
}

func (p *parser) fail(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", p.name, n.Line, fmt.Sprintf(format, args...))
}

// fields calls do for each key of a mapping.
func (p *parser) fields(n *yaml.Node, what string, do func(key string, v *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return p.fail(n, "%s must be keys with values", what)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if seen[key] {
			return p.fail(n.Content[i], "%s has %s twice", what, key)
		}
		seen[key] = true
		if err := do(key, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) file(n *yaml.Node) error {
	return p.fields(n, "the file", func(key string, v *yaml.Node) error {
		switch key {
		case "version":
			if v.Value != strconv.Itoa(version) {
				return p.fail(v, "version %s is not known: this honeyrow reads %d", v.Value, version)
			}
		case "identities":
			if v.Kind == yaml.ScalarNode && v.Tag == "!!null" {
				return nil
			}
			if v.Kind != yaml.SequenceNode {
				return p.fail(v, "identities must be a list")
			}
			for _, id := range v.Content {
				if err := p.identity(id); err != nil {
					return err
				}
			}
		default:
			return p.fail(v, "unknown key %q: known are version, identities", key)
		}
		return nil
	})
}

func (p *parser) identity(n *yaml.Node) error {
	var id Identity
	var shapes *yaml.Node
	err := p.fields(n, "an identity", func(key string, v *yaml.Node) error {
		switch key {
		case "server":
			id.Server = v.Value
		case "user":
			id.User = v.Value
		case "application":
			id.Application = Fold(v.Value)
		case "shapes":
			shapes = v
		default:
			return p.fail(v, "unknown key %q: known are server, user, application, shapes", key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if id.User == "" {
		return p.fail(n, "an identity without user: name one")
	}
	p.note(id.key(), n)
	p.book.Add(id)
	if shapes == nil || shapes.Tag == "!!null" {
		return nil
	}
	if shapes.Kind != yaml.SequenceNode {
		return p.fail(shapes, "shapes must be a list")
	}
	for _, s := range shapes.Content {
		if err := p.shape(id, s); err != nil {
			return err
		}
	}
	return nil
}

func (id Identity) key() string { return id.Server + "\x00" + id.User + "\x00" + id.Application }

func (p *parser) shape(id Identity, n *yaml.Node) error {
	s := Shape{Count: 1}
	written := false // an empty statement has a shape too: drivers ping with it
	err := p.fields(n, "a shape", func(key string, v *yaml.Node) error {
		var err error
		switch key {
		case "sql":
			s.SQL, written = v.Value, v.Tag != "!!null"
		case "hash": // made anew
		case "count":
			s.Count, err = strconv.ParseUint(v.Value, 10, 64)
		case "first":
			s.First, err = time.Parse(time.DateOnly, v.Value)
		case "last":
			s.Last, err = time.Parse(time.DateOnly, v.Value)
		case "marks":
			if v.Kind != yaml.SequenceNode {
				return p.fail(v, "marks must be a list")
			}
			for _, m := range v.Content {
				i := slices.IndexFunc(names, func(x markName) bool { return x.name == m.Value })
				if i < 0 {
					return p.fail(m, "there is no mark %q", m.Value)
				}
				s.Marks |= names[i].mark
			}
		case "weak":
			if v.Kind != yaml.SequenceNode {
				return p.fail(v, "weak must be a list of detectors")
			}
			for _, w := range v.Content {
				if !detectorName(w.Value) {
					return p.fail(w, "%q is no detector's name: small letters and dashes", w.Value)
				}
				if !slices.Contains(s.Weak, w.Value) {
					s.Weak = append(s.Weak, w.Value)
				}
			}
		default:
			return p.fail(v, "unknown key %q: known are sql, hash, count, first, last, marks, weak", key)
		}
		if err != nil {
			return p.fail(v, "%s %q: write a whole number for count, a date such as 2027-03-31 for first and last", key, v.Value)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !written {
		return p.fail(n, "a shape without sql: write the statement, or delete the line")
	}
	p.note(id.key()+"\x00"+s.Hash(), n)
	p.book.Add(id, s)
	return nil
}

// note keeps a person's comments on a node.
func (p *parser) note(key string, n *yaml.Node) {
	above, behind := n.HeadComment, n.LineComment
	if len(n.Content) > 0 && above == "" && n.Style&yaml.FlowStyle == 0 {
		above = n.Content[0].HeadComment
	}
	if above != "" || behind != "" {
		p.notes[key] = [2]string{above, behind}
	}
}

// Write writes a baseline to a file, whole or not at all, with the comments that
// the file has now. Identities and shapes are sorted, so that two versions can be
// compared line by line.
func Write(name string, b *Book) error {
	notes := comments{}
	if old, err := load(name); err == nil {
		if _, n, err := parse(name, old); err == nil {
			notes = n
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".baseline-*")
	if err != nil {
		return fmt.Errorf("write the baseline: %w: the proxy must be allowed to write to its folder", err)
	}
	_, err = f.Write(b.encode(notes))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the baseline: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// encode writes one shape a line.
func (b *Book) encode(notes comments) []byte {
	var out bytes.Buffer
	out.WriteString(head)
	fmt.Fprintf(&out, "version: %d\nidentities:\n", version)
	for _, id := range b.Identities() {
		above(&out, "  ", notes[id.key()][0])
		fmt.Fprintf(&out, "  - server: %s\n    user: %s\n    application: %s\n    shapes:\n", quoted(id.Server), quoted(id.User), quoted(id.Application))
		for _, s := range b.of[id].Shapes() {
			n := notes[id.key()+"\x00"+s.Hash()]
			above(&out, "      ", n[0])
			fmt.Fprintf(&out, "      - {hash: %q, count: %d, first: %s, last: %s, ", s.Hash(), s.Count, date(s.First), date(s.Last))
			if m := markNames(s.Marks); len(m) > 0 {
				fmt.Fprintf(&out, "marks: [%s], ", strings.Join(m, ", "))
			}
			if len(s.Weak) > 0 {
				fmt.Fprintf(&out, "weak: [%s], ", strings.Join(slices.Sorted(slices.Values(s.Weak)), ", "))
			}
			fmt.Fprintf(&out, "sql: %s}", quoted(s.SQL))
			if n[1] != "" {
				out.WriteString(" " + n[1])
			}
			out.WriteByte('\n')
		}
	}
	return out.Bytes()
}

// detectorName reports whether a name can be a detector's, and stands in YAML as
// it is.
func detectorName(s string) bool {
	return s != "" && s[0] >= 'a' && s[0] <= 'z' && s != "null" && s != "true" && s != "false" && s != "yes" && s != "no" && s != "on" && s != "off" && s != "y" && s != "n" &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") == "" && len(s) <= 64
}

func above(out *bytes.Buffer, indent, comment string) {
	for line := range strings.Lines(comment) {
		out.WriteString(indent + strings.TrimRight(line, "\n") + "\n")
	}
}

func date(t time.Time) string {
	if t.IsZero() {
		return "1970-01-01"
	}
	return t.UTC().Format(time.DateOnly)
}

// quoted writes a text in double quotes, as JSON and YAML both read it.
func quoted(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(strings.ToValidUTF8(s, "\ufffd")); err != nil {
		return `""`
	}
	// YAML takes DEL and the C1 controls for unprintable where JSON does not.
	return strings.Map(func(r rune) rune {
		if r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\ufffd'
		}
		return r
	}, strings.TrimSuffix(b.String(), "\n"))
}
