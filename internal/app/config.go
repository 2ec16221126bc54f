package app

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"honeyrow/alert"
	"honeyrow/alert/incident"
	"honeyrow/alert/sink"
	"honeyrow/engine"
	"honeyrow/engine/sqlfacts/pgsql"
	"honeyrow/internal/admin"
	"honeyrow/internal/config"
	"honeyrow/internal/tracing"
	"honeyrow/proxy"
	"honeyrow/proxy/mywire"
	"honeyrow/proxy/pgwire"
	"honeyrow/rules"
	"honeyrow/seeder"
	"honeyrow/token"
)

// Config is the whole configuration file. It composes the structures that the
// features own.
type Config struct {
	Registry  RegistryConfig   `yaml:"registry"`
	Servers   []ServerConfig   `yaml:"servers"`
	Listeners []ListenerConfig `yaml:"listeners"`
	// RuleFiles are patterns of own rule files; RuleZone is the time zone of what
	// rules and windows say about the time.
	RuleFiles []string `yaml:"rule_files"`
	RuleZone  string   `yaml:"rule_zone"`
	// Rules maps a rule's id to what is changed about it.
	Rules map[string]rules.Override `yaml:"rules"`
	// Allow lists who may touch honey rows without an alert.
	Allow  []rules.Allowance `yaml:"allow"`
	Alerts AlertsConfig      `yaml:"alerts"`
	Seed   seeder.Config     `yaml:"seed"`
	Admin  admin.Config      `yaml:"admin"`
	Learn  LearnConfig       `yaml:"learn"`
	// Traces says where OpenTelemetry's traces go; nowhere unless it is given.
	Traces tracing.Config `yaml:"traces,omitempty"`
	// Parser bounds the processes that parse statements. Read at the start only.
	Parser ParserConfig `yaml:"parser"`
	Log    LogConfig    `yaml:"log"`
	Drain  DrainConfig  `yaml:"drain"`

	file *config.File
}

// RegistryConfig says where tokens and undelivered alerts are kept.
type RegistryConfig struct {
	Path    string `yaml:"path"`
	KeyFile string `yaml:"key_file"`
}

// ServerConfig is one database server.
type ServerConfig struct {
	pgwire.Server `yaml:",inline"`
	// Protocol is postgres, or mysql for MySQL, MariaDB and Percona Server.
	Protocol string `yaml:"protocol"`
	// ProxyProtocol tells a MariaDB or Percona server the client's address: see mywire.Server.
	ProxyProtocol bool `yaml:"proxy_protocol"`
	// Copy is which copy of its databases the server holds, such as staging: it is
	// part of the story of what is planted there.
	Copy    string `yaml:"copy"`
	Seed    DSN    `yaml:"seed"`
	Catalog DSN    `yaml:"catalog"`
}

// SetDefaults implements config.Defaulter.
func (s *ServerConfig) SetDefaults() {
	s.Protocol = postgres
	s.TLS.SetDefaults()
	s.ConnectTimeout = 10 * time.Second // as pgwire.Config.SetDefaults
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
	proxy.Config `yaml:",inline"`
	// ChannelBinding is auto, strip or pass: see pgwire.Config.
	ChannelBinding string `yaml:"channel_binding"`
	// Replication, LocalInfile and RSAKeyFile are for MySQL: see mywire.Config.
	Replication []string `yaml:"replication"`
	LocalInfile string   `yaml:"local_infile"`
	RSAKeyFile  string   `yaml:"rsa_key_file"`
}

// SetDefaults implements config.Defaulter.
func (l *ListenerConfig) SetDefaults() {
	l.Config.SetDefaults()
	l.ChannelBinding = pgwire.BindingAuto
	l.LocalInfile = mywire.InfileAllow
}

// AlertsConfig says what is in an alert, how long it is kept and where it goes.
type AlertsConfig struct {
	engine.Config `yaml:",inline"`
	alertConfig   `yaml:",inline"`
	Incidents     IncidentsConfig `yaml:"incidents"`
	Sinks         []sink.Config   `yaml:"sinks"`
}

// IncidentsConfig says how alerts become incidents.
type IncidentsConfig struct {
	incident.Config `yaml:",inline"`
	// WorkingHours is when alerts are no graver than they are; not given: always.
	WorkingHours rules.Window `yaml:"working_hours"`
}

// incidentPolicy is what the store groups by.
func (c *Config) incidentPolicy() (incident.Policy, error) {
	off, err := c.Alerts.Incidents.WorkingHours.Outside(c.RuleZone)
	if err != nil {
		err = fmt.Errorf("incidents.working_hours: %w", err)
	}
	return incident.Policy{Config: c.Alerts.Incidents.Config, OffHours: off}, err
}

// alertConfig lets two structures called Config be inlined side by side.
type alertConfig = alert.Config

// ParserConfig bounds how statements are parsed.
type ParserConfig struct {
	pgsql.Config `yaml:",inline"`
	// Patience is how long a session of a listener in protect mode waits until a
	// statement of an unknown shape is understood; then it is judged by its words.
	Patience time.Duration `yaml:"patience"`
}

// Validate returns every mistake, with what to do.
func (c ParserConfig) Validate() error {
	err := c.Config.Validate()
	if c.Patience < time.Millisecond || c.Patience > time.Minute {
		err = errors.Join(err, fmt.Errorf("patience is %s: use 1ms to 1m", c.Patience))
	}
	return err
}

// LogConfig shapes the program's own log on standard error.
type LogConfig struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"` // json, text, or auto: text on a terminal
}

// DrainConfig bounds the end of the proxy.
type DrainConfig struct {
	// Deadline is how long sessions may finish their transactions.
	Deadline time.Duration `yaml:"deadline"`
	// Flush is how long statements that wait for their parser are judged, and how
	// long undelivered alerts are tried, at the very end; what is
	// left is delivered after the next start.
	Flush time.Duration `yaml:"flush"`
	// HandOver is how long sessions may stay with a process that has handed its
	// listeners over to a new one; then they end as with SIGTERM. Probation is how
	// long it is ready to take the listeners back if the new one dies.
	HandOver  time.Duration `yaml:"hand_over"`
	Probation time.Duration `yaml:"probation"`
}

// DefaultConfig returns what holds when the file says nothing.
func DefaultConfig() *Config {
	return &Config{
		Registry: RegistryConfig{Path: "honeyrow.db", KeyFile: "registry.key"},
		Alerts:   AlertsConfig{Config: engine.DefaultConfig(), alertConfig: alert.DefaultConfig(), Incidents: IncidentsConfig{Config: incident.DefaultConfig()}},
		Seed:     seeder.DefaultConfig(),
		Parser:   ParserConfig{Config: pgsql.DefaultConfig(), Patience: 250 * time.Millisecond},
		Log:      LogConfig{Level: "info", Format: "auto"},
		Drain:    DrainConfig{Deadline: 30 * time.Second, Flush: 5 * time.Second, HandOver: 24 * time.Hour, Probation: 10 * time.Second},
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
	if c.Alerts.SpillPath != "" {
		c.Alerts.SpillPath = f.Abs(c.Alerts.SpillPath)
	}
	if c.Learn.Path != "" {
		c.Learn.Path = f.Abs(c.Learn.Path)
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
	if c.Drain.HandOver < 0 || c.Drain.Probation < 0 {
		v.fail("drain", "hand_over and probation can't be negative: use durations such as 24h and 10s")
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

func (v *checker) server(key string, s *ServerConfig) {
	v.oneOf(key+".protocol", s.Protocol, postgres, mysql)
	if s.Protocol == mysql {
		probe := mywire.Config{Server: mywire.Server{Name: s.Name, Address: s.Address, TLS: s.TLS, ConnectTimeout: s.ConnectTimeout, UserTimeout: s.UserTimeout}}
		probe.SetDefaults()
		v.wrap(key, probe.Validate())
		if s.Catalog.Given() {
			v.fail(key+".catalog", "the catalogue connection is for PostgreSQL: MySQL names each column's table itself; leave it out")
		}
	} else {
		probe := pgwire.Config{Server: s.Server}
		probe.SetDefaults()
		v.wrap(key, probe.Validate())
		v.only(key, "a MySQL server", ofMySQLServers...)
	}
	v.wrap(key+".copy", token.CheckLabel("copy", s.Copy))
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
	s, ok := v.c.Server(l.Server)
	if !ok {
		v.fail(key+".server", "there is no server %q: known are %s", l.Server, strings.Join(v.c.serverNames(), ", "))
	} else if l.Protocol = s.Protocol; v.c.file.Has(key + ".protocol") {
		v.fail(key+".protocol", "the protocol is the server's: give it there")
	}
	v.wrap(key, l.Config.Validate())
	v.oneOf(key+".channel_binding", l.ChannelBinding, pgwire.BindingAuto, pgwire.BindingStrip, pgwire.BindingPass)
	v.oneOf(key+".local_infile", l.LocalInfile, mywire.InfileAllow, mywire.InfileRefuse)
	if l.Protocol == mysql {
		v.only(key, "a PostgreSQL server", ofPostgresListeners...)
	} else {
		v.only(key, "a MySQL server", ofMySQLListeners...)
	}
}

// Keys that mean something to one kind of server alone.
var (
	ofMySQLServers      = []string{"proxy_protocol"}
	ofMySQLListeners    = []string{"replication", "local_infile", "rsa_key_file"}
	ofPostgresListeners = []string{"channel_binding"}
)

// only refuses keys that mean something to another kind of server alone.
func (v *checker) only(key, what string, keys ...string) {
	for _, k := range keys {
		if v.c.file.Has(key + "." + k) {
			v.fail(key+"."+k, "this is for %s: leave it out", what)
		}
	}
}

// features lets each feature check what it owns.
func (v *checker) features() {
	if _, err := v.c.RuleSet(); err != nil {
		v.rules(err)
	}
	v.wrap("alerts", v.c.Alerts.Config.Validate())
	v.wrap("alerts", v.c.Alerts.alertConfig.Validate())
	v.wrap("alerts.incidents", v.c.Alerts.Incidents.Validate())
	if _, err := v.c.incidentPolicy(); err != nil {
		v.wrap("alerts", err)
	}
	v.wrap("seed", v.c.Seed.Validate())
	v.wrap("admin", v.c.Admin.Validate())
	v.wrap("traces", v.c.Traces.Validate())
	v.wrap("parser", v.c.Parser.Validate())
	v.sinks()
}

// RulesOf compiles the rules of the configuration called name; files, if there
// are any, stand in for its rule_files. Unlike LoadConfig it looks at nothing
// else.
func RulesOf(name string, files []string) (*rules.Set, error) {
	f, err := config.Load(name)
	if err != nil {
		return nil, err
	}
	c := DefaultConfig()
	c.file = f
	if err := f.Decode(c); err != nil {
		return nil, err
	}
	rc := c.ruleConfig()
	if len(files) > 0 {
		rc.Files = files
	}
	return rules.Compile(rc)
}

// rules places mistakes of the rules: those of rule files have their own place.
func (v *checker) rules(err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			v.rules(e)
		}
		return
	}
	if _, ok := errors.AsType[*config.Error](err); ok {
		v.errs = append(v.errs, err)
		return
	}
	v.wrap("rules", err)
}

// ruleConfig is what package rules compiles.
func (c *Config) ruleConfig() rules.Config {
	files := make([]string, len(c.RuleFiles))
	for i, f := range c.RuleFiles {
		files[i] = c.file.Abs(f)
	}
	return rules.Config{Files: files, Zone: c.RuleZone, Override: c.Rules, Allow: c.Allow}
}

// RuleSet compiles the shipped rules and the configuration's own. A mistake
// names file, line and reason.
func (c *Config) RuleSet() (*rules.Set, error) { return c.ruleSetWith(nil) }

// ruleSetWith is RuleSet with allowances that are not in the configuration.
func (c *Config) ruleSetWith(more []rules.Allowance) (*rules.Set, error) {
	rc := c.ruleConfig()
	rc.Allow = append(slices.Clone(rc.Allow), more...)
	set, err := rules.Compile(rc)
	if err != nil {
		return nil, err
	}
	if dead := set.Dead(c.given()); len(dead) > 0 {
		return nil, errors.Join(dead...)
	}
	for _, r := range set.All() {
		if !c.Alerts.Statements && !r.Disabled && r.Needs&rules.OfShape != 0 {
			return nil, fmt.Errorf("%s: rule %s asks for statements' facts, which are not gathered: set alerts.statements: true", r.Source, r.ID)
		}
	}
	return set, nil
}
