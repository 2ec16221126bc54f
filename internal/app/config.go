package app

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"honeyrow/internal/config"
)

// Config is the whole configuration file. Sections are decoded by the
// features that own them.
type Config struct {
	Registry  RegistryConfig   `yaml:"registry"`
	Servers   []ServerConfig   `yaml:"servers"`
	Listeners []ListenerConfig `yaml:"listeners"`
	// Rules maps a rule's name to what it does. Owned by package rules.
	Rules config.Section `yaml:"rules"`
	// Allow lists who may touch honey rows without an alert. Owned by package rules.
	Allow  config.Section `yaml:"allow"`
	Alerts AlertsConfig   `yaml:"alerts"`
	Seed   SeedConfig     `yaml:"seed"`
	Log    LogConfig      `yaml:"log"`
	Drain  DrainConfig    `yaml:"drain"`

	file *config.File
}

// RegistryConfig says where tokens and undelivered alerts are kept.
type RegistryConfig struct {
	Path    string `yaml:"path"`
	KeyFile string `yaml:"key_file"`
}

// ServerConfig is one database server.
type ServerConfig struct {
	Name     string    `yaml:"name"`
	Protocol string    `yaml:"protocol"`
	Address  string    `yaml:"address"` // host:port or unix:/path
	TLS      ServerTLS `yaml:"tls"`
	Seed     DSN       `yaml:"seed"`
	Catalog  DSN       `yaml:"catalog"`
}

// SetDefaults implements config.Defaulter.
func (s *ServerConfig) SetDefaults() { s.Protocol, s.TLS.Mode = "postgres", "prefer" }

// ServerTLS is the link to the server, in libpq's terms.
type ServerTLS struct {
	Mode       string `yaml:"mode"`
	CAFile     string `yaml:"ca_file"`
	CertFile   string `yaml:"cert_file"`
	KeyFile    string `yaml:"key_file"`
	ServerName string `yaml:"server_name"`
}

// DSN names where a connection string is kept.
type DSN struct {
	File string `yaml:"dsn_file"`
	Env  string `yaml:"dsn_env"`
}

// Given reports whether a connection string is configured.
func (d DSN) Given() bool { return d.File != "" || d.Env != "" }

// Read returns the connection string.
func (d DSN) Read() (config.Secret, error) { return config.ReadSecret("dsn", d.File, d.Env) }

// ListenerConfig is one socket that clients connect to.
type ListenerConfig struct {
	Name          string        `yaml:"name"`
	Server        string        `yaml:"server"`
	Address       string        `yaml:"address"` // host:port or unix:/path
	TLS           ListenerTLS   `yaml:"tls"`
	ProxyProtocol ProxyProtocol `yaml:"proxy_protocol"`
	Limits        Limits        `yaml:"limits"`
}

// SetDefaults implements config.Defaulter.
func (l *ListenerConfig) SetDefaults() {
	l.TLS = ListenerTLS{Mode: "off", MinVersion: "1.2", ClientAuth: "none"}
	l.Limits = Limits{Connections: 2000, Handshake: 30 * time.Second, Statement: 1 << 20}
}

// ListenerTLS is what clients are offered.
type ListenerTLS struct {
	Mode         string `yaml:"mode"`
	MinVersion   string `yaml:"min_version"`
	CertFile     string `yaml:"cert_file"`
	KeyFile      string `yaml:"key_file"`
	ClientCAFile string `yaml:"client_ca_file"`
	ClientAuth   string `yaml:"client_auth"`
}

// ProxyProtocol says which balancers may name the real client.
type ProxyProtocol struct {
	From []string `yaml:"from"` // addresses or networks
}

// Limits bound one listener.
type Limits struct {
	Connections int           `yaml:"connections"`
	Handshake   time.Duration `yaml:"handshake"`
	Statement   int           `yaml:"statement"` // bytes kept of a statement
}

// AlertsConfig says what is in an alert and where it goes.
type AlertsConfig struct {
	RedactLiterals bool             `yaml:"redact_literals"`
	Parameters     bool             `yaml:"parameters"`
	Sinks          []config.Section `yaml:"sinks"`
}

// SeedConfig holds the owner's wishes for what is planted.
type SeedConfig struct {
	Domain string `yaml:"domain"`
	Rows   int    `yaml:"rows"`
}

// LogConfig shapes the program's own log on standard error.
type LogConfig struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"` // json, text, or auto: text on a terminal
}

// DrainConfig bounds the end of the proxy.
type DrainConfig struct {
	Deadline time.Duration `yaml:"deadline"`
}

// DefaultConfig returns what holds when the file says nothing.
func DefaultConfig() *Config {
	return &Config{
		Registry: RegistryConfig{Path: "honeyrow.db", KeyFile: "registry.key"},
		Seed:     SeedConfig{Domain: "decoy.example", Rows: 4},
		Log:      LogConfig{Level: "info", Format: "auto"},
		Drain:    DrainConfig{Deadline: 30 * time.Second},
	}
}

// DefaultPaths are tried in this order when no --config is given.
var DefaultPaths = []string{"honeyrow.yaml", "/etc/honeyrow/honeyrow.yaml"}

// FindConfig returns given, or the first of DefaultPaths that exists.
func FindConfig(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	for _, p := range DefaultPaths {
		if _, err := os.Stat(p); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("no configuration found (looked for %s): write one with `honeyrow init`, or name yours with --config",
		strings.Join(DefaultPaths, " and "))
}

// LoadConfig reads, decodes and checks the configuration called name. It
// opens nothing but the file itself.
func LoadConfig(name string) (*Config, error) {
	f, err := config.Load(name)
	if err != nil {
		return nil, err
	}
	return decodeConfig(f)
}

// ParseConfig is LoadConfig on contents at hand.
func ParseConfig(name string, b []byte) (*Config, error) {
	f, err := config.Parse(name, b)
	if err != nil {
		return nil, err
	}
	return decodeConfig(f)
}

func decodeConfig(f *config.File) (*Config, error) {
	c := DefaultConfig()
	c.file = f
	if err := f.Decode(c); err != nil {
		return nil, err
	}
	c.Registry.Path, c.Registry.KeyFile = f.Abs(c.Registry.Path), f.Abs(c.Registry.KeyFile)
	if err := c.validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// File returns the name of the file that c was read from.
func (c *Config) File() string { return c.file.Name }

// Server returns the server called name.
func (c *Config) Server(name string) (ServerConfig, bool) {
	for _, s := range c.Servers {
		if s.Name == name {
			return s, true
		}
	}
	return ServerConfig{}, false
}

// PickServer returns the server called name; an empty name means the only one.
func (c *Config) PickServer(name string) (ServerConfig, error) {
	if name == "" {
		if len(c.Servers) == 1 {
			return c.Servers[0], nil
		}
		return ServerConfig{}, fmt.Errorf("%s has %d servers: choose one with --server (%s)", c.File(), len(c.Servers), strings.Join(c.serverNames(), ", "))
	}
	if s, ok := c.Server(name); ok {
		return s, nil
	}
	return ServerConfig{}, fmt.Errorf("there is no server %q in %s: known are %s", name, c.File(), strings.Join(c.serverNames(), ", "))
}

func (c *Config) serverNames() []string {
	var ns []string
	for _, s := range c.Servers {
		ns = append(ns, s.Name)
	}
	return ns
}

func (c *Config) validate() error {
	v := &checker{c: c}
	v.require("registry.path", c.Registry.Path, "name the registry's file, such as honeyrow.db")
	v.require("registry.key_file", c.Registry.KeyFile, "name the file that holds the registry's key")
	if len(c.Servers) == 0 {
		v.fail("servers", "no server is configured: add one with name and address")
	}
	names := map[string]string{}
	for i := range c.Servers {
		key := fmt.Sprintf("servers[%d]", i)
		v.name(names, key, c.Servers[i].Name)
		v.server(key, &c.Servers[i])
	}
	names = map[string]string{}
	sockets := map[string]string{}
	for i := range c.Listeners {
		key := fmt.Sprintf("listeners[%d]", i)
		v.name(names, key, c.Listeners[i].Name)
		v.listener(key, &c.Listeners[i])
		if other, dup := sockets[c.Listeners[i].Address]; dup {
			v.fail(key+".address", "%s is also the address of %s: give each listener its own", c.Listeners[i].Address, other)
		}
		sockets[c.Listeners[i].Address] = key
	}
	v.oneOf("log.level", c.Log.Level, "trace", "debug", "info", "warn", "error")
	v.oneOf("log.format", c.Log.Format, "auto", "json", "text")
	if c.Drain.Deadline == 0 {
		v.fail("drain.deadline", "must be more than 0: running transactions need time to end")
	}
	v.features()
	return errors.Join(v.errs...)
}

type checker struct {
	c    *Config
	errs []error
}

func (v *checker) fail(key, format string, args ...any) {
	v.errs = append(v.errs, v.c.file.Errorf(key, format, args...))
}

func (v *checker) wrap(key string, err error) {
	if err != nil {
		v.errs = append(v.errs, v.c.file.Wrap(key, err))
	}
}

func (v *checker) require(key, value, advice string) {
	if value == "" {
		v.fail(key, "missing: %s", advice)
	}
}

func (v *checker) oneOf(key, value string, words ...string) {
	for _, w := range words {
		if value == w {
			return
		}
	}
	v.fail(key, "unknown value %q: use %s", value, strings.Join(words, ", "))
}

// name checks a name's form and that it is given once.
func (v *checker) name(seen map[string]string, key, name string) {
	if name == "" {
		v.fail(key+".name", "missing: give a short name, it appears in every alert")
		return
	}
	if len(name) > 63 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" {
		v.fail(key+".name", "%q: use up to 63 letters, digits, dots, dashes and underscores", name)
	}
	if other, dup := seen[name]; dup {
		v.fail(key+".name", "%q is also the name of %s: choose another", name, other)
	}
	seen[name] = key
}

func (v *checker) address(key, addr string) {
	if addr == "" {
		v.fail(key, "missing: give host:port or unix:/path")
		return
	}
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		if !strings.HasPrefix(path, "/") {
			v.fail(key, "%q: a unix socket needs an absolute path, such as unix:/run/honeyrow/.s.PGSQL.6432", addr)
		} else if len(path) > 107 {
			v.fail(key, "the socket's path is longer than the 107 bytes that the system allows: choose a shorter one")
		}
		return
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		v.fail(key, "%q is not host:port or unix:/path", addr)
		return
	}
	if n, err := net.LookupPort("tcp", port); err != nil || n < 0 {
		v.fail(key, "%q: %q is not a port", addr, port)
	}
	if strings.ContainsAny(host, " /") {
		v.fail(key, "%q: %q is not a host", addr, host)
	}
}

func (v *checker) server(key string, s *ServerConfig) {
	v.oneOf(key+".protocol", s.Protocol, "postgres")
	v.address(key+".address", s.Address)
	if strings.HasSuffix(s.Address, ":0") || strings.HasPrefix(s.Address, ":") {
		v.fail(key+".address", "%q: a server needs a host and a port", s.Address)
	}
	v.oneOf(key+".tls.mode", s.TLS.Mode, "disable", "prefer", "require", "verify-ca", "verify-full")
	if (s.TLS.CertFile == "") != (s.TLS.KeyFile == "") {
		v.fail(key+".tls", "cert_file and key_file go together: give both or neither")
	}
	v.dsn(key+".seed", s.Seed)
	v.dsn(key+".catalog", s.Catalog)
}

func (v *checker) dsn(key string, d DSN) {
	if d.File != "" && d.Env != "" {
		v.fail(key, "both dsn_file and dsn_env are given: keep one")
	}
}

func (v *checker) listener(key string, l *ListenerConfig) {
	if l.Server == "" && len(v.c.Servers) == 1 {
		l.Server = v.c.Servers[0].Name
	}
	if _, ok := v.c.Server(l.Server); !ok {
		v.fail(key+".server", "there is no server %q: known are %s", l.Server, strings.Join(v.c.serverNames(), ", "))
	}
	v.address(key+".address", l.Address)
	v.oneOf(key+".tls.mode", l.TLS.Mode, "off", "allow", "require")
	v.oneOf(key+".tls.min_version", l.TLS.MinVersion, "1.2", "1.3")
	v.oneOf(key+".tls.client_auth", l.TLS.ClientAuth, "none", "optional", "require")
	if l.TLS.Mode != "off" && (l.TLS.CertFile == "" || l.TLS.KeyFile == "") {
		v.fail(key+".tls", "mode %s needs cert_file and key_file: the server's own certificate and key keep SCRAM channel binding working", l.TLS.Mode)
	}
	if l.TLS.ClientAuth != "none" && l.TLS.ClientCAFile == "" {
		v.fail(key+".tls.client_auth", "%s needs client_ca_file: the authority that signs the clients' certificates", l.TLS.ClientAuth)
	}
	for i, from := range l.ProxyProtocol.From {
		_, errA := netip.ParseAddr(from)
		_, errP := netip.ParsePrefix(from)
		if errA != nil && errP != nil {
			v.fail(fmt.Sprintf("%s.proxy_protocol.from[%d]", key, i), "%q is neither an address nor a network such as 10.0.0.0/8", from)
		}
	}
	if l.Limits.Connections < 1 {
		v.fail(key+".limits.connections", "must be at least 1")
	}
	if l.Limits.Handshake < time.Second || l.Limits.Handshake > 10*time.Minute {
		v.fail(key+".limits.handshake", "must be between 1s and 10m")
	}
	if l.Limits.Statement < 1<<10 || l.Limits.Statement > 64<<20 {
		v.fail(key+".limits.statement", "must be between 1KiB and 64MiB")
	}
}
