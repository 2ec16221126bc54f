-- Everything that psql does in a protocol of its own. Played with -a.
\set VERBOSITY verbose
\set ON_ERROR_STOP off
create temp table f (id int primary key, name text, at timestamptz default '2026-11-22 00:00Z', raw bytea);
insert into f (id, name, raw) select g, repeat(chr(96 + g % 26), g), decode(md5(g::text), 'hex') from generate_series(1, 200) g;
\copy (select * from f order by id) to 'out.csv' csv header
\copy (select * from f order by id) to 'out.bin' binary
\copy f (id, name, at, raw) to 'out.txt'
create temp table again (like f);
\copy again from 'out.csv' csv header
\copy again from 'out.bin' binary
\copy again from 'out.txt'
select count(*), sum(id), md5(string_agg(name, ',' order by id, name)) from again;
copy f (id, name) to stdout (format csv, quote '''', force_quote *);
copy (select * from f where id < 5 order by id) to stdout;
copy f from stdin (format csv, null '');
1001,"quoted, ""name""",2026-11-22,\\x00
1002,,,
\.
select * from f where id > 1000 order by id;
copy f from stdin;
1001	duplicate	\N	\N
\.
copy f from stdin;
no number	x	\N	\N
\.
-- cursors, FETCH, \gexec, \gset, \gdesc, \g to a program, \crosstabview
begin;
declare c scroll cursor for select id, name from f order by id;
fetch 3 from c;
fetch backward 2 from c;
move 100 in c;
fetch all in c;
close c;
commit;
\set FETCH_COUNT 7
select id, length(name) from f order by id limit 50;
select id, 10 / (20 - id) from f order by id limit 50;
\unset FETCH_COUNT
select format('select %s as n, %L as t', g, 'x' || g) from generate_series(1, 5) g \gexec
select count(*) as n, 'text' as t from f \gset
\echo :n :t
select id, name, raw, at from f \gdesc
select id, name from f where id < 4 order by id \g | sort -r
select id % 3 as a, id % 2 as b, count(*) from f group by 1, 2 order by 1, 2 \crosstabview
select * from f where id = 3 \gx
-- several results, notices, errors with all their fields
select 1 \; select 2 \; select nosuch \; select 4;
do $$ begin raise notice 'notice %', 1; raise warning 'warning' using hint = 'hint', detail = 'detail'; end $$;
insert into f (id) values (1);
select 'x'::int;
select id from f wher id = 1;
\errverbose
begin;
select 1/0;
select 1;
rollback;
begin; savepoint s; select 1/0; rollback to s; select 'saved'; commit;
\set ON_ERROR_ROLLBACK on
begin;
select 1/0;
select 'goes on';
commit;
\set AUTOCOMMIT off
select 'in a transaction';
rollback;
\set AUTOCOMMIT on
-- notifications to oneself
listen ch;
notify ch, 'first';
select pg_notify('ch', 'second');
unlisten *;
-- large objects over the fast path
\lo_import 'out.bin' 'a comment'
\lo_export :LASTOID 'lob.out'
select length(lo_get(:LASTOID)) > 1000;
\lo_unlink :LASTOID
\lo_unlink 1
-- prepared statements, variables, settings that are reported
prepare p(int) as select id, name from f where id = $1;
execute p(7);
deallocate p;
execute p(8);
set client_encoding = 'latin1';
select 'Zoë';
set client_encoding = 'utf8';
set datestyle = 'german';
select at from f where id = 1;
set timezone = 'Asia/Tokyo';
select at from f where id = 1;
reset all;
explain (costs off) select * from f where id = 1;
-- describe commands, a new connection, an empty query, long lines
\d f
\dt pg_catalog.pg_cl*
\l app
\conninfo
\c - - - -
;
select repeat('long ', 5000);
select array_agg(g) from generate_series(1, 3000) g;
\timing on
\timing off
select pg_sleep(0.01);
\i nosuchfile.sql
