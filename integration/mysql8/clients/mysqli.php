<?php
// One session of PHP's mysqli with mysqlnd: see driver in drivers_test.go.
[, $host, $port, $user, $password, $ca, $database] = $argv;
mysqli_report(MYSQLI_REPORT_OFF);
$conn = mysqli_init();
$flags = 0;
if ($ca !== '') {
    $conn->ssl_set(null, null, $ca, null, null);
    $flags = MYSQLI_CLIENT_SSL;
}
if (!@$conn->real_connect($host, $user, $password, $database === '' ? null : $database, (int) $port, null, $flags)) {
    echo 'login failed: ', mysqli_connect_errno(), ' ', mysqli_connect_error(), "\n";
    exit(0);
}
foreach (['select 1', 'select id, email from customers', 'select 1'] as $q) {
    $result = $conn->query($q);
    if ($result === false) {
        echo 'error: ', $conn->errno, "\n";
        continue;
    }
    while ($row = $result->fetch_row()) {
        echo implode(' ', $row), "\n";
    }
}
$conn->close();
