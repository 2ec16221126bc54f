package tracing

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"honeyrow/alert/peer"
)

// exporter sends spans as OTLP over HTTP, in its JSON form (OpenTelemetry
// Protocol Specification, "OTLP/HTTP", "JSON Protobuf Encoding": field names in
// camel case, ids in hex, 64-bit numbers as strings, enumerations as numbers).
// OpenTelemetry's own exporter would bring gRPC and its gateway into the program:
// 100 packages of 9 modules for this one request.
type exporter struct{ peer.Service }

var _ sdk.SpanExporter = exporter{}

type (
	keyValue struct {
		Key   string         `json:"key"`
		Value map[string]any `json:"value"`
	}
	otlpLink struct {
		TraceID string `json:"traceId"`
		SpanID  string `json:"spanId"`
	}
	otlpStatus struct {
		Code    int    `json:"code,omitempty"`
		Message string `json:"message,omitempty"`
	}
	otlpSpan struct {
		TraceID      string     `json:"traceId"`
		SpanID       string     `json:"spanId"`
		ParentSpanID string     `json:"parentSpanId,omitempty"`
		TraceState   string     `json:"traceState,omitempty"`
		Name         string     `json:"name"`
		Kind         int        `json:"kind"`
		Start        string     `json:"startTimeUnixNano"`
		End          string     `json:"endTimeUnixNano"`
		Attributes   []keyValue `json:"attributes"`
		Links        []otlpLink `json:"links,omitempty"`
		Status       otlpStatus `json:"status"`
	}
	otlpScope struct {
		Name    string `json:"name"`
		Version string `json:"version,omitempty"`
	}
	otlpScopeSpans struct {
		Scope otlpScope  `json:"scope"`
		Spans []otlpSpan `json:"spans"`
	}
	otlpResource struct {
		Attributes []keyValue `json:"attributes"`
	}
	otlpResourceSpans struct {
		Resource   otlpResource     `json:"resource"`
		ScopeSpans []otlpScopeSpans `json:"scopeSpans"`
	}
	otlpRequest struct {
		ResourceSpans []otlpResourceSpans `json:"resourceSpans"`
	}
)

// ExportSpans implements sdk.SpanExporter. A batch that fails is dropped: traces
// are for looking, alerts have the outbox.
func (e exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if len(spans) == 0 {
		return nil
	}
	body, err := json.Marshal(request(spans))
	if err != nil {
		return fmt.Errorf("encode spans: %w", err)
	}
	r := peer.Request{Body: body, Header: http.Header{}}
	if strings.Trim(e.URL().Path, "/") == "" {
		r.Path = "v1/traces"
	}
	if !e.Key.Empty() {
		r.Header.Set("Authorization", "Bearer "+e.Key.Reveal())
	}
	_, err = e.Do(ctx, r)
	return err
}

// Shutdown implements sdk.SpanExporter.
func (e exporter) Shutdown(context.Context) error { return e.Close() }

// request makes what one request carries. All spans are of one provider and of
// one scope.
func request(spans []sdk.ReadOnlySpan) otlpRequest {
	scope := spans[0].InstrumentationScope()
	list := make([]otlpSpan, len(spans))
	for i, s := range spans {
		list[i] = spanOf(s)
	}
	return otlpRequest{[]otlpResourceSpans{{
		Resource:   otlpResource{attributes(spans[0].Resource().Attributes())},
		ScopeSpans: []otlpScopeSpans{{Scope: otlpScope{scope.Name, scope.Version}, Spans: list}},
	}}}
}

func spanOf(s sdk.ReadOnlySpan) otlpSpan {
	c := s.SpanContext()
	o := otlpSpan{
		TraceID: c.TraceID().String(), SpanID: c.SpanID().String(), TraceState: c.TraceState().String(), Name: s.Name(), Kind: kindOf(s.SpanKind()),
		Start: nanos(s.StartTime()), End: nanos(s.EndTime()), Attributes: attributes(s.Attributes()),
	}
	if s.Parent().SpanID().IsValid() {
		o.ParentSpanID = s.Parent().SpanID().String()
	}
	for _, l := range s.Links() {
		o.Links = append(o.Links, otlpLink{l.SpanContext.TraceID().String(), l.SpanContext.SpanID().String()})
	}
	switch st := s.Status(); st.Code {
	case codes.Ok:
		o.Status.Code = 1
	case codes.Error:
		o.Status = otlpStatus{2, st.Description}
	}
	return o
}

// kindOf is Span.SpanKind of the protocol.
func kindOf(k trace.SpanKind) int {
	if k == trace.SpanKindServer {
		return 2
	}
	return 1 // internal
}

func nanos(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

// attributes writes those of the types that this package uses.
func attributes(kvs []attribute.KeyValue) []keyValue {
	out := make([]keyValue, 0, len(kvs))
	for _, kv := range kvs {
		v := map[string]any{}
		switch kv.Value.Type() {
		case attribute.BOOL:
			v["boolValue"] = kv.Value.AsBool()
		case attribute.INT64:
			v["intValue"] = strconv.FormatInt(kv.Value.AsInt64(), 10)
		default:
			v["stringValue"] = strings.ToValidUTF8(kv.Value.String(), "\uFFFD")
		}
		out = append(out, keyValue{string(kv.Key), v})
	}
	return out
}
