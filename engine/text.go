package engine

import (
	"bytes"

	"honeyrow/engine/match"
	"honeyrow/engine/sqlfacts"
	"honeyrow/event"
	"honeyrow/inspect"
)

// keepLiterals is the capacity of a cut text that goes back to the pool: some
// 300 KB, for a statement of as many literals.
const keepLiterals = 8192

// lex cuts a text of which total bytes came, as the session's server reads it, up
// to sqlfacts.TextLimit. The caller gives it back with unlex.
func (s *session) lex(sql []byte, total int) *sqlfacts.Text {
	t, _ := s.e.texts.Get().(*sqlfacts.Text)
	if t == nil {
		t = new(sqlfacts.Text)
	}
	t.LexPart(sql, total, *s.environment())
	return t
}

// lexAll is lex without the limit.
func (s *session) lexAll(sql []byte, total int) *sqlfacts.Text {
	if len(sql) <= sqlfacts.TextLimit {
		return s.lex(sql, total)
	}
	t := &sqlfacts.Text{Limit: len(sql)}
	t.LexPart(sql, total, *s.environment())
	return t
}

func (e *Engine) unlex(t *sqlfacts.Text) {
	if t == nil || t.Limit > 0 || cap(t.Literals) > keepLiterals {
		return
	}
	t.Raw = nil // the caller's buffer
	e.texts.Put(t)
}

// shortLengths are the lengths, as bits, of firm values that are looked for only
// as a whole literal.
func shortLengths(x *match.Index) uint64 { return x.Gate(false, false) & (1<<inspect.MinPart - 1) }

// literals looks for short firm values that are a whole literal. text is sql as
// lex cut it.
func (t *statement) literals(x *match.Index, sql []byte, text *sqlfacts.Text) {
	gate := shortLengths(x)
	if gate == 0 {
		return
	}
	if text == nil || len(sql) > len(text.Raw) {
		text = t.s.lexAll(sql, t.total)
		defer t.s.e.unlex(text)
	}
	var buf [10 * inspect.MinPart]byte // an escape takes up to ten bytes a character
	for i := range text.Literals {
		if n := text.Size(i); n == 0 || n > len(buf) {
			continue
		}
		b := text.Decode(i, buf[:0])
		if len(b) >= inspect.MinPart || gate>>len(b)&1 == 0 {
			continue
		}
		if val, ok := x.Whole(b); ok {
			proven(x, val, asText, func(tok uint32) { t.sight(x, tok, meansField, tried(1+len(sql)/literal)) })
		}
	}
}

// literal is how many bytes of a statement are taken to hold one, at the least.
const literal = 8

// describe makes evidence of a statement's text, of which total bytes came.
func (s *session) describe(text []byte, total int, redacted bool, parameters []string) event.Statement {
	p := event.Statement{Truncated: total > len(text), Redacted: redacted, Parameters: parameters}
	if t := s.commented(text, total, redacted); t != nil {
		p.Tags = tags(t)
		if redacted {
			text = bytes.TrimSpace(t.Redacted(make([]byte, 0, len(text))))
		}
		s.e.unlex(t)
	}
	p.Text = clean(string(text))
	return p
}

// commented cuts a text if there may be tags in it, or if it is wanted anyway;
// nil: it was not.
func (s *session) commented(text []byte, total int, anyway bool) *sqlfacts.Text {
	if !anyway && !bytes.Contains(text, []byte("/*")) {
		return nil
	}
	return s.lexAll(text, total)
}

// tagsOf reads the tags of a text.
func (s *session) tagsOf(text []byte) map[string]string {
	t := s.commented(text, len(text), false)
	if t == nil {
		return nil
	}
	defer s.e.unlex(t)
	return tags(t)
}
