package seeder

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"honeyrow/event"
	"honeyrow/seeder/camouflage"
	"honeyrow/token"
)

// PlanSchema is the version of a plan file.
const PlanSchema = "honeyrow.plan/1"

// Plan is exactly what Apply will plant. It holds honey values: whoever reads
// the file knows the decoys.
type Plan struct {
	Schema        string    `json:"schema"`
	Deployment    string    `json:"deployment"`
	Created       time.Time `json:"created"`
	Product       string    `json:"product"`
	ServerVersion string    `json:"server_version"`
	Server        string    `json:"server"`
	Database      string    `json:"database"`
	Copy          string    `json:"copy,omitempty"`
	Role          string    `json:"role"` // that was connected when the plan was made
	PlantedBy     string    `json:"planted_by"`
	Note          string    `json:"note,omitempty"`
	Domain        Domains   `json:"domain,omitempty"`
	Seed          uint64    `json:"seed"`
	Probed        bool      `json:"probed"` // tried in a transaction that was rolled back, all but Untried tables
	// Fingerprint is of the planned tables' catalogue entries.
	Fingerprint string       `json:"fingerprint"`
	Tables      []*TablePlan `json:"tables"` // in the order of insertion
	// Refused tables cannot be seeded, Skipped ones are not worth it.
	Refused  []Reason `json:"refused,omitempty"`
	Skipped  []Reason `json:"skipped,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
	// Camouflage is how well the rows hide, by table.
	Camouflage []*camouflage.Report `json:"camouflage,omitempty"`
	// Grants are the statements that give a seeding role what the plan needs.
	Grants []string `json:"grants,omitempty"`
}

// Reason says why a table is not in the plan.
type Reason struct {
	Table string `json:"table"`
	Why   string `json:"why"`
}

// TablePlan is what is planted in one table.
type TablePlan struct {
	Schema string `json:"schema,omitempty"`
	Table  string `json:"table"`
	// Fingerprint is of the table's own catalogue entry.
	Fingerprint string        `json:"fingerprint,omitempty"`
	Why         string        `json:"why"`
	Estimate    int64         `json:"estimated_rows"`
	Sampled     int           `json:"sampled_rows"`
	Key         []string      `json:"key,omitempty"` // the primary key's columns
	Columns     []*ColumnPlan `json:"columns"`
	Rows        []*RowPlan    `json:"rows"`
	// Reach is the share of the sampled rows that honey rows can look like at all, as
	// far as the rules of what is never imitated go: a thief who knows these gets an
	// AUC of 1 - Reach/2. 0: not known.
	Reach float64 `json:"reach,omitempty"`
	// Sums are by how much sums over its columns of numbers move.
	Sums []Sum `json:"sums,omitempty"`
	// For names the table for whose honey rows these are the relatives.
	For string `json:"for,omitempty"`
	// Decoy is set for a table that is made with its rows.
	Decoy    *Decoy   `json:"decoy,omitempty"`
	Triggers []string `json:"triggers,omitempty"`
	// Stirs are what triggers do to other tables, and whom they tell.
	Stirs []string `json:"stirs,omitempty"`
	// Readers will see the honey rows, and are no thieves.
	Readers []Onlooker `json:"readers,omitempty"`
	// Restore are columns of dates that a trigger overwrites when a row is
	// inserted: they are set to what is planned at once, since the row's number is
	// an old one.
	Restore []string `json:"restore,omitempty"`
	// Lasting says that the user named the table although something of an insert
	// may stay when it is rolled back: Warnings say what.
	Lasting bool `json:"lasting,omitempty"`
	// Untried says that a trial at plan time would leave something behind, so that
	// there was none of this table.
	Untried  bool     `json:"untried,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// String is the table's name with its schema.
func (t *TablePlan) String() string { return (&Table{Schema: t.Schema, Name: t.Table}).String() }

// Source says where a column's value comes from.
type Source string

// The sources.
const (
	Made     Source = "made"     // by a generator
	Copied   Source = "copied"   // a category of the template row
	Drawn    Source = "drawn"    // from the column's sequence, when applied
	Next     Source = "next"     // after the highest key in the table
	Gap      Source = "gap"      // a number that no row has any more
	Parent   Source = "parent"   // the key of a row that exists
	Honey    Source = "honey"    // the key of a honey row of the same plan
	Null     Source = "null"     //
	Default  Source = "default"  // left to the server
	Computed Source = "computed" // by the server
)

// ColumnPlan says how a column is filled, and why so.
type ColumnPlan struct {
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	Source     Source         `json:"source"`
	Kind       string         `json:"kind,omitempty"`
	Confidence int            `json:"confidence,omitempty"` // percent
	Watch      bool           `json:"watch,omitempty"`
	Strength   token.Strength `json:"strength"`
	Why        string         `json:"why"`
	// Counter says that a Drawn value comes from AUTO_INCREMENT.
	Counter bool `json:"counter,omitempty"`
}

// RowPlan is one honey row.
type RowPlan struct {
	ID    event.ID `json:"id"`
	Cells []*Cell  `json:"cells"`
	of    *hand    // while it is drawn: the honey row whose relative it is
}

// Cell is one column of a honey row.
type Cell struct {
	Column string `json:"column"`
	Source Source `json:"source"`
	// Value is set for Made, Copied, Next, Gap and Parent; nil is NULL.
	Value    *string        `json:"value,omitempty"`
	Ref      *Ref           `json:"ref,omitempty"` // for Honey
	Kind     string         `json:"kind,omitempty"`
	Watch    bool           `json:"watch,omitempty"` // a token is registered for it
	Strength token.Strength `json:"strength"`
	Note     string         `json:"note,omitempty"` // of this value alone: a canary's
}

// Ref points at a cell of another honey row of the plan.
type Ref struct {
	Table  int    `json:"table"` // index in Plan.Tables
	Row    int    `json:"row"`
	Column string `json:"column"`
}

// Rows counts the honey rows.
func (p *Plan) Rows() int {
	n := 0
	for _, t := range p.Tables {
		n += len(t.Rows)
	}
	return n
}

func (r *RowPlan) cell(column string) *Cell {
	for _, c := range r.Cells {
		if c.Column == column {
			return c
		}
	}
	return nil
}

func (t *TablePlan) column(name string) *ColumnPlan {
	for _, c := range t.Columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// WriteFile writes the plan as JSON, readable by its owner alone. It replaces
// an existing file only as a whole.
func (p *Plan) WriteFile(path string) error {
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	f, err := beside(path)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	return os.Rename(f.Name(), path)
}

// CanWrite reports whether WriteFile could write path now. It leaves nothing behind.
func CanWrite(path string) error {
	f, err := beside(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// beside makes a file of mode 0600 in the folder of path.
func beside(path string) (*os.File, error) {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return nil, fmt.Errorf("write plan: %s is a folder: name a file", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".plan-*")
	if err != nil {
		return nil, fmt.Errorf("write plan: %w: choose a folder that is there and that you may write to", err)
	}
	return f, nil
}

// Digest is the SHA-256 of the plan in hexadecimal digits: what a reviewer has
// approved, and the log names.
func (p *Plan) Digest() string {
	b, err := json.Marshal(p)
	if err != nil { // a plan holds nothing that JSON can't
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// ReadPlan reads a plan file and checks that it is whole.
func ReadPlan(path string) (*Plan, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read plan: %w: name the file that `honeyrow seed plan --out FILE` wrote", err)
	}
	p := new(Plan)
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields() // a misspelt field would be left out in silence
	if err := dec.Decode(p); err != nil {
		return nil, fmt.Errorf("plan %s is damaged: %w; make a new one with seed plan", path, err)
	}
	if p.Schema != PlanSchema {
		return nil, fmt.Errorf("plan %s has schema %q, this program reads %q: make a new plan", path, p.Schema, PlanSchema)
	}
	for i, t := range p.Tables {
		for _, r := range t.Rows {
			for _, c := range r.Cells {
				if c.Source == Honey && (c.Ref == nil || c.Ref.Table < 0 || c.Ref.Table > i || c.Ref.Row < 0 || c.Ref.Row >= len(p.Tables[c.Ref.Table].Rows)) {
					return nil, fmt.Errorf("plan %s: row %s points at a row that is not before it: make a new plan", path, r.ID)
				}
			}
		}
	}
	return p, nil
}

// fingerprint digests the catalogue entries of the planned tables, without
// row counts and rights.
func fingerprint(cat *Catalog, tables []*TablePlan) (string, error) {
	h := sha256.New()
	for _, tp := range tables {
		one, err := tp.fingerprint(cat)
		if err != nil {
			return "", err
		}
		h.Write([]byte(one))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (t *TablePlan) fingerprint(cat *Catalog) (string, error) {
	name := t.String()
	if t.Decoy != nil { // is not there yet: its model's
		name = t.Decoy.Model
	}
	entry, err := cat.Table(name)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(entry)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// changed names the tables whose definition is another one than the plan's.
func (p *Plan) changed(cat *Catalog) string {
	var names []string
	for _, t := range p.Tables {
		if now, err := t.fingerprint(cat); err != nil || t.Fingerprint != "" && now != t.Fingerprint {
			names = append(names, t.String())
		}
	}
	return strings.Join(names, ", ")
}
