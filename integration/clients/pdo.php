<?php
// What PHP's PDO, pg_* and mysqli do on the wire. Arguments: postgresql or mariadb, host, port, mode.
[, $kind, $host, $port, $mode] = $argv;
$pg = $kind === 'postgresql';
function tell(Throwable $e): void { global $port; echo 'error ', $e->getCode(), ' ', str_replace("$port", 'PORT', $e->getMessage()), "\n"; }
function show($rows): void { foreach ($rows as $i => $r) { if ($i < 20) echo json_encode(array_map(fn ($v) => is_resource($v) ? bin2hex(stream_get_contents($v)) : (is_string($v) && !mb($v) ? bin2hex($v) : $v), (array) $r)), "\n"; } echo count($rows), " rows\n"; }
function mb(string $s): bool { return preg_match('//u', $s) === 1; }
foreach ($pg ? [[], [PDO::ATTR_EMULATE_PREPARES => true], [PDO::PGSQL_ATTR_DISABLE_PREPARES => true], [PDO::ATTR_PERSISTENT => true]] : [[], [PDO::ATTR_EMULATE_PREPARES => false], [PDO::MYSQL_ATTR_USE_BUFFERED_QUERY => false], [PDO::ATTR_EMULATE_PREPARES => false, PDO::MYSQL_ATTR_USE_BUFFERED_QUERY => false, PDO::MYSQL_ATTR_FOUND_ROWS => true]] as $options) {
    echo '== ', json_encode($options), "\n";
    if (!$pg && $mode === 'require') $options += [PDO::MYSQL_ATTR_SSL_CA => getenv('CA'), PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => false];
    $c = $pg ? new PDO("pgsql:host=$host;port=$port;dbname=app;sslmode=$mode;user=postgres", null, null, $options) : new PDO("mysql:host=$host;port=$port;dbname=app;charset=utf8mb4", 'app', 'secret', $options);
    $c->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
    $ask = function (string $sql, array $args = []) use ($c) {
        try { $s = $c->prepare($sql); $s->execute($args); $s->columnCount() ? show($s->fetchAll(PDO::FETCH_ASSOC)) : print('count ' . $s->rowCount() . "\n"); $s->closeCursor(); return $s; } catch (PDOException $e) { tell($e); }
    };
    $c->exec($pg ? 'create temp table t (id int primary key, name text, n numeric(10,3), doc jsonb, raw bytea, yes bool)' : 'create temporary table t (id int primary key, name varchar(90), n decimal(10,3), doc json, raw blob, yes bool)');
    $c->beginTransaction();
    $s = $c->prepare('insert into t values (:id, :name, :n, :doc, :raw, :yes)');
    for ($i = 0; $i < 200; $i++) {
        foreach (['id' => [$i, PDO::PARAM_INT], 'name' => [$i % 9 ? "Zoë $i" : null, PDO::PARAM_STR], 'n' => [$i / 4, PDO::PARAM_STR], 'doc' => ['{"a": ' . $i . '}', PDO::PARAM_STR], 'raw' => ["\0$i\xff'", PDO::PARAM_LOB], 'yes' => [$i % 2 == 0, PDO::PARAM_BOOL]] as $k => [$v, $type]) $s->bindValue($k, $v, $type);
        $s->execute();
    }
    $c->commit();
    for ($i = 0; $i < 7; $i++) $ask('select * from t where id = ?', [$i * 3]);
    $ask('select id, name from t where name like :p and id > :id order by id', ['p' => 'Zoë 1%', 'id' => 3]);
    foreach (['select nosuch from t', 'insert into t (id) values (1)', 'select * from nosuch where a = 1'] as $bad) $ask($bad);
    $c->beginTransaction();
    $ask("update t set name = ? where id < ?", ['x', 5]);
    $c->rollBack();
    $m = $c->query('select id, name, n from t');
    for ($i = 0; $i < 3; $i++) echo json_encode(array_diff_key($m->getColumnMeta($i), ['pgsql:table_oid' => 1])), "\n";
    $m->closeCursor();
    if ($pg) {
        $c->exec("insert into t (id, name) values (5000, 'o''brien \\\\')");
        echo $c->quote("it's"), "\n";
        $c->pgsqlCopyFromArray('t', array_map(fn ($i) => "$i\tcopied\t1\t{}\t\\N\tt", range(1000, 1500)));
        echo count($c->pgsqlCopyToArray('t')), "\n";
        $c->exec('listen ch'); $c->exec("notify ch, 'payload'");
        echo json_encode(array_slice($c->pgsqlGetNotify(PDO::FETCH_ASSOC, 2000) ?: [], 0, 1)), "\n";
        $c->beginTransaction();
        $oid = $c->pgsqlLOBCreate();
        $f = $c->pgsqlLOBOpen($oid, 'w'); fwrite($f, str_repeat('large', 50000)); fclose($f);
        $f = $c->pgsqlLOBOpen($oid, 'r'); echo strlen(stream_get_contents($f)), "\n"; fclose($f);
        $c->pgsqlLOBUnlink($oid);
        $c->commit();
        $s = $c->prepare('select id from t order by id', [PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL]);
        $c->beginTransaction(); $s->execute();
        foreach ([[PDO::FETCH_ORI_NEXT, 0], [PDO::FETCH_ORI_LAST, 0], [PDO::FETCH_ORI_PRIOR, 0], [PDO::FETCH_ORI_ABS, 5]] as [$o, $n]) echo json_encode($s->fetch(PDO::FETCH_NUM, $o, $n)), "\n";
        $c->rollBack();
    } else {
        $c->exec('insert into t (id) values (5000)'); echo $c->lastInsertId(), "\n";
        if (($options[PDO::ATTR_EMULATE_PREPARES] ?? true) && !isset($options[PDO::MYSQL_ATTR_USE_BUFFERED_QUERY])) try {
            $s = $c->query('select 1 as a; select 2 as b; select 3');
            do { if ($s->columnCount()) show($s->fetchAll(PDO::FETCH_NUM)); } while ($s->nextRowset());
        } catch (PDOException $e) { tell($e); }
        foreach ($c->query('select seq from seq_1_to_3000', PDO::FETCH_NUM) as [$n]) { if ($n == 3000) echo $n, "\n"; }
    }
    echo $c->getAttribute(PDO::ATTR_SERVER_VERSION), ' ', strlen($c->query($pg ? "select repeat('y', 2000000)" : "select repeat('y', 2000000)")->fetchColumn()), "\n";
    $c->exec('drop table t');
    unset($ask, $s, $m, $f, $c);
}
if ($pg) {
    $c = pg_connect("host=$host port=$port dbname=app user=postgres sslmode=$mode");
    show(pg_fetch_all(pg_query_params($c, 'select $1::int + 1 as n, $2::text as t', [41, "it's"])));
    pg_query($c, 'create temp table u (id int, name text); set client_min_messages = error');
    echo pg_copy_from($c, 'u', ["1\ta\n", "2\tb\n"]), json_encode(pg_copy_to($c, 'u')), "\n";
    pg_prepare($c, 'p', 'select * from u where id = $1');
    for ($i = 0; $i < 4; $i++) show(pg_fetch_all(pg_execute($c, 'p', [$i])) ?: []);
    pg_send_query($c, 'select 1; select 2; select nosuch');
    while ($r = pg_get_result($c)) echo pg_result_status($r), pg_result_error_field($r, PGSQL_DIAG_SQLSTATE), "\n";
    pg_query($c, "do $$ begin raise notice 'x'; end $$"); echo pg_ping($c), pg_parameter_status($c, 'server_encoding'), "\n";
} else {
    $c = mysqli_init();
    if ($mode === 'require') $c->ssl_set(null, null, getenv('CA'), null, null);
    $c->real_connect($host, 'app', 'secret', 'app', (int) $port, null, $mode === 'require' ? MYSQLI_CLIENT_SSL | MYSQLI_CLIENT_SSL_DONT_VERIFY_SERVER_CERT : MYSQLI_CLIENT_COMPRESS);
    $c->set_charset('utf8mb4');
    $c->query('create temporary table u (id int auto_increment primary key, name varchar(20))');
    $s = $c->prepare('insert into u (name) values (?)');
    foreach (['a', "b'c", null] as $v) { $s->bind_param('s', $v); $s->execute(); echo $s->insert_id, "\n"; }
    $c->multi_query('select * from u; select 2 as two; select 4');
    do { if ($r = $c->store_result()) show($r->fetch_all(MYSQLI_ASSOC)); } while ($c->more_results() && $c->next_result());
    $s = $c->prepare('select id, name from u where id < ?'); $s->attr_set(MYSQLI_STMT_ATTR_CURSOR_TYPE, MYSQLI_CURSOR_TYPE_READ_ONLY);
    $k = 9; $s->bind_param('i', $k); $s->execute(); show($s->get_result()->fetch_all());
    $c->query('select seq from seq_1_to_3000', MYSQLI_ASYNC); $l = [$c]; $e = $j = []; while (!mysqli_poll($l, $e, $j, 1)) { $l = [$c]; } echo $c->reap_async_query()->num_rows, "\n";
    $c->change_user('app', 'secret', 'other'); show($c->query('select database()')->fetch_all()); echo $c->ping(), $c->stat() != '', "\n";
}
echo "done\n";
