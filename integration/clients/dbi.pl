# What Perl's DBD::Pg, DBD::mysql and DBD::MariaDB do on the wire, their catalogue
# methods among it. Arguments: postgresql or mariadb, host, port, mode (disable or
# require). HONEY=1: only what finds the honey row.
use strict; use warnings; use utf8; use DBI;
binmode STDOUT, ":utf8"; $| = 1;
my ($kind, $host, $port, $mode) = @ARGV;
my $pg = $kind eq 'postgresql';
my $honey = 'select * from honey_customers order by id desc';
sub shown { my $v = shift; return 'NULL' unless defined $v; $v = join ',', map { $_ // '-' } @$v if ref $v; $v =~ s/([^\x20-\x7e\xa0-\x{ffff}])/sprintf '\\x%02x', ord $1/ge; $v =~ s/\b$port\b/PORT/g; $v }
sub line { print join('|', map { shown($_) } @_), "\n" }
sub rows {
    my ($s, $n, $sorted) = @_;
    line(@{$s->{NAME}}); line(@{$s->{TYPE}});
    my ($i, @all) = 0;
    while (my $r = $s->fetchrow_arrayref) { push @all, [@$r] if $i++ < ($n || 20) }
    @all = sort { join('|', map { $_ // '' } @$a) cmp join('|', map { $_ // '' } @$b) } @all if $sorted;
    line(@$_) for @all;
    line($i, 'rows', $s->err ? ('error', $s->errstr) : ());
}
sub ask { my ($c, $sql, @args) = @_; my $s = $c->prepare($sql) && eval { my $s = $c->prepare($sql); $s->execute(@args); $s }; return line('error', $c->err, $c->state, $c->errstr) unless $s && !$s->err; $s->{NUM_OF_FIELDS} ? rows($s) : line('count', $s->rows) }
# DBD::mysql lists indexes in no order.
sub catalogue {
    my ($c, $schema) = @_;
    my @at = $pg ? (undef, $schema) : ($schema, undef);
    for my $s ($c->table_info(@at, '%', 'TABLE'), $c->table_info('', '', '', '%'), $c->column_info(@at, 'parents', '%'), $c->column_info(@at, 'children', '%'),
        $c->primary_key_info(@at, 'children'), $c->foreign_key_info(undef, $schema, 'parents', undef, $schema, 'children'), $c->statistics_info(@at, 'children', 0, 0), $c->type_info_all) {
        if (ref $s eq 'ARRAY') { line(scalar @$s, 'types') } elsif ($s) { rows($s, 60, 1) }
    }
    line($c->tables(@at, '%', 'TABLE')); line($c->primary_key(@at, 'children')); line($c->get_info(17), $c->get_info(29), $c->ping);
}
sub play {
    my ($driver, %more) = @_;
    my $dsn = $driver eq 'Pg' ? "dbi:Pg:dbname=app;host=$host;port=$port;sslmode=$mode" : "dbi:$driver:database=app;host=$host;port=$port;" . join ';', map { "$_=$more{$_}" } grep { /_ssl|_compr/ } keys %more;
    my $c = DBI->connect($dsn, $pg ? ('postgres', '') : ('app', 'secret'), { RaiseError => 0, PrintError => 0, AutoCommit => 1, map { $_ => $more{$_} } grep { !/_ssl|_compr/ } keys %more }) or die DBI->errstr;
    return ask($c, $honey) if $ENV{HONEY};
    line('==', $driver, sort grep { !/_ssl/ } map { "$_=$more{$_}" } keys %more);
    $c->{pg_enable_utf8} = 1 if $pg;
    $c->do('set client_min_messages = warning') if $pg;
    $c->do("drop table if exists $_") for 'children', 'parents';
    $c->do($pg ? 'create table parents (id serial primary key, name varchar(90) not null, n numeric(10,3) default 1.5, at timestamp, raw bytea, tags text[], yes bool)'
               : 'create table parents (id int auto_increment primary key, name varchar(90) character set utf8mb4 not null, n decimal(10,3) default 1.5, at datetime(3), raw blob, tags json, yes bool)') or die $c->errstr;
    $c->do('create table children (a int, b int, parent int references parents (id), note varchar(30) unique, primary key (a, b), foreign key (parent) references parents (id))') or die $c->errstr;
    my $s = $c->prepare('insert into parents (name, n, at, raw, tags, yes) values (?, ?, ?, ?, ?, ?)');
    for my $i (1 .. 150) {
        $s->bind_param(1, "Zoë $i"); $s->bind_param(2, $i / 4); $s->bind_param(3, '2026-01-02 03:04:05.678'); 
        $s->bind_param(4, "\0$i\xff'", $pg ? { pg_type => DBD::Pg::PG_BYTEA() } : DBI::SQL_BLOB());
        $s->bind_param(5, $pg ? [ "x$i", undef ] : $i % 7 ? qq({"k": $i}) : undef); $s->bind_param(6, $i % 2);
        $s->execute or line($s->errstr);
    }
    line($c->last_insert_id(undef, undef, 'parents', undef));
    $c->begin_work;
    $s = $c->prepare('insert into children values (?, ?, ?, ?)');
    line($s->execute_array({ ArrayTupleStatus => \my @st }, [1 .. 40], 7, [1 .. 40], [map { "n$_" } 1 .. 40]));
    $c->commit;
    ask($c, 'select * from parents where id = ?', $_ * 3) for 1 .. 7;
    ask($c, 'select id, name from parents where name like ? and id > ? order by id', 'Zoë 1%', 3);
    ask($c, 'select parent, count(*) as c from children join parents on parents.id = parent group by parent order by 1 limit ?', 3) if $pg || !$more{mysql_server_prepare};
    ask($c, $_) for 'select nosuch from parents', 'insert into parents (id, name) values (1, null)', "insert into children values (1, 7, 1, 'x')", "insert into children values (100, 7, 4711, 'y')", 'select * from nosuch';
    $c->begin_work; ask($c, 'update parents set name = ? where id < ?', 'x', 5); ask($c, 'delete from children where a = ?', 3); $c->rollback;
    line(map { "@$_" } @{ $c->selectall_arrayref('select id, name from parents order by id limit 3') });
    line(%{ $c->selectall_hashref('select a, note from children where a = 5', 'a')->{5} }{'a', 'note'});
    line($c->quote("it's \\ o"), $c->quote_identifier('a"b`c'));
    catalogue($c, $pg ? 'public' : 'app');
    if ($pg) {
        $c->do('copy parents (id, name) from stdin'); $c->pg_putcopydata("$_\tcopied $_\n") for 1000 .. 1400; line($c->pg_putcopyend);
        $c->do('copy (select id, name from parents order by id) to stdout'); my ($n, $l) = (0, ''); $n++ while $c->pg_getcopydata($l) >= 0; line($n);
        $c->do('listen ch'); $c->do(q(notify ch, 'payload')); $c->ping; my $got; $got = $c->pg_notifies until $got; line($got->[0], $got->[2]);
        $c->begin_work; my $lo = $c->pg_lo_creat($c->{pg_INV_WRITE} // 131072); my $fd = $c->pg_lo_open($lo, 131072 | 262144); line($c->pg_lo_write($fd, 'large' x 20000, 100000)); line($c->pg_lo_lseek($fd, 5, 0)); $c->pg_lo_read($fd, my $buf, 50); line($buf); $c->pg_lo_unlink($lo); $c->commit;
        $c->do('select pg_sleep(20)', { pg_async => DBD::Pg::PG_ASYNC() }); select(undef, undef, undef, 0.3); line($c->pg_ready ? 1 : 0, $c->pg_cancel ? 1 : 0, $c->state);
        $c->begin_work; $c->do('declare cur cursor for select id from parents order by id'); ask($c, 'fetch 5 from cur'); ask($c, 'move 10 in cur'); ask($c, 'fetch backward 3 from cur'); $c->do('close cur');
        $c->pg_savepoint('s'); ask($c, 'select 1/0'); $c->pg_rollback_to('s'); $c->pg_release('s'); $c->commit;
        $c->{pg_server_prepare} = 0; ask($c, 'select name from parents where id = ?', 9); $c->{pg_expand_array} = 0; ask($c, 'select tags from parents where id = $1', 9);
        ask($c, 'select 1 as a; select 2 as b');
        line(map { $c->{$_} // '' } qw(pg_protocol pg_db pg_user pg_standard_conforming_strings));
    } else {
        ask($c, 'select repeat(?, 200000) = repeat(?, 200000)', 'a', 'a');
        $s = $c->prepare('select seq from seq_1_to_3000'); $s->execute; { my $n = 0; $n++ while $s->fetchrow_arrayref; line($n) }
        unless ($more{mysql_server_prepare} || $more{mariadb_server_prepare}) { $c->do('create procedure dbi_p(k int) begin select k, 1; select k + 1; end'); $s = $c->prepare('call dbi_p(?)'); $s->execute(4); do { rows($s) if $s->{NUM_OF_FIELDS} } while $s->more_results; $c->do('drop procedure dbi_p') }
        ask($c, 'show warnings'); ask($c, 'show tables like ?', 'p%') unless $more{mysql_server_prepare} || $more{mariadb_server_prepare};
    }
    $c->do("drop table $_") for 'children', 'parents';
    $c->disconnect;
}
my %tls = (mysql => sub { $mode eq 'require' ? (mysql_ssl => 1, mysql_ssl_optional => 1, mysql_ssl_ca_file => $ENV{CA}) : () }, MariaDB => sub { $mode eq 'require' ? (mariadb_ssl => 1, mariadb_ssl_ca_file => $ENV{CA}) : () });
if ($pg) { play('Pg', %$_) for {}, { pg_server_prepare => 0 }, { pg_switch_prepared => 0 } }
else {
    play('mysql', %$_, $tls{mysql}->()) for { mysql_enable_utf8mb4 => 1 }, { mysql_enable_utf8mb4 => 1, mysql_server_prepare => 1 };
    play('MariaDB', %$_, $tls{MariaDB}->()) for {}, { mariadb_server_prepare => 1 }, { mariadb_compression => 1 };
}
print "done\n";
