package seeder

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"honeyrow/event"
	"honeyrow/token"
)

// spread looks for live values that count in any column and have come to stand
// in another column than their own.
func (s *Seeder) spread(ctx context.Context, cat *Catalog, ts []token.Token, o ApplyOptions, out *Verified) (map[string][]string, error) {
	kinds := map[string][]string{}
	type at struct{ table, column, value string }
	own := map[at]bool{}
	byOID := map[uint32]*Table{}
	for _, t := range cat.Tables {
		byOID[t.OID] = t
	}
	for i := range ts {
		t := &ts[i]
		v := strings.TrimRight(t.Value, " ")
		home := (&Table{Schema: t.Place.Schema, Name: t.Place.Table}).String()
		own[at{home, t.Place.Column, v}] = true
		for _, table := range (&honeyRow{tokens: ts[i : i+1]}).homes(cat) {
			own[at{table.String(), t.Place.Column, v}] = true
			for _, part := range table.Parts { // parents and children show the same row
				if kin := byOID[part.OID]; kin != nil {
					own[at{kin.String(), t.Place.Column, v}] = true
				}
			}
		}
		if sought(t.Kind, t.Strength) {
			kinds[t.Kind] = append(kinds[t.Kind], v)
		}
	}
	find := &search{
		db: s.Database, cat: cat, limit: o.StatementTimeout, until: time.Now().Add(o.SearchTimeout), progress: o.progress,
		outside: func(t *Table, column, value string) bool { return own[at{t.String(), column, value}] },
	}
	got, err := find.find(ctx, kinds)
	if err != nil {
		return nil, err
	}
	for kind := range kinds {
		if why := got.unproven(kind); why != "" {
			out.Warnings = appendOnce(out.Warnings, "whether other rows hold planted values by now is not known for all: "+why)
		}
	}
	return got.at, nil
}

// elsewhere reports a row's values that stand in other columns too, and
// demotes their tokens if asked to.
func (s *Seeder) elsewhere(ctx context.Context, r *honeyRow, spread map[string][]string, demote bool, st *RowState, out *Verified) error {
	for i := range r.tokens {
		t := &r.tokens[i]
		home, column := cmp.Or(st.home, st.Table), cmp.Or(st.called[t.Place.Column], t.Place.Column)
		at := slices.DeleteFunc(slices.Clone(spread[strings.TrimRight(t.Value, " ")]), func(place string) bool { return place == home+"."+column })
		if len(at) == 0 || !sought(t.Kind, t.Strength) {
			continue
		}
		st.Columns = appendOnce(st.Columns, t.Place.Column)
		if demote {
			if err := s.demote(ctx, t); err != nil {
				return err
			}
			out.Demoted++
			st.Why = "a value stands in " + strings.Join(at, ", ") + " too: from now on " + demoted
			continue
		}
		if st.State == string(intact) {
			st.State = "repeated"
		}
		if st.Why != "" {
			st.Why += "; "
		}
		st.Why += "a value has come to stand in " + strings.Join(at, ", ") + " too: a reader of that row raises an alert (which is right if a trigger has copied the honey row there); seed verify --demote lets the value count by its own table and column only, or together"
	}
	return nil
}

// demote registers a token's value as a weak one and lets the old token go.
// The registry changes no token's strength, and at no moment is the value
// unwatched. A run that was interrupted is finished by the next.
func (s *Seeder) demote(ctx context.Context, t *token.Token) error {
	fresh := *t
	fresh.ID, fresh.Strength, fresh.ChangedAt = event.NewID(), token.Weak, s.now().UTC()
	if err := s.Store.Add(ctx, []token.Token{fresh}); err != nil {
		return fmt.Errorf("register the token anew: %w", err)
	}
	for _, to := range []token.State{token.Retired, token.Removed} {
		if err := s.Store.SetState(ctx, to, t.ID); err != nil {
			return fmt.Errorf("let token %s go: %w; run seed verify --demote again", t.ID, err)
		}
	}
	return nil
}
