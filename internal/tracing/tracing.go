// Package tracing tells a collector of OpenTelemetry about sessions and about
// the statements that led to alerts: a span for each, over OTLP/HTTP. It sits
// where the engine begins (Inspector) and where it ends (Report), and is not
// there at all unless it is configured.
//
// Spans hold names, counts and ids; no statement's text, no parameter, no value.
// A statement whose sqlcommenter comment has a traceparent (W3C Trace Context)
// becomes a child of that span and is linked with its session's; others are
// children of their session's. A share of all runs has spans ("run") if that is
// asked for; without it statements pass as if this package were not there.
package tracing

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"honeyrow/alert/peer"
	"honeyrow/event"
	"honeyrow/inspect"
)

const (
	// maxRuns bounds the statements of one session whose spans are open.
	maxRuns = 64
	// logEvery is how often failures of the export are logged.
	logEvery = time.Minute
)

// Tracer makes spans. It is safe for concurrent use; nothing of it waits for the
// collector: what does not fit its queue (2,048 spans) is dropped.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	log      zerolog.Logger
	// statements is the share of the runs that have spans.
	statements float64
	failed     atomic.Uint64
	lastLog    atomic.Int64 // Unix nanoseconds

	mu       sync.Mutex
	sessions map[event.ID]*session
}

// session is a session's span with those of its statements.
type session struct {
	inspect.Session
	t    *Tracer
	id   event.ID
	span trace.Span
	// about is what the spans of its runs say of it.
	about []attribute.KeyValue

	mu   sync.Mutex
	runs map[event.ID]trace.Span // by detection
	over bool
}

// New makes a Tracer that exports as c says, with which c.Enabled. It makes no
// connection. host and version name this proxy.
func New(c Config, host, version string, log zerolog.Logger) (*Tracer, error) {
	service, err := peer.Open("traces", c, peer.Options{})
	if err != nil {
		return nil, err
	}
	t := &Tracer{log: log, statements: c.Statements, sessions: map[event.ID]*session{}}
	// The library tells of failures here alone; there is one Tracer a process.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(t.fail))
	t.provider = sdk.NewTracerProvider(
		sdk.WithBatcher(exporter{service}),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "honeyrow"),
			attribute.String("service.version", version), attribute.String("host.name", host))),
		// A share of the sessions, and every statement that led to an alert, whatever
		// became of its parent.
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(c.share()),
			sdk.WithLocalParentNotSampled(sdk.AlwaysSample()), sdk.WithRemoteParentNotSampled(sdk.AlwaysSample()))),
	)
	t.tracer = t.provider.Tracer("honeyrow", trace.WithInstrumentationVersion(version))
	return t, nil
}

// fail counts an export that failed.
func (t *Tracer) fail(err error) {
	t.failed.Add(1)
	now, last := time.Now().UnixNano(), t.lastLog.Load()
	if now-last >= int64(logEvery) && t.lastLog.CompareAndSwap(last, now) {
		t.log.Warn().Err(err).Msg("traces could not be exported: is the collector at traces.url there? Sessions and alerts go on as ever")
	}
}

// Failed counts exports that failed since the start.
func (t *Tracer) Failed() uint64 { return t.failed.Load() }

// Close exports what is left, for as long as ctx lasts.
func (t *Tracer) Close(ctx context.Context) error { return t.provider.Shutdown(ctx) }

// Inspector returns next with a span around each of its sessions.
func (t *Tracer) Inspector(next inspect.Inspector) inspect.Inspector { return tracing{next, t} }

type tracing struct {
	inspect.Inspector
	t *Tracer
}

// Open implements inspect.Inspector.
func (i tracing) Open(c event.Client) (inspect.Session, event.Verdict) {
	s := i.t.begin(&c)
	sess, v := i.Inspector.Open(c)
	if v.Blocks() {
		s.span.SetStatus(codes.Error, "refused by a rule")
		s.span.SetAttributes(attribute.String("honeyrow.rule", v.Rule), attribute.String("honeyrow.detection", string(v.Detection)))
	}
	if sess == nil {
		s.end()
		return nil, v
	}
	s.Session = sess
	if i.t.statements > 0 {
		return sampled{s}, v
	}
	return s, v
}

func (t *Tracer) begin(c *event.Client) *session {
	host := c.Address
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	system := map[string]string{"postgres": "postgresql"}[c.Protocol]
	if system == "" {
		system = c.Protocol
	}
	about := []attribute.KeyValue{
		attribute.String("db.system.name", system), attribute.String("db.namespace", c.Database), attribute.String("user.name", c.User),
		attribute.String("honeyrow.session", string(c.Session)), attribute.String("honeyrow.server", c.Server),
	}
	_, span := t.tracer.Start(context.Background(), "session", trace.WithTimestamp(c.Started), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(about...), trace.WithAttributes(
			attribute.String("client.address", host), attribute.String("honeyrow.application", c.Application),
			attribute.String("honeyrow.listener", c.Listener), attribute.Bool("honeyrow.tls", c.TLS != nil)))
	s := &session{t: t, id: c.Session, span: span, about: about, runs: map[event.ID]trace.Span{}}
	t.mu.Lock()
	t.sessions[c.Session] = s
	t.mu.Unlock()
	return s
}

// Close implements inspect.Session: detections that it still makes are told.
func (s *session) Close() {
	s.Session.Close()
	s.end()
}

func (s *session) end() {
	s.t.mu.Lock()
	if s.t.sessions[s.id] == s { // another identity's may have taken its place
		delete(s.t.sessions, s.id)
	}
	s.t.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for id, run := range s.runs {
		run.End()
		delete(s.runs, id)
	}
	s.span.End()
}

// Report takes a revision of a detection: the first begins the span of its
// statement, the one of the run's end ends it.
func (t *Tracer) Report(d *event.Detection) {
	t.mu.Lock()
	s := t.sessions[d.Client.Session]
	t.mu.Unlock()
	if s == nil { // judged after the session's end, or about no session
		span := t.statement(nil, d)
		describe(span, d)
		span.End()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	span := s.runs[d.ID]
	if span == nil {
		if span = t.statement(s, d); !s.over && len(s.runs) < maxRuns {
			s.runs[d.ID] = span
		} else {
			defer span.End()
		}
	}
	describe(span, d)
	if d.Run.Done {
		delete(s.runs, d.ID)
		span.End()
	}
}

// statement begins the span of a detection's statement.
func (t *Tracer) statement(s *session, d *event.Detection) trace.Span {
	began := d.Run.Started
	if began.IsZero() {
		began = d.Time
	}
	opts := []trace.SpanStartOption{trace.WithTimestamp(began), trace.WithSpanKind(trace.SpanKindServer)}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{
		"traceparent": d.Statement.Tags["traceparent"], "tracestate": d.Statement.Tags["tracestate"],
	})
	switch remote := trace.SpanContextFromContext(ctx).IsValid(); {
	case s != nil && remote:
		opts = append(opts, trace.WithLinks(trace.Link{SpanContext: s.span.SpanContext()}))
	case s != nil:
		ctx = trace.ContextWithSpan(ctx, s.span)
	}
	_, span := t.tracer.Start(ctx, "statement", opts...)
	return span
}

// describe says what is known by now.
func describe(span trace.Span, d *event.Detection) {
	span.SetAttributes(
		attribute.String("honeyrow.detection", string(d.ID)), attribute.String("honeyrow.session", string(d.Client.Session)),
		attribute.String("honeyrow.rule", d.Rule), attribute.String("honeyrow.severity", d.Severity.String()), attribute.String("honeyrow.action", d.Action.String()),
		attribute.String("honeyrow.statement.shape", d.Statement.Shape), attribute.Int("honeyrow.honey_rows", d.HoneyRows), attribute.Int("honeyrow.hits", d.HitCount),
		attribute.Int64("db.response.returned_rows", int64(d.Run.Rows)), attribute.String("db.namespace", d.Client.Database), attribute.String("honeyrow.server", d.Client.Server))
	if d.Action >= event.Block {
		span.SetStatus(codes.Error, "refused by a rule")
	}
}
