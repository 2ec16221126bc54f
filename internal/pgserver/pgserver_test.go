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

func TestServersFromATemplateAreApart(t *testing.T) {
	remove := Template()
	defer remove()
	ctx := context.Background()
	var ports []int
	for i := range 2 {
		s, err := Start(ctx, Options{HBA: []string{"local all all trust"}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Stop()
		ports = append(ports, s.Port)
		if err := s.Exec(ctx, "postgres", "create table only_here ()"); err != nil {
			t.Errorf("server %d: %v", i, err)
		}
	}
	if ports[0] == ports[1] {
		t.Errorf("both listen on port %d", ports[0])
	}
	dir := template.dir
	remove()
	if _, err := os.Stat(dir); dir == "" || !os.IsNotExist(err) {
		t.Errorf("the template %q is still there (%v)", dir, err)
	}
}
