package generate

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"

	"honeyrow/token"
)

// ipAddress makes addresses that nobody uses on the Internet: private ones
// where the template's is private, else from the ranges kept for documentation
// (RFC 5737, RFC 3849).
type ipAddress struct{}

func (ipAddress) Kind() string { return "ip_address" }

func (ipAddress) Trait() Trait { return Trait{Strength: token.Weak, Weight: 1, Person: true} }

func isIP(v string) bool {
	v, _, _ = strings.Cut(v, "/")
	_, err := netip.ParseAddr(v)
	return err == nil
}

func (ipAddress) Fit(c *Column) (int, string) {
	return clue{
		names:   []string{"ip", "ip address", "ipaddress", "ip addr", "remote addr", "client ip", "last ip", "login ip"},
		classes: []Class{Text, Network}, valid: isIP, what: "IP addresses", proof: true,
	}.fit(c)
}

func (ipAddress) Value(r *rand.Rand, c *Column, row *Row) (string, error) {
	like, mask, _ := strings.Cut(c.form(r, row), "/")
	if mask != "" && mask != "32" && mask != "128" {
		return kept(r, c, row) // a network, not a host
	}
	a, err := netip.ParseAddr(like)
	switch {
	case err == nil && a.Is6() && !a.IsPrivate():
		return fmt.Sprintf("2001:db8:%x:%x::%x", r.UintN(65536), r.UintN(65536), 1+r.UintN(65535)), nil
	case err == nil && a.Is4() && a.IsPrivate():
		b := a.As4()
		return fmt.Sprintf("%d.%d.%d.%d", b[0], b[1], b[2], 1+r.IntN(254)), nil
	}
	return fmt.Sprintf("%s.%d", one(r, []string{"192.0.2", "198.51.100", "203.0.113"}), 1+r.IntN(254)), nil
}
