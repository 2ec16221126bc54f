package detect_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"honeyrow/engine/detect"
	"honeyrow/engine/sqlfacts"
	"honeyrow/event"
)

// words judges a statement by its words alone, as the engine does where the
// parser has no time for it.
func words(sql string, my bool) []event.Finding {
	env := sqlfacts.Env{Flavour: sqlfacts.PostgreSQL, Version: 150018, ANSIQuotes: true, NoBackslash: true, PipesConcat: true}
	if my {
		env = sqlfacts.Env{Flavour: sqlfacts.MariaDB, Version: 101106}
	}
	var text sqlfacts.Text
	text.Lex([]byte(sql), env)
	return detect.Compile(sqlfacts.NewFacts(&text, sqlfacts.Scan(&text), sqlfacts.Scanned, ""), env).Judge(&text)
}

// Whatever the parser is kept from, each detector sees its cases.
func TestEachDetectorSeesItsCasesByTheirWordsAlone(t *testing.T) {
	for id, c := range cases {
		for _, x := range []struct {
			list      []string
			my, fires bool
		}{{c.pg, false, true}, {c.my, true, true}, {c.neverPG, false, false}, {c.neverMy, true, false}} {
			for _, sql := range x.list {
				fs := words(sql, x.my)
				if got := slices.ContainsFunc(fs, func(f event.Finding) bool { return f.Detector == id }); got != x.fires {
					t.Errorf("%s: fires %v by the words of %s: %+v", id, got, sql, fs)
				}
			}
		}
	}
}

// ordinary are typical statements in the spellings that a scanner mistakes most
// easily.
var ordinary = []struct {
	sql string
	my  bool
}{
	{"SELECT e.tableoid, e.oid, evtname, evtenabled, evtevent, evtowner, array_to_string(array(select quote_literal(x) from unnest(evttags) as t(x)), ', ') as evttags, e.evtfoid::regproc as evtfname FROM pg_event_trigger e ORDER BY e.oid", false},
	{"select percentile_cont(0.5) within group (order by a), count(*) filter (where b > 1 or c is null) from t group by rollup (d, e), cube (f)", false},
	{"select a, rank() over (partition by b order by c desc rows between 1 preceding and current row) from t window w as (order by a)", false},
	{"select a from t where b <@ box(point(0, 0), point(1, 1)) order by point(0.1, 0.2) <-> b limit 5", false},
	{"select interval '1 hour' * 2 + t.a as b, date '2026-01-01', timestamp with time zone '2026-01-01 00:00+00' from t", false},
	{"select (a.b).c, (select d from e where e.id = a.id)[1:2], array[1, 2] || f, g -> 'h' ->> 'i' from a where j @> '{}' and k ?| array['l']", false},
	{"select distinct on (a, date_trunc('day', b)) a, extract(epoch from b), position('x' in c), substring(d from 1 for 2), overlay(e placing 'x' from 1) from t order by a, date_trunc('day', b), b desc nulls last", false},
	{"(select a from t where b = 'x' limit 3) union all (select a from u order by a) order by 1 limit 3 offset 2", false},
	{"select a from t tablesample system (10) repeatable (1), lateral f(t.b) with ordinality as g(h, i) where (a, b) is distinct from (c, d)", false},
	{"with recursive r (a, b) as (select 1, 2 union all select a + 1, b from r where a < 5) select * from r for update of r skip locked", false},
	{"insert into t (a, b) select c, d from u where e = 1 on conflict (a) where f do update set (a, b) = (excluded.a, 5) where t.b is not null returning a as x", false},
	{"merge into t using u on t.id = u.id when matched and u.a > 5 then update set a = u.a when not matched then insert (id, a) values (u.id, u.a)", false},
	{"update t set a = b || 'x', c = default from u join v using (id) where t.id = u.id and u.d similar to 'x%' escape '!'", false},
	{"create table t (a int default 5 check (a > 0 or a = -1), b text collate \"C\", constraint c foreign key (a) references u (id) on delete set null on update cascade) partition by range (f(a)) with (fillfactor = 70)", false},
	{"create trigger a before insert or update of b on t for each row when (old.b is distinct from new.b) execute function f('x')", false},
	{"create rule r as on update to t where new.a <> old.a do also insert into log values (new.a, current_user, 'changed', old.a)", false},
	{"create policy p on t for select to role_a using (owner = current_user or public) with check (a > 5)", false},
	{"create index concurrently i on t using gin (lower(a) gin_trgm_ops) where b is null or b = 'x'", false},
	{"alter default privileges for role a grant select on tables to group b; alter table t alter a type int using a::int, add check (b in ('x', 'y'))", false},
	{"create database d with owner = a connection limit = 10; import foreign schema s except (t1, t2) from server x into public options (a 'b')", false},
	{"grant select (a, b), update on table t, s.u to \"bob\" with grant option", false},
	{"revoke all on all tables in schema public from public cascade", false},
	{"copy t (a, b) from stdin with (format csv, header true, null '', delimiter ';')", false},
	{"set session characteristics as transaction isolation level serializable; set search_path to a, \"$user\"; set time zone interval '+00:00' hour to minute", false},
	{"begin transaction isolation level repeatable read, read only; declare c cursor with hold for select a from t where b = 1; fetch forward 100 from c; close c; commit", false},
	{"vacuum (analyze, verbose) s.t (a, b); lock table only t, u in access share mode nowait; reindex table concurrently t", false},
	{"explain (analyze, buffers, format json) select a from t where b = any ($1::int[]) and c not in (1, 2) or d between $2 and $3", false},
	{"select `a`.*, if(`b` > 1, 'x', null) as `c` from `t` as `a` force index (`i`) straight_join `u` on `a`.`id` = `u`.`id` where `d` not regexp '^x' limit 10, 20", true},
	{"select group_concat(distinct a order by b desc separator ', '), timestampdiff(minute, c, now()), d + interval 1 day from t where match(e) against ('x' in boolean mode) group by f with rollup", true},
	{"insert into t (a, b) values (1, 'x'), (2, default) on duplicate key update a = values(a), b = concat(values(b), 'y')", true},
	{"replace into t set a = 1, b = (1 + 2)", true},
	{"create table if not exists t (a int unsigned not null auto_increment comment 'x', b enum('y', 'z') default 'y', c datetime default current_timestamp on update current_timestamp, primary key (a), key k (b(10))) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_bin", true},
	{"create algorithm=undefined definer=root@localhost sql security definer view v as select a as a from t where b = 1", true},
	{"create trigger a after insert on t for each row insert into log values (new.a, now())", true},
	{"show full columns from `t` from `d` like 'a%'", true},
	{"show tables where `Tables_in_d` = 'x' or `Table_type` = 'VIEW'", true},
	{"set @old := @@sql_mode, @@session.sql_mode = concat(@@sql_mode, ',STRICT_ALL_TABLES'), names utf8mb4", true},
	{"select exists (select * from dual where exists (select 1 from t, u where t.id = u.id and u.a = 'x')) as b", true},
	{"delete a, b from t as a inner join u as b on a.id = b.id where b.c is null and a.d < now() - interval 30 day", true},
	{"load data local infile 'x.csv' into table t fields terminated by ',' optionally enclosed by '\"' lines terminated by '\\n' ignore 1 lines (a, @b) set c = nullif(@b, '')", true},
	{"lock tables `t` write, `u` as `v` read; unlock tables", true},
	{"select a from t for system_time as of timestamp '2026-01-01 00:00:00' where b sounds like 'x' and c <=> null", true},
	{"prepare s from 'select a from t where b = ?'", true},
	{"select * from t where (t.id not in (null) or (1 = 1))", false},
	{"select t.a from t join u on u.id = t.u where u.id = t.u and t.a = 'x'", false},
	{"select count(*), sum(size) from pg_ls_waldir()", false},
	{"select id, case when 'EUR' = 'EUR' then price else price * 1.1 end as price from products", false},
	{"update settings set a = 'x' where b = 'y'; notify settings, 'y'", false},
	{"insert into t (a) values ('x'); select id from t where row_count() = 1 and id = last_insert_id()", true},
}

func TestOrdinaryStatementsAreNoAlarmByTheirWordsAlone(t *testing.T) {
	for _, c := range ordinary {
		if fs := words(c.sql, c.my); detect.Score(fs) >= detect.Medium {
			t.Errorf("%s: %+v", c.sql, fs)
		}
	}
}

// What dumps, shells and applications were seen to send is no alarm when the
// parser has no time for it: every statement that was captured of those that
// raises none by its parse.
func TestWhatProgramsSendIsNoAlarmByItsWordsAlone(t *testing.T) {
	b := newBench(t)
	programs := map[string]int{}
	for _, x := range []struct {
		file string
		my   bool
	}{{"benign-pg-known", false}, {"benign-my-known", true}} {
		f, err := os.Open("../../integration/eval/corpora/" + x.file + ".jsonl.gz")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		s := bufio.NewScanner(z)
		s.Buffer(nil, 16<<20)
		for s.Scan() {
			var e struct{ Source, SQL string }
			if err := json.Unmarshal(s.Bytes(), &e); err != nil {
				t.Fatal(err)
			}
			programs[e.Source]++
			fs := words(e.SQL, x.my)
			if detect.Score(fs) >= detect.Medium && detect.Score(b.judge(t, e.SQL, x.my)) < detect.Medium {
				t.Errorf("%s: %s: %+v", e.Source, e.SQL, fs)
			}
		}
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []string{"pg_dump", "psql-meta", "pg-maint", "mysqldump", "mysql-cli", "py-django", "adminer"} {
		if programs[p] < 20 {
			t.Errorf("%d statements of %s, want 20 and more: was it renamed?", programs[p], p)
		}
	}
}
