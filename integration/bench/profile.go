package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// profileSeconds is how long each CPU profile lasts.
const profileSeconds = 3

// job is one piece of work that is repeated while it is profiled.
type job struct {
	workload, cell string
	do             func(s *sample) error
}

// profiles writes, after the measuring, one CPU profile of honeyrow for each
// cell into the folder of --profile, named by server, workload and cell. What is profiled is not counted.
func (l *lane) profiles(ctx context.Context, procs []*proc) {
	i := slices.IndexFunc(procs, func(p *proc) bool { return p.pprof != "" })
	if i < 0 {
		return
	}
	for _, j := range l.jobs(ctx, procs[i].addr) {
		if ctx.Err() != nil || !slices.Contains(l.only, j.workload) {
			continue
		}
		l.note("%s profile: %s %s", l.of.title, j.workload, j.cell)
		if err := l.profileOne(ctx, procs[i], j); err != nil {
			l.problem(ctx, "profile of %s %s: %v", j.workload, j.cell, err)
		}
	}
}

func (l *lane) jobs(ctx context.Context, addr string) []job {
	unmeasured := func() time.Duration { return 0 }
	var js []job
	for _, mode := range l.pointModes {
		for _, clients := range l.clients {
			js = append(js, job{"point", fmt.Sprintf("%s %d", mode, clients), func(s *sample) error {
				return l.of.lookUp(ctx, l, s, addr, mode, clients, unmeasured)
			}})
		}
	}
	for _, c := range l.novelties() {
		js = append(js, job{"novel", c.cell(), func(s *sample) error { return l.ask(ctx, s, addr, c.sql, unmeasured) }})
	}
	for _, c := range l.of.cells {
		js = append(js, job{"wide", c.name, func(s *sample) error {
			return l.readWide(ctx, s, addr, c.read, map[string]uint64{}, unmeasured)
		}})
	}
	return append(js, job{"conn", "connect", func(s *sample) error { return l.connect(ctx, s, addr, unmeasured) }})
}

func (l *lane) profileOne(ctx context.Context, p *proc, j job) error {
	done := make(chan error, 1)
	go func() { // ends with the profile
		done <- l.fetch(ctx, p, fmt.Sprintf("profile?seconds=%d", profileSeconds), j.workload+" "+j.cell+".cpu")
	}()
	for {
		if err := j.do(&sample{}); err != nil {
			<-done
			return err
		}
		select {
		case err := <-done:
			return err
		default:
		}
	}
}

// fetch keeps one of the profiles that the proxy serves.
func (l *lane) fetch(ctx context.Context, p *proc, what, name string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.pprof+"/debug/pprof/"+what, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", resp.Status, body)
	}
	if err := os.MkdirAll(l.profile, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(l.profile, strings.ReplaceAll(l.of.name+" "+name, " ", "-")+".pprof"), body, 0o644)
}
