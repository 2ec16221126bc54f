package pgserver

import (
	"context"
	"os"
	"strings"
	"testing"
)

func TestServerStartsAnswersRestartsAndCleansUp(t *testing.T) {
	ctx := context.Background()
	s, err := Start(ctx, Options{Settings: []string{"work_mem = '5MB'"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	for range 2 {
		got, err := s.Query(ctx, "postgres", "show work_mem")
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(got) != "5MB" {
			t.Fatalf("work_mem = %q, want 5MB", got)
		}
		if err := s.Restart(ctx); err != nil {
			t.Fatal(err)
		}
	}
	s.Stop()
	if _, err := os.Stat(s.Dir); !os.IsNotExist(err) {
		t.Fatalf("folder %s is still there (%v)", s.Dir, err)
	}
}
