package engine

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"honeyrow/engine/sqlfacts"
	"honeyrow/event"
	"honeyrow/rules"
)

// situation makes the environment that rules are judged in. Give it back with
// settled.
func (e *Engine) situation(s *session, now time.Time) *rules.Env {
	env, _ := e.envs.Get().(*rules.Env)
	if env == nil {
		env = rules.NewEnv()
	}
	env.Reset(now)
	who := s.who()
	env.SetClient(&who)
	e.history(env, s, now)
	return env
}

// history fills in what changes from one look to the next.
func (e *Engine) history(env *rules.Env, s *session, now time.Time) {
	env.At(now)
	if t := s.client.Started; !t.IsZero() {
		env.Session.Seconds = int(now.Sub(t) / time.Second)
	}
	env.Session.Statements = int(s.past.statements.Load())
	env.Session.Findings = int(s.past.suspicious.Load())
	env.Session.HoneyRows = int(s.past.honey.Load())
}

func (e *Engine) settled(env *rules.Env) {
	const keep = 256
	if cap(env.Hits) > keep || cap(env.Findings) > keep {
		return
	}
	env.Reset(time.Time{})
	e.envs.Put(env)
}

// past is what rules may know of a session's history. Both goroutines count.
type past struct {
	statements, suspicious, honey atomic.Int64

	mu   sync.Mutex
	rows map[event.ID]struct{}
}

// maxPast bounds the honey rows that a session is remembered to have read.
const maxPast = 4096

// read counts a honey row that the session was sent.
func (p *past) read(row event.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.rows[row]; ok || len(p.rows) >= maxPast {
		return
	}
	if p.rows == nil {
		p.rows = map[event.ID]struct{}{}
	}
	p.rows[row] = struct{}{}
	p.honey.Store(int64(len(p.rows)))
}

// describeStatement fills in what is known of a text: its facts, which may be
// nil, its shape's name if somebody asks for it, its length and tags.
func (s *session) describeStatement(env *rules.Env, set *rules.Set, f *sqlfacts.Facts, text []byte, total int, shape func() string) {
	if f != nil {
		env.Statement = rules.Facts(f)
	}
	env.Statement.Length = total
	if set.Asks(rules.OfTags) {
		env.Statement.Tags = s.tagsOf(text)
	}
	if shape != nil && set.Asks(rules.OfShape) {
		env.Statement.Shape = shape()
	}
}

// shapeName names the shape of a text as the session's server reads it.
func (s *session) shapeName(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	t := s.lex(text, len(text))
	defer s.e.unlex(t)
	return t.Name()
}

// Name names the statement's shape.
func (t *statement) Name() string { return t.s.shapeName(t.text) }

// shaped is a text that can name its shape.
type shaped interface{ Name() string }

// memory remembers which rules' static parts hold for a shape and a client, so
// that a shape that comes again costs a look.
type memory struct {
	slots [1 << 12]atomic.Pointer[remembered]
}

// remembered is immutable.
type remembered struct {
	key  uint64
	mask rules.Mask
}

// seed keys what is remembered: nobody outside can make two clients collide.
var seed = maphash.MakeSeed()

// identity is a hash of all that static parts may ask of the client: sessions of
// the same client share what is remembered. It is made again when Set changes
// the application or the database.
func (s *session) identity() uint64 {
	if id := s.ident.Load(); id != 0 {
		return id
	}
	who := s.who()
	var h maphash.Hash
	h.SetSeed(seed)
	for _, x := range [...]string{
		who.Protocol, who.Listener, who.Server, who.ServerVersion, rules.Host(who.Address), rules.Host(who.Balancer),
		who.User, who.Database, who.Application, who.Replication,
	} {
		h.WriteString(x)
		h.WriteByte(0)
	}
	if who.Protect {
		h.WriteByte(1)
	}
	if p := who.Peer; p != nil {
		maphash.WriteComparable(&h, *p)
	}
	if t := who.TLS; t != nil {
		maphash.WriteComparable(&h, *t)
	}
	sum := h.Sum64()
	for k, v := range who.Attributes {
		sum ^= maphash.String(seed, k+"\x00"+v)
	}
	sum |= 1
	s.ident.Store(sum)
	return sum
}

// static returns the rules whose static part holds for a text of the shape. It
// allocates for a shape's first text only.
func (s *session) static(p *policy, shape uint64, f *sqlfacts.Facts, name shaped) *rules.Mask {
	if !p.rules.Statics() {
		return &p.full
	}
	key := shape ^ s.identity()*0x9e3779b97f4a7c15
	slot := &p.memory.slots[(key^key>>32)%uint64(len(p.memory.slots))]
	if r := slot.Load(); r != nil && r.key == key {
		return &r.mask
	}
	env := s.e.situation(s, s.e.now())
	s.describeStatement(env, p.rules, f, nil, 0, name.Name)
	r := &remembered{key: key, mask: p.rules.Static(env)}
	s.e.settled(env)
	slot.Store(r)
	return &r.mask
}
