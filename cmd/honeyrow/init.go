package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"honeyrow/internal/app"
)

type initCmd struct {
	Name          string `default:"main" help:"Short name of the database server, shown in every alert."`
	Protocol      string `enum:",postgres,mysql,both" default:"" placeholder:"postgres|mysql|both" help:"What the server speaks: postgres, mysql (MySQL, MariaDB, Percona Server), or both for one of each. Without it the server's address decides, or you are asked."`
	ServerAddress string `placeholder:"HOST:PORT" help:"The database server, host:port or unix:/path. Default: 127.0.0.1:5432, for mysql 127.0.0.1:3306."`
	Listen        string `placeholder:"HOST:PORT" help:"Where clients will connect, host:port or unix:/path. Default: 127.0.0.1:6432, for mysql 127.0.0.1:6306."`
	MysqlAddress  string `placeholder:"HOST:PORT" default:"127.0.0.1:3306" help:"With --protocol both: the MySQL or MariaDB server. Default: ${default}."`
	MysqlListen   string `placeholder:"HOST:PORT" default:"127.0.0.1:6306" help:"With --protocol both: where its clients will connect. Default: ${default}."`
	Domain        string `default:"decoy.example" help:"Domain of the planted e-mail addresses: best one that you own and nobody uses."`
	State         string `placeholder:"FOLDER" help:"Where the registry and the alert file are kept, such as /var/lib/honeyrow. Default: beside the configuration, where the key is in any case."`
	Force         bool   `help:"Replace a configuration that is there. The registry and its key are kept."`
	RegistryOnly  bool   `help:"Keep the configuration and make only the registry and key that it names."`
}

// Help is shown by --help.
func (initCmd) Help() string {
	return "Writes a commented configuration, a registry for the planted values and the key that encrypts them. " +
		"Nothing in your database is touched.\n\n" +
		"Example: honeyrow init --name crm --server-address db1.internal:5432 --listen 0.0.0.0:6432\n\n" +
		"Example: honeyrow init --name shop --protocol mysql --server-address db2.internal:3306 --listen 0.0.0.0:6306"
}

// Run writes the files.
func (c *initCmd) Run(e *env) error {
	path := e.config
	if path == "" {
		path = app.DefaultPaths[0]
	}
	if c.RegistryOnly {
		return c.registry(e)
	}
	if c.Protocol == "" {
		c.Protocol = app.GuessProtocol(c.ServerAddress)
		if c.ServerAddress == "" && terminal(e.stderr) && terminal(os.Stdin) {
			var err error
			if c.Protocol, err = askProtocol(e.stderr, os.Stdin); err != nil {
				return err
			}
		}
	}
	servers := c.servers()
	res, err := app.Init(e.ctx, app.InitOptions{Path: path, Servers: servers, Domain: c.Domain, State: c.State, Force: c.Force})
	if err != nil {
		return err
	}
	if e.json {
		return e.printJSON(res)
	}
	c.next(e, servers, res)
	return nil
}

// servers are the servers of the configuration to write.
func (c *initCmd) servers() []app.InitServer {
	s := app.InitServer{Name: c.Name, Protocol: c.Protocol, Address: c.ServerAddress, Listen: c.Listen}
	fill := func(address, listen string) {
		if s.Address == "" {
			s.Address = address
		}
		if s.Listen == "" {
			s.Listen = listen
		}
	}
	switch c.Protocol {
	case "mysql":
		fill("127.0.0.1:3306", "127.0.0.1:6306")
		return []app.InitServer{s}
	case "both":
		s.Protocol = "postgres"
		fill("127.0.0.1:5432", "127.0.0.1:6432")
		return []app.InitServer{s, {Name: c.Name + "-mysql", Protocol: "mysql", Address: c.MysqlAddress, Listen: c.MysqlListen, DSNFile: "seed-mysql.dsn"}}
	}
	fill("127.0.0.1:5432", "127.0.0.1:6432")
	return []app.InitServer{s}
}

// askProtocol asks a person until the answer is one of the words.
func askProtocol(w io.Writer, r io.Reader) (string, error) {
	in := bufio.NewReader(r)
	for {
		fmt.Fprint(w, "Which kind of server is it? postgres, mysql (MySQL, MariaDB, Percona Server) or both [postgres]: ")
		line, err := in.ReadString('\n')
		switch word := strings.ToLower(strings.TrimSpace(line)); word {
		case "postgres", "mysql", "both":
			return word, nil
		case "":
			if err != nil { // the end of the input
				return "", usage{fmt.Errorf("no answer: name it with --protocol postgres, mysql or both")}
			}
			return "postgres", nil
		case "postgresql", "pg":
			return "postgres", nil
		case "mariadb", "percona":
			return "mysql", nil
		}
		if err != nil {
			return "", usage{fmt.Errorf("no answer that is understood: name it with --protocol postgres, mysql or both")}
		}
	}
}

// next says what to do with what was written.
func (c *initCmd) next(e *env, servers []app.InitServer, res app.InitResult) {
	fmt.Fprintf(e.stdout, "wrote %s\nmade  %s (registry) and %s (its key: keep a copy apart)\n\nNext:\n", res.Config, res.Registry, res.Key)
	n := 0
	step := func(format string, args ...any) {
		n++
		fmt.Fprintf(e.stdout, "  %d. %s\n", n, fmt.Sprintf(format, args...))
	}
	for i, s := range servers {
		step("Put a connection string of the role that plants into %s (mode 0600), such as", res.SeedDSN[i])
		fmt.Fprintf(e.stdout, "       %s://honeyrow_seeder:...@%s/mydb\n     It needs SELECT and INSERT on the tables to plant in. The proxy never uses it.\n", s.Scheme(), dsnHost(s))
	}
	which := ""
	if len(servers) > 1 {
		which = " (--server NAME says in which)"
	}
	step("honeyrow doctor      checks everything and says what to change")
	step("honeyrow seed plan   shows what would be planted%s", which)
	step("honeyrow proxy       starts the proxy")
	step("honeyrow seed apply  plants")
	for _, s := range servers {
		step("Point your applications at %s instead of %s", s.Listen, s.Address)
	}
}

// dsnHost is the part of a connection string that names the server.
func dsnHost(s app.InitServer) string {
	if strings.HasPrefix(s.Address, "unix:") {
		return "localhost"
	}
	return s.Address
}

func (c *initCmd) registry(e *env) error {
	path, err := app.FindConfig(e.config)
	if err != nil {
		return err
	}
	res, err := app.InitRegistry(e.ctx, path)
	if err != nil {
		return err
	}
	if e.json {
		return e.printJSON(res)
	}
	fmt.Fprintf(e.stdout, "registry %s is ready with the key %s: keep a copy of the key apart\n", res.Registry, res.Key)
	return nil
}
