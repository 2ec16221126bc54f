package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// passwordFile ends the name of the file with a role's password.
const passwordFile = ".password"

// Users of the containers: postgres and mysql of the official images, and that of
// honeyrow's own images (docker/Dockerfile).
const (
	databaseUID = 999
	honeyrowUID = 65532
)

// audience is a folder of secrets with its only reader.
type audience struct {
	uid   int
	files map[string]string // by name
}

// preparation says what the secrets are made for.
type preparation struct {
	hosts       []string // in the certificate
	database    string   // host:port of PostgreSQL, for the seeder
	mysql       string   // and of MySQL
	certificate string   // where the seeder finds it
}

// prepareJob makes everything secret in the environment, once: nothing is in
// an image or in the repository. Each reader gets a folder with what it needs
// and no more.
func prepareJob(fs *flag.FlagSet) func(context.Context, io.Writer) error {
	root := fs.String("root", "/secrets", "the folder that holds the readers' folders")
	hosts := fs.String("hosts", "db,mysql,honeyrow", "names in the certificate, beside localhost")
	var p preparation
	fs.StringVar(&p.database, "database", "db:5432", "PostgreSQL, for the planting role's connection string")
	fs.StringVar(&p.mysql, "mysql", "mysql:3306", "MySQL, for the same")
	fs.StringVar(&p.certificate, "certificate", "/secrets/honeyrow/server.crt", "where the planting role finds the certificate")
	chown := fs.Bool("chown", true, "give each folder's files to the user that reads them")
	return func(_ context.Context, out io.Writer) error {
		p.hosts = strings.Split(*hosts, ",")
		as, err := p.audiences()
		if err != nil {
			return err
		}
		if complete(*root, as) {
			fmt.Fprintln(out, "all secrets are there already")
			return nil
		}
		for name, a := range as {
			if err := a.write(filepath.Join(*root, name), *chown); err != nil {
				return err
			}
		}
		fmt.Fprintf(out, "made the secrets of %d readers in %s\n", len(as), *root)
		return nil
	}
}

// audiences makes new secrets for everybody.
func (p preparation) audiences() (map[string]audience, error) {
	made, err := selfSigned(p.hosts...)
	if err != nil {
		return nil, err
	}
	certificate, key, webhook := string(made.cert), string(made.key), randomHex(32)
	load := map[string]string{"server.crt": certificate, "postgres" + passwordFile: randomHex(16), "root" + passwordFile: randomHex(16)}
	passwords := newPasswords()
	for role, password := range passwords {
		load[role+passwordFile] = password
	}
	postgres, mysql := way{certificate: p.certificate, passwords: passwords}, way{certificate: p.certificate, passwords: passwords}
	if err := errors.Join(postgres.lead(p.database), mysql.lead(p.mysql)); err != nil {
		return nil, err
	}
	of := func(roles ...string) map[string]string {
		files := map[string]string{"server.crt": certificate}
		for _, r := range roles {
			files[r+passwordFile] = load[r+passwordFile]
		}
		return files
	}
	return map[string]audience{
		"db": {databaseUID, map[string]string{
			"server.crt": certificate, "server.key": key, "postgres" + passwordFile: load["postgres"+passwordFile],
		}},
		"mysql": {databaseUID, map[string]string{
			"server.crt": certificate, "server.key": key, "root" + passwordFile: load["root"+passwordFile],
		}},
		"honeyrow": {honeyrowUID, map[string]string{
			"server.crt": certificate, "server.key": key, "registry.key": randomHex(32), "webhook.secret": webhook,
		}},
		"load": {honeyrowUID, load},
		"seed": {honeyrowUID, map[string]string{
			"seed.dsn": pgProduct{}.seedDSN(postgres), "mysql.dsn": products["mysql"].seedDSN(mysql),
		}},
		"receiver": {honeyrowUID, map[string]string{"webhook.secret": webhook}},
		"shop":     {honeyrowUID, of("shop_web")},
		"story":    {honeyrowUID, of("crm_app", "jhartmann", "support_kim", "backup_svc")},
	}, nil
}

// complete reports whether every file of every reader is there. If one is
// missing, all are made anew: they belong together.
func complete(root string, as map[string]audience) bool {
	for name, a := range as {
		for file := range a.files {
			if _, err := os.Stat(filepath.Join(root, name, file)); err != nil {
				return false
			}
		}
	}
	return true
}

// write puts the files into dir, each whole or not at all, readable by their
// reader alone.
func (a audience) write(dir string, chown bool) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, text := range a.files {
		if err := a.writeFile(dir, name, text, chown); err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(dir, name), err)
		}
	}
	return nil
}

func (a audience) writeFile(dir, name, text string, chown bool) error {
	f, err := os.CreateTemp(dir, ".new-*") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Chmod(0o400))
	if chown && err == nil {
		err = f.Chown(a.uid, a.uid)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, name))
}
