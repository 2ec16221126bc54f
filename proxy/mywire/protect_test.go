package mywire

import (
	"errors"
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"

	"honeyrow/inspect/inspecttest"
)

func TestRealRefusedResultInProtectModeLeavesNothing(t *testing.T) {
	s, _, _ := realServer(t)
	rec := inspecttest.New()
	rec.Quiet = true
	rec.SuspectOnly("honey@corp.example")
	rec.BlockWhen("", "honey@corp.example")
	addr := proxied(t, rec, Config{Server: Server{Address: s.Addr()}, Protect: true})
	const numbers = "select seq, if(seq = %[2]d, concat('honey', '@corp.example'), repeat('x', 100)) from seq_1_to_1000 where seq <= %[1]d"
	for _, extra := range []string{"", "?interpolateParams=true&multiStatements=true"} {
		c := open(t, fmt.Sprintf("native_u:secret@tcp(%s)/crm%s", addr, extra))
		ctx := t.Context()
		read := func(n int) (rows int, err error) {
			sql := fmt.Sprintf(numbers, n, n/2+1)
			args := []any{}
			if extra == "" { // prepared
				sql += " and 1 = ?"
				args = append(args, 1)
			}
			r, err := c.QueryContext(ctx, sql, args...)
			if err != nil {
				return 0, err
			}
			defer r.Close()
			for r.Next() {
				rows++
			}
			return rows, r.Err()
		}
		var me *mysql.MySQLError
		for _, n := range []int{2, 10, 400} {
			rows, err := read(n)
			if !errors.As(err, &me) || me.Number != codeForbidden || rows > 0 {
				t.Fatalf("%q: %d rows of %d have left, %v", extra, rows, n, err)
			}
		}
		rows, err := read(1000) // beyond the hold it is a stream
		if err == nil && rows > 0 || rows >= 501 {
			t.Fatalf("%q: %d rows have left beyond the hold, %v", extra, rows, err)
		}
		var got string
		if err := c.QueryRowContext(ctx, "select 'fine'").Scan(&got); err != nil || got != "fine" {
			t.Fatalf("%q: afterwards %q, %v", extra, got, err)
		}
	}
	c := open(t, fmt.Sprintf("native_u:secret@tcp(%s)/crm?multiStatements=true", addr))
	r, err := c.QueryContext(t.Context(), "select 'one'; select concat('honey', '@corp.example'); select 'three'")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got string
	if !r.Next() || r.Scan(&got) != nil || got != "one" {
		t.Fatalf("the first of several results is %q", got)
	}
	for r.Next() {
	}
	if r.NextResultSet() && r.Next() {
		t.Fatal("something of the refused one has left")
	}
	if p := rec.Calls("Open"); !p[0].Client.Protect {
		t.Error("the inspector is not told of the mode")
	}
}
