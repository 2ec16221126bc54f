#!/bin/sh
# other-servers.sh NAME FOLDER: put another database server than the
# distribution's into FOLDER, for the tests.
#
# NAME is one of
#   mysql-5.7      Oracle's MySQL (Ubuntu bionic)
#   mysql-8.0      (Ubuntu noble)
#   mysql-8.4      (Ubuntu resolute)
#   mysql-9        (Debian sid)
#   percona-5.7    Percona Server, from XtraDB Cluster (Ubuntu bionic)
#   mariadb-10.6   (Ubuntu jammy)
#   mariadb-11.4   (Ubuntu plucky)
#   mariadb-11     MariaDB 11.8 (Debian trixie)
#   postgresql-14  (Ubuntu jammy)
#   postgresql-16  (Ubuntu noble)
#   postgresql-17  (Debian trixie)
#   postgresql-18  (Debian sid)
#
# The machine's own packages are left alone: the packages and all that they
# depend on, the C library included, are fetched with an apt that has its lists,
# its status and its archives below FOLDER, and unpacked into FOLDER/root. No script of a
# package is run, no service is made, no root is needed. The programs are then
# pointed at that C library and those libraries, so they run anywhere as they are.
# FOLDER must stay where it was made (the programs know its path) and must be
# readable by the user that servers are run as (mysql, postgres or nobody, if the tests are
# run by root).
#
# FOLDER/bin is what the tests are given:
#   HONEYROW_MY_BIN=FOLDER/bin   MySQL, Percona Server, MariaDB
#   HONEYROW_PG_BIN=FOLDER/bin   PostgreSQL
#
# A FOLDER that already has NAME is left as it is. HONEYROW_DEBIAN is Debian's mirror
# (default http://deb.debian.org/debian), HONEYROW_UBUNTU is Ubuntu's
# (default http://archive.ubuntu.com/ubuntu, which has amd64 only). The key that
# Ubuntu's packages are signed with comes from a package of Debian's. Wanted:
# apt-get, dpkg-deb and Debian's archive keyring; about 500 MB.
set -eu

say() { printf 'other-servers: %s\n' "$*" >&2; }
die() {
	say "$*"
	exit 1
}

names="mysql-5.7, mysql-8.0, mysql-8.4, mysql-9, percona-5.7, mariadb-10.6, mariadb-11.4, mariadb-11, postgresql-14, postgresql-16, postgresql-17 or postgresql-18"
[ $# -eq 2 ] || die "usage: other-servers.sh NAME FOLDER; NAME is $names"
name=$1
debian=${HONEYROW_DEBIAN:-http://deb.debian.org/debian}
ubuntu=${HONEYROW_UBUNTU:-http://archive.ubuntu.com/ubuntu}
mirror=$ubuntu components=main
case $name in
mysql-5.7) suite=bionic packages="mysql-server-core-5.7 mysql-server-5.7 mysql-client-core-5.7 mysql-client-5.7" ;;
mysql-8.0) suite=noble packages="mysql-server-core-8.0 mysql-server-8.0 mysql-client-core-8.0 mysql-client-8.0" ;;
mysql-8.4) suite=resolute packages="mysql-server-core mysql-server mysql-client-core mysql-client" ;;
mysql-9) mirror=$debian suite=sid packages="mysql-server-core mysql-client-core" ;;
percona-5.7) suite=bionic components="main universe" packages="percona-xtradb-cluster-server-5.7" ;;
mariadb-10.6) suite=jammy components="main universe" packages="mariadb-server-core-10.6 mariadb-server-10.6 mariadb-client-core-10.6 mariadb-client-10.6" ;;
mariadb-11.4) suite=plucky components="main universe" packages="mariadb-server-core mariadb-server mariadb-client-core mariadb-client" ;;
mariadb-11) mirror=$debian suite=trixie packages="mariadb-server-core mariadb-server mariadb-client-core mariadb-client" ;;
postgresql-14) suite=jammy packages="$name postgresql-client-14" ;;
postgresql-16) suite=noble packages="$name postgresql-client-16" ;;
postgresql-17) mirror=$debian suite=trixie packages="$name postgresql-client-17" ;;
postgresql-18) mirror=$debian suite=sid packages="$name postgresql-client-18" ;;
*) die "there is no server called $name: say $names" ;;
esac
for tool in apt-get dpkg-deb; do
	command -v "$tool" >/dev/null 2>&1 || die "there is no $tool: this needs Debian or one of its kind"
done
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keys" ] || die "there is no $keys: install debian-archive-keyring"

mkdir -p "$2"
folder=$(cd "$2" && pwd)
case $folder in *[!A-Za-z0-9/._-]*) die "$folder: choose a path of letters, digits and /._- only" ;; esac
if [ -e "$folder/made" ]; then
	[ "$(cat "$folder/made")" = "$name" ] || die "$folder holds $(cat "$folder/made"): choose another folder or remove it"
	exit 0
fi
apt=$folder/apt tools=$folder/tools root=$folder/root bin=$folder/bin
rm -rf "$apt" "$tools" "$root" "$bin"
mkdir -p "$apt" "$tools" "$root" "$bin"
cat >"$apt/apt.conf" <<END
Dir::State "$apt";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Cache::archives "$apt/archives";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "$apt/parts";
Dir::Etc::preferencesparts "$apt/parts";
Dir::Log "$apt";
APT::Install-Recommends "false";
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Debug::NoLocking "true";
END
export APT_CONFIG="$apt/apt.conf"

# get ROOT KEYS MIRROR COMPONENTS PACKAGES SUITE...: fetch packages and all that
# they depend on, and unpack into ROOT what is needed to run a server and its programs.
get() {
	to=$1 signed=$2 from=$3 parts=$4 what=$5
	shift 5
	rm -rf "$apt/archives" "$apt/lists"
	mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/parts"
	: >"$apt/status"
	for s; do echo "deb [signed-by=$signed] $from $s $parts"; done >"$apt/sources.list"
	say "fetching $what from $* ($from)"
	# shellcheck disable=SC2086 # the packages are words
	if ! apt-get update >"$apt/log" 2>&1 || ! apt-get install --download-only -y -qq $what >>"$apt/log" 2>&1; then
		tail -n 20 "$apt/log" >&2
		die "the packages could not be fetched: see above; is $from reachable, and does it have $1?"
	fi
	for deb in "$apt"/archives/*.deb; do
		case ${deb##*/} in
		perl*_* | libperl* | adduser_* | galera-* | percona-galera-* | percona-xtrabackup* | iproute2_* | systemd* | rsync_* | llvm* | libllvm* | python3* | libpython3*) continue ;;
		esac
		dpkg-deb -x "$deb" "$to" || die "$deb can not be unpacked: is the disk full, or dpkg-deb older than the package's compression (zstd: 1.21.18)?"
	done
}

get "$tools" "$keys" "$debian" main "patchelf ubuntu-keyring" trixie
if [ "$mirror" = "$debian" ]; then
	get "$root" "$keys" "$mirror" "$components" "$packages" "$suite"
else # what was mended since a release stands in a suite beside it
	get "$root" "$tools/usr/share/keyrings/ubuntu-archive-keyring.gpg" "$mirror" "$components" "$packages" "$suite" "$suite-updates"
fi

# loader ROOT: its program loader; libraries ROOT: the folders of its libraries.
loader() {
	for f in "$1"/usr/lib*/ld-linux-*.so.* "$1"/lib*/ld-linux-*.so.* "$1"/usr/lib/*/ld-linux-*.so.* "$1"/lib/*/ld-linux-*.so.*; do
		if [ -f "$f" ]; then
			echo "$f"
			return
		fi
	done
	die "no loader was unpacked below $1: this machine's architecture is not known to the script"
}
libraries() {
	found=
	for d in "$1"/usr/lib/*-linux-gnu* "$1"/lib/*-linux-gnu* "$1"/usr/lib/mysql/private; do
		case $d in "$1"/lib/*) [ ! -L "$1/lib" ] || continue ;; esac
		if [ -d "$d" ]; then found=$found${found:+:}$d; fi
	done
	echo "$found"
}
loader=$(loader "$root")
libs=$(libraries "$root")
tool_loader=$(loader "$tools")
point() { # point PROGRAM: let it use this root's loader and libraries
	"$tool_loader" --library-path "$(libraries "$tools")" "$tools/usr/bin/patchelf" --set-interpreter "$loader" --force-rpath --set-rpath "$libs" "$1" ||
		die "$1 could not be pointed at $libs"
}
elf() { [ -f "$1" ] && [ ! -L "$1" ] && [ "$(dd if="$1" bs=1 skip=1 count=3 2>/dev/null)" = ELF ]; }

# fixed PROGRAM: it stands at a fixed address, as programs did until 2018, and
# patchelf would break it: the loader is told to run it.
fixed() { [ "$(od -An -tu1 -j16 -N1 "$1" | tr -d ' ')" = 2 ]; }

# The C library of Ubuntu jammy dies in its loader on newer processors: its
# programs are run with this machine's, which must not be older (Debian 12's is not).
borrowed=
if [ "$suite" = jammy ]; then
	borrowed="LD_LIBRARY_PATH=$(ldd /bin/sh | awk '/libc\.so/ { sub("/[^/]*$", "", $3); print $3 }'):$libs"
fi

case $name in
postgresql-*)
	for p in "$root/usr/lib/postgresql/${name#postgresql-}"/bin/*; do
		if [ -n "$borrowed" ]; then
			printf '#!/bin/sh\n%s exec %s "$@"\n' "$borrowed" "$p" >"$bin/${p##*/}"
			chmod 755 "$bin/${p##*/}"
		elif elf "$p"; then
			point "$p"
		fi
	done
	if [ -z "$borrowed" ]; then
		rmdir "$bin"
		ln -s "$root/usr/lib/postgresql/${name#postgresql-}/bin" "$bin"
	fi
	;;
*)
	share=$root/usr/share/mysql
	[ -d "$share" ] || share=$root/usr/share/mariadb
	for p in "$root"/usr/bin/my* "$root"/usr/bin/mariadb* "$root"/usr/bin/resolveip "$root"/usr/sbin/my* "$root"/usr/sbin/mariadb*; do
		elf "$p" || [ "${p##*/}" = mariadb-install-db ] || continue
		say_first=
		case ${p##*/} in
		mysqld | mariadbd)
			args="--basedir=$root/usr --plugin-dir=$(echo "$root"/usr/lib/mysql/plugin) --lc-messages-dir=$share --character-sets-dir=$share/charsets"
			;;
		mariadb-install-db) args="--basedir=$root/usr" ;;
		my_print_defaults | resolveip) args= ;;
		*)
			args=
			case ${p##*/} in
			mysql | mysqladmin | mysqlbinlog | mysqlcheck | mysqldump | mysqlimport | mysqlshow) args="--character-sets-dir=$share/charsets" ;;
			esac
			say_first="LIBMYSQL_PLUGIN_DIR=$root/usr/lib/mysql/plugin MARIADB_PLUGIN_DIR=$(echo "$root"/usr/lib/*/libmariadb3/plugin)"
			;;
		esac
		run=$p
		if [ -n "$borrowed" ]; then
			say_first="$borrowed $say_first"
		elif elf "$p" && fixed "$p"; then
			run="$loader --library-path $libs $p"
		elif elf "$p"; then
			point "$p"
		fi
		printf '#!/bin/sh\n%s exec %s "$@" %s\n' "$say_first" "$run" "$args" | sed 's/^ *//; s/ *$//' >"$bin/${p##*/}"
		chmod 755 "$bin/${p##*/}"
	done
	;;
esac
rm -rf "$apt" "$tools"
echo "$name" >"$folder/made"
say "$name is in $folder/bin"
