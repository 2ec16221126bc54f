package main

import (
	"context"
	"fmt"
	"io"
	"slices"
)

// published are the tables of sample databases that others have made. Their keys
// have no gaps; where a scene needs some, every thirteenth row is deleted first,
// with what hangs on it.
func published(dir string) []*scene {
	scenes := []*scene{
		{
			name: "sakila's customers, PostgreSQL", about: "599 customers of an invented DVD rental, loaded at once. No number is missing: only rows that come later would hide honey rows.",
			of: "sakila", table: "public.customer", domain: "sakilacustomer.org", naive: true, few: true,
			ways: []way{{name: "honeyrow, family", setup: appended}},
		},
		{
			name: "sakila's customers with gaps, MariaDB", about: "The same people; every thirteenth was deleted, with rentals and payments. A trigger writes the hour of planting into create_date.",
			of: "sakila-mysql", mysql: true, table: "customer", domain: "sakilacustomer.org", few: true,
			then: "SET FOREIGN_KEY_CHECKS = 0; DELETE FROM payment WHERE customer_id % 13 = 5; DELETE FROM rental WHERE customer_id % 13 = 5; DELETE FROM customer WHERE customer_id % 13 = 5; SET FOREIGN_KEY_CHECKS = 1; COMMIT;", // the sample leaves autocommit off
			ways: []way{{name: "honeyrow, gaps and family", setup: asKin, bar: true}},
		},
		{
			name: "pagila's customers with gaps, PostgreSQL", about: "The same people, with payments in partitions; every thirteenth was deleted, with rentals and payments.",
			of: "pagila", table: "public.customer", domain: "sakilacustomer.org", few: true,
			then: "SET search_path = public; DELETE FROM payment WHERE customer_id % 13 = 5; DELETE FROM rental WHERE customer_id % 13 = 5; DELETE FROM customer WHERE customer_id % 13 = 5;",
			ways: []way{{name: "honeyrow, gaps and family", setup: asKin, bar: true}},
		},
		{
			name: "employee's employees, PostgreSQL", about: "10,000 invented employees: names, dates and keys, nothing else; what they earn and where they worked points at them, by keys of several columns. No number is missing.",
			of: "employee", table: "public.employee", naive: true,
			few: true, ways: []way{{name: "honeyrow"}},
		},
		{
			name: "employee's employees with gaps, MariaDB", about: "The same; every thirteenth was deleted, with all that points at it.",
			of: "employee-mysql", mysql: true, table: "employee", few: true, then: "DELETE FROM employee WHERE emp_no % 13 = 5;",
			ways: []way{{name: "honeyrow, gaps and family", setup: asKin, bar: true}},
		},
		{
			name: "baseball's people, PostgreSQL", about: "Some 20,000 players of baseball, as they are published: 24 columns, dates since 1820, keys made of names, most names rare.",
			of: "baseball", table: "public.people", naive: true,
			ways: []way{{name: "honeyrow", bar: true}},
		},
	}
	for _, c := range scenes {
		c.load = func() (string, error) {
			sql, err := samples[c.of].read(dir)
			return sql + "\n;" + c.then, err
		}
	}
	return scenes
}

// downloadAll brings all samples into dir.
func downloadAll(ctx context.Context, dir string, log io.Writer) error {
	var names []string
	for name := range samples {
		names = append(names, name)
	}
	slices.Sort(names)
	var last error
	for _, name := range names {
		if err := samples[name].download(ctx, dir, log); err != nil {
			fmt.Fprintln(log, err)
			last = err
		}
	}
	if last != nil {
		return fmt.Errorf("not all samples are in %s: what needs them is left out", dir)
	}
	return nil
}
