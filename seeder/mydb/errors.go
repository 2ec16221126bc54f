package mydb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/go-sql-driver/mysql"

	"honeyrow/seeder"
)

// meaning is what an error number of the server says, in the SQLSTATE that
// tells it apart (MySQL's own is 23000 or HY000 for most) and in words.
type meaning struct{ code, why string }

// meanings are of the MySQL and MariaDB error references. %s stands for the
// constraint's or column's name where the message has one.
var meanings = map[uint16]meaning{
	1048: {"23502", "column %s must not be null"},
	1364: {"23502", "column %s has no default value"},
	1062: {"23505", "the values are taken (unique %s)"},
	1169: {"23505", "the values are taken (unique %s)"},
	1586: {"23505", "the values are taken (unique %s)"},
	1216: {"23503", "a foreign key is violated"},
	1217: {"23503", "rows of another table point at it"},
	1451: {"23503", "rows of another table point at it"},
	1452: {"23503", "foreign key %s is violated"},
	1761: {"23503", "a foreign key is violated"},
	1762: {"23503", "a foreign key is violated"},
	3819: {"23514", "check %s is violated"},
	4025: {"23514", "check %s is violated"},
	1526: {"23514", "the row fits no partition"},
	1748: {"23514", "the row fits no partition"},
	1264: {"22003", "a number is out of its column's range"},
	1265: {"22001", "a value does not fit its column"},
	1406: {"22001", "a value is too long for its column"},
	1366: {"22018", "a value does not suit its column's type or character set"},
	1292: {"22007", "a value does not suit its column's type"},
	1411: {"22007", "a value does not suit its column's type"},
	3140: {"22032", "a value is no JSON"},
	1416: {"22023", "a value is no geometry"},
	1690: {"22003", "a computed number is out of range"},
	1365: {"22012", "a computed column divides by zero"},
	1467: {"2200H", "AUTO_INCREMENT has used up its numbers"},
	167:  {"2200H", "AUTO_INCREMENT has used up its numbers"},
	4084: {"2200H", "a sequence has used up its numbers"},
	1044: {"42501", "the role lacks a right: see the plan's GRANTs"},
	1142: {"42501", "the role lacks a right: see the plan's GRANTs"},
	1143: {"42501", "the role lacks a right: see the plan's GRANTs"},
	1227: {"42501", "the role lacks a right: see the plan's GRANTs"},
	1370: {"42501", "the role lacks a right on a routine: see the plan's GRANTs"},
	1205: {"55P03", "a lock was not given in time (lock_timeout): try again when the table is less busy"},
	1213: {"40P01", "the transaction was rolled back because of a deadlock: try again"},
	1020: {"40001", "a row was changed meanwhile: try again"},
	1969: {"57014", "a statement took too long (statement_timeout): raise it, or try again when the server is less busy"},
	3024: {"57014", "a statement took too long (statement_timeout): raise it, or try again when the server is less busy"},
	1317: {"57014", "a statement was interrupted"},
	1290: {"25006", "the server is read only: name the primary"},
	1836: {"25006", "the server is read only: name the primary"},
	1785: {"25000", "a trigger writes to a table without transactions, which the server refuses within one (enforce_gtid_consistency)"},
	1644: {"P0001", "a trigger raised an error"},
}

// violation turns an error of the server into words without values, or
// returns any other error as it is. The server's own text is never passed on:
// it quotes values.
func violation(err error) error {
	var me *mysql.MySQLError
	if !errors.As(err, &me) {
		return err
	}
	v := &seeder.Violation{Code: string(me.SQLState[:])}
	if me.SQLState == [5]byte{} {
		v.Code = "HY000"
	}
	m, ok := meanings[me.Number]
	if !ok {
		v.Why = fmt.Sprintf("%s (error %d, SQLSTATE %s)", condition(v.Code), me.Number, v.Code)
		return v
	}
	v.Code = m.code
	switch m.code {
	case "23502":
		v.Column = quoted(me.Message, "'", false)
	case "23505":
		v.Constraint = quoted(me.Message, "'", true)
		if i := strings.LastIndexByte(v.Constraint, '.'); i >= 0 { // MySQL 8: table.key
			v.Constraint = v.Constraint[i+1:]
		}
	case "23514", "23503":
		v.Constraint = constraint(me.Message)
	}
	v.Why = m.why
	if strings.Contains(m.why, "%s") {
		v.Why = strings.Join(strings.Fields(fmt.Sprintf(m.why, v.Constraint+v.Column)), " ")
	}
	return v
}

// quoted returns the last or the first text in quotes. The last one of a
// message about a duplicate is the key's name, the others are values.
func quoted(msg, q string, last bool) string {
	parts := strings.Split(msg, q)
	switch {
	case len(parts) < 3:
		return ""
	case last:
		return parts[len(parts)-2]
	}
	return parts[1]
}

// constraint finds the constraint's name, which no value stands beside:
// CONSTRAINT `name` failed, CONSTRAINT `name` FOREIGN KEY, Check constraint
// 'name' is violated.
func constraint(msg string) string {
	if i := strings.Index(msg, "CONSTRAINT `"); i >= 0 {
		name, _ := ident(msg[i+len("CONSTRAINT "):])
		return name
	}
	if strings.HasPrefix(msg, "Check constraint '") {
		return quoted(msg, "'", false)
	}
	return ""
}

// condition names a class of SQLSTATE.
func condition(code string) string {
	switch code[:2] { // five bytes of the server's
	case "08":
		return "the connection failed"
	case "22":
		return "a value does not suit its type"
	case "23":
		return "a constraint is violated"
	case "25":
		return "the transaction is in the wrong state, or read only"
	case "40":
		return "the transaction was rolled back because of a conflict: try again"
	case "42":
		return "a name or a right is wrong"
	case "45":
		return "a trigger raised an error"
	}
	return "the server reports an error"
}

// cause names why a connection failed. The server's texts about that hold
// names and addresses, never the password.
func cause(err error) error {
	var me *mysql.MySQLError
	if errors.As(err, &me) {
		return fmt.Errorf("%s (error %d)", me.Message, me.Number)
	}
	return err
}

// Silent reports whether a connection came about on which the server then said
// nothing until the time was up: err is the network's or the driver's. Percona
// Server does that while it waits for a PROXY header, from addresses in its
// proxy_protocol_networks; MariaDB takes connections from there without one too.
func Silent(err error) bool {
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return false
	}
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
}

// lost reports whether the server has ended the whole transaction, or the
// connection is gone.
func (db *DB) lost(err error) bool {
	var me *mysql.MySQLError
	var no *seeder.Violation
	switch {
	case err == nil, errors.As(err, &no), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case !errors.As(err, &me):
		return true
	}
	switch me.Number {
	case 1205:
		return db.harsh
	case 1213, 1020, 1614, 1180, 1047, 1053, 1927: // deadlock, conflict, ..., killed
		return true
	}
	return false
}
