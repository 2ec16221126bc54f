package seeder

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Domains are decoy mail domains: those that the owner controls. In a file they
// are one word, or a list.
type Domains []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (ds *Domains) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		var one string
		err := n.Decode(&one)
		*ds = domains(one)
		return err
	}
	return n.Decode((*[]string)(ds))
}

// UnmarshalJSON implements json.Unmarshaler.
func (ds *Domains) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var one string
		err := json.Unmarshal(b, &one)
		*ds = domains(one)
		return err
	}
	return json.Unmarshal(b, (*[]string)(ds))
}

// MarshalJSON implements json.Marshaler: one domain is a text, as plans had it
// before there could be several.
func (ds Domains) MarshalJSON() ([]byte, error) {
	if len(ds) == 1 {
		return json.Marshal(ds[0])
	}
	return json.Marshal([]string(ds))
}

func domains(one string) Domains {
	if one == "" {
		return nil
	}
	return Domains{one}
}

// validate reports what is wrong, and what to write instead.
func (ds Domains) validate() (errs []error) {
	for i, one := range ds {
		switch d := strings.ToLower(one); {
		case !domainForm.MatchString(d):
			errs = append(errs, fmt.Errorf("domain %q is no mail domain: write it like mail.your-company.com, or a list of such", one))
		case strangers.MatchString(d):
			errs = append(errs, fmt.Errorf("domain %q is not yours alone: strangers would get the mail, or a thief would know; take a sub-domain that you control", one))
		case slices.ContainsFunc(ds[:i], func(e string) bool { return strings.EqualFold(e, one) }):
			errs = append(errs, fmt.Errorf("domain %q is there twice", one))
		}
	}
	return errs
}

// of returns the domain among ds that an address is at, "" if none.
func (ds Domains) of(address string) string {
	_, at, ok := cutLast(address, '@')
	for _, d := range ds {
		if ok && strings.EqualFold(d, at) {
			return d
		}
	}
	return ""
}

// mailDomain chooses the decoy domain of a honey row: the template's, if that is
// one, else one by how many of the table's rows are at each, so that none of
// them swells more than the others. Where no row is at any, each serves alike.
func (st *study) mailDomain(r *rand.Rand, was []*string) string {
	switch len(st.domains) {
	case 0:
		return ""
	case 1:
		return st.domains[0]
	}
	for _, f := range st.mails() {
		if v := was[f.sample]; v != nil {
			if d := st.domains.of(*v); d != "" {
				return d
			}
		}
	}
	var all []string
	for _, f := range st.mails() {
		for _, v := range f.seen.Values {
			if d := st.domains.of(v); d != "" {
				all = append(all, d)
			}
		}
	}
	if len(all) == 0 {
		all = st.domains
	}
	return all[r.IntN(len(all))]
}

// mails are the columns of addresses that honey rows fill.
func (st *study) mails() (out []*field) {
	for _, f := range st.columns {
		if f.plan.Kind == "email" && f.plan.Source == Made && f.sample >= 0 {
			out = append(out, f)
		}
	}
	return out
}

// otherDomains are as many mail domains as the owner has, which a thief takes
// who does not know them: of the table's, drawn by how often they stand there;
// the owner's if most rows are at them.
func (st *study) otherDomains(r *rand.Rand, own Domains) Domains {
	var all []string
	same := 0
	for _, f := range st.mails() {
		for _, v := range f.seen.Values {
			if _, dom, ok := cutLast(v, '@'); ok {
				all = append(all, dom)
			}
			if own.of(v) != "" {
				same++
			}
		}
	}
	if len(own) == 0 || 2*same > len(all) {
		return own
	}
	var out Domains
	for range 50 * len(own) {
		dom := fmt.Sprintf("mail%d.example", r.IntN(1000)) // one that no row has
		if same > 0 {
			dom = strings.ToLower(all[r.IntN(len(all))])
		}
		if !slices.Contains(out, dom) {
			out = append(out, dom)
		}
		if len(out) == len(own) {
			break
		}
	}
	return out
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == sep {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}
