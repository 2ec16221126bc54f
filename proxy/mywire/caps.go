package mywire

import "github.com/go-mysql-org/go-mysql/mysql"

// caps are capability flags: the low 32 bits as in MySQL's protocol, the high
// ones MariaDB's extension (its manual, "Connection", "Capabilities").
type caps uint64

// MariaDB's extended capabilities.
const (
	mariaProgress     caps = 1 << 32 // progress reports as ERR packets of code 0xffff
	mariaBulk         caps = 1 << 34 // COM_STMT_BULK_EXECUTE
	mariaExtendedMeta caps = 1 << 35 // one more string in each column definition
	mariaCacheMeta    caps = 1 << 36 // EXECUTE may leave the definitions out
	mariaBulkUnits    caps = 1 << 37 // bulk execution answers with a result
)

// Of MySQL's flags, those that the code asks for by name.
const (
	capMySQL           = caps(mysql.CLIENT_LONG_PASSWORD) // clear: the peer is MariaDB's
	capConnectWithDB   = caps(mysql.CLIENT_CONNECT_WITH_DB)
	capLocalFiles      = caps(mysql.CLIENT_LOCAL_FILES)
	capProtocol41      = caps(mysql.CLIENT_PROTOCOL_41)
	capSSL             = caps(mysql.CLIENT_SSL)
	capSecure          = caps(mysql.CLIENT_SECURE_CONNECTION)
	capPluginAuth      = caps(mysql.CLIENT_PLUGIN_AUTH)
	capConnectAttrs    = caps(mysql.CLIENT_CONNECT_ATTRS)
	capLenencAuth      = caps(mysql.CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA)
	capSessionTrack    = caps(mysql.CLIENT_SESSION_TRACK)
	capDeprecateEOF    = caps(mysql.CLIENT_DEPRECATE_EOF)
	capQueryAttributes = caps(mysql.CLIENT_QUERY_ATTRIBUTES)
	capFactors         = caps(mysql.MULTI_FACTOR_AUTHENTICATION)
)

// inspectable are the capabilities that this package can follow. Whatever is
// not among them is masked out of the server's greeting: both compressions,
// which would hide everything; OPTIONAL_RESULTSET_METADATA, which lets a
// statement leave definitions out of results for good; and every bit that this
// version of the package has never heard of. MariaDB's CACHE_METADATA leaves
// out only what was sent before for the same statement.
const inspectable = capMySQL | caps(mysql.CLIENT_FOUND_ROWS|mysql.CLIENT_LONG_FLAG|mysql.CLIENT_NO_SCHEMA|
	mysql.CLIENT_ODBC|mysql.CLIENT_IGNORE_SPACE|mysql.CLIENT_INTERACTIVE|mysql.CLIENT_IGNORE_SIGPIPE|
	mysql.CLIENT_TRANSACTIONS|mysql.CLIENT_RESERVED|mysql.CLIENT_MULTI_STATEMENTS|mysql.CLIENT_MULTI_RESULTS|
	mysql.CLIENT_PS_MULTI_RESULTS|mysql.CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS|mysql.CLIENT_SSL_VERIFY_SERVER_CERT|
	mysql.CLIENT_REMEMBER_OPTIONS) |
	capConnectWithDB | capLocalFiles | capProtocol41 | capSSL | capSecure | capPluginAuth | capConnectAttrs |
	capLenencAuth | capSessionTrack | capDeprecateEOF | capQueryAttributes | capFactors |
	mariaProgress | mariaBulk | mariaExtendedMeta | mariaCacheMeta | mariaBulkUnits

func (c caps) has(bits caps) bool { return c&bits == bits }
