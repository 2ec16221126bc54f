package pgsql

import (
	"encoding/binary"
	"errors"
	"fmt"

	"honeyrow/engine/sqlfacts"
)

// The trees' encoding on the pipe: the version, the number of statements, the
// number of nodes, then the nodes in preorder. A node is its kind, a mask that
// says what follows, and that: texts as length and bytes, numbers as uvarints.
// Both ends are the same program, yet the parent trusts nothing in it: the
// worker is where hostile texts meet C.

const (
	// maxReply is the longest reply, in bytes.
	maxReply = 2 << 20

	codeVersion = 1

	// maxNodes and maxDepth bound a tree. 32 KiB of text come to some 40,000
	// nodes at worst, and 2,000 operators in a chain to 2,000 levels.
	maxNodes = 1 << 17
	maxDepth = 4096
	// lastKind is the last kind that a worker may send.
	lastKind = sqlfacts.Missing
)

// What a node carries beside its kind.
const (
	hasName = 1 << iota
	hasQualifier
	hasAlias
	hasFlag
	hasSlot
	hasArgs
	hasAll = 1<<iota - 1
)

// appendTrees encodes trees behind b.
func appendTrees(b []byte, trees []*sqlfacts.Node) []byte {
	nodes := 0
	for _, n := range trees {
		nodes += count(n)
	}
	b = append(b, codeVersion)
	b = binary.AppendUvarint(b, uint64(len(trees)))
	b = binary.AppendUvarint(b, uint64(nodes))
	for _, n := range trees {
		b = appendNode(b, n)
	}
	return b
}

func count(n *sqlfacts.Node) int {
	total := 1
	for _, a := range n.Args {
		total += count(a)
	}
	return total
}

func appendNode(b []byte, n *sqlfacts.Node) []byte {
	texts := [4]string{n.Name, n.Qualifier, n.Alias, n.Flag}
	var mask byte
	for i, s := range texts {
		if s != "" {
			mask |= hasName << i
		}
	}
	if n.Slot >= 0 {
		mask |= hasSlot
	}
	if len(n.Args) > 0 {
		mask |= hasArgs
	}
	b = append(b, byte(n.Kind), mask)
	for _, s := range texts {
		if s != "" {
			b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
		}
	}
	if n.Slot >= 0 {
		b = binary.AppendUvarint(b, uint64(n.Slot))
	}
	if len(n.Args) > 0 {
		b = binary.AppendUvarint(b, uint64(len(n.Args)))
		for _, a := range n.Args {
			b = appendNode(b, a)
		}
	}
	return b
}

// errCode is what the decoder says to anything that appendTrees did not write.
var errCode = errors.New("not a tree")

// decoder reads the encoding. It makes three allocations: one text from which
// all names are cut, the nodes, and the lists.
type decoder struct {
	text  string
	at    int
	nodes []sqlfacts.Node  // to be given out
	lists []*sqlfacts.Node // to be given out
}

// decodeTrees decodes what appendTrees made. The trees keep nothing of data. It
// never takes more memory than some 120 bytes for each two of data's.
func decodeTrees(data []byte) ([]*sqlfacts.Node, error) {
	if len(data) > maxReply {
		return nil, fmt.Errorf("%w: %d bytes", errCode, len(data))
	}
	d := &decoder{text: string(data)}
	if v, ok := d.byte(); !ok || v != codeVersion {
		return nil, fmt.Errorf("%w: version %d", errCode, v)
	}
	statements, ok := d.number(maxNodes)
	if !ok {
		return nil, fmt.Errorf("%w: number of statements", errCode)
	}
	nodes, ok := d.number(min(maxNodes, (len(data)-d.at)/2+1)) // a node has two bytes or more
	if !ok || statements > nodes {
		return nil, fmt.Errorf("%w: %d statements of %d nodes", errCode, statements, nodes)
	}
	d.nodes = make([]sqlfacts.Node, nodes)
	d.lists = make([]*sqlfacts.Node, nodes)
	trees, ok := d.list(statements, 0)
	if !ok || d.at != len(d.text) || len(d.nodes) != 0 {
		return nil, fmt.Errorf("%w: broken at byte %d of %d", errCode, d.at, len(d.text))
	}
	return trees, nil
}

// list reads n nodes.
func (d *decoder) list(n, depth int) ([]*sqlfacts.Node, bool) {
	if n > len(d.nodes) || n > len(d.lists) || depth > maxDepth {
		return nil, false
	}
	l := d.lists[:n:n]
	d.lists = d.lists[n:]
	for i := range l {
		var ok bool
		if l[i], ok = d.node(depth); !ok {
			return nil, false
		}
	}
	return l, true
}

func (d *decoder) node(depth int) (*sqlfacts.Node, bool) {
	kind, ok1 := d.byte()
	mask, ok2 := d.byte()
	if !ok1 || !ok2 || sqlfacts.Kind(kind) > lastKind || mask > hasAll || len(d.nodes) == 0 {
		return nil, false
	}
	n := &d.nodes[0]
	d.nodes = d.nodes[1:]
	n.Kind, n.Slot = sqlfacts.Kind(kind), -1
	for i, s := range [4]*string{&n.Name, &n.Qualifier, &n.Alias, &n.Flag} {
		if mask&(hasName<<i) == 0 {
			continue
		}
		l, ok := d.number(len(d.text) - d.at)
		if !ok || l > len(d.text)-d.at {
			return nil, false
		}
		*s = d.text[d.at : d.at+l]
		d.at += l
	}
	if mask&hasSlot != 0 {
		var ok bool
		if n.Slot, ok = d.number(maxNodes); !ok {
			return nil, false
		}
	}
	if mask&hasArgs != 0 {
		l, ok := d.number(len(d.nodes))
		if !ok {
			return nil, false
		}
		if n.Args, ok = d.list(l, depth+1); !ok {
			return nil, false
		}
	}
	return n, true
}

func (d *decoder) byte() (byte, bool) {
	if d.at >= len(d.text) {
		return 0, false
	}
	d.at++
	return d.text[d.at-1], true
}

// number reads a uvarint of at most limit.
func (d *decoder) number(limit int) (int, bool) {
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		b, ok := d.byte()
		if !ok {
			return 0, false
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return int(v), v <= uint64(max(limit, 0))
		}
	}
	return 0, false
}
