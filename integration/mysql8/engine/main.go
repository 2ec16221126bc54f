// Command engine is dolthub's go-mysql-server with a memory engine, as a peer
// that speaks MySQL 8's protocol with real SQL behind it. Its user app logs in
// with caching_sha2_password, its user old with mysql_native_password. It is a
// module of its own: the product does not depend on it.
//
//	engine CERTIFICATE KEY PASSWORD SQL...
//
// It prints its address and serves until its standard input ends.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	sqle "github.com/dolthub/go-mysql-server"
	"github.com/dolthub/go-mysql-server/memory"
	"github.com/dolthub/go-mysql-server/server"
	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/go-mysql-server/sql/mysql_db"
	"github.com/dolthub/vitess/go/mysql"
	"github.com/sirupsen/logrus"
)

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: engine CERTIFICATE KEY PASSWORD SQL...")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4:]); err != nil {
		fmt.Fprintln(os.Stderr, "engine:", err)
		os.Exit(1)
	}
}

func run(certFile, keyFile, password string, statements []string) error {
	logrus.SetOutput(io.Discard)
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return err
	}
	db := memory.NewDatabase("crm")
	db.EnablePrimaryKeyIndexes()
	provider := memory.NewDBProvider(db)
	engine := sqle.NewDefault(provider)
	if err := addUsers(engine.Analyzer.Catalog.MySQLDb, password); err != nil {
		return err
	}
	ctx := sql.NewContext(context.Background(), sql.WithSession(memory.NewSession(sql.NewBaseSession(), provider)))
	ctx.SetCurrentDatabase("crm")
	ctx.SetClient(sql.Client{User: "app", Address: "localhost"})
	for _, q := range statements {
		if err := exec(ctx, engine, q); err != nil {
			return fmt.Errorf("%s: %w", q, err)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s, err := server.NewServer(server.Config{
		Listener: ln, Version: "8.0.40", TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
	}, engine, sql.NewContext, memory.NewSessionBuilder(provider), nil)
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println(ln.Addr())
	return s.Start()
}

func exec(ctx *sql.Context, engine *sqle.Engine, q string) error {
	_, rows, _, err := engine.Query(ctx, q)
	if err != nil {
		return err
	}
	for {
		if _, err := rows.Next(ctx); err == io.EOF {
			return rows.Close(ctx)
		} else if err != nil {
			return err
		}
	}
}

func addUsers(db *mysql_db.MySQLDb, password string) error {
	auth, err := mysql.SerializeCachingSha2PasswordAuthString(password, []byte("twenty bytes of salt"), 5) // thousand rounds
	if err != nil {
		return err
	}
	ed := db.Editor()
	defer ed.Close()
	db.AddSuperUser(ed, "old", "%", password)
	ed.PutUser(&mysql_db.User{
		User: "app", Host: "%", PrivilegeSet: mysql_db.NewPrivilegeSetWithAllPrivileges(), Plugin: "caching_sha2_password",
		AuthString: string(auth), PasswordLastChanged: time.Unix(1, 0).UTC(), IsSuperUser: true,
	})
	return nil
}
