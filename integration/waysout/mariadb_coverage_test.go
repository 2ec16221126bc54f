package waysout

import "honeyrow/token"

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
