package waysout

// Weak values of the honey row beside each other, where no column says where they
// are from: in results of their own, and inside one field. Both products'.

var weakWays = []way{
	weakWay("name and salary in a UNION", "select 'a', 0.5 union all select name, salary from customers where id > 900000"),
	weakWay("name and salary cast", "select name::varchar, salary::text from customers where id > 900000"),
	weakWay("name and salary by join", "select o.id, c.name || '', c.salary + 0 from orders o join customers c on c.id = o.customer where o.note = 'special'"),
	weakWay("key and name through a view", "select id, name from v_customers where id > 900000"),
	weakWay("name and salary in one text", "select concat_ws(';', name, salary) from customers where id > 900000"),
	weakWay("name and salary in a JSON object", "select json_build_object('n', name, 's', salary) from customers where id > 900000"),
	weakWay("name and salary in a JSON array of rows", "select json_agg(x) from (select name, salary from customers where id > 250) x"),
	weakWay("name and salary in an aggregate", "select string_agg(name || ' ' || salary, ';') from customers where id > 250"),
	weakWay("name and salary in two aggregates", "select string_agg(name, ','), string_agg(salary::text, ',') from customers where id > 250"),
	weakWay("name and salary in a composite", "select row(name, salary) from customers where id > 900000"),
	weakWay("name and salary in a composite's text", "select row(name, salary)::text from customers where id > 900000"),
	weakWay("name and salary in an array", "select array[name, salary::text] from customers where id > 900000"),
	weakWay("name and salary in XML", "select xmlforest(name, salary) from customers where id > 900000"),
	copyWay("COPY text, name and salary", "copy (select name, salary from customers where id > 900000) to stdout", "person_name"),
	copyWay("COPY csv, name and salary", "copy (select name, salary from customers where id > 900000) to stdout (format csv)", "person_name"),
}

var myWeakWays = []myWay{
	myWeakWay("name and salary in a UNION", "select 'a', 0.5 union all select name, salary from customers where id > 900000"),
	myWeakWay("name and salary cast", "select concat(name), cast(salary as char) from customers where id > 900000"),
	myWeakWay("name and salary by join", "select o.id, concat(c.name), c.salary + 0 from orders o join customers c on c.id = o.customer where o.note = 'special'"),
	myWeakWay("key and name through a view", "select id, name from v_temp where id > 900000"),
	myWeakWay("name and salary in one text", "select concat_ws(';', name, salary) from customers where id > 900000"),
	myWeakWay("name and salary in a JSON object", "select json_object('n', name, 's', salary) from customers where id > 900000"),
	myWeakWay("name and salary in a JSON array of rows", "select json_arrayagg(json_object('n', name, 's', salary)) from customers where id > 250"),
	myWeakWay("name and salary in an aggregate", "select group_concat(name, ' ', salary separator ';') from customers where id > 250"),
	myWeakWay("name and salary in two aggregates", "select group_concat(name), group_concat(salary) from customers where id > 250"),
	myWeakWay("name and birthday through a view", "select name, born from v_temp where id > 900000"),
}

func weakWay(name, sql string) way { return way{name: name, kind: "person_name", sql: sql} }

func myWeakWay(name, sql string) myWay { return myWay{name: name, kind: "person_name", sql: sql} }
