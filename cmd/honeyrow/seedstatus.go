package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"honeyrow/event"
	"honeyrow/internal/app"
	"honeyrow/seeder"
	"honeyrow/token"
)

type seedStatusCmd struct {
	Server string `placeholder:"NAME" help:"Only deployments in this server."`
}

// Help is shown by --help.
func (seedStatusCmd) Help() string {
	return "Reads the registry only: what is planted, what is still to come (seed apply --drip), and which replaced values are watched on. " +
		"Whether the rows are still there says 'seed verify'.\n\n" +
		"Example: honeyrow seed status"
}

// deployed is one seeding run, as status tells it.
type deployed struct {
	Deployment string    `json:"deployment"`
	Server     string    `json:"server"`
	Database   string    `json:"database"`
	Tables     []string  `json:"tables"`
	PlantedBy  string    `json:"planted_by"`
	Since      time.Time `json:"since"`
	Rows       int       `json:"rows"`              // that are there
	Open       int       `json:"open,omitempty"`    // of an interrupted run
	Expired    int       `json:"expired,omitempty"` // replaced values that are watched
	// Until is when the last of them is watched no more.
	Until time.Time   `json:"expired_until,omitzero"`
	Drip  *token.Drip `json:"drip,omitempty"` // unfinished
}

// Run prints one line for each deployment.
func (c *seedStatusCmd) Run(e *env) error {
	return e.withStore(func(st *app.Store) error {
		ts, err := st.List(e.ctx, token.Filter{Server: c.Server, States: []token.State{token.Planned, token.Live, token.Retired}})
		if err != nil {
			return err
		}
		drips, err := st.Drips(e.ctx, c.Server, "")
		if err != nil {
			return err
		}
		all := deployments(ts, drips)
		if e.json {
			for _, d := range all {
				if err := e.printLine(d); err != nil {
					return err
				}
			}
			return nil
		}
		if len(all) == 0 {
			fmt.Fprintln(e.stderr, "nothing is planted: begin with `honeyrow seed plan`")
			return nil
		}
		t := table{head: []string{"DEPLOYMENT", "WHERE", "SINCE", "BY", "ROWS", "MORE"}}
		for _, d := range all {
			t.add(d.Deployment, printable(d.Server+"."+d.Database+": "+strings.Join(d.Tables, ", ")), d.Since.UTC().Format(time.DateOnly), printable(d.PlantedBy), fmt.Sprint(d.Rows), d.more())
		}
		t.write(e.stdout)
		return nil
	})
}

func (d *deployed) more() string {
	var out []string
	if d.Drip != nil {
		out = append(out, seeder.DripStatus(d.Drip, time.Now()))
	}
	if d.Open > 0 {
		out = append(out, fmt.Sprintf("%s open: run `honeyrow seed reconcile`", counted(d.Open, "row is", "rows are")))
	}
	if d.Expired > 0 {
		out = append(out, fmt.Sprintf("%s watched until %s", counted(d.Expired, "replaced value is", "replaced values are"), d.Until.UTC().Format(time.DateOnly)))
	}
	return strings.Join(out, "; ")
}

// deployments adds up tokens and drips by deployment, the oldest first.
func deployments(ts []token.Token, drips []token.Drip) (all []*deployed) {
	by := map[string]*deployed{}
	get := func(deployment string, p event.Place, at time.Time, who string) *deployed {
		d := by[deployment]
		if d == nil {
			d = &deployed{Deployment: deployment, Server: p.Server, Database: p.Database, PlantedBy: who, Since: at}
			by[deployment] = d
			all = append(all, d)
		}
		if at.Before(d.Since) {
			d.Since = at
		}
		return d
	}
	rows, open := map[event.ID]bool{}, map[event.ID]bool{}
	for i := range ts {
		t := &ts[i]
		d := get(t.Deployment, t.Place, t.PlantedAt, t.PlantedBy)
		name := strings.TrimPrefix(t.Place.Schema+"."+t.Place.Table, ".")
		if !slices.Contains(d.Tables, name) {
			d.Tables = append(d.Tables, name)
		}
		switch {
		case t.Expired():
			d.Expired++
			if t.Until.After(d.Until) {
				d.Until = t.Until
			}
		case t.State == token.Live:
			if !rows[t.Row] {
				rows[t.Row] = true
				d.Rows++
			}
		case !open[t.Row]:
			open[t.Row] = true
			d.Open++
		}
	}
	for i := range drips {
		x := &drips[i]
		if x.Left() == 0 {
			continue
		}
		d := get(x.Deployment, event.Place{Server: x.Server, Database: x.Database}, x.Begun, "")
		d.Drip = x
		for _, r := range x.Rows {
			if !slices.Contains(d.Tables, r.Table) {
				d.Tables = append(d.Tables, r.Table)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *deployed) int { return a.Since.Compare(b.Since) })
	return all
}
