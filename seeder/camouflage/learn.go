package camouflage

import (
	"math"
	"math/rand/v2"
	"sort"
)

// boosted are gradient-boosted trees of depth 3 for two classes (Friedman
// 2001), on features cut into at most 32 bins.
type boosted struct {
	cuts  [][]float64
	gains []float64 // by feature: what it did to tell the classes apart
	trees []tree
}

const (
	treeDepth = 3
	treeCount = 60
	treeRate  = 0.12
	bins      = 32
	leafLeast = 6.0 // the least weight of a leaf
	ridge     = 2.0
)

// tree is a full binary tree: node k has children 2k+1 and 2k+2.
type tree struct {
	feature [1<<treeDepth - 1]int // -1: the left child takes all
	bin     [1<<treeDepth - 1]uint8
	leaf    [1 << treeDepth]float64
}

// fitBoosted trains on rows x with labels; the two classes weigh the same.
func fitBoosted(r *rand.Rand, x [][]float64, honey []bool) *boosted {
	b := &boosted{cuts: cutsOf(x)}
	b.gains = make([]float64, len(b.cuts))
	n, width := len(x), len(b.cuts)
	cols := make([][]uint8, width)
	for f := range cols {
		cols[f] = make([]uint8, n)
		for i := range x {
			cols[f][i] = binOf(b.cuts[f], x[i][f])
		}
	}
	weights := classWeights(honey)
	score, grad, hess, node := make([]float64, n), make([]float64, n), make([]float64, n), make([]int, n)
	for range treeCount {
		for i := range x {
			p := 1 / (1 + math.Exp(-score[i]))
			y := 0.0
			if honey[i] {
				y = 1
			}
			grad[i], hess[i] = weights[i]*(y-p), weights[i]*max(p*(1-p), 1e-6)
		}
		use := r.Perm(width)[:max(1, width/3)]
		t := grow(cols, use, grad, hess, node, b.gains)
		for i := range x {
			score[i] += t.leaf[node[i]]
		}
		b.trees = append(b.trees, t)
	}
	return b
}

func classWeights(honey []bool) []float64 {
	pos := 0
	for _, h := range honey {
		if h {
			pos++
		}
	}
	n := len(honey)
	out := make([]float64, n)
	for i, h := range honey {
		out[i] = float64(n) / 2 / float64(max(n-pos, 1))
		if h {
			out[i] = float64(n) / 2 / float64(max(pos, 1))
		}
	}
	return out
}

// grow grows one tree; on return node holds each row's leaf.
func grow(cols [][]uint8, use []int, grad, hess []float64, node []int, gains []float64) tree {
	var t tree
	clear(node)
	for level := range treeDepth {
		first, many := 1<<level-1, 1<<level
		best := make([]float64, many)
		for k := range many {
			t.feature[first+k] = -1
		}
		var g, h [1 << treeDepth][bins]float64
		for _, f := range use {
			for k := range many {
				g[k], h[k] = [bins]float64{}, [bins]float64{}
			}
			col := cols[f]
			for i, k := range node {
				g[k][col[i]] += grad[i]
				h[k][col[i]] += hess[i]
			}
			for k := range many {
				if gain, at := cut(&g[k], &h[k]); gain > best[k]+1e-9 {
					best[k], t.feature[first+k], t.bin[first+k] = gain, f, at
				}
			}
		}
		for k := range many {
			if f := t.feature[first+k]; f >= 0 {
				gains[f] += best[k]
			}
		}
		for i, k := range node {
			node[i] = 2 * k
			if f := t.feature[first+k]; f >= 0 && cols[f][i] > t.bin[first+k] {
				node[i]++
			}
		}
	}
	var g, h [1 << treeDepth]float64
	for i, k := range node {
		g[k] += grad[i]
		h[k] += hess[i]
	}
	for k := range t.leaf {
		t.leaf[k] = treeRate * g[k] / (h[k] + ridge)
	}
	return t
}

// cut finds the best place to cut a histogram in two.
func cut(g, h *[bins]float64) (gain float64, at uint8) {
	var sg, sh float64
	for b := range bins {
		sg, sh = sg+g[b], sh+h[b]
	}
	whole := sg * sg / (sh + ridge)
	var lg, lh float64
	for b := range bins - 1 {
		lg, lh = lg+g[b], lh+h[b]
		rg, rh := sg-lg, sh-lh
		if lh < leafLeast/4 || rh < leafLeast/4 {
			continue
		}
		if v := lg*lg/(lh+ridge) + rg*rg/(rh+ridge) - whole; v > gain {
			gain, at = v, uint8(b)
		}
	}
	return gain, at
}

// cutsOf returns each feature's bounds of bins: its quantiles.
func cutsOf(x [][]float64) [][]float64 {
	if len(x) == 0 {
		return nil
	}
	out := make([][]float64, len(x[0]))
	vs := make([]float64, len(x))
	for f := range out {
		for i := range x {
			vs[i] = x[i][f]
		}
		sort.Float64s(vs)
		for k := 1; k < bins; k++ {
			c := vs[k*len(vs)/bins]
			if n := len(out[f]); c > vs[0] && (n == 0 || c > out[f][n-1]) {
				out[f] = append(out[f], c)
			}
		}
		// A value of its own at the far end is a bin of its own.
		if n := len(out[f]); vs[len(vs)-1] > vs[0] && (n == 0 || vs[len(vs)-1] > out[f][n-1]) && n < bins-1 {
			out[f] = append(out[f], vs[len(vs)-1])
		}
	}
	return out
}

func binOf(cuts []float64, v float64) uint8 {
	return uint8(sort.Search(len(cuts), func(i int) bool { return cuts[i] > v }))
}

// score is the higher, the more a row looks like a honey row.
func (b *boosted) score(x []float64) float64 {
	s := 0.0
	for i := range b.trees {
		t := &b.trees[i]
		k := 0
		for level := range treeDepth {
			f, at := t.feature[1<<level-1+k], t.bin[1<<level-1+k]
			k *= 2
			if f >= 0 && binOf(b.cuts[f], x[f]) > at {
				k++
			}
		}
		s += t.leaf[k]
	}
	return s
}

// sparse is a logistic regression on hashed pieces of texts.
type sparse struct{ w []float64 }

const sparseSize = 1 << 14

// fitSparse trains by stochastic gradient descent with decay.
func fitSparse(r *rand.Rand, x [][]uint32, honey []bool) *sparse {
	s := &sparse{w: make([]float64, sparseSize)}
	weights := classWeights(honey)
	for epoch := range 12 {
		rate := 0.5 / float64(1+epoch)
		for _, i := range r.Perm(len(x)) {
			p := 1 / (1 + math.Exp(-s.score(x[i])))
			y := 0.0
			if honey[i] {
				y = 1
			}
			step := rate * min(weights[i], 4) * (y - p) / math.Sqrt(float64(len(x[i])+1))
			for _, k := range x[i] {
				s.w[k] += step - rate*1e-3*s.w[k]
			}
		}
	}
	return s
}

func (s *sparse) score(x []uint32) float64 {
	sum := 0.0
	for _, k := range x {
		sum += s.w[k]
	}
	return sum / math.Sqrt(float64(len(x)+1))
}

// isolation is a forest of random cuts (Liu, Ting, Zhou 2008): what is cut off
// early is unlike the rest.
func isolation(r *rand.Rand, x [][]float64) []float64 {
	const trees, part = 80, 200
	out := make([]float64, len(x))
	if len(x) == 0 {
		return out
	}
	limit := int(math.Ceil(math.Log2(part)))
	for range trees {
		pick := r.Perm(len(x))[:min(part, len(x))]
		all := make([]int, len(x))
		for i := range all {
			all[i] = i
		}
		isolate(r, x, pick, all, 0, limit, out)
	}
	for i := range out {
		out[i] = -out[i] // a short path is a high score
	}
	return out
}

// isolate cuts the rows of pick by a feature drawn at random, and adds to each
// of all the length of its path.
func isolate(r *rand.Rand, x [][]float64, pick, all []int, depth, limit int, out []float64) {
	if len(all) == 0 {
		return
	}
	if len(pick) <= 1 || depth >= limit {
		for _, i := range all {
			out[i] += float64(depth) + pathRest(len(pick))
		}
		return
	}
	f, lo, hi := 0, 0.0, 0.0
	for try := 0; try < 12 && lo >= hi; try++ {
		f = r.IntN(len(x[0]))
		lo, hi = x[pick[0]][f], x[pick[0]][f]
		for _, i := range pick {
			lo, hi = min(lo, x[i][f]), max(hi, x[i][f])
		}
	}
	if lo >= hi {
		for _, i := range all {
			out[i] += float64(depth) + pathRest(len(pick))
		}
		return
	}
	at := lo + r.Float64()*(hi-lo)
	split := func(in []int) (l, g []int) {
		for _, i := range in {
			if x[i][f] < at {
				l = append(l, i)
			} else {
				g = append(g, i)
			}
		}
		return l, g
	}
	pl, pg := split(pick)
	al, ag := split(all)
	isolate(r, x, pl, al, depth+1, limit, out)
	isolate(r, x, pg, ag, depth+1, limit, out)
}

// pathRest is the mean path that n rows would still be cut by.
func pathRest(n int) float64 {
	if n <= 1 {
		return 0
	}
	return 2*(math.Log(float64(n-1))+0.5772) - 2*float64(n-1)/float64(n)
}

// auc is the chance that a honey row scores above a real one, ties counted half.
func auc(score []float64, honey []bool) float64 {
	order := make([]int, len(score))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return score[order[a]] < score[order[b]] })
	var ranks, pos float64
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && score[order[j]] == score[order[i]] {
			j++
		}
		for _, k := range order[i:j] {
			if honey[k] {
				ranks += float64(i+j+1) / 2
				pos++
			}
		}
		i = j
	}
	neg := float64(len(score)) - pos
	if pos == 0 || neg == 0 {
		return 0.5
	}
	return (ranks - pos*(pos+1)/2) / pos / neg
}
