package tracing

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"honeyrow/event"
	"honeyrow/inspect"
)

// sampled is a session of which a share of the runs has spans. Without such a
// share there is none of it: the session's own methods are called.
type sampled struct{ *session }

// Prepare implements inspect.Session.
func (s sampled) Prepare(sql []byte, total int) (inspect.Statement, event.Verdict) {
	st, v := s.session.Prepare(sql, total)
	if st == nil || v.Blocks() {
		return st, v
	}
	return &statement{Statement: st, s: s.session, operation: operation(sql), parent: parent(sql)}, v
}

// statement is one whose runs may have spans.
type statement struct {
	inspect.Statement
	s         *session
	operation string
	parent    string // traceparent, or empty
}

// Run implements inspect.Statement.
func (st *statement) Run(buf []byte, params []inspect.Param) (inspect.Run, event.Verdict) {
	if rand.Float64() >= st.s.t.statements {
		return st.Statement.Run(buf, params)
	}
	began := time.Now()
	r, v := st.Statement.Run(buf, params)
	span := st.span(began)
	if v.Blocks() {
		span.SetStatus(codes.Error, "refused by a rule")
		span.SetAttributes(attribute.String("honeyrow.rule", v.Rule), attribute.String("honeyrow.detection", string(v.Detection)))
	}
	if r == nil {
		span.End()
		return nil, v
	}
	return &run{Run: r, span: span}, v
}

// span begins the span of a run: its caller's child if the statement names it, and
// linked with the session's, or the session's child.
func (st *statement) span(began time.Time) trace.Span {
	opts := []trace.SpanStartOption{
		trace.WithTimestamp(began), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(st.s.about...), trace.WithAttributes(attribute.String("db.operation.name", st.operation)),
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": st.parent})
	if trace.SpanContextFromContext(ctx).IsValid() {
		opts = append(opts, trace.WithLinks(trace.Link{SpanContext: st.s.span.SpanContext()}))
	} else {
		ctx = trace.ContextWithSpan(ctx, st.s.span)
	}
	_, span := st.s.t.tracer.Start(ctx, "run", opts...)
	return span
}

// run is one execution with its span.
type run struct {
	inspect.Run
	span trace.Span
}

// Done implements inspect.Run.
func (r *run) Done(rows uint64, code string) {
	r.Run.Done(rows, code)
	r.span.SetAttributes(attribute.Int64("db.response.returned_rows", int64(min(rows, 1<<62))))
	switch {
	case code == "":
		r.span.SetStatus(codes.Error, "not finished")
	case failed(code):
		r.span.SetAttributes(attribute.String("db.response.status_code", code))
		r.span.SetStatus(codes.Error, "the server answered with an error")
	}
	r.span.End()
}

// failed reports whether a run's code is an error's: an SQLSTATE, or the number of
// MySQL's syntax error.
func failed(code string) bool {
	if code == "1064" {
		return true
	}
	return len(code) == 5 && strings.Trim(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" && strings.ContainsAny(code, "0123456789")
}

// operations are the words that a span may name: a statement's first one and
// nothing else of it.
var operations = strings.Fields("ALTER ANALYZE BEGIN CALL CLOSE COMMIT COPY CREATE DEALLOCATE DECLARE DELETE DO DROP EXECUTE EXPLAIN FETCH GRANT INSERT " +
	"LISTEN LOAD LOCK MERGE NOTIFY PREPARE REFRESH REPLACE RESET REVOKE ROLLBACK SAVEPOINT SELECT SET SHOW START TABLE TRUNCATE UPDATE USE VACUUM VALUES WITH")

// operation is the first word behind blanks and comments, if it is one of SQL's, or
// "OTHER".
func operation(sql []byte) string {
	for {
		sql = bytes.TrimLeft(sql, " \t\r\n(;")
		_, behind, comment := bytes.Cut(sql, []byte("*/"))
		if !comment || !bytes.HasPrefix(sql, []byte("/*")) {
			break
		}
		sql = behind
	}
	n := 0
	for n < len(sql) && n < 12 && (sql[n]|0x20 >= 'a' && sql[n]|0x20 <= 'z') {
		n++
	}
	if w := strings.ToUpper(string(sql[:n])); slices.Contains(operations, w) {
		return w
	}
	return "OTHER"
}

// parent is the traceparent in a comment of the statement (sqlcommenter: after the
// statement, keys in quotes). The library checks its form.
func parent(sql []byte) string {
	const key, length = "traceparent='", 55
	i := bytes.LastIndex(sql, []byte(key))
	if i < 0 || len(sql) < i+len(key)+length || bytes.LastIndex(sql[:i], []byte("/*")) < 0 {
		return ""
	}
	return string(sql[i+len(key) : i+len(key)+length])
}
