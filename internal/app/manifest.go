package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"honeyrow/event"
	"honeyrow/manifest"
	"honeyrow/seeder"
	"honeyrow/token"
)

// ownTokens is the registry as the seeder sees it: it plants, verifies, rotates
// and removes what this registry planted itself. What was merged from others is
// theirs; it only must not be planted a second time.
type ownTokens struct{ *Store }

var _ seeder.Store = ownTokens{}

// List implements token.Shelf.
func (s ownTokens) List(ctx context.Context, f token.Filter) ([]token.Token, error) {
	if f.Value == "" {
		f.Own = true
	}
	return s.Store.List(ctx, f)
}

// Address returns the registry's address for manifests.
func Address(st *Store) (manifest.Address, error) {
	id, err := manifest.NewIdentity(st.IdentitySecret())
	if err != nil {
		return manifest.Address{}, err
	}
	return id.Address(), nil
}

// WriteManifest writes the registry's own tokens that f selects, in any state
// unless f names some, sealed to another registry's address, and logs that. It
// returns how many they are.
func WriteManifest(ctx context.Context, st *Store, w io.Writer, to manifest.Address, f token.Filter, h manifest.Header) (int, error) {
	id, err := manifest.NewIdentity(st.IdentitySecret())
	if err != nil {
		return 0, err
	}
	if to == id.Address() {
		return 0, errors.New("the address is this registry's own: give the one that `honeyrow tokens address` prints where the file is to be read")
	}
	h.Created = time.Now().UTC()
	m, err := manifest.NewWriter(w, id, to, h)
	if err != nil {
		return 0, err
	}
	at := map[event.Place]bool{}
	err = st.EachLife(ctx, func(l *token.Life) error {
		if l.Owner != "" || !f.Selects(&l.Token) {
			return nil
		}
		p := l.Place
		p.Key = ""
		at[p] = true
		return m.Add(l)
	})
	if err != nil {
		return 0, err
	}
	_, known, err := st.Columns(ctx)
	if err != nil {
		return 0, err
	}
	m.Locate(slices.DeleteFunc(known, func(l token.Location) bool {
		return !at[event.Place{Server: l.Server, Database: l.Database, Schema: l.Schema, Table: l.Table, Column: l.Column}]
	}))
	n, err := m.Close()
	if err != nil {
		return n, err
	}
	return n, st.Record(ctx, token.Deed{Action: "manifest", Version: Version(), Tokens: n, Note: h.Note, Detail: "sealed to " + to.String()})
}

// MergeOptions say how a manifest is merged.
type MergeOptions struct {
	// From are the addresses whose manifests are believed, beside those that
	// were merged before.
	From []manifest.Address
	// Servers maps the other registry's names of servers to this one's.
	Servers map[string]string
}

// Merge takes a manifest's tokens into the registry. Running proxies watch them
// within a second.
func Merge(ctx context.Context, st *Store, r io.Reader, o MergeOptions) (token.Merged, error) {
	id, err := manifest.NewIdentity(st.IdentitySecret())
	if err != nil {
		return token.Merged{}, err
	}
	m, err := manifest.Open(r, id)
	if err != nil {
		return token.Merged{}, err
	}
	if !slices.Contains(o.From, m.From) {
		known, err := st.Sources(ctx)
		if err != nil {
			return token.Merged{}, err
		}
		if !slices.ContainsFunc(known, func(s token.Source) bool { return s.Registry == m.From.String() }) {
			return token.Merged{}, fmt.Errorf("it says that it is from %q, of whom nothing was merged before: have them tell you, on a way that you trust, the address that `honeyrow tokens address` prints there, compare it with %s, and give it with --from",
				m.Header.Owner, m.From)
		}
	}
	rename := func(server *string) {
		if to, ok := o.Servers[*server]; ok {
			*server = to
		}
	}
	return st.Merge(ctx, token.Bundle{
		Registry: m.From.String(), Owner: m.Header.Owner, Made: m.Header.Created,
		Lives: func(yield func(*token.Life, error) bool) {
			for l, err := range m.Lives() {
				if err == nil {
					rename(&l.Place.Server)
				}
				if !yield(l, err) {
					return
				}
			}
		},
		Locations: func() []token.Location {
			ls := m.Locations()
			for i := range ls {
				rename(&ls[i].Server)
			}
			return ls
		},
		Deed: token.Deed{Action: "merged", Version: Version(), Note: m.Header.Note},
	})
}

// Strangers names the servers of merged tokens that the configuration does not
// have: their weak values are recognised nowhere.
func (c *Config) Strangers(ctx context.Context, st *Store, owner string) ([]string, error) {
	planted, err := st.List(ctx, token.Filter{Owner: owner, States: []token.State{token.Planned, token.Live, token.Retired}})
	var out []string
	for i := range planted {
		if name := planted[i].Place.Server; !slices.Contains(out, name) && !slices.Contains(c.serverNames(), name) {
			out = append(out, name)
		}
	}
	slices.SortFunc(out, strings.Compare)
	return out, err
}
