package waysout

// The words of docs/coverage.md around its tables; ~ stands for a backquote.

// twins are MariaDB's names of ways that PostgreSQL has under another one.
var twins = map[string]string{
	"salary alone":                                     "salary alone (DECIMAL)",
	"card number alone":                                "card number alone (BIGINT)",
	"card number as bigint":                            "card number as unsigned",
	"varchar":                                          "VARCHAR",
	"char(n), padded":                                  "CHAR(n)",
	"telephone in char(n), padded":                     "telephone in CHAR(n)",
	"string_agg":                                       "GROUP_CONCAT",
	"array_agg of telephones":                          "GROUP_CONCAT of telephones",
	"json_agg":                                         "JSON_ARRAYAGG",
	"row_to_json":                                      "JSON_OBJECT",
	"jsonb_build_object, jsonb_path_query":             "JSON_VALUE, JSON_EXTRACT",
	"json, value with special characters":              "JSON, value with special characters",
	"quote_literal, quote_ident":                       "QUOTE, value with special characters",
	"partitioned parent":                               "partitioned table",
	"scalar function":                                  "stored function",
	"procedure with INOUT parameter":                   "INOUT parameter of a prepared CALL",
	"function with OUT parameters":                     "OUT parameters of a prepared CALL",
	"dynamic SQL in plpgsql":                           "dynamic SQL in a procedure",
	"refcursor of a function":                          "cursor in a procedure",
	"concat_ws, format":                                "CONCAT_WS",
	"1,600 columns":                                    "4,000 columns",
	"200 MB result":                                    "60 MB result",
	"cross join of 200,000 rows":                       "200,000 rows",
	"bytea in binary":                                  "VARBINARY",
	"INSERT SELECT RETURNING":                          "INSERT RETURNING",
	"subquery in FROM":                                 "derived table",
	"pg_stats":                                         "histogram in mysql.column_stats",
	"EXPLAIN VERBOSE of a constant in a view":          "EXPLAIN FORMAT=JSON of a constant in a view",
	"definition of a view or function":                 "SHOW CREATE VIEW",
	"comment on an object":                             "SHOW CREATE TABLE, comment",
	"server log or file read by SQL":                   "file read by LOAD_FILE",
	"session variable":                                 "SELECT INTO a user variable",
	"SHOW of a session variable":                       "setting, SHOW VARIABLES",
	"reported parameter":                               "session tracking of a setting",
	"column label":                                     "column's label",
	"statement of another session in pg_stat_activity": "statement of another session, information_schema",
	"logical decoding by SQL":                          "binary log, SHOW BINLOG EVENTS",
	"pipelined among other requests":                   "pipelined among other statements",
	"prepared, described, run twice":                   "prepared, run twice",
	"suspended portal":                                 "cursor that is not read to its end",
	"portal whose name and statement are closed and used again": "prepared, reset, the first one closed, run",
	"cursor, FETCH forward":                      "cursor, fetched one by one",
	"SELECT INTO, ALTER TABLE RENAME":            "table renamed",
	"behind 300 statements of one text":          "several statements",
	"behind an empty statement and comments":     "behind comments",
	"client_encoding LATIN1":                     "SET NAMES latin1",
	"client_encoding SJIS":                       "SET NAMES sjis",
	"pgx, cached statements":                     "go-sql-driver, binary",
	"pgx, simple protocol":                       "go-sql-driver, text",
	"psql with FETCH_COUNT":                      "mariadb client, --quick and vertical",
	"error of a cast":                            "error of an integer",
	"error of a cast in the extended protocol":   "error of a prepared execution",
	"error of a unique violation":                "error of a duplicate key",
	"error of a check":                           "error of SIGNAL in a trigger",
	"error raised with a detail":                 "error of SIGNAL in a procedure",
	"error of a date, XML, JSON or number":       "error of a date",
	"error of an unknown name in dynamic SQL":    "error of a name in dynamic SQL",
	"error in a transaction that fails":          "error in a transaction",
	"initcap(), in a JSON object":                "upper(), in a JSON object",
	"json_agg() of characters":                   "GROUP_CONCAT of characters",
	"COPY FROM STDIN":                            "LOAD DATA LOCAL INFILE",
	"COPY FROM STDIN, value split over messages": "LOAD DATA LOCAL INFILE, value split over packets",
}

const coverageHead = `# What is seen, and what is not

The matrix of ways by which a honey row can leave through a session of PostgreSQL 15, of MariaDB 10.11 and of MySQL 9.7, side by side. It is written from the tests of
[integration/waysout](../integration/waysout), which run every way against the real servers, by "go test ./integration/waysout -update"; a test fails if it is out of date.
MySQL's are run by ~make others~ and not by ~make test~ (see [tested.md](tested.md)): ~HONEYROW_MY_BIN=FOLDER/bin go test ./integration/waysout -run MariaDB~, with the same tests.

How to read a cell: **strength and kind of the value: by which means** it was recognised (as ~hits[].means~ and ~hits[].disguise~ of the alert, compared in the test), the modes in
which it was tried if there are several, and what a refusal costs if that is not just an error. *column*: known from the protocol to stand in the place where it is planted.
*field*: a whole field. *part*: inside something longer. *together*: weak values of one honey row beside each other. – : the product has no such way, or what is like it stands in another row. = : as MariaDB.
PostgreSQL's modes are the simple protocol, the extended one with text and with binary results; MariaDB's and MySQL's are COM_QUERY by a client that wants EOF packets (*text*), COM_STMT_EXECUTE
by one with MariaDB's extensions (*binary*), and rows by COM_STMT_FETCH (*cursor*). A way in one mode only has a client of its own.

Each cell has four tests, under the way's name:

- one detection with the right token, place, client and statement, by these means, whose chance of coincidence is below 1 in 20: ~TestEveryWayOutMakesOneDetectionWithTheRightStory~, ~TestEveryWayOutOfMariaDBMakesOneDetectionWithTheRightStory~;
- with ~honey-row-read: {action: block}~ nothing of the row arrives, the client gets SQLSTATE 42501 (MariaDB and MySQL: error 1142, 42000), and the session goes on: ~TestEveryWayOutIsRefusedAndTheSessionGoesOn~, ~TestEveryWayOutOfMariaDBIsRefusedAndTheSessionGoesOn~.
  *cut*: the value stands in a message larger than what is held, which has begun to pass, and the session ends instead. *dropped*: the message is left out without an error;
- its control: the same statements over the same table, with the tokens of a row that is like the one read but not there, so that this one is an ordinary neighbour: no detection, disguises looked for as well: ~TestNoWayOfAnOrdinaryRowRaisesAnAlarm~, ~TestNoWayOfAnOrdinaryRowOfMariaDBRaisesAnAlarm~.

In protect mode, with every shipped rule set to block and a hold of 1 MiB, each attempt, those of disguises included, is refused, and where the row fits into the hold the client has the error
and no byte of the refused result (of several statements in one text, the results before it pass): ~TestInProtectModeEveryWayOutIsRefusedAndNothingOfTheRowLeaves~, ~TestInProtectModeEveryWayOutOfMariaDBIsRefusedAndNothingOfTheRowLeaves~.

The channels *statement*, *bind* and *copy-in* are the way in: somebody presents what was stolen.

## Ways in clear

PostgreSQL: **%d ways, %d attempts**. MariaDB: **%d ways, %d attempts**. MySQL: **%d ways, %d attempts**.
`

const coverageHidden = `
## Disguises

With ~alerts.disguises~, which is the default (letters in another case and values backwards are found without). In these ways nothing of the row is in clear; the detection names the disguise
(~TestEveryDisguiseMakesOneDetectionThatNamesIt~, ~TestEveryDisguiseOfMariaDBMakesOneDetectionThatNamesIt~), and they are refused (~TestDisguisesAreRefusedToo~, ~TestDisguisesOfMariaDBAreRefusedToo~) but for
pieces, of which all but the last have left. Their controls are those of the ways in clear. PostgreSQL: **%d ways, %d attempts**. MariaDB: **%d ways, %d attempts**. MySQL: **%d ways, %d attempts**.

Pieces in what the server says beside results (errors, notices, notifications, reported parameters, results of function calls) are put together as well: what the last
64 such texts of a session have in common at both ends is taken for the words around the pieces. Texts of more than 512 bytes hold none. Of a value
that MySQL or MariaDB cuts off in an error (an XPATH error holds 32 bytes), or in what SHOW WARNINGS says of it, the first two thirds are enough, if they are 16 bytes or more.

CRC-32 has 32 bits: in every 430,000 numbers one is that of one of 10,000 tokens. It is looked for only in the results of a statement that names crc32, and counts if the chance of
meeting one in all that the run has returned is below 1 in 2, or beside better evidence for the same honey row; the detection states the chance.

More is looked for only in the results of a statement that names a function for it, or of one that reads what such a statement of the same session made (PREPARE, DECLARE CURSOR, CREATE); a statement that names none pays nothing:

- *computed*: SHA-224, SHA-384 and SHA-512 of a value, and whatever the functions of the select list make of one value and the constants in the text, done again for each of the tokens: salted and repeated digests, hmac(), PASSWORD(),
  AES with its key in the text (MySQL's of 128 and 256 bits by blocks, or with a vector; pgcrypto's), translate() and replace(), numbers in another base, codes written backwards or in other letters. It costs 8 bytes and about a microsecond a token for each function with its constants, the first time (the
  last 16 are kept), for up to 200,000 tokens (plain digests: 2,000,000). MD5, SHA-1 and SHA-256 of a value, seen in hexadecimal digits and as bytes anyway, are looked for in base64 so. What comes out is looked for as bytes, in hexadecimal digits and in base64.
- *numbers*: characters by their numbers in decimal, hexadecimal, octal or binary digits, in one field, one a row, or in columns beside each other, where ascii(), ord(), get_byte(), to_hex(), bin(), conv(), bit(n), or hex() of substr() are named.
- *pieces* beside each other in one row, over rows of any table and of a COPY, or in one field between blanks, quotes, brackets and commas, without gaps and in their order, where substr(), left(), right(), regexp_replace() and the like are named;
  a firm number in groups of digits, where they or to_char() or format() are.
- *compressed* beyond 4 KiB: a mebibyte of each field, and in hexadecimal digits or base64, where compress() is named.
`

const coverageAbsent = `
## Ways of MariaDB that MySQL does not have

| way | why |
|---|---|
`

const coverageJudged = `
## Judged by the statement

What only inference can carry, and what leaves by another way than this connection, has no value on the wire. With ~alerts.statements~ the statement is judged; the cell names the detector
whose finding makes the detection, which also names the table that is reached (~TestWhatOnlyTheStatementTellsIsJudgedByIt~; ~TestOrdinaryStatementsThatLookLikeItAreNotJudged~ is the control). *hidden-values* is found where a function that leaves nothing to
recognise is in the select list of a statement that reads a table with honey rows and names none of its rows by key.

| way | PostgreSQL | MariaDB and MySQL |
|---|---|---|
`

const coverageUnseen = `
## Not seen

Neither a value nor its disguise is recognised in these (~TestWhatIsSaidToBeUnseenIsUnseen~ fails when one is).

| way | why | PostgreSQL | MariaDB and MySQL |
|---|---|---|---|
`

const coverageTail = `
## What a refusal does not undo

- PostgreSQL: statements of one text or one pipeline group that ran beside the refused one have run: the client sees an error where the
  server committed, unless the server itself failed (a long result is cancelled; a refused *statement* fails at the server).
  In an explicit transaction a short refused result leaves the transaction open: the server had finished it.
- MariaDB and MySQL: a statement that was run for its result has run: what it wrote stays written. The statements of one text that stand behind
  the refused one run as well; the rest of the answer is read and dropped, up to 256 MiB, for the protocol can't ask the server to stop. An explicit transaction stays open.
- Rows before the honey row have been sent.
`
