package proxy

import (
	"strings"
	"testing"
	"time"
)

func TestListenerMistakesAreNamedWithWhatToDo(t *testing.T) {
	for _, tt := range []struct {
		change func(*Config)
		want   string
	}{
		{func(*Config) {}, ""},
		{func(c *Config) { c.Address = "unix:/run/x" }, ""},
		{func(c *Config) { c.Address = "6432" }, "neither host:port nor unix:/path"},
		{func(c *Config) { c.Address = "db:x" }, "the port is a number"},
		{func(c *Config) { c.Address = "unix:run/x" }, "absolute path"},
		{func(c *Config) { c.Address = "unix:/" + strings.Repeat("x", socketPathMax) }, "use a shorter one"},
		{func(c *Config) { c.Address, c.UnixMode = "unix:/run/x", "rw" }, "unix_mode"},
		{func(c *Config) { c.ProxyProtocol.From = []string{"balancer"} }, "neither an address nor a network"},
		{func(c *Config) { c.ProxyProtocol.From = []string{"unix", "10.0.0.0/8", "::1"} }, ""},
		{func(c *Config) { c.Limits.Connections = -1 }, "can't be negative"},
		{func(c *Config) { c.Limits.Handshake = -time.Second }, "limits.handshake"},
		{func(c *Config) { c.UserTimeout = -1 }, "tcp_user_timeout"},
		{func(c *Config) { c.TLS.Mode = "on" }, "use off, allow or require"},
	} {
		c := Config{Name: "main", Address: "127.0.0.1:6432"}
		tt.change(&c)
		c.SetDefaults()
		err := c.Validate()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), `"main"`)) {
			t.Errorf("%+v: %v, want %q", c, err, tt.want)
		}
	}
}
