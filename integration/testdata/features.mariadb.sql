-- Everything that the mariadb client does on the wire. Played in several modes.
status
use other
use app
select database(), user(), @@version_comment limit 1;
describe customers;
select * from customers where id < 4 order by id;
select id, name, raw from customers order by id desc limit 3;
select null, '', 'tab	and
newline', x'00ff41', b'101', 1.50, 1e300, -0.0, date '2026-11-22', time '-12:34:56', timestamp '2026-11-22 01:02:03.456789';
select 1; select 2; select nosuch; select 4;
create or replace table feature (id int, name varchar(40)) default charset latin1;
load data local infile 'rows.txt' into table feature;
load data local infile 'nosuch.txt' into table feature;
select * from feature order by id;
insert into feature values (4, 'Zoë'), (5, 'five') returning id, name;
insert into feature values ('x', 'no number');
update feature set name = upper(name) where id < 3;
select cast('7x' as signed);
show warnings;
delete from feature where id = 5 returning *;
call p(4, @e);
select @e;
prepare s from 'select id, email from customers where id = ?';
set @k = 7;
execute s using @k;
deallocate prepare s;
execute s;
delimiter //
create or replace procedure several() begin select 1; select 'two' from seq_1_to_3; insert into feature values (9, 'nine'); select 3; end//
create or replace procedure fails() begin select 1; signal sqlstate '45000' set message_text = 'raised', mysql_errno = 30001; end//
create or replace procedure walks() begin declare e varchar(80); declare i int default 0; declare c cursor for select email from customers order by id;
open c; while i < 4 do fetch c into e; select e; set i = i + 1; end while; close c; end//
delimiter ;
call several();
call fails();
call walks();
handler feature open;
handler feature read first;
handler feature read next limit 2;
handler feature close;
begin; insert into feature values (10, 'ten'); rollback;
start transaction read only; insert into feature values (11, 'eleven'); commit;
select count(*) from feature;
set names latin1; select 'x', name from feature where id = 4; set names utf8mb4;
set character_set_results = null; select name from feature where id = 4; set names utf8mb4;
\C utf8mb3
select repeat('long ', 20000);
select length(body), left(body, 10) from big;
select seq, if(seq = 500, extractvalue(1, concat('~', 'oops')), seq) from seq_1_to_1000;
selec;
select 'unterminated;
';
;
explain select * from customers where id = 1;
show create table feature;
show create procedure several;
show index from customers;
show columns from child like 'c%';
kill query 4000000;
kill 4000000;
set @a = 1, @b := 'text'; select @a, @b;
do 1;
checksum table feature;
analyze table feature;
lock tables feature write; insert into feature values (12, 'locked'); unlock tables;
create temporary table tmp as select * from feature; select count(*) from tmp; drop table tmp;
alter table feature add column more int default 7, algorithm = copy;
select * from feature order by id limit 2;
truncate feature;
drop procedure several; drop procedure fails; drop procedure walks; drop table feature;
\W
select cast('x' as signed);
\w
warnings
help contents
select 'the end';
