package detect_test

import (
	"testing"

	"honeyrow/engine/detect"
	"honeyrow/event"
)

// Which statements are alarms and which are not is decided by structure: of each rule
// the attack, and beside it what honest programs write that comes near to it.
func TestWhatIsPutInIsToldFromWhatProgramsWrite(t *testing.T) {
	b := newBench(t)
	const pg, my, both = 1, 2, 3
	for _, c := range []struct {
		in    int
		alarm bool
		sql   string
	}{
		// Alternatives to what somebody owns.
		{both, true, "select a from t where user_id = 2 and b = '2026-02-28' and c or b > '2000-01-01'"},
		{both, true, "select a from t where user_id = 2 and b like '%x%' or c like '%y%'"},
		{both, false, "select a from t where user_id = 2 and b like '%x%' or c like '%x%'"},
		{both, false, "select a from t where user_id = 2 and b = 'draft' or b = 'published'"},
		{both, false, "select a from t where (user_id = 2 and b = '2026-01-01') or (b > '2026-02-01' and c = 'x')"},
		{both, true, "select a from t where author = 'x' or author in (select name from users where role = 'admin') and title <> ''"},
		{both, false, "select a from t where author = 'x' or author in (select name from users where role = 'admin')"},
		{both, true, "select a from t where id = 5 or b > 100"},
		{both, false, "select a from t where id = 5 or (b > 100 and c = 'new')"},
		{both, true, "select a from t where user_id = 5 or user_id > 1000"},
		{both, false, "select a from t where user_id = 2 or user_id < 0"},
		{both, true, "select a from t where b = 10 or b between 5 and 30"},
		{both, false, "select a from t where b = 10 or b between 20 and 30"}, // 10, 20-30
		{both, true, "select a from t where b = 10 or b < 500"},
		{both, false, "select a from t where b = 0 or b < 5"}, // none, or not many
		{both, true, "select a from t where b = 'x' or c between 'a' and 'z'"},
		{both, false, "select a from t where b = 'x' or c between 'A' and 'C'"},
		{both, false, "select a from t where b = 'x' and c > 'y' or b > 'x' order by b, c limit 10"}, // the next page
		{both, true, "select a from t where b = 1 or created_at > '2000-01-01'"},
		{both, false, "select a from t where b = 1 or birth_date >= '2000-01-01'"},
		{both, true, "select a from t where b = 'x' or length(c) >= 0"},
		{both, false, "select a from t where b = 'x' or length(c) > 0"}, // has one
		{both, true, "select a from t where name = 'x' or name in ('y', 'z')"},
		{both, false, "select a from t where status = 'x' or status in ('y', 'z')"},
		{both, false, "select a from t where country = 'x' or city = 'y' or country = ''"},
		{both, true, "select a from t where id = 5 or id in (select id from t)"},
		{both, false, "select a from t where id = 5 or id in (select id from featured)"},
		{both, true, "select a from t where name = 'x' or b > 5 and name <> 'x'"},
		{both, false, "select a from t where user_id = 2 or user_id <> 2 and status = 'public'"},
		{both, true, "select a from t where user_id in (1, 2, (select b from u where id = 3))"},
		{both, false, "select a from t where user_id in (1, 2, (select user_id from u where id = 3))"},
		{both, true, "select a from t where total < least(100, (select salary from u where id = 2))"},
		{both, false, "select a from t where total < least(100, (select price from u where id = 2))"},
		{both, true, "select a from t where id = 2; update t set price = 0 where id = 2"},
		{both, true, "select a from t where id = 2; update t set price = price - 100 where id = 2"},
		{both, false, "select a from t where id = 2; update t set seen = seen + 1 where id = 2"},
		{both, true, "update t set a = 'x' where id = 2 and (select password from users where id = 1) > 'm'"},
		{both, true, "update t set a = 'x' where id = 2 and (select salary from employees where id = 3) > 4000"},
		{both, false, "update t set a = 'x' where id = 2 and (select stock from products where id = 3) > 0"},
		// Patterns and types that nothing fails.
		{my, true, "select a from t where b = 'x' or c rlike '^|x'"},
		{my, false, "select a from t where b = 'x' or c rlike '^(x|y|)$'"},
		{my, true, "select a from t where id = 9 or id regexp '^[0-9]'"},
		{my, false, "select a from t where id = 9 or id regexp '^9'"},
		{pg, true, "select a from t where b = 'x' or c ~ '^|x'"},
		{pg, true, "select a from t where id = 9 or t.* is not null"},
		{pg, true, "select a from t where id = 9 or jsonb_typeof(to_jsonb(id)) = 'number'"},
		{pg, false, "select a from t where id = 9 or jsonb_typeof(b) = 'array'"},
		{my, true, "select a from t where b = 1 or json_overlaps(c, c)"},
		{my, false, "select a from t where b = 1 or json_overlaps(c, '[1]')"},
		{my, true, "select a from t where paid = 2 is not true"},
		{my, false, "select a from t where (amount = 10) is true"},
		{my, true, "select a from t where b = 'x' and c = 1 xor d > 5"},
		{my, false, "select a from t where (b = 1) xor (c = 1)"},
		// What is written.
		{both, true, "update t set total = (select sum(salary) from employees) where id = 2"},
		{both, false, "update t set total_sales = (select sum(total) from sales) where id = 2"},
		{both, false, "update t set mean = (select avg(price) from products) where id = 2"},
		{both, true, "insert into t (id, user_id, total) values (9, 2, (select min(price) from products))"},
		{both, false, "insert into t (at, total) values ('2026-01-01', (select sum(price) from products))"},
		{pg, true, "insert into users (id, name) values (1, 'x') on conflict (id) do update set password = ''"},
		{pg, false, "insert into users (id, password) values (1, 'x') on conflict (id) do update set password = 'x'"},
		{my, true, "insert into users (id, name) values (1, 'x') on duplicate key update password = ''"},
		{pg, true, "update users set name = 'x', password = u.password from users u where u.id = 1 and users.id = 2"},
		{pg, false, "update users set password = l.password from legacy l where l.id = users.id"},
		{both, true, "update t set a = 'x' where id = 2; update users set role = 'admin' where id = 2"},
		{both, false, "update t set a = 'x' where id = 2; update users set role = 'member' where id = 2"},
		{both, false, "update users set active = false where id = 2; update api_keys set secret = null where customer_id = 2"},
		{both, true, "insert into comments (a) values ('hi'); insert into api_keys (id, secret) values (9, 'mine')"},
		{both, false, "insert into users (id, name) values (9, 'x'); insert into api_keys (id, user_id, secret) values (1, 9, 'y')"},
		{pg, true, "insert into t (a) values (1) on conflict (a) do update set b = (select p from u limit 1)"},
		{pg, true, "insert into t (a) values (1) on conflict (a) do update set b = (select max(email) from u)"},
		{pg, false, "insert into t (a) values (1) on conflict (a) do update set b = (select count(*) from u)"},
		{pg, false, "select a, count(*) from t where b = 'x' group by a, unnest('{1,2}'::int[])"},
		{both, true, "select a from t order by case when 1 = 2 then a else b end, 1 + pi()"},
		// Relations.
		{both, true, "select t.a, u.name from t join u on u.id = t.u_id or u.id > 1 where t.user_id = 2"},
		{both, false, "select t.a, u.name from t left join u on u.id = t.u_id or u.id = 0 where t.user_id = 2"},
		{both, true, "select t.a, u.name from t join u on true where t.user_id = 2"},
		{both, false, "select t.a, u.name from t cross join u where t.user_id = 2"},
		{both, false, "select t.a, s.name from t join settings s on true where t.user_id = 2"},
		{both, false, "select t.a, u.name from t join u on true where t.user_id = 2 and u.id = 3"},
		{pg, true, "select id from t where b = 9 union table t"},
		{both, false, "select id, a from t where b = 9 union select id, a from t where c = 'x'"},
		{pg, true, "select * from f((select count(*)::int from users where password ^@ 'p'))"},
		{my, true, "select a from t limit 1 procedure analyse(10, 100)"},
		{my, false, "select * from t procedure analyse()"},
		{both, false, "select sum(a) from t where b = 'x' union all select sum(c) from u where d = 'y'"},
		{both, true, "select p.a, u.email from p join u on u.id > 0 where p.id = 1"},
		{both, true, "select p.a, u.email from p join u on u.id <> p.id where p.id = 1"},
		{both, false, "select p.a, q.email from p join p q on q.a = p.a and q.id <> p.id where p.id = 1"},
		{both, true, "select id, name from t where id = 1 union select id, email from u where id = 1"},
		{both, false, "select id, name from t where name = 'max' union select id, email from u where email = 'max'"},
		{both, true, "select id, name from t where name = 'x' union select id, subject from u where subject <> ''"},
		{both, false, "select email from users where role = 'x' union select value from settings where name = 'mail'"},
		{both, false, "select id, case when (select role from users where id = 2) = 'admin' then card_number else 'x' end from customers where id = 1"},
		{both, true, "select id, case when (select password from users where id = 2) = 'x' then a else b end from t where id = 1"},
		{both, true, "select a, max(b) from t group by a having max(b) > 5 or count(*) >= 0"},
		{both, false, "select a, max(b) from t group by a having max(b) > 5 or count(*) > 3"},
		// Rows that were named, and written beside others.
		{both, true, "update t set a = 'x' where id = 2 or role = 'admin'"},
		{both, true, "update t set a = 'x' where id = 2 or id < 2"},
		{both, true, "delete from t where id = 2 or user_id = 1"},
		{both, false, "delete from t where id = 2 or parent_id = 2"},
		{both, false, "update t set a = 'x' where id = 2 or email = 'a@b.example'"},
		{both, false, "update t set a = 'x' where id = 2 and (role = 'guest' or role is null)"},
		// Secrets, and what they are of.
		{both, true, "select coalesce((select secret from api_keys k where k.id = t.id), name) from t"},
		{my, true, "select country, group_concat(card_number) from customers group by country"},
		{my, false, "select user_id, group_concat(token) from devices group by user_id"},
		{both, false, "select count(*) from customers where card_number like '4%'"},
		{both, true, "select count(*) from customers where id = 1 and card_number like '4%'"},
		{both, true, "select count(*) from customers where card_number like '4556123%'"},
		{both, true, "select id from users where left(password, 1) = 'a' and active = true"},
		{both, false, "select id from users where left(password, 4) = '$2y$' and active = true"},
		// Beside the row, and the order of rows.
		{both, true, "select id, (select secret from api_keys where id = 1) as help from t where id = 2"},
		{both, true, "select id, (select name from u where a = 'x') as title from t where id = 2"},
		{both, false, "select id, (select title from articles where slug = 'first') as help from t where id = 2"},
		{both, true, "select id from t order by case when (select name from u where id = 1) > 'm' then a else b end"},
		{both, false, "select id from t order by b > (select avg(b) from t) desc, id"},
		{both, true, "select id from t order by b > (select avg(c) from u) desc, id"},
		{both, true, "select id from t order by b > (select min(b) from t where c like 'x%'), id"},
		{both, false, "select a in (select id from u where b = 'x') as c, count(*) from t group by a in (select id from u where b = 'x')"},
		{both, false, "insert into settings (name, value) values ('top', (select max(total) from orders)), ('x', 'y')"},
		{both, true, "insert into t (name, value) values ('top', (select max(total) from orders)), ('x', 'y')"},
		{both, false, "select id from t where (a in ('all') or 'all' in ('all')) and b > 5"},
		{both, false, "select id from t order by case when c = (select value from settings where name = 'x') then 0 else 1 end, a"},
		{both, false, "select id from t order by case when id = (select t_id from u order by id desc limit 1) then 0 else 1 end, a"},
	} {
		for bit, isMy := range map[int]bool{pg: false, my: true} {
			if c.in&bit == 0 {
				continue
			}
			for how, fs := range map[string][]event.Finding{"the parse": b.judge(t, c.sql, isMy), "the words": words(c.sql, isMy)} {
				if got := detect.Score(fs) >= detect.Medium; got != c.alarm {
					t.Errorf("MySQL %v, by %s: alarm %v: %s: %+v", isMy, how, got, c.sql, fs)
				}
			}
		}
	}
}
