package app

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"honeyrow/internal/admin"
)

var update = flag.Bool("update", false, "write docs/metrics.md's table")

const metricsDoc = "../../docs/metrics.md"

// adminSite is a site with an admin socket.
func adminSite(t *testing.T) (*site, admin.Config) {
	t.Helper()
	// A unix socket's path is short.
	dir, err := os.MkdirTemp("", "adm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	c := admin.Config{Address: "unix:" + filepath.Join(dir, "s")}
	s := newSite(t, "\nadmin: {address: \""+c.Address+"\"}\n")
	s.start()
	return s, c
}

func TestAdminTellsWhatTheProxyDoesAndTakesOrders(t *testing.T) {
	s, c := adminSite(t)
	k, err := admin.Dial(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	var ready admin.Readiness
	if err := k.Get(ctx, "/readyz", &ready); err != nil || !ready.Ready {
		t.Fatalf("ready: %+v %v", ready, err)
	}
	var st Status
	if err := k.Get(ctx, "/v1/status", &st); err != nil {
		t.Fatal(err)
	}
	if st.State != "serving" || st.PID != os.Getpid() || len(st.Listener) == 0 || st.Listener[0].Address == "" || !st.Registry.Up {
		t.Errorf("status: %+v", st)
	}

	if err := k.Post(ctx, "/v1/reload"); err != nil {
		t.Fatalf("reload: %v", err)
	}
	good, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.file, append(slices.Clone(good), "nonsense: 1\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := k.Post(ctx, "/v1/reload"); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("a bad configuration: %v, want its mistake", err)
	}
	text := scrape(t, c)
	for _, want := range []string{
		`honeyrow_config_reloads_total{result="taken"} 1`, `honeyrow_config_reloads_total{result="refused"} 1`,
		"honeyrow_registry_up 1", "honeyrow_draining 0", `honeyrow_connections{listener="`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}

	if err := k.Post(ctx, "/v1/drain"); err != nil {
		t.Fatalf("drain: %v", err)
	}
	if err := <-s.done; err != nil {
		t.Errorf("the proxy ended with %v", err)
	}
	s.done = nil
	if err := k.Get(ctx, "/readyz", &ready); err == nil || !strings.Contains(err.Error(), "is it running") {
		t.Errorf("after the end: %v", err)
	}
}

// scrape reads /metrics.
func scrape(t *testing.T, c admin.Config) string {
	t.Helper()
	k, err := admin.Dial(c)
	if err != nil {
		t.Fatal(err)
	}
	text, err := k.Metrics(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestEveryMetricIsDocumented(t *testing.T) {
	_, c := adminSite(t)
	text := scrape(t, c)
	var table bytes.Buffer
	fmt.Fprint(&table, "| metric | kind | what it is |\n|---|---|---|\n")
	kinds := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (honeyrow_\S+) (\S+)$`).FindAllStringSubmatch(text, -1) {
		kinds[m[1]] = m[2]
	}
	helps := regexp.MustCompile(`(?m)^# HELP (honeyrow_\S+) (.*)$`).FindAllStringSubmatch(text, -1)
	if len(helps) < 30 {
		t.Fatalf("only %d metrics", len(helps))
	}
	for _, m := range helps {
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", m[1], kinds[m[1]], m[2])
	}
	b, err := os.ReadFile(metricsDoc)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(b), "<!-- metrics -->\n")
	old, tail, ok := strings.Cut(rest, "<!-- end -->")
	if !ok {
		t.Fatal("docs/metrics.md has lost the marks of its table")
	}
	if old == table.String() {
		return
	}
	if !*update {
		t.Fatal("docs/metrics.md is out of date: go test ./internal/app -run EveryMetricIsDocumented -update")
	}
	if err := os.WriteFile(metricsDoc, []byte(head+"<!-- metrics -->\n"+table.String()+"<!-- end -->"+tail), 0o600); err != nil {
		t.Fatal(err)
	}
}
