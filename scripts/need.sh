#!/bin/sh
# need.sh NAME...: make sure that the named tools are on this machine.
#
# A name is one of
#   cc          a C compiler (the race detector and cgo need one)
#   postgresql  PostgreSQL's server programs (initdb, postgres)
#   mariadbd    MariaDB's server; mariadb, mariadb-dump: its client programs
#   python3-... the distribution's package of a Python library
#   php-mysql, php-pgsql  PHP on the command line with its drivers
#   odbc-..., lib...-java, lib...-perl, lib...-dev, r-cran-..., ruby-...  the distribution's package of a driver
#   psql, pg_dump, pgbench, sysbench, pgbouncer, haproxy, node, git, make or any other command
# What is there is passed over without a word. What is missing is installed
# with apt-get where that is possible (root, or sudo without a password).
# Anywhere else the script says what to install, and ends with 1.
#
# Debian's server package makes a cluster of its own and starts it. Nothing
# here uses it, so for the time of the installation a drop-in under
# /etc/postgresql-common/createcluster.d says "create_main_cluster = false";
# it is removed again afterwards. Services that other packages would start
# (pgbouncer, haproxy, mariadb) are kept from it by a policy-rc.d, removed likewise.
set -eu

say() { printf 'need: %s\n' "$*" >&2; }

# have NAME: is it there?
have() {
	case $1 in
	postgresql)
		if [ -n "${HONEYROW_PG_BIN:-}" ]; then
			[ -x "$HONEYROW_PG_BIN/initdb" ]
			return
		fi
		for p in /usr/lib/postgresql/*/bin/initdb; do
			[ -x "$p" ] && return 0
		done
		command -v initdb >/dev/null 2>&1
		;;
	pgbench)
		for p in /usr/lib/postgresql/*/bin/pgbench; do
			[ -x "$p" ] && return 0
		done
		command -v pgbench >/dev/null 2>&1
		;;
	mariadbd)
		[ -x /usr/sbin/mariadbd ] || command -v mariadbd >/dev/null 2>&1
		;;
	cc) command -v "${CC:-cc}" >/dev/null 2>&1 || command -v gcc >/dev/null 2>&1 ;;
	python3-*) dpkg -s "$1" >/dev/null 2>&1 ;;
	php-mysql) command -v php >/dev/null 2>&1 && php -m 2>/dev/null | grep -q '^mysqli$' ;;
	php-pgsql) command -v php >/dev/null 2>&1 && php -m 2>/dev/null | grep -q '^pdo_pgsql$' ;;
	lib*-java | lib*-perl | lib*-dev | odbc-* | r-cran-* | ruby-*) dpkg -s "$1" >/dev/null 2>&1 ;;
	*) command -v "$1" >/dev/null 2>&1 ;;
	esac
}

# deb NAME: the Debian packages that bring it.
deb() {
	case $1 in
	cc) echo gcc libc6-dev ;;
	psql | pg_dump) echo postgresql-client ;;
	pgbench) echo postgresql postgresql-contrib ;;
	mariadbd) echo mariadb-server ;;
	mariadb | mariadb-dump) echo mariadb-client ;;
	node) echo nodejs ;;
	php-mysql | php-pgsql) echo php-cli "$1" ;;
	javac) echo openjdk-17-jdk-headless ;;
	*) echo "$1" ;;
	esac
}

missing=
packages=
for name in "$@"; do
	if ! have "$name"; then
		missing="$missing $name"
		packages="$packages $(deb "$name")"
	fi
done
[ -n "$missing" ] || exit 0
packages=" $(printf '%s\n' $packages | sort -u | tr '\n' ' ')"
packages=${packages% }

if [ -n "${HONEYROW_PG_BIN:-}" ]; then
	case " $missing " in
	*" postgresql "*)
		say "HONEYROW_PG_BIN=$HONEYROW_PG_BIN holds no initdb: set it to the folder with PostgreSQL's server programs, or unset it"
		exit 1
		;;
	esac
fi

asroot=
if [ "$(id -u)" -ne 0 ]; then
	asroot="sudo -n"
fi
if ! command -v apt-get >/dev/null 2>&1; then
	say "missing:$missing"
	say "this system has no apt-get, so install what brings them yourself (Debian calls it:$packages)"
	exit 1
fi
if [ -n "$asroot" ] && ! $asroot true >/dev/null 2>&1; then
	say "missing:$missing"
	say "installing needs root, which sudo does not give here without a password; run: sudo apt-get install$packages"
	exit 1
fi

dropdir=/etc/postgresql-common/createcluster.d
drop=$dropdir/honeyrow.conf
dropped=
policy=/usr/sbin/policy-rc.d
policed=
cleanup() {
	if [ -n "$policed" ]; then
		$asroot rm -f "$policy"
	fi
	if [ -n "$dropped" ]; then
		$asroot rm -f "$drop"
		$asroot rmdir "$dropdir" 2>/dev/null || :
	fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

case " $packages " in
*" postgresql "*)
	if [ ! -e /usr/share/postgresql-common/maintscripts-functions ] && [ ! -e "$drop" ]; then
		dropped=yes
		$asroot mkdir -p "$dropdir"
		echo "create_main_cluster = false" | $asroot tee "$drop" >/dev/null
		say "no system cluster is made or started while PostgreSQL is installed ($drop, removed afterwards)"
	fi
	;;
esac

case " $packages " in
*" pgbouncer "* | *" haproxy "* | *" mariadb-server "*)
	if [ ! -e "$policy" ]; then
		policed=yes
		printf '#!/bin/sh\nexit 101\n' | $asroot tee "$policy" >/dev/null
		$asroot chmod 755 "$policy"
	fi
	say "the service that comes with$missing is not started; systemctl disable keeps it from starting at boot"
	;;
esac

log=$(mktemp)
install() {
	$asroot env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $packages >"$log" 2>&1
}
say "missing:$missing; installing the distribution's packages:$packages"
if ! install; then
	say "refreshing the package lists first"
	if ! $asroot apt-get update >"$log" 2>&1 || ! install; then
		cat "$log" >&2
		rm -f "$log"
		say "the installation failed: see above, then run: apt-get install$packages"
		exit 1
	fi
fi
rm -f "$log"

for name in $missing; do
	if ! have "$name"; then
		say "$name is still missing after the installation of: $(deb "$name"). Install it yourself."
		exit 1
	fi
done
say "installed:$missing"
