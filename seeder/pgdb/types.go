package pgdb

import (
	"context"
	"math"

	"github.com/jackc/pgx/v5"

	"honeyrow/seeder"
	"honeyrow/seeder/generate"
)

// typ is one row of pg_type.
type typ struct {
	name, kind, category string // typname, typtype, typcategory
	cast                 string // as a cast names it
	base                 uint32 // of a domain
	mod                  int32  // that the domain gives its base
	notNull              bool
	fallback             string // the domain's default
	enum                 []string
}

func (r *reader) readTypes(ctx context.Context) error {
	err := r.each(ctx, `SELECT oid, typname::text, typtype::text, typcategory::text, typbasetype, typtypmod, typnotnull, coalesce(typdefault, ''), pg_catalog.format_type(oid, -1) FROM pg_catalog.pg_type`,
		func(rows pgx.Rows) error {
			t := &typ{}
			var oid uint32
			if err := rows.Scan(&oid, &t.name, &t.kind, &t.category, &t.base, &t.mod, &t.notNull, &t.fallback, &t.cast); err != nil {
				return err
			}
			r.types[oid] = t
			return nil
		})
	if err != nil {
		return err
	}
	return r.each(ctx, "SELECT enumtypid, enumlabel::text FROM pg_catalog.pg_enum ORDER BY enumtypid, enumsortorder", func(rows pgx.Rows) error {
		var oid uint32
		var label string
		if err := rows.Scan(&oid, &label); err != nil {
			return err
		}
		if t := r.types[oid]; t != nil {
			t.enum = append(t.enum, label)
		}
		return nil
	})
}

// classify fills in what a column's type says, looking through domains.
func (r *reader) classify(c *seeder.Column, oid uint32, mod int32) {
	c.Class, c.Scale = generate.Other, -1
	t := r.types[oid]
	for depth := 0; t != nil && t.kind == "d" && depth < 32; depth++ {
		if c.Domain == "" {
			c.Domain = t.name
		}
		c.NotNull = c.NotNull || t.notNull
		if c.Default == "" {
			c.Default = t.fallback
		}
		if t.mod >= 0 {
			mod = t.mod
		}
		t = r.types[t.base]
	}
	if t == nil {
		return
	}
	if c.Domain != "" { // a cast to the domain fails for what its CHECK does not allow, before a row is tried
		c.Cast = t.cast
	}
	switch {
	case t.kind == "e":
		c.Class, c.Enum = generate.Enum, t.enum
		return
	case t.category == "A":
		c.Class = generate.Array
		return
	}
	c.Class = classes[t.name]
	switch t.name {
	case "varchar", "bpchar":
		if mod >= 4 {
			c.MaxLen = int(mod) - 4
		}
	case "char":
		c.MaxLen = 1
	case "name":
		c.MaxLen = 63
	case "int2":
		c.MaxInt = math.MaxInt16
	case "int4":
		c.MaxInt = math.MaxInt32
	case "int8":
		c.MaxInt = math.MaxInt64
	case "numeric":
		if mod >= 4 {
			c.Scale = int((mod - 4) & 0x7ff) // numeric.c: numeric_typmod_scale
			if c.Scale > 1000 {
				c.Scale = 0 // negative scale: rounded left of the point
			}
		}
	}
	if c.Class == "" {
		c.Class = generate.Other
	}
}

var classes = map[string]generate.Class{
	"text": generate.Text, "varchar": generate.Text, "bpchar": generate.Text, "char": generate.Text, "name": generate.Text, "citext": generate.Text,
	"int2": generate.Integer, "int4": generate.Integer, "int8": generate.Integer,
	"numeric": generate.Decimal, "float4": generate.Decimal, "float8": generate.Decimal, "money": generate.Decimal,
	"bool": generate.Bool, "date": generate.Date, "timestamp": generate.Timestamp, "timestamptz": generate.Timestamp,
	"time": generate.TimeOfDay, "timetz": generate.TimeOfDay, "uuid": generate.UUID, "bytea": generate.Bytes,
	"json": generate.JSON, "jsonb": generate.JSON, "inet": generate.Network,
}
