package waysout

import "honeyrow/token"

// myNotYet are ways out of MariaDB that nothing here sees, with the reason.
var myNotYet = [][2]string{
	{"`hex`, `quote` of binary, `mariadb-dump --hex-blob` of binary columns but whole uuids", "disguise: hex"},
	{"`to_base64`, `compress`, `aes_encrypt`, dynamic columns in binary form", "disguise: base64, packed or enciphered"},
	{"`upper`, `lower`, `reverse`, `replace`, `translate`, `soundex`", "disguise: letters changed"},
	{"`cast(convert(x using utf16) as binary)`", "disguise: UTF-16 in a column that says it is binary"},
	{"`SET NAMES swe7` and other sets without `@`, brackets or braces", "the server puts other characters in their place; values without them are seen"},
	{"`ord`, `ascii`, `conv`, `bin`, arithmetic, `date_format`, `from_unixtime`, `format`", "disguise: numbers and dates in another form"},
	{"`md5`, `sha1`, `sha2`, `password`, `crc32`", "derived"},
	{"`substr`, `left`, EXTRACTVALUE's error (32 characters) of a longer value, `varchar(8)`, full-text index words", "fragments"},
	{"`where email like 'a%'`, counts, `exists`, `sleep`, `benchmark`, row counts of EXPLAIN", "inference: nothing of the row is on the wire"},
	{"`INTO OUTFILE`, `INTO DUMPFILE`, FEDERATED, CONNECT and SPIDER tables outwards, the binary log's files", "not on this wire"},
	{"errors while `character_set_results` is utf16 or utf32", "the server cuts its messages at the first zero byte: nothing of them is on the wire"},
	{"a weak value alone (name, salary, dates, small numbers) through a view, UNION, cast, function or JSON", "others may share it: needs its own column, or company"},
	{"the key alone outside its own table and column", "an integer proves nothing"},
	{"a firm or short value with letters or digits glued to it", "cannot be told from a longer number"},
	{"a cursor over ANALYZE", "MariaDB's own answer is broken (it sends the definitions twice): the session ends with error 1835"},
	{"the X protocol (port 33060)", "another protocol: close the port"},
}

// myBesides are promises about MariaDB that other tests of this folder keep.
var myBesides = [][2]string{
	{"binary log: refused to users who are not listed, reported and searched for those who are", "TestBinaryLogOfMariaDBIsForListedUsersAndSearched"},
	{"neighbours, look-alikes, aggregates, random data: silence", "TestOrdinaryWorkOnMariaDBRaisesNoAlarm"},
	{"the mariadb client's own statements, mariadb-admin, mariadb-show, mariadb-dump, drivers' first words: silence", "TestMariaDBsToolsAndDriversRaiseNoAlarm"},
	{"a refusal leaves pipelines, prepared statements, cursors, transactions and other sessions alone", "TestSessionsOnMariaDBOutliveARefusal"},
	{"malformed packets end one session with error 1835", "TestMalformedPacketsEndTheirSessionOnMariaDBAndNoOther"},
	{"PROXY v1 and v2, change of user, schema, certificate, control characters in names", "TestAlertNamesTheRightClientOfMariaDB"},
	{"10,000 detections at once", "TestStormOfAlertsOfMariaDBLosesNothing"},
}

func myStrengthOf(kind string) token.Strength {
	for _, c := range myColumns {
		if c.kind == kind {
			return c.strength
		}
	}
	return token.Weak
}
